package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// factory is a small project that is edited from round to round: seeds, views, tables, an
// incremental model, a snapshot and tests. Its content follows from these values, so that an
// earlier one comes back now and then: what was built for it must not be taken for current
// when it is not.
type factory struct {
	version map[string]int // of each model: a number in its SQL
	values  []int          // of the seed, one per row
	weights []int          // of the other seed
	note    int            // a comment in every model, which means nothing
	broken  bool           // the seed has a NULL that a test of «checked» forbids
	models  map[string]string
}

const factoryRows = 24

func newFactory() *factory {
	f := &factory{version: map[string]int{}, values: make([]int, factoryRows), weights: make([]int, factoryRows), models: map[string]string{
		"stg":     `{{ config "materialized" "view" }}select id, v + %d as v from {{ ref "raw" }}`,
		"a":       `select id, v, %d as version from {{ ref "stg" }}`,
		"checked": `select id, v, %d as version from {{ ref "raw" }}`,
		"b":       `select a.id, a.v + o.w as s, %d as version from {{ ref "a" }} as a join {{ ref "other" }} as o on o.id = a.id`,
		"c":       `select b.id, b.s, k.v, %d as version from {{ ref "b" }} as b join {{ ref "checked" }} as k on k.id = b.id`,
		"inc":     `{{ config "materialized" "incremental" "unique_key" "id" }}select id, v, %d as version from {{ ref "checked" }}`,
		"total":   `select version, count(*) as n, sum(v) as v, %d as mine from {{ ref "inc" }} group by version`,
		"shown":   `{{ config "materialized" "view" }}select id, s + v + %d as s from {{ ref "c" }}`,
		"last":    `select n.id, n.s, %d as version from {{ ref "shown" }} as n`,
		"unread":  `select id, w * %d as w from {{ ref "other" }}`,
	}}
	for name := range f.models {
		f.version[name] = 1
	}
	for i := range factoryRows {
		f.values[i], f.weights[i] = i, 10*i
	}
	return f
}

func (f *factory) clone() *factory {
	out := *f
	out.version, out.values, out.weights = maps.Clone(f.version), slices.Clone(f.values), slices.Clone(f.weights)
	return &out
}

// edit changes one to three things.
func (f *factory) edit(r *rand.Rand) {
	f.broken = false
	names := slices.Sorted(maps.Keys(f.models))
	for range 1 + r.IntN(3) {
		switch r.IntN(6) {
		case 0, 1, 2:
			f.version[names[r.IntN(len(names))]] = 1 + r.IntN(3)
		case 3:
			f.values[r.IntN(len(f.values))] = r.IntN(3)
		case 4:
			f.weights[r.IntN(len(f.weights))] = r.IntN(3)
		case 5:
			f.note++
		}
	}
}

// write makes the project's files; targets are those of engine.yml.
func (f *factory) write(t testing.TB, dir, targets string) {
	t.Helper()
	files := map[string]string{
		"engine.yml": "name: factory\nmodels:\n  +materialized: table\n" + targets,
		"models/props.yml": `
models:
  - name: checked
    columns: [{name: id, data_tests: [unique, not_null]}, {name: v, data_tests: [not_null]}]
  - name: c
    columns: [{name: id, data_tests: [unique]}]
seeds:
  - name: raw
    config: {column_types: {id: int64, v: int64}}
  - name: other
    config: {column_types: {id: int64, w: int64}}
`,
		"snapshots/snap.sql": `{{ config "unique_key" "id" "strategy" "check" "check_cols" "all" }}select id, v, version from {{ ref "checked" }}`,
	}
	for name, sql := range f.models {
		files["models/"+name+".sql"] = fmt.Sprintf("-- note %d\n", f.note) + fmt.Sprintf(sql, f.version[name]) + "\n"
	}
	raw, other := "id,v\n", "id,w\n"
	for i := range factoryRows {
		if f.broken && i == 7 {
			raw += fmt.Sprintf("%d,\n", i)
		} else {
			raw += fmt.Sprintf("%d,%d\n", i, f.values[i])
		}
		other += fmt.Sprintf("%d,%d\n", i, f.weights[i])
	}
	files["seeds/raw.csv"], files["seeds/other.csv"] = raw, other
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// relations are the columns to compare, by relation, and for each the columns that make a
// row. The snapshot's rows are those that are current: its history is that of its runs.
var relations = map[string]string{
	"raw": "id, v", "other": "id, w", "stg": "id, v", "a": "id, v, version", "checked": "id, v, version", "b": "id, s, version",
	"c": "id, s, v, version", "inc": "id, v, version", "total": "version, n, v, mine", "shown": "id, s", "last": "id, s, version",
	"unread": "id, w", "snap": "id, v, version",
}

// stored are the relations that hold rows of their own: each is replaced as a whole.
func stored() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(relations)), func(n string) bool { return n == "stg" || n == "shown" })
}

// query reads a relation as one text per row.
func query(schema, name, text string) string {
	var parts []string
	for _, c := range strings.Split(relations[name], ", ") {
		parts = append(parts, fmt.Sprintf("coalesce(cast(%s as %s), 'NULL')", c, text))
	}
	from := schema + "." + name
	if name == "snap" {
		from += " where dbt_valid_to is null"
	}
	return "select " + strings.Join(parts, " || '|' || ") + " from " + from
}

// rows are the rows of a relation as one text, the same for the same multiset.
func rows(lines []string) string {
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
