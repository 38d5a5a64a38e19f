package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Expr writes an expression with the exact PostgreSQL type of its GoogleSQL type.
func (g *generator) Expr(e ir.Expr) string { return g.expr(e, false) }

// bare writes an expression; a literal of INT64 or STRING stands without its type.
func (g *generator) bare(e ir.Expr) string { return g.expr(e, true) }

func (g *generator) expr(e ir.Expr, bare bool) string {
	switch n := e.(type) {
	case nil:
		return ""
	case *ir.Literal:
		return g.literal(n.Value, bare, n.At())
	case *ir.ColumnRef:
		return g.w.Ref(n)
	case *ir.Call:
		return transpile.Mark(g.call(n), n.At())
	case *ir.Cast:
		return transpile.Mark(g.castExpr(n), n.At())
	case *ir.MakeStruct:
		return g.makeStruct(n)
	case *ir.GetField:
		return g.getField(n)
	case *ir.GetJSONField:
		return g.jsonField(n)
	case *ir.Subquery:
		return transpile.Mark(g.subquery(n), n.At())
	case *ir.WithExpr:
		return g.assign(n.Assign, n.Expr)
	case *ir.Parameter:
		return g.parameter(n)
	case *ir.ArrayAggregate:
		return transpile.Mark(g.arrayAggregate(n), n.At())
	case *ir.ReplaceField:
		t := n.T()
		return g.let(g.Expr(n.Arg), func(v string) string { return g.replaced(v, t, n.Items, false, n.At()) })
	case *ir.Constant:
		return g.refuse("constant "+n.Name, "its value is not known", n.At())
	case *ir.SystemVariable:
		if strings.EqualFold(strings.TrimPrefix(n.Name, "@@"), "time_zone") {
			return quote(g.zone()) + "::text"
		}
		return g.refuse("system variable "+n.Name, "", n.At())
	case *ir.ArgumentRef:
		if v, ok := g.args[strings.ToLower(n.Name)]; ok {
			return v
		}
		return g.refuse("argument "+n.Name, "it stands outside of a function", n.At())
	case *ir.Default:
		return "DEFAULT"
	case *ir.UnsupportedExpr:
		return g.refuse(n.What, "", n.At())
	case *ir.Flatten, *ir.FlattenedArg:
		return g.refuse("FLATTEN", "", e.At())
	}
	return g.refuse("this expression", "", e.At())
}

// parameter writes a query parameter: $name or $position, which the caller replaces.
func (g *generator) parameter(n *ir.Parameter) string {
	name := n.Name
	if name == "" {
		name = itoa(n.Position)
	}
	return "CAST($" + name + " AS " + g.typ(n.T(), n.At()) + ")"
}

func (g *generator) makeStruct(n *ir.MakeStruct) string {
	items := make([]string, len(n.Args))
	for i, a := range n.Args {
		items[i] = g.Expr(a)
	}
	return "ROW(" + strings.Join(items, ", ") + ")::" + g.typ(n.T(), n.At())
}

func (g *generator) getField(n *ir.GetField) string {
	if s, ok := n.Arg.(*ir.MakeStruct); ok && n.Index < len(s.Args) {
		return g.Expr(s.Args[n.Index])
	}
	return field(g.Expr(n.Arg), n.Arg.T(), n.Index)
}

// field reads the i-th field of a struct.
func field(text string, t *ir.Type, i int) string {
	names := fieldNames(t)
	if i >= len(names) {
		return "NULL"
	}
	return "(" + text + ")." + ident(names[i])
}

// isNull is a condition that a value is NULL. IS NULL holds for a composite of NULLs, too.
func isNull(text string, t *ir.Type) string {
	if t != nil && t.Kind == ir.Struct {
		return operand(text, transpile.PrecAdd) + " IS NOT DISTINCT FROM NULL"
	}
	return operand(text, transpile.PrecAdd) + " IS NULL"
}

// notNull is the contrary of isNull.
func notNull(text string, t *ir.Type) string {
	if t != nil && t.Kind == ir.Struct {
		return operand(text, transpile.PrecAdd) + " IS DISTINCT FROM NULL"
	}
	return operand(text, transpile.PrecAdd) + " IS NOT NULL"
}

// replaced rebuilds a struct with the fields at some paths replaced. A NULL stays NULL, or
// is an error.
func (g *generator) replaced(v string, t *ir.Type, items []ir.ReplaceItem, strict bool, at ir.Span) string {
	parts := make([]string, len(t.Fields))
	for i := range parts {
		text := field(v, t, i)
		var deeper []ir.ReplaceItem
		for _, it := range items {
			switch {
			case len(it.Path) == 0 || it.Path[0] != i:
			case len(it.Path) == 1:
				if _, ok := it.Expr.(*ir.Default); ok {
					g.refuse("DEFAULT for a field", "", at)
				}
				text = g.Expr(it.Expr)
				deeper = nil
			default:
				deeper = append(deeper, ir.ReplaceItem{Path: it.Path[1:], Expr: it.Expr})
			}
		}
		if deeper != nil {
			text = g.replaced(text, t.Fields[i].Type, deeper, strict, at)
		}
		parts[i] = text
	}
	null := ""
	if strict {
		null = " ELSE " + g.function("fail", quote("Cannot set field of NULL "+t.String()), "NULL::"+g.typ(t, at))
	}
	return "CASE WHEN " + notNull(v, t) + " THEN ROW(" + strings.Join(parts, ", ") + ")::" + g.typ(t, at) + null + " END"
}

