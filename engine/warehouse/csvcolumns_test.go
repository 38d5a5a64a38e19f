package warehouse

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func csvText(text string) File {
	return File{Path: "seed.csv", Format: "csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestReadCSV(t *testing.T) {
	var got []string
	read := func(text string) error {
		got = nil
		return ReadCSV(context.Background(), csvText(text), func(fields [][]byte) error {
			cells := make([]string, len(fields))
			for i, f := range fields {
				cells[i] = string(f)
				if f == nil {
					cells[i] = "NULL"
				}
			}
			got = append(got, strings.Join(cells, "|"))
			if cells[0] == "stop" {
				return io.ErrClosedPipe
			}
			return nil
		})
	}
	if err := read("\xef\xbb\xbfa,b\r\n1,\r\n\r\n\"\",\"x\"\"y\r\nz\"\r\n, \"q\" \r\n3,5\" pipe"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1|NULL", "|x\"y\r\nz", "NULL|q", "3|5\" pipe"}, got); d != "" {
		t.Error(d)
	}
	if err := read("a\n1\n\n2\n"); err != nil || strings.Join(got, " ") != "1 NULL 2" {
		t.Error(got, err)
	}
	if err := read("a\nstop\n2\n"); !errors.Is(err, io.ErrClosedPipe) || len(got) != 1 {
		t.Error(got, err)
	}
	bad := (*LoadError)(nil)
	if err := read("a,b\n1,2\n3\n"); !errors.As(err, &bad) || bad.Rows[0].Line != 3 || len(got) != 1 {
		t.Error(got, err)
	}
}

func TestCSVColumns(t *testing.T) {
	types := CSVTypes{Of: map[Shape]string{ShapeText: "text", ShapeInt: "int", ShapeDate: "date"}, Check: func(typ string) ValueCheck {
		if typ != "int" {
			return nil
		}
		return func(v []byte) string {
			if !isInt(v) {
				return "no number"
			}
			return ""
		}
	}}
	ctx := context.Background()
	got, err := CSVColumns(ctx, csvText("a,B,c\n1,x,2024-01-01\n"), []Column{{Name: "b", Type: "varchar"}, {Name: "c"}}, types)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Column{{Name: "a", Type: "int", Nullable: true}, {Name: "B", Type: "varchar", Nullable: true}, {Name: "c", Type: "date", Nullable: true}}, got); d != "" {
		t.Error(d)
	}
	bad := (*LoadError)(nil)
	if _, err := CSVColumns(ctx, csvText("a\nx\n"), []Column{{Name: "a", Type: "int"}}, types); !errors.As(err, &bad) || bad.Rows[0].Reason != "no number" {
		t.Error(err)
	}
	if _, err := CSVColumns(ctx, csvText("a\nx\n"), []Column{{Name: "z", Type: "int"}}, types); !errors.As(err, &bad) || bad.Rows[0].Name != "z" {
		t.Error(err)
	}
}
