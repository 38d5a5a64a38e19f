package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

func TestLanding(t *testing.T) {
	for base, want := range map[string]string{
		"bigint": "bigint", "numeric(12,3)": "numeric(12,3)", "numeric": "numeric(38,9)", "jsonb": "json", "integer[]": "integer[]",
		"timestamp(3) with time zone": "timestamp(3) with time zone", "character varying(20)": "character varying(20)",
		"uuid": "", "character(5)": "", "inet": "", "mood": "", "money": "", "jsonb[]": "",
	} {
		got, ok := Dialect{}.Landing(base)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%s lands as %q, want %q", base, got, want)
		}
	}
	for _, c := range []struct {
		base, typ, want string
	}{
		{"integer", "int8", "bigint"}, {"bigint", "integer", ""}, {"numeric", "DECIMAL(18, 3)", "numeric(18,3)"}, {"numeric", "double precision", ""},
		{"text", "date", ""}, {"text", "jsonb", "jsonb"}, {"date", "VARCHAR", "character varying"}, {"timestamp with time zone", "timestamptz", "timestamp with time zone"}, {"timestamp with time zone", "date", ""},
	} {
		got, ok := Dialect{}.Takes(c.base, c.typ)
		if !ok {
			got = ""
		}
		if got != c.want {
			t.Errorf("%s as %s: %q, want %q", c.base, c.typ, got, c.want)
		}
	}
}

// TestMoment: the catalog and the rows are those of one moment; keys are in their order, and
// only tables with rows of their own have pages.
func TestMoment(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	ctx := context.Background()
	run := func(sql string) {
		t.Helper()
		if err := server.Exec(ctx, database, sql); err != nil {
			t.Fatal(err)
		}
	}
	run(`create domain price as numeric(10,2); create domain dear as price;
		create table item (a integer, b text not null, c dear, primary key (b, a)); insert into item select i, 'x', 1 from generate_series(1, 1000) as i;
		create table parted (id integer) partition by range (id); create view seen as select a from item; create role limited; grant select (a) on item to limited`)
	run("vacuum analyze item")
	c, err := Driver{}.Open(ctx, warehouse.Config{Fields: server.Fields(database)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, err := c.(warehouse.Remote).Moment(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	run("insert into item values (5000, 'late', 1); alter table parted add column late text")
	got, err := m.Tables(ctx, "public")
	if err != nil {
		t.Fatal(err)
	}
	want := []warehouse.RemoteTable{
		{Name: "item", Kind: warehouse.Table, Columns: []warehouse.RemoteColumn{{Name: "a", Type: "integer", Base: "integer"}, {Name: "b", Type: "text", Base: "text"}, {Name: "c", Type: "dear", Base: "numeric(10,2)", Nullable: true}}, Key: []string{"b", "a"}, Rows: 1000},
		{Name: "parted", Kind: warehouse.Table, Columns: []warehouse.RemoteColumn{{Name: "id", Type: "integer", Base: "integer", Nullable: true}}, Rows: -1},
		{Name: "seen", Kind: warehouse.View, Columns: []warehouse.RemoteColumn{{Name: "a", Type: "integer", Base: "integer", Nullable: true}}, Rows: -1},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(warehouse.RemoteTable{}, "Pages")); d != "" {
		t.Error(d)
	}
	if len(got) == 3 && (got[0].Pages == 0 || got[1].Pages != 0 || got[2].Pages != 0) {
		t.Errorf("pages are %d, %d, %d", got[0].Pages, got[1].Pages, got[2].Pages)
	}
	var text strings.Builder
	if n, err := m.Copy(ctx, "select count(*), max(a) from item", warehouse.CopyText, &text); err != nil || n != 1 || text.String() != "1000\t1000\n" {
		t.Errorf("%d rows, %v: %q", n, err, text.String())
	}
	// A role sees what it may read, no more.
	fields := server.Fields(database)
	fields["role"] = "limited"
	limited, err := Driver{}.Open(ctx, warehouse.Config{Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	defer limited.Close()
	other, err := limited.(warehouse.Remote).Moment(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got, err = other.Tables(ctx, "public"); err != nil || len(got) != 1 || len(got[0].Columns) != 1 || got[0].Columns[0].Name != "a" {
		t.Errorf("%v: %v", err, got)
	}
	run("revoke select (a) on item from limited; drop role limited")
}
