package transpile

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Stored puts a query around text, the query q as written for a target, that has empty
// arrays in place of NULL ones, as a table of BigQuery has; fill writes such a column of a
// type. A query without array columns stays as it is.
// https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls
func Stored(text string, q *ir.Query, ident func(string) string, fill func(column string, t *ir.Type) string) string {
	array := func(o ir.Output) bool { return o.Column.Type.Kind == ir.Array }
	if q.ValueTable || !slices.ContainsFunc(q.Output, array) {
		return text
	}
	items := make([]string, len(q.Output))
	for i, o := range q.Output {
		if items[i] = ident(o.Name); array(o) {
			items[i] = fill(ident(o.Name), o.Column.Type) + " AS " + ident(o.Name)
		}
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM (\n" + text + "\n) AS stored"
}
