package state

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

func defined() *Definition {
	return &Definition{
		Node: orders, Fingerprint: "f1", Path: "models/orders.sql", Dialect: "googlesql", Text: "select 'a\nb' as \"x\" -- <&>", IncrementalText: "select 1",
		Columns: []DefinedColumn{{"x", "STRING"}}, Config: map[string]string{"materialized": "table"}, Storage: map[string]string{"cluster_by": `["x"]`},
		Facets: &DefinedFacets{Rows: DefinedFacet{Hash: "r", Reads: map[addr.Node][]string{raw: {}}}, Columns: map[string]DefinedFacet{"x": {Hash: "h", Reads: map[addr.Node][]string{raw: {"a", "b"}}}}},
		Unique: [][]string{{"x"}, {}}, Contract: &DefinedContract{Promises: []string{"not_null (x)"}},
	}
}

func TestDefinitionsRoundTrip(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	full, bare := defined(), &Definition{Node: raw, Fingerprint: "f2"}
	ids := map[addr.Node]string{orders: full.ID(), raw: bare.ID()}
	got, err := ReadDefinitions(ctx, c, mine, ids)
	if err != nil || len(got) != 0 {
		t.Fatalf("before there is a table: %v, %v", got, err)
	}
	apply(t, c, Setup(d, "")...)
	apply(t, c, DefinedOp(d, mine, "run1", noon, full, bare), DefinedOp(d, yours, "run1", noon, full))
	// The same definition again, by a later run: the first one is the one that counts.
	apply(t, c, DefinedOp(d, mine, "run2", noon.Add(time.Hour), full))
	other := defined()
	other.Text = "select 2"
	apply(t, c, DefinedOp(d, mine, "run3", noon.Add(2*time.Hour), other))
	if got, err = ReadDefinitions(ctx, c, mine, ids); err != nil {
		t.Fatal(err)
	}
	wantFull, wantBare := *full, *bare
	wantFull.At, wantFull.Run = stamp(noon), "run1"
	wantBare.At, wantBare.Run = stamp(noon), "run1"
	if diff := cmp.Diff(map[addr.Node]*Definition{orders: &wantFull, raw: &wantBare}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[orders].ID() != full.ID() {
		t.Error("what is read has another id than what was written")
	}
	for _, ids := range []map[addr.Node]string{nil, {orders: ""}, {orders: "no such id"}, {raw: full.ID()}} {
		if got, err := ReadDefinitions(ctx, c, mine, ids); err != nil || len(got) != 0 {
			t.Errorf("%v: got %v, %v", ids, got, err)
		}
	}
}

// A definition is found through the record that names it, and history is bounded.
func TestDefinitionOfRecord(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	x := defined()
	r := record("run1", noon)
	r.Definition = x.ID()
	apply(t, c, DefinedOp(d, mine, "run1", noon, x), BuiltOp(d, mine, "run1", r))
	snap := snapshot(t, c, mine)
	got, err := ReadDefinitions(ctx, c, mine, map[addr.Node]string{orders: snap.Nodes[orders].Definition})
	if err != nil || got[orders] == nil {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range 5 {
		x.Fingerprint = strings.Repeat("f", i+1)
		apply(t, c, DefinedOp(d, mine, "run", noon.Add(time.Duration(i+1)*time.Hour), x))
	}
	have, err := Look(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compact(ctx, c, mine, Limits{Keep: 2, Runs: 1, Above: 3}, have); err != nil {
		t.Fatal(err)
	}
	n, err := definitions.count(ctx, c, mine)
	if err != nil || n != 2 {
		t.Errorf("%d definitions are left, %v", n, err)
	}
	if got, err := ReadDefinitions(ctx, c, mine, map[addr.Node]string{orders: x.ID()}); err != nil || got[orders] == nil {
		t.Errorf("the newest is gone: %v", err)
	}
}

// Whatever differs between two definitions differs in their ids, time and run aside.
func TestDefinitionID(t *testing.T) {
	seen := map[string]string{defined().ID(): "itself"}
	for what, change := range map[string]func(*Definition){
		"node": func(d *Definition) { d.Node = raw }, "fingerprint": func(d *Definition) { d.Fingerprint = "x" }, "path": func(d *Definition) { d.Path = "x" },
		"dialect": func(d *Definition) { d.Dialect = "x" }, "text": func(d *Definition) { d.Text = "x" }, "incremental": func(d *Definition) { d.IncrementalText = "x" },
		"name": func(d *Definition) { d.Columns[0].Name = "y" }, "type": func(d *Definition) { d.Columns[0].Type = "y" },
		"config": func(d *Definition) { d.Config["materialized"] = "view" }, "storage": func(d *Definition) { delete(d.Storage, "cluster_by") },
		"rows": func(d *Definition) { d.Facets.Rows.Hash = "y" }, "reads": func(d *Definition) { d.Facets.Columns["x"].Reads[raw][0] = "y" }, "no facets": func(d *Definition) { d.Facets = nil },
		"unique": func(d *Definition) { d.Unique = d.Unique[:1] }, "contract": func(d *Definition) { d.Contract = nil },
	} {
		d := defined()
		change(d)
		if before, ok := seen[d.ID()]; ok {
			t.Errorf("another %s has the id of %s", what, before)
		}
		seen[d.ID()] = what
	}
	d := defined()
	d.At, d.Run = noon, "r"
	if d.ID() != defined().ID() {
		t.Error("time and run are part of the id")
	}
}

func TestDefinitionMasksEnvironment(t *testing.T) {
	secrets := map[string]string{"TOKEN": "s3cr3t!", "DIR": "/data/s3cr3t!", "ONE": "1"}
	file := source.NewFile("models/a.sql", []byte(`select {{ env_var "TOKEN" }}, 's3cr3t!' as mine, {{ other }}, 1 from t`))
	text, m := "", &source.Map{}
	add := func(out, src string, verbatim bool) {
		at := strings.Index(string(file.Data), src)
		m.Append(source.Segment{Start: len(text), End: len(text) + len(out), Src: file.Span(at, at+len(src)), Verbatim: verbatim})
		text += out
	}
	add("select ", "select ", true)
	add("s3cr3t!", `{{ env_var "TOKEN" }}`, false)
	add(", 's3cr3t!' as mine, ", ", 's3cr3t!' as mine, ", true)
	add("read('/data/s3cr3t!/x1')", "{{ other }}", false)
	add(", 1 from t", ", 1 from t", true)
	// What people wrote themselves is in their repository, and stays.
	want := `select {{ env_var "TOKEN" }}, 's3cr3t!' as mine, read('${DIR}/x1'), 1 from t`
	n := &compile.Node{ID: orders, Path: "models/a.sql", Text: text, TextMap: m, IncrementalText: "select 's3cr3t!'", Config: compile.Config{
		Materialized: "incremental", IncrementalPredicates: []string{"a = 's3cr3t!'"}, PreHooks: []string{"set x = 's3cr3t!'"}, Grants: map[string][]string{"select": {"s3cr3t!"}},
	}, Constraints: []warehouse.Constraint{{Type: "check", Expression: "a <> 's3cr3t!'"}}}
	d := DefinitionOf(n, warehouse.Caps{Grants: true}, secrets)
	if d.Text != want {
		t.Errorf("text is\n%s\nwant\n%s", d.Text, want)
	}
	d.Text = ""
	for _, place := range []string{encode(d), encode(n.Config.PreHooks)} {
		if strings.Contains(place, "s3cr3t") != strings.Contains(place, "set x") {
			t.Errorf("a secret is kept: %s", place)
		}
	}
	// A map of another text is not trusted.
	if got := mask("s3cr3t!", m, secrets); got != "${TOKEN}" {
		t.Errorf("got %s", got)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("select 'größe'\n", textLimit/10), strings.Repeat("ö", textLimit), "x" + strings.Repeat("ö", textLimit)} {
		got := short(text)
		if len(got) > textLimit+len(cutMark) || !Cut(got) || !utf8.ValidString(got) || !strings.HasPrefix(text, strings.TrimSuffix(got, cutMark)) {
			t.Errorf("%d bytes became %d: …%q", len(text), len(got), got[len(got)-80:])
		}
	}
	if got := short("select 1"); got != "select 1" || Cut(got) {
		t.Error(got)
	}
}
