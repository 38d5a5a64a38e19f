package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func (g *generator) statement(s ir.Stmt) string {
	switch n := s.(type) {
	case *ir.Query:
		return g.w.Query(n)
	case *ir.CreateTable:
		return g.createTable(n)
	case *ir.CreateView:
		return g.createView(n)
	case *ir.Insert:
		return g.insert(n)
	case *ir.Update:
		return g.update(n)
	case *ir.Delete:
		return g.delete(n)
	case *ir.Merge:
		return g.merge(n)
	case *ir.Truncate:
		target := g.w.Target(n.Table)
		if n.Where == nil {
			return "DELETE FROM " + target
		}
		return "DELETE FROM " + target + "\nWHERE NOT coalesce(" + g.Expr(n.Where) + ", FALSE)"
	case *ir.Drop:
		return g.drop(n)
	case *ir.UnsupportedStmt:
		return g.refuse(n.What, "", ir.Span{})
	}
	return g.refuse(s.Kind(), "", ir.Span{})
}

// object is the quoted name of something a statement creates or drops.
func (g *generator) object(path []string) string {
	return g.Table(&ir.Table{Name: strings.Join(path, ".")})
}

func (g *generator) createTable(n *ir.CreateTable) string {
	head, drop := "CREATE ", ""
	if n.Replace {
		// There is no CREATE OR REPLACE TABLE.
		drop = "DROP TABLE IF EXISTS " + g.object(n.Name) + ";\n"
	}
	if n.Temp {
		head += "TEMP "
	}
	head += "TABLE "
	if n.IfMissing {
		head += "IF NOT EXISTS "
	}
	name := g.object(n.Name)
	if n.Query != nil {
		if n.Replace {
			ir.Inspect(n.Query, func(x ir.Node) bool {
				if t, ok := x.(*ir.Table); ok && strings.EqualFold(t.Name, strings.Join(n.Name, ".")) {
					g.refuse("CREATE OR REPLACE TABLE from itself", "the table is dropped first", t.At())
				}
				return true
			})
		}
		query := g.w.Query(n.Query)
		limited := false
		for _, c := range n.Columns {
			limited = limited || !c.Params.None() || c.NotNull
		}
		if limited {
			// A table made from a query takes its types from the query: the limits of columns
			// are those of casts.
			return g.refuse("CREATE TABLE AS with type parameters or NOT NULL", "write casts in the query", ir.Span{})
		}
		return drop + head + name + " AS\n" + query
	}
	var items []string
	for _, c := range n.Columns {
		item := ident(c.Name) + " " + g.columnType(c.Column.Type)
		if !c.Params.None() {
			check := g.columnCheck(ident(c.Name), c.Column.Type, c.Params)
			if check == "" {
				return g.refuse("type parameters of column "+c.Name, "", ir.Span{})
			}
			item += " " + check
		}
		if c.NotNull {
			item += " NOT NULL"
		}
		if c.Default != nil {
			item += " DEFAULT " + transpile.Operand(g.Expr(c.Default))
		}
		items = append(items, item)
	}
	if len(n.PrimaryKey) > 0 {
		g.refuse("PRIMARY KEY", "it is enforced there, and not in BigQuery", ir.Span{})
	}
	return drop + head + name + " (\n  " + strings.Join(items, ",\n  ") + "\n)"
}

// columnCheck is the CHECK of a column with type parameters. A scale would have to
// round what is written, which a CHECK cannot.
func (g *generator) columnCheck(name string, t *ir.Type, p ir.Params) string {
	switch {
	case t.Kind == ir.String && p.Length > 0:
		return "CHECK (char_length(" + name + ") <= " + itoa(int(p.Length)) + ")"
	case t.Kind == ir.Bytes && p.Length > 0:
		return "CHECK (octet_length(" + name + ") <= " + itoa(int(p.Length)) + ")"
	}
	return ""
}

func (g *generator) createView(n *ir.CreateView) string {
	if n.Materialized {
		return g.refuse("CREATE MATERIALIZED VIEW", "they are not kept up to date there", ir.Span{})
	}
	head := "CREATE "
	if n.Replace {
		head += "OR REPLACE "
	}
	head += "VIEW "
	if n.IfMissing {
		return g.refuse("CREATE VIEW IF NOT EXISTS", "", ir.Span{})
	}
	if n.Query == nil {
		return g.refuse("CREATE VIEW", "its query is not known", ir.Span{})
	}
	return head + g.object(n.Name) + " AS\n" + g.w.Query(n.Query)
}

