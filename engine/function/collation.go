package function

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// collationFunctions compare and search strings by a collation, which is named by the
// last argument as COLLATE names it. The order is that of the Unicode Collation
// Algorithm with CLDR's root and language tables (https://www.unicode.org/reports/tr10).
func collationFunctions() []Function {
	c := &collations{byName: map[string]*collation{}}
	with := func(fn func(k *collation, a []any) (any, error)) func([]any) (any, error) {
		return func(a []any) (any, error) {
			k, err := c.get(a[len(a)-1].(string))
			if err != nil {
				return nil, err
			}
			for _, x := range a[:len(a)-1] {
				if s, ok := x.(string); ok {
					if err := k.known(s); err != nil {
						return nil, err
					}
				}
			}
			return fn(k, a)
		}
	}
	return []Function{
		{Name: "collation_key", Args: []Kind{String, String}, Result: Bytes, Fn: with(func(k *collation, a []any) (any, error) {
			return k.key(a[0].(string)), nil
		})},
		{Name: "collation_like", Args: []Kind{String, String, String}, Result: Bool, Fn: with(func(k *collation, a []any) (any, error) {
			return k.like(a[0].(string), a[1].(string))
		})},
		{Name: "collation_starts_with", Args: []Kind{String, String, String}, Result: Bool, Fn: with(func(k *collation, a []any) (any, error) {
			_, ok := k.text(a[0].(string)).prefix(a[1].(string), 0)
			return ok, nil
		})},
		{Name: "collation_ends_with", Args: []Kind{String, String, String}, Result: Bool, Fn: with(func(k *collation, a []any) (any, error) {
			return k.text(a[0].(string)).suffix(a[1].(string), 0), nil
		})},
		{Name: "collation_instr", Args: []Kind{String, String, Int64, Int64, String}, Result: Int64, Fn: with(func(k *collation, a []any) (any, error) {
			return k.instr(a[0].(string), a[1].(string), a[2].(int64), a[3].(int64))
		})},
		{Name: "collation_replace", Args: []Kind{String, String, String, String}, Result: String, Fn: with(func(k *collation, a []any) (any, error) {
			s, from, to := a[0].(string), a[1].(string), a[2].(string)
			if from == "" {
				return s, nil
			}
			parts, err := k.split(s, from)
			if err != nil {
				return nil, err
			}
			if len(parts) > 1 && len(to) > (1<<20)/len(parts)+len(s) && len(to)*(len(parts)-1)+len(s) > 1<<20 {
				return nil, errors.New("Output of REPLACE exceeds max allowed output size of 1MB")
			}
			return strings.Join(parts, to), nil
		})},
		{Name: "collation_split", Args: []Kind{String, String, String}, Result: Array | String, Fn: with(func(k *collation, a []any) (any, error) {
			s, sep := a[0].(string), a[1].(string)
			list := []any{}
			if sep == "" {
				for _, r := range s {
					list = append(list, string(r))
				}
				if s == "" {
					list = append(list, "")
				}
				return list, nil
			}
			parts, err := k.split(s, sep)
			for _, p := range parts {
				list = append(list, p)
			}
			return list, err
		})},
	}
}

// collations are those in use, by name.
type collations struct {
	mu     sync.Mutex
	byName map[string]*collation
}

// maxCollations bounds the cache: names come from statements, not from rows.
const maxCollations = 100

func (c *collations) get(name string) (*collation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.byName[name]; k != nil {
		return k, nil
	}
	k, err := newCollation(name)
	if err != nil {
		return nil, err
	}
	if len(c.byName) >= maxCollations {
		clear(c.byName)
	}
	c.byName[name] = k
	return k, nil
}

// collation compares strings. The zero collation compares by code points.
type collation struct {
	full  *sync.Pool // of *keyer
	first *sync.Pool // the primary level alone
}

// keyer makes keys; one goroutine at a time may use it.
type keyer struct {
	c   *collate.Collator
	buf collate.Buffer
}

func keyers(tag language.Tag, options ...collate.Option) *sync.Pool {
	return &sync.Pool{New: func() any { return &keyer{c: collate.New(tag, options...)} }}
}

