package materialize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// rel is where the node under test lives.
var rel = addr.Relation{Schema: "s", Name: "x"}

func model(cfg compile.Config, columns ...string) *compile.Node {
	n := &compile.Node{ID: addr.Node{Kind: addr.Model, Name: "x"}, Relation: rel, Config: cfg, SQL: "select 1 as id", IncrementalSQL: "select 2 as id"}
	switch cfg.Materialized {
	case "seed":
		n.ID.Kind, n.Path, n.Seed = addr.Seed, "seeds/x.csv", &project.Seed{Name: "x", Format: "csv"}
	case "snapshot":
		n.ID.Kind = addr.Snapshot
	}
	for _, c := range columns {
		n.Columns = append(n.Columns, compile.Column{Name: c, Type: "INTEGER"})
	}
	if len(columns) == 0 {
		n.Unanalyzed = "analysis is off"
	}
	return n
}

func input(n *compile.Node, existing warehouse.Kind, caps warehouse.Caps) In {
	d := duckdb.Dialect{}
	return In{Node: n, Existing: warehouse.Relation{Name: rel, Kind: existing}, Caps: caps, Words: d.Words(), Dialect: d}
}

// printed is a plan as text.
func printed(out Out) string {
	var b strings.Builder
	b.WriteString(string(out.Verb))
	if out.InTx {
		b.WriteString(" in one transaction")
	}
	b.WriteString(" as " + string(out.Kind) + ", tests read " + out.Tested.Name + "\n")
	if out.Reason != "" {
		b.WriteString("because " + out.Reason + "\n")
	}
	for _, part := range []struct {
		name string
		ops  []warehouse.Op
	}{{"build", out.Build}, {"publish", out.Publish}, {"cleanup", out.Cleanup}} {
		for _, op := range part.ops {
			b.WriteString(part.name + ": " + warehouse.Describe(op) + "\n")
		}
	}
	return strings.ReplaceAll(b.String(), "s._engine", "_engine")
}

