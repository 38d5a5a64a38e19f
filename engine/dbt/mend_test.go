package dbt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// TestMend: what a reader reports of a properties file, and what becomes of it. The places are
// those of the words between «».
func TestMend(t *testing.T) {
	tests := []struct {
		name, file string
		codes      []diag.Code
		want       string
		notes      int
	}{
		{"keys of config go below meta", "models:\n  - name: a\n    config:\n      «team»: x # theirs\n      materialized: table\n      «sla»:\n        hours: 4\n",
			[]diag.Code{customKey, customKey}, "models:\n  - name: a\n    config:\n      meta:\n        team: x # theirs\n        sla:\n          hours: 4\n      materialized: table\n", 0},
		{"below the meta that is there", "config:\n  «team»: x\n  meta:\n    a: 1\n", []diag.Code{customKey}, "config:\n  meta:\n    team: x\n    a: 1\n", 0},
		{"between brackets", "a:\n  - config: {«team»: x, enabled: true}\n", []diag.Code{customKey}, "a:\n  - config: {enabled: true, meta: {team: x}}\n", 0},
		{"keys become comments", "sources:\n  - name: s\n    «quoting»: {a: b}\n    «time_spine»:\n      a: |\n        b\n\n      c: d\n    tables: []\n",
			[]diag.Code{ignoredKey, foreignKey}, "sources:\n  - name: s\n    # quoting: {a: b}\n    # time_spine:\n    #   a: |\n    #     b\n\n    #   c: d\n    tables: []\n", 2},
		{"what decides nothing goes", "seeds:\n  - name: s\n    config:\n      «quote_columns»: true\n      enabled: true\n", []diag.Code{foreignKey}, "seeds:\n  - name: s\n    config:\n      enabled: true\n", 0},
		{"the last key takes what is around with it", "models:\n  - name: a\n    config:\n      «freshness»: {a: 1}\n    tags: [x]\n", []diag.Code{foreignKey}, "models:\n  - name: a\n    # config:\n    #   freshness: {a: 1}\n    tags: [x]\n", 1},
		{"the first key of an item", "models:\n  - «owner_of»: x\n    name: a\n", []diag.Code{ignoredKey}, "models:\n    # owner_of: x\n  - name: a\n", 1},
		{"properties of nothing", "models:\n  - name: a\n  - name: «gone»\n    columns:\n    - name: x\n  # of b\n  - name: b\n", []diag.Code{unmatchedProps}, "models:\n  - name: a\n  # - name: gone\n  #   columns:\n  #   - name: x\n  # of b\n  - name: b\n", 1},
		{"of nothing else", "version: 2\nmodels:\n- name: «gone»\n  tests: [x]\n\nseeds: []\n", []diag.Code{unmatchedProps}, "version: 2\n# models:\n# - name: gone\n#   tests: [x]\n\nseeds: []\n", 1},
		{"with carriage returns", "config:\r\n  «x»: 1\r\n  enabled: true\r\n", []diag.Code{customKey}, "config:\r\n  meta:\n    x: 1\r\n  enabled: true\r\n", 0},
		{"other reports stay", "models:\n  - name: «a»\n", []diag.Code{"name-duplicate"}, "models:\n  - name: a\n", 0},
		{"no YAML", "models: [\n«x»: 1\n", []diag.Code{ignoredKey}, "models: [\nx: 1\n", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.NewReplacer("«", "", "»", "").Replace(test.file)
			f := source.NewFile("models/p.yml", []byte(text))
			var found diag.List
			at, rest := 0, test.file
			for _, code := range test.codes {
				before, after, _ := strings.Cut(rest, "«")
				word, behind, _ := strings.Cut(after, "»")
				at += len(before)
				found.Add(diag.Diagnostic{Code: code, Message: word, At: f.Span(at, at+len(word))})
				at, rest = at+len(word), behind
			}
			p := &Project{Files: map[string][]byte{"models/p.yml": []byte(text)}}
			changed := p.Mend(found)
			if d := cmp.Diff(test.want, string(p.Files["models/p.yml"])); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if changed != (test.want != text) {
				t.Errorf("changed: %v", changed)
			}
			if len(p.Notes) != test.notes {
				t.Errorf("%d notes, want %d: %v", len(p.Notes), test.notes, p.Notes)
			}
		})
	}
}

func TestIgnored(t *testing.T) {
	ignored := ignoredBy([]byte("# a comment\n\n*.bak\nmodels/old/\n/top.sql\n**/tmp/*.sql\n!keep.bak\n"))
	for p, want := range map[string]bool{
		"models/a.sql": false, "models/a.bak": true, "models/x/keep.bak": false, "models/old/a.sql": true, "models/older/a.sql": false,
		"top.sql": true, "models/top.sql": false, "models/tmp/a.sql": true, "tmp/a.sql": true, "models/tmp/b/a.sql": false,
	} {
		if got := ignored(p); got != want {
			t.Errorf("%s: %v, want %v", p, got, want)
		}
	}
}
