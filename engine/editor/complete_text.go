package editor

import (
	"strings"

	"github.com/engine-build/engine/engine/sql"
)

// action is one {{ … }} of a text that need not be well-formed: the bytes [start, end), of
// which [from, to) are inside of the braces.
type action struct {
	start, end, from, to int
	// closed: its end is written.
	closed bool
	// words are what it consists of.
	words []piece
	// quiet: it stands for no text: a comment, a block's begin or end, an assignment.
	quiet bool
}

// piece is a token of an action: a name («ref», «.x», «$x», «target.schema»), a quoted text, a
// number, or one byte of punctuation.
type piece struct {
	start, end int
	kind       byte // 'n'ame, 'q'uoted, '0' number, 'p'unctuation
	open       bool // a quote that is not closed
}

// actions finds the actions of a text. One that is not closed ends with its line, or where the
// next one begins: it is being written.
func actions(text string) []action {
	var out []action
	for at := 0; ; {
		i := strings.Index(text[at:], "{{")
		if i < 0 {
			return out
		}
		a := readAction(text, at+i)
		out = append(out, a)
		at = a.end
	}
}

func readAction(text string, start int) action {
	a := action{start: start, from: start + 2}
	i := a.from
	if strings.HasPrefix(text[i:], "- ") || strings.HasPrefix(text[i:], "-\n") {
		i++
		a.from++
	}
	if rest := strings.TrimLeft(text[i:], " \t\r\n"); strings.HasPrefix(rest, "/*") {
		a.quiet = true
		at := len(text) - len(rest)
		a.to, a.end = len(text), len(text)
		if n := strings.Index(rest, "*/"); n >= 0 {
			a.to, a.end = at+n+2, at+n+2
			if m := strings.Index(text[a.to:], "}}"); m >= 0 && strings.Trim(text[a.to:a.to+m], " \t\r\n-") == "" {
				a.end, a.closed = a.to+m+2, true
			}
		}
		return a
	}
	line := -1 // where the line ends that it begins in, as far as that was passed
	for i < len(text) {
		c := text[i]
		switch {
		case strings.HasPrefix(text[i:], "}}"):
			a.to, a.end, a.closed = i, i+2, true
			if n := len(a.words); n > 0 && a.words[n-1].kind == 'p' && text[a.words[n-1].start] == '-' {
				a.words = a.words[:n-1]
				a.to--
			}
			a.quiet = quiet(text, a.words)
			return a
		case strings.HasPrefix(text[i:], "{{"):
			return a.cut(text, i, line)
		case c == '\n':
			if line < 0 {
				line = i
			}
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '"' || c == '`' || c == '\'':
			end, closed := quoteEnd(text, i)
			a.words = append(a.words, piece{i, end, 'q', !closed})
			i = end
			if !closed {
				return a.cut(text, end, line)
			}
		case c >= '0' && c <= '9':
			end := i
			for end < len(text) && (nameByte(text[end]) || text[end] == '.') {
				end++
			}
			a.words = append(a.words, piece{i, end, '0', false})
			i = end
		case nameByte(c) || c == '.' || c == '$':
			end := i + 1
			for end < len(text) && (nameByte(text[end]) || text[end] == '.') {
				end++
			}
			a.words = append(a.words, piece{i, end, 'n', false})
			i = end
		default:
			a.words = append(a.words, piece{i, i + 1, 'p', false})
			i++
		}
	}
	return a.cut(text, len(text), line)
}

// cut ends an action that is not closed: with its first line, unless its text goes on in a
// quote.
func (a action) cut(text string, at, line int) action {
	if line >= 0 && line < at {
		at = line
	}
	a.to, a.end = at, at
	n := len(a.words)
	for n > 0 && a.words[n-1].start >= at {
		n--
	}
	a.words = a.words[:n]
	if n > 0 && a.words[n-1].end > at {
		a.words[n-1].end, a.words[n-1].open = at, true
	}
	a.quiet = quiet(text, a.words)
	return a
}

// quoteEnd is where a quoted text ends: a quote ends with its line at the latest, a raw one
// does not.
func quoteEnd(text string, at int) (end int, closed bool) {
	q := text[at]
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == q:
			return i + 1, true
		case text[i] == '\\' && q == '"':
			i++
		case text[i] == '\n' && q != '`':
			return i, false
		case strings.HasPrefix(text[i:], "}}") && q != '`' && !strings.ContainsRune(lineOf(text, i), rune(q)):
			return i, false
		}
	}
	return len(text), false
}

// lineOf is the rest of the line that begins at a place.
func lineOf(text string, at int) string {
	rest := text[at:]
	if n := strings.IndexByte(rest, '\n'); n >= 0 {
		return rest[:n]
	}
	return rest
}

// nameByte reports whether a byte is part of a name; letters beyond ASCII are.
func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quiet reports whether an action stands for no text.
func quiet(text string, words []piece) bool {
	if len(words) == 0 {
		return false
	}
	switch first := text[words[0].start:words[0].end]; first {
	case "if", "else", "end", "range", "with", "define", "block", "break", "continue", "config":
		return true
	}
	return len(words) > 1 && text[words[0].start] == '$' && strings.Contains(":=", text[words[1].start:words[1].end])
}

// called is the function that an action begins with and its quoted arguments.
func (a action) called(text string) (fn string, args []string) {
	for i, w := range a.words {
		s := text[w.start:w.end]
		switch {
		case i == 0 && w.kind == 'n':
			fn = s
		case i == 0:
			return "", nil
		case w.kind == 'q':
			args = append(args, unquoted(s))
		case w.kind == '0':
			args = append(args, s)
		case w.kind == 'p' && s == "|":
			return fn, args
		}
	}
	return fn, args
}

