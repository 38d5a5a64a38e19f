package duckdb

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Expr writes an expression with the exact DuckDB type of its GoogleSQL type.
func (g *generator) Expr(e ir.Expr) string { return g.expr(e, false) }

// bare writes an expression; an integer literal stands without its type.
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
		return g.withExpr(n)
	case *ir.Parameter:
		return g.parameter(n)
	case *ir.ArrayAggregate:
		return transpile.Mark(g.arrayAggregate(n), n.At())
	case *ir.ReplaceField:
		return g.replaceField(n)
	case *ir.Constant:
		return g.refuse("constant "+n.Name, "its value is not known", n.At())
	case *ir.SystemVariable:
		return g.systemVariable(n)
	case *ir.ArgumentRef:
		if v, ok := g.args[strings.ToLower(n.Name)]; ok {
			return v
		}
		return g.refuse("argument "+n.Name, "it stands outside of a function", n.At())
	case *ir.Default:
		return "DEFAULT"
	case *ir.Flatten:
		return g.flatten(n)
	case *ir.FlattenedArg:
		if len(g.flat) > 0 {
			return g.flat[len(g.flat)-1]
		}
	case *ir.UnsupportedExpr:
		return g.refuse(n.What, "", n.At())
	}
	return g.refuse("this expression", "", e.At())
}

func (g *generator) systemVariable(n *ir.SystemVariable) string {
	if strings.EqualFold(strings.TrimPrefix(n.Name, "@@"), "time_zone") {
		return quote(g.zone())
	}
	return g.refuse("system variable "+n.Name, "", n.At())
}

func (g *generator) parameter(n *ir.Parameter) string {
	if n.Name != "" {
		return "CAST($" + n.Name + " AS " + g.typ(n.T(), n.At()) + ")"
	}
	return "CAST($" + itoa(n.Position) + " AS " + g.typ(n.T(), n.At()) + ")"
}

// call writes a scalar call by its rule.
func (g *generator) call(n *ir.Call) string {
	if !builtIn(n.Group) {
		return g.refuse("function "+strings.ToUpper(n.Name), "it is not built in", n.At())
	}
	rule, ok := rules()[n.Name]
	if !ok {
		return g.refuse(display(n.Name), "", n.At())
	}
	c := &Call{Node: n, Safe: n.Safe, g: g}
	// SAFE catches the errors of the function, not those of its arguments: these are
	// computed outside.
	var outside, names []string
	for _, a := range n.Args {
		if a.Expr == nil {
			c.Args = append(c.Args, "")
			continue
		}
		text := g.bare(a.Expr)
		if (n.Safe || catching(n.Name)) && !harmless(a.Expr) {
			g.names++
			name := "_v" + itoa(g.names)
			outside, names = append(outside, text), append(names, name)
			text = name
		}
		c.Args = append(c.Args, text)
	}
	text := rule(c)
	if n.Safe && !c.safe {
		text = g.try(text, n)
	}
	if typeOfArguments(n) && anyNull(n.Args) {
		text = transpile.Operand(text) + "::" + g.typ(n.T(), n.At())
	}
	if len(outside) > 0 && strings.Contains(text, "SELECT") {
		return g.refuse("SAFE."+strings.ToUpper(n.Name)+" over a subquery", "TRY does not take one", n.At())
	}
	for i := len(outside) - 1; i >= 0; i-- {
		text = "list_transform([" + outside[i] + "], lambda " + names[i] + ": " + text + ")[1]"
	}
	return text
}

// typeOfArguments reports whether a call is written with an operator of DuckDB whose type
// follows from its arguments. DuckDB makes an untyped NULL of such an operator when an
// argument is a constant NULL, whatever that one's type, and a table of it has an INTEGER
// column: the text needs a cast to keep its type.
func typeOfArguments(n *ir.Call) bool {
	switch n.Name {
	case "concat", "array_concat", "range_start", "range_end",
		"$array_at_offset", "$array_at_ordinal", "$safe_array_at_offset", "$safe_array_at_ordinal":
		return true
	case "$add", "$subtract", "$multiply", "$divide", "$unary_minus", "abs", "mod", "div",
		"safe_add", "safe_subtract", "safe_multiply", "safe_divide", "safe_negate":
		return n.T() != nil && n.T().Kind == ir.Numeric
	}
	return false
}

func anyNull(args []ir.Arg) bool {
	return slices.ContainsFunc(args, func(a ir.Arg) bool { return constantNull(a.Expr) })
}

// constantNull reports whether an expression is NULL for every row, or a call of constants
// only, which may be: whether it is, only DuckDB computes.
func constantNull(e ir.Expr) bool {
	switch n := e.(type) {
	case *ir.Literal:
		return n.Value.Null
	case *ir.Cast:
		return constantNull(n.Arg)
	case *ir.GetField:
		return constantNull(n.Arg)
	case *ir.Call:
		return typeOfArguments(n) && anyNull(n.Args) || len(n.Args) > 0 && constant(n)
	}
	return false
}