// newCollation reads a collation specification: "binary", "" or a language tag with an
// attribute ("und:ci").
func newCollation(name string) (*collation, error) {
	invalid := fmt.Errorf("COLLATE has invalid collation name '%s'", name)
	locale, attribute, has := strings.Cut(name, ":")
	if has && attribute != "ci" && attribute != "cs" {
		return nil, invalid
	}
	switch {
	case name == "" || name == "binary":
		return &collation{}, nil
	case locale == "binary":
		return nil, invalid
	case locale == "unicode" && attribute == "ci":
		locale = "und"
	case locale == "unicode":
		return &collation{}, nil
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return nil, invalid
	}
	for _, e := range tag.Extensions() {
		// Other settings are not carried out as written.
		for _, t := range strings.Split(strings.TrimPrefix(e.String(), "u-"), "-k") {
			switch strings.TrimPrefix(t, "k") {
			case "n", "n-true", "n-false", "s-level1", "s-level2", "s-level3":
			default:
				return nil, fmt.Errorf("collation %s is not available: its extension is not known", name)
			}
		}
	}
	options := []collate.Option{}
	if attribute == "ci" {
		options = append(options, collate.IgnoreCase)
	}
	return &collation{full: keyers(tag, options...), first: keyers(tag, collate.IgnoreCase, collate.IgnoreDiacritics)}, nil
}

func pooled(p *sync.Pool, s string) []byte {
	k := p.Get().(*keyer)
	defer p.Put(k)
	k.buf.Reset()
	return bytes.Clone(k.c.KeyFromString(&k.buf, s))
}

// key is a sequence of bytes that sorts as the string does in the collation; strings the
// collation takes for equal have equal keys.
func (k *collation) key(s string) []byte {
	if k.full == nil {
		return []byte(s)
	}
	return pooled(k.full, s)
}

// primary is the first level of the key, base letters alone.
func (k *collation) primary(s string) []byte {
	if k.first == nil {
		return []byte(s)
	}
	return pooled(k.first, s)
}

// recent are the characters younger than the tables of collate, which are of Unicode 6.2:
// they have no place in the order there, and letters among them no upper case. An
// ideograph needs no entry in any table.
var recent = sync.OnceValue(func() map[rune]bool {
	k := &keyer{c: collate.New(language.Und)}
	found := map[rune]bool{}
	for _, table := range []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cf} {
		each := func(lo, hi, stride rune) {
			for r := lo; r <= hi; r += stride {
				if r < 0x250 || unicode.Is(unicode.Han, r) || unicode.Is(unicode.Unified_Ideograph, r) || r >= 0xAC00 && r <= 0xD7A3 {
					continue
				}
				k.buf.Reset()
				// A weight that was made up, as there is none, has a long form.
				if key := k.c.KeyFromString(&k.buf, string(r)); len(key) > 0 && key[0] >= 0x80 {
					found[r] = true
				}
			}
		}
		for _, x := range table.R16 {
			each(rune(x.Lo), rune(x.Hi), rune(x.Stride))
		}
		for _, x := range table.R32 {
			each(rune(x.Lo), rune(x.Hi), rune(x.Stride))
		}
	}
	return found
})

// known refuses characters whose order is not known.
func (k *collation) known(s string) error {
	if k.full == nil {
		return nil
	}
	for _, r := range s {
		if r >= 0x250 && recent()[r] {
			return fmt.Errorf("the place of the character U+%04X in a collation is not available", r)
		}
	}
	return nil
}

// text is a string with the places where a match may begin or end: not between a
// character and the marks on it.
type text struct {
	k      *collation
	s      string
	bounds []int // from 0 to len(s)
}

func (k *collation) text(s string) *text {
	t := &text{k: k, s: s, bounds: []int{0}}
	for at := 0; at < len(s); {
		n := norm.NFD.NextBoundaryInString(s[at:], true)
		if n <= 0 || k.full == nil {
			_, n = utf8.DecodeRuneInString(s[at:])
		}
		at += n
		t.bounds = append(t.bounds, at)
	}
	return t
}

// weightless reports whether a string counts for nothing in the collation.
func (k *collation) weightless(s string) bool {
	return s == "" || k.full != nil && bytes.Equal(k.key(s), k.key(""))
}

