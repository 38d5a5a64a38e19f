package materialize

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// everything is a configuration with all parts of a layout.
func everything(materialized string) compile.Config {
	return compile.Config{
		Materialized: materialized, UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}, OnConfigurationChange: "apply",
		Layout: warehouse.Layout{
			Partition: &warehouse.Partition{Column: "d"}, Cluster: []string{"id"}, RequirePartitionFilter: true, PartitionDays: 30, Hours: 12,
			KMSKey: "key", Labels: map[string]string{"team": "a"}, PolicyTags: map[string][]string{"id": {"tag"}},
			Indexes: []warehouse.Index{{Columns: []string{"id"}, Unique: true}}, Unlogged: true,
			Refresh: &warehouse.Refresh{Automatic: true, Minutes: 30},
		},
		Grants:        map[string][]string{"select": {"b", "a"}, "insert": nil},
		GrantAccessTo: []compile.Access{{Schema: "raw"}, {Database: "other", Schema: "raw"}},
		PostHooks:     []string{"the end"},
	}
}

var (
	likeBigQuery = warehouse.Caps{Merge: true, Partitions: true, Clusters: true, Constraints: true, Expiration: true, Labels: true, NestedComments: true,
		MaterializedViews: true, Grants: true, Authorize: true, CopyPartitions: true, ArrivalTime: true, Clone: true}
	likePostgres = warehouse.Caps{TransactionalDDL: true, Merge: true, Indexes: true, Constraints: true, Enforces: true, Unlogged: true, MaterializedViews: true, Grants: true}
	likeDuckDB   = warehouse.Caps{TransactionalDDL: true, Merge: true}
)

