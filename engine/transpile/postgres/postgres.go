package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Statement writes a statement. The error is transpile.Refusals if PostgreSQL cannot
// express it exactly.
func Statement(s ir.Stmt, opt transpile.Options) (transpile.Result, error) {
	g := &generator{opt: opt, needs: map[string]bool{}, args: map[string]string{}}
	g.w = transpile.NewWriter(g, s)
	g.hints(s)
	text := g.statement(s)
	if g.err != nil {
		return transpile.Result{}, g.err
	}
	if q, ok := s.(*ir.Query); ok && opt.Stored {
		text = transpile.Stored(text, q, ident, func(column string, t *ir.Type) string {
			typ := g.typ(t, ir.Span{})
			return "CAST(coalesce(" + column + ", CAST('{}' AS " + typ + ")) AS " + typ + ")"
		})
	}
	return transpile.Finish(text, g.needed(), g.refusals)
}

// hints refuses hints: which of them change nothing but the speed is not known.
func (g *generator) hints(s ir.Stmt) {
	ir.Inspect(s, func(n ir.Node) bool {
		var list []ir.Option
		at := ir.Span{}
		switch n := n.(type) {
		case ir.Scan:
			at = n.At()
			if b, ok := n.(interface{ HintList() []ir.Option }); ok {
				list = b.HintList()
			}
		case *ir.Call:
			list, at = n.Hints, n.At()
		}
		for _, h := range list {
			if h.Qualifier == "" {
				g.refuse("hint "+h.Name, "", at)
			}
		}
		return true
	})
}

// Ident implements transpile.Dialect.
func (g *generator) Ident(name string) string {
	if len(name) > maxIdent {
		g.refuse("the name "+name, "names have at most 63 bytes there", ir.Span{})
	}
	return ident(name)
}

// Typed implements transpile.Typer: the digits of a numeric are part of its type, and
// get lost in all but plain references and casts.
func (g *generator) Typed(text string, t *ir.Type) string {
	if t == nil || !isDecimal(t.Kind) && (t.Kind != ir.Array || !isDecimal(t.Elem.Kind)) {
		return text
	}
	typ := g.typ(t, ir.Span{})
	plain := transpile.Plain(text)
	if transpile.Atomic(plain) && strings.HasPrefix(plain, "CAST(") && strings.HasSuffix(plain, " AS "+typ+")") {
		return text
	}
	return castTo(text, typ)
}

// Limits implements transpile.Limited.
func (g *generator) Limits() transpile.Limits {
	return transpile.Limits{NoQualify: true, NoNamesInOrder: true, Reorders: true}
}

// Refuse implements transpile.Dialect.
func (g *generator) Refuse(what, why string, at ir.Span) string { return g.refuse(what, why, at) }

// Table implements transpile.Dialect.
func (g *generator) Table(t *ir.Table) string {
	if t.SystemTime != nil {
		g.refuse("FOR SYSTEM_TIME AS OF", "tables keep no history there", t.At())
	}
	for i, p := range t.Pseudo {
		if p {
			g.refuse("pseudo column "+t.Names[i], "tables have no such column there", t.At())
		}
	}
	if g.opt.Table != nil {
		name, err := g.opt.Table(t)
		if err != nil && g.err == nil {
			g.err = err
		}
		return name
	}
	parts := strings.Split(t.Name, ".")
	for i, p := range parts {
		parts[i] = g.Ident(p)
	}
	return strings.Join(parts, ".")
}

// Count implements transpile.Dialect.
func (g *generator) Count(e ir.Expr) string {
	if l, ok := e.(*ir.Literal); ok && !l.Value.Null {
		return itoa(int(l.Value.Int))
	}
	return g.atLeast(g.Expr(e), 0, "Limit requires non-null, non-negative count and offset")
}

// atLeast fails unless a number reaches a bound.
func (g *generator) atLeast(text string, bound int, message string) string {
	return g.let(text, func(v string) string {
		return g.function("check_that", "coalesce("+v+" >= "+itoa(bound)+", FALSE)", quote(message), v)
	})
}

// Repeats implements transpile.Dialect.
func (g *generator) Repeats(text string) bool { return !random(transpile.Plain(text)) }

// Grouping implements transpile.Dialect.
func (g *generator) Grouping(key string) string { return "GROUPING(" + key + ")::bigint" }