// constant reports whether an expression reads neither rows nor arguments.
func constant(e ir.Expr) bool {
	switch n := e.(type) {
	case *ir.Literal:
		return true
	case *ir.Cast:
		return constant(n.Arg)
	case *ir.GetField:
		return constant(n.Arg)
	case *ir.Call:
		return !slices.ContainsFunc(n.Args, func(a ir.Arg) bool { return a.Expr != nil && !constant(a.Expr) || a.Lambda != nil })
	}
	return false
}

// catching reports whether a function is written with TRY around its operator.
func catching(name string) bool {
	switch name {
	case "safe_add", "safe_subtract", "safe_multiply", "safe_negate":
		return true
	}
	return false
}

// harmless reports whether an expression cannot fail.
func harmless(e ir.Expr) bool {
	switch n := e.(type) {
	case *ir.Literal, *ir.Parameter, *ir.ColumnRef, *ir.ArgumentRef:
		return true
	case *ir.GetField:
		return harmless(n.Arg)
	case *ir.Cast:
		return n.Implicit && n.T().Kind == ir.Float64 && isInt(n.Arg.T().Kind) && harmless(n.Arg)
	}
	return false
}

// builtIn reports whether a function belongs to the language, not to a project: its
// group is the analyzer's, or that of the functions the analyzer's catalog lacks.
func builtIn(group string) bool {
	switch strings.ToLower(group) {
	case "", "googlesql", "zetasql", "bigquery":
		return true
	}
	return false
}

// display is a function's name as users write it.
func display(name string) string {
	if strings.HasPrefix(name, "$") {
		return "operator " + strings.ToUpper(strings.ReplaceAll(name[1:], "_", " "))
	}
	return strings.ToUpper(name)
}

// try makes the errors of a text NULL.
func (g *generator) try(text string, n *ir.Call) string {
	if volatile(transpile.Plain(text)) || g.fails(text) {
		return g.refuse("SAFE."+strings.ToUpper(n.Name), "its errors cannot become NULL there", n.At())
	}
	if strings.Contains(text, "SELECT") {
		return g.refuse("SAFE."+strings.ToUpper(n.Name)+" over a subquery", "TRY does not take one", n.At())
	}
	return "TRY(" + text + ")"
}

// fails reports whether a text calls a macro whose text calls error().
func (g *generator) fails(text string) bool {
	for _, n := range needsOf(transpile.Plain(text)) {
		if m, ok := strings.CutPrefix(n, Schema+"."); ok {
			for _, k := range Close([]string{Schema + "." + m}) {
				if strings.Contains(k.SQL, "error(") {
					return true
				}
			}
		}
	}
	return false
}

func (g *generator) makeStruct(n *ir.MakeStruct) string {
	if len(n.Args) == 0 {
		return g.typ(n.T(), n.At())
	}
	names := fieldNames(n.T())
	items := make([]string, len(n.Args))
	for i, a := range n.Args {
		items[i] = quote(names[i]) + ": " + g.Expr(a)
	}
	return "{" + strings.Join(items, ", ") + "}"
}

func (g *generator) getField(n *ir.GetField) string {
	if s, ok := n.Arg.(*ir.MakeStruct); ok && n.Index < len(s.Args) {
		return g.Expr(s.Args[n.Index])
	}
	text := field(g.Expr(n.Arg), n.Arg.T(), n.Index)
	if constantNull(n.Arg) {
		text += "::" + g.typ(n.T(), n.At())
	}
	return text
}

// field reads the i-th field of a struct.
func field(text string, t *ir.Type, i int) string {
	names := fieldNames(t)
	if i >= len(names) {
		return "NULL"
	}
	return "struct_extract(" + text + ", " + quote(names[i]) + ")"
}

func (g *generator) replaceField(n *ir.ReplaceField) string {
	t := n.T()
	return g.let(g.Expr(n.Arg), func(v string) string { return g.replaced(v, t, n.Items, n.At()) })
}

// replaced rebuilds a struct with the fields at some paths replaced.
func (g *generator) replaced(v string, t *ir.Type, items []ir.ReplaceItem, at ir.Span) string {
	names := fieldNames(t)
	parts := make([]string, len(names))
	for i, name := range names {
		text := field(v, t, i)
		var deeper []ir.ReplaceItem
		for _, it := range items {
			switch {
			case len(it.Path) == 0 || it.Path[0] != i:
			case len(it.Path) == 1:
				text = g.Expr(it.Expr)
				deeper = nil
			default:
				deeper = append(deeper, ir.ReplaceItem{Path: it.Path[1:], Expr: it.Expr})
			}
		}
		if deeper != nil {
			text = g.replaced(text, t.Fields[i].Type, deeper, at)
		}
		parts[i] = quote(name) + ": " + text
	}
	return "CASE WHEN " + v + " IS NOT NULL THEN {" + strings.Join(parts, ", ") + "} END"
}

