package compile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// understood is a project whose models are of all kinds.
func understood() map[string]string {
	return map[string]string{
		"engine.yml":           "name: shop\nvars: {used: 1}\n",
		"seeds/raw.csv":        "id,a,b,s\n1,2,3,x\n",
		"models/sources.yml":   "sources:\n  - name: crm\n    schema: crm\n    tables: [{name: people, columns: [{name: id, data_type: INT64}, {name: name, data_type: STRING}]}]\n",
		"functions/twice.sql":  "create temp function twice(x int64) as (2 * x);\ncreate temp function volatile_one() as (rand())",
		"macros/cond.tmpl":     "{{ define \"cond\" }}a > 0{{ end }}",
		"models/base.sql":      "with c as (select id, a, b, s from {{ ref \"raw\" }}) select id, twice(a) as a, b + {{ var \"used\" }} as b, s from c where {{ include \"cond\" . }}",
		"models/eph.sql":       "{{ config \"materialized\" \"ephemeral\" }}\nselect id, a + b as ab from {{ ref \"base\" }}",
		"models/top.sql":       "{{ config \"materialized\" \"table\" }}\nselect e.ab, p.name, current_timestamp() as now from {{ ref \"eph\" }} as e left join {{ source \"crm\" \"people\" }} as p on e.id = p.id",
		"models/inc.sql":       "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id, a from {{ ref \"base\" }}\n{{ if is_incremental }}where b > (select max(id) from {{ this }}){{ end }}",
		"models/first.sql":     "select id, s from {{ ref \"base\" }} order by b limit 3",
		"snapshots/snap.sql":   "{{ config \"strategy\" \"check\" \"unique_key\" \"id\" \"check_cols\" \"all\" }}\nselect id, s from {{ ref \"base\" }}",
		"models/props.yml":     "models:\n  - name: base\n    columns:\n      - name: id\n        data_tests: [unique, {not_null: {config: {where: \"a > 1\"}}}, {relationships: {to: ref('raw'), field: id}}]\n  - name: eph\n    columns: [{name: ab, data_tests: [not_null, at_least_one]}]\n",
		"tests/singular.sql":   "select s from {{ ref \"base\" }} where b = 1",
		"models/uncertain.sql": "select id, volatile_one() as v, any_value(s) as s from {{ ref \"base\" }} group by id, 2",
	}
}

