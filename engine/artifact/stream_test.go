package artifact

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// large is a program of so many models more, each with ten columns, three parents and two tests,
// with the result of a build of it and what the warehouse says of it.
func large(t testing.TB, models int) (*compile.Program, *run.Result, map[addr.Node]warehouse.Relation) {
	t.Helper()
	p := shop(&testing.T{})
	like := p.Nodes[node(addr.Model, "customers")]
	props := *like.Props
	var relation warehouse.Relation
	props.Columns = nil
	for i := range 10 {
		name := fmt.Sprintf("column_%d", i)
		c := *like.Props.Columns[0]
		c.Name.V = name
		props.Columns = append(props.Columns, &c)
		relation.Columns = append(relation.Columns, warehouse.Column{Name: name, Type: "INTEGER"})
	}
	r := &run.Result{Start: shopMeta.GeneratedAt, End: shopMeta.GeneratedAt}
	facts := map[addr.Node]warehouse.Relation{}
	var before []addr.Node
	for i := range models {
		n := *like
		n.ID.Name = fmt.Sprintf("m%05d", i)
		n.Relation.Name, n.Props = n.ID.Name, &props
		n.Parents = slices.Clone(before[max(0, len(before)-3):])
		n.Refs = nil
		for _, parent := range n.Parents {
			n.Refs = append(n.Refs, compile.Ref{To: parent})
		}
		before = append(before, n.ID)
		p.Nodes[n.ID] = &n
		p.Order = append(p.Order, n.ID)
		done := &run.NodeResult{Node: n.ID, Verb: plan.Replace, Status: run.Done, Rows: 1, Start: r.Start, End: r.End}
		for _, kind := range []string{"not_null", "unique"} {
			x := &compile.Test{
				ID: node(addr.Test, kind+"_"+n.ID.Name+"_column_0"), Kind: kind, Node: n.ID, Column: "column_0", Path: "models/s.yml", Parents: []addr.Node{n.ID},
				Written: &project.Test{Kind: project.Value[string]{V: kind}},
			}
			p.Tests = append(p.Tests, x)
			done.Tests = append(done.Tests, run.TestResult{ID: x.ID, Status: run.Done, SQL: "select 1", Start: r.Start, End: r.End})
		}
		r.Nodes = append(r.Nodes, done)
		facts[n.ID] = relation
	}
	slices.SortFunc(p.Tests, func(a, b *compile.Test) int { return a.ID.Compare(b.ID) })
	return p, r, facts
}

// files are the ways to write each file.
func files(t testing.TB, models int) map[string]func(io.Writer) error {
	p, r, facts := large(t, models)
	fresh := make([]FreshnessResult, models)
	for i := range fresh {
		fresh[i] = FreshnessResult{Source: node(addr.Source, "app.customers"), Status: "pass", MaxLoadedAt: shopMeta.GeneratedAt, SnapshotAt: shopMeta.GeneratedAt}
	}
	return map[string]func(io.Writer) error{
		"manifest":    func(out io.Writer) error { return Manifest(out, p, shopMeta) },
		"run_results": func(out io.Writer) error { return RunResults(out, r, p, plan.Selection{}, nil, shopMeta) },
		"catalog":     func(out io.Writer) error { return Catalog(out, p, facts, shopMeta) },
		"sources":     func(out io.Writer) error { return Sources(out, p, fresh, shopMeta) },
	}
}

// pieces counts what is written, and keeps the size of the largest piece.
type pieces struct{ total, largest int }

func (p *pieces) Write(b []byte) (int, error) {
	p.total += len(b)
	p.largest = max(p.largest, len(b))
	return len(b), nil
}

// TestFilesAreStreamed: no file is handed over as a whole.
func TestFilesAreStreamed(t *testing.T) {
	for name, write := range files(t, 2000) {
		var out pieces
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if out.total < 200_000 || out.largest > 1<<18 { // the group that all models are in is one entry
			t.Errorf("%s: %d bytes, one piece of %d", name, out.total, out.largest)
		}
	}
}

// TestWriteErrors: the error of the disk is told, wherever it comes.
func TestWriteErrors(t *testing.T) {
	for name, write := range files(t, 20) {
		for _, room := range []int{0, 1, 100, 70_000} {
			var all pieces
			if err := write(&all); err != nil {
				t.Fatal(err)
			}
			if all.total <= room {
				continue
			}
			if err := write(&full{room}); err == nil {
				t.Errorf("%s: no error from a disk with room for %d of %d bytes", name, room, all.total)
			}
		}
	}
}

// full has room for so many bytes.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.room {
		return 0, io.ErrShortWrite
	}
	f.room -= len(b)
	return len(b), nil
}

// BenchmarkFiles writes the files of 10,000 models with 20,000 tests and 100,000 columns. The
// budget is two seconds for each.
func BenchmarkFiles(b *testing.B) {
	all := files(b, 10_000)
	for _, name := range []string{"manifest", "run_results", "catalog", "sources"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var out pieces
				if err := all[name](&out); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(out.total))
			}
		})
	}
}
