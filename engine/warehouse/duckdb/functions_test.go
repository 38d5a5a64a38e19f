package duckdb

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// Functions are there on every connection of an opened file, also where it is opened a
// second time or for reading only.
func TestFunctionsAreRegistered(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "f.duckdb")
	open := func(fields map[string]string) warehouse.Conn {
		t.Helper()
		c, err := Driver{}.Open(ctx, warehouse.Config{Fields: fields})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const query = `select engine_json_value('{"a":"x"}', '$.a'), engine_safe_json_keys('{"a":1}', 0, 'strict'), engine_split_bytes('ab'::blob, ''::blob)`
	ask := func(c warehouse.Conn) {
		t.Helper()
		rows, err := c.Query(ctx, warehouse.Statement{SQL: query})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if !rows.Next() {
			t.Fatal("no row:", rows.Err())
		}
	}
	first := open(map[string]string{"path": path})
	ask(first)
	second := open(map[string]string{"path": path})
	ask(second)
	ask(first)
	_, err := first.Exec(ctx, warehouse.Statement{SQL: `select engine_json_keys('{}', 0, 'strict')`})
	if err == nil || !strings.Contains(Dialect{}.Explain(err).Message, "max_depth must be positive") || strings.Contains(Dialect{}.Explain(err).Message, "driver") {
		t.Errorf("got %v", err)
	}
	second.Close()
	first.Close()
	reader := open(map[string]string{"path": path, "read_only": "true"})
	ask(reader)
	reader.Close()
}

func BenchmarkRegisterFunctions(b *testing.B) {
	ctx := context.Background()
	for range b.N {
		c, err := Driver{}.Open(ctx, warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := RegisterFunctions(ctx, c.(*conn).db); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/register")
		c.Close()
	}
}
