package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// againProject has something of all that an edit of one model may reach.
func againProject() files {
	return files{
		"engine.yml": `name: laws
vars: {low: 1}
models:
  +distribute: never
  tenants: {+distribute: tenant}
seeds: {+distribute: never}
snapshots: {+distribute: never}
distribution:
  customers: {csv: config/customers.csv}
  customer_tenants: {csv: config/customer_tenants.csv}
`,
		"config/customers.csv": "customer,title,tier\nacme,Acme,2\n", "config/customer_tenants.csv": "customer,tenant\nacme,1\n",
		"seeds/raw.csv":  "id,grp,val,tenant_id\n1,a,3,1\n2,b,4,1\n3,a,5,2\n",
		"seeds/seed.yml": "seeds: [{name: raw, config: {column_types: {val: INT64}}}]\n",
		"models/source.yml": `sources:
  - name: app
    schema: app
    tables:
      - name: orders
        columns: [{name: id, data_type: INT64}, {name: tenant_id, data_type: INT64}, {name: amount, data_type: NUMERIC, description: "in {{ doc \"currency\" }}"}]
  - name: own
    schema: dev
    tables: [{name: built}]
`,
		"models/docs.md":           "{% docs currency %}EUR{% enddocs %}\n",
		"models/stg.sql":           "select id, grp, val, tenant_id from {{ ref \"raw\" }}",
		"models/orders.sql":        "select id, tenant_id, amount, amount * 2 as twice from {{ source \"app\" \"orders\" }}",
		"models/eph.sql":           "{{ config \"materialized\" \"ephemeral\" }}\nselect id, val, tenant_id from {{ ref \"stg\" }}",
		"models/reads_eph.sql":     "select eph.id, eph.val, stg.tenant_id from {{ ref \"eph\" }} join {{ ref \"stg\" }} on stg.id = eph.id",
		"models/inc.sql":           "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id, val, tenant_id from {{ ref \"stg\" }}\n{{ if is_incremental }}where id > (select max(id) from {{ this }}){{ end }}",
		"models/star.sql":          "select * from {{ ref \"stg\" }} where val > {{ var \"low\" }}",
		"models/star_of_star.sql":  "select * except (grp) from {{ ref \"star\" }}",
		"models/native.sql":        "{{ config \"dialect\" \"duckdb\" }}\nselect id, val::bigint as val, tenant_id from {{ ref \"native_parent\" }}",
		"models/native_parent.sql": "select id, val, tenant_id from {{ ref \"stg\" }}",
		"models/built.sql":         "select id, tenant_id from {{ ref \"orders\" }}",
		"models/of_built.sql":      "select id, tenant_id from {{ source \"own\" \"built\" }}",
		"models/firm.sql":          "{{ config \"materialized\" \"table\" }}\nselect id, twice, tenant_id from {{ ref \"orders\" }}",
		"models/keyed.sql":         "{{ config \"materialized\" \"table\" \"unique_key\" \"id\" }}\nselect id, twice, tenant_id from {{ ref \"orders\" }}",
		"models/v_v1.sql":          "select id, val from {{ ref \"stg\" }}",
		"models/v_v2.sql":          "select id, val, val + 1 as more from {{ ref \"stg\" }}",
		"models/of_v.sql":          "select id, more from {{ ref \"v\" }} join (select id as one from {{ ref \"v\" 1 }}) on one = id",
		"models/asks.sql":          "select {{ range $i, $c := columns (ref \"star\") }}{{ if $i }}, {{ end }}{{ $c.name }}{{ end }} from {{ ref \"star\" }}",
		"models/hooked.sql":        "{{ config \"post_hook\" \"select count(*) from {{ this }}\" }}\nselect 1 as id, 1 as tenant_id",
		"models/tenants/mine.sql":  "select id, val, tenant_id from {{ ref \"star\" }}",
		"models/tenants/sum.sql":   "select tenant_id, sum(val) as val from {{ ref \"mine\" }} group by tenant_id",
		"snapshots/snap.sql":       "{{ config \"unique_key\" \"id\" \"strategy\" \"check\" \"check_cols\" \"all\" }}\nselect id, val from {{ ref \"star\" }}",
		"models/of_snap.sql":       "select id, val, dbt_valid_from from {{ ref \"snap\" }}",
		"analyses/look.sql":        "select val, count(*) as n from {{ ref \"star\" }} group by val",
		"tests/own.sql":            "select star.id from {{ ref \"star\" }} where star.val < 0",
		"tests/of_eph.sql":         "select eph.id from {{ ref \"eph\" }} where eph.val is null",
		"tests/generic/low.sql":    "select * from {{ .model }} where {{ .column }} < 0",
		"models/props.yml": `models:
  - name: stg
    description: staged
    columns: [{name: id, data_tests: [unique, not_null, low]}, {name: val, description: "the {{ doc \"currency\" }}"}]
  - name: star
    columns:
      - name: id
        data_tests: [{relationships: {to: ref('stg'), field: id}}, {not_null: {config: {where: "val > 2"}}}]
  - name: orders
    data_tests: [{expression_is_true: {expression: "twice >= amount"}}]
  - name: firm
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: INT64, constraints: [{type: not_null}]}, {name: twice, data_type: NUMERIC}, {name: tenant_id, data_type: INT64}]
  - name: keyed
    constraints: [{type: primary_key, columns: [id]}, {type: foreign_key, columns: [id], to: ref('firm'), to_columns: [id]}]
    columns: [{name: id}, {name: twice}]
  - name: v
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
    columns: [{name: id, data_tests: [not_null]}]
unit_tests:
  - {name: doubles, model: orders, given: [{input: "source('app', 'orders')", rows: [{id: 1, amount: 2}]}], expect: {rows: [{id: 1, twice: 4}]}}
  - {name: passes, model: star_of_star, given: [{input: ref('star'), rows: [{id: 1, val: 2}]}], expect: {rows: [{id: 1, val: 2}]}}
exposures:
  - {name: board, type: dashboard, owner: {name: me}, depends_on: [ref('star')]}
`,
	}
}

