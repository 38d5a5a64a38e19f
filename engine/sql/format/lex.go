package format

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
)

type kind uint8

const (
	kindWord   kind = iota // a keyword or name without quotes, an action as an operand, or both glued
	kindQuoted             // a quoted name
	kindString
	kindNumber
	kindParameter
	kindOperator
	kindOpen  // ( [ { and the < of a type
	kindClose // ) ] } and the > of a type
	kindComma
	kindSemicolon
	kindDot
	kindComment
	kindControl // an action that gives no text: if, else, end, config, an assignment, a comment
)

// role is what a control token does to the blocks around it.
type role uint8

const (
	roleNone role = iota
	roleOpen
	roleLoop // opens a block that may run many times
	roleElse
	roleEnd
)

type token struct {
	kind       kind
	role       role
	action     bool // has an action in it
	space      bool // white space stands before it, in the text as rendered
	free       bool // white space before it may come or go
	newlines   int  // line breaks before it
	broken     bool // a line break must stay before it
	begun      bool // a line has been begun for it, so that it does not break the group it is in
	own        bool // a control token that has its line for itself
	gap        bool // one blank stands before it when it shares its line (spacing.go)
	binary     bool // an operator between two operands
	keyword    bool // written in the case of keywords
	start, end int
	text       string // as it is written out
	word       string // lower case; only of words without actions
}

// is reports whether the token is the keyword, unquoted and free of actions.
func (t *token) is(words ...string) bool {
	return t.word != "" && slices.Contains(words, t.word)
}

func (t *token) op(text string) bool { return t.kind == kindOperator && t.text == text }

// lexed is a file as a stream of tokens.
type lexed struct {
	file   *source.File
	text   string
	tokens []token
	// untidy says that the file cannot be laid out, because its brackets or blocks do not
	// nest: only keywords, ends of lines and blank lines are put in order.
	untidy bool
	tail   int // where the white space at the end begins
}

// span is a part of the text that SQL must not look into: an action, or a block that stands
// on one line.
type span struct {
	start, end int
	acts       []tmpl.Action
	whole      bool // a block or definition as one text, spaces and all
}

// lex reads a file. With mistakes there are no tokens.
func lex(f *source.File, l sql.Lexis) (*lexed, diag.List) { return read(f, l, true) }

// read is lex; inline says whether blocks that stand on one line are single texts.
func read(f *source.File, l sql.Lexis, inline bool) (*lexed, diag.List) {
	acts, ds := tmpl.Actions(f)
	if ds.HasErrors() {
		return nil, ds
	}
	x := &lexed{file: f, text: string(f.Data)}
	spans := x.spans(acts, l, inline)
	masked := x.text
	if len(spans) > 0 {
		m := []byte(x.text)
		for _, s := range spans {
			for i := s.start; i < s.end; i++ {
				m[i] = mask
			}
		}
		masked = string(m)
	}
	x.tokens = make([]token, 0, len(x.text)/5+4)
	end := 0
	for t := range l.Tokens(masked) {
		if t.Kind == sql.Space {
			continue
		}
		inside := spansIn(spans, t)
		if t.Open {
			return nil, diag.List{quoteOpen(f.Span(t.Start, firstLine(x.text, t)), t.Kind == sql.Comment)}
		}
		if t.Kind == sql.String || t.Kind == sql.Quoted || t.Kind == sql.Comment || t.Kind == sql.Parameter {
			if at := unbalanced(inside); at != nil {
				return nil, diag.List{quoteAcross(f.Span(at.Start, at.End), f.Span(t.Start, t.Start+1), t.Kind == sql.Comment)}
			}
		}
		x.add(t, inside, end)
		end = t.End
	}
	x.tail = end
	x.tokens = x.operators(l)
	x.words(l)
	x.angles(l)
	for i := range x.tokens {
		t := &x.tokens[i]
		t.free = i == 0 || x.isFree(&x.tokens[i-1], t)
	}
	x.settleControls()
	if ds := x.hazards(); ds.HasErrors() {
		return nil, ds
	}
	x.spacing(l)
	return x, nil
}

// mask is what actions look like to the SQL lexer: parts of a name. The byte is not part of
// any UTF-8 text.
const mask = 0xFF

