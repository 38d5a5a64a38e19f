package reading

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
)

// TestPromises: what is read is what content.Catalog promises, twice the same, and comes
// through JSON unharmed.
func TestPromises(t *testing.T) {
	for name, in := range map[string]func() In{"demo": demo, "plain": plain, "odd": odd, "remembered": remembered} {
		t.Run(name, func(t *testing.T) {
			c := Read(in())
			if err := contenttest.Check(c); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c, Read(in())); diff != "" {
				t.Errorf("read twice:\n%s", diff)
			}
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var back content.Catalog
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(&back)
			if err != nil {
				t.Fatal(err)
			}
			// Names that are no UTF-8 cannot come through as they are, and do only once.
			if name != "odd" && string(text) != string(again) {
				t.Error("JSON changes what is said")
			}
		})
	}
}

func nodeOf(t *testing.T, c *content.Catalog, id addr.Node) *content.Node {
	t.Helper()
	for _, n := range c.Nodes {
		if n.ID == id {
			return n
		}
	}
	t.Fatalf("no node %s", id)
	return nil
}

// texts are all texts in a value.
func texts(v any) []string {
	var out []string
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if s := v.String(); s != "" {
				out = append(out, s)
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				walk(k)
				walk(v.MapIndex(k))
			}
		}
	}
	walk(reflect.ValueOf(v))
	return out
}

// TestNothingIsLost: what the pages of a node have always told is in the content.
func TestNothingIsLost(t *testing.T) {
	c := Read(demo())
	n := nodeOf(t, c, mod("material"))
	all := texts(n)
	for _, i := range n.Tests {
		all = append(all, texts(c.Tests[i])...)
	}
	joined := strings.Join(all, "\n")
	for _, want := range []string{
		"dev_ada.material", "Every **material** that exists", "data@plant.example", "production", "daily", "genealogy", "public", "M-10482", "quantity_kg",
		"DECIMAL(18,3)", "loaded_at", "When the row came.", "tenant_id is one of T-01, T-02, T-03", "untagged_material_gets_a_tag", "What goes in comes out",
		"models/core/material.yml", "left join runs",
	} {
		if !strings.Contains(joined, want) {
			t.Errorf("missing %q", want)
		}
	}
	if n.Data.Rows != 4_812_330 || n.Data.Bytes != 381_223_112 || !n.Data.BuiltAt.Equal(c.Runs[0].Ended) && n.Data.BuiltAt.IsZero() {
		t.Errorf("data are %+v", n.Data)
	}
	var linked []string
	for _, code := range []content.Code{n.Template, n.SQL} {
		for _, l := range code.Links {
			linked = append(linked, code.Text[l.From:l.To]+" → "+c.Nodes[l.Node].ID.Name)
		}
	}
	want := []string{
		`ref "material_stg" → material_stg`, `ref "transaction" → transaction`, `"dev_ada"."material_stg" → material_stg`, `"dev_ada"."transaction" → transaction`,
	}
	if diff := cmp.Diff(want, linked); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	bad := nodeOf(t, c, mod("report_recall"))
	health := nodeOf(t, c, mod("platform_health"))
	broken := nodeOf(t, c, mod("pricing_model"))
	if bad.Status != content.Failed || health.Status != content.Skipped || broken.Status != content.Errored {
		t.Errorf("statuses are %s, %s, %s", bad.Status, health.Status, broken.Status)
	}
	if len(health.Because) != 1 || c.Nodes[health.Because[0]] != bad {
		t.Errorf("platform_health was skipped because of %v", health.Because)
	}
	if diff := cmp.Diff([]string{`column "list_price" does not exist in "fct_sale"`}, broken.Problems); diff != "" {
		t.Error(diff)
	}
	if c.Runs[0].ID != "r1" || c.Runs[0].Verdict != content.Failed {
		t.Errorf("the last run is %+v", c.Runs[0])
	}
	app := nodeOf(t, c, addr.Node{Kind: addr.Exposure, Name: "recall_app"})
	if diff := cmp.Diff(&content.Exposure{Type: "application", URL: "https://recall.example/app", OwnerName: "Quality", Email: "quality@plant.example"}, app.Exposure); diff != "" || app.Label != "Recall application" {
		t.Errorf("%s %s", app.Label, diff)
	}
}

