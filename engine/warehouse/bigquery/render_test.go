package bigquery

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func rel(name string) addr.Relation { return addr.Relation{Schema: "shop", Name: name} }

// golden compares a text with a file; ENGINE_UPDATE=1 writes the file and fails.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	want, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	if os.Getenv("ENGINE_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s is written anew: look at it and run the test again", path)
		return
	}
	t.Errorf("%s:\n%s", path, cmp.Diff(string(want), got))
}

// TestRender: the SQL of every operation, with every part of a layout.
func TestRender(t *testing.T) {
	day := &warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Day}
	with := func(p *warehouse.Partition) *warehouse.Layout { return &warehouse.Layout{Partition: p} }
	query := "select 1 as id -- all"
	columns := []warehouse.Column{{Name: "id", Type: "INT64"}, {Name: "name", Type: "STRING"}}
	full := &warehouse.Layout{
		Partition: day, Cluster: []string{"id", "name"}, RequirePartitionFilter: true, PartitionDays: 1.5, Hours: 36,
		KMSKey: "projects/p/locations/eu/keyRings/r/cryptoKeys/k", Labels: map[string]string{"team": "sales", "a": "it's"},
	}
	keys := &warehouse.Layout{Constraints: []warehouse.Constraint{
		{Type: "not_null", Columns: []string{"ID"}}, {Type: "primary_key", Columns: []string{"id"}},
		{Type: "foreign_key", Name: "of_customer", Columns: []string{"name"}, To: rel("customers"), ToColumns: []string{"name"}},
	}}
	merge := warehouse.MergeInto{Target: rel("orders"), From: rel("_engine_new__orders"), Key: []string{"id"}, Columns: []string{"id", "day", "amount"}}
	replace := warehouse.ReplacePartitions{Target: rel("orders"), From: rel("_engine_new__orders"), Partition: *day, Columns: []string{"id", "day"}}
	only := func(p warehouse.Partition, literals ...string) warehouse.ReplacePartitions {
		o := replace
		o.Partition, o.Only = p, literals
		return o
	}
	tests := []struct {
		name string
		op   warehouse.Op
	}{
		{"schema", warehouse.CreateSchema{Schema: "shop"}},
		{"schema of a project", warehouse.CreateSchema{Database: "other-project", Schema: "shop"}},
		{"table", warehouse.CreateTableAs{Target: rel("orders"), Query: query}},
		{"table aside", warehouse.CreateTableAs{Target: rel("_engine_new__orders"), Query: query, Layout: with(day)}},
		{"table with casts", warehouse.CreateTableAs{Target: rel("orders"), Query: query, Columns: []warehouse.Column{{Name: "id", Type: "STRING"}, {Name: "x"}}}},
		{"table with everything", warehouse.CreateTableAs{Target: rel("orders"), Query: query, Layout: full}},
		{"table with keys", warehouse.CreateTableAs{Target: rel("orders"), Query: query, Columns: columns, Layout: keys}},
		{"table by day of a date", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(day)}},
		{"table by month of a date", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(&warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month})}},
		{"table by hour", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(&warehouse.Partition{Column: "at", Type: "timestamp", Granularity: warehouse.Hour})}},
		{"table by day of a datetime", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(&warehouse.Partition{Column: "at", Type: "datetime", Granularity: warehouse.Day})}},
		{"table by year", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(&warehouse.Partition{Column: "at", Type: "timestamp", Granularity: warehouse.Year})}},
		{"table by range", warehouse.CreateTableAs{Target: rel("o"), Query: query, Layout: with(&warehouse.Partition{Column: "id", Type: "int64", Start: -10, End: 100, Interval: 10})}},
		{"table by arrival", warehouse.CreateTable{Target: rel("o"), Columns: columns, Layout: with(&warehouse.Partition{Type: "timestamp", Granularity: warehouse.Day})}},
		{"table by hour of arrival", warehouse.CreateTable{Target: rel("o"), Columns: columns, Layout: with(&warehouse.Partition{Type: "timestamp", Granularity: warehouse.Hour})}},
		{"empty table", warehouse.CreateTable{Target: rel("o"), Columns: columns, IfNotExists: true, Layout: keys}},
		{"view", warehouse.CreateViewAs{Target: rel("v"), Query: query, Layout: &warehouse.Layout{Labels: map[string]string{"a": "b"}, Hours: 1}}},
		{"view aside", warehouse.CreateViewAs{Target: rel("_engine_new__v"), Query: query}},
		{"materialized view", warehouse.CreateMaterializedViewAs{Target: rel("m"), Query: query, Layout: &warehouse.Layout{
			Partition: day, Cluster: []string{"id"}, Labels: map[string]string{"a": "b"},
			Refresh: &warehouse.Refresh{Automatic: true, Minutes: 45, MaxStaleness: "interval '4:0:0' hour to second"}}}},
		{"materialized view refreshed by hand", warehouse.CreateMaterializedViewAs{Target: rel("m"), Query: query, Layout: &warehouse.Layout{Refresh: &warehouse.Refresh{}}}},
		{"refresh", warehouse.RefreshMaterializedView{Target: rel("m")}},
		{"swap tables", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.Table}},
		{"swap of another spread", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.Table, Respread: true}},
		{"table for a view", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.View}},
		{"view for a table", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.View, Target: rel("o"), Old: warehouse.Table, Query: query}},
		{"view for a view", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.View, Target: rel("o"), Old: warehouse.View, Query: query}},
		{"clone", warehouse.CloneTable{From: rel("o"), To: rel("_engine_copy__o")}},
		{"insert", warehouse.InsertSelect{Target: rel("o"), From: rel("s"), Columns: []string{"id", "sel ect"}}},
		{"merge", merge},
		{"merge with limits", func() warehouse.Op {
			o := merge
			o.Update, o.Predicates = []string{"amount"}, []string{"t.day > '2024-01-01' -- recent"}
			return o
		}()},
		{"merge of keys only", func() warehouse.Op { o := merge; o.Key = o.Columns; return o }()},
		{"replace partitions found", replace},
		{"replace given days", only(*day, "'2024-01-01'", "date_sub(current_date(), interval 1 day)", "NULL")},
		{"replace given months", only(warehouse.Partition{Column: "at", Type: "timestamp", Granularity: warehouse.Month}, "'2024-01-01'")},
		{"replace given hours", only(warehouse.Partition{Column: "at", Type: "timestamp", Granularity: warehouse.Hour}, "'2024-01-01 05:00:00'")},
		{"replace given ranges", only(warehouse.Partition{Column: "id", Type: "int64", Start: 0, End: 100, Interval: 10}, "20", "-5")},
		{"replace given arrivals", only(warehouse.Partition{Type: "timestamp", Granularity: warehouse.Day}, "'2024-01-01'")},
		{"delete", warehouse.DeleteMatching{Target: rel("o"), From: rel("s"), Key: []string{"id", "day"}, Predicates: []string{"t.day > '2024-01-01' -- recent"}}},
		{"add columns", warehouse.AddColumns{Target: rel("o"), Columns: columns}},
		{"drop columns", warehouse.DropColumns{Target: rel("o"), Columns: []string{"id", "name"}}},
		{"retype", warehouse.RetypeColumns{Target: rel("o"), Columns: columns[:1]}},
		{"drop", warehouse.Drop{Relation: rel("m"), Kind: warehouse.MaterializedView}},
		{"comment", warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Text: "it's «ü»\n`x` \\"}},
		{"comment of a column", warehouse.Comment{Relation: rel("v"), Kind: warehouse.View, Column: "id", Text: "key"}},
		{"no comment", warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table}},
		{"values", warehouse.InsertValues{Target: rel("o"), Columns: []warehouse.Column{{Name: "a", Type: "TIMESTAMP"}, {Name: "b"}}, Rows: [][]any{{time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), nil}, {nil, "x"}}}},
		{"close rows", warehouse.CloseRows{Target: rel("h"), From: rel("s"), Key: "id", To: "till", At: "since"}},
		{"close missing rows", warehouse.CloseRows{Target: rel("h"), From: rel("s"), Key: "id", To: "till", Missing: true}},
		{"require", warehouse.Require{Query: "select 'x' as message -- none"}},
		{"grant", warehouse.Grant{Relation: rel("o"), Kind: warehouse.Table, Privilege: "roles/bigquery.dataViewer", Grantees: []string{"user:a@b.c", "group:g@b.c"}}},
		{"hook", warehouse.SQL{Text: "select 1"}},
	}
	var b strings.Builder
	for _, tt := range tests {
		stmts, err := Dialect{}.Render(tt.op)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		fmt.Fprintf(&b, "-- %s\n", tt.name)
		for _, s := range stmts {
			if s.BodyEnd > 0 && !strings.HasPrefix(s.SQL[s.BodyStart:s.BodyEnd], "select ") {
				t.Errorf("%s: the body is %q", tt.name, s.SQL[s.BodyStart:s.BodyEnd])
			}
			b.WriteString(s.SQL + ";\n")
		}
		b.WriteString("\n")
	}
	golden(t, "render.sql", b.String())
}

