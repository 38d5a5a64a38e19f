package prose

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/words"
)

// glossary finds terms in texts.
type glossary struct {
	names  map[string]int      // by name in lower case
	first  map[string][]phrase // by the first word in lower case, longest first
	titles []string
}

// phrase is a term as words in lower case.
type phrase struct {
	words []string
	term  int
}

// match is a place in a text that a term stands at, in bytes.
type match struct{ from, to, term int }

// readGlossary takes the words of every term: «net_revenue» is found as «net revenue», too.
func readGlossary(terms []*content.Term) glossary {
	g := glossary{names: map[string]int{}, first: map[string][]phrase{}, titles: make([]string, len(terms))}
	for i, t := range terms {
		g.titles[i] = words.Summary(t.Text, 56)
		g.names[strings.ToLower(t.Name)] = i
		var list []string
		for at := 0; at < len(t.Name); {
			from, to := nextWord(t.Name, at)
			if from == to {
				break
			}
			list = append(list, strings.ToLower(t.Name[from:to]))
			at = to
		}
		if len(list) > 0 {
			g.first[list[0]] = append(g.first[list[0]], phrase{list, i})
		}
	}
	for _, list := range g.first {
		slices.SortStableFunc(list, func(a, b phrase) int { return len(b.words) - len(a.words) })
	}
	return g
}

// find is where terms first occur; those in seen are left out, and what is found joins them.
func (g glossary) find(s string, seen map[int]bool) []match {
	if len(g.first) == 0 {
		return nil
	}
	var out []match
	for at := 0; at < len(s); {
		from, to := nextWord(s, at)
		if from == to {
			break
		}
		at = to
		// Entities and escapes of Markdown are no words.
		if from > 0 && (s[from-1] == '&' || s[from-1] == '\\') {
			continue
		}
		for _, p := range g.candidates(s[from:to]) {
			if seen[p.term] {
				continue
			}
			if end, ok := p.matches(s, from); ok {
				out = append(out, match{from, end, p.term})
				seen[p.term] = true
				at = end
				break
			}
		}
	}
	return out
}

func (g glossary) candidates(word string) []phrase {
	low := strings.ToLower(word)
	list := g.first[low]
	if one := singular(low); one != low {
		// The plural of a term of one word; longer ones have their plural at the end.
		list = slices.Concat(list, g.first[one])
	}
	return list
}

// matches says where the phrase ends that begins at from.
func (p phrase) matches(s string, from int) (end int, ok bool) {
	at := from
	for i, w := range p.words {
		if i > 0 {
			if at >= len(s) || !strings.ContainsRune(" _-", rune(s[at])) {
				return 0, false
			}
			at++
		}
		f, t := nextWord(s, at)
		low := strings.ToLower(s[f:t])
		if f != at || low != w && (i < len(p.words)-1 || singular(low) != w) {
			return 0, false
		}
		at = t
	}
	return at, true
}

// singular drops the s of a plural from words that are long enough to have one.
func singular(low string) string {
	if len(low) > 3 && strings.HasSuffix(low, "s") && !strings.HasSuffix(low, "ss") {
		return low[:len(low)-1]
	}
	return low
}

// nextWord is the next run of letters and digits; from equals to if there is none.
func nextWord(s string, at int) (from, to int) {
	from = at
	for from < len(s) {
		r, n := utf8.DecodeRuneInString(s[from:])
		if letter(r) {
			break
		}
		from += n
	}
	to = from
	for to < len(s) {
		r, n := utf8.DecodeRuneInString(s[to:])
		if !letter(r) {
			break
		}
		to += n
	}
	return from, to
}

func letter(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
