package format

import "github.com/engine-build/engine/engine/sql"

// spacing decides for every token whether one blank stands before it on its line.
func (x *lexed) spacing(l sql.Lexis) {
	first := token{kind: kindSemicolon}
	for i := range x.tokens {
		t := &x.tokens[i]
		p, q := &first, &first
		if i > 0 {
			p = &x.tokens[i-1]
		}
		if i > 1 {
			q = &x.tokens[i-2]
		}
		if t.kind == kindOperator {
			next := &first
			if i+1 < len(x.tokens) {
				next = &x.tokens[i+1]
			}
			t.binary = x.binary(p, t, next, l)
		}
		t.gap = x.gapBefore(i, q, p, t, l)
		if !t.free {
			t.gap = t.space
		}
	}
}

// operand reports whether a value can end with the token.
func operand(t *token) bool {
	switch t.kind {
	case kindQuoted, kindString, kindNumber, kindParameter, kindClose:
		return true
	case kindWord:
		return !t.keyword || t.is("null", "true", "false", "end")
	case kindOperator:
		return t.text == "?" || t.text == "*" && !t.binary
	}
	return false
}

func (x *lexed) binary(p, t, next *token, l sql.Lexis) bool {
	if !operand(p) || t.text == "?" && !operand(next) {
		return false
	}
	switch t.text {
	case ":", "::", "@", "$", "`", "\\":
		return false
	case "*", "%":
		// «t.*» and «10%» end a value.
		starts := operand(next) || next.kind == kindOpen || next.kind == kindOperator || next.is("case", "cast", "if", "extract", "exists", "not", "interval", "array", "struct", "left", "right")
		return starts && p.kind != kindDot
	}
	return true
}

// tightCalls are keywords that are called like functions.
var tightCalls = wordSet("any array cast collate exists extract grouping hash if left range right rollup cube safe_cast some struct treat unnest interval")

// columnLists come before a name that has a list of columns and not of arguments.
var columnLists = wordSet("into table view function procedure with recursive as on index using exists")

func (x *lexed) gapBefore(i int, q, p, t *token, l sql.Lexis) bool {
	switch {
	case i == 0, t.kind == kindComma, t.kind == kindSemicolon:
		return false
	case p.kind == kindComment, t.kind == kindComment, p.kind == kindComma, p.kind == kindSemicolon:
		return true
	case p.kind == kindDot || t.kind == kindDot:
		return t.space
	case t.text == "{" || p.text == "{" || t.text == "}" || p.text == "}":
		return t.space
	case p.kind == kindOpen || t.kind == kindClose:
		return false
	case t.kind == kindOpen:
		return x.gapBeforeBracket(i, q, p, t)
	case p.kind == kindOperator:
		switch {
		case p.text == "::":
			return false
		case p.text == ":" || p.text == "@" || p.text == "$" || p.text == "\\" || p.text == "`":
			return t.space
		case p.binary || p.op("|>"):
			return true
		case p.text == "*" || p.text == "?":
			return t.kind != kindOperator || t.binary || t.space
		case t.kind == kindOperator:
			return true // «- -1» glued would be a comment
		case p.text == "-" || p.text == "+" || p.text == "~":
			return false
		}
		return t.space
	case t.kind == kindOperator:
		switch {
		case t.text == "::":
			return false
		case t.binary || t.op("|>"):
			return true
		case t.text == "*" || t.text == "?" || t.text == "-" || t.text == "+" || t.text == "~":
			return true
		}
		return t.space
	case t.kind == kindString && p.kind == kindWord && l == sql.Standard:
		return t.space // a prefix of the string that the lexer does not know
	case p.kind == kindString && t.kind == kindString, p.kind == kindNumber || t.kind == kindNumber:
		return t.space || p.kind == kindWord && p.keyword || p.kind == kindClose || t.kind == kindWord && t.keyword
	}
	return true
}

func (x *lexed) gapBeforeBracket(i int, q, p, t *token) bool {
	if t.text == "<" {
		return false
	}
	switch p.kind {
	case kindWord:
		switch {
		case p.keyword && p.is("null", "true", "false", "end"):
			return t.text == "("
		case p.keyword:
			return !(tightCalls[p.word] && (t.text == "(" || p.is("array")))
		case p.is("filter") && q.text == ")" && i+1 < len(x.tokens) && x.tokens[i+1].is("where"):
			return true
		case t.text == "(" && t.space:
			return columnLists[q.word] || q.kind == kindDot || q.kind == kindComma && x.inCTEs(i)
		}
		return false
	case kindQuoted:
		return t.text == "(" && t.space
	case kindOperator:
		return p.binary || p.text == "*" || p.op("|>")
	case kindClose:
		// «) (» of two lists keeps its blank, f(a)[0] and array<t>[…] have none.
		return t.text == "(" && p.text == ")" && t.space
	case kindString, kindNumber, kindParameter:
		return t.space
	}
	return true
}

// inCTEs reports whether the name before token i is that of a common table expression with a
// list of columns: «, name (a, b) as».
func (x *lexed) inCTEs(i int) bool {
	depth := 0
	for ; i < len(x.tokens); i++ {
		switch t := &x.tokens[i]; t.kind {
		case kindOpen:
			depth++
		case kindClose:
			if depth--; depth == 0 {
				return i+1 < len(x.tokens) && x.tokens[i+1].is("as")
			}
		}
	}
	return false
}
