package artifact

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/python"
)

// UniqueID is dbt's name of a node: model.shop.orders, source.shop.app.orders,
// test.shop.not_null_orders_id.4a5b6c7d8e, unit_test.shop.orders.adds_up. Tests get the
// very hash that dbt gives them, so that histories kept by other tools go on.
func UniqueID(p *compile.Program, n addr.Node) string {
	project := p.Project.Settings.Name.V
	switch n.Kind {
	case addr.Test:
		if t := testOf(p, n); t != nil {
			return testID(p, t)
		}
	case addr.UnitTest:
		if u := unitTestOf(p, n); u != nil {
			return string(addr.UnitTest) + "." + project + "." + modelName(p, u.Node) + "." + n.Name
		}
	}
	return string(n.Kind) + "." + project + "." + n.Name
}

// modelName is a node's name without its version.
func modelName(p *compile.Program, n addr.Node) string {
	if node := p.Nodes[n]; node != nil && node.Version != nil {
		return node.Version.Model
	}
	return n.Name
}

// Find is the node that a unique id names; false if the program has none such.
func Find(p *compile.Program, id string) (addr.Node, bool) {
	kind, rest, ok := strings.Cut(id, ".")
	rest, in := strings.CutPrefix(rest, p.Project.Settings.Name.V+".")
	if !ok || !in {
		return addr.Node{}, false
	}
	n := addr.Node{Kind: addr.Kind(kind), Name: rest}
	switch n.Kind {
	case addr.Test:
		return findTest(p, id, rest)
	case addr.UnitTest:
		for _, u := range p.UnitTests {
			if UniqueID(p, u.ID) == id {
				return u.ID, true
			}
		}
		return addr.Node{}, false
	case addr.Exposure:
		return n, slices.ContainsFunc(p.Exposures, func(e *compile.Exposure) bool { return e.ID == n })
	}
	return n, p.Find(n) != nil
}

// findTest finds a test by its unique id or, as earlier manifests of the engine had it, by the
// engine's own name of it, with whatever hash.
func findTest(p *compile.Program, id, rest string) (addr.Node, bool) {
	for _, t := range p.Tests {
		// The name of a test begins with its kind, or with that of its package.
		if namespace, kind := t.DBTKind(); t.Written != nil && t.Written.Name.V == "" && !strings.HasPrefix(rest, "source_") && !strings.HasPrefix(rest, orElse(namespace, kind)) {
			continue
		}
		if testID(p, t) == id {
			return t.ID, true
		}
	}
	n := addr.Node{Kind: addr.Test, Name: rest}
	if testOf(p, n) != nil {
		return n, true
	}
	if cut := strings.LastIndexByte(rest, '.'); cut >= 0 {
		n.Name = rest[:cut]
	}
	return n, testOf(p, n) != nil
}

func testOf(p *compile.Program, n addr.Node) *compile.Test {
	i, ok := slices.BinarySearchFunc(p.Tests, n, func(t *compile.Test, n addr.Node) int { return t.ID.Compare(n) })
	if !ok {
		return nil
	}
	return p.Tests[i]
}

func unitTestOf(p *compile.Program, n addr.Node) *compile.UnitTest {
	i, ok := slices.BinarySearchFunc(p.UnitTests, n, func(t *compile.UnitTest, n addr.Node) int { return t.ID.Compare(n) })
	if !ok {
		return nil
	}
	return p.UnitTests[i]
}

func singular(t *compile.Test) bool { return t.Kind == "singular" }

func testID(p *compile.Program, t *compile.Test) string {
	_, name := t.DBTNames()
	id := "test." + p.Project.Settings.Name.V + "." + name
	if singular(t) {
		return id
	}
	namespace, kind := t.DBTKind()
	return id + "." + testHash(name, namespace, kind, kwargs(p, t))
}

// testHash repeats dbt's hash of a generic test: the last ten digits of the MD5 over the
// name and Python's repr of its metadata, every scalar turned into a string.
func testHash(name, namespace, kind string, kwargs map[string]any) string {
	metadata := map[string]any{"kwargs": kwargs, "name": kind, "namespace": orElse(namespace, "None")}
	sum := md5.Sum([]byte(name + python.Repr(worded(metadata))))
	digits := hex.EncodeToString(sum[:])
	return digits[len(digits)-10:]
}

// worded turns every scalar of a value into Python's text of it.
func worded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = worded(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = worded(x)
		}
		return out
	}
	return python.Str(v)
}

// kwargs are a generic test's arguments as dbt lists them: its own as they are written, the
// column and the model.
func kwargs(p *compile.Program, t *compile.Test) map[string]any {
	out := make(map[string]any, len(t.Args)+2)
	for k, v := range t.Args {
		if n, ok := v.(addr.Node); ok {
			v = call(p, n)
		}
		out[k] = v
	}
	if t.Written != nil {
		clear(out)
		for k, v := range t.Written.Args {
			out[k] = v.V
		}
	}
	if t.Column != "" {
		out["column_name"] = t.Column
	}
	out["model"] = "{{ get_where_subquery(" + call(p, t.Node) + ") }}"
	return out
}

// call is a reference as dbt writes it.
func call(p *compile.Program, n addr.Node) string {
	if n.Kind == addr.Source {
		pair := sourcePair(p, n)
		return "source('" + pair[0] + "', '" + pair[1] + "')"
	}
	if node := p.Nodes[n]; node != nil && node.Version != nil {
		return "ref('" + node.Version.Model + "', version='" + node.Version.V.V + "')"
	}
	return "ref('" + n.Name + "')"
}

// sourcePair splits a source's name; the properties know where, the name alone does not.
func sourcePair(p *compile.Program, n addr.Node) []string {
	if node := p.Nodes[n]; node != nil && node.Source != nil {
		return []string{node.Source.SourceName.V, node.Source.Table.V}
	}
	name, table, _ := strings.Cut(n.Name, ".")
	return []string{name, table}
}