// prefix finds the shortest end, as an index of bounds, of a match of p that begins at the
// bound i.
func (t *text) prefix(p string, i int) (end int, ok bool) {
	want, limit := t.k.key(p), len(t.k.primary(p))
	for e := i; e < len(t.bounds); e++ {
		part := t.s[t.bounds[i]:t.bounds[e]]
		if bytes.Equal(t.k.key(part), want) {
			return e, true
		}
		// A later character may still join the last one, so that its weight changes.
		if len(t.k.primary(part)) > limit+6 {
			break
		}
	}
	return 0, false
}

// suffix reports whether p matches the end of the string from the bound from on.
func (t *text) suffix(p string, from int) bool {
	want, limit := t.k.key(p), len(t.k.primary(p))
	for i := len(t.bounds) - 1; i >= from; i-- {
		part := t.s[t.bounds[i]:]
		if bytes.Equal(t.k.key(part), want) {
			return true
		}
		if len(t.k.primary(part)) > limit+6 {
			break
		}
	}
	return false
}

// find is the first match of p at or after the bound from. A match begins with a
// character that counts.
func (t *text) find(p string, from int) (start, end int, ok bool) {
	for i := from; i+1 < len(t.bounds); i++ {
		if t.k.weightless(t.s[t.bounds[i]:t.bounds[i+1]]) {
			continue
		}
		if e, ok := t.prefix(p, i); ok {
			return i, e, true
		}
	}
	return 0, 0, false
}

// errWeightless refuses a search for what counts for nothing.
var errWeightless = errors.New("a search for characters that the collation ignores is not available")

// instr is the position in characters, from one, of the n-th match at or after pos; 0 if
// there is none.
func (k *collation) instr(s, p string, pos, n int64) (any, error) {
	switch {
	case pos == 0:
		return nil, errors.New("position cannot be 0")
	case n < 1:
		return nil, errors.New("occurrence must be a positive number")
	case pos < 0:
		return nil, errors.New("a search from the end by a collation is not available")
	}
	at := 0
	for i := int64(1); i < pos; i++ {
		if at >= len(s) {
			return int64(0), nil
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	if k.weightless(p) {
		if p != "" {
			return nil, errWeightless
		}
		if n == 1 && pos == 1 {
			return int64(1), nil
		}
		return int64(0), nil
	}
	t := k.text(s)
	from := 0
	for from < len(t.bounds) && t.bounds[from] < at {
		from++
	}
	for ; ; n-- {
		start, _, ok := t.find(p, from)
		if !ok {
			return int64(0), nil
		}
		if n == 1 {
			return int64(utf8.RuneCountInString(s[:t.bounds[start]])) + 1, nil
		}
		from = start + 1
	}
}

// split is the parts of s between the matches of sep, which is not empty.
func (k *collation) split(s, sep string) ([]string, error) {
	if k.weightless(sep) {
		return nil, errWeightless
	}
	t := k.text(s)
	var parts []string
	for from := 0; ; {
		start, end, ok := t.find(sep, from)
		if !ok {
			return append(parts, s[t.bounds[from]:]), nil
		}
		parts = append(parts, s[t.bounds[from]:t.bounds[start]])
		from = end
	}
}

// like is LIKE: what stands between the percent signs is searched for by the collation. An
// underscore has no meaning there, as characters do not correspond one to one.
func (k *collation) like(s, pattern string) (bool, error) {
	var chunks []string
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			if i++; i == len(pattern) {
				return false, errors.New("LIKE pattern ends with a backslash")
			}
			b.WriteByte(pattern[i])
		case c == '%':
			chunks = append(chunks, b.String())
			b.Reset()
		case c == '_':
			return false, errors.New("LIKE pattern has '_' which is not allowed when its operands have collation")
		default:
			b.WriteByte(c)
		}
	}
	last := b.String()
	if len(chunks) == 0 {
		return bytes.Equal(k.key(s), k.key(last)), nil
	}
	t := k.text(s)
	at, ok := t.prefix(chunks[0], 0)
	if !ok {
		return false, nil
	}
	for _, c := range chunks[1:] {
		if k.weightless(c) {
			continue
		}
		if _, at, ok = t.find(c, at); !ok {
			return false, nil
		}
	}
	return t.suffix(last, at), nil
}
