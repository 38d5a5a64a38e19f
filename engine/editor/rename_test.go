package editor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// renameLab is a copy of a project that renames are tried on, one at a time.
type renameLab struct {
	t    testing.TB
	dir  string
	desk *engine.Desk
	view *View
}

func newRenameLab(t testing.TB, dir string) *renameLab {
	t.Helper()
	l := &renameLab{t: t, dir: dir, desk: engine.NewDesk(options(dir))}
	t.Cleanup(l.desk.Close)
	p, program, found := l.compile()
	if found.HasErrors() {
		t.Fatal(found)
	}
	l.view = newView(p, program, l.desk.Files(), found, nil)
	return l
}

func (l *renameLab) compile() (*project.Project, *compile.Program, diag.List) {
	p, found := l.desk.Load(nil)
	program, base, more := l.desk.Compile(context.Background(), p, nil)
	if base != nil {
		defer base.Close()
	}
	found.Add(more...)
	found.Add(check.Run(program, check.Options{})...)
	return p, program, found
}

// reference is a copy of the reference project.
func reference(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"engine.yml", "models", "macros", "seeds", "snapshots", "tests"} {
		from := filepath.Join("..", "..", name)
		if s, err := os.Stat(from); err == nil && s.IsDir() {
			if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// apply writes edits to the files, and gives what takes them back.
func (l *renameLab) apply(e Edits) (undo func()) {
	l.t.Helper()
	was := map[string][]byte{}
	var changed []string
	files := map[string][]source.Edit{}
	for _, ed := range e.Edits {
		files[ed.At.File.Path] = append(files[ed.At.File.Path], ed)
	}
	at := func(p string) string { return filepath.Join(l.dir, filepath.FromSlash(p)) }
	for p, edits := range files {
		data, err := os.ReadFile(at(p))
		if err != nil {
			l.t.Fatal(err)
		}
		was[p] = data
		changed = append(changed, p)
		if err := os.WriteFile(at(p), changedText(l.t, data, edits), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, m := range e.Moves {
		if err := os.Rename(at(m.From), at(m.To)); err != nil {
			l.t.Fatal(err)
		}
		changed = append(changed, m.From, m.To)
	}
	l.desk.Forget(changed...)
	return func() {
		for _, m := range e.Moves {
			if err := os.Rename(at(m.To), at(m.From)); err != nil {
				l.t.Fatal(err)
			}
		}
		for p, data := range was {
			if err := os.WriteFile(at(p), data, 0o644); err != nil {
				l.t.Fatal(err)
			}
		}
		l.desk.Forget(changed...)
	}
}

// changedText applies edits of one file.
func changedText(t testing.TB, data []byte, edits []source.Edit) []byte {
	t.Helper()
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b source.Edit) int { return a.At.Start - b.At.Start })
	var out []byte
	at := 0
	for _, e := range edits {
		if e.At.Start < at {
			t.Fatalf("edits overlap at %s:%d", e.At.File.Path, e.At.Position().Line)
		}
		out = append(append(out, data[at:e.At.Start]...), e.New...)
		at = e.At.End
	}
	return append(out, data[at:]...)
}

// renameShape is what a rename may not change about a node.
type renameShape struct {
	Columns []string
	Lineage string
	Parents []string
	Config  string
	Unknown string
}

// renameShapes describes a program, with names changed as change says.
func renameShapes(p *compile.Program, node func(addr.Node) addr.Node, column func(addr.Node, string) string) map[addr.Node]renameShape {
	out := map[addr.Node]renameShape{}
	byTable := map[string]addr.Node{}
	for id, n := range p.Nodes {
		if was, ok := byTable[n.Relation.String()]; !ok || was.Kind == addr.Source {
			byTable[n.Relation.String()] = id
		}
	}
	for id, n := range p.Nodes {
		s := renameShape{Config: n.Config.Materialized, Unknown: n.Unanalyzed}
		for _, c := range n.Columns {
			s.Columns = append(s.Columns, column(id, c.Name)+" "+c.Type)
		}
		for _, parent := range n.Parents {
			s.Parents = append(s.Parents, node(parent).String())
		}
		slices.Sort(s.Parents)
		if l := n.Lineage.Get(); l != nil {
			type from struct {
				Node   string
				Column string
				Kind   string
			}
			var all [][]from
			for _, c := range l.Columns {
				var list []from
				for _, src := range c.Sources {
					id, ok := byTable[src.Table]
					if !ok {
						id = addr.Node{Kind: "table", Name: src.Table}
					}
					f := from{Node: node(id).String(), Kind: src.Kind.String()}
					if len(src.Path) > 0 {
						f.Column = column(id, src.Path[0]) + "." + strings.Join(src.Path[1:], ".")
					}
					list = append(list, f)
				}
				slices.SortFunc(list, func(a, b from) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
				all = append(all, list)
			}
			text, _ := json.Marshal(all)
			s.Lineage = string(text)
		}
		out[node(id)] = s
	}
	return out
}

// sameMeaning compares the project after a rename with what it was.
func (l *renameLab) sameMeaning(what string, node func(addr.Node) addr.Node, column func(addr.Node, string) string) {
	t := l.t
	t.Helper()
	_, program, found := l.compile()
	if len(found) > 0 {
		var lines []string
		for _, d := range found {
			lines = append(lines, d.Line())
		}
		t.Errorf("%s: %s", what, strings.Join(lines[:min(4, len(lines))], "\n  "))
		return
	}
	want := renameShapes(l.view.Program, node, column)
	got := renameShapes(program, func(n addr.Node) addr.Node { return n }, func(_ addr.Node, c string) string { return c })
	if d := cmp.Diff(want, got); d != "" {
		if len(d) > 1500 {
			d = d[:1500]
		}
		t.Errorf("%s: %s", what, d)
	}
	was, is := l.view.Program, program
	if len(was.Tests) != len(is.Tests) || len(was.UnitTests) != len(is.UnitTests) {
		t.Errorf("%s: %d tests and %d unit tests, want %d and %d", what, len(is.Tests), len(is.UnitTests), len(was.Tests), len(was.UnitTests))
	}
}

// everyRename asks for all renames of the reference project instead of some: it takes minutes.
const everyRename = "ENGINE_TEST_ALL_RENAMES"

// TestRenameModels renames models, seeds and snapshots of the reference project.
func TestRenameModels(t *testing.T) {
	l := newRenameLab(t, reference(t))
	_, every := os.LookupEnv(everyRename)
	var refused []string
	done, k := 0, 0
	for _, id := range l.view.Program.Order {
		if id.Kind == addr.Source {
			continue
		}
		if k++; !every && k%5 != 0 {
			continue
		}
		to := addr.Node{Kind: id.Kind, Name: "renamed_" + id.Name}
		r := &renaming{view: l.view, name: to.Name}
		r.node(id)
		edits, mistakes := r.result()
		if len(mistakes) > 0 {
			refused = append(refused, fmt.Sprintf("%s: %s", id, mistakes[0].Line()))
			continue
		}
		done++
		undo := l.apply(edits)
		l.sameMeaning(id.String(), func(n addr.Node) addr.Node {
			if n == id {
				return to
			}
			return n
		}, func(_ addr.Node, c string) string { return c })
		undo()
	}
	t.Logf("%d renamed, %d refused: %s", done, len(refused), strings.Join(refused, "\n"))
	if len(refused) > 0 {
		t.Errorf("refused: %v", refused)
	}
}

// TestRenameColumns renames columns of the reference project. What is refused says why.
func TestRenameColumns(t *testing.T) {
	l := newRenameLab(t, reference(t))
	_, every := os.LookupEnv(everyRename)
	refused := map[string]int{}
	done, k := 0, 0
	for _, id := range l.view.Program.Order {
		n := l.view.Program.Nodes[id]
		for _, c := range n.Columns {
			if k++; !every && k%31 != 0 {
				continue
			}
			org := l.view.origin(id, c.Name)
			r := &renaming{view: l.view, name: "renamed_" + c.Name}
			r.columnOf(org)
			edits, mistakes := r.result()
			if len(mistakes) > 0 {
				m := mistakes[0].Message
				if every {
					m = fmt.Sprintf("%s.%s: %s", id, c.Name, mistakes[0].Line())
				}
				refused[m]++
				continue
			}
			done++
			_, nodes := l.view.spread(org)
			undo := l.apply(edits)
			l.sameMeaning(id.String()+"."+c.Name, func(n addr.Node) addr.Node { return n }, func(n addr.Node, col string) string {
				if slices.Contains(nodes, n) && strings.EqualFold(col, c.Name) {
					return r.name
				}
				return col
			})
			undo()
		}
	}
	var why []string
	for _, m := range sortedKeys(refused) {
		why = append(why, fmt.Sprintf("%d × %s", refused[m], m))
	}
	t.Logf("%d columns renamed, refused:\n%s", done, strings.Join(why, "\n"))
	if done < 20 {
		t.Errorf("only %d columns were renamed", done)
	}
	for m := range refused {
		if strings.Contains(m, "not clear") || strings.Contains(m, "has changed") {
			t.Errorf("refused: %s", m)
		}
	}
}

// TestRename renames things of a small project. What is wanted are the lines that change, or
// what is said instead; afterwards the project has no mistake.
func TestRename(t *testing.T) {
	files := map[string]string{
		"engine.yml": `name: shop
vars:
  first_day: "2026-01-01"
`,
		"models/raw_orders.sql": "select 1 as id, 2 as customer_id, 3.5 as amount, 'de' as country, date '2026-01-01' as placed_on",
		"models/orders.sql": `with paid as (
    select * from {{ ref "raw_orders" }}
    where placed_on >= '{{ var "first_day" }}'
),
totals as (
    select customer_id, sum(amount) as total
    from paid
    group by customer_id
)
select
    p.id,
    p.country,
    {{ include "cents" "p.amount" }} as amount_cents,
    totals.total
from paid as p
join totals on totals.customer_id = p.customer_id
order by country, amount_cents
`,
		"models/places.sql": `{{ config "materialized" "incremental" "incremental_strategy" "merge" "unique_key" "id" "meta" (dict "owner" "country") }}
select id, country, upper(country) as code
from {{ ref "orders" }}
where country <> 'xx'
{{ if is_incremental }}
and id > (select max(id) from {{ this }})
{{ end }}
`,
		"models/joined.sql":    "select id, b.total from {{ ref \"raw_orders\" }} as a\njoin {{ ref \"orders\" }} as b using (id)\n",
		"models/qualified.sql": "select orders.id from {{ ref \"orders\" }}\nwhere orders.country <> 'xx'\n",
		"models/both.sql":      "select a.id, country from {{ ref \"orders\" }} as a\ncross join (select 1 as region) as r\n",
		"models/fixed.sql":     "select {{ include \"doubled\" . }} as twice from {{ ref \"raw_orders\" }}",
		"models/pivoted.sql": `with op as (
    select id{{ range list "aa" "bb" }}, 1 as {{ . }}_amt{{ end }} from {{ ref "raw_orders" }}
)
select op.id{{ range list "aa" "bb" }}, op.{{ . }}_amt{{ end }}
from op
`,
		"models/either.sql":    "with a as (select 1 as k), b as (select 2 as k)\nselect k, (select max(b.k) from b) as most from {{ if eq 1 2 }}b{{ else }}a{{ end }}\n",
		"models/named.sql":     "{{ $t := \"one\" }}with one as (select 1 as k)\nselect {{ $t }}.k from {{ $t }}\n",
		"models/events.sql":    `select e.id from {{ source "app" "raw_orders" }} as e`,
		"macros/money.tmpl":    `{{ define "cents" }}cast({{ . }} * 100 as int64){{ end }}{{ define "doubled" }}placed_on{{ end }}`,
		"tests/no_country.sql": "select * from {{ ref \"places\" }} where country is null",
		"models/shop.yml": `version: 2
models:
  - name: places
    description: |
      One row per
      country: that is all.
    columns:
      - name: id
        data_tests: [unique]
      - name: country
        data_tests:
          - accepted_values: {values: [de, country]}
          - expression:
              expression: "<> 'country'"
              config: {where: country is not null}
sources:
  - name: app
    schema: elsewhere
    tables:
      - name: raw_orders
        columns: [{name: id, data_type: int64}]
unit_tests:
  - name: coded
    model: places
    given:
      - input: ref('orders')
        rows:
          - {id: 1, country: de}
    expect:
      rows:
        - {id: 1, country: de, code: DE}
`,
	}
	dir := t.TempDir()
	write(t, dir, files)
	l := newRenameLab(t, dir)
	for _, c := range []struct {
		at, name string
		want     []string // lines that are new
		refused  string
		moved    string
	}{
		{`models/orders.sql: from pa|id as`, "settled", []string{"    from settled", "from settled as p", "with settled as ("}, "", ""},
		{`models/orders.sql: pai|d as (`, "totals", nil, `there is a common table expression "totals" already`, ""},
		{`models/orders.sql: to|tals.total`, "sums", []string{"    sums.total", "join sums on sums.customer_id = p.customer_id", "sums as ("}, "", ""},
		{`models/orders.sql: from paid as |p`, "q", []string{"    q.country,", "    q.id,", `    {{ include "cents" "q.amount" }} as amount_cents,`, "from paid as q", "join totals on totals.customer_id = q.customer_id"}, "", ""},
		{`models/orders.sql: include "ce|nts"`, "pennies", []string{`    {{ include "pennies" "p.amount" }} as amount_cents,`, `{{ define "pennies" }}cast({{ . }} * 100 as int64){{ end }}{{ define "doubled" }}placed_on{{ end }}`}, "", ""},
		{`engine.yml: first|_day`, "from_day", []string{`    where placed_on >= '{{ var "from_day" }}'`, `  from_day: "2026-01-01"`}, "", ""},
		{`models/places.sql: "ord|ers"`, "sales", []string{`join {{ ref "sales" }} as b using (id)`, `from {{ ref "sales" }}`, `select orders.id from {{ ref "sales" }} as orders`, `select a.id, country from {{ ref "sales" }} as a`, "      - input: ref('sales')"}, "", "models/orders.sql → models/sales.sql"},
		{`models/places.sql: "ord|ers"`, "raw_orders", nil, "model.raw_orders has this name", ""},
		{`models/places.sql: "ord|ers"`, "a-b", nil, `"a-b" cannot be a name`, ""},
		{`models/raw_orders.sql: as am|ount`, "price", []string{"    select customer_id, sum(price) as total", `    {{ include "cents" "p.price" }} as amount_cents,`, "select 1 as id, 2 as customer_id, 3.5 as price, 'de' as country, date '2026-01-01' as placed_on"}, "", ""},
		{`models/raw_orders.sql: as place|d_on`, "day", nil, `the template makes the column "placed_on" here`, ""},
		{`models/raw_orders.sql: as i|d`, "key", nil, `USING joins by this name with another relation that keeps it`, ""},
		{`models/orders.sql: p.coun|try`, "land", []string{"    p.land as country,", "select 1 as id, 2 as customer_id, 3.5 as amount, 'de' as land, date '2026-01-01' as placed_on"}, "", ""},
		{`models/places.sql: id, coun|try`, "region", []string{"    p.country as region,", "          - {id: 1, region: de}", "order by region, amount_cents", "select a.id, a.region as country from {{ ref \"orders\" }} as a", "select id, region as country, upper(region) as code", "where orders.region <> 'xx'", "where region <> 'xx'"}, "", ""},
		{`models/shop.yml: - name: coun|try`, "land", []string{"        - {id: 1, land: de, code: DE}", "      - name: land", "              config: {where: land is not null}", "select * from {{ ref \"places\" }} where land is null", "select id, country as land, upper(country) as code"}, "", ""},
		{`models/shop.yml: - name: i|d`, "key", []string{"        - {key: 1, country: de, code: DE}", "      - name: key", "and id > (select max(key) from {{ this }})", "select id as key, country, upper(country) as code",
			`{{ config "materialized" "incremental" "incremental_strategy" "merge" "unique_key" "key" "meta" (dict "owner" "country") }}`}, "", ""},
		{`models/pivoted.sql: with o|p as`, "sums", []string{"with sums as (", `select sums.id{{ range list "aa" "bb" }}, sums.{{ . }}_amt{{ end }}`, "from sums"}, "", ""},
		{`models/either.sql: with |a as`, "first", nil, `"a" stands here, too, and what it means is not known`, ""},
		{`models/named.sql: with o|ne as`, "first", nil, `the template has "one" here`, ""},
		{`models/events.sql: "raw_|orders"`, "lines", []string{`      - name: lines`, `        identifier: raw_orders`, `select e.id from {{ source "app" "lines" }} as e`}, "", ""},
		{`models/events.sql: e.i|d`, "key", nil, `the column "id" of source app.raw_orders is made outside of the project`, ""},
	} {
		t.Run(c.at+" → "+c.name, func(t *testing.T) {
			path, at := cursor(t, files, c.at)
			edits, mistakes := l.view.Rename(path, at, c.name)
			if c.refused != "" {
				if len(mistakes) == 0 || !slices.ContainsFunc(mistakes, func(d diag.Diagnostic) bool { return strings.Contains(d.Message, c.refused) }) {
					t.Errorf("%v, want %q", mistakes, c.refused)
				}
				return
			}
			if len(mistakes) > 0 {
				t.Fatal(mistakes)
			}
			var got []string
			for p, text := range files {
				var here []source.Edit
				for _, e := range edits.Edits {
					if e.At.File.Path == p {
						here = append(here, e)
					}
				}
				was := strings.Split(text, "\n")
				for _, line := range strings.Split(string(changedText(t, []byte(text), here)), "\n") {
					if !slices.Contains(was, line) {
						got = append(got, line)
					}
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			moved := ""
			for _, m := range edits.Moves {
				moved = m.From + " → " + m.To
			}
			if moved != c.moved {
				t.Errorf("moves %q, want %q", moved, c.moved)
			}
			defer l.apply(edits)()
			if _, _, found := l.compile(); len(found) > 0 {
				t.Errorf("afterwards: %s", found[0].Line())
			}
		})
	}
}

// TestRenameInBuffers: what is typed and not saved is renamed, too; what is read of an older
// text is not taken for the newer one.
func TestRenameInBuffers(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"engine.yml":           "name: shop\n",
		"models/orders.sql":    "select 1 as id, 2 as total\n",
		"models/customers.sql": "select id from {{ ref \"orders\" }}\n",
		"models/shop.yml":      "models:\n  - name: orders\n    columns:\n      - name: total\n",
	}
	write(t, dir, files)
	w, _ := opened(t, dir, 10*time.Millisecond)
	typed := "-- typed\nselect id, total from {{ ref \"orders\" }}\n"
	w.Set("models/customers.sql", []byte(typed))
	w.Set("models/new.sql", []byte("select max(total) as most from {{ ref \"orders\" }}\n"))
	settle(t, w)
	v := w.View()
	edits, mistakes := v.Rename("models/orders.sql", strings.Index(files["models/orders.sql"], "total"), "amount")
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var got []string
	for _, e := range edits.Edits {
		got = append(got, placeText(e.At)+" → "+e.New)
	}
	want := []string{
		"models/customers.sql:2:12 total → amount as total", "models/new.sql:1:12 total → amount",
		"models/orders.sql:1:22 total → amount", "models/shop.yml:4:15 total → amount",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// YAML that the whole check has not seen.
	late := v.with("models/shop.yml", since{file: source.NewFile("models/shop.yml", []byte("# late\n"+files["models/shop.yml"]))})
	if _, mistakes := late.Rename("models/orders.sql", strings.Index(files["models/orders.sql"], "total"), "amount"); len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, "has changed") {
		t.Errorf("a place of an older text is renamed: %v", mistakes)
	}
}

// TestRenameInTexts renames common table expressions and aliases of the reference project: that
// changes no fingerprint, because what a query means does not depend on them. One of each file
// is renamed at a time.
func TestRenameInTexts(t *testing.T) {
	l := newRenameLab(t, reference(t))
	done := 0
	for round := 0; ; round++ {
		var all Edits
		for _, id := range l.view.Program.Order {
			n := l.view.Program.Nodes[id]
			d, ok := l.view.document(n.Path)
			if !ok || n.Source != nil || n.Seed != nil {
				continue
			}
			var places []int
			for _, q := range d.outline.queries {
				for _, c := range q.ctes {
					places = append(places, c.name.start)
				}
				for _, a := range q.arms {
					for _, r := range a.relations {
						if r.alias != nil {
							places = append(places, r.alias.start)
						}
					}
				}
			}
			if round >= len(places) {
				continue
			}
			e, mistakes := l.view.Rename(n.Path, places[round], "renamed_here")
			if len(mistakes) > 0 {
				t.Errorf("%s", mistakes[0].Line())
				continue
			}
			all.Edits = append(all.Edits, e.Edits...)
			done++
		}
		if len(all.Edits) == 0 {
			break
		}
		undo := l.apply(all)
		_, program, found := l.compile()
		for _, d := range found {
			t.Errorf("round %d: %s", round, d.Line())
		}
		for id, n := range l.view.Program.Nodes {
			if is := program.Nodes[id]; is != nil && is.Fingerprint != n.Fingerprint {
				t.Errorf("round %d: %s means something else", round, id)
			}
		}
		undo()
	}
	t.Logf("%d names", done)
	if done < 50 {
		t.Errorf("only %d names were renamed", done)
	}
}