// TestRenderRefused: what BigQuery does not have is refused, and the message says what to do.
func TestRenderRefused(t *testing.T) {
	table := func(l warehouse.Layout) warehouse.Op {
		return warehouse.CreateTable{Target: rel("o"), Columns: []warehouse.Column{{Name: "id", Type: "INT64"}}, Layout: &l}
	}
	part := func(p warehouse.Partition) warehouse.Op { return table(warehouse.Layout{Partition: &p}) }
	constraint := func(c warehouse.Constraint) warehouse.Op {
		return table(warehouse.Layout{Constraints: []warehouse.Constraint{c}})
	}
	tests := []struct {
		op   warehouse.Op
		want string
	}{
		{part(warehouse.Partition{Column: "d", Type: "date", Granularity: warehouse.Hour}), "a date has no hours"},
		{part(warehouse.Partition{Column: "d", Type: "string", Granularity: warehouse.Day}), "not date, timestamp, datetime or int64"},
		{part(warehouse.Partition{Column: "d", Type: "date", Granularity: "week"}), "not hour, day, month or year"},
		{part(warehouse.Partition{Column: "d", Type: "int64", Start: 5, End: 5, Interval: 1}), "a start before its end"},
		{part(warehouse.Partition{Type: "int64", Start: 0, End: 5, Interval: 1}), "needs a column"},
		{table(warehouse.Layout{PartitionDays: 1}), "partitions expire only"},
		{table(warehouse.Layout{Hours: -1}), "below 0"},
		{constraint(warehouse.Constraint{Type: "check", Expression: "id > 0"}), "no constraint check"},
		{constraint(warehouse.Constraint{Type: "unique", Columns: []string{"id"}}), "no constraint unique"},
		{constraint(warehouse.Constraint{Type: "primary_key", Columns: []string{"id"}, Enforced: true}), "does not enforce"},
		{constraint(warehouse.Constraint{Type: "not_null", Columns: []string{"nope"}}), `"nope"`},
		{constraint(warehouse.Constraint{Type: "foreign_key", Columns: []string{"id"}}), "as many columns"},
		{warehouse.CreateTableAs{Target: rel("o"), Query: "select 1 as id", Layout: &warehouse.Layout{Constraints: []warehouse.Constraint{{Type: "primary_key", Columns: []string{"id"}}}}}, "types of all columns"},
		{warehouse.Swap{New: rel("n"), NewKind: warehouse.View, Target: rel("o")}, "its query is needed"},
		{warehouse.MergeInto{Target: rel("o"), From: rel("s"), Columns: []string{"id"}}, "a key is needed"},
		{warehouse.MergeInto{Target: rel("o"), From: rel("s"), Key: []string{"id"}}, "must be expanded"},
		{warehouse.CloseRows{Target: rel("o"), At: "x", Missing: true}, "gives no value"},
		{warehouse.InsertValues{Target: rel("o"), Rows: [][]any{{1}}}, "1 values for 0 columns"},
	}
	for _, tt := range tests {
		_, err := Dialect{}.Render(tt.op)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.op, err, tt.want)
		}
	}
}

