package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// alterTable writes an ALTER TABLE of one action: DuckDB takes no more in a statement.
func (g *generator) alterTable(n *ir.AlterTable) string {
	table := g.object(n.Name)
	var actions []ir.AlterAction
	for _, a := range n.Actions {
		switch a.What {
		case "SET OPTIONS", "ALTER COLUMN SET OPTIONS": // descriptions, labels, expirations: no part of the data
		default:
			actions = append(actions, a)
		}
	}
	head := "ALTER TABLE "
	if n.IfExists {
		head += "IF EXISTS "
	}
	head += table + " "
	switch {
	case len(actions) > 1:
		return g.refuse("ALTER TABLE with several actions", "they would not be done all or none", ir.Span{})
	case len(actions) == 0 && n.IfExists:
		return "SELECT 1 WHERE FALSE"
	case len(actions) == 0:
		// It must exist.
		return "SELECT 1 FROM " + table + " WHERE FALSE"
	}
	a := actions[0]
	exists := ""
	if a.Conditional {
		exists = "IF EXISTS "
	}
	switch a.What {
	case "ADD COLUMN":
		if !a.Column.Params.None() || a.Column.NotNull || a.Column.Default != nil {
			return g.refuse("ADD COLUMN with type parameters, NOT NULL or DEFAULT", "", ir.Span{})
		}
		if a.Conditional {
			exists = "IF NOT EXISTS "
		}
		return head + "ADD COLUMN " + exists + ident(a.Name) + " " + g.typ(a.Column.Column.Type, ir.Span{})
	case "DROP COLUMN":
		return head + "DROP COLUMN " + exists + ident(a.Name)
	case "RENAME COLUMN":
		if a.Conditional {
			break
		}
		return head + "RENAME COLUMN " + ident(a.Name) + " TO " + ident(a.NewName)
	case "RENAME TO":
		return head + "RENAME TO " + ident(a.Path[len(a.Path)-1])
	case "ALTER COLUMN DROP NOT NULL":
		if a.Conditional {
			break
		}
		return head + "ALTER COLUMN " + ident(a.Name) + " DROP NOT NULL"
	}
	return g.refuse("ALTER TABLE "+a.What, "", ir.Span{})
}

// informationViews are the views of INFORMATION_SCHEMA that DuckDB's own catalog can
// answer, with the columns it knows the values of. Datasets are schemas.
var informationViews = map[string]struct {
	from, schema string
	columns      map[string]string
}{
	"SCHEMATA": {"duckdb_schemas() AS s WHERE NOT s.internal AND s.database_name = current_database()", "", map[string]string{
		"schema_name": "s.schema_name",
	}},
	"TABLES": {"information_schema.tables AS t WHERE t.table_catalog = current_database()", "t.table_schema", map[string]string{
		"table_schema": "t.table_schema", "table_name": "t.table_name",
		"table_type":         "CASE t.table_type WHEN 'LOCAL TEMPORARY' THEN 'BASE TABLE' ELSE t.table_type END",
		"is_insertable_into": "CASE t.table_type WHEN 'VIEW' THEN 'NO' ELSE 'YES' END", "is_typed": "'NO'",
	}},
	"COLUMNS": {"information_schema.columns AS c WHERE c.table_catalog = current_database()", "c.table_schema", map[string]string{
		"table_schema": "c.table_schema", "table_name": "c.table_name", "column_name": "c.column_name",
		"ordinal_position": "CAST(c.ordinal_position AS BIGINT)", "is_nullable": "c.is_nullable",
		"is_hidden": "'NO'", "is_system_defined": "'NO'", "is_generated": "'NEVER'",
	}},
	"VIEWS": {"information_schema.tables AS t WHERE t.table_type = 'VIEW' AND t.table_catalog = current_database()", "t.table_schema", map[string]string{
		"table_schema": "t.table_schema", "table_name": "t.table_name", "use_standard_sql": "'YES'",
	}},
}

// information is a FROM item for a view of INFORMATION_SCHEMA, with the columns that are
// read; ok is false if the table is none.
func (g *generator) information(t *ir.Table) (text string, ok bool) {
	path := strings.ReplaceAll(t.Name, "`", "")
	i := strings.Index(strings.ToUpper(path), "INFORMATION_SCHEMA.")
	if i < 0 || i > 0 && path[i-1] != '.' {
		return "", false
	}
	name := strings.ToUpper(path[i+len("INFORMATION_SCHEMA."):])
	v, known := informationViews[name]
	if !known {
		return g.refuse("INFORMATION_SCHEMA."+name, "its catalog has no such view", t.At()), true
	}
	var items []string
	for _, c := range t.Names {
		value, known := v.columns[strings.ToLower(c)]
		if !known {
			return g.refuse("INFORMATION_SCHEMA."+name+"."+c, "its catalog does not know the value", t.At()), true
		}
		items = append(items, value+" AS "+ident(c))
	}
	if len(items) == 0 {
		items = []string{"1"}
	}
	text = "(SELECT " + strings.Join(items, ", ") + " FROM " + v.from
	dataset := strings.Split(strings.TrimSuffix(path[:i], "."), ".")
	if last := dataset[len(dataset)-1]; v.schema != "" && last != "" && !strings.HasPrefix(strings.ToLower(last), "region-") {
		text += " AND " + v.schema + " = " + quote(last)
	} else if v.schema != "" {
		text += " AND " + v.schema + " <> " + quote(Schema)
	} else {
		text += " AND s.schema_name <> " + quote(Schema)
	}
	return text + ")", true
}
