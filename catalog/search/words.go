package search

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the length in letters at which words are cut, so that keys and encoded bytes in
// texts do not fill the index; the browser cuts what is asked for in the same way.
const maxWord = 40

// words calls f for every word of a text, folded: runs of letters, digits and underscores, and
// the parts of those between underscores. Words of one ASCII letter are left out; scripts
// without spaces give a word per sign. The bytes belong to words: f copies what it keeps.
//
// web/src/words.ts does the same and must be changed with it.
func words(text string, f func(word []byte)) {
	var buf [maxWord * utf8.UTFMax]byte
	word, length, parts := buf[:0], 0, false
	flush := func() {
		if len(word) > 1 {
			f(word)
			if parts {
				for start := 0; start <= len(word); {
					end := start
					for end < len(word) && word[end] != '_' {
						end++
					}
					if part := word[start:end]; len(part) > 1 && len(part) < len(word) {
						f(part)
					}
					start = end + 1
				}
			}
		}
		word, length, parts = buf[:0], 0, false
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			case c == '_':
				parts = true
			default:
				flush()
				continue
			}
			if length < maxWord {
				word = append(word, c)
				length++
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case alone(r):
			flush()
			f(utf8.AppendRune(buf[:0], r))
		case unicode.In(r, unicode.L, unicode.N, unicode.M):
			for _, r := range fold(r) {
				if length < maxWord {
					word = utf8.AppendRune(word, r)
					length++
				}
			}
		default:
			flush()
		}
	}
	flush()
}

// alone is a sign of a script that puts no spaces between words.
func alone(r rune) bool {
	return r >= 0x2E80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// fold makes one letter small and takes its accents off.
func fold(r rune) string {
	low := unicode.ToLower(r)
	if low == 'ς' {
		low = 'σ'
	}
	s := norm.NFD.String(string(low))
	if len(s) == utf8.RuneLen(low) {
		if unicode.Is(unicode.Mn, low) {
			return ""
		}
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, s)
}

// plain takes the marks of Markdown off and folds white space, for what results show.
func plain(s string) string {
	if strings.ContainsAny(s, "*_`[]#>|~") {
		s = unmark(s)
	}
	if strings.ContainsAny(s, "\n\t\r\f\v\u00a0") || strings.Contains(s, "  ") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return field(strings.TrimSpace(s))
}

func unmark(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	start := true // of a line
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '`', c == '*' && (start || !between(s, i)), c == '~' && (i+1 < len(s) && s[i+1] == '~' || i > 0 && s[i-1] == '~'):
			continue
		case c == '_' && !inWord(s, i):
			continue
		case start && (c == '#' || c == '>' || c == '|'):
			continue
		case c == '|':
			b.WriteByte(' ')
			continue
		case c == '[':
			continue
		case c == ']':
			// The address of a link is not part of the text.
			if i+1 < len(s) && s[i+1] == '(' {
				if end := strings.IndexByte(s[i:], ')'); end > 0 {
					i += end
				}
			}
			continue
		}
		start = c == '\n' || start && c == ' '
		b.WriteByte(c)
	}
	return b.String()
}

// between says whether the sign at i stands between spaces, as in 2 * 3.
func between(s string, i int) bool {
	return i > 0 && i+1 < len(s) && s[i-1] == ' ' && s[i+1] == ' '
}

// inWord says whether the underscores around i have letters or digits on both sides.
func inWord(s string, i int) bool {
	part := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
	}
	before, after := i, i
	for before >= 0 && s[before] == '_' {
		before--
	}
	for after < len(s) && s[after] == '_' {
		after++
	}
	return before >= 0 && after < len(s) && part(s[before]) && part(s[after])
}

// clip cuts a text to so many letters.
func clip(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	r := []rune(s)
	return strings.TrimRight(string(r[:limit-1]), " ,;.") + "…"
}

// compare orders texts as JavaScript does, by UTF-16 units: there signs beyond the first plane
// come before the last ones of it.
func compare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			// Bytes EE and EF begin signs from U+E000 on, F0 and more those beyond the plane.
			if a[i] >= 0xEE && b[i] >= 0xEE && (a[i] >= 0xF0) != (b[i] >= 0xF0) {
				return -cmp.Compare(a[i], b[i])
			}
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}