// details writes the operations whose layout, partition or rights matter.
func details(t *testing.T, out Out) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", out.Verb)
	if out.Reason != "" {
		fmt.Fprintf(&b, "because %s\n", out.Reason)
	}
	for _, part := range [][]warehouse.Op{out.Build, out.Publish} {
		for _, op := range part {
			data, err := warehouse.MarshalOps([]warehouse.Op{op})
			if err != nil {
				t.Fatal(err)
			}
			b.Write(data[1 : len(data)-1])
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name, materialized string
		caps               warehouse.Caps
		want               string
	}{
		{"table of BigQuery", "table", likeBigQuery, `
create
{"op":"create_table_as","target":{"schema":"s","name":"_engine_new__x"},"query":"select 1 as id","layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"partition_days":30,"hours":12,"kms_key":"key","labels":{"team":"a"},"policy_tags":{"id":["tag"]},"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"table","target":{"schema":"s","name":"x"},"layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"require_partition_filter":true,"partition_days":30,"hours":12,"kms_key":"key","labels":{"team":"a"},"policy_tags":{"id":["tag"]},"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"insert"}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"select","grantees":["b","a"]}
{"op":"sql","text":"the end"}
`},
		{"table of PostgreSQL", "table", likePostgres, `
create
{"op":"create_table_as","target":{"schema":"s","name":"_engine_new__x"},"query":"select 1 as id","layout":{"indexes":[{"columns":["id"],"unique":true}],"unlogged":true,"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"table","target":{"schema":"s","name":"x"},"layout":{"indexes":[{"columns":["id"],"unique":true}],"unlogged":true,"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"insert"}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"select","grantees":["b","a"]}
{"op":"sql","text":"the end"}
`},
		{"table of DuckDB", "table", likeDuckDB, `
create
{"op":"create_table_as","target":{"schema":"s","name":"_engine_new__x"},"query":"select 1 as id"}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"table","target":{"schema":"s","name":"x"}}
{"op":"sql","text":"the end"}
`},
		{"view of BigQuery", "view", likeBigQuery, `
create
{"op":"create_view_as","target":{"schema":"s","name":"_engine_new__x"},"query":"select 1 as id","layout":{"hours":12,"labels":{"team":"a"}}}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"view","target":{"schema":"s","name":"x"},"query":"select 1 as id","layout":{"hours":12,"labels":{"team":"a"}}}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"view","privilege":"insert"}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"view","privilege":"select","grantees":["b","a"]}
{"op":"authorize","view":{"schema":"s","name":"x"},"schema":"raw"}
{"op":"authorize","view":{"schema":"s","name":"x"},"database":"other","schema":"raw"}
{"op":"sql","text":"the end"}
`},
		{"materialized view of BigQuery", "materialized_view", likeBigQuery, `
create
{"op":"create_materialized_view_as","target":{"schema":"s","name":"_engine_new__x"},"query":"select 1 as id","layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"hours":12,"kms_key":"key","labels":{"team":"a"},"refresh":{"automatic":true,"minutes":30}}}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"materialized_view","target":{"schema":"s","name":"x"},"query":"select 1 as id","layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"hours":12,"kms_key":"key","labels":{"team":"a"},"refresh":{"automatic":true,"minutes":30}}}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"materialized_view","privilege":"insert"}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"materialized_view","privilege":"select","grantees":["b","a"]}
{"op":"authorize","view":{"schema":"s","name":"x"},"schema":"raw"}
{"op":"authorize","view":{"schema":"s","name":"x"},"database":"other","schema":"raw"}
{"op":"sql","text":"the end"}
`},
		{"seed of BigQuery", "seed", likeBigQuery, `
create
{"op":"load","target":{"schema":"s","name":"_engine_new__x"},"columns":[{"name":"id","type":"INTEGER","nullable":true},{"name":"d","type":"INTEGER","nullable":true}],"path":"seeds/x.csv","format":"csv","layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"partition_days":30,"hours":12,"kms_key":"key","labels":{"team":"a"},"policy_tags":{"id":["tag"]},"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"swap","new":{"schema":"s","name":"_engine_new__x"},"new_kind":"table","target":{"schema":"s","name":"x"},"layout":{"partition":{"column":"d","type":"timestamp","granularity":"day"},"cluster":["id"],"require_partition_filter":true,"partition_days":30,"hours":12,"kms_key":"key","labels":{"team":"a"},"policy_tags":{"id":["tag"]},"constraints":[{"type":"primary_key","columns":["id"]}]}}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"insert"}
{"op":"grant","relation":{"schema":"s","name":"x"},"kind":"table","privilege":"select","grantees":["b","a"]}
{"op":"sql","text":"the end"}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := model(everything(c.materialized), "id", "d")
			n.Columns[1].Google = ir.TypeOf(ir.Timestamp)
			n.Constraints = []warehouse.Constraint{{Type: "primary_key", Columns: []string{"id"}}}
			out, ds := Plan(input(n, warehouse.None, c.caps))
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), details(t, out)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRespread: a table that is divided or ordered otherwise is never dropped first, and
// rows that cannot be made again are taken from the table itself.
func TestRespread(t *testing.T) {
	no := false
	was := &warehouse.Layout{Partition: &warehouse.Partition{Column: "D", Type: "date", Granularity: "month"}, Cluster: []string{"ID"}}
	same := &warehouse.Layout{Partition: &warehouse.Partition{Column: "D", Type: "timestamp", Granularity: "day"}, Cluster: []string{"ID"}}
	cfg := func(materialized string, full *bool) compile.Config {
		return compile.Config{Materialized: materialized, UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}, FullRefresh: full,
			Layout: warehouse.Layout{Partition: &warehouse.Partition{Column: "d", Type: "timestamp"}, Cluster: []string{"id"}}}
	}
	for _, c := range []struct {
		name     string
		cfg      compile.Config
		existing *warehouse.Layout
		want     string
	}{
		{"table", cfg("table", nil), was, "respread; replace as table, because its partitions or clusters change: create table, publish"},
		{"seed", cfg("seed", nil), was, "respread; replace as table, because its partitions or clusters change: load, publish"},
		{"table, the same", cfg("table", nil), same, "replace as table, because : create table, publish"},
		{"table, not reported", cfg("table", nil), nil, "replace as table, because : create table, publish"},
		{"table, was plain", cfg("table", nil), &warehouse.Layout{}, "respread; replace as table, because its partitions or clusters change: create table, publish"},
		{"table, becomes plain", compile.Config{Materialized: "table"}, was, "respread; replace as table, because its partitions or clusters change: create table, publish"},
		{"incremental", cfg("incremental", nil), was, "respread; replace as table, because its partitions or clusters change, so it is built from nothing: create table, publish"},
		{"incremental, never from nothing", cfg("incremental", &no), was, "respread; update as table, because its partitions or clusters change: create table, create table, merge, drop, publish"},
		{"incremental, the same", cfg("incremental", nil), same, "update as table, because : copy, create table, merge, drop, publish"},
		{"snapshot", cfg("snapshot", nil), was, "respread; update as table, because its partitions or clusters change: create table, create table, check, fit, compare, end, append, drop, drop, drop, publish"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(model(c.cfg), warehouse.Table, likeBigQuery)
			in.Existing.Layout = c.existing
			out, ds := Plan(in)
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			var words []string
			prefix := ""
			for _, op := range append(out.Build, out.Publish...) {
				word, rest, _ := strings.Cut(warehouse.Describe(op), " ")
				if next, _, _ := strings.Cut(rest, " "); word == "create" {
					word += " " + next
				}
				words = append(words, word)
				if s, ok := op.(warehouse.Swap); ok && s.Respread {
					prefix = "respread; "
				}
				if drop, ok := op.(warehouse.Drop); ok && drop.Relation == rel {
					t.Error("the published table is dropped")
				}
			}
			got := fmt.Sprintf("%s%s as %s, because %s: %s", prefix, out.Verb, out.Kind, out.Reason, strings.Join(words, ", "))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOverwrite(t *testing.T) {
	cfg := compile.Config{Materialized: "incremental", IncrementalStrategy: "insert_overwrite", CopyPartitions: true,
		Layout: warehouse.Layout{Partition: &warehouse.Partition{Column: "at", Type: "timestamp", Granularity: "hour"}}, Partitions: []string{"2024-01-02 05:00", "timestamp('2024-01-01 03:00:00')", "2024-01-01 04:00:00+01:00"}}
	staged, scratch := StagedName(rel, likeBigQuery), ScratchName(rel, likeBigQuery)
	partition := warehouse.Partition{Column: "at", Type: "timestamp", Granularity: "hour"}
	begins := []string{"'2024-01-01 03:00:00+00:00'", "'2024-01-02 05:00:00+00:00'"}
	for name, c := range map[string]struct {
		caps warehouse.Caps
		want []warehouse.Op
	}{
		"BigQuery": {likeBigQuery, []warehouse.Op{
			warehouse.CloneTable{From: rel, To: scratch},
			warehouse.CreateTableAs{Target: staged, Query: "select 2 as id", Layout: &warehouse.Layout{Partition: &partition}},
			warehouse.ReplacePartitions{Target: scratch, From: staged, Partition: partition, Only: begins, Copy: true},
			warehouse.Drop{Relation: staged, Kind: warehouse.Table},
		}},
		"PostgreSQL": {likePostgres, []warehouse.Op{
			warehouse.CreateTableAs{Target: staged, Query: "select 2 as id"},
			warehouse.ReplacePartitions{Target: rel, From: staged, Partition: partition, Only: begins},
			warehouse.Drop{Relation: staged, Kind: warehouse.Table},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(model(cfg), warehouse.Table, c.caps)
			out, ds := Plan(in)
			if len(ds) > 0 {
				t.Fatal(ds)
			}
			if d := cmp.Diff(c.want, out.Build); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMergeKnowsThePartition(t *testing.T) {
	cfg := compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}, Layout: warehouse.Layout{Partition: &warehouse.Partition{Column: "d"}}}
	for _, c := range []struct {
		caps warehouse.Caps
		part *warehouse.Partition
		want *warehouse.Partition
	}{
		{likeBigQuery, &warehouse.Partition{Column: "d"}, &warehouse.Partition{Column: "d", Type: "date", Granularity: "day"}},
		{likeBigQuery, &warehouse.Partition{Type: "timestamp"}, nil}, // by time of arrival: no column to look for
		{likeDuckDB, &warehouse.Partition{Column: "d"}, nil},
	} {
		cfg.Layout.Partition = c.part
		out, ds := Plan(input(model(cfg), warehouse.Table, c.caps))
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		for _, op := range out.Build {
			if m, ok := op.(warehouse.MergeInto); ok {
				if d := cmp.Diff(c.want, m.Partition); d != "" {
					t.Error(d)
				}
			}
		}
	}
}

func TestMaterializedView(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name     string
		recorded string
		change   string
		full     bool
		own      *bool
		existing warehouse.Kind
		want     string
		code     diag.Code
	}{
		{"new", "", "apply", false, nil, warehouse.None, "create: create materialized view _engine_new__x, publish s.x", ""},
		{"over a table", "c-l", "apply", false, nil, warehouse.Table, "replace: create materialized view _engine_new__x, publish s.x, replacing the table", ""},
		{"nothing changed", "c-l", "apply", false, nil, warehouse.MaterializedView, "update: refresh s.x", ""},
		{"nothing changed, fresh", "c-l", "apply", true, nil, warehouse.MaterializedView, "replace: create materialized view _engine_new__x, publish s.x, replacing the materialized view", ""},
		{"nothing changed, always fresh", "c-l", "apply", false, &yes, warehouse.MaterializedView, "replace: create materialized view _engine_new__x, publish s.x, replacing the materialized view", ""},
		{"nothing changed, never fresh", "c-l", "apply", true, &no, warehouse.MaterializedView, "update: refresh s.x", ""},
		{"not recorded", "", "continue", false, nil, warehouse.MaterializedView, "replace: create materialized view _engine_new__x, publish s.x, replacing the materialized view", ""},
		{"query changed", "d-l", "continue", false, nil, warehouse.MaterializedView, "replace: create materialized view _engine_new__x, publish s.x, replacing the materialized view", ""},
		{"configuration changed", "c-k", "apply", false, nil, warehouse.MaterializedView, "replace: create materialized view _engine_new__x, publish s.x, replacing the materialized view", ""},
		{"configuration changed, continue", "c", "continue", false, nil, warehouse.MaterializedView, "update: refresh s.x recorded as c", codeConfigChange},
		{"configuration changed, fail", "c-k", "fail", false, nil, warehouse.MaterializedView, "", codeConfigChange},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := model(compile.Config{Materialized: "materialized_view", OnConfigurationChange: c.change, FullRefresh: c.own})
			n.Fingerprint = "c-l"
			in := input(n, c.existing, likePostgres)
			in.Recorded, in.FullRefresh = c.recorded, c.full
			out, ds := Plan(in)
			var code diag.Code
			for _, d := range ds {
				code = d.Code
			}
			if code != c.code {
				t.Fatalf("got %v, want %q", ds, c.code)
			}
			if ds.HasErrors() {
				return
			}
			var words []string
			for _, op := range append(out.Build, out.Publish...) {
				words = append(words, strings.ReplaceAll(warehouse.Describe(op), "s._engine", "_engine"))
			}
			got := string(out.Verb) + ": " + strings.Join(words, ", ")
			if out.Fingerprint != "" {
				got += " recorded as " + out.Fingerprint
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if out.Kind != warehouse.MaterializedView {
				t.Errorf("it becomes a %s", out.Kind)
			}
		})
	}
}

func TestCommentsOfFields(t *testing.T) {
	n := model(compile.Config{Materialized: "table", PersistDocs: true}, "id", "s")
	n.Fields = []compile.Column{{Name: "s.a", Description: "a field"}}
	for _, c := range []struct {
		caps warehouse.Caps
		want int
	}{{likeBigQuery, 1}, {likeDuckDB, 0}} {
		out, _ := Plan(input(n, warehouse.None, c.caps))
		count := 0
		for _, op := range out.Build {
			if comment, ok := op.(warehouse.Comment); ok && comment.Column == "s.a" && comment.Text == "a field" {
				count++
			}
		}
		if count != c.want {
			t.Errorf("%d comments, want %d", count, c.want)
		}
	}
}

// laidOut is a node with columns of these types whose configuration stands in a file.
func laidOut(cfg compile.Config, text string, kinds ...ir.Kind) *compile.Node {
	names := []string{"a", "b", "c", "d"}[:len(kinds)]
	n := configured(cfg, text, names...)
	for i, k := range kinds {
		n.Columns[i].Google = ir.TypeOf(k)
	}
	n.Dialect = project.GoogleSQL
	return n
}

// testCheckLayout is the part of TestCheck about layouts.
func testCheckLayout(t *testing.T, emitted map[diag.Code]bool) {
	by := func(p warehouse.Partition) compile.Config {
		return compile.Config{Materialized: "table", Layout: warehouse.Layout{Partition: &p}}
	}
	cluster := func(columns ...string) compile.Config {
		return compile.Config{Materialized: "table", Layout: warehouse.Layout{Cluster: columns}}
	}
	overwriting := func(p *warehouse.Partition, partitions ...string) compile.Config {
		return compile.Config{Materialized: "incremental", IncrementalStrategy: "insert_overwrite", Layout: warehouse.Layout{Partition: p}, Partitions: partitions}
	}
	days := &warehouse.Partition{Column: "a", Type: "date"}
	tens := &warehouse.Partition{Column: "a", Type: "int64", Start: -10, End: 95, Interval: 10}
	keyTwice := laidOut(compile.Config{Materialized: "table"}, "\n", ir.Int64)
	keyTwice.Constraints = []warehouse.Constraint{{Type: "primary_key"}, {Type: "not_null"}, {Type: "primary_key"}}
	foreignTime := laidOut(by(warehouse.Partition{Column: "a", Type: "timestamp"}), "partition_by a\n", ir.Datetime)
	foreignTime.Dialect = "duckdb"
	overwriteKey := overwriting(days)
	overwriteKey.UniqueKey = []string{"a"}
	overwritePredicate := overwriting(days)
	overwritePredicate.IncrementalPredicates = []string{"true"}
	for _, c := range []struct {
		name string
		node *compile.Node
		caps warehouse.Caps
		code diag.Code
		msg  string
		at   string
		help string
	}{
		{"date", laidOut(by(*days), "partition_by a\n", ir.Date), likeDuckDB, "", "", "", ""},
		{"found type", laidOut(by(warehouse.Partition{Column: "A", Granularity: "hour"}), "partition_by a\n", ir.Datetime), likeDuckDB, "", "", "", ""},
		{"time of arrival", laidOut(by(warehouse.Partition{Type: "timestamp"}), "partition_by a\n", ir.String), likeDuckDB, "", "", "", ""},
		{"timestamp of another language", foreignTime, likeDuckDB, "", "", "", ""},
		{"a view has none", laidOut(with(by(warehouse.Partition{Column: "zz"}), func(c *compile.Config) { c.Materialized = "view" }), "partition_by zz\n", ir.Date), likeDuckDB, "", "", "", ""},
		{"unknown column", laidOut(by(warehouse.Partition{Column: "aa"}), "partition_by aa\n", ir.Date), likeDuckDB, codeColumn, `partition_by "aa" is not a column of "x"`, "aa", "its columns are a"},
		{"text", laidOut(by(warehouse.Partition{Column: "a"}), "partition_by a\n", ir.String), likeDuckDB, codeColumnType, `partition_by "a" of "x" is STRING: tables are divided by a DATE, TIMESTAMP, DATETIME or INT64`, "a", "divide by another column, or convert this one"},
		{"another type", laidOut(by(*days), "partition_by a\n", ir.Timestamp), likeDuckDB, codeColumnType, `partition_by "a" of "x" is TIMESTAMP: "data_type" says date`, "a", `write "data_type: timestamp", or leave it out`},
		{"datetime is no timestamp", laidOut(by(warehouse.Partition{Column: "a", Type: "timestamp"}), "partition_by a\n", ir.Datetime), likeDuckDB, codeColumnType, `partition_by "a" of "x" is DATETIME: "data_type" says timestamp`, "a", `write "data_type: datetime", or leave it out`},
		{"number without range", laidOut(by(warehouse.Partition{Column: "a"}), "partition_by a\n", ir.Int64), likeDuckDB, codeColumnType, `partition_by "a" of "x" is INT64: and there is no "range"`, "a", "for example range: {start: 0, end: 1000, interval: 10}"},
		{"hours of a date", laidOut(by(warehouse.Partition{Column: "a", Granularity: "hour"}), "partition_by a\n", ir.Date), likeDuckDB, codeColumnType, `partition_by "a" of "x" is DATE: a date has no hours`, "a", `use "day", "month" or "year"`},
		{"cluster", laidOut(cluster("a", "B"), "cluster_by a B\n", ir.String, ir.Int64), likeDuckDB, "", "", "", ""},
		{"cluster unknown", laidOut(cluster("bb"), "cluster_by bb\n", ir.String, ir.Int64), likeDuckDB, codeColumn, `cluster_by "bb" is not a column of "x"`, "bb", "its columns are b, a"},
		{"cluster float", laidOut(cluster("a"), "cluster_by a\n", ir.Float64), likeDuckDB, codeColumnType, `cluster_by "a" of "x" is FLOAT64: rows are not clustered by it`, "a", "remove it"},
		{"cluster twice", laidOut(cluster("a", "A"), "cluster_by a A\n", ir.String), likeDuckDB, codeColumnAgain, `cluster_by lists "A" twice`, "A", "list it once"},
		{"index", laidOut(compile.Config{Materialized: "table", Layout: warehouse.Layout{Indexes: []warehouse.Index{{Columns: []string{"a", "q"}}}}}, "indexes a q\n", ir.String), likeDuckDB, codeColumn, `indexes "q" is not a column of "x"`, "q", "its columns are a"},
		{"two keys", keyTwice, likeDuckDB, codePrimaryKey, `"x" has more than one primary key`, "", "a key of several columns is one constraint, beside columns: {type: primary_key, columns: [a, b]}"},
		{"overwrite", laidOut(overwriting(days, "2024-01-31"), "partitions 2024-01-31\n", ir.Date), likeDuckDB, "", "", "", ""},
		{"overwrite range", laidOut(overwriting(tens, "-10", "0"), "partitions -10 0\n", ir.Int64), likeDuckDB, "", "", "", ""},
		{"overwrite nothing", laidOut(overwriting(nil), "incremental_strategy insert_overwrite\n", ir.Date), likeDuckDB, codeOverwrite, `"x" cannot replace partitions: it has no partitions`, "insert_overwrite", `set "partition_by"`},
		{"overwrite arrivals", laidOut(overwriting(&warehouse.Partition{Type: "timestamp"}), "incremental_strategy insert_overwrite\n", ir.Date), likeDuckDB, codeOverwrite, `"x" cannot replace partitions: its partitions are those of the time of arrival, so new rows are never of an earlier one`, "insert_overwrite", `divide by a column: "partition_by" with "field"`},
		{"overwrite an expression", laidOut(overwriting(days, "current_date()"), "partitions current_date()\n", ir.Date), likeDuckDB, codePartition, `"current_date()" is no partition of "x": it is no date`, "current_date()", `write a value, for example "2024-01-31"; one that depends on the day of the run can come from a variable`},
		{"overwrite within a month", laidOut(overwriting(&warehouse.Partition{Column: "a", Type: "date", Granularity: "month"}, "2024-01-31"), "partitions 2024-01-31\n", ir.Date), likeDuckDB, codePartition, `"2024-01-31" is no partition of "x": no partition begins there`, "2024-01-31", `the partition begins at "2024-01-01"`},
		{"overwrite within a range", laidOut(overwriting(tens, "7"), "partitions 7\n", ir.Int64), likeDuckDB, codePartition, `"7" is no partition of "x": no partition begins there`, "7", "the partition begins at 0"},
		{"overwrite beside a range", laidOut(overwriting(tens, "95"), "partitions 95\n", ir.Int64), likeDuckDB, codePartition, `"95" is no partition of "x": it is outside of the range`, "95", "the range is from -10 to 94"},
		{"overwrite text", laidOut(overwriting(tens, "ten"), "partitions ten\n", ir.Int64), likeDuckDB, codePartition, `"ten" is no partition of "x": it is no whole number`, "ten", "list the first value of each partition"},
		{"overwrite by key", laidOut(overwriteKey, "unique_key a\n", ir.Date), likeDuckDB, codeOnlyMerge, `unique_key has no effect with strategy "insert_overwrite"`, "unique_key a", `remove it, or set "incremental_strategy" "merge"`},
		{"overwrite by predicate", laidOut(overwritePredicate, "incremental_predicates true\n", ir.Date), likeDuckDB, codeOnlyMerge, `incremental_predicates has no effect with strategy "insert_overwrite"`, "incremental_predicates true", `remove it, or set "incremental_strategy" "merge"`},
		{"partitions of merge", laidOut(compile.Config{Materialized: "incremental", Partitions: []string{"1"}}, "partitions 1\n", ir.Date), likeDuckDB, codeOnlyMerge, `partitions has no effect with strategy "append"`, "partitions 1", `remove it, or set "incremental_strategy" "insert_overwrite"`},
		{"no materialized views", laidOut(compile.Config{Materialized: "materialized_view"}, "materialized materialized_view\n", ir.Date), likeDuckDB, codeMaterialized, "the target has no materialized views", "materialized_view", `use "materialized" "table": it has the same rows after every build`},
		{"materialized view", laidOut(compile.Config{Materialized: "materialized_view"}, "materialized materialized_view\n", ir.Date), likePostgres, "", "", "", ""},
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
			if diff := cmp.Diff([]string{string(c.code), c.msg, c.at, c.help}, []string{string(d.Code), d.Message, d.At.Text(), d.Help}); diff != "" || d.Model != c.node.ID {
				t.Error(diff)
			}
		})
	}
}

func TestOverwriteHours(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		for _, typ := range []string{"timestamp", "timestamptz"} {
			partition := map[string]string{"timestamp": "datetime", "timestamptz": "timestamp"}[typ]
			cfg := day(warehouse.Partition{Column: "ts", Type: partition, Granularity: "hour"})
			n := model(cfg)
			n.Relation = addr.Relation{Schema: "s", Name: typ}
			rows := func(values string) string {
				return "select id, cast(ts as " + typ + ") as ts from (values " + values + ") as r(id, ts)"
			}
			n.SQL = rows("(1, '2024-01-01 10:59:59.999999'), (2, '2024-01-01 11:00:00'), (3, null), (4, 'infinity')")
			n.IncrementalSQL = rows("(5, '2024-01-01 10:00:00')")
			read := "select id from s." + typ + " order by id"
			w.must(w.build(n, false))
			w.must(w.build(n, false))
			w.want(read, "2\n3\n4\n5\n")
			n.Config.Partitions = []string{"2024-01-01 11:00:00", "2024-01-01T10:00:00Z"}
			w.must(w.build(n, false))
			w.want(read, "3\n4\n5\n")
		}
	})
}

func TestStoredLater(t *testing.T) {
	for _, c := range []struct {
		materialized, recorded string
		caps                   warehouse.Caps
		want                   bool
	}{
		{"incremental", "c-k-g", likePostgres, true},
		{"incremental", "c", likePostgres, true},
		{"incremental", "d-l-h", likePostgres, false}, // the text and the grants changed
		{"incremental", "", likePostgres, false},
		{"incremental", "c-k-g", likeBigQuery, false}, // Swap applies it
		{"table", "c-k-g", likePostgres, false},
		{"snapshot", "c-k-g", likePostgres, true},
	} {
		n := model(compile.Config{Materialized: c.materialized, UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}})
		n.Fingerprint = "c-l-g"
		in := input(n, warehouse.Table, c.caps)
		in.Recorded = c.recorded
		_, ds := Plan(in)
		if got := len(ds) == 1 && ds[0].Code == codeLayoutLater; got != c.want || len(ds) > 1 || ds.HasErrors() {
			t.Errorf("%s recorded as %q: %v", c.materialized, c.recorded, ds)
		}
	}
}

// TestDirect: what is made by more than one statement is built aside.
func TestDirect(t *testing.T) {
	part := warehouse.Layout{Partition: &warehouse.Partition{Column: "d"}, RequirePartitionFilter: true}
	for name, c := range map[string]struct {
		change func(*compile.Node)
		caps   warehouse.Caps
		want   bool
	}{
		"plain":                 {func(*compile.Node) {}, likePostgres, true},
		"partitions":            {func(n *compile.Node) { n.Config.Layout = part }, likeBigQuery, true},
		"indexes":               {func(n *compile.Node) { n.Config.Layout.Indexes = []warehouse.Index{{Columns: []string{"id"}}} }, likePostgres, false},
		"indexes that are left": {func(n *compile.Node) { n.Config.Layout.Indexes = []warehouse.Index{{Columns: []string{"id"}}} }, likeBigQuery, true},
		"constraints": {func(n *compile.Node) {
			n.Constraints = []warehouse.Constraint{{Type: "not_null", Columns: []string{"id"}}}
		}, likePostgres, false},
		"rights":                 {func(n *compile.Node) { n.Config.Grants = map[string][]string{"select": {"a"}} }, likePostgres, false},
		"rights that are left":   {func(n *compile.Node) { n.Config.Grants = map[string][]string{"select": {"a"}} }, likeDuckDB, true},
		"nothing of those there": {func(n *compile.Node) { n.Config.Layout.Unlogged = true }, likePostgres, true},
	} {
		n := model(compile.Config{Materialized: "table"})
		c.change(n)
		in := input(n, warehouse.None, c.caps)
		in.Direct = true
		out, _ := Plan(in)
		if got := out.Tested == rel; got != c.want {
			t.Errorf("%s: built at once: %v", name, got)
		}
		if name == "partitions" {
			if l := out.Build[0].(warehouse.CreateTableAs).Layout; !l.RequirePartitionFilter {
				t.Error("a table that is not swapped in asks nothing of its readers")
			}
		}
	}
}