func (g *generator) drop(n *ir.Drop) string {
	switch n.What {
	case "TABLE", "VIEW":
	default:
		return g.refuse("DROP "+n.What, "", ir.Span{})
	}
	exists := ""
	if n.IfExists {
		exists = "IF EXISTS "
	}
	return "DROP " + n.What + " " + exists + g.object(n.Name)
}

// insert refuses what PostgreSQL cannot tell apart from an error: the modes that need keys.
func (g *generator) insert(n *ir.Insert) string {
	if n.Mode != "" && n.Mode != "OR ERROR" {
		return g.refuse("INSERT "+n.Mode, "", n.Table.At())
	}
	if n.Returning != nil {
		return g.refuse("THEN RETURN", "", n.Table.At())
	}
	names := make([]string, len(n.Columns))
	for i, c := range n.Columns {
		name := transpile.Name(n.Table, c.ID)
		if name == "" {
			name = c.Name
		}
		names[i] = ident(name)
	}
	head := "INSERT INTO " + g.Table(n.Table) + " (" + strings.Join(names, ", ") + ")\n"
	if n.Query != nil {
		return head + g.w.Rows(n.Query, n.From)
	}
	rows := make([]string, len(n.Rows))
	for i, r := range n.Rows {
		items := make([]string, len(r))
		for j, e := range r {
			items[j] = g.Expr(e)
		}
		rows[i] = "(" + strings.Join(items, ", ") + ")"
	}
	return head + "VALUES\n  " + strings.Join(rows, ",\n  ")
}

// sets writes the SET items of an UPDATE. A path into a struct rebuilds the column.
func (g *generator) sets(t *ir.Table, list []ir.UpdateItem) string {
	type column struct {
		ref    *ir.ColumnRef
		whole  string
		fields []ir.ReplaceItem
	}
	var order []ir.ColumnID
	columns := map[ir.ColumnID]*column{}
	for _, it := range list {
		if it.Unsupported != "" {
			g.refuse(it.Unsupported, "", t.At())
			continue
		}
		var path []int
		e := it.Target
		for {
			f, ok := e.(*ir.GetField)
			if !ok {
				break
			}
			path = append([]int{f.Index}, path...)
			e = f.Arg
		}
		ref, ok := e.(*ir.ColumnRef)
		if !ok {
			g.refuse("this target of SET", "", t.At())
			continue
		}
		c := columns[ref.Column.ID]
		if c == nil {
			c = &column{ref: ref}
			columns[ref.Column.ID] = c
			order = append(order, ref.Column.ID)
		}
		if len(path) == 0 {
			c.whole = g.Expr(it.Value)
		} else {
			c.fields = append(c.fields, ir.ReplaceItem{Path: path, Expr: it.Value})
		}
	}
	var items []string
	for _, id := range order {
		c := columns[id]
		text := c.whole
		if text == "" {
			v := g.Expr(c.ref)
			text = g.replaced(v, c.ref.T(), c.fields, true, t.At())
		}
		items = append(items, ident(transpile.Name(t, id))+" = "+text)
	}
	return strings.Join(items, ", ")
}

func (g *generator) update(n *ir.Update) string {
	switch {
	case n.Returning != nil:
		return g.refuse("THEN RETURN", "", n.Table.At())
	case n.From != nil:
		// A row that meets several others is an error in GoogleSQL, as in MERGE.
		return g.merge(&ir.Merge{Table: n.Table, From: n.From, On: n.Where, Whens: []ir.When{{Match: "MATCHED", Action: "UPDATE", Items: n.Items}}})
	}
	target := g.w.Target(n.Table)
	text := "UPDATE " + target + "\nSET " + g.sets(n.Table, n.Items)
	if n.Where != nil {
		text += "\nWHERE " + g.Expr(n.Where)
	}
	return text
}

func (g *generator) delete(n *ir.Delete) string {
	if n.Returning != nil {
		return g.refuse("THEN RETURN", "", n.Table.At())
	}
	target := g.w.Target(n.Table)
	text := "DELETE FROM " + target
	if n.Where != nil {
		text += "\nWHERE " + g.Expr(n.Where)
	}
	return text
}

// merge is refused: the clause came with PostgreSQL 15, NOT MATCHED BY SOURCE with 17.
func (g *generator) merge(n *ir.Merge) string {
	return g.refuse("MERGE", "it is not in all versions", n.Table.At())
}

// columnType is the type of a column; strings sort by code points.
func (g *generator) columnType(t *ir.Type) string {
	text := g.typ(t, ir.Span{})
	if t.Kind == ir.String || t.Kind == ir.Array && t.Elem.Kind == ir.String {
		text += ` COLLATE "C"`
	}
	return text
}