// remembered is a program with four tests and a unit test, of which the state remembers all but
// one; the record of «stale» is of an older version of the test.
func remembered() In {
	b := newBuilder("past")
	m := b.add(mod("material"), "models/material.sql")
	in := In{Program: b.p, Passed: map[addr.Node]state.TestRecord{}}
	at := noon.Add(-48 * time.Hour)
	for _, x := range []struct {
		name     string
		failures int64
	}{{"passed", 0}, {"warned", 37}, {"stale", 0}, {"never", -1}} {
		t := &compile.Test{ID: addr.Node{Kind: addr.Test, Name: x.name}, Kind: "singular", Node: m.ID, Parents: []addr.Node{m.ID}, Fingerprint: "f2"}
		b.p.Tests = append(b.p.Tests, t)
		record := state.TestRecord{Test: t.ID, Fingerprint: "f2", Failures: x.failures, At: at}
		if x.name == "stale" {
			record.Fingerprint, record.At = "f1", noon.Add(time.Hour)
		}
		if x.name != "never" {
			in.Passed[t.ID] = record
		}
	}
	u := &compile.UnitTest{ID: addr.Node{Kind: addr.UnitTest, Name: "unit"}, Node: m.ID, Fingerprint: "u"}
	b.p.UnitTests = append(b.p.UnitTests, u)
	in.Passed[u.ID] = state.TestRecord{Test: u.ID, Fingerprint: "u", At: at}
	return in
}

func statuses(c *content.Catalog) map[string]string {
	out := map[string]string{}
	for _, t := range c.Tests {
		out[t.ID.Name] = fmt.Sprintf("%s %d %s", t.Status, t.Failures, t.At.Format("02 15:04"))
	}
	return out
}

func TestStateSpeaksWhereTheRunIsSilent(t *testing.T) {
	in := remembered()
	want := map[string]string{"passed": "passed 0 19 09:30", "warned": "warned 37 19 09:30", "stale": " 0 01 00:00", "never": " 0 01 00:00", "unit": "passed 0 19 09:30"}
	if d := cmp.Diff(want, statuses(Read(in))); d != "" {
		t.Errorf("without a run (-want +got):\n%s", d)
	}
	test := func(name string) addr.Node { return addr.Node{Kind: addr.Test, Name: name} }
	in.Past.Tests = map[addr.Node][]state.Outcome{
		test("passed"): {{Test: test("passed"), Status: "failed", Failures: 4, At: noon.Add(-24 * time.Hour)}, {Test: test("passed"), Status: "passed", At: noon.Add(-48 * time.Hour)}},
		test("warned"): {{Test: test("warned"), Status: "error", Failures: -1, At: noon.Add(-72 * time.Hour)}},
	}
	in.Past.Runs = []state.Run{{ID: "r2", Verdict: "done"}, {ID: "r1", Verdict: "done"}}
	in.Past.Tests[test("warned")][0].Run = "r1"
	in.Past.Tests[test("stale")] = []state.Outcome{{Test: test("stale"), Status: "warned", Run: "r1"}}
	if runs := Read(in).Runs; runs[0].Verdict != content.Passed || runs[1].Verdict != content.Warned {
		t.Errorf("the runs are %s and %s", runs[0].Verdict, runs[1].Verdict)
	}
	in.Past.Runs = nil
	delete(in.Past.Tests, test("stale"))
	want["passed"] = "failed 4 20 09:30" // newer than the pass; that of «warned» is older
	if d := cmp.Diff(want, statuses(Read(in))); d != "" {
		t.Errorf("with a past (-want +got):\n%s", d)
	}
	in.Result = &run.Result{Start: noon, End: noon.Add(time.Minute), Nodes: []*run.NodeResult{{
		Node: mod("material"), Status: run.Failed, Tests: []run.TestResult{
			{ID: test("passed"), Status: run.Failed, Failures: 2},
			{ID: test("warned"), Status: run.Done},
			{ID: test("stale"), Status: run.Warned, Failures: 1},
		},
	}}}
	want["passed"], want["warned"], want["stale"] = "failed 2 21 09:31", "passed 0 21 09:31", "warned 1 21 09:31"
	c := Read(in)
	if d := cmp.Diff(want, statuses(c)); d != "" {
		t.Errorf("with a run (-want +got):\n%s", d)
	}
	var history []string
	for _, o := range c.Tests[slices.IndexFunc(c.Tests, func(t *content.Test) bool { return t.ID.Name == "passed" })].History {
		history = append(history, fmt.Sprintf("%s %d", o.Status, o.Failures))
	}
	if d := cmp.Diff([]string{"failed 2", "failed 4", "passed 0"}, history); d != "" {
		t.Error(d)
	}
}

