package script_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/googlesql/script"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/transpile/duckdb"
	warehouse "github.com/engine-build/engine/engine/warehouse/duckdb"
)

// executor runs on a DuckDB in memory; rows of queries go to out.
type executor struct {
	session *googlesql.Session
	conn    *sql.Conn
	out     []string
}

func (e *executor) rows(ctx context.Context, text string) (*script.Rows, error) {
	a, err := e.session.Analyze(text)
	if err != nil {
		return nil, err
	}
	r, err := duckdb.Statement(a.Stmt, transpile.Options{})
	if err != nil {
		return nil, err
	}
	q, ok := a.Stmt.(*ir.Query)
	if !ok {
		if _, err := e.conn.ExecContext(ctx, r.SQL); err != nil {
			return nil, &script.Failure{Message: err.Error(), Err: err}
		}
		if _, ok := a.Stmt.(*ir.CreateTable); ok {
			return nil, e.session.DeclareSQL(text)
		}
		return nil, nil
	}
	rows, err := e.conn.QueryContext(ctx, r.SQL)
	if err != nil {
		return nil, &script.Failure{Message: err.Error(), Err: err}
	}
	defer rows.Close()
	out := &script.Rows{}
	for _, o := range q.Output {
		out.Columns = append(out.Columns, script.Column{Name: o.Name, Type: o.Column.Type})
	}
	for rows.Next() {
		cells := make([]any, len(q.Output))
		to := make([]any, len(cells))
		for i := range cells {
			to[i] = &cells[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			switch c := c.(type) {
			case nil:
				row[i] = "NULL"
			case string:
				row[i] = "'" + strings.ReplaceAll(c, "'", `\'`) + "'"
			default:
				row[i] = fmt.Sprint(c)
			}
		}
		out.Values = append(out.Values, row)
	}
	if err := rows.Err(); err != nil {
		return nil, &script.Failure{Message: err.Error(), Err: err}
	}
	return out, nil
}

func (e *executor) Execute(ctx context.Context, text string) error {
	rows, err := e.rows(ctx, text)
	if err != nil || rows == nil {
		return err
	}
	for _, r := range rows.Values {
		e.out = append(e.out, strings.Join(r, ","))
	}
	return nil
}

func (e *executor) Query(ctx context.Context, text string) (*script.Rows, error) {
	return e.rows(ctx, text)
}

func TestRun(t *testing.T) {
	ctx := context.Background()
	connector, err := driver.NewConnector(":memory:", nil)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := warehouse.RegisterFunctions(ctx, db); err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	setup := []string{"set TimeZone = 'UTC'", "create schema _engine"}
	for _, m := range duckdb.Macros() {
		setup = append(setup, m.SQL)
	}
	for _, q := range setup {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	for _, c := range []struct {
		name, sql string
		want      []string
		fails     string
	}{
		{"variables", "DECLARE x, y INT64 DEFAULT 3; DECLARE z DEFAULT 'a'; SET x = y + 1; SET (x, y) = (y, x); SELECT x, y, z", []string{"3,4,'a'"}, ""},
		{"a column hides a variable", "DECLARE x INT64 DEFAULT 1; SELECT x FROM (SELECT 2 AS x)", []string{"2"}, ""},
		{"coercion", "DECLARE f FLOAT64 DEFAULT 1; DECLARE x INT64; SET x = 1.5", nil, "Cannot coerce"},
		{"redeclaration", "DECLARE x INT64; BEGIN DECLARE x INT64; END", nil, "redeclaration"},
		{"if", "DECLARE x INT64 DEFAULT 2; IF x = 1 THEN SELECT 'one'; ELSEIF x = 2 THEN SELECT 'two'; ELSE SELECT 'more'; END IF", []string{"'two'"}, ""},
		{"if of NULL", "IF NULL THEN SELECT 1; ELSE SELECT 2; END IF", []string{"2"}, ""},
		{"case", "DECLARE x INT64 DEFAULT 2; CASE x WHEN 1 THEN SELECT 1; WHEN 1 + 1 THEN SELECT 2; ELSE SELECT 3; END CASE; CASE WHEN x > 5 THEN SELECT 4; END CASE", []string{"2"}, ""},
		{"while", "DECLARE x INT64 DEFAULT 0; WHILE x < 5 DO SET x = x + 1; IF x = 2 THEN CONTINUE; END IF; IF x = 4 THEN BREAK; END IF; SELECT x; END WHILE", []string{"1", "3"}, ""},
		{"labels", "DECLARE x INT64 DEFAULT 0; a: LOOP b: LOOP SET x = x + 1; IF x < 3 THEN CONTINUE a; END IF; LEAVE a; END LOOP b; SELECT 'never'; END LOOP a; SELECT x", []string{"3"}, ""},
		{"repeat", "DECLARE x INT64 DEFAULT 0; REPEAT SET x = x + 1; UNTIL x >= 3 END REPEAT; SELECT x", []string{"3"}, ""},
		{"for", "FOR r IN (SELECT n, n * 10 AS m FROM UNNEST([1, 2]) AS n ORDER BY n) DO SELECT r.n + r.m; END FOR", []string{"11", "22"}, ""},
		{"exception", "BEGIN SELECT 1; RAISE USING MESSAGE = 'it\\'s'; SELECT 2; EXCEPTION WHEN ERROR THEN SELECT @@error.message; END; SELECT 3", []string{"1", `'it\'s'`, "3"}, ""},
		{"rethrow", "BEGIN RAISE USING MESSAGE = 'x'; EXCEPTION WHEN ERROR THEN RAISE; END", nil, "x"},
		{"scope of a block", "BEGIN DECLARE inside INT64 DEFAULT 1; SELECT inside; END; SELECT inside", []string{"1"}, "Unrecognized name"},
		{"return", "SELECT 1; RETURN; SELECT 2", []string{"1"}, ""},
		{"assert", "ASSERT 1 = 1; ASSERT 1 > 2 AS 'too small'", nil, "too small"},
		{"execute immediate", "DECLARE x INT64; EXECUTE IMMEDIATE 'SELECT @a + ?' INTO x USING 2 AS a; SELECT x", nil, "no value for parameter ?"},
		{"execute immediate into", "DECLARE x, y INT64; EXECUTE IMMEDIATE CONCAT('SELECT ? + ?', ', ?') INTO x, y USING 1, 2, 7; EXECUTE IMMEDIATE 'SELECT @a' USING x + y AS a", []string{"10"}, ""},
		{"procedure", "CREATE PROCEDURE d.fact(n INT64, OUT r INT64) BEGIN IF n < 2 THEN SET r = 1; RETURN; END IF; CALL d.fact(n - 1, r); SET r = r * n; END; BEGIN DECLARE v INT64; CALL d.fact(5, v); SELECT v; END", []string{"120"}, ""},
		{"syntax", "IF TRUE THEN SELECT 1", nil, "Syntax error"},
		{"time zone", "SET @@time_zone = 'UTC'; SET @@time_zone = 'Asia/Tokyo'", nil, "SET @@time_zone is not available"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := googlesql.Open(googlesql.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			e := &executor{session: s, conn: conn}
			err = script.New(s, e).Run(ctx, c.sql)
			if diff := cmp.Diff(c.want, e.out); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if (c.fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got the error %v, want %q", err, c.fails)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		s, err := googlesql.Open(googlesql.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if err := script.New(s, &executor{session: s, conn: conn}).Run(ctx, "LOOP SET @@query_label = 'a'; END LOOP"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
