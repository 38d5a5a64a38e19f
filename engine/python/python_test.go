package python_test

import (
	"os"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/jinja"
	. "github.com/engine-build/engine/engine/python"
	"github.com/engine-build/engine/engine/source"
)

// TestExpressions: what Jinja2 prints of an expression is what we print, and what it cannot
// compute we cannot. The results are its own, see testdata/results.py.
func TestExpressions(t *testing.T) {
	read := func(path string) []string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	}
	expressions, want := read("testdata/expressions.txt"), read("testdata/results.txt")
	if len(expressions) != len(want) || len(want) < 500 {
		t.Fatalf("%d expressions and %d results", len(expressions), len(want))
	}
	failed := 0
	for i, text := range expressions {
		tree, list := jinja.Parse(source.NewFile("x", []byte("{{ "+text+" }}")))
		if list != nil {
			t.Errorf("%s: %v", text, list)
			continue
		}
		v, err := value(tree.Body[0].(*jinja.Output).X)
		got := "error"
		if err == nil {
			got = strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(Str(v))
		} else {
			failed++
		}
		if got != want[i] {
			t.Errorf("%s\n got %s (%v)\nwant %s", text, got, err, want[i])
		}
	}
	if failed > len(want)/3 {
		t.Errorf("%d of %d cannot be computed", failed, len(want))
	}
}