// TestSensitive: values of marked columns get nowhere, under their own name or another.
func TestSensitive(t *testing.T) {
	const canary = "ada@secret.example"
	b := newBuilder("private")
	m := b.add(mod("people"), "models/people.sql")
	b.col(m, "id", "BIGINT", "")
	b.col(m, "email", "VARCHAR", "")
	m.Columns[1].Tags = []string{"PII"}
	for _, kind := range []string{"unique", "not_null"} {
		b.test(m, kind, "email", run.Failed, 2)
	}
	b.test(m, "not_null", "id", run.Failed, 2)
	single := b.test(m, "singular", "", run.Failed, 2)
	single.SQL, single.Node = "select email as x from people", addr.Node{}
	r := b.result(m.ID)
	for i := range r.Tests {
		r.Tests[i].Sample = &run.Sample{Columns: []string{"id", "email"}, Rows: [][]string{{"1", canary}}}
	}
	c := Read(In{Program: b.p, Result: b.res})
	for _, s := range texts(c) {
		if strings.Contains(s, canary) {
			t.Errorf("the content has %q", s)
		}
	}
	i := slices.IndexFunc(c.Tests, func(t *content.Test) bool { return t.Column == "id" })
	if diff := cmp.Diff(&content.Sample{Columns: []string{"id"}, Rows: [][]string{{"1"}}}, c.Tests[i].Sample); diff != "" {
		t.Error(diff)
	}
	if !c.Nodes[0].Columns[1].Sensitive || c.Nodes[0].Columns[0].Sensitive {
		t.Error("the wrong columns are sensitive")
	}
}

// TestHidden: values of the environment and folders of the machine do not get into the content,
// unless people wrote them themselves; links stay where they belong.
func TestHidden(t *testing.T) {
	b := newBuilder("quiet")
	m := b.add(mod("base"), "models/base.sql")
	b.sql(m, "select 1 as id\n")
	n := b.add(mod("orders"), "models/orders.sql", m.ID)
	n.File = source.NewFile(n.Path, []byte(`select '{{ env_var "TOKEN" }}' as a, 'mine' as b from {{ ref "base" }}`))
	n.Map = &source.Map{}
	add := func(out, src string, verbatim bool) {
		at := strings.Index(string(n.File.Data), src)
		n.Map.Append(source.Segment{Start: len(n.SQL), End: len(n.SQL) + len(out), Src: n.File.Span(at, at+len(src)), Verbatim: verbatim})
		n.SQL += out
	}
	add("select '", "select '", true)
	add("s3cr3t-canary", `{{ env_var "TOKEN" }}`, false)
	add("' as a, 'mine' as b from ", "' as a, 'mine' as b from ", true)
	add(`"dev_ada"."base"`, `{{ ref "base" }}`, false)
	at := strings.Index(string(n.File.Data), `ref "base"`)
	n.Refs = []compile.Ref{{To: m.ID, Span: n.File.Span(at, at+len(`ref "base"`))}}
	b.result(n.ID).Status = run.Errored
	b.result(n.ID).Message = "cannot open /home/ada/quiet/target/x.duckdb with s3cr3t-canary"
	n.Config.Meta = map[string]any{"from": "s3cr3t-canary"}
	c := Read(In{Program: b.p, Result: b.res, Hidden: map[string]string{"s3cr3t-canary": "${TOKEN}", "mine": "${OWN}", "/home/ada/quiet": ".", "/home/ada": "~", "dev_ada": "${SCHEMA}", "x": "${SHORT}"}})
	got := nodeOf(t, c, n.ID)
	if want := `select '${TOKEN}' as a, 'mine' as b from "dev_ada"."base"`; got.SQL.Text != want {
		t.Errorf("SQL is\n%s\nwant\n%s", got.SQL.Text, want)
	}
	if len(got.SQL.Links) != 1 || got.SQL.Text[got.SQL.Links[0].From:got.SQL.Links[0].To] != `"dev_ada"."base"` {
		t.Errorf("links are %v", got.SQL.Links)
	}
	if diff := cmp.Diff([]string{"cannot open ./target/x.duckdb with ${TOKEN}"}, got.Problems); diff != "" {
		t.Error(diff)
	}
	for _, s := range texts(c) {
		if strings.Contains(s, "s3cr3t") || strings.Contains(s, "/home/") {
			t.Errorf("the content has %q", s)
		}
	}
}

