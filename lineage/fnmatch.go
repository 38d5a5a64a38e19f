package lineage

import (
	"path"
	"slices"
	"strings"
)

// wild reports whether a pattern has wildcards.
func wild(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// fnmatch matches shell patterns the way dbt does (Python's fnmatch): * is any run of
// characters, slashes and dots included, ? is one character, [abc], [a-z] and [!a-z] are
// sets. A bracket that is never closed stands for itself.
func fnmatch(pattern, s string) bool {
	if !wild(pattern) {
		return pattern == s
	}
	p, t := []rune(pattern), []rune(s)
	pi, ti, star, mark := 0, 0, -1, 0
	for ti < len(t) {
		if pi < len(p) {
			if p[pi] == '*' {
				star, mark = pi, ti
				pi++
				continue
			}
			if n, ok := matchOne(p[pi:], t[ti]); ok {
				pi += n
				ti++
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		pi, ti = star+1, mark
	}
	for pi < len(p) && p[pi] == '*' {
		pi++
	}
	return pi == len(p)
}

// matchOne matches one character against the pattern's head and says how long that head is.
func matchOne(p []rune, c rune) (int, bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		if n, ok, closed := matchSet(p, c); closed {
			return n, ok
		}
	}
	return 1, p[0] == c
}

func matchSet(p []rune, c rune) (n int, ok, closed bool) {
	i := 1
	negated := i < len(p) && p[i] == '!'
	if negated {
		i++
	}
	first := i
	end := -1
	for j := first; j < len(p); j++ {
		if p[j] == ']' && j > first {
			end = j
			break
		}
	}
	if end < 0 {
		return 0, false, false
	}
	for ; i < end; i++ {
		lo, hi := p[i], p[i]
		if i+2 < end && p[i+1] == '-' {
			hi = p[i+2]
			i += 2
		}
		if lo <= c && c <= hi {
			ok = true
		}
	}
	return end + 1, ok != negated, true
}

// globPath reports whether the pattern matches the file or one of its directories. * stays
// inside one directory, ** spans any number of them.
func globPath(pattern, file string) bool {
	pattern = path.Clean(strings.ReplaceAll(pattern, "\\", "/"))
	if file == "" {
		return false
	}
	if pattern == "." {
		return true
	}
	if !wild(pattern) {
		return file == pattern || strings.HasPrefix(file, pattern+"/")
	}
	want, have := strings.Split(pattern, "/"), strings.Split(file, "/")
	if slices.Contains(want, "**") {
		for n := len(have); n > 0; n-- {
			if globParts(want, have[:n]) {
				return true
			}
		}
		return false
	}
	if len(want) > len(have) {
		return false
	}
	return globParts(want, have[:len(want)])
}

func globParts(want, have []string) bool {
	for len(want) > 0 {
		if want[0] == "**" {
			for i := 0; i <= len(have); i++ {
				if globParts(want[1:], have[i:]) {
					return true
				}
			}
			return false
		}
		if len(have) == 0 || !fnmatch(want[0], have[0]) {
			return false
		}
		want, have = want[1:], have[1:]
	}
	return len(have) == 0
}
