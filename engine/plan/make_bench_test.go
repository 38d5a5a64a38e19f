package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// lattice is a program of n models of twelve columns, a third of them views, each of which
// reads columns of three models before it.
func lattice(n int) *compile.Program {
	p := &compile.Program{
		Project: &project.Project{Settings: project.Settings{}}, Nodes: map[addr.Node]*compile.Node{},
		Target: compile.Target{Name: "dev", Type: "duckdb", Schema: "dev", Dialect: duckdb.Driver{}.Dialect()},
	}
	column := func(i int) string { return fmt.Sprintf("column_%02d", i) }
	for i := range n {
		id := addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%05d", i)}
		node := &compile.Node{
			ID: id, Path: "models/" + id.Name + ".sql", Relation: addr.Relation{Schema: "dev", Name: id.Name}, Dialect: project.GoogleSQL,
			SQL: "select 1", Fingerprint: "f" + id.Name, Reads: map[addr.Node]compile.Reading{}, Config: compile.Config{Enabled: true, Materialized: "table", Volatile: project.VolatileRebuild},
		}
		if i%3 == 1 {
			node.Config.Materialized = "view"
		}
		facets := &compile.Facets{Rows: compile.Facet{Hash: "rows" + id.Name, Reads: map[addr.Node]compile.Reading{}}, Columns: map[string]compile.Facet{}}
		for k := range min(i, 3) {
			parent := addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%05d", (i*i/7+31*k)%i)}
			if _, twice := node.Reads[parent]; twice {
				continue
			}
			node.Parents = append(node.Parents, parent)
			node.Reads[parent] = compile.Reading{Columns: []string{column(k), column(k + 3), column(k + 6)}}
			facets.Rows.Reads[parent] = compile.Reading{Columns: []string{column(k)}}
		}
		for c := range 12 {
			node.Columns = append(node.Columns, compile.Column{Name: column(c), Type: "BIGINT"})
			f := compile.Facet{Hash: id.Name + column(c)}
			if len(node.Parents) > 0 {
				k := c % len(node.Parents)
				f.Reads = map[addr.Node]compile.Reading{node.Parents[k]: {Columns: []string{column(k + 3*(c%3))}}}
			}
			facets.Columns[column(c)] = f
		}
		node.Facets = compile.Given(facets)
		p.Nodes[id] = node
		p.Order = append(p.Order, id)
	}
	for _, id := range p.Order {
		for _, parent := range p.Nodes[id].Parents {
			p.Nodes[parent].Children = append(p.Nodes[parent].Children, id)
		}
	}
	return p
}

func whole(p *compile.Program) plan.Selection {
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	for _, id := range p.Order {
		sel.Nodes[id] = true
	}
	return sel
}

// carriedOut is what a warehouse holds after a plan.
func carriedOut(s state.Snapshot, pl *plan.Plan, run string) state.Snapshot {
	out := state.Snapshot{Nodes: map[addr.Node]state.Record{}, Relations: map[addr.Relation]warehouse.Relation{}, Schemas: map[string]bool{"dev": true}}
	for id, r := range s.Nodes {
		out.Nodes[id] = r
	}
	for rel, r := range s.Relations {
		out.Relations[rel] = r
	}
	for _, a := range pl.Actions {
		r := state.Record{Node: a.Node, Relation: a.Relation, Kind: a.Kind, Materialized: a.Materialized, Fingerprint: a.Fingerprint, Version: run, Inputs: map[addr.Node]string{}}
		r.Content = a.Naming.Content(run, func(n addr.Node, reading compile.Reading) string { return out.Nodes[n].Content.Of(reading) })
		for _, p := range a.Parents {
			r.Inputs[p] = a.Input(p, out.Nodes[p].Content)
		}
		out.Nodes[a.Node] = r
		out.Relations[a.Relation] = warehouse.Relation{Name: a.Relation, Kind: a.Kind}
	}
	return out
}

// BenchmarkMake10k plans 10,000 models of which nothing, or one, has changed.
func BenchmarkMake10k(b *testing.B) {
	p := lattice(10_000)
	sel := whole(p)
	first, ds := plan.Make(p, state.Snapshot{}, sel)
	if ds.HasErrors() || len(first.Actions) != len(p.Order) {
		b.Fatalf("%d actions: %v", len(first.Actions), ds)
	}
	s := carriedOut(state.Snapshot{}, first, "run1")
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			if pl, _ := plan.Make(p, s, sel); len(pl.Actions) > 0 {
				b.Fatalf("%d actions, the first because %v", len(pl.Actions), pl.Actions[0].Reasons)
			}
		}
	})
	b.Run("edited", func(b *testing.B) {
		node := *p.Nodes[p.Order[6000]]
		facets := *node.Facets.Get()
		facets.Rows.Hash = "edited"
		node.Fingerprint, node.Facets = "edited", compile.Given(&facets)
		was := p.Nodes[node.ID]
		p.Nodes[node.ID] = &node
		defer func() { p.Nodes[node.ID] = was }()
		actions := 0
		for b.Loop() {
			pl, _ := plan.Make(p, s, sel)
			actions = len(pl.Actions)
		}
		b.ReportMetric(float64(actions), "actions")
	})
}

// TestMakeIsEmptyAfterItself: what was planned and carried out is not planned again, and a
// change of one column is the business of those that read it.
func TestMakeIsEmptyAfterItself(t *testing.T) {
	p := lattice(300)
	sel := whole(p)
	first, _ := plan.Make(p, state.Snapshot{}, sel)
	s := carriedOut(state.Snapshot{}, first, "run1")
	if again, _ := plan.Make(p, s, sel); len(again.Actions) > 0 {
		t.Fatalf("%s is planned again: %v", again.Actions[0].Node, again.Actions[0].Reasons)
	}
	readers := func(id addr.Node) (n int) {
		for _, child := range p.Nodes[id].Children {
			for _, c := range p.Nodes[child].Reads[id].Columns {
				if c == "column_00" {
					n++
				}
			}
		}
		return n
	}
	most := p.Order[0]
	for _, id := range p.Order {
		if readers(id) > readers(most) {
			most = id
		}
	}
	node := *p.Nodes[most]
	facets := *node.Facets.Get()
	columns := map[string]compile.Facet{}
	for name, f := range facets.Columns {
		columns[name] = f
	}
	f := columns["column_11"] // nobody reads it
	f.Hash = "edited"
	columns["column_11"] = f
	facets.Columns = columns
	node.Fingerprint, node.Facets = "edited", compile.Given(&facets)
	p.Nodes[node.ID] = &node
	second, _ := plan.Make(p, s, sel)
	if len(second.Actions) != 1 || second.Actions[0].Node != node.ID {
		t.Errorf("an unread column of %s rebuilds %d nodes", node.ID, len(second.Actions))
	}
	s = carriedOut(s, second, "run2")
	f = columns["column_00"] // whoever reads it as its first parent filters by it
	f.Hash = "edited"
	columns["column_00"] = f
	node.Fingerprint = "edited again"
	third, _ := plan.Make(p, s, sel)
	if n := readers(most); n == 0 || len(third.Actions) <= n {
		t.Errorf("a column that %d nodes read rebuilds %d", n, len(third.Actions))
	}
	s = carriedOut(s, third, "run3")
	if again, _ := plan.Make(p, s, sel); len(again.Actions) > 0 {
		t.Errorf("%s is planned again: %v", again.Actions[0].Node, again.Actions[0].Reasons)
	}
}
