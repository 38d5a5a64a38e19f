package duckdb

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
	case *ir.AlterTable:
		return g.alterTable(n)
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
	head := "CREATE "
	if n.Replace {
		head += "OR REPLACE "
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
		return head + name + " AS\n" + query
	}
	var items []string
	for _, c := range n.Columns {
		item := ident(c.Name) + " " + g.typ(c.Column.Type, ir.Span{})
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
	return head + name + " (\n  " + strings.Join(items, ",\n  ") + "\n)"
}

// columnCheck is the CHECK of a column with type parameters. A scale would have to
// round what is written, which a CHECK cannot.
func (g *generator) columnCheck(name string, t *ir.Type, p ir.Params) string {
	switch {
	case t.Kind == ir.String && p.Length > 0:
		return "CHECK (length(" + name + ") <= " + itoa(int(p.Length)) + ")"
	case t.Kind == ir.Bytes && p.Length > 0:
		return "CHECK (octet_length(" + name + ") <= " + itoa(int(p.Length)) + ")"
	}
	return ""
}

func (g *generator) createView(n *ir.CreateView) string {
	if n.Materialized {
		return g.refuse("CREATE MATERIALIZED VIEW", "there are no materialized views", ir.Span{})
	}
	head := "CREATE "
	if n.Replace {
		head += "OR REPLACE "
	}
	head += "VIEW "
	if n.IfMissing {
		head += "IF NOT EXISTS "
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

// insert refuses what DuckDB cannot tell apart from an error: the modes that need keys.
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
			items[j] = g.bare(e)
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
			value := it.Value
			if _, ok := value.(*ir.Default); ok { // fields have no other
				value = &ir.Literal{Of: ir.Of{Type: it.Target.T()}, Value: ir.Value{Type: it.Target.T(), Null: true}}
			}
			c.fields = append(c.fields, ir.ReplaceItem{Path: path, Expr: value})
		}
	}
	var items []string
	for _, id := range order {
		c := columns[id]
		text := c.whole
		if text == "" {
			v := g.Expr(c.ref)
			text = "CASE" + g.unset(v, c.ref.T(), c.fields, t.At()) + " ELSE " + g.replaced(v, c.ref.T(), c.fields, t.At()) + " END"
		}
		items = append(items, ident(transpile.Name(t, id))+" = "+text)
	}
	return strings.Join(items, ", ")
}

// unset are the branches of a CASE that fail where a struct that holds one of the fields is NULL.
func (g *generator) unset(v string, t *ir.Type, items []ir.ReplaceItem, at ir.Span) string {
	whole := g.typ(t, at)
	out := ""
	seen := map[string]bool{}
	for _, it := range items {
		text, typ := v, t
		for depth := 0; ; depth++ {
			if !seen[text] {
				seen[text] = true
				// Not fail: DuckDB computes a constant of a STRUCT before it chooses the branch.
				out += " WHEN " + text + " IS NULL THEN CAST(error(" + quote(Failure+"Cannot set field of NULL "+typ.String()) + ") AS " + whole + ")"
			}
			if depth == len(it.Path)-1 {
				break
			}
			text, typ = field(text, typ, it.Path[depth]), typ.Fields[it.Path[depth]].Type
		}
	}
	return out
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

// merge maps clause by clause. A target row that several source rows match is an error
// in GoogleSQL, if they would change it, but not in DuckDB: so the source is joined to
// the target by the condition first, with the number of matches of each target row, and
// merged by row.
func (g *generator) merge(n *ir.Merge) string {
	target := g.w.Target(n.Table)
	alias := target[strings.LastIndex(target, " AS ")+len(" AS "):]
	source := g.w.Derived(n.From)
	on := g.Expr(n.On)
	merged := ident(g.w.Alias("source"))
	var items []string
	bound := map[ir.ColumnID]string{}
	for i, c := range n.From.Out() {
		if bound[c.ID] != "" {
			continue
		}
		name := "s" + itoa(i+1)
		text, ok := g.w.Text(c.ID)
		if !ok {
			continue
		}
		items = append(items, text+" AS "+name)
		bound[c.ID] = merged + "." + name
	}
	for id, text := range bound {
		g.w.Bind(id, text)
	}
	items = append(items, alias+".rowid AS _row", "count(*) OVER (PARTITION BY "+alias+".rowid) AS _matches")
	join := "SELECT " + strings.Join(items, ", ") + "\nFROM " + source + "\nLEFT JOIN " + target + " ON " + on
	text := "MERGE INTO " + target + "\nUSING (\n" + transpile.Indent(join) + "\n) AS " + merged + "\nON " + alias + ".rowid = " + merged + "._row"
	once := "CASE WHEN " + merged + "._matches > 1 THEN " + fail("BOOLEAN", "'MERGE must match at most one source row for each target row'") + " ELSE TRUE END"
	for _, w := range n.Whens {
		clause := map[string]string{"MATCHED": "MATCHED", "NOT MATCHED BY SOURCE": "NOT MATCHED BY SOURCE", "NOT MATCHED BY TARGET": "NOT MATCHED BY TARGET"}[w.Match]
		if clause == "" {
			return g.refuse("WHEN "+w.Match, "", n.Table.At())
		}
		text += "\nWHEN " + clause
		if w.And != nil {
			text += " AND " + operand(g.Expr(w.And), transpile.PrecNot)
		}
		if w.Match == "MATCHED" {
			text += " AND " + once
		}
		switch w.Action {
		case "DELETE":
			text += " THEN DELETE"
		case "UPDATE":
			text += " THEN UPDATE SET " + g.sets(n.Table, w.Items)
		case "INSERT":
			names := make([]string, len(w.Columns))
			for i, c := range w.Columns {
				names[i] = ident(transpile.Name(n.Table, c.ID))
			}
			values := make([]string, len(w.Row))
			for i, e := range w.Row {
				values[i] = g.Expr(e)
			}
			text += " THEN INSERT (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
		default:
			return g.refuse("WHEN "+w.Match+" THEN "+w.Action, "", n.Table.At())
		}
	}
	return text
}
