package project

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/source"
)

// simpleLikeAny holds simpleYAML to the parser of all YAML: the same tree, or none. It
// reports whether the text was simple.
func simpleLikeAny(t *testing.T, text string) bool {
	t.Helper()
	got, ok := simpleYAML([]byte(text))
	if !ok {
		return false
	}
	f := source.NewFile("a.yml", []byte(text))
	want, list := parseAnyYAML(&document{file: f, lines: yamlLines(f.Data)})
	for _, d := range list {
		if d.Code != codeYAMLDuplicate { // two keys of one name: the tree is there
			t.Fatalf("%q is taken for simple, but: %s %s", text, d.Code, d.Message)
		}
	}
	if diff := cmp.Diff(want.root, got, cmpopts.IgnoreFields(yaml.Node{}, "HeadComment", "LineComment", "FootComment")); diff != "" {
		t.Fatalf("%q (-parser +simple):\n%s", text, diff)
	}
	return true
}

var simpleSeeds = []string{
	"a: b\n", "a:\n  b: c\n  d: e\n", "a:\n- b\n- c\nd: e\n", "a:\n  - b: c\n    d:\n      - e\n  - f: g\n", "a:\nb:\n",
	"# c\na: 1 # d\n\n  # e\nb: [x, 'y', \"z z\", {k: v, l: [1]}]\n", "- a\n- b: c\n", "a: 'x'\nb: \"\"\nc: é ü\nd: true\ne: null\n",
	"a:   # c\n  b: c\n", "a: {b: c d, e: f}\n", "a: b c: d\n", "a: b\n  c\n", "a: - b\n", "a:\n   - b\n  - c\n", "a: 2024-01-01\nb: 1.5\n", "a: b #c\nd: e#f\n",
	"models:\n  - name: x\n    columns:\n      - {name: id, data_type: INT64}\n      - name: y\n        data_tests: [unique, not_null]\n",
	"a: [b\n", "a: {b}\n", "a: [b, ]\n", "a: \"b\" c\n", "a: b\na: c\n", "-\n  a: b\n", "a: {b: f('x'), c: 10 days}\n", "a: 0.50\nb: 1.5TiB\nc: 1e5\nd: 007\ne: 1_000\nf: 12:30\n", "a: 3 - 4\nb: 5,6\n", "a: [1,2]\nb: [ ]\n", "a: b  \n", "a: x:y\nb: 10 days\n",
	"a:\n  b\n", "a:\n    b: c\n  d: e\n", "- - a\n", "a: |\n  b\n", "a: &x b\n", "---\na: b\n", "a: b\n...\n", "a: b\n\n\n", "a: b", "a :b\n", "é: b\n",
}

func TestSimpleYAML(t *testing.T) {
	simple := 0
	for _, text := range simpleSeeds {
		if simpleLikeAny(t, text) {
			simple++
		}
	}
	if simple < 16 {
		t.Errorf("only %d of the simple documents are taken for such", simple)
	}
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	simple = 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range a.Files {
			if strings.HasSuffix(x.Name, ".yml") && simpleLikeAny(t, string(unescape(x.Data))) {
				simple++
			}
		}
	}
	if simple < 10 {
		t.Errorf("only %d of the properties in testdata are taken for simple", simple)
	}
}

// TestSimpleYAMLRandom puts lines together that are simple by themselves, and often not
// together.
func TestSimpleYAMLRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	parts := []string{"a:", "b: c", "- d", "- e: f", "- g:", "# h", "", "i: [j, k]", "- {l: m}", "n: 'o'", "p: \"q\" # r", "- s # t", "u: v w", "x: 1", "- é", "y: true", "- 'z'", "-", "a: b: c", "w", "- [1, x y]", "k: é # ü", "  ", "- {f: g('h'), i: 0.5}", "l: 3 days", "m: 1.2", "- a:  b"}
	simple, n := 0, 60_000
	for range n {
		var b strings.Builder
		indent := 0
		for range 1 + r.IntN(7) {
			switch r.IntN(5) {
			case 0:
				indent += 2
			case 1:
				indent = max(0, indent-2)
			case 2:
				indent = max(0, indent+r.IntN(5)-2)
			}
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", indent), parts[r.IntN(len(parts))])
		}
		if simpleLikeAny(t, b.String()) {
			simple++
		}
	}
	if simple < n/50 {
		t.Errorf("only %d of %d were simple: nothing is tested", simple, n)
	}
}

func FuzzSimpleYAML(f *testing.F) {
	for _, s := range simpleSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := fuzzFile(text); ok {
			simpleLikeAny(t, text)
		}
	})
}