// againEdit changes one text, as people do: now and then it is wrong, or is put back.
func againEdit(r *rand.Rand, f, first files, name string) {
	text := f[name]
	words := strings.NewReplacer
	switch r.IntN(14) {
	case 0, 1:
		text += "\n-- a word"
	case 2:
		text = "{{/* moves everything */}}\n" + text
	case 3, 4:
		text = words("select id", "select 1 as added, id").Replace(text)
	case 5:
		text = words("1 as added, ", "", "select id", "select cast(id as string) as id").Replace(text)
	case 6:
		text = words("val", "val + 0 as val").Replace(text)
	case 7:
		text = words(" from ", ", current_date() as today from ").Replace(text)
	case 8:
		text += "\nwhere nothing = 1"
	case 9:
		text += " from"
	case 10:
		text = words(`ref "stg"`, `ref "raw"`, `ref "star"`, `ref "stg"`).Replace(text)
	case 11:
		text = "{{ config \"tags\" \"mine\" }}\n" + text
	case 12:
		text = words(", tenant_id", ", tenant_id + 1 as tenant_id").Replace(text)
	case 13:
		text = words("id,", "id, id as eph, ").Replace(text)
	}
	if text == f[name] || r.IntN(3) == 0 {
		text = first[name]
	}
	f[name] = text
}

// update writes the files of is that differ from those that were written.
func (f files) update(t testing.TB, dir string, is files) {
	t.Helper()
	for name, text := range is {
		if f[name] != text {
			files{name: text}.write(t, dir)
			f[name] = text
		}
	}
}