func TestPlans(t *testing.T) {
	tx := warehouse.Caps{TransactionalDDL: true, Merge: true}
	swapped := warehouse.Caps{Merge: true}
	yes, no := true, false
	hooks := compile.Config{Materialized: "table", PreHooks: []string{"set a", " "}, PostHooks: []string{"set b"}, PersistDocs: true}
	for _, c := range []struct {
		name     string
		cfg      compile.Config
		existing warehouse.Kind
		caps     warehouse.Caps
		full     bool
		want     string
	}{
		{"new view", compile.Config{Materialized: "view"}, warehouse.None, tx, false, `
create as view, tests read _engine_new__x
build: create view _engine_new__x
publish: publish s.x
cleanup: drop view _engine_new__x
`},
		{"view over a table", compile.Config{Materialized: "view"}, warehouse.Table, tx, false, `
replace as view, tests read _engine_new__x
because it is a table and becomes a view
build: create view _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop view _engine_new__x
`},
		{"table with hooks and docs", hooks, warehouse.Table, tx, false, `
replace as table, tests read _engine_new__x
build: run set a
build: create table _engine_new__x
build: describe _engine_new__x
build: describe id of _engine_new__x
publish: publish s.x, replacing the table
publish: run set b
cleanup: drop table _engine_new__x
`},
		{"first incremental", compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}}, warehouse.None, tx, false, `
create as table, tests read _engine_new__x
build: create table _engine_new__x
publish: publish s.x
cleanup: drop table _engine_new__x
`},
		{"incremental merge", compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, OnSchemaChange: "fail", PersistDocs: true}, warehouse.Table, tx, false, `
update in one transaction as table, tests read x
build: create table _engine_new__x
build: fit columns of s.x to _engine_new__x (fail)
build: merge _engine_new__x into s.x on id
build: drop table _engine_new__x
publish: describe s.x
publish: describe id of s.x
`},
		{"incremental without merge", compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, OnSchemaChange: "ignore"}, warehouse.Table, warehouse.Caps{TransactionalDDL: true}, false, `
update in one transaction as table, tests read x
build: create table _engine_new__x
build: delete rows of s.x that _engine_new__x replaces
build: append _engine_new__x to s.x
build: drop table _engine_new__x
`},
		{"incremental on a copy", compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}}, warehouse.Table, swapped, false, `
update as table, tests read _engine_copy__x
build: copy s.x to _engine_copy__x
build: create table _engine_new__x
build: merge _engine_new__x into _engine_copy__x on id
build: drop table _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop table _engine_new__x
cleanup: drop table _engine_copy__x
`},
		{"merge without key appends", compile.Config{Materialized: "incremental", IncrementalStrategy: "merge"}, warehouse.Table, tx, false, `
update in one transaction as table, tests read x
build: create table _engine_new__x
build: append _engine_new__x to s.x
build: drop table _engine_new__x
`},
		{"full refresh", compile.Config{Materialized: "incremental"}, warehouse.Table, tx, true, `
replace as table, tests read _engine_new__x
build: create table _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop table _engine_new__x
`},
		{"protected from full refresh", compile.Config{Materialized: "incremental", FullRefresh: &no}, warehouse.Table, tx, true, `
update in one transaction as table, tests read x
build: create table _engine_new__x
build: append _engine_new__x to s.x
build: drop table _engine_new__x
`},
		{"always full", compile.Config{Materialized: "incremental", FullRefresh: &yes}, warehouse.Table, tx, false, `
replace as table, tests read _engine_new__x
because full refresh, as its configuration says
build: create table _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop table _engine_new__x
`},
		{"incremental over a view", compile.Config{Materialized: "incremental", FullRefresh: &no}, warehouse.View, tx, false, `
replace as table, tests read _engine_new__x
because it is a view and becomes a table
build: create table _engine_new__x
publish: publish s.x, replacing the view
cleanup: drop table _engine_new__x
`},
		{"seed", compile.Config{Materialized: "seed"}, warehouse.Table, tx, false, `
replace as table, tests read _engine_new__x
build: load seeds/x.csv into _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop table _engine_new__x
`},
		{"snapshot on a copy", compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}}, warehouse.Table, swapped, true, `
update as table, tests read _engine_copy__x
build: copy s.x to _engine_copy__x
build: create table _engine_new__x
build: check what the next step relies on
build: fit columns of _engine_copy__x to _engine_new__x (append_new_columns)
build: compare _engine_new__x with _engine_copy__x
build: end rows of _engine_copy__x that _engine_closing__x replaces
build: append _engine_fresh__x to _engine_copy__x
build: drop table _engine_closing__x
build: drop table _engine_fresh__x
build: drop table _engine_new__x
publish: publish s.x, replacing the table
cleanup: drop table _engine_closing__x
cleanup: drop table _engine_fresh__x
cleanup: drop table _engine_new__x
cleanup: drop table _engine_copy__x
`},
		{"ephemeral", compile.Config{Materialized: "ephemeral"}, warehouse.None, tx, false, "\n as , tests read \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := model(c.cfg, "id")
			n.Description, n.Columns[0].Description = "all x", "the key"
			in := input(n, c.existing, c.caps)
			in.FullRefresh = c.full
			out, ds := Plan(in)
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), printed(out)); d != "" {
				t.Error(d)
			}
			// What is planned survives the JSON form of the plan.
			for _, ops := range [][]warehouse.Op{out.Build, out.Publish, out.Cleanup} {
				data, err := warehouse.MarshalOps(ops)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := warehouse.UnmarshalOps(data); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestSeedColumns(t *testing.T) {
	n := model(compile.Config{Materialized: "seed", Delimiter: ";", ColumnTypes: map[string]string{"ID": "BIGINT"}}, "id", "name")
	out, ds := Plan(input(n, warehouse.None, warehouse.Caps{TransactionalDDL: true}))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	want := warehouse.Load{Target: StagedName(rel, warehouse.Caps{}), Path: "seeds/x.csv", Format: "csv", Delimiter: ";",
		Columns: []warehouse.Column{{Name: "id", Type: "BIGINT", Nullable: true}, {Name: "name", Type: "INTEGER", Nullable: true}}}
	if d := cmp.Diff(want, out.Build[0]); d != "" {
		t.Error(d)
	}
}

func TestNames(t *testing.T) {
	long := addr.Relation{Database: "d", Schema: "s", Name: strings.Repeat("ü", 40)}
	for _, c := range []struct {
		rel  addr.Relation
		caps warehouse.Caps
		want string
	}{
		{rel, warehouse.Caps{}, "_engine_new__x"},
		{rel, warehouse.Caps{MaxIdentifier: 14}, "_engine_new__x"},
		{long, warehouse.Caps{}, "_engine_new__" + long.Name},
	} {
		got := StagedName(c.rel, c.caps)
		if got.Name != c.want {
			t.Errorf("got %s, want %s", got.Name, c.want)
		}
	}
	cutNames := map[string]bool{}
	for _, name := range []string{long.Name, long.Name + "a", long.Name + "b"} {
		got := StagedName(addr.Relation{Schema: "s", Name: name}, warehouse.Caps{MaxIdentifier: 63}).Name
		if len(got) > 63 || !strings.HasPrefix(got, "_engine_new__üü") || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("cut name %q (%d bytes)", got, len(got))
		}
		cutNames[got] = true
	}
	if len(cutNames) != 3 {
		t.Errorf("cut names collide: %v", cutNames)
	}
	if StagedName(rel, warehouse.Caps{}) == ScratchName(rel, warehouse.Caps{}) {
		t.Error("both names aside are the same")
	}
	for name, want := range map[string]bool{"_engine_new__x": true, "_engine_copy__x": true, "_engine_fresh__ü": true, "_engine": false, "_engine_new__": false, "orders": false, "my_engine_new__x": false} {
		if got := IsStaged(name); got != want {
			t.Errorf("IsStaged(%q) = %v", name, got)
		}
	}
}

