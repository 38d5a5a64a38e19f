package duckdb

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
)

// FuzzReadCSV: DuckDB reads every file that CheckCSV lets through, and reads the values
// and NULLs that CheckCSV saw.
func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,b\n1,\"x\ny\"\n\n,\"\"\n", "a\n1\n\n2", "\xef\xbb\xbfa,b\r\n1,\"x\r\ny\"\r\n", "a,b\n1 , \"a,b\" \n", "a,b\n\"1\",x\ry\n", "a,b\n1,5\" pipe\n", "\"a\nb\",c\n\"\"\"\",é\n", "a\n\"\"\n", "a,b\nx\x00y,\x00\n"} {
		f.Add(s)
	}
	conn := memoryConn(f)
	path := filepath.Join(f.TempDir(), "s.csv")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		file := warehouse.File{Path: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
		var names []string
		want := map[string][]string{}
		seen, err := warehouse.CheckCSV(context.Background(), file, func(string) warehouse.ValueCheck {
			name := fmt.Sprintf("c%d", len(names))
			names = append(names, name)
			return func(v []byte) string { want[name] = append(want[name], string(v)); return "" }
		})
		if err != nil {
			return
		}
		var columns []warehouse.Column
		for _, name := range names {
			columns = append(columns, warehouse.Column{Name: name, Type: "varchar"})
		}
		rows, err := conn.Query(context.Background(), warehouse.Statement{SQL: "select * from " + readCSV(file, columns)})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		defer rows.Close()
		got, n := map[string][]string{}, int64(0)
		for ; rows.Next(); n++ {
			row, err := rows.Values()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range row {
				if v != nil {
					got[names[i]] = append(got[names[i]], v.(string))
				}
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if n != seen.Records {
			t.Errorf("%q: %d records, want %d", text, n, seen.Records)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q:\n%s", text, d)
		}
	})
}