// TestAgainIsWhole: whatever is edited in a project that is kept open, what is compiled is what a
// compilation of everything gives, in every detail.
func TestAgainIsWhole(t *testing.T) {
	steps, quick, wrong := 0, 0, 0
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 23))
			first := againProject()
			if seed%2 == 1 {
				// Without what makes edits reach far.
				for name := range first {
					if strings.Contains(name, "eph") || strings.Contains(name, "native") {
						delete(first, name)
					}
				}
			}
			f, written := maps.Clone(first), maps.Clone(first)
			b := newBench(t, f)
			var names, others []string
			for _, name := range slices.Sorted(maps.Keys(f)) {
				switch {
				case strings.HasPrefix(name, "tests/") || strings.HasSuffix(name, ".yml"):
					others = append(others, name)
				case strings.HasSuffix(name, ".sql"):
					names = append(names, name)
				}
			}
			o := b.opts
			o.Version = []string{"", "laws"}[seed/2%2]
			desk := engine.NewDesk(o)
			defer desk.Close()
			for step := range 25 {
				for range r.IntN(3) {
					againEdit(r, f, first, names[r.IntN(len(names))])
				}
				if r.IntN(12) == 0 {
					name := others[r.IntN(len(others))]
					f[name] = strings.TrimSuffix(f[name], "\n") + "\n"
					if !strings.HasSuffix(name, ".yml") {
						f[name] += "-- a word\n"
					} else {
						f[name] += "# a word\n"
					}
				}
				written.update(t, b.dir, f)
				var buffers map[string][]byte
				if r.IntN(3) == 0 {
					name := names[r.IntN(len(names))]
					typed := maps.Clone(f)
					againEdit(r, typed, first, name)
					buffers = map[string][]byte{name: []byte(typed[name])}
				}
				before := engine.Quick(desk)
				p, ds := desk.Load(buffers)
				program, base, more := desk.Compile(context.Background(), p, buffers)
				if base == nil {
					t.Fatalf("step %d: nothing is compiled: %v", step, more)
				}
				base.Close()
				got := picture(t, b, program, append(ds, more...))
				for name, text := range buffers {
					if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				p, ds = engine.Load(b.opts)
				program, more = engine.Compile(context.Background(), p, b.opts)
				want := picture(t, b, program, append(ds, more...))
				for name := range buffers {
					written[name] = ""
				}
				written.update(t, b.dir, f)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("step %d, taken from the one before: %t (-everything +again):\n%s", step, engine.Quick(desk) > before, diff)
				}
				if steps++; more.HasErrors() {
					wrong++
				}
				quick += engine.Quick(desk) - before
			}
		})
	}
	t.Logf("%d steps, %d of them took most from the one before, %d projects with mistakes", steps, quick, wrong)
	if quick < steps/4 || wrong < steps/10 {
		t.Errorf("of %d steps %d took most from the one before, %d had mistakes: the law was not tested", steps, quick, wrong)
	}
}

// TestMistakesStayWhereTheyAre: a mistake in any one of the reference project's models is
// reported in its file and nowhere else.
func TestMistakesStayWhereTheyAre(t *testing.T) {
	desk := engine.NewDesk(engine.Options{Dir: "..", Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}})
	defer desk.Close()
	p, ds := desk.Load(nil)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	query, ref := regexp.MustCompile(`(?i)\bselect\s+(distinct\s+)?`), regexp.MustCompile(`\bref "`)
	mistakes := map[string]func(text string) string{
		"a column that does not exist": func(text string) string {
			if at := query.FindStringIndex(text); at != nil {
				return text[:at[1]] + "no_such_column, " + text[at[1]:]
			}
			return text // made by macros alone
		},
		"no query":                    func(text string) string { return text + "\nfrom from" },
		"no template":                 func(text string) string { return text + "\n{{ nothing" },
		"a model that does not exist": func(text string) string { return ref.ReplaceAllString(text, `ref "no_such_`) },
		"an unknown configuration":    func(text string) string { return "{{ config \"no_such\" 1 }}\n" + text },
	}
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			tried := 0
			for _, m := range p.Models {
				path, text := m.Source.Path, mistake(string(m.Source.Data))
				if text == string(m.Source.Data) {
					continue
				}
				tried++
				buffers := map[string][]byte{path: []byte(text)}
				p, ds := desk.Load(buffers)
				program, base, more := desk.Compile(context.Background(), p, buffers)
				if base == nil {
					t.Fatal(more)
				}
				base.Close()
				ds = append(append(ds, more...), check.Run(program, check.Options{Partial: true})...)
				if ds.Count(diag.Error) == 0 {
					t.Errorf("%s: nothing is wrong", path)
				}
				for _, d := range ds {
					if d.Severity == diag.Error && (d.At.File == nil || d.At.File.Path != path) {
						t.Errorf("%s: %s", path, d.Line())
					}
				}
			}
			if tried < 40 {
				t.Errorf("%d models were tried", tried)
			}
		})
	}
}