func (g *generator) jsonField(n *ir.GetJSONField) string {
	return g.call(&ir.Call{
		Of: n.Of, Name: "$subscript", Group: "GoogleSQL",
		Args: []ir.Arg{{Expr: n.Arg}, {Expr: &ir.Literal{
			Of:    ir.Of{Type: &ir.Type{Kind: ir.String}, Span: n.At()},
			Value: ir.Value{Type: &ir.Type{Kind: ir.String}, Text: n.Name},
		}}},
	})
}

// flatten walks a path over arrays: each step that meets an array applies to its
// elements, and lists of lists are joined.
func (g *generator) flatten(n *ir.Flatten) string {
	text, t := g.Expr(n.Arg), n.Arg.T()
	list := t.Kind == ir.Array
	for _, p := range n.Path {
		g.names++
		v := "_v" + itoa(g.names)
		if list {
			g.flat = append(g.flat, v)
		} else {
			g.flat = append(g.flat, transpile.Operand(text))
		}
		step := g.Expr(p)
		g.flat = g.flat[:len(g.flat)-1]
		if list {
			step = "list_transform(" + text + ", lambda " + v + ": " + step + ")"
			if p.T().Kind == ir.Array {
				step = "flatten(" + step + ")"
			}
		}
		text = step
		list = list || p.T().Kind == ir.Array
	}
	return text
}

// withExpr computes the assigned columns once, unless they are cheap to repeat.
func (g *generator) withExpr(n *ir.WithExpr) string { return g.assign(n.Assign, n.Expr) }

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
	switch n.Kind {
	case ir.Scalar:
		return g.w.Scalar(n.Scan, out[0])
	case ir.ArrayOf:
		return "ARRAY(" + lines(g.w.Subquery(n.Scan, out[:1])) + ")"
	case ir.Exists:
		return "EXISTS (" + lines(g.w.Subquery(n.Scan, nil)) + ")"
	case ir.In:
		t := n.In.T()
		if ownEquality(t) {
			return g.anyOf(n, "$equal", false)
		}
		return operand(g.Expr(n.In), transpile.PrecAdd) + " IN (" + lines(g.w.Subquery(n.Scan, out[:1])) + ")"
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

// Condition implements transpile.Conditioner: membership by an own comparison is a
// semi-join, which DuckDB hashes.
func (g *generator) Condition(e ir.Expr) string {
	n, ok := e.(*ir.Subquery)
	if !ok || n.Kind != ir.In || n.Collation != "" || !ownEquality(n.In.T()) {
		return g.Expr(e)
	}
	test, body, alias := g.member(n, "$equal")
	return "EXISTS (" + lines("SELECT 1\nFROM ("+lines(body)+") AS "+alias+"(v)\nWHERE "+test) + ")"
}

// ownEquality reports whether DuckDB's own = has another meaning for the type.
func ownEquality(t *ir.Type) bool {
	return t.Has(ir.Float64, ir.Float32) || t.Kind == ir.Struct || t.Kind == ir.Array || t.Kind == ir.JSON || t.Kind == ir.Range
}

// anyOf compares a value with the rows of a subquery by an own operator: the
// three-valued disjunction of the comparisons, or their conjunction.
func (g *generator) anyOf(n *ir.Subquery, name string, all bool) string {
	negate := strings.HasPrefix(name, "$not_")
	if negate {
		name = "$" + strings.TrimPrefix(name, "$not_")
	}
	test, body, alias := g.member(n, name)
	if negate {
		test = "NOT (" + test + ")"
	}
	fold := "CASE WHEN bool_or(t.v) THEN TRUE WHEN count(*) > count(t.v) THEN NULL ELSE FALSE END"
	if all {
		fold = "CASE WHEN NOT bool_and(t.v) THEN FALSE WHEN count(*) > count(t.v) THEN NULL ELSE TRUE END"
	}
	return "(" + lines("SELECT "+fold+"\nFROM (\n  SELECT "+test+" AS v\n  FROM ("+lines(body)+") AS "+alias+"(v)\n) AS t(v)") + ")"
}

// member is the comparison of the value with the column v of body under alias.
func (g *generator) member(n *ir.Subquery, name string) (test, body, alias string) {
	c := n.Scan.Out()[0]
	alias = g.w.Alias("s")
	body = g.w.Subquery(n.Scan, n.Scan.Out()[:1])
	g.w.Bind(c.ID, alias+".v")
	right := &ir.ColumnRef{Of: ir.Of{Type: c.Type, Span: n.At()}, Column: c}
	call := &ir.Call{
		Of: ir.Of{Type: &ir.Type{Kind: ir.Bool}, Span: n.At()}, Name: name, Group: "GoogleSQL",
		Args: []ir.Arg{{Expr: n.In}, {Expr: right}},
	}
	if n.Collation != "" {
		call.Collations = []string{n.Collation}
	}
	test = g.collatedCall(call)
	return test, body, alias
}

// lines sets a subquery of several lines apart from its brackets.
func lines(text string) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	return "\n" + transpile.Indent(text) + "\n"
}

// operand puts parentheses around a text whose loosest operator is looser than min.
func operand(text string, least int) string {
	if transpile.Precedence(text) < least {
		return "(" + text + ")"
	}
	return text
}
