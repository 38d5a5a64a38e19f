package function

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"
)

// regexpFunctions are the functions with regular expressions of RE2. BYTES are matched
// as texts of the code points 0 to 255, so that a pattern's . is one byte.
func regexpFunctions() []Function {
	c := &patternCache{}
	var all []Function
	for _, m := range []struct {
		suffix string
		kind   Kind
		read   func(any) string
		write  func(string) any
	}{
		{"", String, func(a any) string { return a.(string) }, func(s string) any { return s }},
		{"_bytes", Bytes, func(a any) string { return latin1(a.([]byte)) }, func(s string) any { return fromLatin1(s) }},
	} {
		k, read, write := m.kind, m.read, m.write
		add := func(name string, args []Kind, result Kind, fn func(re *pattern, s string, rest []any) (any, error)) {
			all = append(all, Function{Name: name + m.suffix, Args: append([]Kind{k, k}, args...), Result: result, Fn: func(a []any) (any, error) {
				re, err := c.get(read(a[1]))
				if err != nil {
					return nil, err
				}
				return fn(re, read(a[0]), a[2:])
			}})
		}
		add("regexp_contains", nil, Bool, func(re *pattern, s string, _ []any) (any, error) { return re.MatchString(s), nil })
		add("regexp_match", nil, Bool, func(re *pattern, s string, _ []any) (any, error) { return re.full.MatchString(s), nil })
		add("regexp_extract", []Kind{Int64, Int64}, k, func(re *pattern, s string, rest []any) (any, error) {
			found, ok, err := re.occurrence(s, rest[0].(int64), rest[1].(int64))
			if err != nil || !ok || found.from < 0 {
				return nil, err
			}
			return write(found.in[found.from:found.to]), nil
		})
		add("regexp_extract_all", nil, Array|k, func(re *pattern, s string, _ []any) (any, error) {
			list := []any{}
			err := re.each(s, func(m extract) bool {
				if m.from < 0 {
					list = append(list, write(""))
				} else {
					list = append(list, write(s[m.from:m.to]))
				}
				return true
			})
			if err != nil {
				return nil, err
			}
			return list, nil
		})
		add("regexp_instr", []Kind{Int64, Int64, Int64}, Int64, func(re *pattern, s string, rest []any) (any, error) {
			after := rest[2].(int64)
			if after != 0 && after != 1 {
				return nil, fmt.Errorf("Invalid return_position_after_match.")
			}
			found, ok, err := re.occurrence(s, rest[0].(int64), rest[1].(int64))
			if err != nil || !ok || found.from < 0 || re.String() == "" {
				return int64(0), err
			}
			end := found.from
			if after == 1 {
				end = found.to
			}
			return int64(utf8.RuneCountInString(found.in[:end])) + rest[0].(int64), nil
		})
		add("regexp_replace", []Kind{k}, k, func(re *pattern, s string, rest []any) (any, error) {
			out, err := re.replace(s, read(rest[0]))
			if err != nil {
				return nil, err
			}
			return write(out), nil
		})
		add("regexp_groups", nil, Array|k, func(re *pattern, s string, _ []any) (any, error) {
			m := re.FindStringSubmatchIndex(s)
			if m == nil {
				return nil, nil
			}
			list := []any{}
			for i := 2; i < len(m); i += 2 {
				if m[i] < 0 {
					list = append(list, nil)
				} else {
					list = append(list, write(s[m[i]:m[i+1]]))
				}
			}
			return list, nil
		})
	}
	return all
}