// TestAsides: names aside say whose they are, also cut ones and those that the warehouse folds.
func TestAsides(t *testing.T) {
	at := func(name string) addr.Relation { return addr.Relation{Schema: "s", Name: name} }
	long := strings.Repeat("n", 63)
	caps := warehouse.Caps{MaxIdentifier: 63}
	own := []addr.Relation{at("orders"), at("new__x"), at(long + "1")}
	for rel, want := range map[addr.Relation]bool{
		StagedName(at("orders"), caps):                            true,
		ScratchName(at("orders"), caps):                           true,
		KeptName(at("orders"), caps):                              true,
		asideName(at("orders"), "anything", caps):                 true,
		StagedName(at(long+"1"), caps):                            true,
		StagedName(at(long+"2"), caps):                            false,
		StagedName(at("orders2"), caps):                           false,
		StagedName(at("x__orders"), caps):                         false,
		StagedName(at("Orders"), caps):                            false,
		at("orders"):                                              false,
		at("_engine_new__new__x"):                                 true,
		at("_engine_new__x"):                                      false,
		{Schema: "other", Name: "_engine_new__orders"}:            false,
		{Database: "d", Schema: "s", Name: "_engine_new__orders"}: false,
	} {
		if got := NewAsides(own, caps).Has(rel); got != want {
			t.Errorf("%v is ours: %v, want %v", rel, got, want)
		}
	}
	if !NewAsides(own, warehouse.Caps{FoldsCase: true}).Has(at("_engine_new__ORDERS")) {
		t.Error("the case of names does not count where it is folded")
	}
}

func TestLookup(t *testing.T) {
	for _, k := range Kinds {
		got, ok := Lookup(k.Name)
		if !ok || got.Name != k.Name || k.Help == "" {
			t.Errorf("kind %q: %v %v", k.Name, got.Name, ok)
		}
	}
	if _, ok := Lookup("tabel"); ok {
		t.Error("found a kind that does not exist")
	}
}

// configured makes a model whose configuration stands in a file.
func configured(cfg compile.Config, text string, columns ...string) *compile.Node {
	n := model(cfg, columns...)
	n.File = source.NewFile("models/x.sql", []byte(text))
	n.Raw = project.Config{}
	for _, key := range []string{"materialized", "incremental_strategy", "unique_key", "merge_update_columns", "merge_exclude_columns", "incremental_predicates", "updated_at", "check_cols", "column_types", "partition_by", "cluster_by", "indexes", "partitions"} {
		if i := strings.Index(text, key); i >= 0 {
			end := i + strings.IndexByte(text[i:], '\n')
			n.Raw[key] = project.Value[any]{V: true, At: n.File.Span(i, end)}
		}
	}
	return n
}

