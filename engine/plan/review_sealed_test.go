package plan

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

func node(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }

// sealed is a plan that builds report, reads orders, leaves ids alone, and tests report.
func sealed() (*Sealed, *compile.Program, state.Snapshot) {
	src := addr.Node{Kind: addr.Source, Name: "app.raw"}
	ids := query{name: "ids", text: "select id from orders", parents: []string{"orders"}}
	p := program([]query{orders(), report(), ids, {name: "apart", text: "select 1"}})
	p.Nodes[src] = &compile.Node{ID: src, Relation: addr.Relation{Schema: "app", Name: "raw"}}
	p.Order = append(p.Order, src)
	p.Tests = []*compile.Test{{ID: addr.Node{Kind: addr.Test, Name: "total"}, Fingerprint: "t1", Parents: []addr.Node{node("report")}}}
	p.OnRunStart = []string{"select 1"}
	s, _ := built([]query{orders(), report(), ids, {name: "apart", text: "select 1"}})
	s.Sources = map[addr.Node]string{src: "token1"}
	file := source.NewFile("models/report.sql", []byte("select 'ö<&>'"))
	action := &Action{
		Node: node("report"), Verb: Replace, Reasons: []string{"it changed"}, Relation: addr.Relation{Schema: "dev", Name: "report"}, Parents: []addr.Node{node("orders"), src},
		Build:      Steps{warehouse.CreateTableAs{Target: addr.Relation{Schema: "dev", Name: "_engine_new__report"}, Query: "select 'ö<&>'"}},
		Publish:    Steps{warehouse.Swap{Target: addr.Relation{Schema: "dev", Name: "report"}, NewKind: warehouse.Table}},
		Tests:      []Test{{ID: p.Tests[0].ID, Rows: "select * from x", Severity: "error", Fingerprint: "t1", At: file.Whole(), Map: &source.Map{}}},
		Origin:     Origin{Path: file.Path, At: file.Whole(), SQL: "select 'ö<&>'", Map: &source.Map{}},
		Definition: &state.Definition{Node: node("report"), Text: "select 'ö<&>'"},
	}
	pl := &Plan{Format: Format, Project: "shop", Target: "dev", Schema: "dev", Actions: []*Action{action}, Review: &Review{Changes: []Change{{Node: node("report"), How: Direct, Class: Values, Diff: "-a\n+b\n"}}}}
	sel := Selection{Nodes: map[addr.Node]bool{node("report"): true, node("ids"): true}, Tests: map[addr.Node]bool{p.Tests[0].ID: true}}
	return &Sealed{Engine: "1", Build: "2", Made: time.Unix(1000, 0).UTC(), Target: TargetOf(p), Vars: map[string]any{"a": "b"}, Selection: sel, World: WorldOf(pl, p, s, sel), Plan: pl}, p, s
}

