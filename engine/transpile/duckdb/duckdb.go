package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Statement writes a statement. The error is transpile.Refusals if DuckDB cannot
// express it exactly.
func Statement(s ir.Stmt, opt transpile.Options) (transpile.Result, error) {
	g := &generator{opt: opt, needs: map[string]bool{}, args: map[string]string{}}
	s = g.catch(g.collate(s))
	g.w = transpile.NewWriter(g, s)
	g.hints(s)
	text := g.statement(s)
	if g.err != nil {
		return transpile.Result{}, g.err
	}
	if q, ok := s.(*ir.Query); ok && opt.Stored {
		text = transpile.Stored(text, q, ident, func(column string, t *ir.Type) string {
			typ := g.typ(t, ir.Span{})
			return "CAST(coalesce(" + column + ", CAST([] AS " + typ + ")) AS " + typ + ")"
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
func (g *generator) Ident(name string) string { return ident(name) }

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
	if text, ok := g.information(t); ok {
		return text
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
		parts[i] = ident(p)
	}
	return strings.Join(parts, ".")
}

// Count implements transpile.Dialect.
func (g *generator) Count(e ir.Expr) string {
	if l, ok := e.(*ir.Literal); ok && !l.Value.Null {
		return itoa(int(l.Value.Int))
	}
	return g.macro("at_least", g.Expr(e), "0", quote("Limit requires non-null, non-negative count and offset, but was "))
}

// Repeats implements transpile.Dialect.
func (g *generator) Repeats(text string) bool {
	return !random(transpile.Plain(text))
}

// Grouping implements transpile.Dialect.
func (g *generator) Grouping(key string) string { return "GROUPING(" + key + ")" }

// Assert implements transpile.Dialect.
func (g *generator) Assert(a *ir.Assert) string {
	message := "''"
	if a.Message != nil {
		message = g.Expr(a.Message)
	}
	return "CASE WHEN " + g.Expr(a.Condition) + " THEN TRUE ELSE error('Assert failed: ' || coalesce(" + message + ", '')) END"
}

// SortKeys implements transpile.Dialect. The order of NULLs is always said, as
// DuckDB's default is another; NaN sorts before all numbers in GoogleSQL, after them
// in DuckDB: numbers that may be NaN sort by their negation, in the opposite order.
func (g *generator) SortKeys(text string, item ir.OrderItem) []string {
	return g.sortKeys(text, item, item.Expr)
}

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
	if shape, ok := parseCollation(item.Collation); ok && shape.some() {
		return []string{g.collationKey(text, e.T(), shape) + suffix + nulls}
	}
	switch t := e.T(); {
	case isFloat(t.Kind) && !g.finite(e, 0):
		// NaN stays the greatest number when negated.
		opposite := " DESC"
		if item.Desc {
			opposite = ""
		}
		return []string{"-" + operand(text, transpile.PrecAtom) + opposite + nulls}
	case t.Kind == ir.Range:
		return []string{g.macro("range_key", text) + suffix + nulls}
	case t.Kind == ir.BigNumeric:
		return []string{g.bigKey(text) + suffix + nulls}
	case t.Kind == ir.JSON:
		return []string{g.function("json_key", text) + suffix + nulls}
	case t.Has(ir.Array, ir.Struct, ir.JSON, ir.Geography, ir.BigNumeric):
		if t.Kind != ir.Struct && t.Kind != ir.Array || t.Has(ir.JSON, ir.Float64, ir.Float32, ir.BigNumeric) {
			g.refuse("ORDER BY "+t.String(), "", e.At())
		}
	}
	return []string{text + suffix + nulls}
}

// Unnest implements transpile.Dialect.
func (g *generator) Unnest(u *ir.Unnest, alias string, columns []string, pos string) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = ident(c)
	}
	if len(u.Arrays) == 1 {
		text := "UNNEST(" + g.Expr(u.Arrays[0]) + ")"
		if pos != "" {
			text += " WITH ORDINALITY"
			names = append(names, ident(pos))
		}
		return text + " AS " + ident(alias) + "(" + strings.Join(names, ", ") + ")"
	}
	lists := make([]string, len(u.Arrays))
	for i, a := range u.Arrays {
		lists[i] = g.Expr(a)
	}
	mode := "PAD"
	if u.ZipMode != nil {
		l, ok := u.ZipMode.(*ir.Literal)
		if !ok || l.Value.Null {
			g.refuse("UNNEST with a computed mode", "", u.At())
		} else {
			mode = strings.ToUpper(l.Value.Text)
		}
	}
	// Several UNNEST in one SELECT list are zipped, and the short ones padded with NULL.
	items := make([]string, len(lists))
	for i, l := range lists {
		items[i] = "UNNEST(" + l + ") AS " + names[i]
	}
	length := func(f string) string {
		lens := make([]string, len(lists))
		for i, l := range lists {
			lens[i] = "coalesce(len(" + l + "), 0)"
		}
		return f + "(" + strings.Join(lens, ", ") + ")"
	}
	if pos != "" || mode != "PAD" {
		items = append(items, "UNNEST(range(1, "+length("greatest")+" + 1)) AS "+ident(posName(pos)))
	}
	body := "SELECT " + strings.Join(items, ", ")
	switch mode {
	case "PAD":
	case "TRUNCATE":
		body = "SELECT * FROM (" + body + ") WHERE " + ident(posName(pos)) + " <= " + length("least")
	case "STRICT":
		body = "SELECT * FROM (" + body + ") WHERE CASE WHEN " + length("least") + " = " + length("greatest") + " THEN TRUE ELSE error('Unnested arrays under STRICT mode must have equal lengths') END"
	default:
		g.refuse("UNNEST with mode "+mode, "", u.At())
	}
	if pos != "" || mode != "PAD" {
		names = append(names, ident(posName(pos)))
	}
	return "LATERAL (" + body + ") AS " + ident(alias) + "(" + strings.Join(names, ", ") + ")"
}

func posName(pos string) string {
	if pos == "" {
		return "_pos"
	}
	return pos
}

// Sample implements transpile.Dialect.
func (g *generator) Sample(s *ir.Sample) string {
	size, ok := s.Size.(*ir.Literal)
	if !ok || s.Partition != nil || s.Weight != nil {
		return g.refuse("TABLESAMPLE with a parameter, a weight or a partition", "", s.At())
	}
	seed := ""
	if s.Repeatable != nil {
		seed = " REPEATABLE (" + g.bare(s.Repeatable) + ")"
	}
	if s.Rows {
		return "TABLESAMPLE reservoir(" + itoa(int(size.Value.Int)) + " ROWS)" + seed
	}
	var percent string
	switch size.T().Kind {
	case ir.Float64:
		percent = strings.TrimSuffix(float(size.Value.Float, 64, "DOUBLE"), "e0")
	default:
		percent = itoa(int(size.Value.Int))
	}
	// SYSTEM takes whole vectors of rows; BERNOULLI decides row by row, which every method allows.
	return "TABLESAMPLE bernoulli(" + percent + " PERCENT)" + seed
}

// TVF implements transpile.Dialect.
func (g *generator) TVF(t *ir.TVF) (string, []string) {
	if text, names, ok := g.timeWindows(t); ok {
		return text, names
	}
	return "(SELECT " + g.refuse("table function "+t.Name, "", t.At()) + ")", t.Names
}
