package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// files is a project as path → content.
type files map[string]string

func (f files) write(t testing.TB, dir string) {
	t.Helper()
	for name, text := range f {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// bench is one project folder with its database.
type bench struct {
	t    *testing.T
	dir  string
	opts engine.Options
	runs int
}

func newBench(t *testing.T, f files) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	f.write(t, b.dir)
	b.opts = engine.Options{Dir: b.dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}}
	return b
}

func (b *bench) compile() *compile.Program {
	b.t.Helper()
	p, ds := engine.Load(b.opts)
	b.noErrors(ds)
	program, ds := engine.Compile(context.Background(), p, b.opts)
	b.noErrors(ds)
	return program
}

func (b *bench) noErrors(ds diag.List) {
	b.t.Helper()
	if ds.HasErrors() {
		var out bytes.Buffer
		diag.Render(&out, ds, diag.RenderOptions{})
		b.t.Fatalf("unexpected mistakes:\n%s", out.String())
	}
}

func everything(p *compile.Program) plan.Selection {
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	for _, n := range p.Order {
		sel.Nodes[n] = true
	}
	for _, t := range p.Tests {
		sel.Tests[t.ID] = true
	}
	for _, t := range p.UnitTests {
		sel.Tests[t.ID] = true
	}
	return sel
}

func (b *bench) open(p *compile.Program) warehouse.Conn {
	b.t.Helper()
	c, err := engine.Open(context.Background(), p, b.opts)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) apply(pl *plan.Plan, c warehouse.Conn, jobs int) *run.Result {
	b.t.Helper()
	b.runs++
	r, err := engine.Apply(context.Background(), pl, c, run.Options{Jobs: jobs, RunID: fmt.Sprintf("run%d", b.runs), Now: time.Now, Dir: b.dir})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// build compiles, plans and applies; it fails the test unless everything is right.
func (b *bench) build(jobs int, change func(*plan.Selection)) *run.Result {
	b.t.Helper()
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	sel := everything(p)
	if change != nil {
		change(&sel)
	}
	pl, ds, err := engine.Plan(context.Background(), p, c, sel)
	if err != nil {
		b.t.Fatal(err)
	}
	b.noErrors(ds)
	r := b.apply(pl, c, jobs)
	b.succeeded(r)
	return r
}

// dump is every row of every published relation, sorted.
func (b *bench) dump() map[string][]string {
	b.t.Helper()
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	return dump(b.t, c, p)
}

func dump(t *testing.T, c warehouse.Conn, p *compile.Program) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if id.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
			continue
		}
		switch there, err := warehouse.Probe(context.Background(), c, n.Relation); {
		case err != nil:
			t.Fatal(err)
		case there.Kind == warehouse.None:
			out[id.String()] = []string{"missing"}
			continue
		}
		rows, err := c.Query(context.Background(), warehouse.Statement{SQL: "select * from " + c.Dialect().Quote(n.Relation)})
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		for rows.Next() {
			v, err := rows.Values()
			if err != nil {
				t.Fatal(err)
			}
			out[id.String()] = append(out[id.String()], fmt.Sprint(v))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		slices.Sort(out[id.String()])
	}
	return out
}

// randomProject is a small project over one seed, with every kind of model that is
// deterministic.
func randomProject(r *rand.Rand, rows int) files {
	f := files{
		"engine.yml":    "name: laws\ndialect: duckdb\n",
		"seeds/raw.csv": seedRows(0, rows),
	}
	names := []string{"raw"}
	var yml strings.Builder
	yml.WriteString("version: 2\nmodels:\n")
	for i := range 3 + r.IntN(8) {
		name := fmt.Sprintf("m%02d", i)
		parent, other := names[r.IntN(len(names))], names[r.IntN(len(names))]
		var text string
		switch kind := r.IntN(6); kind {
		case 0:
			text = fmt.Sprintf("select id, grp, val + %d as val from {{ ref %q }}", i, parent)
		case 1:
			text = fmt.Sprintf("{{ config \"materialized\" \"table\" }}\nselect a.id, a.grp, a.val * 2 + coalesce(b.val, 0) as val\nfrom {{ ref %q }} as a left join {{ ref %q }} as b on a.id = b.id", parent, other)
		case 2:
			text = fmt.Sprintf("{{ config \"materialized\" \"ephemeral\" }}\nselect id, grp, val - 1 as val from {{ ref %q }} where id %% %d <> 0", parent, 2+i)
		case 3, 4:
			strategy := []string{"merge", "delete+insert"}[kind-3]
			text = fmt.Sprintf("{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" \"incremental_strategy\" %q }}\nselect id, grp, val from {{ ref %q }}\n{{ if is_incremental }}where id >= (select coalesce(max(id), 0) from {{ this }}) - 1000{{ end }}", strategy, parent)
		case 5:
			text = fmt.Sprintf("{{ config \"materialized\" \"incremental\" \"incremental_strategy\" \"append\" }}\nselect id, grp, val from {{ ref %q }}\n{{ if is_incremental }}where id not in (select id from {{ this }}){{ end }}", "raw")
		}
		f["models/"+name+".sql"] = text
		names = append(names, name)
		fmt.Fprintf(&yml, "  - name: %s\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n", name)
	}
	f["models/props.yml"] = yml.String()
	f["tests/all_positive.sql"] = fmt.Sprintf("select * from {{ ref %q }} where id < 0", names[len(names)-1])
	return f
}

