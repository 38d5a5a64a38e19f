package ingest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestColumnsOfViewsStay: a column whose end somebody accepted stays as NULL as long as a
// view reads it, and is said to; then it goes.
func TestColumnsOfViewsStay(t *testing.T) {
	ctx := context.Background()
	server := pg.Shared(t)
	app, house := server.Database(t), server.Database(t)
	exec := func(database, sql string) {
		t.Helper()
		if err := server.Exec(ctx, database, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(app, "create table other (id int, note text, size numeric(8,2)); insert into other values (1, 'a', 2.5)")
	target := open(t, postgres.Driver{}, server.Fields(house))
	r := request(t, target, server.Fields(app), wanted("copy", "other", "other", "table"))
	if _, said := apply(t, ingest.Copy{}, r); len(said) > 0 {
		t.Fatal(said)
	}
	exec(house, "create view report as select id, note from raw_app.other")
	exec(app, "alter table other drop note, drop size, add title text default 'x'; insert into other(id) values (2)")
	results, _ := applied(t, ingest.Copy{}, r)
	if res := results[0]; res.Failed || len(res.Diags) != 1 || res.Rows != 2 || !strings.Contains(res.Diags[0].Message, `source "app.other" has no note, size any more, and views read it`) {
		t.Fatalf("%+v", res)
	}
	if d := cmp.Diff([]string{"1|<nil>", "2|<nil>"}, lines(t, target, "select * from report order by id")); d != "" {
		t.Error(d)
	}
	for _, c := range results[0].Columns {
		if c.Name == "note" {
			t.Error("the lock would have the column that is gone")
		}
	}
	exec(house, "drop view report")
	if _, said := apply(t, ingest.Copy{}, r); len(said) > 0 {
		t.Fatal(said)
	}
	if d := cmp.Diff([]string{"id", "title"}, lines(t, target, "select column_name from information_schema.columns where table_schema = 'raw_app' and table_name = 'other' order by ordinal_position")); d != "" {
		t.Error(d)
	}
	// A change that NULLs do not help against is refused as before.
	exec(house, "create view report as select id + 1 as next from raw_app.other")
	exec(app, "alter table other alter id type text using 'x'")
	if _, said := applied(t, ingest.Copy{}, r); len(said) != 1 || !strings.Contains(said[0], "report") {
		t.Errorf("said %q", said)
	}
}
