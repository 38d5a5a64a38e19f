package duckdb

import (
	"context"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/warehouse"
)

// A query that needs more memory than it may have, and may not spill, is not the query's fault.
func TestExplainSaysWhereRoomIsMissing(t *testing.T) {
	c, err := Driver{}.Open(context.Background(), warehouse.Config{Type: "duckdb", Dir: t.TempDir(), Fields: map[string]string{"path": ":memory:", "memory_limit": "20MB", "query_threads": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Exec(context.Background(), warehouse.Statement{SQL: "set temp_directory = ''"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(context.Background(), warehouse.Statement{SQL: "create table t as select md5(range::varchar) as a, md5((range + 1)::varchar) as b from range(4000000) order by b"})
	if err == nil {
		t.Fatal("4 million rows fit into 20 MB")
	}
	if e := warehouse.Explain(Dialect{}, err); !strings.Contains(e.Help, "memory_limit") {
		t.Errorf("help = %q, message = %q (%v)", e.Help, e.Message, Classify(err))
	}
}
