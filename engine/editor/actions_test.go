package editor

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/diag"
)

// viewOf is a project of files, compiled as it is.
func viewOf(t testing.TB, files map[string]string) *View {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return viewIn(t, dir)
}

func viewIn(t testing.TB, dir string) *View {
	t.Helper()
	desk := engine.NewDesk(options(dir))
	defer desk.Close()
	p, found := desk.Load(nil)
	program, base, more := desk.Compile(context.Background(), p, nil)
	if base != nil {
		defer base.Close()
	}
	found.Add(more...)
	if program != nil {
		found.Add(check.Run(program, check.Options{Partial: found.HasErrors()})...)
	}
	return newView(p, program, desk.Files(), found, nil)
}

// archive are the files of a txtar file.
func archive(t testing.TB, path string) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// unsuggestible are suggestions that no edit can take up, and why.
var unsuggestible = map[diag.Code]string{}

// TestEverySuggestionIsAnAction: where a diagnostic of a corpus of mistakes says what was meant,
// there is an action that writes it, and what the diagnostic said is gone afterwards.
func TestEverySuggestionIsAnAction(t *testing.T) {
	var corpus []string
	for _, pattern := range []string{"../compile/testdata/mistakes/*.txtar", "../project/testdata/mistakes/*.txtar"} {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		corpus = append(corpus, list...)
	}
	settled := 0
	for _, path := range corpus {
		files := archive(t, path)
		if files["engine.yml"] == "" {
			continue
		}
		v := viewOf(t, files)
		for _, p := range v.Paths() {
			if _, ok := files[p]; !ok {
				continue
			}
			for _, d := range v.Diagnostics(p) {
				help := d.Help + " " + d.AtText + " " + d.Message
				if len(d.Edits) == 0 && !strings.Contains(help, "did you mean") {
					continue
				}
				var fix *Action
				for _, a := range v.Actions(p, d.At.Start, d.At.End) {
					if a.Fixes != nil && a.Fixes.Message == d.Message && a.Fixes.At == d.At && a.Preferred {
						fix = &a
						break
					}
				}
				if fix == nil {
					if unsuggestible[d.Code] == "" {
						t.Errorf("%s: %s: no action for %q (%q)", path, d.Line(), help, d.At.Text())
					}
					continue
				}
				settled++
			}
		}
	}
	t.Logf("%d suggestions have an action", settled)
}

// TestFixesSettle applies actions and looks again.
func TestFixesSettle(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		code  diag.Code
		want  string // of the file
	}{
		"ref": {
			map[string]string{"models/orders.sql": "select 1 as id", "models/b.sql": `select * from {{ ref "ordrs" }}`},
			"models/b.sql", "ref-unknown", `select * from {{ ref "orders" }}`,
		},
		"column": {
			map[string]string{"models/orders.sql": "select 1 as order_id", "models/b.sql": `select o.ordr_id from {{ ref "orders" }} as o`},
			"models/b.sql", "", `select o.order_id from {{ ref "orders" }} as o`,
		},
		"function": {
			map[string]string{"models/b.sql": `select upperr('a') as a`},
			"models/b.sql", "", `select upper('a') as a`,
		},
		"config key": {
			map[string]string{"models/b.sql": `{{ config "materialised" "table" }}select 1 as a`},
			"models/b.sql", "", `{{ config "materialized" "table" }}select 1 as a`,
		},
		"yaml key": {
			map[string]string{"models/b.sql": `select 1 as a`, "models/b.yml": "models:\n  - name: b\n    descripton: x\n"},
			"models/b.yml", "", "models:\n  - name: b\n    description: x\n",
		},
		"column of yaml": {
			map[string]string{"models/b.sql": `select 1 as amount`, "models/b.yml": "models:\n  - name: b\n    columns:\n      - name: amuont\n        data_tests: [not_null]\n"},
			"models/b.yml", "", "models:\n  - name: b\n    columns:\n      - name: amount\n        data_tests: [not_null]\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.files["engine.yml"] = "name: shop\n"
			v := viewOf(t, c.files)
			var got string
			var seen []string
			for _, d := range v.Diagnostics(c.path) {
				seen = append(seen, d.Line()+" | "+d.Help)
				for _, a := range v.Actions(c.path, d.At.Start, d.At.End) {
					if a.Preferred && (c.code == "" || a.Fixes.Code == c.code) {
						got = string(changedText(t, []byte(c.files[c.path]), a.Edits.Edits))
					}
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s%s", diff, fmt.Sprint(seen))
			}
		})
	}
}

