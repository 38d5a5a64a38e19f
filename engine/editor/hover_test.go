package editor

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

const ordersSQL = `with paid as (
    select order_id, customer_id, total, date(placed_at) as paid_on
    from {{ ref "stg_orders" }}
    where status = 'paid'
)
select
    paid.order_id,
    customer.customer_name,
    paid.total * 2 as doubled
from paid
left join {{ ref "stg_customers" }} as customer on customer.customer_id = paid.customer_id
`

func TestHover(t *testing.T) {
	v, err := storeView()
	if err != nil {
		t.Fatal(err)
	}
	in := func(old, now string) string { return strings.Replace(ordersSQL, old, now, 1) }
	for _, tt := range []struct {
		name, path, text string
		has              []string // nil: nothing is said
		not              []string
		about            string
	}{
		{name: "a model in a ref", text: in(`"stg_orders"`, `"stg_or|ders"`), about: `"stg_orders"`,
			has: []string{"**model stg_orders** · view", "One row for each order", "One row for each `order_id`", "* `status` `STRING` – where the order is", "`unique(order_id)`", "owner data-platform", "models/staging/stg_orders.sql"}},
		{name: "a source", text: `select * from {{ source "app" "ord|ers" }}`, has: []string{"**source app.orders**", "`lines` `ARRAY<STRUCT<sku STRING, quantity INT64>>`"}},
		{name: "the name of a source", text: `select * from {{ source "a|pp" "orders" }}`, has: []string{"The shop's own database", "* `customers`"}},
		{name: "a column", text: in("paid.order_id", "paid.order|_id"), about: "order_id",
			has: []string{"column `order_id` `INT64` of model `stg_orders`, through `paid`", "what identifies an order", "Tested: `not_null`, `unique`", "From `app.orders.id`", "Read by `fct_orders.order_id`"}},
		{name: "a column of one's own", path: "models/marts/fct_orders.sql", text: in("as doubled", "as dou|bled"), has: []string{"column `doubled` `NUMERIC` of model `fct_orders`", "From `stg_orders.total` (transformed)", "Origin: `app.orders.total`"}},
		{name: "a column of a cte", text: in("as paid_on", "as paid_|on"), has: []string{"column `paid_on` `DATE` of `paid`"}},
		{name: "where a cte is made", text: in("with paid", "with pa|id"), has: []string{"cte `paid`: 4 columns", "* `total` `NUMERIC`"}},
		{name: "where a cte is read", text: in("from paid\n", "from pai|d\n"), has: []string{"cte `paid`: 4 columns"}},
		{name: "an alias", text: in("customer.customer_name", "custo|mer.customer_name"), has: []string{"**model stg_customers**"}},
		{name: "a function", text: in("date(placed_at)", "dat|e(placed_at)"), has: []string{"date(year INT64, month INT64, day INT64)", "Here: `DATE`"}},
		{name: "a function without parentheses", text: "select current_da|te from {{ ref \"plan\" }}", has: []string{"Today."}},
		{name: "a star", text: "select *| from {{ ref \"stg_customers\" }}", has: []string{"3 columns", "`email`"}},
		{name: "a field", text: "select o.address.ci|ty from {{ ref \"stg_orders\" }} as o", has: []string{"`o.address.city` `STRING`"}},
		{name: "a keyword", text: "sel|ect 1", has: nil},
		{name: "a text", text: "select 'or|der_id' from {{ ref \"stg_orders\" }}", has: nil},
		{name: "a comment", text: "select 1 -- or|der_id", has: nil},
		{name: "a variable", text: `select {{ var "fe|e" }}`, has: []string{"`fee`: `0.5`"}},
		{name: "a macro", text: `select {{ include "month|_of" (dict "expr" "x") }}`, has: []string{`include "month_of" (dict "expr" expr)`, "first day of the month", "macros/dates.tmpl"}},
		{name: "a macro's argument", text: `select {{ include "month_of" (dict "ex|pr" "x") }}`, has: []string{"argument `expr` of macro `month_of`"}},
		{name: "a config key", text: `{{ config "material|ized" "view" }}`, has: []string{"what it becomes in the warehouse", "`table`"}},
		{name: "a template function", text: `{{ con|fig "materialized" "view" }}`, has: []string{"Sets configuration"}},
		{name: "a model in YAML", path: newYAML, text: "models:\n  - name: stg_or|ders\n", has: []string{"**model stg_orders**"}},
		{name: "a column in YAML", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: sta|tus\n", has: []string{"column `status` `STRING`", "(`placed`, `paid`, `shipped`)"}},
		{name: "a test", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests: [not_n|ull]\n", has: []string{"**test not_null**"}},
		{name: "a test of the project", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: total\n        data_tests:\n          - at_le|ast: {min: 1}\n", has: []string{"**test at_least**", "rows below a minimum"}},
		{name: "a key", path: newYAML, text: "models:\n  - name: stg_orders\n    deprecation|_date: 2026-01-01\n", has: []string{"when readers should have left the model"}},
		{name: "a config key in YAML", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      materia|lized: view\n", has: []string{"what it becomes in the warehouse"}},
		{name: "a key of engine.yml", path: "engine.yml", text: "name: shop\ndefault_tar|get: dev\n", has: []string{"the target that is taken without"}},
		{name: "config in engine.yml", path: "engine.yml", text: "name: shop\nmodels:\n  staging:\n    +mater|ialized: view\n", has: []string{"what it becomes in the warehouse"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.path
			if path == "" {
				path = newModel
			}
			text, at := cursorIn(t, tt.text)
			h, ok := typing(v, path, text).Hover(path, at)
			if ok != (tt.has != nil) {
				t.Fatalf("%v: %q", ok, h.Text)
			}
			for _, w := range tt.has {
				if !strings.Contains(h.Text, w) {
					t.Errorf("no %q in\n%s", w, h.Text)
				}
			}
			if ok && (at < h.From || at > h.To) {
				t.Errorf("%d is not in [%d, %d]", at, h.From, h.To)
			}
			if tt.about != "" && text[h.From:h.To] != tt.about {
				t.Errorf("it is about %q, want %q", text[h.From:h.To], tt.about)
			}
		})
	}
}

func TestInlays(t *testing.T) {
	v, err := storeView()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, text string
		want             string // the text with the notes in it
	}{
		{"a model as it is compiled", "models/marts/fct_orders.sql", "",
			`with paid as (
    select order_id«INT64», customer_id«INT64», total«NUMERIC», date(placed_at) as paid_on«DATE»
    from {{ ref "stg_orders" }}
    where status = 'paid'
)
select
    paid.order_id«INT64»,
    customer.customer_name«STRING»,
    paid.total * 2 as doubled«NUMERIC»,
    {{ include "month_of" (dict "expr" "paid.paid_on") }} as paid_month«DATE»
from paid
left join {{ ref "stg_customers" }} as customer on customer.customer_id = paid.customer_id
`},
		{"a star", newModel, `select * from {{ ref "stg_customers" }}`, `select *«→ customer_id, customer_name, email» from {{ ref "stg_customers" }}`},
		{"what is not known", newModel, `select a, f(b) as c from elsewhere`, `select a, f(b) as c from elsewhere`},
		{"expressions", newModel, `select case when total > 1 then 'a' else 'b' end as size, count(*) as n, sum(total) as t, avg(order_id) as m, total is null as none, [1] as l, struct(1 as a, 'x' as b) as s, array_agg(status) as all_of, coalesce(null, total) as c, cast(total as int64) as i, lines[offset(0)].sku as sku, (select max(placed_at) from {{ ref "stg_orders" }}) as last from {{ ref "stg_orders" }}`,
			`select case when total > 1 then 'a' else 'b' end as size«STRING», count(*) as n«INT64», sum(total) as t«NUMERIC», avg(order_id) as m«FLOAT64», total is null as none«BOOL», [1] as l«ARRAY<INT64>», struct(1 as a, 'x' as b) as s«STRUCT<a INT64, b STRING>», array_agg(status) as all_of«ARRAY<STRING>», coalesce(null, total) as c«NUMERIC», cast(total as int64) as i«INT64», lines[offset(0)].sku as sku, (select max(placed_at)«TIMESTAMP» from {{ ref "stg_orders" }}) as last«TIMESTAMP» from {{ ref "stg_orders" }}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := v
			if tt.text != "" {
				now = typing(v, tt.path, tt.text)
			}
			f, _ := now.File(tt.path)
			text := string(f.Data)
			list := now.Inlays(tt.path, 0, len(text))
			slices.Reverse(list)
			for _, i := range list {
				text = text[:i.At] + "«" + i.Text + "»" + text[i.At:]
			}
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSignature(t *testing.T) {
	v, err := storeView()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, label, active string }{
		{"select date_diff(|", "date_diff(end, start, part) → INT64", "end"},
		{"select date_diff(a, b, |) from t", "date_diff(end, start, part) → INT64", "part"},
		{"select date_diff(a, coalesce(b, |), day) from t", "coalesce(value, …) → type of value", "…"},
		{"select date_diff(a, coalesce(b, c), |) from t", "date_diff(end, start, part) → INT64", "part"},
		{"select safe.substr(a, 1, |)", "substr(text, position INT64 [, length INT64]) → type of text", "length INT64]"},
		{"select abs(1, |)", "abs(x) → type of x", ""},
		{"select double_it(|)", "double_it(x int64) → int64", "x int64"},
		{"select (|)", "", ""},
		{"select 1 where x in (select |)", "", ""},
		{"select a|bs(1)", "", ""},
		{`{{ ref "|" }}`, "ref model", "model"},
		{`{{ source "app" "|" }}`, "source name table", "table"},
		{`{{ config "materialized" "|" }}`, "config materialized text", "text"},
		{`{{ include "month_of" (dict "expr" |) }}`, `include "month_of" (dict "expr" expr)`, `"expr" expr`},
		{`{{ this | }}`, "", ""},
	} {
		text, at := cursorIn(t, tt.text)
		s, ok := typing(v, newModel, text).Signature(newModel, at)
		active := ""
		if s.Active >= 0 && ok {
			active = s.Label[s.Params[s.Active][0]:s.Params[s.Active][1]]
		}
		if s.Label != tt.label || active != tt.active {
			t.Errorf("%s: %q with %q, want %q with %q", tt.text, s.Label, active, tt.label, tt.active)
		}
	}
}

// TestFunctions asks the analyzer whether it knows the functions of the table.
func TestFunctions(t *testing.T) {
	for _, name := range functionNames() {
		f := functions()[name]
		if f.doc == "" || f.call == "" || !strings.HasPrefix(strings.ToLower(f.call), name+"(") {
			t.Errorf("%s: %+v", name, f)
		}
		for _, p := range f.params {
			if p[0] >= p[1] || p[1] > len(f.call) {
				t.Errorf("%s: parameter %v", name, p)
			}
		}
	}
	session, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	// These are syntax; nobody looks their names up.
	syntax := []string{"array", "cast", "exists", "extract", "safe_cast", "struct", "unnest"}
	for _, name := range functionNames() {
		if _, err := session.Analyze("select " + name + "()"); err != nil && strings.Contains(err.Error(), "not found") && !slices.Contains(syntax, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSweep asks everything at bytes of every file of the reference project, and of texts
// that are cut off there: it never panics, and answers are bounded and within the text.
func TestSweep(t *testing.T) {
	v, err := referenceView()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for path := range v.files {
		if sortOf(path) != proseFile {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	asked, found := 0, 0
	for _, path := range paths {
		f, _ := v.File(path)
		text := string(f.Data)
		ask := func(v *View, at int) {
			list := v.Complete(path, at)
			asked++
			found += len(list)
			now, _ := v.File(path)
			n := len(now.Data)
			if len(list) > MostCompletions {
				t.Fatalf("%s at %d: %d completions", path, at, len(list))
			}
			for _, c := range list {
				if c.From < 0 || c.From > at || c.To < at || c.To > n || c.Label == "" || strings.Contains(string(now.Data[c.From:c.To]), "\n") {
					t.Fatalf("%s at %d of %d: %+v", path, at, n, c)
				}
			}
			if h, ok := v.Hover(path, at); ok && (h.From < 0 || h.To < h.From || h.To > n || len(h.Text) > 64<<10) {
				t.Fatalf("%s at %d: %+v", path, at, h)
			}
			if s, ok := v.Signature(path, at); ok && s.Active >= len(s.Params) {
				t.Fatalf("%s at %d: %+v", path, at, s)
			}
		}
		// The files of the reference project have 150,000 bytes: each is asked at some, and
		// ENGINE_SWEEP=1 asks at all.
		step := 1 + len(text)/40
		if os.Getenv("ENGINE_SWEEP") != "" {
			step = 1
		}
		for at := 0; at <= len(text); at += step {
			ask(v, at)
			ask(typing(v, path, text[:at]), at)
		}
		for _, i := range v.Inlays(path, 0, len(text)) {
			if i.At < 0 || i.At > len(text) || i.Text == "" {
				t.Fatalf("%s: %+v", path, i)
			}
		}
	}
	t.Logf("%d files, %d places, %d completions", len(paths), asked, found)
	if asked < 1000 || found < 10*asked {
		t.Errorf("%d places have %d completions", asked, found)
	}
}

// TestMutations asks about texts that nobody meant: it comes back, and soon.
func TestMutations(t *testing.T) {
	v, err := storeView()
	if err != nil {
		t.Fatal(err)
	}
	bits := []string{"(", ")", "[", "]", "{{", "}}", "\"", "'", "`", "with ", "select ", " from ", " join ", ",", ".", "*", " case ", " end ", "\n", "--", "/*", "unnest(", " as ", " over (", "interval ", " union all ", "{{/*", "{{ end }}", "|>", "é", "\r\n", ": ", "- ", "{", "#", "except (", "using (", "struct<", ">"}
	r := rand.New(rand.NewPCG(1, 2))
	texts := map[string]string{newModel: ordersSQL, newYAML: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - accepted_values: {values: [a, b]}\n"}
	for range 1500 {
		for path, text := range texts {
			for range 1 + r.IntN(6) {
				at := r.IntN(len(text) + 1)
				end := min(len(text), at+r.IntN(12))
				text = text[:at] + bits[r.IntN(len(bits))] + text[end:]
			}
			at := r.IntN(len(text) + 1)
			now := typing(v, path, text)
			for _, c := range now.Complete(path, at) {
				if c.From > at || c.To < at || c.To > len(text) {
					t.Fatalf("%q at %d: %+v", text, at, c)
				}
			}
			now.Hover(path, at)
			now.Signature(path, at)
			now.Inlays(path, 0, len(text))
		}
	}
	// What is nested is read once.
	for _, deep := range []string{
		strings.Repeat("select (", 200) + "select 1" + strings.Repeat(")", 200), strings.Repeat("select array(", 100) + "1",
		"select " + strings.Repeat("coalesce(", 500) + "1" + strings.Repeat(", 2)", 500), "select " + strings.Repeat("case when a then ", 300) + "1" + strings.Repeat(" end", 300),
		"select * from " + strings.Repeat("(select * from ", 300) + "t" + strings.Repeat(")", 300), strings.Repeat("with a as (", 300), strings.Repeat("(", 5000), strings.Repeat("{{ (", 2000),
	} {
		begin := time.Now()
		now := typing(v, newModel, deep)
		now.Complete(newModel, len(deep))
		now.Hover(newModel, len(deep)/2)
		now.Inlays(newModel, 0, len(deep))
		now.Signature(newModel, len(deep)/2)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%.20q takes %v", deep, took)
		}
	}
}

// TestTypes compares the types that are told without the analyzer with its own, for all columns
// of the reference project: what is told is right.
func TestTypes(t *testing.T) {
	v, err := referenceView()
	if err != nil {
		t.Fatal(err)
	}
	told, all := 0, 0
	for _, n := range v.Program.Nodes {
		f, ok := v.File(n.Path)
		if !ok || sortOf(n.Path) != sqlFile || n.Unanalyzed != "" || n.Closure != nil || n.ID.Kind != "model" || len(n.Columns) == 0 {
			continue
		}
		s := scan(v.names(), tokenize(string(f.Data), v.lexisOf(n.Path), nil))
		if len(s.result) != len(n.Columns) {
			t.Errorf("%s: %d columns, not %d", n.Path, len(s.result), len(n.Columns))
			continue
		}
		for i, c := range s.result {
			all++
			if !strings.EqualFold(c.name, n.Columns[i].Name) {
				t.Errorf("%s: column %d is %s, not %s", n.Path, i, c.name, n.Columns[i].Name)
			}
			if c.google == nil {
				t.Logf("%s: the type of %s is not told: %s", n.Path, c.name, n.Columns[i].Type)
				continue
			}
			told++
			if want := n.Columns[i].Google; want != nil && !c.google.Equal(want) {
				t.Errorf("%s: %s is %s, not %s", n.Path, c.name, c.google, want)
			}
		}
	}
	t.Logf("%d of %d types", told, all)
	if told*10 < all*9 {
		t.Errorf("%d of %d types are told", told, all)
	}
}

// largeView is a View of a project with as many models, each with 20 columns, of which each reads
// the two before it.
func largeView(models int) *View {
	p := &project.Project{Settings: project.Settings{ModelPaths: []string{"models"}}}
	program := &compile.Program{Project: p, Nodes: map[addr.Node]*compile.Node{}}
	files := map[string]*source.File{}
	for i := range models {
		name := fmt.Sprintf("model_%05d", i)
		n := &compile.Node{ID: addr.Node{Kind: addr.Model, Name: name}, Path: fmt.Sprintf("models/area_%02d/%s.sql", i%40, name), Dialect: project.GoogleSQL}
		n.Config = compile.Config{Materialized: "table", Tags: []string{fmt.Sprintf("tag_%d", i%30)}, Owner: fmt.Sprintf("team_%d", i%12)}
		for c := range 20 {
			n.Columns = append(n.Columns, compile.Column{Name: fmt.Sprintf("column_%02d", c), Google: ir.TypeOf(ir.String), Description: "what it is"})
		}
		text := "select 1 as column_00"
		for d := 1; d < 3 && i-d >= 0; d++ {
			before := fmt.Sprintf("model_%05d", i-d)
			n.Parents = append(n.Parents, addr.Node{Kind: addr.Model, Name: before})
			text = fmt.Sprintf("with a as (select * from {{ ref %q }}) select a.column_00, column_01 from a where column_02 = 'x'", before)
		}
		n.File = source.NewFile(n.Path, []byte(text))
		files[n.Path] = n.File
		program.Nodes[n.ID] = n
		p.Models = append(p.Models, &project.File{Name: name, Source: n.File})
	}
	return newView(p, program, files, nil, nil)
}

// BenchmarkComplete is a completion at 10,000 models, by place; first of a new Program.
func BenchmarkComplete(b *testing.B) {
	v := largeView(10_000)
	const path = "models/area_00/model_04000.sql"
	for _, place := range []struct{ name, text string }{
		{"ref", `select * from {{ ref "|" }}`}, {"ref_typed", `select * from {{ ref "model_09|" }}`}, {"from", `select * from |`}, {"column", `select | from {{ ref "model_00007" }} as a join {{ ref "model_00008" }} as b on true`},
		{"config", `{{ config "tags" "|" }}`},
	} {
		at := strings.IndexByte(place.text, '|')
		now := typing(v, path, place.text[:at]+place.text[at+1:])
		b.Run(place.name, func(b *testing.B) {
			for b.Loop() {
				if len(now.Complete(path, at)) == 0 {
					b.Fatal("nothing")
				}
			}
		})
		b.Run(place.name+"_first", func(b *testing.B) {
			for b.Loop() {
				fresh := *now
				fresh.book = newBook(v.Project, v.Program)
				if len(fresh.Complete(path, at)) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
	b.Run("hover", func(b *testing.B) {
		f, _ := v.File(path)
		at := strings.Index(string(f.Data), "model_")
		for b.Loop() {
			if _, ok := v.Hover(path, at); !ok {
				b.Fatal("nothing")
			}
		}
	})
	b.Run("yaml", func(b *testing.B) {
		text := "models:\n  - name: "
		now := typing(v, "models/x.yml", text)
		for b.Loop() {
			if len(now.Complete("models/x.yml", len(text))) == 0 {
				b.Fatal("nothing")
			}
		}
	})
}
