package compile

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
)

// Schema is a schema of a database, as database_schemas lists them at the end of a run.
type Schema struct{ Database, Schema string }

// LateEnd reports whether the statements of on-run-end depend on what the run has come to:
// their templates ask for results, schemas or database_schemas.
func (p *Program) LateEnd() bool { return p.end != nil }

// EndHooks makes the statements of on-run-end. results are those of the run, each a mapping that
// templates read, and schemas those in which something was built. It is for programs of which
// LateEnd is true.
func (p *Program) EndHooks(results []map[string]any, schemas []Schema) ([]string, diag.List) {
	if p.end == nil {
		return p.OnRunEnd, nil
	}
	return p.end(func(fn string) []any { return ended(fn, results, schemas) })
}

// ended is what the function fn of a template answers.
func ended(fn string, results []map[string]any, schemas []Schema) []any {
	out := []any{}
	switch fn {
	case "results":
		for _, r := range results {
			out = append(out, r)
		}
	case "schemas":
		for _, s := range schemas {
			if !slices.Contains(out, any(s.Schema)) {
				out = append(out, s.Schema)
			}
		}
	case "database_schemas":
		for _, s := range schemas {
			out = append(out, map[string]any{"database": s.Database, "schema": s.Schema})
		}
	}
	return out
}

// endHooks renders on-run-end as after a run that has built every node and has no results, to
// find mistakes and to know whether it has to be rendered again.
func (c *compiler) endHooks(p *Program) {
	var all []Schema
	for _, id := range p.Order {
		n := p.Nodes[id]
		s := Schema{n.Relation.Database, n.Relation.Schema}
		if id.Kind != addr.Source && n.Config.Materialized != "ephemeral" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	late := false
	env := c.env(nil, c.target.Dialect)
	env.Ended = func(fn string) []any {
		late = true
		return ended(fn, nil, all)
	}
	for _, h := range c.project.Settings.OnRunEnd {
		p.OnRunEnd = append(p.OnRunEnd, strings.Join(c.hooksIn(env, nil, []string{h.V}, h.At), ""))
	}
	if !late {
		return
	}
	p.end = func(answer func(fn string) []any) ([]string, diag.List) {
		again := &compiler{project: c.project, target: c.target, library: c.library, names: c.names, sources: c.sources, options: c.options, values: c.values}
		env := again.env(nil, c.target.Dialect)
		env.Ended = answer
		var texts []string
		for _, h := range c.project.Settings.OnRunEnd {
			texts = append(texts, strings.Join(again.hooksIn(env, nil, []string{h.V}, h.At), ""))
		}
		return texts, again.diags
	}
}
