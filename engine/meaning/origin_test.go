package meaning_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
	"github.com/engine-build/engine/engine/origin"
)

// TestReadsCoverTheLineage: whatever column lineage knows that a column comes from, or that
// the rows follow from, is read by the facets; on the cases of that room.
func TestReadsCoverTheLineage(t *testing.T) {
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, columns := range map[string]string{
		"orders": `STRUCT<id INT64, customer_id INT64, amount NUMERIC, status STRING, created TIMESTAMP,
			items ARRAY<STRUCT<sku STRING, qty INT64, price NUMERIC>>, address STRUCT<city STRING, geo STRUCT<lat FLOAT64, lon FLOAT64>>,
			tags ARRAY<STRING>, payload JSON>`,
		"customers": `STRUCT<id INT64, name STRING, country STRING, parent_id INT64>`,
		"days":      `STRUCT<id INT64, day DATE, customer_id INT64, amount NUMERIC>`,
	} {
		typ, _, err := googlesql.ParseType(columns)
		if err != nil {
			t.Fatal(err)
		}
		table := googlesql.Table{Name: name}
		for _, f := range typ.Fields {
			table.Columns = append(table.Columns, googlesql.Column{Name: f.Name, Type: f.Type})
		}
		if err := s.Declare(table); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{
		`create temp function twice(x numeric) as (x * 2)`,
		`create temp function pick(a struct<city string, geo struct<lat float64, lon float64>>) as (a.city)`,
		`create temp function safe_ratio(a any type, b any type) as (if(b = 0, null, a / b))`,
	} {
		if err := s.DeclareSQL(sql); err != nil {
			t.Fatal(err)
		}
	}
	checked := 0
	for _, file := range []string{"cases.txt", "grain.txt"} {
		data, err := os.ReadFile("../origin/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(data), "\n== ")[1:] {
			head, _, _ := strings.Cut(part, "\n--")
			_, sql, _ := strings.Cut(head, "\n")
			sql = strings.TrimPrefix(sql, "[via]\n")
			a, err := s.Analyze(sql)
			if err != nil {
				continue // a case about that
			}
			q, ok := a.Stmt.(*ir.Query)
			if !ok || q.ValueTable {
				continue
			}
			m, why := meaning.Of(q, meaning.Names{})
			if m == nil {
				t.Logf("no meaning, %s: %s", why, sql)
				continue
			}
			checked++
			read := func(what, table string, path []string, facets ...meaning.Facet) {
				for _, f := range facets {
					if r, ok := f.Reads[table]; ok && (r.All || len(path) == 0 || slices.Contains(r.Columns, strings.ToLower(path[0]))) {
						return
					}
				}
				t.Errorf("%s does not read %s.%s:\n%s", what, table, strings.Join(path, "."), sql)
			}
			l := origin.Of(q)
			one := len(m.Rows.Reads) == 0 // then the rows are one, and what it reads decides the columns
			for i, c := range l.Columns {
				for _, from := range c.Sources {
					read(c.Name, from.Table, from.Path, m.Rows, m.Columns[i].Facet)
				}
				for _, e := range c.Indirect {
					read(c.Name, e.Table, e.Path, m.Rows, m.Columns[i].Facet)
				}
			}
			for _, e := range l.Rows {
				if e.Use == origin.Order || e.Use == origin.Unused {
					continue
				}
				facets := []meaning.Facet{m.Rows}
				if one {
					for _, c := range m.Columns {
						facets = append(facets, c.Facet)
					}
				}
				read("what decides the rows", e.Table, e.Path, facets...)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d cases", checked)
	}
	t.Logf("%d cases", checked)
}
