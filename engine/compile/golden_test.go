package compile_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/internal/golden"
)

// TestGolden keeps what programs are made of: one text for the nodes, one for the tests.
// A file «vars» in the archive is what --vars would have given.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/golden/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		dir := t.TempDir()
		c.Unpack(t, dir)
		o := options(dir)
		if text, ok := c.Inputs()["vars"]; ok {
			if err := yaml.Unmarshal(text, &o.Vars); err != nil {
				t.Fatal(err)
			}
		}
		program := compiled(t, o)
		out := map[string]string{"nodes": nodes(program)}
		if text := tests(program); text != "" {
			out["tests"] = text
		}
		return out
	})
}

// compiled is the program of a project that must have no mistakes, warnings included.
func compiled(t *testing.T, o engine.Options) *compile.Program {
	t.Helper()
	p, list := engine.Load(o)
	program, more := engine.Compile(context.Background(), p, o)
	for _, d := range append(list, more...) {
		t.Errorf("unexpected: %s", d.Error())
	}
	if t.Failed() {
		t.FailNow()
	}
	return program
}

// nodes writes the program's nodes in order. What is as usual is left out.
func nodes(p *compile.Program) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, id := range p.Order {
		n := p.Nodes[id]
		line("%s %s %s", id, n.Config.Materialized, n.Relation)
		if len(n.Parents) > 0 {
			line("  reads %s", join(n.Parents))
		}
		if n.Unanalyzed != "" {
			line("  columns unknown: %s", n.Unanalyzed)
		}
		for _, col := range n.Columns {
			line("  %s %s", col.Name, col.Type)
		}
		list := func(name string, values []string) {
			if len(values) > 0 {
				line("  %s: %s", name, strings.Join(values, " | "))
			}
		}
		list("tags", n.Config.Tags)
		list("macros", n.Macros)
		list("pre_hook", n.Config.PreHooks)
		list("post_hook", n.Config.PostHooks)
		list("incremental_predicates", n.Config.IncrementalPredicates)
		list("volatile", n.Volatile)
		for _, m := range []struct {
			name   string
			values map[string]any
		}{{"meta", n.Config.Meta}, {"vars", n.Vars}} {
			for _, key := range slices.Sorted(maps.Keys(m.values)) {
				line("  %s %s = %v", m.name, key, m.values[key])
			}
		}
		for _, text := range []struct{ name, sql string }{{"sql", n.SQL}, {"incremental sql", n.IncrementalSQL}} {
			if text.sql != "" {
				line("  %s:\n    %s", text.name, strings.ReplaceAll(text.sql, "\n", "\n    "))
			}
		}
	}
	if len(p.Disabled) > 0 {
		line("disabled %s", join(p.Disabled))
	}
	for _, e := range p.Exposures {
		line("%s reads %s", e.ID, join(e.Parents))
	}
	for _, h := range p.OnRunStart {
		line("on-run-start: %s", h)
	}
	for _, h := range p.OnRunEnd {
		line("on-run-end: %s", h)
	}
	return b.String()
}

func join(ids []addr.Node) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return strings.Join(names, ", ")
}

// tests writes the data tests and unit tests.
func tests(p *compile.Program) string {
	var b strings.Builder
	for _, t := range p.Tests {
		fmt.Fprintf(&b, "%s: %s reads %s, %s", t.ID.Name, t.Kind, join(t.Parents), t.Config.Severity)
		if len(t.Config.Tags) > 0 {
			fmt.Fprintf(&b, ", tags %s", strings.Join(t.Config.Tags, " "))
		}
		if t.Config.Where != "" {
			fmt.Fprintf(&b, ", where %s", t.Config.Where)
		}
		b.WriteString("\n")
		for _, key := range slices.Sorted(maps.Keys(t.Args)) {
			fmt.Fprintf(&b, "  %s = %v\n", key, t.Args[key])
		}
		if t.SQL != "" {
			fmt.Fprintf(&b, "  sql:\n    %s\n", strings.NewReplacer("\x00", "§", "\n", "\n    ").Replace(t.SQL))
		}
	}
	for _, t := range p.UnitTests {
		fmt.Fprintf(&b, "%s: unit test of %s\n  actual:\n    %s\n  expect:\n    %s\n", t.ID.Name, t.Node,
			strings.ReplaceAll(t.SQL, "\n", "\n    "), strings.ReplaceAll(t.ExpectSQL, "\n", "\n    "))
	}
	return b.String()
}
