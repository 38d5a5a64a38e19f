// Package gen writes projects of any size for benchmarks: the shape is the one that the
// published comparisons of dbt, Fusion and Rocky use (30 % sources, 30 % staging, 25 %
// intermediate, 15 % marts), the content is trivial SQL that runs on any warehouse.
package gen

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options of a project. The same options give the same bytes.
type Options struct {
	Models       int
	Seed         uint64 // 42 in published numbers
	Materialized string // of every model; default table
	Tests        bool   // unique and not_null on the key of every model
}

// perFolder is how many models share a folder and its one YAML file.
const perFolder = 100

// Model is one generated model.
type Model struct {
	Layer string // sources, staging, intermediate, marts
	Name  string
	Refs  []string
	SQL   string // with refs
}

// Path is the model's file, slash-separated, relative to the project.
func (m Model) path(i int) string {
	return fmt.Sprintf("models/%s/%s%03d/%s.sql", m.Layer, m.Layer[:1], i/perFolder, m.Name)
}

// Models plans a project: models in an order in which refs point backwards.
func Models(o Options) []Model {
	r := rand.New(rand.NewPCG(o.Seed, 0))
	kind := o.Materialized
	if kind == "" {
		kind = "table"
	}
	layer := func(prefix string, share int) []string {
		out := make([]string, max(o.Models*share/100, 1))
		for i := range out {
			out[i] = fmt.Sprintf("%s_%05d", prefix, i)
		}
		return out
	}
	src, stg, inter := layer("src", 30), layer("stg", 30), layer("int", 25)
	marts := layer("mart", 15)
	// Rounding goes to the marts, so that the count is exact.
	for len(src)+len(stg)+len(inter)+len(marts) < o.Models {
		marts = append(marts, fmt.Sprintf("mart_%05d", len(marts)))
	}

	var out []Model
	add := func(layer, name string, refs []string, body string) {
		out = append(out, Model{Layer: layer, Name: name, Refs: refs, SQL: fmt.Sprintf("{{ config \"materialized\" %q }}\n%s\n", kind, body)})
	}
	for i, name := range src {
		add("sources", name, nil, fmt.Sprintf("select %d as id, 'name %d' as name, cast(%d as integer) as amount", i, i, r.IntN(1000)))
	}
	for i, name := range stg {
		from := src[i%len(src)]
		add("staging", name, []string{from}, fmt.Sprintf("select\n    id,\n    name,\n    amount\nfrom {{ ref %q }}\nwhere amount >= 0", from))
	}
	for i, name := range inter {
		refs := pick(r, stg, 1+r.IntN(3))
		if i > 0 && r.IntN(10) < 3 {
			refs = append(refs, inter[r.IntN(i)])
		}
		add("intermediate", name, refs, union(refs))
	}
	for _, name := range marts {
		refs := pick(r, inter, 2+r.IntN(3))
		add("marts", name, refs, union(refs))
	}
	return out
}

// union reads all refs, so that every edge is a real one.
func union(refs []string) string {
	var b strings.Builder
	b.WriteString("select id, max(name) as name, sum(amount) as amount\nfrom (")
	for i, ref := range refs {
		if i > 0 {
			b.WriteString("\n    union all")
		}
		fmt.Fprintf(&b, "\n    select id, name, amount from {{ ref %q }}", ref)
	}
	b.WriteString("\n) as parts\ngroup by id")
	return b.String()
}

// pick takes n different names, or all if there are fewer.
func pick(r *rand.Rand, from []string, n int) []string {
	var out []string
	for len(out) < min(n, len(from)) {
		if name := from[r.IntN(len(from))]; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Write puts a project into dir, which must be empty or not exist.
func Write(dir string, o Options) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("write project: %s is not empty", dir)
	}
	files := map[string]*strings.Builder{"engine.yml": {}}
	files["engine.yml"].WriteString("name: bench\ndefault_target: dev\ntargets:\n  dev:\n    type: duckdb\n    schema: bench\n")
	count := map[string]int{}
	for _, m := range Models(o) {
		path := m.path(count[m.Layer])
		count[m.Layer]++
		files[path] = &strings.Builder{}
		files[path].WriteString(m.SQL)
		yml := filepath.ToSlash(filepath.Dir(path)) + "/models.yml"
		if files[yml] == nil {
			files[yml] = &strings.Builder{}
			files[yml].WriteString("version: 2\nmodels:\n")
		}
		describe(files[yml], m, o.Tests)
	}
	for path, text := range files {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("write project: %w", err)
		}
		if err := os.WriteFile(full, []byte(text.String()), 0o644); err != nil {
			return fmt.Errorf("write project: %w", err)
		}
	}
	return nil
}

func describe(b *strings.Builder, m Model, tests bool) {
	fmt.Fprintf(b, "  - name: %s\n    description: A generated model of the layer %s.\n    columns:\n      - name: id\n        description: The key.\n", m.Name, m.Layer)
	if tests {
		b.WriteString("        data_tests: [unique, not_null]\n")
	}
	b.WriteString("      - name: amount\n        description: What it is worth.\n")
}