func seedRows(from, to int) string {
	var b strings.Builder
	b.WriteString("id,grp,val\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%d,%c,%d\n", i+1, 'a'+rune(i%5), i*7%13)
	}
	return b.String()
}

func eachProject(t *testing.T, n int, f func(t *testing.T, project files, r *rand.Rand)) {
	for seed := range n {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 7))
			f(t, randomProject(r, 20+r.IntN(30)), r)
		})
	}
}

// closed is a driver that must not be opened.
type closed struct {
	duckdb.Driver
	t *testing.T
}

func (c closed) Open(context.Context, warehouse.Config) (warehouse.Conn, error) {
	c.t.Error("a connection was opened")
	return nil, warehouse.ErrUnsupported
}

func TestCompileOpensNoConnection(t *testing.T) {
	b := newBench(t, randomProject(rand.New(rand.NewPCG(1, 1)), 20))
	b.opts.Drivers = []warehouse.Driver{closed{t: t}}
	b.compile()
	if _, err := os.Stat(filepath.Join(b.dir, "target")); err == nil {
		t.Error("compiling wrote into target")
	}
}

func TestPlanIsAFunctionOfItsArguments(t *testing.T) {
	eachProject(t, 4, func(t *testing.T, project files, _ *rand.Rand) {
		b := newBench(t, project)
		var first []byte
		for range 5 {
			p := b.compile()
			c := b.open(p)
			pl, _, err := engine.Plan(context.Background(), p, c, everything(p))
			c.Close()
			if err != nil {
				t.Fatal(err)
			}
			text, err := pl.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = text
			}
			if diff := cmp.Diff(string(first), string(text)); diff != "" {
				t.Fatalf("the same inputs gave another plan:\n%s", diff)
			}
		}
	})
}

func TestApplyLooksAtThePlanOnly(t *testing.T) {
	eachProject(t, 4, func(t *testing.T, project files, _ *rand.Rand) {
		direct := newBench(t, project)
		direct.build(1, nil)
		carried := newBench(t, project)
		p := carried.compile()
		c := carried.open(p)
		pl, _, err := engine.Plan(context.Background(), p, c, everything(p))
		if err != nil {
			t.Fatal(err)
		}
		text, err := pl.JSON()
		if err != nil {
			t.Fatal(err)
		}
		read, err := plan.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), string(again)); diff != "" {
			t.Fatalf("the plan does not survive its JSON form:\n%s", diff)
		}
		if r := carried.apply(read, c, 2); !r.OK() {
			t.Fatal("applying the plan that was read failed")
		}
		c.Close()
		if diff := cmp.Diff(direct.dump(), carried.dump()); diff != "" {
			t.Errorf("a plan read from JSON built other tables:\n%s", diff)
		}
	})
}

func TestSecondPlanIsEmpty(t *testing.T) {
	eachProject(t, 6, func(t *testing.T, project files, _ *rand.Rand) {
		b := newBench(t, project)
		b.build(2, nil)
		p := b.compile()
		c := b.open(p)
		defer c.Close()
		pl, _, err := engine.Plan(context.Background(), p, c, everything(p))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range pl.Actions {
			t.Errorf("%s would be built again: %v (%d tests)", a.Node, a.Reasons, len(a.Tests))
		}
		if len(pl.Schemas) > 0 || len(pl.Orphans) > 0 {
			t.Errorf("the plan is not empty: %v %v", pl.Schemas, pl.Orphans)
		}
	})
}

