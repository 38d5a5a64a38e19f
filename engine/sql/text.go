package sql

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/source"
)

// Statements gives the offset of each statement's first token. Semicolons separate
// statements; empty ones do not count.
func (l Lexis) Statements(text string) []int {
	var starts []int
	open := false
	for t := range l.significant(text) {
		switch {
		case isPunct(text, t, ';'):
			open = false
		case !open:
			starts = append(starts, t.Start)
			open = true
		}
	}
	return starts
}

// Trim takes what does not belong to the query off both ends: leading space, and
// trailing space, comments and semicolons. The result can be put into parentheses.
func (l Lexis) Trim(text string, m *source.Map) (string, *source.Map) {
	start, end := len(text)-len(strings.TrimLeftFunc(text, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) })), 0
	for t := range l.significant(text) {
		if !isPunct(text, t, ';') {
			end = t.End
		}
	}
	start = min(start, end)
	if start == 0 && end == len(text) {
		return text, m
	}
	return text[start:end], m.Slice(start, end)
}

// Canonical is the text that a fingerprint is made of: comments are dropped, space is
// folded to one blank and left out where it never matters (at parentheses and commas),
// trailing semicolons are gone. Two texts of one canonical form mean the same. Case is
// kept, because output names can depend on it.
func (l Lexis) Canonical(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	var last Token
	gap := false
	for t := range l.Tokens(text) {
		if t.Kind == Space || t.Kind == Comment {
			gap = true
			continue
		}
		switch {
		case !gap || b.Len() == 0:
		case last.Open:
			b.WriteByte('\n') // which is what ended the broken string
		case !closed(text, last) && !closed(text, t):
			b.WriteByte(' ')
		}
		b.WriteString(t.In(text))
		last, gap = t, false
	}
	return strings.TrimRight(b.String(), ";")
}

// closed reports whether space next to a token never matters.
func closed(text string, t Token) bool {
	return t.Kind == Punct && strings.IndexByte("(),;", text[t.Start]) >= 0
}

// volatile are the names of functions that change from run to run or from connection to
// connection; bare ones are written without parentheses, too.
var volatile = func() map[string]bool {
	bare := map[string]bool{}
	for _, name := range strings.Fields(`
		current_catalog current_date current_datetime current_role current_schema current_time
		current_timestamp current_user localtime localtimestamp session_user tablesample`) {
		bare[name] = true
	}
	for _, name := range strings.Fields(`
		clock_timestamp current_database current_localtime current_localtimestamp current_schemas
		currval gen_random_bytes gen_random_uuid generate_uuid get_current_date get_current_time
		get_current_timestamp getdate lastval newid nextval now pg_backend_pid rand randn random
		random_normal setseed statement_timestamp sysdate sysdatetime systimestamp timeofday today
		transaction_timestamp txid_current utc_timestamp uuid uuid_string uuidv4 uuidv7`) {
		bare[name] = false
	}
	return bare
}()

// Volatile names the functions in text whose value changes from call to call although
// the data stay the same, sorted, in lower case.
func (l Lexis) Volatile(text string) []string {
	var found []string
	var before, word Token // the two tokens before t
	for t := range l.significant(text) {
		if word.Kind == Word {
			if name, ok := l.volatileAt(text, before, word, t); ok {
				found = append(found, name)
			}
		}
		before, word = word, t
	}
	if word.Kind == Word {
		if name, ok := l.volatileAt(text, before, word, Token{}); ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// volatileAt judges a word between its neighbours; missing ones are zero.
func (l Lexis) volatileAt(text string, before, word, after Token) (string, bool) {
	name := strings.ToLower(word.In(text))
	bare, listed := volatile[name]
	if !listed && name != "age" && name != "sample" || before.Is(text, "as") {
		return "", false // «as now» is an alias
	}
	called := isPunct(text, after, '(')
	field := isPunct(text, before, '.')
	switch name {
	case "age":
		return name, called && l.oneArgument(text[after.Start:])
	case "sample":
		return name, before.Is(text, "using")
	}
	return name, called || bare && !field
}

// oneArgument reports whether a call, from its parenthesis on, has one argument: age(x)
// is the time until now.
func (l Lexis) oneArgument(text string) bool {
	depth := 0
	for t := range l.significant(text) {
		switch {
		case isPunct(text, t, '(') || isPunct(text, t, '['):
			depth++
		case isPunct(text, t, ')') || isPunct(text, t, ']'):
			if depth--; depth == 0 {
				return true
			}
		case depth == 1 && isPunct(text, t, ','):
			return false
		}
	}
	return true
}

// First is the first token of a text that is neither space nor a comment, and whether it is
// punctuation; empty where there is none.
func (l Lexis) First(text string) (token string, punct bool) {
	for t := range l.significant(text) {
		return t.In(text), t.Kind == Punct
	}
	return "", true
}
