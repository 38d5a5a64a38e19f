package editor

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/internal/golden"
)

// TestQuickIsWhole is the law of the quick look: what it finds in a file is what the command
// finds there when everything is read anew, for any text of the file, if nothing else has
// changed. The texts are those of projects full of mistakes, with random edits.
func TestQuickIsWhole(t *testing.T) {
	const files, edits = 5, 2 // of each project, of each file
	golden.Run(t, "../compile/testdata/mistakes/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		dir := t.TempDir()
		c.Unpack(t, dir)
		quickIsWhole(t, dir, files, edits)
		return nil
	})
	t.Run("shop", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, many)
		quickIsWhole(t, dir, len(many), 4*edits)
	})
}

// many is a project of many kinds of nodes without mistakes, in which rules are on.
var many = map[string]string{
	"engine.yml": `name: shop
targets: {dev: {type: duckdb, schema: dev}}
vars: {least: 3}
check:
  rules: {select-star: warn, cte-unused: warn, order-without-limit: warn, model-undocumented: warn, model-unused: warn, layering: error, join-cross: warn}
models: {staging: {materialized: view, tier: stg}}
`,
	"models/sources.yml":        "sources:\n  - name: app\n    tables:\n      - name: orders\n        columns: [{name: id, data_type: INT64}, {name: amount, data_type: NUMERIC}, {name: at, data_type: TIMESTAMP}]\n",
	"models/staging/orders.sql": "select id, amount, at from {{ source \"app\" \"orders\" }}\n",
	"models/staging/people.sql": "-- engine: allow order-without-limit because people are few\nselect 1 as id, 'a' as name order by id\n",
	"models/eph.sql":            "{{ config \"materialized\" \"ephemeral\" }}\nselect id, amount * {{ var \"least\" }} as amount from {{ ref \"orders\" }}\n",
	"models/fct.sql":            "{{ config \"materialized\" \"table\" \"tags\" \"a\" }}\nwith big as (select id, amount from {{ ref \"eph\" }} where amount > {{ include \"limit\" . }})\nselect big.id, big.amount, people.name from big join {{ ref \"people\" }} as people using (id)\n",
	"models/grown.sql":          "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id, amount from {{ ref \"orders\" }}\n{{ if is_incremental }}where id > (select max(id) from {{ this }}){{ end }}\n",
	"models/native.sql":         "{{ config \"dialect\" \"duckdb\" }}\nselect id, name || 'x' as name from {{ ref \"people\" }}\n",
	"models/native_reader.sql":  "select id, name from {{ ref \"native\" }}\n",
	"models/props.yml":          "models:\n  - name: fct\n    description: facts\n    columns: [{name: id, data_tests: [unique, not_null]}, {name: amount}]\n  - name: promised\n    config: {contract: {enforced: true}}\n    columns: [{name: id, data_type: INT64}]\n",
	"models/promised.sql":       "select id from {{ ref \"fct\" }}\n",
	"macros/limit.tmpl":         "{{ define \"limit\" }}{{ var \"least\" }}{{ end }}",
	"snapshots/kept.sql":        "{{ config \"unique_key\" \"id\" \"strategy\" \"timestamp\" \"updated_at\" \"at\" }}\nselect id, at from {{ ref \"orders\" }}\n",
	"tests/positive.sql":        "select id from {{ ref \"fct\" }} where amount < 0\n",
	"analyses/how_many.sql":     "select count(*) as n from {{ ref \"fct\" }}\n",
}

// quickIsWhole holds a project to the law. The command reads the first edit of each project,
// the others are checked whole with what is kept from one check to the next.
func quickIsWhole(t *testing.T, dir string, files, edits int) {
	w, _ := opened(t, dir, never)
	var paths []string
	v := w.View()
	for path := range v.files {
		if strings.HasSuffix(path, ".sql") {
			if _, known := w.base.Knows(path); known {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	r := rand.New(rand.NewPCG(7, uint64(len(paths))))
	words := vocabulary(t, v)
	commanded := false
	r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range paths[:min(files, len(paths))] {
		was := v.files[path].Data
		full := filepath.Join(dir, filepath.FromSlash(path))
		for i := range edits {
			text := mutate(r, was, words)
			w.Set(path, text)
			looked(t, w)
			ephemeral := false
			if n, ok := v.Node(path); ok {
				ephemeral = n.Config.Materialized == "ephemeral"
			}
			// What readers of an ephemeral model have in its text is found with them.
			own := func(list diag.List) []string {
				return lines(slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return ephemeral && d.Model != v.nodes[path] }))
			}
			got := own(w.View().Diagnostics(path))
			all := w.load(w.ctx, map[string][]byte{path: text})
			if all.base != nil {
				all.base.Close()
			}
			want := own(byPath(all.found)[path])
			if !commanded {
				commanded = true
				if err := os.WriteFile(full, text, 0o644); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(whole(t, dir)[path], lines(byPath(all.found)[path]), none); diff != "" {
					t.Errorf("%s, text %d (-command +whole):\n%s\n%s", path, i, diff, text)
				}
				if err := os.WriteFile(full, was, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, text %d (-whole +quick):\n%s\n%s", path, i, diff, text)
			}
		}
		w.Set(path, was)
		looked(t, w)
	}
}

// none makes no lines and no list of lines equal.
var none = cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*|"[^"\n]*"|\S`)

// vocabulary are words of all templates of a project.
func vocabulary(t *testing.T, v *View) []string {
	t.Helper()
	seen := map[string]bool{"select": true, ",": true, "*": true, "order by 1": true, "-- engine: allow select-star because so\n": true, "{{ ref \"nothing\" }}": true, "{{ if": true, "'": true, ")": true, ";": true, "distinct": true, "{{ config \"materialized\" \"table\" }}": true}
	for path, f := range v.files {
		if strings.HasSuffix(path, ".sql") {
			for _, m := range word.FindAllString(string(f.Data), -1) {
				seen[m] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// mutate is a text with one to three words taken out, put in, or replaced.
func mutate(r *rand.Rand, text []byte, words []string) []byte {
	out := string(text)
	for range 1 + r.IntN(3) {
		at := word.FindAllStringIndex(out, -1)
		if len(at) == 0 {
			return []byte(words[r.IntN(len(words))])
		}
		m := at[r.IntN(len(at))]
		switch r.IntN(4) {
		case 0:
			out = out[:m[0]] + out[m[1]:]
		case 1:
			out = fmt.Sprintf("%s%s %s", out[:m[0]], words[r.IntN(len(words))], out[m[0]:])
		default:
			out = out[:m[0]] + words[r.IntN(len(words))] + out[m[1]:]
		}
	}
	return []byte(out)
}
