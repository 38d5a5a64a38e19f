package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// A Rule writes one call of a scalar function as DuckDB SQL. The text it returns
// must have the DuckDB type of the call's result type and may be any expression:
// whoever embeds it adds parentheses (see Call.Op). A rule that cannot write a
// call exactly returns Call.Refuse.
type Rule func(c *Call) string

// Call is a call as a Rule sees it.
type Call struct {
	Node *ir.Call
	// Args are the arguments as DuckDB SQL, to be put between commas. An integer
	// literal is bare there (1, which is an INTEGER to DuckDB, not 1::BIGINT): see
	// Typed. An argument without an expression (a lambda, a descriptor) is "".
	Args []string
	// Safe says that an error of the call must become NULL (SAFE.f). A rule may
	// honour it: Func and Macro do so when there is a safe variant; otherwise say
	// SafeDone. Where a rule does not, the caller puts TRY around the text, which
	// does not work over macros that call error().
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

// Typed is the i-th argument with its exact DuckDB type, literals included.
func (c *Call) Typed(i int) string {
	if l, ok := c.Expr(i).(*ir.Literal); ok {
		return c.g.literal(l.Value, false, l.At())
	}
	return c.Args[i]
}

// Value is the i-th argument's value if it is a literal (casts of literals are folded).
func (c *Call) Value(i int) (ir.Value, bool) {
	if l, ok := c.Expr(i).(*ir.Literal); ok {
		return l.Value, true
	}
	return ir.Value{}, false
}

// Text is the text of a non-NULL STRING literal; enum values of date parts come
// as literals of type Other whose text is the part's name: they are given too.
func (c *Call) Text(i int) (string, bool) {
	v, ok := c.Value(i)
	if !ok || v.Null || v.Type == nil || v.Type.Kind != ir.String && v.Type.Kind != ir.Other {
		return "", false
	}
	return v.Text, true
}

// IsNull reports whether the i-th argument is the NULL literal or absent.
func (c *Call) IsNull(i int) bool {
	if i >= len(c.Args) {
		return true
	}
	v, ok := c.Value(i)
	return ok && v.Null
}

// Zone is the default time zone of the statement, "UTC" by default.
func (c *Call) Zone() string { return c.g.zone() }

// Macro is a call of a macro of the schema _engine. For a SAFE call the macro
// safe_<name> is called if it exists.
func (c *Call) Macro(name string, args ...string) string {
	if c.Safe {
		if _, ok := macroNames()["safe_"+name]; ok {
			name = "safe_" + name
			c.safe = true
		}
	}
	return c.g.macro(name, args...)
}

// Func is a call of a registered Go function: engine_<name>, or for a SAFE call
// engine_safe_<name>, the variant which yields NULL on errors.
func (c *Call) Func(name string, args ...string) string {
	if c.Safe {
		name = "safe_" + name
		c.safe = true
	}
	return c.g.function(name, args...)
}

// SafeDone says that the text the rule returns yields NULL where the function fails,
// or that the function cannot fail.
func (c *Call) SafeDone() { c.safe = true }

// Let computes the i-th argument once for a text that uses it several times: it
// calls body with the argument itself if that is cheap to repeat, else with a name.
func (c *Call) Let(i int, body func(v string) string) string {
	return c.g.let(c.Args[i], body)
}

// letText is Let for any text.
func (c *Call) letText(text string, body func(v string) string) string { return c.g.let(text, body) }

// Refuse notes that the call is not available, and why; it returns a text to return.
func (c *Call) Refuse(why string) string {
	return c.g.refuse(strings.ToUpper(c.Node.Name), why, c.Node.At())
}

// RefuseWhat is Refuse with a name for the construct: "JSON_KEYS with mode".
func (c *Call) RefuseWhat(what, why string) string { return c.g.refuse(what, why, c.Node.At()) }

// Type names.

// SQLType is a type as DuckDB writes it.
func (c *Call) SQLType(t *ir.Type) string { return c.g.typ(t, c.Node.At()) }

// Quote is a DuckDB string literal.
func Quote(s string) string { return quote(s) }

// Cast wraps a text in CAST(… AS type).
func Cast(text, typ string) string { return "CAST(" + text + " AS " + typ + ")" }

// ToText is an expression of the i-th argument's type as GoogleSQL's CAST AS STRING writes it.
func (c *Call) ToText(i int) string {
	return c.g.cast(c.Args[i], c.Type(i), &ir.Type{Kind: ir.String}, false, c.Node.At())
}

// CastText converts a text of one type to another as GoogleSQL's CAST does.
func (c *Call) CastText(text string, from, to *ir.Type) string {
	return c.g.cast(text, from, to, c.Safe, c.Node.At())
}
