package duckdb

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
)

func TestWriteParquet(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "it's *.csv"), filepath.Join(dir, "it's *.parquet")
	text := "id,\"a\"\"b\",at,d,n,ok\n" +
		"1,,2025-03-30 02:30:00,2025-03-30,1.5,true\n" +
		"2,\"\",,,,\n" +
		"3,\"x, \"\"y\"\"\n z \",1969-12-31 23:59:59,0001-01-01,-0.001,false\n"
	if err := os.WriteFile(from, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	columns := []warehouse.Column{{Name: "n", Type: "DECIMAL(18,3)"}, {Name: "id", Type: "BIGINT"}, {Name: `a"b`, Type: "VARCHAR"},
		{Name: "at", Type: "TIMESTAMP"}, {Name: "d", Type: "DATE"}, {Name: "ok", Type: "BOOLEAN"}}
	var first []byte
	for range 2 {
		if err := WriteParquet(context.Background(), from, to, columns); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("equal input gives other bytes")
		}
		first = b
	}
	c := open(t)
	defer c.Close()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: `select id, "a""b" is null, "a""b", t."at"::varchar, d::varchar, n::varchar, ok, ` +
		`typeof(t."at") || typeof(d) || typeof(n) from ` + readParquet(warehouse.File{Path: to}) + " as t"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got [][]any
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, slices.Clone(values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	types := "TIMESTAMPDATEDECIMAL(18,3)"
	want := [][]any{
		{int64(1), true, nil, "2025-03-30 02:30:00", "2025-03-30", "1.500", true, types},
		{int64(2), false, "", nil, nil, nil, nil, types},
		{int64(3), false, "x, \"y\"\n z ", "1969-12-31 23:59:59", "0001-01-01", "-0.001", false, types},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestWriteParquetRefuses(t *testing.T) {
	for _, tt := range []struct{ text, typ string }{
		{"a\n1.5\n", "BIGINT"},
		{"a\n2025-02-30\n", "DATE"},
		{"a\n1\n2,3\n", "BIGINT"},
		{"b\n1\n", "BIGINT"},
	} {
		dir := t.TempDir()
		from := filepath.Join(dir, "a.csv")
		if err := os.WriteFile(from, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := WriteParquet(context.Background(), from, filepath.Join(dir, "a.parquet"), []warehouse.Column{{Name: "a", Type: tt.typ}})
		var bad *warehouse.LoadError
		if !errors.As(err, &bad) {
			t.Errorf("%q: error %v, want a LoadError", tt.text, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("%q: %d files, want the CSV file alone", tt.text, len(entries))
		}
	}
	dir := t.TempDir()
	if err := WriteParquet(context.Background(), filepath.Join(dir, "none.csv"), filepath.Join(dir, "a.parquet"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no CSV file: error %v", err)
	}
}