func (g *generator) jsonField(n *ir.GetJSONField) string {
	return g.call(&ir.Call{
		Of: n.Of, Name: "$subscript", Group: "GoogleSQL",
		Args: []ir.Arg{{Expr: n.Arg}, {Expr: &ir.Literal{
			Of:    ir.Of{Type: ir.TypeOf(ir.String), Span: n.At()},
			Value: ir.Value{Type: ir.TypeOf(ir.String), Text: n.Name},
		}}},
	})
}

// assign computes the columns of WITH(…) once, unless they are cheap to repeat.
func (g *generator) assign(list []ir.Computed, result ir.Expr) string {
	if len(list) == 0 {
		return g.Expr(result)
	}
	return g.let(g.Expr(list[0].Expr), func(v string) string {
		g.w.Bind(list[0].Column.ID, v)
		return g.assign(list[1:], result)
	})
}

func (g *generator) subquery(n *ir.Subquery) string {
	out := n.Scan.Out()
	if !byCodePoints(n.Collation) {
		return g.refuse("collation "+n.Collation, "strings compare by code points there", n.At())
	}
	switch n.Kind {
	case ir.Scalar:
		return g.inner(func() string { return g.w.Scalar(n.Scan, out[0]) })
	case ir.ArrayOf:
		return "ARRAY(" + lines(g.rows(n.Scan, out[:1])) + ")"
	case ir.Exists:
		return "EXISTS (" + lines(g.rows(n.Scan, nil)) + ")"
	case ir.In:
		if !plainIn(n.In.T()) {
			return g.anyOf(n, "$equal", false)
		}
		return operand(g.Expr(n.In), transpile.PrecAdd) + " IN (" + lines(g.rows(n.Scan, out[:1])) + ")"
	case ir.LikeAny:
		return g.anyOf(n, "$like", false)
	case ir.NotLikeAny:
		return g.anyOf(n, "$not_like", false)
	case ir.LikeAll:
		return g.anyOf(n, "$like", true)
	case ir.NotLikeAll:
		return g.anyOf(n, "$not_like", true)
	}
	return g.refuse("this subquery", "", n.At())
}

// rows writes a subquery.
func (g *generator) rows(s ir.Scan, cols []ir.Column) string {
	return g.inner(func() string { return g.w.Subquery(s, cols) })
}

// inner writes a query within an expression: its aggregates stay in it wherever it goes.
func (g *generator) inner(write func() string) string {
	kept := len(g.grouped)
	text := write()
	g.grouped = g.grouped[:kept]
	return text
}

// anyOf compares a value with the rows of a subquery by an own operator: the
// three-valued disjunction of the comparisons, or their conjunction.
func (g *generator) anyOf(n *ir.Subquery, name string, all bool) string {
	c := n.Scan.Out()[0]
	alias := g.w.Alias("s")
	body := g.rows(n.Scan, n.Scan.Out()[:1])
	g.w.Bind(c.ID, alias+".v")
	right := &ir.ColumnRef{Of: ir.Of{Type: c.Type, Span: n.At()}, Column: c}
	negate := strings.HasPrefix(name, "$not_")
	if negate {
		name = "$" + strings.TrimPrefix(name, "$not_")
	}
	test := g.call(&ir.Call{
		Of: ir.Of{Type: ir.TypeOf(ir.Bool), Span: n.At()}, Name: name, Group: "GoogleSQL",
		Args: []ir.Arg{{Expr: n.In}, {Expr: right}},
	})
	if g.holdsGroup(transpile.Plain(test)) {
		return g.refuse("this subquery", "its left side holds an aggregate", n.At())
	}
	if negate {
		test = "NOT (" + test + ")"
	}
	fold := "CASE WHEN bool_or(t.v) THEN TRUE WHEN count(*) > count(t.v) THEN NULL ELSE FALSE END"
	if all {
		fold = "CASE WHEN NOT bool_and(t.v) THEN FALSE WHEN count(*) > count(t.v) THEN NULL ELSE TRUE END"
	}
	return "(" + lines("SELECT "+fold+"\nFROM (\n  SELECT "+test+" AS v\n  FROM ("+lines(body)+") AS "+alias+"(v)\n) AS t(v)") + ")"
}

// lines sets a subquery of several lines apart from its brackets.
func lines(text string) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	return "\n" + transpile.Indent(text) + "\n"
}