// TestTerms: docs blocks of the glossary are terms, used where the word or the text is.
func TestTerms(t *testing.T) {
	b := newBuilder("words")
	for i, text := range []string{"Every churned account.", "All orders of a day, no batch_no.", "What a customer\nasked for.", "Nothing of it: reorders, border.", "The Unit price of it."} {
		n := b.add(mod(fmt.Sprint("m", i)), "models/m.sql")
		n.Description = text
	}
	b.col(b.p.Nodes[mod("m0")], "x", "", "Of an order.")
	for _, d := range [][3]string{{"order", "What a customer\nasked for.", "models/glossary/sales.md"}, {"unit_price", "Per piece.", "docs/terms.md"}, {"batch", "Not here.", "glossary.md"}, {"note", "No term.", "models/notes.md"}} {
		b.p.Project.Docs = append(b.p.Project.Docs, &project.Doc{Name: d[0], Text: d[1], At: source.NewFile(d[2], nil).Whole()})
	}
	got := map[string][]int{}
	for _, x := range Read(In{Program: b.p}).Terms {
		got[x.Name] = x.UsedBy
	}
	if diff := cmp.Diff(map[string][]int{"order": {0, 1, 2}, "unit price": {4}, "batch": nil}, got); diff != "" {
		t.Error(diff)
	}
}