// unquoted takes the quotes off, as far as they are there.
func unquoted(s string) string {
	if s == "" {
		return s
	}
	q := s[0]
	if q != '"' && q != '`' && q != '\'' {
		return s
	}
	s = s[1:]
	if s != "" && s[len(s)-1] == q {
		s = s[:len(s)-1]
	}
	return s
}

// tok is a token of SQL without what stands between tokens.
type tok struct {
	kind       sql.Kind
	start, end int
	open       bool
	// act is the number of the action that it begins with, from 1; 0: none.
	act int
}

// tokens are the tokens of a template's SQL: actions stand as names of their length, or as
// nothing where they are quiet. literals are the tokens in which nothing is completed: texts and
// comments.
type tokens struct {
	text     string // as written
	masked   string // of the same length
	list     []tok
	partner  []int // of a parenthesis or bracket: the index of its partner, len(list) if there is none
	actions  []action
	literals []tok
}

// tokenize splits a template. Tokens that skip takes are left out; nil: none.
func tokenize(text string, lexis sql.Lexis, skip func(tok) bool) *tokens {
	t := &tokens{text: text, actions: actions(text)}
	masked := []byte(text)
	byStart := map[int]int{}
	for i, a := range t.actions {
		fill := byte('_')
		if a.quiet {
			fill = ' '
		} else {
			byStart[a.start] = i + 1
		}
		for k := a.start; k < a.end; k++ {
			if a.quiet && masked[k] == '\n' {
				continue
			}
			masked[k] = fill
		}
	}
	t.masked = string(masked)
	for s := range lexis.Tokens(t.masked) {
		k := tok{kind: s.Kind, start: s.Start, end: s.End, open: s.Open}
		switch s.Kind {
		case sql.Space:
			continue
		case sql.Comment:
			t.literals = append(t.literals, k)
			continue
		case sql.String:
			t.literals = append(t.literals, k)
		case sql.Word:
			k.act = byStart[s.Start]
		}
		if skip == nil || !skip(k) {
			t.list = append(t.list, k)
		}
	}
	t.pair()
	return t
}

// pair finds the partners of parentheses and brackets. One that closes nothing is left alone.
// One that a FROM or WHERE stands in, and that is around no query, is being written: it ends
// in front of that word.
func (t *tokens) pair() {
	t.partner = make([]int, len(t.list))
	var open []int
	for i := range t.list {
		t.partner[i] = len(t.list)
		switch p := t.punct(i); {
		case p == '(' || p == '[':
			open = append(open, i)
		case p == ')' || p == ']':
			want := byte('(')
			if p == ']' {
				want = '['
			}
			for n := len(open) - 1; n >= 0; n-- {
				if t.punct(open[n]) == want {
					t.partner[open[n]], t.partner[i] = i, open[n]
					open = open[:n]
					break
				}
			}
		case len(open) > 0 && (t.is(i, "FROM") && !t.is(i-1, "DISTINCT") || t.is(i, "WHERE", "QUALIFY") || t.is(i, "GROUP") && t.is(i+1, "BY")):
			for n := len(open) - 1; n >= 0 && !t.takes(open[n]); n-- {
				t.partner[open[n]] = i - 1
				open = open[:n]
			}
		}
	}
}

// takes reports whether FROM or WHERE may stand in the parenthesis at token i: around a query,
// and in the calls that are written so.
func (t *tokens) takes(i int) bool {
	return t.punct(i) == '(' && (t.is(i+1, "SELECT", "WITH") || t.punct(i+1) == '(' ||
		t.is(i-1, "EXTRACT", "FILTER", "TRIM", "SUBSTRING", "OVERLAY"))
}

// punct is the byte that token i is, 0 if it is none.
func (t *tokens) punct(i int) byte {
	if i < 0 || i >= len(t.list) || t.list[i].kind != sql.Punct {
		return 0
	}
	return t.masked[t.list[i].start]
}

// is reports whether token i is one of the keywords.
func (t *tokens) is(i int, words ...string) bool {
	if i < 0 || i >= len(t.list) || t.list[i].kind != sql.Word || t.list[i].act != 0 {
		return false
	}
	s := t.masked[t.list[i].start:t.list[i].end]
	for _, w := range words {
		if len(w) == len(s) && strings.EqualFold(w, s) {
			return true
		}
	}
	return false
}

// in is the text of token i as it is written.
func (t *tokens) in(i int) string { return t.text[t.list[i].start:t.list[i].end] }

// name is the name that token i is, without quotes; ok is false for keywords that cannot be
// names and for what is no name.
func (t *tokens) name(i int) (name string, ok bool) {
	if i < 0 || i >= len(t.list) {
		return "", false
	}
	k := t.list[i]
	switch {
	case k.kind == sql.Quoted && !k.open && k.end-k.start > 2:
		return t.text[k.start+1 : k.end-1], true
	case k.kind == sql.Word && k.act == 0:
		s := t.text[k.start:k.end]
		return s, !reserved[strings.ToUpper(s)]
	}
	return "", false
}

// action is the action that token i is and nothing else, nil otherwise.
func (t *tokens) action(i int) *action {
	if i < 0 || i >= len(t.list) || t.list[i].act == 0 {
		return nil
	}
	a := &t.actions[t.list[i].act-1]
	if a.end != t.list[i].end {
		return nil // a name with an action in it
	}
	return a
}

// reserved are the words that GoogleSQL never takes as a name.
// https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
var reserved = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
		CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL
		GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE
		NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT
		ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN`) {
		out[w] = true
	}
	return out
}()
