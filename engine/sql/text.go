package sql

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/source"
)

// Statements gives the offset of each statement's first token. Semicolons separate
// statements; empty ones do not count.
func Statements(text string) []int {
	var starts []int
	open := false
	for _, t := range Tokens(text) {
		switch {
		case t.Kind == Space || t.Kind == Comment:
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
func Trim(text string, m *source.Map) (string, *source.Map) {
	tokens := Tokens(text)
	end := 0
	for _, t := range tokens {
		if t.Kind != Space && t.Kind != Comment && !isPunct(text, t, ';') {
			end = t.End
		}
	}
	start := 0
	if len(tokens) > 0 && tokens[0].Kind == Space {
		start = min(tokens[0].End, end)
	}
	return text[start:end], m.Splice(end, len(text)-end, 0).Splice(0, start, 0)
}

// Canonical is the text that a fingerprint is made of: comments are dropped, space is
// folded to one blank and left out where it never matters (at parentheses and commas),
// trailing semicolons are gone. Two texts of one canonical form mean the same. Case is
// kept, because output names can depend on it.
func Canonical(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	var last Token
	gap := false
	for _, t := range Tokens(text) {
		if t.Kind == Space || t.Kind == Comment {
			gap = true
			continue
		}
		if gap && b.Len() > 0 && !closed(text, last) && !closed(text, t) {
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

// bareVolatile change from run to run or from connection to connection and are written
// without parentheses.
var bareVolatile = []string{
	"current_catalog", "current_date", "current_datetime", "current_role", "current_schema",
	"current_time", "current_timestamp", "current_user", "localtime", "localtimestamp",
	"session_user", "tablesample",
}

// calledVolatile count only when they are called.
var calledVolatile = []string{
	"clock_timestamp", "current_database", "current_localtime", "current_localtimestamp",
	"current_schemas", "currval", "gen_random_bytes", "gen_random_uuid", "generate_uuid", "get_current_date",
	"get_current_time", "get_current_timestamp", "getdate", "lastval", "newid", "nextval", "now",
	"pg_backend_pid", "rand", "randn", "random", "random_normal", "setseed", "statement_timestamp", "sysdate",
	"sysdatetime", "systimestamp", "timeofday", "today", "transaction_timestamp", "txid_current",
	"utc_timestamp", "uuid", "uuid_string", "uuidv4", "uuidv7",
}

// Volatile names the functions in text whose value changes from call to call although
// the data stay the same, sorted, in lower case.
func Volatile(text string) []string {
	var found []string
	tokens := slices.DeleteFunc(Tokens(text), func(t Token) bool { return t.Kind == Space || t.Kind == Comment })
	for i, t := range tokens {
		if t.Kind != Word {
			continue
		}
		name := strings.ToLower(t.In(text))
		called := i+1 < len(tokens) && isPunct(text, tokens[i+1], '(')
		field := i > 0 && isPunct(text, tokens[i-1], '.')
		alias := i > 0 && tokens[i-1].Is(text, "as")
		switch {
		case alias:
		case slices.Contains(bareVolatile, name) && (!field || called),
			called && slices.Contains(calledVolatile, name),
			called && name == "age" && oneArgument(text, tokens[i+1:]),
			name == "sample" && i > 0 && tokens[i-1].Is(text, "using"):
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// oneArgument reports whether a call, from its parenthesis on, has one argument: age(x)
// is the time until now.
func oneArgument(text string, tokens []Token) bool {
	depth := 0
	for _, t := range tokens {
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
