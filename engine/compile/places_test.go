package compile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
)

// TestRelationsLeadBack: what a warehouse says of a relation in translated SQL, that it is
// not there for one, is shown where the model names it.
func TestRelationsLeadBack(t *testing.T) {
	o := project(t, map[string]string{
		"engine.yml":         "name: shop\n",
		"models/sources.yml": "sources: [{name: app, tables: [{name: orders, columns: [{name: id, data_type: INT64}, {name: n, data_type: INT32}]}]}]\n",
		"models/m.sql":       "with a as (\n    select id from {{ source \"app\" \"orders\" }}\n)\nselect a.id, b.n from a\nleft join {{ source \"app\" \"orders\" }} as b on a.id = b.id\n",
	})
	p, ds := engine.Load(o)
	program, more := engine.Compile(context.Background(), p, o)
	if ds = append(ds, more...); ds.HasErrors() {
		t.Fatal(ds[0])
	}
	n := program.Nodes[addr.Node{Kind: addr.Model, Name: "m"}]
	const name = `"app"."orders"`
	var lines []int
	for at, rest := 0, n.SQL; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			break
		}
		at += i
		span, ok := n.Map.At(at, at+1)
		if !ok || span.Text() != `{{ source "app" "orders" }}` {
			t.Errorf("%s at %d of\n%s\nleads to %q", name, at, n.SQL, span.Text())
		}
		line := span.Position().Line
		lines = append(lines, line)
		at, rest = at+1, n.SQL[at+1:]
	}
	if len(lines) != 2 || lines[0] != 2 || lines[1] != 5 {
		t.Errorf("the relations are named in lines %v, want 2 and 5", lines)
	}
}