func reads(r map[addr.Node]compile.Reading) string {
	if r == nil {
		return "everything"
	}
	var out []string
	for n, x := range r {
		text := n.String() + "(" + strings.Join(x.Columns, " ") + ")"
		if x.All {
			text = n.String() + "(*)"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestReadsOfNodes: what a node reads, by its parts, with nodes in the place of relations.
func TestReadsOfNodes(t *testing.T) {
	p := compiled(t, project(t, understood()))
	var b strings.Builder
	for _, id := range p.Order {
		n := p.Nodes[id]
		fmt.Fprintf(&b, "%s reads %s", id, reads(n.Reads))
		for _, x := range []struct {
			name string
			list []string
		}{{"volatile", n.Volatile}, {"ambiguous", n.Ambiguous}} {
			if len(x.list) > 0 {
				fmt.Fprintf(&b, ", %s %s", x.name, strings.Join(x.list, ", "))
			}
		}
		b.WriteByte('\n')
		f := n.Facets.Get()
		if f == nil {
			continue
		}
		facet := func(name string, f compile.Facet) {
			fmt.Fprintf(&b, "  %s %s%s\n", name, reads(f.Reads), map[bool]string{true: " unstable"}[f.Unstable])
			if len(f.Hash) != 16 {
				t.Errorf("%s: the hash of %s is %q", id, name, f.Hash)
			}
		}
		facet("rows", f.Rows)
		for _, name := range slices.Sorted(maps.Keys(f.Columns)) {
			facet(name, f.Columns[name])
		}
	}
	for _, x := range p.Tests {
		fmt.Fprintf(&b, "%s reads %s\n", x.ID.Name, reads(x.Reads))
	}
	if d := cmp.Diff(strings.TrimPrefix(`
seed.raw reads everything
model.base reads seed.raw(a b id s)
  rows seed.raw(a)
  a seed.raw(a)
  b seed.raw(b)
  id seed.raw(id)
  s seed.raw(s)
model.eph reads model.base(a b id)
  rows model.base()
  ab model.base(a b)
  id model.base(id)
model.first reads model.base(b id s), ambiguous LIMIT in an order with ties
  rows model.base(b) unstable
  id model.base(id)
  s model.base(s)
model.inc reads model.base(a b id)
  rows model.base(b)
  a model.base(a)
  id model.base(id)
model.uncertain reads model.base(id s), volatile rand, ambiguous ANY_VALUE
  rows model.base(id) unstable
  id model.base(id)
  s model.base(s) unstable
  v  unstable
snapshot.snap reads model.base(id s)
source.crm.people reads everything
model.top reads model.base(a b id) source.crm.people(id name), volatile current_timestamp
  rows model.base(id) source.crm.people(id)
  ab model.base(a b)
  name source.crm.people(name)
  now  unstable
at_least_one_eph_ab reads model.base(a b)
not_null_base_id reads model.base(a id)
not_null_eph_ab reads model.eph(ab)
relationships_base_id reads model.base(id) seed.raw(id)
singular reads model.base(b)
unique_base_id reads model.base(id)
`, "\n"), b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for id, n := range p.Nodes {
		if has := n.Meaning != ""; has != (id.Kind != addr.Source) {
			t.Errorf("%s has a meaning: %t", id, has)
		}
	}
}

// TestFingerprintOfMeaning: what only looks different is the same, in every node of the project.
func TestFingerprintOfMeaning(t *testing.T) {
	was := compiled(t, project(t, understood()))
	for _, c := range []struct {
		name, file, old, new string
		changed              string // nodes with another fingerprint
		facets               string // of them: parts that are others
	}{
		{"formatting", "models/base.sql", "select id, twice(a) as a", "SELECT\n  id, -- the key\n  twice( a ) AS a", "", ""},
		{"the name of a CTE", "models/base.sql", "with c as (select id, a, b, s from {{ ref \"raw\" }}) select id, twice(a) as a, b + {{ var \"used\" }} as b, s from c", "with other as (select id, a, b, s from {{ ref \"raw\" }}) select o.id, twice(o.a) as a, b + {{ var \"used\" }} as b, s from other as o", "", ""},
		{"a CTE inlined", "models/base.sql", "with c as (select id, a, b, s from {{ ref \"raw\" }}) select id, twice(a) as a, b + {{ var \"used\" }} as b, s from c", "select id, twice(a) as a, b + 1 as b, s from {{ ref \"raw\" }}", "", ""},
		{"a comment in a function", "functions/twice.sql", "2 * x", "2 /* times */ * x", "", ""},
		{"the words of a macro", "macros/cond.tmpl", "a > 0", "0   <   a", "", ""},
		{"a file that moves its text", "models/base.sql", "with c", "{{/* a note */}}\n\nwith c", "", ""},
		{"an ephemeral model written anew", "models/eph.sql", "select id, a + b as ab from {{ ref \"base\" }}", "select x.id, x.a + x.b as ab from (select * from {{ ref \"base\" }}) as x", "", ""},
		{"where a model lies", "models/props.yml", "  - name: base\n", "  - name: base\n    config: {alias: elsewhere}\n", "model.base", ""},
		{"another function", "functions/twice.sql", "2 * x", "3 * x", "model.base", "a"},
		{"another macro", "macros/cond.tmpl", "a > 0", "a > 1", "model.base", "rows"},
		{"another variable", "engine.yml", "used: 1", "used: 2", "model.base", "b"},
		{"another expression of an ephemeral model", "models/eph.sql", "a + b", "a - b", "model.eph model.top", "ab"},
		{"another column", "models/base.sql", "b + {{ var", "b - {{ var", "model.base", "b"},
		{"only the incremental text", "models/inc.sql", "where b >", "where b >=", "model.inc", "rows"},
		{"an order that a limit takes from", "models/first.sql", "order by b", "order by b desc", "model.first", "rows"},
		{"a source elsewhere", "models/sources.yml", "schema: crm", "schema: crm2", "source.crm.people model.top", ""},
		{"a seed", "seeds/raw.csv", "1,2,3,x", "1,2,3,y", "seed.raw", ""},
		{"kind", "models/top.sql", "table", "view", "model.top", ""},
	} {
		files := understood()
		text := strings.Replace(files[c.file], c.old, c.new, 1)
		if text == files[c.file] {
			t.Fatalf("%s: %q is not in %s", c.name, c.old, c.file)
		}
		files[c.file] = text
		is := compiled(t, project(t, files))
		var changed, parts []string
		for _, id := range is.Order {
			before, after := was.Nodes[id], is.Nodes[id]
			if before.Fingerprint != after.Fingerprint {
				changed = append(changed, id.String())
			}
			x, y := before.Facets.Get(), after.Facets.Get()
			if x == nil || y == nil {
				continue
			}
			if x.Rows.Hash != y.Rows.Hash {
				parts = append(parts, "rows")
			}
			for name, f := range x.Columns {
				if y.Columns[name].Hash != f.Hash {
					parts = append(parts, name)
				}
			}
		}
		slices.Sort(parts)
		if d := cmp.Diff([]string{c.changed, c.facets}, []string{strings.Join(changed, " "), strings.Join(slices.Compact(parts), " ")}); d != "" {
			t.Errorf("%s: nodes and facets (-want +got):\n%s", c.name, d)
		}
	}
}

// TestMeaningOnOtherTargets: the names of a target are in no meaning.
func TestMeaningOnOtherTargets(t *testing.T) {
	files := understood()
	files["engine.yml"] += "targets:\n  one: {type: duckdb, path: one.duckdb, schema: s1}\n  two: {type: duckdb, path: two.duckdb, schema: s2}\ntarget: one\n"
	o := project(t, files)
	one := compiled(t, o)
	o.Target = "two"
	two := compiled(t, o)
	for id, n := range one.Nodes {
		other := two.Nodes[id]
		if n.Meaning != other.Meaning {
			t.Errorf("%s means something else on the other", id)
		}
		if d := cmp.Diff(n.Facets.Get(), other.Facets.Get()); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
}

// TestMeaningOfPlacedNodes: where a node is read, for now, is part of the text only.
func TestMeaningOfPlacedNodes(t *testing.T) {
	o := project(t, understood())
	own := compiled(t, o)
	o.Place = map[addr.Node]addr.Relation{model("base"): {Schema: "aside", Name: "staged"}}
	placed := compiled(t, o)
	if text := placed.Nodes[model("top")].SQL; !strings.Contains(text, "staged") {
		t.Fatalf("base is not read aside: %s", text)
	}
	for id, n := range own.Nodes {
		other := placed.Nodes[id]
		if n.Meaning != other.Meaning || n.Fingerprint != other.Fingerprint || reads(n.Reads) != reads(other.Reads) {
			t.Errorf("%s is another one", id)
		}
	}
}

// TestVolatileTests: a test that asks for the time may fail although nothing has changed.
func TestVolatileTests(t *testing.T) {
	p := compiled(t, project(t, map[string]string{
		"engine.yml":           "name: shop\n",
		"models/m.sql":         "select 1 as id, timestamp '2024-01-01' as ts, 'current_date' as word",
		"models/props.yml":     "models:\n  - name: m\n    data_tests:\n      - recency: {field: ts, datepart: day, interval: 1}\n      - expression_is_true: {expression: \"ts < current_timestamp()\"}\n    columns:\n      - {name: id, data_tests: [unique, {not_null: {config: {where: \"date(ts) < current_date\"}}}]}\n      - {name: word, data_tests: [not_null]}\n",
		"tests/of_today.sql":   "select id from {{ ref \"m\" }} where date(ts) = current_date()",
		"tests/of_a_word.sql":  "select id as current_date from {{ ref \"m\" }} where id < 0",
		"tests/of_another.sql": "select id from {{ ref \"m\" }} as x where x.word = 'current_date'",
	}))
	got := map[string]string{}
	for _, x := range p.Tests {
		got[x.ID.Name] = strings.Join(x.Volatile, " ")
	}
	want := map[string]string{
		"recency_m": "current_timestamp", "expression_m": "current_timestamp", "unique_m_id": "", "not_null_m_id": "current_date",
		"not_null_m_word": "", "of_today": "current_date", "of_a_word": "", "of_another": "",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
