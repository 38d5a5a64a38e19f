package example_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

func duckParquet(ctx context.Context, from, to string, columns []example.Column) error {
	typed := make([]warehouse.Column, len(columns))
	for i, c := range columns {
		typed[i] = warehouse.Column{Name: c.Name, Type: c.Type}
	}
	return duckdb.WriteParquet(ctx, from, to, typed)
}

// written gives the files of a project's seeds by path; hidden files, too.
func written(t *testing.T, dir string) memory {
	t.Helper()
	m := memory{}
	err := filepath.WalkDir(filepath.Join(dir, "seeds"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		m[filepath.ToSlash(rel)] = bytes.NewBuffer(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Parquet files have the rows of the CSV files, compared cell by cell, and the types that
// the function was told; equal options give equal bytes; no other file is left.
func TestParquetEqualsCSV(t *testing.T) {
	c, err := duckdb.Driver{}.Open(t.Context(), warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	types := map[string][]example.Column{}
	o := example.Options{Materials: 500, Format: "parquet"}
	o.Parquet = func(ctx context.Context, from, to string, columns []example.Column) error {
		types[to] = columns
		return duckParquet(ctx, from, to, columns)
	}
	dir, again := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, again} {
		if err := example.Write(t.Context(), d, fstest.MapFS{}, o); err != nil {
			t.Fatal(err)
		}
	}
	got := written(t, dir)
	if diff := cmp.Diff(hashes(got), hashes(written(t, again))); diff != "" {
		t.Errorf("second run differs (-first +second):\n%s", diff)
	}
	texts := generate(t, example.Options{Materials: 500})
	if len(got) != len(texts) {
		t.Errorf("%d files, want %d", len(got), len(texts))
	}
	for p, text := range texts {
		want, err := csv.NewReader(text).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, filepath.FromSlash(strings.TrimSuffix(p, "csv")+"parquet"))
		rows := query(t, c, "select column_name, column_type from (describe select * from '"+file+"')")
		var described []example.Column
		shown := make([]string, len(rows))
		for i, r := range rows {
			described = append(described, example.Column{Name: r[0], Type: strings.ReplaceAll(r[1], ",", ", ")})
			shown[i] = `coalesce("` + r[0] + `"::varchar, '')`
			if strings.HasPrefix(r[1], "DECIMAL") {
				shown[i] = `rtrim(rtrim(` + shown[i] + `, '0'), '.')`
			}
		}
		if diff := cmp.Diff(types[file], described); diff != "" {
			t.Errorf("%s: types (-want +got):\n%s", p, diff)
		}
		if diff := cmp.Diff(want[1:], query(t, c, "select "+strings.Join(shown, ", ")+" from '"+file+"'")); diff != "" {
			t.Errorf("%s (-csv +parquet):\n%.2000s", p, diff)
		}
		// The generator has no empty text: what reads like one is NULL.
		for _, r := range rows {
			if n := query(t, c, `select count(*)::varchar from '`+file+`' where "`+r[0]+`"::varchar = ''`); n[0][0] != "0" {
				t.Errorf("%s: %s is empty, not NULL, in %s rows", p, r[0], n[0][0])
			}
		}
	}
}

// query gives the rows of a query whose columns are all text.
func query(t *testing.T, c warehouse.Conn, sql string) [][]string {
	t.Helper()
	rows, err := c.Query(t.Context(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		row := make([]string, 0, len(values))
		for _, v := range values {
			row = append(row, fmt.Sprint(v))
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// An error of the function ends the run, and no CSV file is left behind.
func TestParquetFails(t *testing.T) {
	calls := 0
	o := example.Options{Materials: 100, Format: "parquet"}
	o.Parquet = func(_ context.Context, _, to string, _ []example.Column) error {
		if calls++; calls > 2 {
			return errFull
		}
		return os.WriteFile(to, nil, 0o644)
	}
	dir := t.TempDir()
	if err := example.Write(t.Context(), dir, fstest.MapFS{}, o); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
	want := map[string]bool{"seeds/app/app_tenant.parquet": true, "seeds/app/app_account.parquet": true}
	got := map[string]bool{}
	for p := range written(t, dir) {
		got[p] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteEndsWithItsContext(t *testing.T) {
	for _, format := range []string{"csv", "parquet"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := example.Write(ctx, t.TempDir(), fstest.MapFS{}, example.Options{Materials: 1_000_000, Format: format, Parquet: duckParquet})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want %v", format, err, context.Canceled)
		}
	}
}
