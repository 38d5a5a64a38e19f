package duckdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Definition is the query of a view as DuckDB keeps it: with the names that the view was
// made with, whatever they are of today.
func (s session) Definition(ctx context.Context, rel addr.Relation) (string, error) {
	var d Dialect
	database := "current_database()"
	if rel.Database != "" {
		database = d.Literal(rel.Database)
	}
	stmt := warehouse.Statement{SQL: "select sql from duckdb_views() where lower(database_name) = lower(" + database + ") and lower(schema_name) = lower(" +
		d.Literal(rel.Schema) + ") and lower(view_name) = lower(" + d.Literal(rel.Name) + ")"}
	rows, err := s.q.QueryContext(ctx, stmt.SQL)
	if err != nil {
		return "", wrap(ctx, stmt, err)
	}
	defer rows.Close()
	text := ""
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return "", wrap(ctx, stmt, err)
		}
	}
	if err := rows.Err(); err != nil {
		return "", wrap(ctx, stmt, err)
	}
	query, ok := queryOf(text)
	if !ok {
		return "", fmt.Errorf("%s is no view whose query can be told from its name and columns", rel)
	}
	return query, nil
}

// queryOf is the query of «CREATE VIEW name AS query;». A list of column names between
// name and AS is not of the query, so such a view is not understood.
func queryOf(create string) (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(create), "CREATE VIEW ")
	for ok {
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for ; end < len(rest); end++ {
				if rest[end] == '"' {
					if end+1 < len(rest) && rest[end+1] == '"' {
						end++
						continue
					}
					break
				}
			}
			rest = rest[min(end+1, len(rest)):]
		} else {
			rest = rest[strings.IndexAny(rest+" ", ". ("):]
		}
		if !strings.HasPrefix(rest, ".") {
			break
		}
		rest = rest[1:]
	}
	query, ok := strings.CutPrefix(rest, " AS ")
	return strings.TrimRight(query, "; \n"), ok && query != ""
}