// offered are the titles of the actions at a marker, and the file after the one of a kind.
func TestRefactorings(t *testing.T) {
	files := map[string]string{
		"engine.yml":        "name: shop\n",
		"models/orders.sql": "select 1 as id, 2 as customer_id, 3.5 as amount",
		"models/sums.sql": `select o.customer_id, t.total
from {{ ref "orders" }} as o
join (
    select customer_id, sum(amount) as total
    from {{ ref "orders" }}
    group by customer_id
) as t on t.customer_id = o.customer_id
`,
		"models/ones.sql": `with paid as (
    select id from {{ ref "orders" }}
), last as (
    select max(id) as id from paid
)

select * from last
`,
		"models/tied.sql": `select o.id, (select max(x.id) from {{ ref "orders" }} as x where x.id = o.id) as m
from {{ ref "orders" }} as o
`,
	}
	v := viewOf(t, files)
	at := func(p, text string) int {
		i := strings.Index(files[p], text)
		if i < 0 {
			t.Fatalf("%s has no %q", p, text)
		}
		return i
	}
	first := func(p string, offset int, kind ActionKind) string {
		for _, a := range v.Actions(p, offset, offset) {
			if a.Kind == kind {
				return string(changedText(t, []byte(files[p]), a.Edits.Edits))
			}
		}
		return ""
	}
	want := `with t as (
    select customer_id, sum(amount) as total
    from {{ ref "orders" }}
    group by customer_id
)

select o.customer_id, t.total
from {{ ref "orders" }} as o
join t on t.customer_id = o.customer_id
`
	if diff := cmp.Diff(want, first("models/sums.sql", at("models/sums.sql", "sum(amount)"), RefactorExtract)); diff != "" {
		t.Errorf("extract (-want +got):\n%s", diff)
	}
	want = `with last as (
    select max(id) as id from (
select id from {{ ref "orders" }}
) as paid
)

select * from last
`
	if diff := cmp.Diff(want, first("models/ones.sql", at("models/ones.sql", "paid"), RefactorInline)); diff != "" {
		t.Errorf("inline (-want +got):\n%s", diff)
	}
	var described bool
	for _, a := range v.Actions("models/orders.sql", 0, 0) {
		if len(a.Edits.Creates) == 1 {
			described = true
			want := Create{"models/orders.yml", "version: 2\n\nmodels:\n  - name: orders\n    description: \"\"\n    columns:\n      - name: id\n        description: \"\"\n      - name: customer_id\n        description: \"\"\n      - name: amount\n        description: \"\"\n"}
			if diff := cmp.Diff(want, a.Edits.Creates[0]); diff != "" {
				t.Errorf("describe (-want +got):\n%s", diff)
			}
		}
	}
	if !described {
		t.Error("nothing describes orders")
	}
	if got := first("models/tied.sql", at("models/tied.sql", "max"), RefactorExtract); got != "" {
		t.Errorf("a query that reads what is around it was extracted: %s", got)
	}
}

// TestAllow: the comment that an action writes allows the finding, once it says why.
func TestAllow(t *testing.T) {
	for _, text := range []string{
		"select a.id from {{ ref \"a\" }} as a, {{ ref \"a\" }} as b\n",
		"select\n    a.id\nfrom {{ ref \"a\" }} as a, {{ ref \"a\" }} as b\n",
	} {
		files := map[string]string{"engine.yml": "name: shop\n", "models/a.sql": "select 1 as id\n", "models/b.sql": text}
		v := viewOf(t, files)
		var done bool
		for _, d := range v.Diagnostics("models/b.sql") {
			for _, a := range v.Actions("models/b.sql", d.At.Start, d.At.End) {
				if a.Fixes == nil || !strings.HasPrefix(a.Title, "Allow ") || a.Fixes.Code != d.Code {
					continue
				}
				done = true
				now := string(changedText(t, []byte(text), a.Edits.Edits))
				files["models/b.sql"] = strings.Replace(now, "because ", "because both are small", 1)
				for _, left := range viewOf(t, files).Diagnostics("models/b.sql") {
					if left.Code == d.Code || strings.HasPrefix(string(left.Code), "allow") {
						t.Errorf("%s\n%s", left.Line(), files["models/b.sql"])
					}
				}
				unsaid := map[string]string{"engine.yml": files["engine.yml"], "models/a.sql": files["models/a.sql"], "models/b.sql": now}
				if len(viewOf(t, unsaid).Diagnostics("models/b.sql")) == 0 {
					t.Errorf("nothing asks for the reason:\n%s", now)
				}
			}
		}
		if !done {
			t.Errorf("nothing can be allowed: %v", v.Diagnostics("models/b.sql"))
		}
	}
}

// TestMissingModelIsMadeAmongModels: other folders hold SQL that is no model.
func TestMissingModelIsMadeAmongModels(t *testing.T) {
	const query = `select id from {{ ref "nowhere_at_all" }}`
	v := viewOf(t, map[string]string{
		"engine.yml":                "name: shop\nmodel-paths: [marts, base]\nanalysis-paths: [marts/analyses]\n",
		"marts/a.sql":               query,
		"marts/sales/b.sql":         query,
		"base/c.sql":                query,
		"marts/analyses/deep/d.sql": query,
		"tests/e.sql":               query,
		"snapshots/f.sql":           `{{ config "unique_key" "id" "strategy" "timestamp" "updated_at" "id" }}` + query,
	})
	got := map[string]string{}
	for _, p := range v.Paths() {
		for _, d := range v.Diagnostics(p) {
			for _, a := range v.Actions(p, d.At.Start, d.At.End) {
				if strings.HasPrefix(a.Title, "Create ") && d.Code == "ref-unknown" {
					got[p] = a.Edits.Creates[0].Path
				}
			}
		}
	}
	want := map[string]string{
		"marts/a.sql": "marts/nowhere_at_all.sql", "marts/sales/b.sql": "marts/sales/nowhere_at_all.sql", "base/c.sql": "base/nowhere_at_all.sql",
		"marts/analyses/deep/d.sql": "marts/nowhere_at_all.sql", "tests/e.sql": "marts/nowhere_at_all.sql", "snapshots/f.sql": "marts/nowhere_at_all.sql",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the files that are made (-want +got):\n%s", diff)
	}
}
