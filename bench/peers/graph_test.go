package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refs are the models that a model reads.
func (n node) refs() []string {
	var out []string
	for _, p := range n.text {
		if p.ref != "" {
			out = append(out, p.ref)
		}
	}
	return out
}

// TestGraphs: every profile has the number of models that was asked for, refs point backwards,
// and the layered ones have the shape of real projects.
func TestGraphs(t *testing.T) {
	for p := range profiles {
		for _, models := range []int{10, 100, 1000} {
			nodes := graph(p, models, 42)
			if len(nodes) != models {
				t.Errorf("%s: %d models, not %d", p, len(nodes), models)
			}
			if diff := cmp.Diff(nodes, graph(p, models, 42), cmp.AllowUnexported(node{}, piece{})); diff != "" {
				t.Errorf("%s: another graph from the same seed: %s", p, diff)
			}
			depth, edges := map[string]int{}, 0
			for _, n := range nodes {
				at := 1
				if n.seed == (len(n.refs()) > 0) {
					t.Errorf("%s %s reads the seed and models, or nothing", p, n.name)
				}
				for _, ref := range n.refs() {
					if depth[ref] == 0 {
						t.Fatalf("%s %s reads %s, which comes later or is not there", p, n.name, ref)
					}
					at = max(at, depth[ref]+1)
					edges++
				}
				if depth[n.name] != 0 {
					t.Fatalf("%s %s is there twice", p, n.name)
				}
				depth[n.name] = at
			}
			deepest := 0
			for _, d := range depth {
				deepest = max(deepest, d)
			}
			if mean := float64(edges) / float64(models); models == 1000 && (p == layered || p == macros) && (mean < 0.8 || mean > 1.9 || deepest < 6 || deepest > maxDepth) {
				t.Errorf("%s: %.2f models are read by one in the mean, and the deepest is %d", p, mean, deepest)
			}
		}
	}
}

// TestSyntaxes: every tool gets every model, and nothing of another tool's syntax.
func TestSyntaxes(t *testing.T) {
	nodes := graph(macros, 200, 42)
	if !slices.ContainsFunc(nodes, func(n node) bool {
		return slices.ContainsFunc(n.text, func(p piece) bool { return p.bucket != "" })
	}) || !slices.ContainsFunc(nodes, func(n node) bool {
		return slices.ContainsFunc(n.text, func(p piece) bool { return p.perStatus != "" })
	}) {
		t.Error("profile D has no macro or no loop")
	}
	for name, made := range map[string]struct {
		files files
		end   string
		not   []string
	}{
		"engine":   {engineFiles(nodes, 1), ".sql", []string{"{%", "${", "MODEL ("}},
		"dbt":      {dbtFiles(nodes, 1), ".sql", []string{"{{ ref \"", "${", "MODEL (", "range"}},
		"sqlmesh":  {sqlmeshFiles(nodes, 1), ".sql", []string{"{{", "{%", "${"}},
		"dataform": {dataformFiles(nodes, "3"), ".sqlx", []string{"{{", "{%", "MODEL ("}},
	} {
		models := 0
		for path, text := range made.files {
			if !strings.HasSuffix(path, made.end) {
				continue
			}
			if strings.Contains(path, "_0") {
				models++
			}
			for _, word := range append(made.not, "%!", "%s") {
				if strings.Contains(text, word) {
					t.Errorf("%s: %s holds %q:\n%s", name, path, word, text)
				}
			}
		}
		if models != len(nodes) {
			t.Errorf("%s: %d models, not %d", name, models, len(nodes))
		}
	}
}

// TestEditsAreTheSame: an edit leaves all tools with the same number.
func TestEditsAreTheSame(t *testing.T) {
	nodes := graph(layered, 100, 42)
	numbers := map[string]string{}
	for name, made := range map[string]struct {
		files      files
		end, below string
	}{"engine": {engineFiles(nodes, 1), ".sql", "models/"}, "dataform": {dataformFiles(nodes, "3"), ".sqlx", "definitions/"}} {
		dir := t.TempDir()
		if err := made.files.write(dir); err != nil {
			t.Fatal(err)
		}
		change := edit(nodes, made.end, made.below, 1)
		for i := range 3 {
			if err := change(dir, i); err != nil {
				t.Fatal(err)
			}
			numbers[name] = numbers[name] + " " + edited(t, dir, made.below, made.end)
		}
	}
	if diff := cmp.Diff(map[string]string{"engine": " 1 3 5", "dataform": " 1 3 5"}, numbers); diff != "" {
		t.Error(diff)
	}
}

// edited is the number in the first staging model.
func edited(t *testing.T, dir, below, end string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, below, "staging", "s000", "stg_00000"+end))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "amount >= ")
	number, _, _ := strings.Cut(after, "\n")
	return number
}