func firstLine(text string, t sql.Token) int {
	if i := strings.IndexByte(text[t.Start:t.End], '\n'); i > 0 {
		return t.Start + i
	}
	return t.End
}

// spans joins the actions of definitions, and of blocks that stand on one line and are whole
// SQL in each of their branches, to single texts.
func (x *lexed) spans(acts []tmpl.Action, l sql.Lexis, inline bool) []span {
	var out []span
	for i := 0; i < len(acts); {
		end := i
		if opensBlock(acts[i]) {
			end = matching(acts, i)
			named := acts[i].Word == "define" || acts[i].Word == "block"
			if !named && !(inline && x.inline(acts[i:end+1], l)) {
				end = i
			}
		}
		s := span{start: acts[i].Start, end: acts[end].End, acts: acts[i : end+1], whole: end > i}
		out = append(out, s)
		i = end + 1
	}
	return out
}

func opensBlock(a tmpl.Action) bool {
	switch a.Word {
	case "if", "range", "with", "define", "block":
		return !a.Comment
	}
	return false
}

// matching is the index of the end of the block that acts[i] opens. The file has been parsed,
// so there is one.
func matching(acts []tmpl.Action, i int) int {
	depth := 0
	for j := i; j < len(acts); j++ {
		switch {
		case opensBlock(acts[j]):
			depth++
		case acts[j].Word == "end":
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return i
}

// inline reports whether a block has no line break outside of its actions, and whole tokens
// and closed brackets in each branch.
func (x *lexed) inline(acts []tmpl.Action, l sql.Lexis) bool {
	for i := 1; i < len(acts); i++ {
		text := x.text[acts[i-1].End:acts[i].Start]
		if strings.IndexByte(text, '\n') >= 0 {
			return false
		}
		depth := 0
		for t := range l.Tokens(text) {
			switch {
			case t.Open || t.Kind == sql.Comment:
				return false
			case t.Kind == sql.Punct && strings.IndexByte("([{", text[t.Start]) >= 0:
				depth++
			case t.Kind == sql.Punct && strings.IndexByte(")]}", text[t.Start]) >= 0:
				depth--
			}
			if depth < 0 {
				return false
			}
		}
		if depth != 0 {
			return false
		}
	}
	return true
}

// spansIn are the spans inside a token.
func spansIn(spans []span, t sql.Token) []span {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].start >= t.Start })
	n := sort.Search(len(spans), func(i int) bool { return spans[i].start >= t.End })
	return spans[i:n]
}