// Assert implements transpile.Dialect.
func (g *generator) Assert(a *ir.Assert) string {
	message := "''::text"
	if a.Message != nil {
		message = g.Expr(a.Message)
	}
	return "CASE WHEN " + g.Expr(a.Condition) + " THEN TRUE ELSE " + g.function("fail", "'Assert failed: ' || coalesce("+message+", '')", "NULL::boolean") + " END"
}

// SortKeys implements transpile.Dialect.
func (g *generator) SortKeys(text string, item ir.OrderItem) []string {
	return g.sortKeys(text, item, item.Expr)
}

// sortKeys are the terms of an ORDER BY. The order of NULLs is always said, as
// PostgreSQL's default is another; NaN sorts before all numbers in GoogleSQL, after them
// in PostgreSQL.
func (g *generator) sortKeys(text string, item ir.OrderItem, e ir.Expr) []string {
	suffix, nulls := "", " NULLS FIRST"
	if item.Desc {
		suffix, nulls = " DESC", " NULLS LAST"
	}
	switch item.Nulls {
	case ir.NullsFirst:
		nulls = " NULLS FIRST"
	case ir.NullsLast:
		nulls = " NULLS LAST"
	}
	if !byCodePoints(item.Collation) {
		g.refuse("collation "+item.Collation, "strings compare by code points there", e.At())
	}
	switch t := e.T(); {
	case t.Kind == ir.String:
		return []string{codePoints(text) + suffix + nulls}
	case isFloat(t.Kind) && !g.finite(e, 0):
		opposite := " DESC"
		if item.Desc {
			opposite = ""
		}
		return []string{g.isNaN(text, t) + opposite + nulls, text + suffix + nulls}
	case t.Has(ir.Array, ir.Struct, ir.JSON, ir.Geography):
		g.refuse("ORDER BY "+t.String(), "", e.At())
	}
	return []string{text + suffix + nulls}
}

// isNaN is a condition that a float is NaN.
func (g *generator) isNaN(text string, t *ir.Type) string {
	return operand(text, transpile.PrecAdd) + " = 'NaN'::" + g.typ(t, ir.Span{})
}

// Unnest implements transpile.Dialect.
func (g *generator) Unnest(u *ir.Unnest, alias string, columns []string, pos string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = g.Ident(c)
	}
	lists := make([]string, len(u.Arrays))
	composite := false
	for i, a := range u.Arrays {
		lists[i] = g.Expr(a)
		composite = composite || a.T().Elem != nil && a.T().Elem.Kind == ir.Struct
	}
	if u.ZipMode != nil {
		l, ok := u.ZipMode.(*ir.Literal)
		if !ok || l.Value.Null || !strings.EqualFold(l.Value.Text, "PAD") {
			return g.refuse("UNNEST with a mode other than PAD", "", u.At())
		}
	}
	if !composite {
		text := "unnest(" + strings.Join(lists, ", ") + ")"
		if pos != "" {
			text += " WITH ORDINALITY"
			names = append(names, g.Ident(pos))
		}
		return text + " AS " + g.Ident(alias) + "(" + strings.Join(names, ", ") + ")"
	}
	// In FROM, unnest spreads composites over columns. In a SELECT list it does not, and
	// several go in step, the short ones padded with NULL.
	items := make([]string, len(lists))
	for i, l := range lists {
		items[i] = "unnest(" + l + ")"
		if g.holdsGroup(transpile.Plain(l)) {
			return g.refuse("UNNEST of an aggregate", "", u.At())
		}
	}
	if pos != "" {
		lens := make([]string, len(lists))
		for i, l := range lists {
			lens[i] = "coalesce(cardinality(" + l + "), 0)"
		}
		items = append(items, "generate_series(1, greatest("+strings.Join(lens, ", ")+")::bigint)")
		names = append(names, g.Ident(pos))
	}
	return "LATERAL (SELECT " + strings.Join(items, ", ") + ") AS " + g.Ident(alias) + "(" + strings.Join(names, ", ") + ")"
}

// Sample implements transpile.Dialect.
func (g *generator) Sample(s *ir.Sample) string {
	return g.refuse("TABLESAMPLE", "only tables have it there", s.At())
}

// TVF implements transpile.Dialect.
func (g *generator) TVF(t *ir.TVF) (string, []string) {
	return "(SELECT " + g.refuse("table function "+t.Name, "", t.At()) + ")", t.Names
}
