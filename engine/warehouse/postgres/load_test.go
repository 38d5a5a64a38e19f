package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

func csv(text string) warehouse.File {
	return warehouse.File{Path: "seed.csv", Format: "csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

// TestLoadRefuses: values that PostgreSQL alone would read as something else, cut off, or
// read differently tomorrow.
func TestLoadRefuses(t *testing.T) {
	c := open(t)
	sql(t, c, "create schema core; create type public.mood as enum ('sad', 'happy'); create domain public.small as int check (value < 10)")
	tests := []struct {
		typ  string
		good []string
		bad  []string
	}{
		{"date", []string{"2024-02-29", " 2024-02-29 ", "infinity", "12024-01-01", "0044-03-15 BC"}, []string{"now", "today", "1/2/2024", "20240102", "2024-02-30", "Jan 1 2024", "epoch"}},
		{"timestamp without time zone", []string{"2024-02-29", "2024-02-29 10:00", "2024-02-29T10:00:00.5"}, []string{"now", "yesterday", "2024-02-29 25:00", "29.02.2024"}},
		{"timestamp with time zone", []string{"2024-02-29 10:00:00+02", "2024-02-29T10:00:00Z"}, []string{"tomorrow", "2024-02-29 10:00 Mars/Base"}},
		{"time without time zone", []string{"10:00", "10:00:00.5"}, []string{"now", "allballs", "25:00"}},
		{"bigint", []string{"-5", " 7 "}, []string{"1.5", "1e3", "0x10", "1_000", "9223372036854775808"}},
		{"smallint", []string{"32767"}, []string{"32768"}},
		{"numeric(5,2)", []string{"1.5", "999.99", "1e2"}, []string{"1000", "x", ""}},
		{"varchar(3)", []string{"abc", "", `\N`, `a\b`}, []string{"abcd"}},
		{"boolean", []string{"true", "f", "yes"}, []string{"maybe", "2"}},
		{"double precision", []string{"1.5", "NaN"}, []string{"1,5", "x"}},
		{"uuid", []string{"00000000-0000-0000-0000-00000000000a"}, []string{"x"}},
		{"jsonb", []string{`{"a": "b\n"}`}, []string{"{"}},
		{"public.mood", []string{"sad"}, []string{"angry"}},
		{"public.small", []string{"9"}, []string{"10"}},
		{"text", []string{`\.`, "a\tb", "a\r\nb", `\\`, "\u00a0"}, []string{"a\x00b"}},
	}
	for i, tt := range tests {
		t.Run(tt.typ, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("id,v\n")
			for n, v := range tt.good {
				fmt.Fprintf(&b, "%d,\"%s\"\n", n, strings.ReplaceAll(v, `"`, `""`))
			}
			columns := []warehouse.Column{{Name: "id", Type: "bigint"}, {Name: "v", Type: tt.typ}}
			target := rel(fmt.Sprintf("good%d", i))
			if stats, err := c.Load(context.Background(), target, columns, csv(b.String())); err != nil || stats.Rows != int64(len(tt.good)) {
				t.Errorf("%+v, %v", stats, err)
			}
			if tt.typ == "text" {
				for n, v := range tt.good {
					want(t, c, fmt.Sprintf("select v from core.good%d where id = %d", i, n), v)
				}
			}
			for _, v := range tt.bad {
				_, err := c.Load(context.Background(), rel("bad"), columns, csv("id,v\n1,\n\n2,\""+strings.ReplaceAll(v, `"`, `""`)+"\"\n"))
				bad := (*warehouse.LoadError)(nil)
				if !errors.As(err, &bad) || len(bad.Rows) != 1 || bad.Rows[0].Line != 4 || bad.Rows[0].Name != "v" || bad.Rows[0].Value != v || bad.Rows[0].Reason == "" {
					t.Errorf("%q: %v %+v", v, err, bad)
				}
			}
		})
	}
	if _, err := c.Load(context.Background(), rel("bad"), nil, warehouse.File{Path: "x.parquet", Format: "parquet"}); err == nil || !strings.Contains(err.Error(), "Parquet") {
		t.Errorf("parquet: %v", err)
	}
	want(t, c, "select to_regclass('core.bad')::text", "NULL")
}

// TestLoadWithoutTemporaryTables: a role without that right still learns the first bad value.
func TestLoadWithoutTemporaryTables(t *testing.T) {
	s := pg.Shared(t)
	database := s.Database(t)
	c := connect(t, s.Fields(database))
	defer c.Close()
	roles(t, c)
	sql(t, c, "create schema core; grant all on schema core to builder; revoke temporary on database "+database+" from public")
	fields := s.Fields(database)
	fields["role"] = "builder"
	builder := connect(t, fields)
	defer builder.Close()
	_, err := builder.Load(context.Background(), rel("bad"), []warehouse.Column{{Name: "v", Type: "numeric"}}, csv("v\n1\n\n2\nx\ny\n"))
	bad := (*warehouse.LoadError)(nil)
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	if d := cmp.Diff([]warehouse.BadRow{{Line: 5, Field: 1, Name: "v", Value: "x", Reason: `invalid input syntax for type numeric: "x"`}}, bad.Rows); d != "" {
		t.Error(d)
	}
}

// TestLoadIsCanceled: a load ends with its context, and leaves nothing.
func TestLoadIsCanceled(t *testing.T) {
	c := open(t)
	sql(t, c, "create schema core")
	ctx, cancel := context.WithCancel(context.Background())
	// CheckCSV reads the file once, the load again: the third opening never comes.
	opened := 0
	f := warehouse.File{Path: "seed.csv", Format: "csv", Open: func() (io.ReadCloser, error) {
		if opened++; opened < 2 {
			return io.NopCloser(strings.NewReader("v\n1\n")), nil
		}
		return io.NopCloser(io.MultiReader(strings.NewReader("v\n1\n"), endless{cancel: cancel})), nil
	}}
	_, err := c.Load(ctx, rel("big"), []warehouse.Column{{Name: "v", Type: "bigint"}}, f)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	want(t, c, "select to_regclass('core.big')::text", "NULL")
}

// endless is a file without an end, whose reader is interrupted after a while.
type endless struct{ cancel func() }

func (e endless) Read(p []byte) (int, error) {
	e.cancel()
	n := copy(p, strings.Repeat("1\n", len(p)/2))
	return n, nil
}

// TestLoadTakesLittleMemory: the size of a file does not matter.
func TestLoadTakesLittleMemory(t *testing.T) {
	c := open(t)
	sql(t, c, "create schema core")
	const size = 64 << 20
	line := strings.Repeat("x", 1022) + "\n"
	f := warehouse.File{Path: "seed.csv", Format: "csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("v\n"), io.LimitReader(&repeated{line: line}, size/int64(len(line))*int64(len(line))))), nil
	}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stats, err := c.Load(context.Background(), rel("big"), []warehouse.Column{{Name: "v", Type: "text"}}, f)
	if err != nil || stats.Rows != size/int64(len(line)) {
		t.Fatal(stats, err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys) - int64(before.Sys); grown > 48<<20 {
		t.Errorf("a file of %d MiB took %d MiB more", size>>20, grown>>20)
	}
}

type repeated struct {
	line string
	at   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		m := copy(p[n:], r.line[r.at:])
		n += m
		r.at = (r.at + m) % len(r.line)
	}
	return n, nil
}
