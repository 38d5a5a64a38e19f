package function

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A pathToken is one step of a JSONPath.
type pathToken struct {
	text string
	// index is the array element the step may mean, -1 if none.
	index int64
	// subscript says that the step was written [0]; only strict paths care.
	subscript bool
}

// pathMode is the dialect of a JSONPath.
type pathMode uint8

const (
	legacyPath   pathMode = iota // JSON_EXTRACT: $.a['b c'][0]
	standardPath                 // JSON_QUERY, JSON_VALUE: $.a."b c"[0]
	strictPath                   // mutators: as the standard, but .0 is a key and [0] an element
)

// A jsonPath is a parsed JSONPath. Lax and recursive are modifiers before the $.
type jsonPath struct {
	tokens         []pathToken
	lax, recursive bool
}

// A pathCache keeps parsed paths: nearly always a query has one or few. It may be used
// from several goroutines.
type pathCache struct {
	mode      pathMode
	modifiers bool // lax and recursive are allowed
	mu        sync.RWMutex
	paths     map[string]pathEntry
}

type pathEntry struct {
	path jsonPath
	err  error
}

// maxCached bounds the caches of parsed paths and patterns.
const maxCached = 256

func (c *pathCache) get(text string) (jsonPath, error) {
	c.mu.RLock()
	e, ok := c.paths[text]
	c.mu.RUnlock()
	if ok {
		return e.path, e.err
	}
	e.path, e.err = parsePath(text, c.mode, c.modifiers)
	c.mu.Lock()
	if c.paths == nil || len(c.paths) >= maxCached {
		c.paths = make(map[string]pathEntry)
	}
	c.paths[strings.Clone(text)] = e
	c.mu.Unlock()
	return e.path, e.err
}

var errNoRoot = errors.New("JSONPath must start with '$'")

func isPathSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\f' || r == '\r'
}

func isKeyRune(r rune) bool {
	return r == '_' || r == '-' || r == ':' || isPathSpace(r) || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// parsePath reads a JSONPath.
func parsePath(text string, mode pathMode, modifiers bool) (jsonPath, error) {
	var p jsonPath
	rest := text
	if modifiers && !strings.HasPrefix(rest, "$") {
		var err error
		if rest, err = p.readModifiers(rest); err != nil {
			return p, err
		}
	}
	if !strings.HasPrefix(rest, "$") {
		return p, errNoRoot
	}
	rest = rest[1:]
	for rest != "" {
		token, n := readToken(rest, mode)
		if n == 0 {
			break
		}
		if mode == strictPath && token.subscript && token.index < 0 {
			return p, errors.New("Negative indexes are not supported in JSON paths.")
		}
		p.tokens = append(p.tokens, token)
		rest = rest[n:]
	}
	if rest == "" || rest == "." && mode == legacyPath {
		return p, nil
	}
	for i := range rest {
		switch {
		case rest[i] == '*' || rest[i] == '@':
			return p, fmt.Errorf("Unsupported operator in JSONPath: %c", rest[i])
		case strings.HasPrefix(rest[i:], ".."):
			return p, errors.New("Unsupported operator in JSONPath: ..")
		}
	}
	return p, fmt.Errorf("Invalid token in JSONPath at: %s", rest)
}

// readModifiers reads «lax » and «recursive » in any order and case, each once.
func (p *jsonPath) readModifiers(text string) (string, error) {
	bad := errors.New("JSONPath must start with zero or more unique modifiers followed by '$'")
	rest := text
	for !strings.HasPrefix(rest, "$") {
		n := max(strings.IndexFunc(rest, isPathSpace), 0)
		switch word := strings.ToLower(rest[:n]); {
		case word == "lax" && !p.lax:
			p.lax = true
		case word == "recursive" && !p.recursive:
			p.recursive = true
		case !p.lax && !p.recursive:
			return "", errNoRoot
		default:
			return "", bad
		}
		rest = strings.TrimLeftFunc(rest[n:], isPathSpace)
	}
	if p.recursive && !p.lax {
		return "", errors.New("JSONPath has an invalid combination of modifiers. The 'lax' modifier must be included if 'recursive' is specified.")
	}
	return rest, nil
}

// readToken reads the step at the beginning of s; n is 0 if there is none.
func readToken(s string, mode pathMode) (t pathToken, n int) {
	switch {
	case s[0] == '.':
		end := 1
		for end < len(s) {
			r, size := utf8.DecodeRuneInString(s[end:])
			if !isKeyRune(r) {
				break
			}
			end += size
		}
		if end > 1 {
			return newToken(s[1:end], mode, false), end
		}
		if mode != legacyPath && len(s) > 1 && s[1] == '"' {
			if text, end := readQuoted(s, 1, '"'); end > 0 {
				return newToken(text, mode, false), end
			}
		}
		return t, 0
	case s[0] == '[':
		i := skipPathSpace(s, 1)
		start := i
		for i < len(s) {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != '_' && r != '-' && !unicode.IsNumber(r) && (mode != legacyPath || !unicode.IsLetter(r)) {
				break
			}
			i += size
		}
		if i > start {
			if end := skipPathSpace(s, i); end < len(s) && s[end] == ']' {
				return newToken(s[start:i], mode, true), end + 1
			}
			return t, 0
		}
		if mode == legacyPath && i < len(s) && s[i] == '\'' {
			text, end := readQuoted(s, i, '\'')
			if end == 0 {
				return t, 0
			}
			if end = skipPathSpace(s, end); end < len(s) && s[end] == ']' {
				return newToken(text, mode, false), end + 1
			}
		}
	}
	return t, 0
}

func skipPathSpace(s string, i int) int {
	for i < len(s) && isPathSpace(rune(s[i])) {
		i++
	}
	return i
}

// readQuoted reads the quoted text that begins at s[i]; a backslash keeps a quote from
// ending it and is part of the text before anything else.
func readQuoted(s string, i int, quote byte) (text string, end int) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), i + 1
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] != quote {
				b.WriteByte('\\')
			}
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0
}

func newToken(text string, mode pathMode, subscript bool) pathToken {
	t := pathToken{text: text, index: -1, subscript: subscript}
	if mode == strictPath && !subscript {
		return t
	}
	if n, err := strconv.ParseInt(strings.TrimFunc(text, isPathSpace), 10, 64); err == nil && n >= 0 {
		t.index = n
	}
	return t
}
