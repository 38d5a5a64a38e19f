package duckdb

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Inspect asks the catalog once, whatever the number of relations. Names are compared
// without regard to case, as DuckDB does; the answer has the names as they were asked for.
func (s session) Inspect(ctx context.Context, relations []addr.Relation) ([]warehouse.Relation, error) {
	if len(relations) == 0 {
		return nil, nil
	}
	found, err := s.catalog(ctx, conditions(relations), true)
	if err != nil {
		return nil, err
	}
	byName := make(map[addr.Relation]warehouse.Relation, len(found))
	for _, r := range found {
		key := folded(r.relation.Name)
		byName[key] = r.relation
		if r.own {
			key.Database = ""
			byName[key] = r.relation
		}
	}
	var out []warehouse.Relation
	seen := map[addr.Relation]bool{}
	for _, asked := range relations {
		if r, ok := byName[folded(asked)]; ok && !seen[asked] {
			seen[asked] = true
			r.Name = asked
			r.Columns = slices.Clone(r.Columns)
			out = append(out, r)
		}
	}
	return out, nil
}

// List gives the relations of a schema in the order of their names.
func (s session) List(ctx context.Context, database, schema string) ([]warehouse.Relation, error) {
	found, err := s.catalog(ctx, conditions([]addr.Relation{{Database: database, Schema: schema}}), false)
	if err != nil {
		return nil, err
	}
	var out []warehouse.Relation
	for _, r := range found {
		r.relation.Name.Database = database
		r.relation.Name.Schema = schema
		out = append(out, r.relation)
	}
	return out, nil
}

func folded(r addr.Relation) addr.Relation {
	return addr.Relation{Database: strings.ToLower(r.Database), Schema: strings.ToLower(r.Schema), Name: strings.ToLower(r.Name)}
}

// conditions limits a catalog query to databases, schemas and names. It lets more through
// than was asked for when there are several schemas; the caller picks.
func conditions(relations []addr.Relation) string {
	var d Dialect
	lists := [3][]string{}
	add := func(i int, value string) {
		if !slices.Contains(lists[i], value) {
			lists[i] = append(lists[i], value)
		}
	}
	all := false
	for _, r := range relations {
		if r.Database == "" {
			add(0, "lower(current_database())")
		} else {
			add(0, d.Literal(strings.ToLower(r.Database)))
		}
		add(1, d.Literal(strings.ToLower(r.Schema)))
		add(2, d.Literal(strings.ToLower(r.Name)))
		all = all || r.Name == ""
	}
	where := "lower(database_name) in (" + strings.Join(lists[0], ", ") + ") and lower(schema_name) in (" + strings.Join(lists[1], ", ") + ")"
	if !all {
		where += " and lower(NAME) in (" + strings.Join(lists[2], ", ") + ")"
	}
	return where
}

type catalogRow struct {
	relation warehouse.Relation
	own      bool // in the connection's own database
}

// catalog reads relations, and on demand their columns, in one query.
func (s session) catalog(ctx context.Context, where string, columns bool) ([]catalogRow, error) {
	in := func(name string) string { return strings.ReplaceAll(where, "lower(NAME)", "lower("+name+")") }
	objects := "select database_name as d, schema_name as s, table_name as t, 'table' as kind, estimated_size as n, comment as c" +
		" from duckdb_tables() where not internal and " + in("table_name") +
		" union all select database_name, schema_name, view_name, 'view', null, comment" +
		" from duckdb_views() where not internal and " + in("view_name")
	query := "with o as (" + objects + ") select o.d, o.s, o.t, o.kind, o.n, o.c, lower(o.d) = lower(current_database())"
	if columns {
		query += ", k.column_name, k.data_type, k.is_nullable, k.comment from o left join (" +
			"select * from duckdb_columns() where " + in("table_name") + ") as k" +
			" on k.database_name = o.d and k.schema_name = o.s and k.table_name = o.t order by o.d, o.s, o.t, k.column_index"
	} else {
		query += ", null, null, null, null from o order by o.d, o.s, o.t"
	}
	r, err := s.q.QueryContext(ctx, query)
	if err != nil {
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	defer r.Close()
	var out []catalogRow
	for r.Next() {
		var row catalogRow
		var rows sql.NullInt64
		var kind string
		var comment, name, typ, columnComment sql.NullString
		var nullable sql.NullBool
		n := &row.relation.Name
		if err := r.Scan(&n.Database, &n.Schema, &n.Name, &kind, &rows, &comment, &row.own, &name, &typ, &nullable, &columnComment); err != nil {
			return nil, err
		}
		if len(out) == 0 || out[len(out)-1].relation.Name != *n {
			row.relation.Kind, row.relation.Comment = warehouse.Kind(kind), comment.String
			row.relation.Rows, row.relation.Bytes = -1, -1
			if rows.Valid {
				row.relation.Rows = rows.Int64
			}
			out = append(out, row)
		}
		if name.Valid {
			last := &out[len(out)-1].relation
			last.Columns = append(last.Columns, warehouse.Column{Name: name.String, Type: typ.String, Nullable: nullable.Bool, Comment: columnComment.String})
		}
	}
	return out, wrap(ctx, warehouse.Statement{}, r.Err())
}
