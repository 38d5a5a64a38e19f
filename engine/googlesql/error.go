package googlesql

import (
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one mistake in a statement.
type Error struct {
	Message    string // without the place and the suggestion
	Offset     int    // byte in the statement, -1 if not known
	Length     int    // bytes of the token at Offset, 0 if not known
	Likely     bool   // found after an earlier mistake was patched: probable, not certain
	Suggestion string // the name that was probably meant, "" if none
}

func (e *Error) Error() string {
	if e.Suggestion != "" {
		return e.Message + "; did you mean " + e.Suggestion + "?"
	}
	return e.Message
}

// Errors are the mistakes of one statement, in the order of the text; those
// without a place come last. There is at least one.
type Errors []*Error

func (e Errors) Error() string {
	text := make([]string, len(e))
	for i, x := range e {
		text[i] = x.Error()
	}
	return strings.Join(text, "\n")
}

// Unsupported says that the analyzer cannot tell what a statement means,
// although it may be right.
type Unsupported struct{ What string }

func (e *Unsupported) Error() string { return e.What + " cannot be analyzed" }

// Fault says that the analyzer failed on a statement. It is not the
// statement's mistake.
type Fault struct{ Message string }

func (e *Fault) Error() string { return "the GoogleSQL analyzer failed: " + e.Message }

var (
	placeSuffix   = regexp.MustCompile(`\s*\[at (?:([^\[\]]*):)?(\d+):(\d+)\]$`)
	meantSuffix   = regexp.MustCompile(`(?s)[;,.]? ?Did you mean ([^?]+)\?`)
	internalError = regexp.MustCompile(`RET_CHECK|INTERNAL:|generic::internal|Check failed|^internal error`)
	notSupported  = regexp.MustCompile(`(?i)^(Statement not supported: \w+|Unsupported statement.*|.* statements? (?:is|are) not supported.*)$`)
)

// parseError reads an error of the analyzer. sql is the analyzed text.
func parseError(message, sql string) *Error {
	e := &Error{Message: message, Offset: -1}
	if at := placeSuffix.FindStringSubmatchIndex(message); at != nil {
		e.Message = message[:at[0]]
		line, _ := strconv.Atoi(message[at[4]:at[5]])
		column, _ := strconv.Atoi(message[at[6]:at[7]])
		if at[2] >= 0 { // in the body of a function
			e.Message += " (in " + message[at[2]:at[3]] + ")"
		} else {
			e.Offset = offsetOf(sql, line, column)
			e.Length = tokenLength(sql, e.Offset)
		}
	}
	if at := meantSuffix.FindStringSubmatchIndex(e.Message); at != nil {
		e.Suggestion = strings.TrimSpace(e.Message[at[2]:at[3]])
		e.Message = e.Message[:at[0]] + e.Message[at[1]:]
	}
	e.Message = strings.TrimSpace(e.Message)
	return e
}

// offsetOf is the byte at a line and column of an error message: both count
// from one, columns in code points, and a tab leads to the next multiple of
// eight. A line ends with \n, \r or \r\n.
func offsetOf(sql string, line, column int) int {
	i := 0
	for l := 1; l < line; l++ {
		n := strings.IndexAny(sql[i:], "\r\n")
		if n < 0 {
			return len(sql)
		}
		i += n + 1
		if sql[i-1] == '\r' && i < len(sql) && sql[i] == '\n' {
			i++
		}
	}
	for at := 1; at < column && i < len(sql) && sql[i] != '\n' && sql[i] != '\r'; {
		if sql[i] == '\t' {
			at = (at-1)/8*8 + 8
			i++
		} else {
			_, n := utf8.DecodeRuneInString(sql[i:])
			i += n
		}
		at++
	}
	return i
}

// tokenLength is the length of the token at an offset. A quoted or dotted name
// is one token here, since messages name it as a whole.
func tokenLength(sql string, offset int) int {
	if offset < 0 || offset >= len(sql) {
		return 0
	}
	end := lineTokens(sql, offset)
	if len(end) == 0 || end[0].start != 0 {
		return 0
	}
	return end[0].end
}

// lineTokens scans the text from an offset, no more of it than an error needs.
func lineTokens(sql string, offset int) []token {
	rest := sql[offset:]
	if len(rest) > 4096 {
		rest = rest[:4096]
	}
	return scan(rest)
}

// sortErrors orders mistakes by place.
func sortErrors(list Errors) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].Offset, list[j].Offset
		if a < 0 || b < 0 {
			return a >= 0 && b < 0
		}
		return a < b
	})
}