func TestSealedRoundTrip(t *testing.T) {
	s, _, _ := sealed()
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Unseal(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(again)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
	if got := back.Plan.Actions[0].Build[0].(warehouse.CreateTableAs).Query; got != "select 'ö<&>'" {
		t.Errorf("query is %q", got)
	}
	// Layout does not matter, every other byte does.
	if _, err := Unseal(bytes.ReplaceAll(data, []byte("\n"), []byte("\n  "))); err != nil {
		t.Errorf("another layout: %v", err)
	}
	for _, c := range []struct {
		name     string
		old, new string
		want     error
	}{
		{"statement", "_engine_new__report", "_engine_new__orders", ErrPlanEdited},
		{"target", `"type": ""`, `"type": "x"`, ErrPlanEdited},
		{"format", `"format": 1,`, `"format": 99,`, ErrPlanFormat},
		{"kind", "engine plan", "terraform", ErrNoPlan},
	} {
		changed := strings.Replace(string(data), c.old, c.new, 1)
		if changed == string(data) {
			t.Fatalf("%s: nothing to change", c.name)
		}
		if _, err := Unseal([]byte(changed)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	for n := range len(data) - 1 { // what a full disk leaves
		if _, err := Unseal(data[:n]); !errors.Is(err, ErrPlanEdited) && !errors.Is(err, ErrNoPlan) {
			t.Fatalf("%d of %d bytes: got %v", n, len(data), err)
		}
	}
}

func TestOutdated(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	rebuild := func(s state.Snapshot, name string) {
		r := s.Nodes[node(name)]
		r.Version, r.At = "run2", at
		s.Nodes[node(name)] = r
	}
	drop := func(s state.Snapshot, name string) { delete(s.Relations, addr.Relation{Schema: "dev", Name: name}) }
	for _, c := range []struct {
		name   string
		change func(*Sealed, *compile.Program, state.Snapshot)
		want   []string // code, then notes; none: it can be applied
	}{
		{"nothing", func(*Sealed, *compile.Program, state.Snapshot) {}, nil},
		{"a parent was built", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { rebuild(s, "orders") }, []string{"plan-outdated", "orders was built by run run2 at 2026-11-21 12:00:00 UTC"}},
		{"the node itself was built", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { rebuild(s, "report") }, []string{"plan-outdated", "report was built by run run2 at 2026-11-21 12:00:00 UTC"}},
		{"what it leaves alone was built", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { rebuild(s, "ids") }, []string{"plan-outdated", "ids was built by run run2 at 2026-11-21 12:00:00 UTC"}},
		{"something else was built", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { rebuild(s, "apart") }, nil},
		{"records are gone", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { delete(s.Nodes, node("orders")) }, []string{"plan-outdated", "there is no record of orders any more"}},
		{"a build has begun", func(_ *Sealed, _ *compile.Program, s state.Snapshot) {
			r := s.Nodes[node("report")]
			r.Fingerprint = ""
			s.Nodes[node("report")] = r
		}, []string{"plan-outdated", "a build of report began and has not ended"}},
		{"a relation is gone", func(_ *Sealed, _ *compile.Program, s state.Snapshot) { drop(s, "orders") }, []string{"plan-outdated", "table dev.orders of orders is gone: somebody dropped it, or its time was over"}},
		{"another kind", func(_ *Sealed, _ *compile.Program, s state.Snapshot) {
			s.Relations[addr.Relation{Schema: "dev", Name: "orders"}] = warehouse.Relation{Kind: warehouse.View}
		}, []string{"plan-outdated", "dev.orders of orders is a view now, not a table"}},
		{"something is in the way", func(x *Sealed, _ *compile.Program, s state.Snapshot) {
			r := x.World.Relied[node("report")]
			r.Kind = warehouse.None
			x.World.Relied[node("report")] = r
		}, []string{"plan-outdated", "table dev.report of report is there now, and no record says who made it"}},
		{"a run broke off", func(_ *Sealed, _ *compile.Program, s state.Snapshot) {
			s.Relations[addr.Relation{Schema: "dev", Name: "_engine_new__report"}] = warehouse.Relation{Kind: warehouse.Table}
		}, []string{"plan-outdated", "dev._engine_new__report was left behind by a run that began since and broke off"}},
		{"a run had broken off before", func(x *Sealed, _ *compile.Program, s state.Snapshot) {
			rel := addr.Relation{Schema: "dev", Name: "_engine_new__report"}
			s.Relations[rel] = warehouse.Relation{Kind: warehouse.Table}
			x.World.Aside = []addr.Relation{rel}
		}, nil},
		{"new data", func(_ *Sealed, _ *compile.Program, s state.Snapshot) {
			s.Sources[addr.Node{Kind: addr.Source, Name: "app.raw"}] = "token2"
		}, nil},
		{"a model changed", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { p.Nodes[node("apart")].Fingerprint = "x" }, []string{"plan-project-changed", "model apart is not what it was"}},
		{"a model is new", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { p.Nodes[node("more")] = &compile.Node{} }, []string{"plan-project-changed", "model more is new"}},
		{"a model is gone", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { delete(p.Nodes, node("apart")) }, []string{"plan-project-changed", "model apart is gone"}},
		{"a test changed", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { p.Tests[0].Fingerprint = "t2" }, []string{"plan-project-changed", "test total is not what it was"}},
		{"a hook changed", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { p.OnRunEnd = []string{"select 2"} }, []string{"plan-project-changed", "the hooks of the run are not what they were"}},
		{"another schema", func(_ *Sealed, p *compile.Program, _ state.Snapshot) { p.Target.Schema = "prod" }, []string{"plan-foreign"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, p, s := sealed()
			c.change(x, p, s)
			if diff := cmp.Diff(c.want, told(x.Outdated(p, s))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			newer := x.World.Newer(p, s)
			if (c.name == "new data") != (len(newer) == 1) {
				t.Errorf("newer sources are %v", newer)
			}
		})
	}
}

func told(list diag.List) []string {
	var out []string
	for _, d := range list {
		out = append(append(out, string(d.Code)), d.Notes...)
	}
	return out
}

func TestAttach(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Action) *Action
		want   []string
	}{
		{"same", func(a *Action) *Action { return a }, nil},
		{"not built", func(*Action) *Action { return nil }, []string{"plan-outdated", "report would not be built"}},
		{"another verb", func(a *Action) *Action { a.Verb = Create; return a }, []string{"plan-outdated", "report: it would be create, not replace"}},
		{"another statement", func(a *Action) *Action { a.Build = a.Publish; return a }, []string{"plan-outdated", "report: it would be built by other statements"}},
		{"another test", func(a *Action) *Action { a.Tests[0].Rows = "select 2"; return a }, []string{"plan-outdated", "report: other tests would run"}},
		{"fewer tests", func(a *Action) *Action { a.Tests = nil; return a }, []string{"plan-outdated", "report: other tests would run"}},
		{"other words", func(a *Action) *Action { a.Reasons, a.Millis = nil, 7; return a }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, _, _ := sealed()
			data, err := x.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if x, err = Unseal(data); err != nil {
				t.Fatal(err)
			}
			of, _, _ := sealed()
			fresh := &Plan{}
			if a := c.change(of.Plan.Actions[0]); a != nil {
				fresh.Actions = append(fresh.Actions, a)
			}
			if diff := cmp.Diff(c.want, told(x.Attach(fresh))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			a := x.Plan.Actions[0]
			if placed := a.Origin.Map != nil && a.Origin.SQL != "" && a.Tests[0].At.File != nil; placed != (c.want == nil) {
				t.Errorf("places: %v", placed)
			}
		})
	}
}

// TestWorldKnowsItsParts: the world of a plan has what it builds, reads, tests and leaves
// alone, and no more.
func TestWorldKnowsItsParts(t *testing.T) {
	x, _, _ := sealed()
	got := slices.SortedFunc(maps.Keys(x.World.Relied), addr.Node.Compare)
	if diff := cmp.Diff("ids,orders,report,app.raw", join(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
