package engine_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// The reference project, its data made small, builds on all warehouses with all its tests,
// and every relation has the same columns and rows. The emulator joins by comparing all
// rows with all, so the data are the smallest that the generator makes.
func TestReferenceOnAllWarehouses(t *testing.T) {
	if testing.Short() {
		t.Skip("needs minutes: run without -short")
	}
	dir := t.TempDir()
	for _, name := range []string{"models", "macros", "snapshots", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "seeds"), properties{os.DirFS(filepath.Join("..", "seeds"))}); err != nil {
		t.Fatal(err)
	}
	if err := example.Manufacturing(context.Background(), example.Folder(dir), example.Options{Materials: 100}); err != nil {
		t.Fatal(err)
	}
	server := pg.Shared(t)
	emulator := bqpeer.Start(t)
	fields := server.Fields(server.Database(t))
	targets := "targets:\n  bigquery: {type: bigquery, schema: dev, project: " + emulator.Project + ", location: EU, api_endpoint: \"" + emulator.URL + "\"}\n  postgres:\n    type: postgres\n    schema: dev\n"
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		targets += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	settings, err := os.ReadFile(filepath.Join("..", "engine.yml"))
	if err != nil {
		t.Fatal(err)
	}
	files{"engine.yml": strings.Replace(string(settings), "targets:\n", targets, 1)}.write(t, dir)

	built := map[string]map[string][]string{}
	order := []string{"dev", "postgres", "bigquery"}
	for _, target := range order {
		start := time.Now()
		b := &bench{t: t, dir: dir}
		b.opts = engine.Options{Dir: dir, Target: target, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}, bigquery.Driver{}}}
		r := b.build(4, nil)
		p := b.compile()
		c := b.open(p)
		found := map[string][]string{}
		relations, tests, rows := 0, 0, 0
		for _, id := range p.Order {
			n := p.Nodes[id]
			if id.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
				continue
			}
			found[id.String()] = plainRows(t, c, n)
			relations++
			rows += len(found[id.String()]) - 1
		}
		for _, n := range r.Nodes {
			tests += len(n.Tests)
		}
		c.Close()
		built[target] = found
		t.Logf("%s: %d relations, %d rows, %d tests in %s", target, relations, rows, tests, time.Since(start).Round(100*time.Millisecond))
		if relations < 90 || rows < 3000 {
			t.Errorf("%s: %d relations with %d rows are too few to say anything", target, relations, rows)
		}
	}
	for _, target := range order[1:] {
		for _, id := range slices.Sorted(maps.Keys(built["dev"])) {
			if want, got := built["dev"][id], built[target][id]; !slices.Equal(want, got) {
				t.Errorf("%s on %s differs in %v (-duckdb +%s):\n%.1500s", id, target, differing(want, got), target, cmp.Diff(want, got))
			}
		}
	}
}

// differing names the columns in which two lists of rows differ, as far as rows stand at
// the same place.
func differing(want, got []string) []string {
	if len(want) != len(got) {
		return []string{fmt.Sprintf("%d and %d rows", len(want)-1, len(got)-1)}
	}
	var out []string
	names := strings.Split(want[0], "|")
	for i := range want {
		a, b := strings.Split(want[i], "|"), strings.Split(got[i], "|")
		for k := range min(len(a), len(b), len(names)) {
			if a[k] != b[k] && !slices.Contains(out, names[k]) {
				out = append(out, names[k])
			}
		}
	}
	return out
}

// notOnEmulator are columns in which the emulator differs from what BigQuery documents; they
// are compared between the others by TestReferenceOnPostgres.
var notOnEmulator = map[string]string{
	"thc_percent":      "SAFE_CAST of a text that is no number AS NUMERIC gives 0 there, NULL in BigQuery",
	"result_value":     "the same",
	"quarter_number":   "EXTRACT(QUARTER FROM …) of the first day of a quarter gives the quarter before",
	"sales_fee":        "ROUND(x, 2) of a NUMERIC does not round there",
	"platform_revenue": "the sum of sales_fee",
}

// plainRows are the columns of a relation and its rows in a form that does not depend on
// the warehouse, sorted. What depends on the time of the run is left out.
func plainRows(t *testing.T, c warehouse.Conn, n *compile.Node) []string {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: "select * from " + c.Dialect().Quote(n.Relation)})
	if err != nil {
		t.Fatalf("read %s: %v", n.ID, err)
	}
	defer rows.Close()
	columns := rows.Columns()
	types := make([]*ir.Type, len(columns))
	var names []string
	compared := func(i int) bool {
		_, known := notOnEmulator[columns[i].Name]
		return !known && !(n.ID.Kind == addr.Snapshot && strings.HasPrefix(columns[i].Name, "dbt_"))
	}
	for i, col := range columns {
		if compared(i) {
			names = append(names, col.Name)
		}
		for _, known := range n.Columns {
			if strings.EqualFold(known.Name, col.Name) {
				types[i] = known.Google
			}
		}
		if types[i] == nil {
			t.Fatalf("%s: the type of column %q is not known", n.ID, col.Name)
		}
	}
	var out []string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, v := range values {
			if compared(i) {
				b.WriteString(plainValue(t, v, types[i]) + "|")
			}
		}
		out = append(out, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return append([]string{strings.Join(names, "|")}, out...)
}

// plainValue writes a value by its GoogleSQL type.
func plainValue(t *testing.T, v any, typ *ir.Type) string {
	t.Helper()
	if v == nil {
		return "NULL"
	}
	switch typ.Kind {
	case ir.Numeric, ir.BigNumeric, ir.Int64:
		if r, ok := new(big.Rat).SetString(fmt.Sprint(v)); ok {
			return r.RatString()
		}
	case ir.Float64:
		if f, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			// Sums of floats depend on their order.
			return strconv.FormatFloat(f, 'g', 12, 64)
		}
	case ir.JSON:
		var parsed any
		if err := json.Unmarshal([]byte(fmt.Sprint(v)), &parsed); err == nil {
			text, err := json.Marshal(parsed)
			if err == nil {
				return string(text)
			}
		}
	case ir.Array:
		if list, ok := v.([]any); ok {
			items := make([]string, len(list))
			for i, item := range list {
				items[i] = plainValue(t, item, typ.Elem)
			}
			return "[" + strings.Join(items, ", ") + "]"
		}
	case ir.Date:
		if at, ok := v.(time.Time); ok {
			return at.UTC().Format(time.DateOnly)
		}
	case ir.Timestamp, ir.Datetime:
		if at, ok := v.(time.Time); ok {
			return at.UTC().Format(time.RFC3339Nano)
		}
	case ir.String:
		if s, ok := v.(string); ok {
			return strconv.Quote(s)
		}
	case ir.Bool:
		if b, ok := v.(bool); ok {
			return strconv.FormatBool(b)
		}
	}
	t.Fatalf("a value %#v of type %s is not expected", v, typ)
	return ""
}

// properties are the YAML files of a folder, and the folders they are in.
type properties struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (p properties) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(p.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return !e.IsDir() && filepath.Ext(e.Name()) != ".yml" }), err
}
