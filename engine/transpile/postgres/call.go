package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// A Rule writes one call of a scalar function as PostgreSQL SQL. The text it returns must
// have the type of the call's result and may be any expression: whoever embeds it adds
// parentheses (see Call.Op). A rule that cannot write a call exactly returns Call.Refuse.
type Rule func(c *Call) string

// Call is a call as a Rule sees it.
type Call struct {
	Node *ir.Call
	// Args are the arguments as PostgreSQL SQL, to be put between commas. A literal of INT64
	// or STRING is bare there (1, 'a'): see Typed. An argument without an expression (a
	// lambda, a descriptor) is "".
	Args []string
	// Safe says that an error of the call must become NULL (SAFE.f). A rule that cannot fail,
	// or yields NULL itself, says SafeDone; otherwise the caller puts the text into
	// _engine.try.
	Safe bool

	g    *generator
	safe bool // the text honours Safe
}

// Len is the number of arguments.
func (c *Call) Len() int { return len(c.Args) }

// Expr is the i-th argument in the tree, nil if it is no expression or absent.
func (c *Call) Expr(i int) ir.Expr {
	if i >= len(c.Node.Args) {
		return nil
	}
	return c.Node.Args[i].Expr
}

// Type is the type of the i-th argument; it is never nil.
func (c *Call) Type(i int) *ir.Type {
	if e := c.Expr(i); e != nil && e.T() != nil {
		return e.T()
	}
	return &ir.Type{}
}

// Kind is the kind of the i-th argument's type.
func (c *Call) Kind(i int) ir.Kind { return c.Type(i).Kind }

// Result is the type of the call.
func (c *Call) Result() *ir.Type { return c.Node.T() }

// Op is the i-th argument as an operand: in parentheses unless it is atomic.
func (c *Call) Op(i int) string { return transpile.Operand(c.Args[i]) }

// Typed is the i-th argument with its exact type, literals included.
func (c *Call) Typed(i int) string {
	if l, ok := c.Expr(i).(*ir.Literal); ok {
		return c.g.literal(l.Value, false, l.At())
	}
	return c.Args[i]
}

// typed is all arguments from the i-th on with their exact types.
func (c *Call) typed(i int) []string {
	var list []string
	for ; i < c.Len(); i++ {
		list = append(list, c.Typed(i))
	}
	return list
}

// Value is the i-th argument's value if it is a literal (casts of literals are folded).
func (c *Call) Value(i int) (ir.Value, bool) {
	if l, ok := c.Expr(i).(*ir.Literal); ok {
		return l.Value, true
	}
	return ir.Value{}, false
}

// Text is the text of a non-NULL STRING literal; enum values of date parts come as
// literals of type Other whose text is the part's name: they are given too.
func (c *Call) Text(i int) (string, bool) {
	v, ok := c.Value(i)
	if !ok || v.Null || v.Type == nil || v.Type.Kind != ir.String && v.Type.Kind != ir.Other {
		return "", false
	}
	return v.Text, true
}

// integer is the value of an integer literal.
func (c *Call) integer(i int) (int64, bool) {
	v, ok := c.Value(i)
	if !ok || v.Null || v.Type == nil || !isInt(v.Type.Kind) {
		return 0, false
	}
	return v.Int, true
}

// IsNull reports whether the i-th argument is the NULL literal or absent.
func (c *Call) IsNull(i int) bool {
	if i >= len(c.Args) {
		return true
	}
	v, ok := c.Value(i)
	return ok && v.Null
}

// Func is a call of a function of the run time.
func (c *Call) Func(name string, args ...string) string { return c.g.function(name, args...) }

// total is Func of a function that does not fail.
func (c *Call) total(name string, args ...string) string {
	c.SafeDone()
	return c.g.function(name, args...)
}

// SafeDone says that the text the rule returns yields NULL where the function fails, or
// that the function cannot fail.
func (c *Call) SafeDone() { c.safe = true }

// Let computes the i-th argument once for a text that uses it several times.
func (c *Call) Let(i int, body func(v string) string) string {
	return c.g.let(c.Typed(i), body)
}

// Refuse notes that the call is not available, and why; it returns a text to return.
func (c *Call) Refuse(why string) string {
	return c.g.refuse(display(c.Node.Name), why, c.Node.At())
}

// RefuseWhat is Refuse with a name for the construct: "JSON_KEYS with mode".
func (c *Call) RefuseWhat(what, why string) string { return c.g.refuse(what, why, c.Node.At()) }

// SQLType is a type as PostgreSQL writes it.
func (c *Call) SQLType(t *ir.Type) string { return c.g.typ(t, c.Node.At()) }

// ToText is an expression of the i-th argument's type as GoogleSQL's CAST AS STRING writes it.
func (c *Call) ToText(i int) string {
	return c.g.cast(c.Typed(i), c.Type(i), ir.TypeOf(ir.String), false, c.Node.At())
}

