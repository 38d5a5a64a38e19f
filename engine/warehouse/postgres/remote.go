package postgres

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Moment begins a transaction that sees one moment, and lets others see the same.
func (c *conn) Moment(ctx context.Context) (warehouse.Moment, error) {
	began, err := c.begin(ctx, "begin transaction isolation level repeatable read read only")
	if err != nil {
		return nil, err
	}
	m := &still{tx: began, pool: c.session}
	// It waits as long as others read, and PostgreSQL must not take it for a forgotten one.
	if _, err := began.one.Conn().PgConn().Exec(ctx, "set local idle_in_transaction_session_timeout = 0").ReadAll(); err != nil {
		began.Close()
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	err = began.ask(ctx, "select pg_catalog.pg_export_snapshot(), pg_catalog.current_setting('server_version_num')", nil, func(v [][]byte) {
		m.snapshot = string(v[0])
		m.version, _ = strconv.Atoi(string(v[1])) // the server's own number
	})
	if err != nil {
		began.Close()
		return nil, err
	}
	return m, nil
}

// still is a database as of a snapshot. The transaction that exported it stays open.
type still struct {
	tx       *tx
	pool     session
	snapshot string
	version  int
}

// Close ends the transaction.
func (m *still) Close() error { return m.tx.Close() }

// begin starts a transaction on a connection of the pool.
func (s session) begin(ctx context.Context, sql string) (*tx, error) {
	one, err := s.acquireFor(ctx, false)
	if err != nil {
		return nil, err
	}
	if _, err := one.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		one.Release()
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	s.own, s.touched = one, new(bool)
	return &tx{session: s, one: one, open: true}, nil
}

// join starts a transaction that sees the moment.
func (m *still) join(ctx context.Context) (*tx, error) {
	return m.pool.begin(ctx, "begin transaction isolation level repeatable read read only; set transaction snapshot "+Dialect{}.Literal(m.snapshot))
}

// remoteQuery reads a schema with one row for each column, key or not. Columns that the role
// may not read are not there for it. Pages are only of tables that have rows of their own, on
// servers that read a range of pages without the others (version 14).
// The key's columns count from 0.
const remoteQuery = `select c.relname, c.relkind, c.reltuples::bigint, case when c.relkind in ('r', 'm') then c.relpages else 0 end,
  a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
  pg_catalog.format_type(coalesce(d.base, a.atttypid), coalesce(d.mod, a.atttypmod)), a.attnotnull,
  coalesce(array_position(k.columns, a.attnum) + 1, 0)
from pg_catalog.pg_namespace as n
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  and pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
left join lateral (
  with recursive under as (
    select t.oid, t.typtype, t.typbasetype, t.typtypmod, 0 as depth from pg_catalog.pg_type as t where t.oid = a.atttypid and t.typtype = 'd'
    union all
    select t.oid, t.typtype, t.typbasetype, t.typtypmod, u.depth + 1 from under as u join pg_catalog.pg_type as t on t.oid = u.typbasetype where t.typtype = 'd')
  select u.typbasetype as base, u.typtypmod as mod from under as u order by u.depth desc limit 1) as d on true
left join lateral (select i.indkey::smallint[] as columns from pg_catalog.pg_index as i where i.indrelid = c.oid and i.indisprimary limit 1) as k on true
where n.nspname = $1 and pg_catalog.has_schema_privilege(n.oid, 'USAGE')
order by c.relname, a.attnum`

// Tables asks the catalog once.
func (m *still) Tables(ctx context.Context, schema string) ([]warehouse.RemoteTable, error) {
	t, err := m.join(ctx)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var out []warehouse.RemoteTable
	keys := map[string]map[int]string{}
	number := func(v []byte) int64 {
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	err = t.ask(ctx, remoteQuery, [][]byte{[]byte(schema)}, func(v [][]byte) {
		name := string(v[0])
		if len(out) == 0 || out[len(out)-1].Name != name {
			r := warehouse.RemoteTable{Name: name, Kind: warehouse.Table, Rows: max(number(v[2]), -1), Pages: max(number(v[3]), 0)}
			if kind := string(v[1]); kind == "v" {
				r.Kind = warehouse.View
			} else if kind == "m" {
				r.Kind = warehouse.MaterializedView
			}
			if m.version < 140000 {
				r.Pages = 0
			}
			out = append(out, r)
		}
		r := &out[len(out)-1]
		r.Columns = append(r.Columns, warehouse.RemoteColumn{Name: string(v[4]), Type: string(v[5]), Base: string(v[6]), Nullable: string(v[7]) == "f"})
		if place := int(number(v[8])); place > 0 {
			if keys[name] == nil {
				keys[name] = map[int]string{}
			}
			keys[name][place] = string(v[4])
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		places := keys[out[i].Name]
		for place := 1; place <= len(places); place++ {
			out[i].Key = append(out[i].Key, places[place])
		}
	}
	return out, nil
}

// Copy runs on a connection of its own.
func (m *still) Copy(ctx context.Context, query string, form warehouse.CopyForm, to io.Writer) (int64, error) {
	t, err := m.join(ctx)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	sql := "copy (" + query + ") to stdout"
	if form == warehouse.CopyBinary {
		sql += " (format binary)"
	}
	sent := &sink{to: to}
	tag, err := t.one.Conn().PgConn().CopyTo(ctx, sent, sql)
	if sent.err != nil {
		return 0, sent.err
	}
	if err != nil {
		return 0, wrap(ctx, warehouse.Statement{SQL: sql}, err)
	}
	return tag.RowsAffected(), nil
}

// sink remembers why the rows were not taken.
type sink struct {
	to  io.Writer
	err error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.to.Write(b)
	if err != nil && s.err == nil {
		s.err = err
	}
	return n, err
}

// landings are the types whose values are taken as they are, by their names without
// parameters: those that GoogleSQL has a type for. Others, such as enums, may not be there in
// another database.
var landings = map[string]bool{
	"boolean": true, "smallint": true, "integer": true, "bigint": true, "real": true, "double precision": true, "numeric": true,
	"text": true, "character varying": true, "bytea": true, "json": true, "interval": true,
	"date": true, "time without time zone": true, "timestamp without time zone": true, "timestamp with time zone": true,
}

// Landing is the type itself, and that of arrays of it. jsonb is json, as GoogleSQL's JSON is,
// and numeric without bounds the type of its NUMERIC: a value with more digits is refused.
func (Dialect) Landing(base string) (string, bool) {
	switch base {
	case "jsonb":
		return "json", true
	case "numeric":
		return "numeric(38,9)", true
	}
	name := strings.TrimSuffix(base, "[]")
	if open := strings.IndexByte(name, '('); open >= 0 {
		name = strings.TrimSpace(name[:open]) + name[strings.IndexByte(name, ')')+1:]
	}
	return base, landings[name]
}

// usual are other names of types.
var usual = map[string]string{
	"varchar": "character varying", "int2": "smallint", "int": "integer", "int4": "integer", "int8": "bigint", "bool": "boolean", "float4": "real", "float8": "double precision",
	"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone", "time": "time without time zone", "decimal": "numeric",
}

// Takes knows texts, the type itself, and numbers that hold more. What numeric(precision,
// scale) does not hold is for the reader to refuse, because the server rounds it.
func (d Dialect) Takes(base, typ string) (string, bool) {
	typ = strings.ToLower(strings.Join(strings.Fields(typ), " "))
	if other, ok := usual[typ]; ok {
		typ = other
	}
	if params, ok := strings.CutPrefix(typ, "decimal("); ok {
		typ = "numeric(" + params
	}
	typ = strings.ReplaceAll(typ, ", ", ",")
	name, _, _ := strings.Cut(base, "(")
	whole := map[string]int{"smallint": 1, "integer": 2, "bigint": 3}
	own, ok := d.Landing(base)
	switch {
	case typ == base, ok && typ == own, typ == "text", typ == "character varying":
		return typ, true
	case whole[base] > 0:
		return typ, whole[typ] >= whole[base] || strings.HasPrefix(typ, "numeric")
	case name == "numeric":
		return typ, strings.HasPrefix(typ, "numeric")
	case base == "text":
		return typ, typ == "json" || typ == "jsonb" || typ == "uuid"
	}
	return typ, base == "real" && typ == "double precision" || base == "jsonb" && typ == "jsonb"
}

// TakeCopy passes the bytes on as they are.
func (c *conn) TakeCopy(ctx context.Context, target addr.Relation, columns []warehouse.Column, write func(io.Writer) error) (int64, error) {
	began, err := c.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer began.Close()
	t := began.(*tx)
	stmts, err := Dialect{}.Render(warehouse.CreateTable{Target: target, Columns: columns})
	if err != nil {
		return 0, err
	}
	for _, stmt := range stmts {
		if _, err := t.Exec(ctx, stmt); err != nil {
			return 0, err
		}
	}
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = Dialect{}.Ident(col.Name)
	}
	sql := "copy " + Dialect{}.Quote(target) + " (" + strings.Join(names, ", ") + ") from stdin"
	out, in := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(in, copyBuffer)
		err := write(w)
		if err == nil {
			err = w.Flush()
		}
		in.CloseWithError(err)
		failed <- err
	}()
	tag, err := t.one.Conn().PgConn().CopyFrom(ctx, out, sql)
	ended := errors.New("the server ended the load")
	out.CloseWithError(ended)
	own := <-failed
	switch {
	case own != nil && !errors.Is(own, ended):
		return 0, own
	case err != nil:
		return 0, wrap(ctx, warehouse.Statement{SQL: sql}, err)
	}
	return tag.RowsAffected(), t.Commit(ctx)
}