// TestAgainIsWholeWhere: edits that have been taken for smaller than they are.
func TestAgainIsWholeWhere(t *testing.T) {
	many, edited := files{"engine.yml": "name: laws\n"}, files{}
	for n := range 70 {
		name := fmt.Sprintf("models/m%02d.sql", n)
		many[name], edited[name] = "select 1 as id", "select 2 as id"
	}
	tests := map[string]struct {
		first, then files
		quick       bool
	}{
		"more are edited than are worth it": {first: many, then: edited},
		"three share a relation, two of them are compiled": {
			first: files{
				"engine.yml": "name: laws\n", "models/p.sql": "select 1 as id", "models/a.sql": "{{ config \"alias\" \"x\" }}\nselect 1 as id",
				"models/b.sql": "{{ config \"alias\" \"x\" }}\nselect * from {{ ref \"p\" }}", "models/c.sql": "{{ config \"alias\" \"x\" }}\nselect * from {{ ref \"p\" }}",
			},
			then: files{"models/p.sql": "select 1 as id, 2 as b"}, quick: true,
		},
		"a test that could not be read is empty": {
			first: files{"engine.yml": "name: laws\n", "models/a.sql": "select 1 as id", "tests/s.sql": strings.Repeat("-", 65<<20)},
			then:  files{"tests/s.sql": ""},
		},
		"a column comes and goes that a foreign key names": {
			first: files{
				"engine.yml": "name: laws\n", "models/a.sql": "{{ config \"materialized\" \"table\" }}\nselect 1 as id", "models/b.sql": "{{ config \"materialized\" \"table\" }}\nselect 1 as id",
				"models/p.yml": "models: [{name: b, constraints: [{type: foreign_key, columns: [id], to: ref('a'), to_columns: [id]}]}]\n",
			},
			then: files{"models/a.sql": "{{ config \"materialized\" \"table\" }}\nselect 1 as other"}, quick: true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.first)
			desk := engine.NewDesk(b.opts)
			defer desk.Close()
			for round, f := range []files{{}, tt.then, tt.first} {
				f.write(t, b.dir)
				before := engine.Quick(desk)
				p, ds := desk.Load(nil)
				program, base, more := desk.Compile(context.Background(), p, nil)
				if base == nil {
					t.Fatal(more)
				}
				base.Close()
				got := picture(t, b, program, append(ds, more...))
				p, ds = engine.Load(b.opts)
				program, more = engine.Compile(context.Background(), p, b.opts)
				if diff := cmp.Diff(picture(t, b, program, append(ds, more...)), got); diff != "" {
					t.Errorf("round %d (-everything +again):\n%s", round, diff)
				}
				if quick := engine.Quick(desk) > before; round > 0 && quick != tt.quick {
					t.Errorf("round %d: taken from the one before: %t, want %t", round, quick, tt.quick)
				}
			}
		})
	}
}

// TestDeskAtOnce: whoever types and whoever saves may compile at the same time, and the project may
// be put away meanwhile.
func TestDeskAtOnce(t *testing.T) {
	b := newBench(t, files{"engine.yml": "name: laws\n", "models/a.sql": "select 1 as id", "models/b.sql": "select id from {{ ref \"a\" }}", "models/p.yml": "models: [{name: a}]\n"})
	o := b.opts
	o.Version = "laws"
	desk := engine.NewDesk(o)
	var wg sync.WaitGroup
	look := func(buffers map[string][]byte) {
		p, _ := desk.Load(buffers)
		if _, base, ds := desk.Compile(context.Background(), p, buffers); base != nil {
			base.Close()
		} else {
			t.Error(ds)
		}
	}
	wg.Go(func() {
		for n := range 30 {
			files{"models/a.sql": fmt.Sprintf("select %d as id", n)}.write(t, b.dir)
			if n%7 == 0 {
				files{"models/p.yml": fmt.Sprintf("models: [{name: a}] # %d\n", n)}.write(t, b.dir)
			}
			look(nil)
		}
	})
	wg.Go(func() {
		for n := range 30 {
			look(map[string][]byte{"models/b.sql": fmt.Appendf(nil, "select id + %d as id from {{ ref \"a\" }}", n)})
		}
	})
	wg.Wait()
	desk.Close()
	p, _ := desk.Load(nil)
	if _, base, _ := desk.Compile(context.Background(), p, nil); base != nil {
		base.Close()
	}
}