func TestCheck(t *testing.T) {
	all := warehouse.Caps{TransactionalDDL: true, Merge: true}
	snap := compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "timestamp", UpdatedAt: "at"}
	emitted := map[diag.Code]bool{}
	for _, c := range []struct {
		name string
		node *compile.Node
		caps warehouse.Caps
		code diag.Code // empty: nothing is found
		sev  diag.Severity
		at   string
		help string
	}{
		{"fine", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"ID"}, MergeUpdateColumns: []string{"A"}}, "unique_key ID\nmerge_update_columns A\n", "id", "a"), all, "", 0, "", ""},
		{"unknown kind", configured(compile.Config{Materialized: "tabel"}, "materialized tabel\n", "id"), all, codeKindUnknown, diag.Error, "tabel", `did you mean "table"?`},
		{"key expression", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"a || b"}}, "unique_key a || b\n", "a", "b"), all, codeKeyExpression, diag.Error, "a || b", "list the columns, or add the expression to the query as a column of its own"},
		{"odd column as key", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"a (b)"}}, "unique_key a (b)\n", "a (b)"), all, "", 0, "", ""},
		{"update column", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, MergeUpdateColumns: []string{"amuont"}}, "merge_update_columns amuont\n", "id", "amount"), all, codeColumn, diag.Error, "amuont", `did you mean "amount"?`},
		{"update column of unknown query", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, MergeUpdateColumns: []string{"amuont"}}, "merge_update_columns amuont\n"), all, "", 0, "", ""},
		{"exclude column", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, MergeExcludeColumns: []string{"zzz"}}, "merge_exclude_columns zzz\n", "id", "amount"), all, codeColumn, diag.Error, "zzz", "its columns are id, amount"},
		{"no merge", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, IncrementalStrategy: "merge"}, "incremental_strategy merge\n", "id"), warehouse.Caps{}, codeMergeMissing, diag.Error, "merge", `use "delete+insert"`},
		{"no key", configured(compile.Config{Materialized: "incremental", IncrementalStrategy: "delete+insert"}, "incremental_strategy delete+insert\n", "id"), all, codeNoKey, diag.Warning, "delete+insert", `set "unique_key", or say "append" if that is meant`},
		{"both lists", configured(compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, MergeUpdateColumns: []string{"a"}, MergeExcludeColumns: []string{"b"}}, "merge_update_columns a\nmerge_exclude_columns b\n", "id", "a", "b"), all, codeMergeColumns, diag.Error, "merge_exclude_columns b", "keep one of them"},
		{"only for merge", configured(compile.Config{Materialized: "incremental", MergeUpdateColumns: []string{"id"}}, "merge_update_columns id\n", "id"), all, codeOnlyMerge, diag.Warning, "merge_update_columns id", `remove it, or set "incremental_strategy" "merge"`},
		{"predicates of append", configured(compile.Config{Materialized: "incremental", IncrementalPredicates: []string{"t.id > 1"}}, "incremental_predicates t.id > 1\n", "id"), all, codeOnlyMerge, diag.Warning, "incremental_predicates t.id > 1", `remove it, or set "incremental_strategy" "merge"`},
		{"updated_at", configured(snap, "updated_at at\n", "id", "att"), all, codeColumn, diag.Error, "at", `did you mean "att"?`},
		{"check_cols", configured(compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"id", "nmae"}}, "check_cols id, nmae\n", "id", "name"), all, codeColumn, diag.Error, "nmae", `did you mean "name"?`},
		{"check all", configured(compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}}, "check_cols all\n", "id", "name", "dbt_scd_id", "dbt_valid_to"), all, "", 0, "", ""},
		{"taken", configured(snap, "\n", "id", "at", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"), all, codeColumnTaken, diag.Error, "", "rename the column: the snapshot adds one of this name"},
		{"ancestry", configured(compile.Config{Materialized: "ancestry"}, "materialized ancestry\n"), all, codeAncestryUnread, diag.Error, "ancestry", "write its query so that it can be analyzed: only then it is known which columns are parent and child"},
		{"seed", configured(compile.Config{Materialized: "seed", ColumnTypes: map[string]string{"a": "int"}}, "column_types a int\n"), all, codeSeedUnread, diag.Error, "column_types a int", "run with analysis on, or remove column_types"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ds := Check(c.node, c.caps)
			if c.code == "" {
				if len(ds) > 0 {
					t.Errorf("unexpected: %v", ds)
				}
				return
			}
			if len(ds) != 1 {
				t.Fatalf("got %v, want one diagnostic", ds)
			}
			d := ds[0]
			emitted[d.Code] = true
			if d.Code != c.code || d.Severity != c.sev || d.At.Text() != c.at || d.Help != c.help || d.Model != c.node.ID {
				t.Errorf("got %s %s at %q: %s; help: %s", d.Severity, d.Code, d.At.Text(), d.Message, d.Help)
			}
			if _, planned := Plan(input(c.node, warehouse.None, c.caps)); planned.HasErrors() != ds.HasErrors() {
				t.Errorf("Plan and Check disagree: %v", planned)
			}
		})
	}
	foreign := input(configured(snap, "\n", "id", "at"), warehouse.Table, all)
	foreign.Existing.Columns = []warehouse.Column{{Name: "id"}}
	_, ds := Plan(foreign)
	for _, d := range ds {
		emitted[d.Code] = true
	}
	t.Run("layout", func(t *testing.T) { testCheckLayout(t, emitted) })
	emitted[codeConfigChange] = true // TestMaterializedView
	emitted[codeLayoutLater] = true  // TestStoredLater
	for _, e := range Codes {
		if !emitted[e.Code] {
			t.Errorf("no case triggers %s", e.Code)
		}
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("entry %s is incomplete", e.Code)
		}
		delete(emitted, e.Code)
	}
	if len(emitted) > 0 {
		t.Errorf("codes without an entry: %v", emitted)
	}
}
