package dbt

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/python"
)

// typ is what is known of a value: enough to write it with Go's own functions where they give the
// same text as Python's.
type typ int

const (
	unknown typ = iota
	str         // a text
	whole       // a number without a fraction
	boolean
	texts // a list of texts, as sprig's list makes it
	ints  // a list of numbers
	items // a list of anything
	space // a namespace
)

// val is an expression in Go's language.
type val struct {
	text string
	typ  typ
	// atom: it needs no parentheses as an argument.
	atom bool
	// elem is the type of the items, where it is a list that range goes through.
	elem typ
}

func (v val) operand() string {
	if v.atom {
		return v.text
	}
	return "(" + v.text + ")"
}

// printed is the action that prints it as Python does.
func (v val) printed() string {
	if v.typ == str || v.typ == whole {
		return v.text
	}
	return "py_str " + v.operand()
}

// quoted is a text as Go's templates write it, in backquotes where that is easier to read.
func quoted(s string) string {
	if strings.ContainsAny(s, "\"\\") && !strings.ContainsAny(s, "`\r") && strconv.CanBackquote(strings.ReplaceAll(s, "\n", "")) && !strings.Contains(s, "\n") {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// cond is an expression as a condition of if.
func (w *writer) cond(x jinja.Expr) string {
	switch x := x.(type) {
	case *jinja.Unary:
		if x.Op == "not" {
			if name := w.loopEnd(x.X); name != "" {
				l := w.loops[len(w.loops)-1]
				if name == "first" {
					return "gt " + l.index + " 0"
				}
				return "lt (add1 " + l.index + ") (len " + l.items + ")"
			}
			return "not " + parens(w.cond(x.X))
		}
	case *jinja.Binary:
		if x.Op == "and" || x.Op == "or" {
			return x.Op + " " + parens(w.cond(x.X)) + " " + parens(w.cond(x.Y))
		}
	}
	v := w.expr(x)
	switch v.typ {
	case unknown:
		return "py_true " + v.operand()
	}
	return v.text // what is empty, nothing or 0 is false in both
}

// loopEnd says whether an expression is loop.first or loop.last of the loop around.
func (w *writer) loopEnd(x jinja.Expr) string {
	a, ok := x.(*jinja.Attr)
	if !ok || len(w.loops) == 0 || a.Name.Name != "first" && a.Name.Name != "last" {
		return ""
	}
	if n, ok := a.X.(*jinja.Name); !ok || n.Name != "loop" || w.scope.find("loop") != nil {
		return ""
	}
	return a.Name.Name
}

// parens puts parentheses around what is more than one word.
func parens(s string) string {
	if strings.ContainsAny(s, " `\"") && !(strings.HasPrefix(s, "`") && strings.Count(s, "`") == 2 && strings.HasSuffix(s, "`")) && !(strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`) && strings.Count(s, `"`) == 2) {
		return "(" + s + ")"
	}
	return s
}

// items is an expression that range goes through.
func (w *writer) items(x jinja.Expr) val {
	switch x := x.(type) {
	case *jinja.List:
		return w.list(x.Items)
	case *jinja.Tuple:
		return w.list(x.Items)
	case *jinja.Call:
		if name, ok := x.Fn.(*jinja.Name); ok && name.Name == "range" && w.scope.find("range") == nil {
			return w.rangeCall(x)
		}
	}
	v := w.expr(x)
	switch v.typ {
	case texts:
		v.elem = str
		return v
	case ints:
		v.elem = whole
		return v
	case items:
		v.elem = unknown
		return v
	}
	return val{text: "py_iter " + v.operand()}
}

func (w *writer) rangeCall(x *jinja.Call) val {
	var args []string
	ok := len(x.Args) > 0 && len(x.Args) < 4 && len(x.Keywords) == 0
	for _, a := range x.Args {
		v := w.expr(a)
		ok = ok && v.typ != str
		arg := v.operand()
		if v.typ != whole || !v.atom || strings.HasPrefix(arg, "$") {
			arg = "(int " + v.operand() + ")"
		}
		args = append(args, arg)
	}
	switch {
	case !ok:
		return val{text: w.refuse(x.At, "range wants numbers")}
	case len(args) == 1:
		return val{text: "until " + args[0], typ: ints, elem: whole}
	case len(args) == 2:
		args = append(args, "1")
	}
	return val{text: "untilStep " + strings.Join(args, " "), typ: ints, elem: whole}
}

// list is a list that nothing changes.
func (w *writer) list(list []jinja.Expr) val {
	kind := items
	var out []string
	for i, x := range list {
		v := w.expr(x)
		of := items
		switch v.typ {
		case str:
			of = texts
		case whole:
			of = ints
		}
		if i == 0 {
			kind = of
		} else if kind != of {
			kind = items
		}
		out = append(out, v.operand())
	}
	v := val{text: strings.TrimSpace("list " + strings.Join(out, " ")), typ: kind, atom: len(out) == 0}
	if len(out) == 0 {
		v.text = "list"
	}
	switch kind {
	case texts:
		v.elem = str
	case ints:
		v.elem = whole
	}
	return v
}

// mutable is a value that methods change: lists and dictionaries of Python.
func (w *writer) mutable(x jinja.Expr) val {
	switch x := x.(type) {
	case *jinja.List:
		return w.made("py_list", x.Items)
	case *jinja.Dict:
		return w.dict(x, "py_dict")
	}
	return w.expr(x)
}

func (w *writer) made(word string, list []jinja.Expr) val {
	out := []string{word}
	for _, x := range list {
		out = append(out, w.mutable(x).operand())
	}
	return val{text: strings.Join(out, " "), atom: len(out) == 1}
}

func (w *writer) dict(x *jinja.Dict, word string) val {
	out := []string{word}
	for _, p := range x.Items {
		out = append(out, w.expr(p.Key).operand(), w.mutable(p.Value).operand())
	}
	return val{text: strings.Join(out, " "), atom: len(out) == 1}
}

func (w *writer) expr(x jinja.Expr) val {
	switch x := x.(type) {
	case *jinja.String:
		return val{text: quoted(x.Value), typ: str, atom: true}
	case *jinja.Int:
		if _, err := strconv.ParseInt(x.Digits, 10, 64); err != nil {
			return val{text: w.refuse(x.At, "a number beyond 64 bits"), typ: str}
		}
		return val{text: x.Digits, typ: whole, atom: true}
	case *jinja.Float:
		if math.IsInf(x.Value, 0) {
			return val{text: w.refuse(x.At, "a number beyond 64 bits"), typ: str}
		}
		s := strconv.FormatFloat(x.Value, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return val{text: s, atom: true}
	case *jinja.Bool:
		return val{text: strconv.FormatBool(x.Value), typ: boolean, atom: true}
	case *jinja.None:
		return val{text: "py_none", atom: false}
	case *jinja.List:
		return w.list(x.Items)
	case *jinja.Tuple:
		return w.made("py_tuple", x.Items)
	case *jinja.Dict:
		return w.dict(x, "py_dict")
	case *jinja.Name:
		return w.name(x)
	case *jinja.Attr:
		return w.attr(x)
	case *jinja.Index:
		return w.index(x)
	case *jinja.Call:
		return w.call(x)
	case *jinja.Filter:
		return w.filter(x)
	case *jinja.Test:
		return w.test(x)
	case *jinja.Binary:
		return w.binary(x)
	case *jinja.Concat:
		return w.concat(x)
	case *jinja.Compare:
		return w.compare(x)
	case *jinja.Unary:
		if x.Op == "not" {
			return val{text: w.cond(x), typ: boolean}
		}
		v := w.expr(x.X)
		if n, ok := x.X.(*jinja.Int); ok && x.Op == "-" && v.typ == whole {
			return val{text: "-" + n.Digits, typ: whole, atom: true}
		}
		if x.Op == "+" {
			return val{text: "py_add 0 " + v.operand()}
		}
		return val{text: "py_neg " + v.operand()}
	case *jinja.Cond:
		return w.inline(x)
	}
	return val{text: w.refuse(x.Span(), "this has no counterpart"), typ: str}
}

// pure says that computing an expression neither fails nor does anything: it may be computed
// where Jinja would not.
func pure(x jinja.Expr) bool {
	all := func(list []jinja.Expr) bool {
		return !slices.ContainsFunc(list, func(x jinja.Expr) bool { return !pure(x) })
	}
	switch x := x.(type) {
	case nil, *jinja.String, *jinja.Int, *jinja.Float, *jinja.Bool, *jinja.None, *jinja.Name:
		return true
	case *jinja.List:
		return all(x.Items)
	case *jinja.Tuple:
		return all(x.Items)
	case *jinja.Concat:
		return all(x.Parts)
	case *jinja.Attr:
		return pure(x.X)
	case *jinja.Cond:
		return pure(x.When) && pure(x.Then) && pure(x.Else)
	case *jinja.Compare:
		return pure(x.X) && !slices.ContainsFunc(x.Rest, func(c jinja.Comparison) bool { return c.Op != "==" && c.Op != "!=" || !pure(c.Y) })
	case *jinja.Unary:
		return x.Op == "not" && pure(x.X)
	case *jinja.Call:
		name, ok := x.Fn.(*jinja.Name)
		return ok && (name.Name == "ref" || name.Name == "source" || name.Name == "is_incremental" || name.Name == "var" && len(x.Args) == 2) && all(x.Args)
	}
	return false
}

func (w *writer) inline(x *jinja.Cond) val {
	yes, no := w.expr(x.Then), val{text: `""`, typ: str, atom: true}
	if x.Else != nil {
		no = w.expr(x.Else)
	}
	if !pure(x.Then) || !pure(x.Else) {
		// Go's and and or stop where Python's do, ternary does not.
		return val{text: fmt.Sprintf("index (or (and %s (list %s)) (list %s)) 0", w.bool(x.When), yes.operand(), no.operand())}
	}
	out := val{text: fmt.Sprintf("ternary %s %s %s", yes.operand(), no.operand(), w.bool(x.When))}
	if yes.typ == no.typ {
		out.typ, out.elem = yes.typ, yes.elem
	}
	return out
}

// bool is a condition as an argument that has to be true or false.
func (w *writer) bool(x jinja.Expr) string {
	v := w.expr(x)
	if v.typ == boolean {
		return v.operand()
	}
	if b, ok := x.(*jinja.Binary); ok && (b.Op == "and" || b.Op == "or") {
		return "(" + b.Op + " " + w.bool(b.X) + " " + w.bool(b.Y) + ")"
	}
	return "(py_true " + v.operand() + ")"
}

func (w *writer) name(x *jinja.Name) val {
	if v := w.scope.find(x.Name); v != nil {
		out := val{text: "$" + v.name, typ: v.typ, atom: true}
		switch v.typ {
		case texts:
			out.elem = str
		case ints:
			out.elem = whole
		}
		return out
	}
	switch x.Name {
	case "this":
		return val{text: "this", typ: str, atom: true}
	case "target":
		return val{text: "target", atom: true}
	case "execute":
		return val{text: "true", typ: boolean, atom: true}
	case "project_name":
		return val{text: quoted(w.Project), typ: str, atom: true}
	case "is_incremental":
		return val{text: "is_incremental", typ: boolean, atom: true}
	case "null", "undefined": // which Jinja does not know, and projects write for none
		return val{text: "py_arg (dict) " + quoted(x.Name)}
	case "dbt_version":
		return val{text: quoted(dbtVersion), typ: str, atom: true}
	case "run_started_at", "invocation_id":
		return w.refused(x, "%s is another one in every run; use current_timestamp in SQL", x.Name)
	}
	if slices.Contains(dbtNames, x.Name) {
		return w.refused(x, "templates do not know %s", x.Name)
	}
	return w.refused(x, "nothing here is called %s", x.Name)
}

// dbtNames are names of dbt's that have no counterpart.
var dbtNames = []string{"model", "graph", "flags", "adapter", "api", "modules", "builtins", "context", "exceptions", "dbt_version", "selected_resources", "results", "schema", "schemas", "database", "sql", "loop", "config", "run_started_at", "invocation_id"}

func (w *writer) refused(x jinja.Expr, format string, args ...any) val {
	return val{text: w.refuse(x.Span(), format, args...), typ: str}
}

// dbtVersion is the version of dbt whose ways these are, for projects that ask for it.
const dbtVersion = "1.10.0"

// targetKeys are those of dbt's target that the engine's has, by other names where it must be.
var targetKeys = map[string]string{"name": "name", "schema": "schema", "dataset": "schema", "database": "database", "project": "database", "dbname": "database", "type": "type", "profile_name": ""}

func (w *writer) attr(x *jinja.Attr) val {
	if n, ok := x.X.(*jinja.Name); ok && w.scope.find(n.Name) == nil {
		key := x.Name.Name
		switch n.Name {
		case "target":
			if to := targetKeys[key]; to != "" {
				return val{text: "target." + to, typ: str, atom: true}
			}
			return w.refused(x, "a target has no %s here", key)
		case "loop":
			return w.loopAttr(x)
		case "model":
			if w.Model != "" {
				switch key {
				case "name":
					return val{text: quoted(w.Model), typ: str, atom: true}
				case "resource_type":
					return val{text: quoted("model"), typ: str, atom: true}
				case "package_name":
					return val{text: quoted(w.Project), typ: str, atom: true}
				case "unique_id":
					return val{text: quoted("model." + w.Project + "." + w.Model), typ: str, atom: true}
				case "alias":
					return val{text: `py_part this "identifier"`, typ: str}
				case "schema", "database":
					return val{text: "py_part this " + quoted(key), typ: str}
				}
			}
		case "flags":
			switch key {
			case "WHICH":
				return val{text: `"build"`, typ: str, atom: true}
			case "FULL_REFRESH":
				return w.refused(x, "flags.FULL_REFRESH: write is_incremental, which is false then and in the first build")
			}
		case "this":
			if (key == "identifier" || key == "name" || key == "table") && w.Model != "" && w.alias != unknownAlias {
				if w.alias != "" {
					return val{text: quoted(w.alias), typ: str, atom: true}
				}
				return val{text: quoted(w.Model), typ: str, atom: true}
			}
			switch key {
			case "identifier", "name", "table", "schema", "database":
				return val{text: "py_part this " + quoted(key), typ: str}
			}
			return w.refused(x, "this has no %s here", key)
		}
	}
	if name, ok := strings.CutPrefix(w.dotted(x), "modules.re."); ok {
		if flag, ok := python.Flag(name); ok {
			return val{text: strconv.FormatInt(flag, 10), typ: whole, atom: true}
		}
	}
	v := w.expr(x.X)
	if v.typ == space && v.atom {
		return val{text: v.text + "." + x.Name.Name, atom: true}
	}
	return val{text: "py_attr " + v.operand() + " " + quoted(x.Name.Name)}
}

func (w *writer) loopAttr(x *jinja.Attr) val {
	if len(w.loops) == 0 {
		return w.refused(x, "no loop is around")
	}
	l := w.loops[len(w.loops)-1]
	switch x.Name.Name {
	case "index":
		return val{text: "add1 " + l.index, typ: whole}
	case "index0":
		return val{text: l.index, typ: whole, atom: true}
	case "first":
		return val{text: "eq " + l.index + " 0", typ: boolean}
	case "last":
		return val{text: "eq (add1 " + l.index + ") (len " + l.items + ")", typ: boolean}
	case "length":
		return val{text: "len " + l.items, typ: whole}
	case "revindex":
		return val{text: "sub (len " + l.items + ") " + l.index, typ: whole}
	case "depth": // of loops that call themselves, which are refused
		return val{text: "1", typ: whole, atom: true}
	case "depth0":
		return val{text: "0", typ: whole, atom: true}
	case "previtem":
		return val{text: fmt.Sprintf("py_if (eq %s 0) (py_none) (py_item %s (sub %s 1))", l.index, l.items, l.index)}
	case "nextitem":
		return val{text: fmt.Sprintf("py_item %s (add1 %s)", l.items, l.index)}
	}
	return w.refused(x, "loop.%s is not there", x.Name.Name)
}

func (w *writer) index(x *jinja.Index) val {
	if n, ok := x.X.(*jinja.Name); ok && n.Name == "target" && w.scope.find("target") == nil {
		if key, ok := x.Key.(*jinja.String); ok && targetKeys[key.Value] != "" {
			return val{text: "target." + targetKeys[key.Value], typ: str, atom: true}
		}
	}
	v := w.expr(x.X)
	if s, ok := x.Key.(*jinja.Slice); ok {
		out := "py_slice " + v.operand()
		for _, p := range []jinja.Expr{s.Low, s.High, s.Step} {
			if p == nil {
				out += " py_none"
				continue
			}
			out += " " + w.expr(p).operand()
		}
		return val{text: strings.ReplaceAll(out, " py_none", " (py_none)")}
	}
	return val{text: "py_item " + v.operand() + " " + w.expr(x.Key).operand()}
}

func (w *writer) binary(x *jinja.Binary) val {
	a, b := w.expr(x.X), w.expr(x.Y)
	if x.Op == "and" || x.Op == "or" {
		if a.typ == boolean && b.typ == boolean {
			return val{text: x.Op + " " + a.operand() + " " + b.operand(), typ: boolean}
		}
		if !pure(x.Y) {
			if x.Op == "and" {
				return val{text: fmt.Sprintf("index (or (and (py_true %s) (list %s)) (list %s)) 0", a.operand(), b.operand(), a.operand())}
			}
			return val{text: fmt.Sprintf("index (or (and (py_true %s) (list %s)) (list %s)) 0", a.operand(), a.operand(), b.operand())}
		}
		out := val{text: "py_" + x.Op + " " + a.operand() + " " + b.operand()}
		if a.typ == b.typ && a.typ != boolean {
			out.typ, out.elem = a.typ, a.elem
		}
		return out
	}
	both := a.typ == whole && b.typ == whole
	switch x.Op {
	case "+", "-", "*":
		if both {
			word := map[string]string{"+": "add", "-": "sub", "*": "mul"}[x.Op]
			if one, ok := x.Y.(*jinja.Int); ok && x.Op == "+" && one.Digits == "1" {
				return val{text: "add1 " + a.operand(), typ: whole}
			}
			return val{text: word + " " + a.operand() + " " + b.operand(), typ: whole}
		}
		if x.Op == "+" && a.typ == str && b.typ == str {
			return val{text: w.printf([]jinja.Expr{x.X, x.Y}), typ: str}
		}
	}
	word := map[string]string{"+": "py_add", "-": "py_sub", "*": "py_mul", "/": "py_div", "//": "py_floordiv", "%": "py_mod", "**": "py_pow"}[x.Op]
	return val{text: word + " " + a.operand() + " " + b.operand()}
}

// printf joins texts and numbers.
func (w *writer) printf(parts []jinja.Expr) string {
	var format strings.Builder
	var args []string
	for _, p := range flat(parts) {
		if s, ok := p.(*jinja.String); ok {
			format.WriteString(strings.ReplaceAll(s.Value, "%", "%%"))
			continue
		}
		v := w.expr(p)
		format.WriteString("%v")
		args = append(args, v.operand())
	}
	if len(args) == 0 {
		return quoted(strings.ReplaceAll(format.String(), "%%", "%"))
	}
	return "printf " + quoted(format.String()) + " " + strings.Join(args, " ")
}

// flat takes apart what is joined of joined parts.
func flat(parts []jinja.Expr) (out []jinja.Expr) {
	for _, p := range parts {
		switch p := p.(type) {
		case *jinja.Concat:
			out = append(out, flat(p.Parts)...)
		case *jinja.Binary:
			if p.Op == "+" && textual(p) {
				out = append(out, flat([]jinja.Expr{p.X, p.Y})...)
				continue
			}
			out = append(out, p)
		default:
			out = append(out, p)
		}
	}
	return out
}

func (w *writer) concat(x *jinja.Concat) val {
	parts := flat(x.Parts)
	simple := true
	var all []string
	for _, p := range parts {
		v := w.expr(p)
		simple = simple && (v.typ == str || v.typ == whole)
		all = append(all, v.operand())
	}
	if simple {
		text := w.printf(parts)
		return val{text: text, typ: str, atom: !strings.HasPrefix(text, "printf")}
	}
	return val{text: "py_concat " + strings.Join(all, " "), typ: str}
}

func (w *writer) compare(x *jinja.Compare) val {
	var out []string
	left := x.X
	for _, c := range x.Rest {
		out = append(out, w.compareOne(left, c))
		left = c.Y
	}
	if len(out) == 1 {
		return val{text: out[0], typ: boolean}
	}
	return val{text: "and (" + strings.Join(out, ") (") + ")", typ: boolean}
}

func (w *writer) compareOne(x jinja.Expr, c jinja.Comparison) string {
	a := w.expr(x)
	if c.Op == "in" || c.Op == "not in" {
		var text string
		list, isList := []jinja.Expr(nil), true
		switch y := c.Y.(type) {
		case *jinja.List:
			list = y.Items
		case *jinja.Tuple:
			list = y.Items
		default:
			isList = false
		}
		if l := w.list(list); isList && a.typ == str && l.typ == texts {
			text = "has " + a.operand() + " " + l.operand()
		} else if b := w.expr(c.Y); !isList && a.typ == str && b.typ == texts {
			text = "has " + a.operand() + " " + b.operand()
		} else {
			text = "py_in " + a.operand() + " " + b.operand()
		}
		if c.Op == "not in" {
			return "not (" + text + ")"
		}
		return text
	}
	b := w.expr(c.Y)
	word := map[string]string{"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[c.Op]
	if a.typ != b.typ || a.typ != str && a.typ != whole && !(a.typ == boolean && (word == "eq" || word == "ne")) {
		word = "py_" + word
	}
	return word + " " + a.operand() + " " + b.operand()
}

func (w *writer) test(x *jinja.Test) val {
	text := ""
	if n, ok := x.X.(*jinja.Name); ok && w.scope.find(n.Name) == nil && (x.Name.Name == "defined" || x.Name.Name == "undefined") {
		known := n.Name == "this" || n.Name == "target" || n.Name == "execute" || n.Name == "project_name" || n.Name != "loop" && n.Name != "results" && n.Name != "schemas" && slices.Contains(dbtNames, n.Name)
		return val{text: strconv.FormatBool((known == (x.Name.Name == "defined")) != x.Not), typ: boolean, atom: true}
	}
	text = "py_test " + quoted(x.Name.Name) + " " + w.expr(x.X).operand()
	for _, a := range x.Args {
		text += " " + w.expr(a).operand()
	}
	if x.Not {
		return val{text: "not (" + text + ")", typ: boolean}
	}
	return val{text: text, typ: boolean}
}

// sprig are filters that sprig has with the same text for texts.
var sprig = map[string]string{"upper": "upper", "lower": "lower", "trim": "trim"}

func (w *writer) filter(x *jinja.Filter) val {
	return w.filterOn(x, val{})
}

// filterOn writes a filter; inner stands for the innermost value where that is a block's text.
func (w *writer) filterOn(x jinja.Expr, inner val) val {
	f, ok := x.(*jinja.Filter)
	if !ok {
		return w.expr(x)
	}
	v := inner
	if f.X != nil {
		if _, nested := f.X.(*jinja.Filter); nested {
			v = w.filterOn(f.X, inner)
		} else {
			v = w.expr(f.X)
		}
	}
	name := f.Name.Name
	none := len(f.Args)+len(f.Keywords) == 0 && f.Star == nil && f.Stars == nil
	switch {
	case v.typ == str && none && sprig[name] != "":
		return val{text: sprig[name] + " " + v.operand(), typ: str}
	case name == "join" && v.typ == texts && len(f.Args) == 1 && len(f.Keywords) == 0:
		if sep := w.expr(f.Args[0]); sep.typ == str {
			return val{text: "join " + sep.operand() + " " + v.operand(), typ: str}
		}
	case name == "length" && none && (v.typ == texts || v.typ == ints || v.typ == items), name == "count" && none && v.typ == texts:
		return val{text: "len " + v.operand(), typ: whole}
	case name == "list" && none && (v.typ == texts || v.typ == ints):
		return v
	case (name == "string" || name == "as_text") && none && (v.typ == str):
		return v
	case name == "replace" && v.typ == str && len(f.Args) == 2 && len(f.Keywords) == 0:
		if a, b := w.expr(f.Args[0]), w.expr(f.Args[1]); a.typ == str && b.typ == str {
			return val{text: "replace " + a.operand() + " " + b.operand() + " " + v.operand(), typ: str}
		}
	case name == "default" || name == "d":
		// A name that nothing has is what default is for.
		if n, ok := f.X.(*jinja.Name); ok && w.scope.find(n.Name) == nil && len(f.Args) > 0 && !slices.Contains(dbtNames, n.Name) {
			w.notes = w.notes[:len(w.notes)-1]
			return w.expr(f.Args[0])
		}
	case name == "random":
		return w.refused(f, "random gives another value in every run")
	}
	args, ok := w.arguments(f.Arguments)
	if !ok {
		return w.refused(f, "*args and **kwargs of a filter")
	}
	t := unknown
	switch name {
	case "upper", "lower", "trim", "string", "join", "replace", "title", "capitalize", "tojson", "indent", "truncate", "urlencode", "escape", "e", "as_text", "format", "center":
		t = str
	case "length", "count", "wordcount", "int":
		t = whole
	}
	return val{text: "py_filter " + quoted(name) + " " + v.operand() + args, typ: t}
}

// arguments writes those of a method or a filter, a space before each.
func (w *writer) arguments(a jinja.Arguments) (string, bool) {
	if a.Star != nil || a.Stars != nil {
		return "", false
	}
	var out strings.Builder
	for _, x := range a.Args {
		out.WriteString(" " + w.mutable(x).operand())
	}
	if len(a.Keywords) > 0 {
		out.WriteString(" (py_kw")
		for _, k := range a.Keywords {
			out.WriteString(" " + quoted(k.Name.Name) + " " + w.mutable(k.Value).operand())
		}
		out.WriteString(")")
	}
	return out.String(), true
}
