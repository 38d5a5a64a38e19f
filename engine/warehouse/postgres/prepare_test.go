package postgres

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/engine-build/engine/engine/ir"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// everything is all functions, and two types of which one holds the other.
func everything(t *testing.T) []string {
	t.Helper()
	var needs []string
	for _, f := range target.Functions() {
		needs = append(needs, target.Schema+"."+f.Name)
	}
	return append(needs, structNeeds...)
}

var structNeeds = []string{"_engine.struct_b AS (x _engine.struct_a, y text)", "_engine.struct_a AS (n bigint)"}

func openAs(t *testing.T, s *pg.Server, db, user string) *conn {
	t.Helper()
	fields := s.Fields(db)
	if user != "" {
		fields["user"] = user
	}
	c, err := Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*conn)
}

func execute(t *testing.T, c warehouse.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// one is the single value of a query.
func one(t *testing.T, c warehouse.Conn, sql string) any {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s: no row: %v", sql, rows.Err())
	}
	v, err := rows.Values()
	if err != nil || len(v) != 1 {
		t.Fatalf("%s: %v, %v", sql, v, err)
	}
	return v[0]
}

// Every function can be made, in a database with nothing of it, by several builds at once;
// a second time changes nothing, and one that is of another form is made again.
func TestPrepare(t *testing.T) {
	s := pg.Shared(t)
	ctx := context.Background()
	c := openAs(t, s, s.Database(t), "")
	needs := everything(t)
	var wait sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wait.Go(func() { errs[i] = c.Prepare(ctx, needs) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	versions := "SELECT string_agg(p.oid::text || ':' || p.xmin::text, ',' ORDER BY p.oid) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = '_engine'"
	before := one(t, c, versions)
	if err := c.Prepare(ctx, needs); err != nil {
		t.Fatal(err)
	}
	if after := one(t, c, versions); after != before {
		t.Error("a second time changed functions")
	}
	execute(t, c, "CREATE VIEW v AS SELECT _engine.text_int64('7') AS n",
		"CREATE OR REPLACE FUNCTION _engine.text_int64(s text) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint'",
		"COMMENT ON FUNCTION _engine.text_int64(s text) IS 'engine of another form'")
	if got := one(t, c, "SELECT n FROM v"); got != int64(1) {
		t.Errorf("the view gives %v before", got)
	}
	if err := c.Prepare(ctx, []string{"_engine.text_int64"}); err != nil {
		t.Fatal(err)
	}
	if got := one(t, c, "SELECT n FROM v"); got != int64(7) {
		t.Errorf("the view gives %v, want 7", got)
	}
	if got := one(t, c, "SELECT ((ROW(ROW(3)::_engine.struct_a, 'x')::_engine.struct_b).x).n"); got != int64(3) {
		t.Errorf("the field is %v, want 3", got)
	}
	if err := c.Prepare(ctx, nil); err != nil {
		t.Error(err)
	}
}

// Who may not make the functions is told what is missing; who finds them needs no right.
func TestPrepareWithoutRights(t *testing.T) {
	s := pg.Shared(t)
	ctx := context.Background()
	db := s.Database(t)
	owner := openAs(t, s, db, "")
	role := "reader_" + strings.ToLower(db)
	execute(t, owner, "CREATE ROLE "+Dialect{}.Ident(role)+" LOGIN")
	t.Cleanup(func() { execute(t, owner, "DROP ROLE "+Dialect{}.Ident(role)) })
	reader := openAs(t, s, db, role)
	needs := everything(t)
	err := reader.Prepare(ctx, needs)
	if err == nil || !strings.Contains(err.Error(), "CREATE SCHEMA _engine AUTHORIZATION") {
		t.Errorf("the error is %v", err)
	}
	if err := owner.Prepare(ctx, needs); err != nil {
		t.Fatal(err)
	}
	if err := reader.Prepare(ctx, needs); err != nil {
		t.Error(err)
	}
	if got := one(t, reader, "SELECT _engine.safe_text_date('2024-02-30') IS NULL"); got != true {
		t.Errorf("a function gives %v to a reader", got)
	}
	err = reader.Prepare(ctx, []string{"_engine.struct_c AS (n bigint)"})
	if err == nil || !strings.Contains(err.Error(), "GRANT CREATE ON SCHEMA _engine TO") {
		t.Errorf("the error is %v", err)
	}
}

// What a type is written as is what the server calls it.
func TestTypeNames(t *testing.T) {
	s := pg.Shared(t)
	c := openAs(t, s, s.Database(t), "")
	for _, k := range []ir.Kind{ir.Bool, ir.Int64, ir.Float64, ir.Numeric, ir.BigNumeric, ir.String, ir.Bytes, ir.Date, ir.Time, ir.Datetime, ir.Timestamp, ir.Interval, ir.JSON} {
		for _, typ := range []*ir.Type{ir.TypeOf(k), {Kind: ir.Array, Elem: ir.TypeOf(k)}} {
			native, err := target.Type(typ)
			if err != nil {
				t.Errorf("%s: %v", typ, err)
				continue
			}
			execute(t, c, "DROP TABLE IF EXISTS kinds", "CREATE TABLE kinds (x "+native+")")
			got := one(t, c, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attname = 'x'")
			if got != native {
				t.Errorf("%s is %s, and the server says %v", typ, native, got)
			}
		}
	}
}

func TestPrepareEncoding(t *testing.T) {
	s := pg.Shared(t)
	ctx := context.Background()
	db := s.Database(t) + "_latin"
	admin := openAs(t, s, "postgres", "")
	name := Dialect{}.Ident(db)
	execute(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
	fields := s.Fields(db)
	c, err := Driver{}.Open(ctx, warehouse.Config{Type: "postgres", Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	err = c.(*conn).Prepare(ctx, []string{"_engine.text_int64"})
	if err == nil || !strings.Contains(err.Error(), "is in the encoding LATIN1") {
		t.Errorf("the error is %v", err)
	}
	c.Close()
	execute(t, admin, "DROP DATABASE "+name)
}
