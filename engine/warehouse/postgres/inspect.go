package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// columnsQuery reads relations by name with one row for each column. The size is left out
// while another session replaces the relation: asking for it would wait for the end. Each name is
// looked up with an index, however many relations there are, which OFFSET 0 sees to.
const (
	relationsHead = `select n.nspname, c.relname, c.relkind,
  case when c.relkind in ('v', 'f') or c.reltuples < 0 or c.reltuples = 0 and c.relpages = 0 then -1 else c.reltuples::bigint end,
  case when c.relkind in ('r', 'm') and c.oid not in (select l.relation from pg_catalog.pg_locks as l where l.relation is not null and l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid())
    then coalesce(pg_catalog.pg_total_relation_size(c.oid), -1) else -1 end,
  coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '')`
	columnsQuery = relationsHead + `,
  a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(pg_catalog.col_description(c.oid, a.attnum), '')
from unnest($1::text[], $2::text[]) as wanted(nsp, rel)
join pg_catalog.pg_namespace as n on n.nspname = wanted.nsp
cross join lateral (select k.oid, k.relname, k.relkind, k.reltuples, k.relpages from pg_catalog.pg_class as k
  where k.relname = wanted.rel and k.relnamespace = n.oid and k.relkind in ('r', 'p', 'f', 'v', 'm') offset 0) as c
left join lateral (select k.* from pg_catalog.pg_attribute as k where k.attrelid = c.oid and k.attnum > 0 and not k.attisdropped offset 0) as a on true
order by n.nspname, c.relname, a.attnum`
	listQuery = relationsHead + `
from pg_catalog.pg_namespace as n
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
where n.nspname = $1
order by c.relname`
)

// Inspect asks the catalog once, whatever the number of relations.
func (s session) Inspect(ctx context.Context, relations []addr.Relation) ([]warehouse.Relation, error) {
	wanted := s.here(relations)
	if len(wanted) == 0 {
		return nil, nil
	}
	var schemas, names []string
	for _, r := range wanted {
		schemas, names = append(schemas, r.Schema), append(names, r.Name)
	}
	byName := map[addr.Relation]*warehouse.Relation{}
	err := s.ask(ctx, columnsQuery, [][]byte{textArray(schemas), textArray(names)}, func(v [][]byte) {
		name := addr.Relation{Schema: string(v[0]), Name: string(v[1])}
		r, ok := byName[name]
		if !ok {
			found := relationOf(v)
			r = &found
			byName[name] = r
		}
		if v[6] != nil {
			r.Columns = append(r.Columns, warehouse.Column{Name: string(v[6]), Type: string(v[7]), Nullable: string(v[8]) == "f", Comment: string(v[9])})
		}
	})
	if err != nil {
		return nil, err
	}
	var out []warehouse.Relation
	seen := map[addr.Relation]bool{}
	for _, asked := range relations {
		r, ok := byName[addr.Relation{Schema: asked.Schema, Name: asked.Name}]
		if !ok || seen[asked] || !s.ownDatabase(asked.Database) {
			continue
		}
		seen[asked] = true
		found := *r
		found.Name = asked
		found.Columns = slices.Clone(r.Columns)
		out = append(out, found)
	}
	return out, nil
}

// List gives the relations of a schema in the order of their names.
func (s session) List(ctx context.Context, database, schema string) ([]warehouse.Relation, error) {
	if !s.ownDatabase(database) || strings.IndexByte(schema, 0) >= 0 {
		return nil, nil
	}
	var out []warehouse.Relation
	err := s.ask(ctx, listQuery, [][]byte{[]byte(schema)}, func(v [][]byte) {
		r := relationOf(v)
		r.Name.Database = database
		out = append(out, r)
	})
	return out, err
}

// ownDatabase: a connection sees the relations of its own database only.
func (s session) ownDatabase(name string) bool { return name == "" || name == s.o.settings["dbname"] }

// here are the relations that can be in the connection's database.
func (s session) here(relations []addr.Relation) []addr.Relation {
	var out []addr.Relation
	for _, r := range relations {
		if s.ownDatabase(r.Database) && strings.IndexByte(r.Schema+r.Name, 0) < 0 {
			out = append(out, r)
		}
	}
	return out
}

func relationOf(v [][]byte) warehouse.Relation {
	out := warehouse.Relation{Name: addr.Relation{Schema: string(v[0]), Name: string(v[1])}, Kind: kindOfRelation(string(v[2])), Rows: -1, Bytes: -1, Comment: string(v[5])}
	if n, err := strconv.ParseInt(string(v[3]), 10, 64); err == nil {
		out.Rows = n
	}
	if n, err := strconv.ParseInt(string(v[4]), 10, 64); err == nil {
		out.Bytes = n
	}
	return out
}

// kindOfRelation reads pg_class.relkind. Partitioned and foreign tables are tables.
func kindOfRelation(relkind string) warehouse.Kind {
	switch relkind {
	case "v":
		return warehouse.View
	case "m":
		return warehouse.MaterializedView
	}
	return warehouse.Table
}

// ask runs a query of the driver's own with parameters and gives each row to take, whose
// slices are valid during the call.
func (s session) ask(ctx context.Context, query string, params [][]byte, take func([][]byte)) error {
	one := s.own
	if one == nil {
		var err error
		if one, err = s.acquireFor(ctx, false); err != nil {
			return err
		}
		defer one.Release()
	}
	return ask(ctx, one.Conn().PgConn(), query, params, take)
}

func ask(ctx context.Context, pg *pgconn.PgConn, query string, params [][]byte, take func([][]byte)) error {
	r := pg.ExecParams(ctx, query, params, nil, nil, nil)
	for r.NextRow() {
		take(r.Values())
	}
	_, err := r.Close()
	return wrap(ctx, warehouse.Statement{}, err)
}

// textArray writes a parameter of type text[].
func textArray(list []string) []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i, s := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
	}
	b.WriteByte('}')
	return []byte(b.String())
}
