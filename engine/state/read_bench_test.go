package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// BenchmarkRead10k reads the records of 10,000 nodes of twelve columns, each built three times.
func BenchmarkRead10k(b *testing.B) {
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Type: "duckdb", Dir: b.TempDir(), Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	d := c.Dialect()
	send := func(ops ...warehouse.Op) {
		b.Helper()
		for _, op := range ops {
			statements, err := d.Render(op)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range statements {
				if _, err := c.Exec(ctx, s); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	send(Setup(d, "")...)
	const nodes = 10_000
	name := func(i int) addr.Node { return addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%05d", i)} }
	hash := func(i, k int) string { return fmt.Sprintf("%012x%012x", i, k) }
	for build := range 3 {
		var records []Record
		for i := range nodes {
			r := record(fmt.Sprintf("run%d", build), noon.Add(time.Duration(build)*time.Hour))
			r.Node, r.Relation.Name, r.Content = name(i), name(i).Name, Content{Rows: hash(i, build), Columns: map[string]string{}, Shape: hash(i, 1)}
			for k := range 12 {
				r.Content.Columns[fmt.Sprintf("column_%02d", k)] = hash(i, k)
			}
			r.Inputs = map[addr.Node]string{name(i / 2): hash(i, 2), name(i / 3): hash(i, 3)}
			if records = append(records, r); len(records) == 500 {
				send(BuiltOp(d, mine, r.Version, records...))
				records = nil
			}
		}
	}
	b.ResetTimer()
	for b.Loop() {
		snap, err := Read(ctx, c, mine, nil)
		if err != nil || len(snap.Nodes) != nodes {
			b.Fatal(len(snap.Nodes), err)
		}
	}
}
