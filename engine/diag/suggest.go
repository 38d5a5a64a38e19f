package diag

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Suggest is the candidate that word was most likely meant to be, if one is close enough:
// at most two edits away, or a third of the word's length, and always less than half
// of the word. Neighbouring letters swapped count as one edit. A candidate that differs
// only in case wins; ties go to the alphabetically first.
func Suggest(word string, candidates []string) (string, bool) {
	limit := max(2, utf8.RuneCountInString(word)/3)
	m := newMeasure(word)
	best, bestDist, bestExact := "", limit+1, 0
	for _, c := range candidates {
		if c == word || c == "" {
			continue
		}
		d := m.distance(c, min(limit, bestDist))
		if d > limit || 2*d >= max(len(m.word), utf8.RuneCountInString(c)) {
			continue
		}
		exact := commonPrefix(word, c)
		if d < bestDist || d == bestDist && (exact > bestExact || exact == bestExact && c < best) {
			best, bestDist, bestExact = c, d, exact
		}
	}
	return best, bestDist <= limit
}

// Nearest lists the n candidates closest to word, nearest first, however far they are.
func Nearest(word string, candidates []string, n int) []string {
	type scored struct {
		name           string
		dist, contains int
	}
	m := newMeasure(word)
	folded := strings.ToLower(word)
	all := make([]scored, 0, len(candidates))
	for _, c := range candidates {
		if c == word {
			continue
		}
		s := scored{name: c, dist: m.distance(c, len(m.word)+utf8.RuneCountInString(c)), contains: 1}
		// «orders» is nearer to «stg_orders» than its four edits say.
		if len(folded) > 2 && strings.Contains(strings.ToLower(c), folded) {
			s.contains = 0
			s.dist = min(s.dist, 2)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.dist, b.dist), cmp.Compare(a.contains, b.contains), cmp.Compare(a.name, b.name))
	})
	all = slices.CompactFunc(all, func(a, b scored) bool { return a.name == b.name })
	out := make([]string, 0, min(n, len(all)))
	for _, s := range all[:min(max(n, 0), len(all))] {
		out = append(out, s.name)
	}
	return out
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// measure computes edit distances of many words to one, without allocating for each.
type measure struct {
	word         []rune
	other        []rune
	two, one, at []int // the last three rows of the matrix
}

func newMeasure(word string) *measure {
	return &measure{word: []rune(strings.ToLower(word))}
}

// distance is the optimal string alignment distance, case ignored. Distances above
// limit are reported as limit+1.
func (m *measure) distance(c string, limit int) int {
	if n := utf8.RuneCountInString(c) - len(m.word); n > limit || -n > limit {
		return limit + 1
	}
	m.other = m.other[:0]
	for _, r := range strings.ToLower(c) {
		m.other = append(m.other, r)
	}
	w, o := m.word, m.other
	m.two, m.one, m.at = row(m.two, len(o)), row(m.one, len(o)), row(m.at, len(o))
	for j := range m.one {
		m.one[j] = j
	}
	for i := 1; i <= len(w); i++ {
		m.at[0] = i
		low := i
		for j := 1; j <= len(o); j++ {
			cost := 1
			if w[i-1] == o[j-1] {
				cost = 0
			}
			d := min(m.one[j]+1, m.at[j-1]+1, m.one[j-1]+cost)
			if i > 1 && j > 1 && w[i-1] == o[j-2] && w[i-2] == o[j-1] {
				d = min(d, m.two[j-2]+1)
			}
			m.at[j] = d
			low = min(low, d)
		}
		if low > limit {
			return limit + 1
		}
		m.two, m.one, m.at = m.one, m.at, m.two
	}
	return m.one[len(o)]
}

func row(r []int, n int) []int {
	if cap(r) < n+1 {
		return make([]int, n+1, 2*n+2)
	}
	return r[:n+1]
}
