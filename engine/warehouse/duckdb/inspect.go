package duckdb

import (
	"context"
	"database/sql"
	"fmt"
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

// conditions limits a catalog query to databases, schemas and, if they are few, names. It
// lets more through than was asked for; the caller picks.
func conditions(relations []addr.Relation) string {
	var d Dialect
	lists, seen := [3][]string{}, [3]map[string]bool{{}, {}, {}}
	add := func(i int, value string) {
		if !seen[i][value] {
			seen[i][value] = true
			lists[i] = append(lists[i], value)
		}
	}
	all := len(relations) > 100 // a long list takes longer than what it leaves out
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

// catalog reads relations, and on demand their columns, in one query: tables, views and
// columns one below the other, put together here. A join in DuckDB takes longer.
func (s session) catalog(ctx context.Context, where string, columns bool) ([]catalogRow, error) {
	in := func(name string) string { return strings.ReplaceAll(where, "lower(NAME)", "lower("+name+")") }
	query := "select 'table', database_name, schema_name, table_name, estimated_size, comment, null, null, false" +
		" from duckdb_tables() where not internal and " + in("table_name") +
		" union all select 'view', database_name, schema_name, view_name, -1, comment, null, null, false" +
		" from duckdb_views() where not internal and " + in("view_name")
	if columns {
		query += " union all select 'column', database_name, schema_name, table_name, column_index, comment, column_name, data_type, is_nullable" +
			" from duckdb_columns() where not internal and " + in("table_name")
	}
	r, err := s.q.QueryContext(ctx, "select *, current_database() from ("+query+")")
	if err != nil {
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	defer r.Close()
	byName := map[addr.Relation]*catalogRow{}
	cols := map[addr.Relation][]warehouse.Column{}
	for r.Next() {
		var kind, own string
		var n int64
		var name addr.Relation
		var comment, column, typ sql.NullString
		var nullable bool
		if err := r.Scan(&kind, &name.Database, &name.Schema, &name.Name, &n, &comment, &column, &typ, &nullable, &own); err != nil {
			return nil, fmt.Errorf("read the catalog: %w", err)
		}
		if kind == "column" {
			list := cols[name]
			for int64(len(list)) < n {
				list = append(list, warehouse.Column{})
			}
			list[n-1] = warehouse.Column{Name: column.String, Type: typ.String, Nullable: nullable, Comment: comment.String}
			cols[name] = list
			continue
		}
		byName[name] = &catalogRow{own: name.Database == own, relation: warehouse.Relation{
			Name: name, Kind: warehouse.Kind(kind), Rows: n, Bytes: -1, Comment: comment.String,
		}}
	}
	if err := r.Err(); err != nil {
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	out := make([]catalogRow, 0, len(byName))
	for name, row := range byName {
		row.relation.Columns = cols[name]
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b catalogRow) int { return a.relation.Name.Compare(b.relation.Name) })
	return out, nil
}

// Probe finds kind and columns of one relation in a time that does not depend on the
// size of the catalog, which Inspect must read as a whole.
func (s session) Probe(ctx context.Context, rel addr.Relation) (warehouse.Relation, error) {
	found := warehouse.Relation{Name: rel, Rows: -1, Bytes: -1}
	name := Dialect{}.Quote(rel)
	columns, err := s.describe(ctx, warehouse.Statement{SQL: "describe " + name})
	if err == nil {
		found.Columns = columns
		found.Kind, err = s.kind(ctx, name)
	}
	if err != nil {
		// It is missing, or a view whose tables are: the catalog knows.
		all, err := s.Inspect(ctx, []addr.Relation{rel})
		if err != nil || len(all) == 0 {
			return warehouse.Relation{Name: rel, Rows: -1, Bytes: -1}, err
		}
		return all[0], nil
	}
	return found, nil
}

// kind explains a DELETE, which binds for tables only and runs nothing.
func (s session) kind(ctx context.Context, quoted string) (warehouse.Kind, error) {
	r, err := s.q.QueryContext(ctx, "explain delete from "+quoted+" where false")
	switch {
	case err == nil:
		defer r.Close()
		return warehouse.Table, r.Err()
	case strings.Contains(err.Error(), "base table"):
		return warehouse.View, nil
	}
	return warehouse.None, wrap(ctx, warehouse.Statement{}, err)
}