// call writes a scalar call by its rule.
func (g *generator) call(n *ir.Call) string {
	for _, c := range n.Collations {
		if !byCodePoints(c) {
			return g.refuse("collation "+c, "strings compare by code points there", n.At())
		}
	}
	if !builtIn(n.Group) {
		return g.refuse("function "+strings.ToUpper(n.Name), "it is not built in", n.At())
	}
	rule, ok := rules()[n.Name]
	if !ok {
		return g.refuse(display(n.Name), "", n.At())
	}
	c := &Call{Node: n, Safe: n.Safe, g: g}
	if !n.Safe {
		for i, a := range n.Args {
			// What is tried is written by the rule, and once only.
			if a.Expr == nil || i == 0 && (n.Name == "iferror" || n.Name == "iserror" || n.Name == "nulliferror") {
				c.Args = append(c.Args, "")
				continue
			}
			c.Args = append(c.Args, g.bare(a.Expr))
		}
		return rule(c)
	}
	// SAFE catches the errors of the function, not those of its arguments: these are
	// computed outside, and stand as literals in the text that is tried.
	var t trial
	for _, a := range n.Args {
		if a.Lambda != nil || a.Scan != nil {
			return g.refuse("SAFE."+display(n.Name), "its errors cannot become NULL there", n.At())
		}
		if a.Expr == nil {
			c.Args = append(c.Args, "")
			continue
		}
		text := g.bare(a.Expr)
		if _, literal := a.Expr.(*ir.Literal); !literal {
			text = t.placeholder(text, g.typ(a.Expr.T(), n.At()))
		}
		c.Args = append(c.Args, text)
	}
	text := rule(c)
	if c.safe {
		return t.restore(text)
	}
	return g.try(&t, text, n.T(), n.At())
}

// trial holds what a text that is tried reads from outside: control characters stand for
// it, which no literal holds, until the text is put together.
type trial struct {
	texts, types []string
}

const (
	placeOpen = "\x04"
	placeShut = "\x05"
)

func (t *trial) placeholder(text, typ string) string {
	t.texts, t.types = append(t.texts, text), append(t.types, typ)
	return placeOpen + itoa(len(t.texts)) + placeShut
}

// restore puts the texts back where they are read.
func (t *trial) restore(text string) string {
	for i, s := range t.texts {
		text = strings.ReplaceAll(text, placeOpen+itoa(i+1)+placeShut, transpile.Operand(s))
	}
	return text
}

// query is an expression that makes the text a query of its own.
func (t *trial) query(text string) string {
	body := "SELECT " + transpile.Plain(text)
	if len(t.texts) == 0 {
		return quote(body)
	}
	body = strings.ReplaceAll(body, "%", "%%")
	for i, typ := range t.types {
		body = strings.ReplaceAll(body, placeOpen+itoa(i+1)+placeShut, "(%"+itoa(i+1)+"$L::"+typ+")")
	}
	return "format(" + quote(body) + ", " + strings.Join(t.texts, ", ") + ")"
}

// try makes the errors of a text NULL.
func (g *generator) try(t *trial, text string, typ *ir.Type, at ir.Span) string {
	return g.function("try", t.query(text), "NULL::"+g.typ(typ, at))
}

// tried writes an expression as a query of its own, the columns it reads as literals.
func (g *generator) tried(e ir.Expr, what string) (string, bool) {
	var t trial
	var undo []func()
	seen := map[ir.ColumnID]bool{}
	ok := true
	ir.Inspect(e, func(n ir.Node) bool {
		switch n := n.(type) {
		case *ir.ColumnRef:
			if seen[n.Column.ID] {
				break
			}
			seen[n.Column.ID] = true
			u, known := g.w.Rebind(n.Column.ID, "")
			if !known {
				break
			}
			u()
			text := g.w.Ref(n)
			u, _ = g.w.Rebind(n.Column.ID, t.placeholder(text, g.typ(n.T(), n.At())))
			undo = append(undo, u)
		case *ir.WithRef, *ir.RecursiveRef, *ir.With, *ir.Recursive, *ir.Parameter, *ir.ArgumentRef:
			ok = false
		}
		return true
	})
	text := g.Expr(e)
	for _, u := range undo {
		u()
	}
	if !ok || random(transpile.Plain(text)) {
		g.refuse(what, "its argument cannot be tried there", e.At())
		return "NULL", false
	}
	return t.query(text), true
}

// byCodePoints reports whether a collation compares as strings without one are compared.
func byCodePoints(collation string) bool { return collation == "" || collation == "binary" }

// builtIn reports whether a function belongs to the language, not to a project.
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

// operand puts parentheses around a text whose loosest operator is looser than least.
func operand(text string, least int) string {
	if transpile.Precedence(text) < least {
		return "(" + text + ")"
	}
	return text
}

// castTo is CAST(text AS typ).
func castTo(text, typ string) string { return "CAST(" + text + " AS " + typ + ")" }

func join(list []string) string { return strings.Join(list, ", ") }