// TestAdvice: who is sent where.
func TestAdvice(t *testing.T) {
	b := newBuilder("advice")
	described := func(n *compile.Node) *compile.Node { n.Description = "x"; return n }
	test := func(n *compile.Node) { b.test(n, "not_null", "id", run.Done, 0) }
	described(b.add(src("app.orders"), "models/sources.yml"))
	test(described(b.add(mod("stg_orders"), "models/stg_orders.sql", src("app.orders"))))
	test(described(b.add(mod("stg_customer"), "models/stg_customer.sql")))
	test(described(b.add(mod("dim_customer"), "models/dim_customer.sql", mod("stg_customer"))))
	test(described(b.add(mod("fct_order"), "models/fct_order.sql", mod("stg_orders"), mod("dim_customer"))))
	b.add(mod("mart_sales"), "models/mart_sales.sql", mod("fct_order"))
	old := described(b.add(mod("fct_visit.v1"), "models/fct_visit_v1.sql"))
	old.Version = &project.Version{Model: "fct_visit", V: project.Value[string]{V: "1"}, Latest: "2", Age: -1, All: []string{"1", "2"}}
	old.Props = &project.Props{DeprecationDate: project.Value[time.Time]{V: noon.AddDate(0, 1, 0)}}
	test(old)
	latest := described(b.add(mod("fct_visit.v2"), "models/fct_visit_v2.sql"))
	latest.Version = &project.Version{Model: "fct_visit", V: project.Value[string]{V: "2"}, Latest: "2", All: []string{"1", "2"}}
	test(latest)
	inside := described(b.add(mod("plumbing"), "models/internal_core/plumbing.sql"))
	inside.Config.Access, inside.Config.Group = "private", "finance"
	b.test(inside, "unique", "id", run.Failed, 3)
	c := Read(In{Program: b.p, Result: b.res})
	got := map[string][]string{}
	for _, n := range c.Nodes {
		for _, a := range n.Advice {
			text := a.Level + ": " + a.Text
			if a.Prefer >= 0 {
				text += " → " + c.Nodes[a.Prefer].ID.Name
			}
			got[n.ID.Name] = append(got[n.ID.Name], text)
		}
	}
	want := map[string][]string{
		"app.orders":   {"info: Prefer fct_order, which is made of it. → fct_order"},
		"stg_orders":   {"info: Prefer fct_order, which is made of it. → fct_order"},
		"stg_customer": {"info: Prefer dim_customer, which is made of it. → dim_customer"},
		"mart_sales":   {"info: Nothing about it is tested.", "info: Nobody has described it."},
		"fct_visit.v1": {"warn: Deprecated from 2026-12-21: use fct_visit.v2. → fct_visit.v2"},
		"plumbing":     {"info: Internal only: it lies in internal_core.", "info: Private: only models of the group finance may read it.", "warn: One test fails."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// By the day itself readers should have left it.
	for at, word := range map[time.Time]string{noon.AddDate(0, 1, 0).Add(-time.Second): "from", noon.AddDate(0, 1, 0): "since"} {
		left := nodeOf(t, Read(In{Program: b.p, Result: b.res, GeneratedAt: at}), mod("fct_visit.v1"))
		if want := "Deprecated " + word + " 2026-12-21: use fct_visit.v2."; len(left.Advice) != 1 || left.Advice[0].Text != want {
			t.Errorf("at %s the advice is %+v, want %q", at, left.Advice, want)
		}
	}
}

// TestCheckIsNoBuild: a run that only tests a node leaves it as it stood.
func TestCheckIsNoBuild(t *testing.T) {
	test := addr.Node{Kind: addr.Test, Name: "some"}
	read := func(built bool, verb plan.Verb, status, tested run.Status) *content.Node {
		b := newBuilder("checked")
		m := b.add(mod("material"), "models/material.sql")
		b.p.Tests = append(b.p.Tests, &compile.Test{ID: test, Kind: "singular", Node: m.ID, Parents: []addr.Node{m.ID}})
		in := In{Program: b.p, Result: &run.Result{RunID: "now", Start: noon, End: noon.Add(time.Minute), Nodes: []*run.NodeResult{{
			Node: m.ID, Verb: verb, Status: status, Rows: 3, Start: noon, End: noon.Add(time.Second), Tests: []run.TestResult{{ID: test, Status: tested, Failures: 1}},
		}}}}
		if built {
			in.Past.Builds = map[addr.Node][]state.Record{m.ID: {{Node: m.ID, Version: "before", At: noon.Add(-time.Hour), Rows: 2}}}
		}
		return nodeOf(t, Read(in), m.ID)
	}
	for _, c := range []struct {
		built          bool
		verb           plan.Verb
		status, tested run.Status
		want           string
	}{
		{true, plan.Check, run.Done, run.Done, "built, 1 builds"},
		{true, plan.Check, run.Warned, run.Warned, "built, 1 builds"},
		{true, plan.Check, run.Failed, run.Failed, "failed, 1 builds"},
		{false, plan.Check, run.Done, run.Done, ", 0 builds"},
		{true, plan.Replace, run.Done, run.Done, "built, 2 builds"},
		{false, plan.Create, run.Done, run.Done, "built, 1 builds"},
	} {
		n := read(c.built, c.verb, c.status, c.tested)
		if got := fmt.Sprintf("%s, %d builds", n.Status, len(n.History)); got != c.want {
			t.Errorf("%s %s of what is built (%t): %s, want %s", c.verb, c.status, c.built, got, c.want)
		}
		if stood := n.Data.BuiltAt.Before(noon); c.verb == plan.Check && !stood {
			t.Errorf("%s %s says built at %s", c.verb, c.status, n.Data.BuiltAt)
		}
	}
}