// unbalanced is an action that opens a block which does not end in the same spans, or the
// other way round.
func unbalanced(spans []span) *tmpl.Action {
	var open []*tmpl.Action
	for _, s := range spans {
		for i := range s.acts {
			a := &s.acts[i]
			switch {
			case opensBlock(*a):
				open = append(open, a)
			case a.Word == "else" && len(open) == 0:
				return a
			case a.Word == "end":
				if len(open) == 0 {
					return a
				}
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) > 0 {
		return open[0]
	}
	return nil
}

// control says whether a span gives no text of its own, and what it does to blocks.
func control(s span) (role, bool) {
	if s.whole {
		w := s.acts[0].Word
		return roleNone, w == "define"
	}
	a := s.acts[0]
	switch a.Word {
	case "if", "with":
		return roleOpen, true
	case "range":
		return roleLoop, true
	case "else":
		return roleElse, true
	case "end":
		return roleEnd, true
	case "break", "continue", "config":
		return roleNone, true
	}
	return roleNone, a.Comment || a.Assigns
}

// add appends a token of the SQL lexer. Words are split at the actions that give no text, so
// that SQL glued to them is seen.
func (x *lexed) add(t sql.Token, inside []span, before int) {
	space := x.text[before:t.Start]
	head := token{space: len(space) > 0, newlines: strings.Count(space, "\n"), start: t.Start, end: t.End, action: len(inside) > 0}
	switch t.Kind {
	case sql.Comment:
		head.kind = kindComment
	case sql.Quoted:
		head.kind = kindQuoted
	case sql.String:
		head.kind = kindString
	case sql.Parameter:
		head.kind = kindParameter
	case sql.Punct:
		switch x.text[t.Start] {
		case '(', '[', '{':
			head.kind = kindOpen
		case ')', ']', '}':
			head.kind = kindClose
		case ',':
			head.kind = kindComma
		case ';':
			head.kind = kindSemicolon
		case '.':
			head.kind = kindDot
		default:
			head.kind = kindOperator
		}
	case sql.Number:
		head.kind = kindNumber
	}
	if t.Kind != sql.Word && t.Kind != sql.Number || len(inside) == 0 {
		x.push(head)
		return
	}
	at := t.Start
	piece := func(end int, k kind, r role, action bool) {
		if end <= at {
			return
		}
		p := token{kind: k, role: r, action: action, start: at, end: end}
		if at == t.Start {
			p.space, p.newlines = head.space, head.newlines
		}
		x.push(p)
		at = end
	}
	from, acted := t.Start, false
	for _, s := range inside {
		r, silent := control(s)
		if !silent {
			acted = true
			continue
		}
		piece(s.start, kindWord, roleNone, acted && from < s.start)
		piece(s.end, kindControl, r, true)
		from, acted = s.end, false
	}
	piece(t.End, kindWord, roleNone, acted)
}

func (x *lexed) push(t token) {
	t.text = x.text[t.start:t.end]
	if t.kind == kindComment {
		t.text = strings.TrimRight(t.text, " \t\r\n\f\v")
	}
	if n := len(x.tokens); n > 0 && t.space && (trimsRight(&x.tokens[n-1]) || trimsLeft(&t)) {
		t.space = false
	}
	x.tokens = append(x.tokens, t)
}

// trimsLeft and trimsRight look at the markers of the actions at the ends of a token.
func trimsLeft(t *token) bool {
	return t.action && len(t.text) > 3 && strings.HasPrefix(t.text, "{{-") && isBlank(t.text[3])
}

func trimsRight(t *token) bool {
	return t.action && len(t.text) > 3 && strings.HasSuffix(t.text, "-}}") && isBlank(t.text[len(t.text)-4])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// isFree reports whether white space between two tokens may come or go: where the rendered
// text has it taken away, at brackets and commas, and everywhere in plain SQL, whose own
// rules spacing.go knows. What is next to an action is glued to it or not, and stays so.
func (x *lexed) isFree(a, b *token) bool {
	if trimsRight(a) || trimsLeft(b) {
		return true
	}
	if !a.action && !b.action {
		return true
	}
	return separates(a) || separates(b)
}

func separates(t *token) bool {
	switch t.kind {
	case kindComma, kindSemicolon:
		return true
	case kindOpen, kindClose:
		return t.text == "(" || t.text == ")" || t.text == "[" || t.text == "]"
	}
	return false
}

// operators joins the bytes of operators.
func (x *lexed) operators(l sql.Lexis) []token {
	out := x.tokens[:0]
	for i := 0; i < len(x.tokens); {
		t := x.tokens[i]
		n := 1
		if t.kind == kindOperator {
			n = x.operatorAt(i, l)
			t.end = x.tokens[i+n-1].end
			t.text = x.text[t.start:t.end]
		}
		// U&'…' and U&"…" of the standard are one token.
		if l == sql.Standard && t.kind == kindWord && (t.text == "u" || t.text == "U") && i+2 < len(x.tokens) {
			amp, q := &x.tokens[i+1], &x.tokens[i+2]
			if amp.text == "&" && amp.start == t.end && q.start == amp.end && (q.kind == kindString || q.kind == kindQuoted) {
				n, t.kind, t.action, t.end = 3, q.kind, q.action, q.end
				t.text = x.text[t.start:t.end]
			}
		}
		out = append(out, t)
		i += n
	}
	return out
}

var googleOperators = []string{"<=>", "+=", "-=", "|>", "||", "<<", ">>", "<=", ">=", "!=", "<>", "=>", "->", "@@", ":="}

// operatorAt is how many tokens from i on are one operator.
func (x *lexed) operatorAt(i int, l sql.Lexis) int {
	run := 1
	for i+run < len(x.tokens) && x.tokens[i+run].kind == kindOperator && x.tokens[i+run].start == x.tokens[i+run-1].end {
		run++
	}
	text := x.text[x.tokens[i].start:x.tokens[i+run-1].end]
	if l == sql.GoogleSQL {
		for _, op := range googleOperators {
			if strings.HasPrefix(text, op) {
				return len(op)
			}
		}
		return 1
	}
	if strings.HasPrefix(text, "::") || strings.HasPrefix(text, ":=") {
		return 2
	}
	n := 0
	for n < len(text) && strings.IndexByte("+-*/<>=~!@#%^&|?", text[n]) >= 0 {
		n++
	}
	// PostgreSQL: an operator ends with + or - only if it has one of these characters.
	for n > 1 && (text[n-1] == '+' || text[n-1] == '-') && !strings.ContainsAny(text[:n], "~!@#%^&|`?") {
		n--
	}
	// A star stands alone, as in count(*) and t.*, unless it is a power or a pattern.
	if text[0] == '*' && !strings.HasPrefix(text, "**") {
		return 1
	}
	return max(n, 1)
}

// angles makes brackets of the < and > of types.
func (x *lexed) angles(l sql.Lexis) {
	if l != sql.GoogleSQL {
		return
	}
	for i := 0; i+1 < len(x.tokens); i++ {
		if x.tokens[i].is("array", "struct", "range", "map", "table", "function", "measure") && (x.tokens[i+1].op("<") || x.tokens[i+1].op("<>")) {
			x.angle(i + 1)
		}
	}
}

// angle finds the end of the type whose < is token i. A >> closes two.
func (x *lexed) angle(i int) {
	depth, end := 0, -1
	parens := 0
	for j := i; j < len(x.tokens) && end < 0; j++ {
		t := &x.tokens[j]
		switch {
		case t.kind == kindSemicolon, t.kind == kindControl:
			return
		case t.text == "(" && t.kind == kindOpen:
			parens++
		case t.text == ")" && t.kind == kindClose:
			if parens--; parens < 0 {
				return
			}
		case t.kind != kindOperator:
		case t.text == "<":
			depth++
		case t.text == "<>", t.text == "->":
		case strings.Trim(t.text, ">") == "":
			if depth -= len(t.text); depth <= 0 {
				end = j
			}
		case t.text == ">=": // array<int64>= would be a comparison; leave it alone
			return
		}
	}
	if end < 0 || depth < 0 {
		return
	}
	var out []token
	for j := i; j <= end; j++ {
		t := x.tokens[j]
		switch {
		case t.kind != kindOperator || strings.Trim(t.text, "<>") != "":
			out = append(out, t)
			continue
		}
		for k := range len(t.text) {
			p := token{kind: kindClose, start: t.start + k, end: t.start + k + 1, text: t.text[k : k+1]}
			if p.text == "<" {
				p.kind = kindOpen
			}
			if k == 0 {
				p.space, p.newlines = t.space, t.newlines
			}
			out = append(out, p)
		}
	}
	x.tokens = slices.Concat(x.tokens[:i], out, x.tokens[end+1:])
}

// settleControls decides which control tokens have a line for themselves: those that had
// one, and those of blocks over several lines wherever white space around them allows it.
func (x *lexed) settleControls() {
	for i := range x.tokens {
		t := &x.tokens[i]
		if t.kind != kindControl {
			continue
		}
		breakable := i == 0 || t.space || t.free
		after := i+1 == len(x.tokens) || x.tokens[i+1].space || x.tokens[i+1].free
		hadLine := (i == 0 || t.newlines > 0) && (i+1 == len(x.tokens) || x.tokens[i+1].newlines > 0)
		t.own = breakable && after && (hadLine || t.role != roleNone)
	}
	// A line break behind an action that gives text stays: its text may end with a comment.
	for i := 1; i < len(x.tokens); i++ {
		t, p := &x.tokens[i], &x.tokens[i-1]
		if t.newlines > 0 && t.space && p.action && p.kind == kindWord && !namesRelation(p.text) {
			t.broken = true
		}
	}
}

// namesRelation reports whether an action is a call that gives a name and nothing else.
func namesRelation(text string) bool {
	text = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(text, "{{"), "-"), " \t\r\n")
	for _, fn := range []string{"ref", "source", "this"} {
		if rest, ok := strings.CutPrefix(text, fn); ok && rest != "" && (isBlank(rest[0]) || rest[0] == '}') {
			return strings.Count(rest, "}}") == 1 && strings.HasSuffix(rest, "}}") && !strings.Contains(rest, "|")
		}
	}
	return false
}

func width(s string) int { return utf8.RuneCountInString(s) }
