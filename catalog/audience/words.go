package audience

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// span are bytes of a text.
type span struct{ from, to int }

func (s span) text(of string) string { return of[s.from:s.to] }

func letter(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

// joint is what holds the parts of one name together: app.orders, weekly-report, a@b.de.
func joint(r rune) bool { return r == '.' || r == '-' || r == '@' || r == '$' }

// wordsOf are the names that a text may have: letters, digits and underscores, joined by dots
// and the like.
func wordsOf(text string) []span {
	var out []span
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !letter(r) {
			i += n
			continue
		}
		from, to := i, i
		for i < len(text) {
			r, n = utf8.DecodeRuneInString(text[i:])
			if letter(r) {
				i += n
				to = i
			} else if joint(r) {
				i += n
			} else {
				break
			}
		}
		i = to
		out = append(out, span{from, to})
	}
	return out
}

// partsOf are the ways to read a word as names, the longest first: app.orders.id, app.orders,
// orders.id, app, orders, id. Of words with very many joints only the single parts are read.
func partsOf(text string, w span) []span {
	var at []span
	from := w.from
	for i, r := range text[w.from:w.to] {
		if !letter(r) {
			at = append(at, span{from, w.from + i})
			from = w.from + i + utf8.RuneLen(r)
		}
	}
	at = append(at, span{from, w.to})
	const most = 8
	if len(at) > most {
		return at
	}
	var out []span
	for n := len(at); n > 0; n-- {
		for i := 0; i+n <= len(at); i++ {
			if s := (span{at[i].from, at[i+n-1].to}); s.from < s.to {
				out = append(out, s)
			}
		}
	}
	return out
}

// codeIn are the code spans and blocks of Markdown.
func codeIn(text string) []span {
	if !strings.Contains(text, "`") {
		return nil
	}
	var out []span
	for i := 0; i < len(text); {
		if text[i] != '`' {
			i++
			continue
		}
		n := run(text, i)
		end := -1
		for j := i + n; j < len(text); {
			if text[j] != '`' {
				j++
				continue
			}
			m := run(text, j)
			if m == n {
				end = j
				break
			}
			j += m
		}
		if end < 0 {
			i += n
			continue
		}
		out = append(out, span{i, end + n})
		i = end + n
	}
	return out
}

func run(text string, at int) int {
	n := at
	for n < len(text) && text[n] == '`' {
		n++
	}
	return n - at
}
