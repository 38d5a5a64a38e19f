package duckdb

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/engine-build/engine/engine/warehouse"
)

// Try says before a build what Load would say in it, for every sort of type.
func TestTryFindsWhatLoadRefuses(t *testing.T) {
	a, err := Driver{}.Analyzer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, c := range []struct {
		name, typ, text string
		badLine         int // 0: it loads
	}{
		{"whole", "integer", "v\n1\n2\n", 0},
		{"whole out of range", "tinyint", "v\n1\n300\n", 3},
		{"sign in unsigned", "utinyint", "v\n-5\n", 2},
		{"fraction in whole", "integer", "v\n1.5\n", 2},
		{"decimal", "decimal(18,2)", "v\n1\n2.50\n", 0},
		{"text in decimal", "decimal(18,2)", "v\n1\nten\n", 3},
		{"date", "date", "v\n2026-01-05\n", 0},
		{"no such day", "date", "v\n2026-01-05\n2026-13-01\n", 3},
		{"timestamp from date", "timestamp", "v\n2026-01-05\n", 0},
		{"bool", "boolean", "v\ntrue\nfalse\n", 0},
		{"bool from words", "boolean", "v\nyes\nmaybe\n", 3},
		{"anything is text", "varchar", "v\n1\nx\n", 0},
		{"leading zeros in a double", "double", "v\n007\n", 0},
		{"only empty fields", "date", "v,w\n,1\n,2\n", 0},
		{"ragged", "varchar", "v\n1,2\n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s.csv")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			f := warehouse.File{Path: path, Format: "csv", Open: func() (io.ReadCloser, error) { return os.Open(path) }}
			err := a.(warehouse.Trier).Try(context.Background(), []warehouse.Column{{Name: "v", Type: c.typ}}, f)
			var bad *warehouse.LoadError
			switch {
			case c.badLine == 0 && err != nil:
				t.Errorf("refused: %v", err)
			case c.badLine > 0 && !errors.As(err, &bad):
				t.Errorf("want a bad row, got %v", err)
			case c.badLine > 0 && bad.Rows[0].Line != c.badLine:
				t.Errorf("bad row in line %d, want %d", bad.Rows[0].Line, c.badLine)
			}
		})
	}
}
