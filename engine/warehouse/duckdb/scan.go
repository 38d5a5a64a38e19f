package duckdb

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// skip returns the end of the quoted text or comment that starts at i, or i.
func skip(s string, i int) int {
	rest := s[i:]
	switch {
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			return i + n
		}
		return len(s)
	case strings.HasPrefix(rest, "/*"):
		return commentEnd(s, i)
	case rest[0] == '"':
		return identEnd(s, i)
	case rest[0] == '\'':
		escapes := i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && (i == 1 || !wordByte(s[i-2]))
		return stringEnd(s, i, escapes)
	case rest[0] == '$' && (i == 0 || !wordByte(s[i-1])):
		return dollarEnd(s, i)
	}
	return i
}

// commentEnd: block comments nest.
func commentEnd(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch {
		case strings.HasPrefix(s[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(s[i:], "*/"):
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// identEnd is the end of the quoted identifier that starts at i.
func identEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		if s[i] == '"' {
			if i+1 < len(s) && s[i+1] == '"' {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(s)
}

func stringEnd(s string, i int, escapes bool) int {
	for i++; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return i + 1
		}
	}
	return len(s)
}

// dollarEnd is the end of a text in $tag$…$tag$, or i where there is none.
func dollarEnd(s string, i int) int {
	j := i + 1
	for j < len(s) && wordByte(s[j]) {
		j++
	}
	if j == len(s) || s[j] != '$' || j > i+1 && s[i+1] >= '0' && s[i+1] <= '9' {
		return i
	}
	tag := s[i : j+1]
	if n := strings.Index(s[j+1:], tag); n >= 0 {
		return j + 1 + n + len(tag)
	}
	return len(s)
}

func wordByte(b byte) bool {
	return b == '_' || b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// stray finds the first «)» without its «(», or a «;» that is not the end: text that must
// not be put into parentheses, because it would close them.
func stray(s string) (offset int, found bool) {
	depth := 0
	for i := 0; i < len(s); {
		if end := skip(s, i); end > i {
			i = end
			continue
		}
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
			if depth < 0 {
				return i, true
			}
		case ';':
			return i, true
		}
		i++
	}
	return 0, false
}

// saysPivot reports whether the text has the word outside of quotes and comments.
func saysPivot(s string) bool {
	for i := 0; i < len(s); {
		if end := skip(s, i); end > i {
			i = end
			continue
		}
		if !wordByte(s[i]) {
			i++
			continue
		}
		end := i
		for end < len(s) && wordByte(s[end]) {
			end++
		}
		if strings.EqualFold(s[i:end], "pivot") {
			return true
		}
		i = end
	}
	return false
}

// tokenLength is the length of the name, dotted name, number, text or sign at i.
func tokenLength(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	end := i
	for end < len(s) {
		next := end
		switch {
		case s[next] == '"':
			next = identEnd(s, next)
		case wordByte(s[next]):
			for next < len(s) && wordByte(s[next]) {
				next++
			}
		}
		if next == end {
			break
		}
		end = next
		if end+1 < len(s) && s[end] == '.' && (s[end+1] == '"' || wordByte(s[end+1])) {
			end++
			continue
		}
		break
	}
	if end > i {
		return end - i
	}
	if end = skip(s, i); end > i {
		return end - i
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	return n
}

// mentions reports whether a token contains the name as DuckDB reports it.
func mentions(token, word string) bool {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, `"`, "")) }
	return strings.Contains(fold(token), fold(word))
}

func unquoteIdent(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	return strings.ReplaceAll(strings.TrimSuffix(s[1:], `"`), `""`, `"`)
}

func parseUint(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// firstWord is the first word of a statement in lower case.
func firstWord(s string) string {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	for i, r := range s {
		if !unicode.IsLetter(r) {
			return strings.ToLower(s[:i])
		}
	}
	return strings.ToLower(s)
}
