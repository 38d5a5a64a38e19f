package lookml_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/lookml"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// looker does what Looker does with views and joins, as far as SQL goes: it puts SQL in the
// place of references. https://cloud.google.com/looker/docs/sql-and-referring-to-lookml
type looker struct {
	views map[string]*object // by name
	alias map[string]string  // name in the explore → view
}

func (l *looker) expand(alias, sql string) string {
	return fieldRef.ReplaceAllStringFunc(sql, func(ref string) string {
		name := strings.TrimSuffix(strings.TrimPrefix(ref, "${"), "}")
		if name == "TABLE" {
			return alias
		}
		at := alias
		if view, field, dotted := strings.Cut(name, "."); dotted {
			at, name = view, field
		}
		for _, f := range l.views[l.alias[at]].objects {
			switch {
			case f.kind == "dimension_group" && name == f.name+"_raw", f.kind == "dimension" && name == f.name:
				return l.expand(at, strings.TrimSpace(f.get("sql")))
			case f.kind == "measure" && name == f.name:
				return l.measure(at, f)
			}
		}
		return ref // the warehouse will say what it thinks of it
	})
}

func (l *looker) measure(alias string, f *object) string {
	sql := l.expand(alias, strings.TrimSpace(f.get("sql")))
	switch f.get("type") {
	case "count":
		return "COUNT(*)"
	case "count_distinct":
		return "COUNT(DISTINCT " + sql + ")"
	case "sum", "average", "min", "max":
		return map[string]string{"sum": "SUM", "average": "AVG", "min": "MIN", "max": "MAX"}[f.get("type")] + "(" + sql + ")"
	case "number":
		return "(" + sql + ")"
	}
	return "NULL" // percentiles are written in another way by each warehouse
}

// queries are what a person may ask of an explore: all dimensions of all its views, and all
// measures of the first one.
func (l *looker) queries(e *object) (dimensions, measures string) {
	l.alias = map[string]string{e.name: e.name}
	from := fmt.Sprintf(" FROM %s AS %s", strings.TrimSpace(l.views[e.name].get("sql_table_name")), e.name)
	order := []string{e.name}
	for _, j := range e.objects {
		view := j.name
		if v := j.get("from"); v != "" {
			view = v
		}
		l.alias[j.name] = view
		order = append(order, j.name)
	}
	whole := from
	for _, j := range e.objects {
		if sql := j.get("sql"); sql != "" {
			whole += " " + l.expand(e.name, strings.TrimSpace(sql))
			continue
		}
		whole += fmt.Sprintf(" LEFT JOIN %s AS %s ON %s", strings.TrimSpace(l.views[l.alias[j.name]].get("sql_table_name")), j.name, l.expand(e.name, strings.TrimSpace(j.get("sql_on"))))
	}
	var list, tally []string
	for _, alias := range order {
		for _, f := range l.views[l.alias[alias]].objects {
			if f.kind == "measure" {
				if alias == e.name {
					tally = append(tally, fmt.Sprintf("%s AS m%d", l.measure(alias, f), len(tally)))
				}
				continue
			}
			list = append(list, fmt.Sprintf("%s AS c%d", l.expand(alias, strings.TrimSpace(f.get("sql"))), len(list)))
		}
	}
	return "SELECT " + strings.Join(list, ", ") + whole, "SELECT " + strings.Join(tally, ", ") + from
}

// TestWarehousesReadIt builds the good projects of the corpus on each warehouse and asks it
// what Looker would: every dimension, join and measure is SQL that the warehouse reads.
func TestWarehousesReadIt(t *testing.T) {
	server := pg.Shared(t)
	fields := server.Fields(server.Database(t))
	var b strings.Builder
	fmt.Fprintf(&b, "  postgres:\n    type: postgres\n    schema: dw\n")
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&b, "    %s: %q\n", k, fields[k])
	}
	emulator := bqpeer.Start(t)
	fmt.Fprintf(&b, "  bigquery: {type: bigquery, schema: dw, project: %s, location: EU, api_endpoint: %q}\n", emulator.Project, emulator.URL)
	for _, name := range []string{"shop", "nested"} {
		for _, target := range []string{"duckdb", "postgres", "bigquery"} {
			t.Run(name+"/"+target, func(t *testing.T) {
				got := asked(t, "testdata/"+name+".txtar", target, b.String())
				want := map[string]map[string]int{
					"shop":   {"orders": 1, "lines": 1},
					"nested": {"orders": 2}, // two tags, one line
				}[name]
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("rows by explore (-want +got):\n%s", d)
				}
			})
		}
	}
}

// asked is how many rows each explore of a case of the corpus has.
func asked(t *testing.T, path, target, targets string) map[string]int {
	t.Helper()
	ctx := context.Background()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		text := string(f.Data)
		if f.Name == "engine.yml" {
			text = regexp.MustCompile(`(?m)^  (postgres|bigquery): .*\n`).ReplaceAllString(text, "")
			text = strings.Replace(text, "targets:\n", "targets:\n"+targets, 1)
		}
		at := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := program(t, dir, target)
	conn, err := engine.Open(ctx, p, engine.Options{Dir: dir, Target: target, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}, bigquery.Driver{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	everything := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	for _, n := range p.Order {
		everything.Nodes[n] = true
	}
	for _, test := range p.Tests {
		everything.Tests[test.ID] = true
	}
	todo, list, err := engine.Plan(ctx, p, conn, everything)
	if err != nil || list.HasErrors() {
		t.Fatal(err, list)
	}
	result, err := engine.Apply(ctx, todo, conn, run.Options{Jobs: 2, RunID: "lookml", Now: time.Now, Dir: dir})
	if err != nil || !result.OK() {
		for _, n := range result.Nodes {
			t.Log(n.Node, n.Status, n.Diags)
		}
		t.Fatalf("it is not built: %v %v", err, result.Diags)
	}
	out, found := lookml.Make(p, options(p))
	if found.HasErrors() {
		t.Fatal(diag.List(found))
	}
	files := checked(t, out)
	l := &looker{views: map[string]*object{}}
	for _, root := range files {
		for _, o := range root.objects {
			if o.kind == "view" {
				l.views[o.name] = o
			}
		}
	}
	rows := map[string]int{}
	for _, root := range files {
		for _, e := range root.objects {
			if e.kind != "explore" {
				continue
			}
			dimensions, measures := l.queries(e)
			for _, sql := range []string{dimensions, measures} {
				n, err := ask(ctx, conn, sql)
				if err != nil {
					t.Errorf("explore %s: %v\n%s", e.name, err, sql)
				}
				if sql == dimensions {
					rows[e.name] = n
				}
			}
		}
	}
	return rows
}

func ask(ctx context.Context, conn warehouse.Conn, sql string) (int, error) {
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: sql, BodyEnd: len(sql)})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}