func latin1(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

func fromLatin1(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// A pattern is a compiled expression, and the same bound to the whole text.
type pattern struct {
	*regexp.Regexp
	full   *regexp.Regexp
	behind bool // it has ^, \A, \b or \B
}

type patternEntry struct {
	re  *pattern
	err error
}

// A patternCache keeps compiled patterns. It may be used from several goroutines.
type patternCache struct {
	mu   sync.RWMutex
	kept map[string]patternEntry
}

func (c *patternCache) get(text string) (*pattern, error) {
	c.mu.RLock()
	e, ok := c.kept[text]
	c.mu.RUnlock()
	if ok {
		return e.re, e.err
	}
	text = strings.Clone(text)
	re, err := regexp.Compile(text)
	if err == nil {
		var full *regexp.Regexp
		if full, err = regexp.Compile(`\A(?:` + text + `)\z`); err == nil {
			e.re = &pattern{re, full, looksBehind(text)}
		}
	}
	if err != nil {
		why := err.Error()
		if s := (*syntax.Error)(nil); errors.As(err, &s) {
			why = s.Code.String() + ": " + s.Expr
		}
		e.err = fmt.Errorf("Cannot parse regular expression: %s", why)
	}
	c.mu.Lock()
	if c.kept == nil || len(c.kept) >= maxCached {
		c.kept = make(map[string]patternEntry)
	}
	c.kept[text] = e
	c.mu.Unlock()
	return e.re, e.err
}

// An extract is what one match yields: the capturing group if there is one, else the
// whole match; from is -1 where the group took no part. in is the text the offsets mean.
type extract struct {
	in       string
	from, to int
}

// each calls f at each match that does not overlap the one before, until it says false.
// A match may be empty; the search goes on one character after such a one.
func (re *pattern) each(s string, f func(extract) bool) error {
	if re.NumSubexp() > 1 {
		return errors.New("Regular expressions passed into extraction functions must not have more than 1 capturing group")
	}
	for at := 0; ; {
		m := re.matchFrom(s, at)
		if m == nil {
			return nil
		}
		e := extract{s, m[0], m[1]}
		if len(m) > 2 {
			e.from, e.to = m[2], m[3]
		}
		at = m[1]
		if m[0] == m[1] && at < len(s) {
			_, size := utf8.DecodeRuneInString(s[at:])
			at += size
		}
		if !f(e) || at >= len(s) {
			return nil
		}
	}
}

// matchFrom is the first match at or after a byte offset, seen in the whole text: ^ and
// \b look at what is before.
func (re *pattern) matchFrom(s string, at int) []int {
	if at == 0 {
		return re.FindStringSubmatchIndex(s)
	}
	// Go's regexp cannot start within a text. The rest of the text does as well unless the
	// pattern looks at what is before it.
	if !re.behind {
		m := re.FindStringSubmatchIndex(s[at:])
		for i := range m {
			if m[i] >= 0 {
				m[i] += at
			}
		}
		return m
	}
	return re.matchBehind(s, at)
}

// looksBehind reports whether the pattern has ^, \A, \b or \B.
func looksBehind(text string) bool {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return true
	}
	var has func(*syntax.Regexp) bool
	has = func(r *syntax.Regexp) bool {
		switch r.Op {
		case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
			return true
		}
		for _, sub := range r.Sub {
			if has(sub) {
				return true
			}
		}
		return false
	}
	return has(parsed)
}

// matchBehind finds the first match at or after at with all of the text before in view:
// a prefix of exactly that many characters is consumed first.
func (re *pattern) matchBehind(s string, at int) []int {
	n := utf8.RuneCountInString(s[:at])
	skip := `\A(?s:.{` + fmt.Sprint(min(n, 1000)) + `})`
	for done := min(n, 1000); done < n; {
		k := min(n-done, 1000)
		skip += `(?s:.{` + fmt.Sprint(k) + `})`
		done += k
	}
	whole, err := regexp.Compile(skip + `(?s:.*?)((?:` + re.String() + `))`)
	if err != nil {
		return nil
	}
	m := whole.FindStringSubmatchIndex(s)
	if m == nil {
		return nil
	}
	return m[2:]
}

// occurrence is the n-th match from a position in characters on, one based both. The text
// before the position does not count as such: ^ matches there.
func (re *pattern) occurrence(s string, position, n int64) (found extract, ok bool, err error) {
	if position <= 0 {
		return found, false, errors.New("Position must be positive")
	}
	if n <= 0 {
		return found, false, errors.New("Occurrence must be positive")
	}
	for i := int64(1); i < position; i++ {
		if s == "" {
			return found, false, nil
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	if s == "" && position > 1 {
		return found, false, nil
	}
	err = re.each(s, func(e extract) bool {
		n--
		found, ok = e, n == 0
		return !ok
	})
	return found, ok, err
}

// replace puts the rewritten text for each match: \0 to \9 are the groups, \\ a backslash.
func (re *pattern) replace(s, rewrite string) (string, error) {
	for i := 0; i < len(rewrite); i++ {
		if rewrite[i] != '\\' {
			continue
		}
		i++
		switch {
		case i == len(rewrite):
			return "", errors.New("Invalid REGEXP_REPLACE pattern: Rewrite schema error: '\\' not allowed at end.")
		case rewrite[i] == '\\':
		case rewrite[i] < '0' || rewrite[i] > '9':
			return "", errors.New("Invalid REGEXP_REPLACE pattern: Rewrite schema error: '\\' must be followed by a digit or '\\'.")
		case int(rewrite[i]-'0') > re.NumSubexp():
			return "", fmt.Errorf("Invalid REGEXP_REPLACE pattern: Rewrite schema requests %c matches, but the regexp only has %d parenthesized subexpressions.", rewrite[i], re.NumSubexp())
		}
	}
	var out strings.Builder
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(s, -1) {
		out.WriteString(s[last:m[0]])
		last = m[1]
		for i := 0; i < len(rewrite); i++ {
			if rewrite[i] != '\\' {
				out.WriteByte(rewrite[i])
				continue
			}
			if i++; rewrite[i] == '\\' {
				out.WriteByte('\\')
			} else if g := 2 * int(rewrite[i]-'0'); m[g] >= 0 {
				out.WriteString(s[m[g]:m[g+1]])
			}
		}
		if out.Len() > maxOutput {
			return "", errors.New("REGEXP_REPLACE: exceeded maximum output length")
		}
	}
	out.WriteString(s[last:])
	return out.String(), nil
}