func TestWorkersChangeNothingButTimes(t *testing.T) {
	eachProject(t, 4, func(t *testing.T, project files, _ *rand.Rand) {
		one, many := newBench(t, project), newBench(t, project)
		a, b := one.build(1, nil), many.build(16, nil)
		if diff := cmp.Diff(timeless(a), timeless(b)); diff != "" {
			t.Errorf("-j1 and -j16 report differently:\n%s", diff)
		}
		if diff := cmp.Diff(one.dump(), many.dump()); diff != "" {
			t.Errorf("-j1 and -j16 built different tables:\n%s", diff)
		}
	})
}

func timeless(r *run.Result) []string {
	var out []string
	for _, n := range r.Nodes {
		line := fmt.Sprint(n.Node, n.Verb, n.Status, n.Rows, n.Relation)
		for _, t := range n.Tests {
			line += fmt.Sprint(" ", t.ID, t.Status, t.Failures)
		}
		out = append(out, line)
	}
	return out
}

func TestIncrementalEqualsFullRefresh(t *testing.T) {
	eachProject(t, 8, func(t *testing.T, project files, r *rand.Rand) {
		grown := newBench(t, project)
		grown.build(2, nil)
		for range 3 {
			n := strings.Count(project["seeds/raw.csv"], "\n") - 1
			project["seeds/raw.csv"] += strings.TrimPrefix(seedRows(n, n+1+r.IntN(10)), "id,grp,val\n")
			project.write(t, grown.dir)
			grown.build(2, nil)
		}
		fresh := newBench(t, project)
		fresh.build(2, nil)
		if diff := cmp.Diff(fresh.dump(), grown.dump()); diff != "" {
			t.Errorf("the incremental history gave other tables than one full build (-full +incremental):\n%s", diff)
		}
	})
}

func TestSkippingEqualsBuildingAll(t *testing.T) {
	eachProject(t, 8, func(t *testing.T, project files, r *rand.Rand) {
		skipping := newBench(t, project)
		skipping.build(2, nil)
		var models []string
		for name, text := range project {
			if strings.HasSuffix(name, ".sql") && strings.HasPrefix(name, "models/") && !strings.Contains(text, "incremental") {
				models = append(models, name)
			}
		}
		slices.Sort(models)
		for range 3 {
			if len(models) == 0 {
				break
			}
			name := models[r.IntN(len(models))]
			switch r.IntN(3) {
			case 0:
				project[name] += "\n-- a comment"
			case 1:
				project[name] += "\nlimit 1000000"
			case 2:
				if i := strings.Index(project[name], "materialized\" \"table\""); i >= 0 {
					project[name] = strings.Replace(project[name], "materialized\" \"table\"", "materialized\" \"view\"", 1)
				}
			}
			project[name] = onlyOneLimit(project[name])
			project.write(t, skipping.dir)
			skipping.build(2, nil)
		}
		fresh := newBench(t, project)
		fresh.build(2, nil)
		if diff := cmp.Diff(fresh.dump(), skipping.dump()); diff != "" {
			t.Errorf("skipping gave other tables than building all (-all +skipping):\n%s", diff)
		}
	})
}

// A model that reads a file has an input without a version: it must not be skipped.
func TestModelsThatReadFilesAreNotSkipped(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "outside.csv")
	files{"outside.csv": "id\n1\n"}.write(t, filepath.Dir(csv))
	b := newBench(t, files{
		"engine.yml":      "name: files\ndialect: duckdb\n",
		"models/read.sql": fmt.Sprintf("{{ config \"materialized\" \"table\" }}\nselect * from read_csv('%s')", csv),
	})
	b.build(1, nil)
	files{"outside.csv": "id\n1\n2\n"}.write(t, filepath.Dir(csv))
	b.build(1, nil)
	want := map[string][]string{"model.read": {"[1]", "[2]"}}
	if diff := cmp.Diff(want, b.dump()); diff != "" {
		t.Errorf("after the file changed (-want +got):\n%s", diff)
	}
}

func onlyOneLimit(text string) string {
	const limit = "\nlimit 1000000"
	if strings.Count(text, limit) > 1 {
		text = strings.ReplaceAll(text, limit, "") + limit
	}
	return text
}