// TestValuesInPieces: neither too many rows nor too much text come in one statement.
func TestValuesInPieces(t *testing.T) {
	op := warehouse.InsertValues{Target: rel("o"), Columns: []warehouse.Column{{Name: "a"}}}
	for range 1203 {
		op.Rows = append(op.Rows, []any{int64(1)})
	}
	for range 4 {
		op.Rows = append(op.Rows, []any{strings.Repeat("x", 250_000)})
	}
	stmts, err := Dialect{}.Render(op)
	if err != nil || len(stmts) != 4 {
		t.Fatalf("%d statements, %v", len(stmts), err)
	}
	for i, s := range stmts {
		if len(s.SQL) > 1_000_000 {
			t.Errorf("statement %d has %d bytes", i, len(s.SQL))
		}
	}
}

// TestPredicate: partitions become lists, ranges or joined ranges.
func TestPredicate(t *testing.T) {
	date := func(s string) int64 {
		at, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMicro()
	}
	day := warehouse.Partition{Column: "d", Type: "date", Granularity: warehouse.Day}
	month := warehouse.Partition{Column: "at", Type: "timestamp", Granularity: warehouse.Month}
	ints := warehouse.Partition{Column: "i", Type: "int64", Start: 0, End: 95, Interval: 10}
	tests := []struct {
		name string
		p    partitions
		most int
		want string
	}{
		{"none", partitions{of: day}, 10, "false"},
		{"null only", partitions{of: day, null: true}, 10, "(t.`d` is null)"},
		{"days", partitions{of: day, begins: []int64{date("2024-01-01"), date("2024-02-29")}, null: true}, 10, "(t.`d` in (date '2024-01-01', date '2024-02-29') or t.`d` is null)"},
		{"too many days", partitions{of: day, begins: []int64{date("2024-01-01"), date("2024-01-02"), date("2024-01-05"), date("2024-03-01")}}, 2,
			"((t.`d` >= date '2024-01-01' and t.`d` < date '2024-01-06') or (t.`d` >= date '2024-03-01' and t.`d` < date '2024-03-02'))"},
		{"equal gaps", partitions{of: day, begins: []int64{date("2024-01-01"), date("2024-01-03"), date("2024-01-05"), date("2024-01-07")}}, 3,
			"((t.`d` >= date '2024-01-01' and t.`d` < date '2024-01-04') or (t.`d` >= date '2024-01-05' and t.`d` < date '2024-01-06') or (t.`d` >= date '2024-01-07' and t.`d` < date '2024-01-08'))"},
		{"months that follow", partitions{of: month, begins: []int64{date("2023-12-01"), date("2024-01-01"), date("2024-03-01")}}, 10,
			"((t.`at` >= timestamp '2023-12-01 00:00:00+00' and t.`at` < timestamp '2024-02-01 00:00:00+00') or (t.`at` >= timestamp '2024-03-01 00:00:00+00' and t.`at` < timestamp '2024-04-01 00:00:00+00'))"},
		{"ranges", partitions{of: ints, begins: []int64{0, 90}, beyond: true}, 10, "((t.`i` >= 0 and t.`i` < 10) or (t.`i` >= 90 and t.`i` < 95) or t.`i` < 0 or t.`i` >= 95)"},
		{"arrival", partitions{of: warehouse.Partition{Type: "timestamp", Granularity: warehouse.Day}, begins: []int64{date("2024-01-01")}}, 10,
			"((t._PARTITIONTIME >= timestamp '2024-01-01 00:00:00+00' and t._PARTITIONTIME < timestamp '2024-01-02 00:00:00+00'))"},
	}
	for _, tt := range tests {
		if got := (Dialect{}).predicate("t", tt.p, tt.most); got != tt.want {
			t.Errorf("%s:\n%s", tt.name, cmp.Diff(tt.want, got))
		}
	}
	for want, p := range map[string]partitions{"20240229": {of: day}, "202402": {of: month}, "20": {of: ints}} {
		b := date("2024-02-29")
		if p.of.Type == "int64" {
			b = 20
		}
		if got := p.decorator(b); got != want {
			t.Errorf("decorator %s, want %s", got, want)
		}
	}
}

// TestSpansCover: however few ranges are allowed, every partition is within one.
func TestSpansCover(t *testing.T) {
	day := warehouse.Partition{Column: "d", Type: "date", Granularity: warehouse.Day}
	for _, step := range []int64{1, 2, 3, 7} {
		p := partitions{of: day}
		for i := range int64(3000) {
			p.begins = append(p.begins, (i*step+i%5)*86400*1e6)
		}
		p.sort()
		for _, most := range []int{1, 2, 10, 1000} {
			spans := p.spans(most)
			if len(spans) > most {
				t.Errorf("step %d: %d spans, at most %d", step, len(spans), most)
			}
			i := 0
			for _, b := range p.begins {
				for i < len(spans) && spans[i].to <= b {
					i++
				}
				if i == len(spans) || spans[i].from > b {
					t.Fatalf("step %d, most %d: %d is not covered", step, most, b)
				}
			}
		}
	}
}
