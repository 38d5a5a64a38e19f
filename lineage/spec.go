package lineage

import (
	"math"
	"path"
	"strings"
	"unicode"

	"github.com/engine-build/engine/engine/source"
)

// spec is one selector as written: a set of nodes by method and value, and how far its
// relatives are taken along.
type spec struct {
	method string
	args   []string // behind the method's dot: config.meta.owner
	value  string
	// up and down are depths: -1 not wanted, 0 without limit.
	up, down int
	// around (@) takes the descendants and all ancestors of those.
	around bool

	text                  string // as written, for messages
	at, methodAt, valueAt source.Span
}

// problem is what is wrong with a selector, found without looking at the project.
type problem struct {
	at   source.Span
	text string
	help string
}

// parseSpec parses
//
//	'@'? (N? '+')? (method ('.' arg)* ':')? value ('+' N?)?
//
// at is where the text stands, be it in quotes.
func parseSpec(text string, at source.Span) (spec, *problem) {
	s := spec{up: -1, down: -1, text: text, at: at}
	sub := at.Sub
	if at.File == nil || at.Text() != text {
		sub = func(int, int) source.Span { return at }
	}
	lo, hi := 0, len(text)
	if strings.HasPrefix(text, "@") {
		s.around = true
		lo++
	}
	if n := digits(text[lo:]); strings.HasPrefix(text[lo+n:], "+") {
		s.up = depth(text[lo : lo+n])
		lo += n + 1
	}
	if plus := strings.LastIndexByte(text[lo:hi], '+'); plus >= 0 && digits(text[lo+plus+1:hi]) == hi-lo-plus-1 {
		s.down = depth(text[lo+plus+1 : hi])
		hi = lo + plus
	}
	if colon := methodLen(text[lo:hi]); colon > 0 {
		s.methodAt = sub(lo, lo+colon)
		names := strings.Split(text[lo:lo+colon], ".")
		s.method, s.args = names[0], names[1:]
		lo += colon + 1
	}
	s.value, s.valueAt = text[lo:hi], sub(lo, hi)
	if s.value == "" {
		return s, &problem{at: at, text: "names nothing", help: `write a name, for example "+orders" or "tag:nightly"`}
	}
	if s.around && s.down != -1 {
		return s, &problem{at: at, text: `has both "@" and a trailing "+"`, help: `"@" takes all descendants already: drop the "+"`}
	}
	if s.method == "" {
		s.method = defaultMethod(s.value)
	}
	return s, nil
}

// digits counts the leading decimal digits.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// depth reads a number of hops; an empty text is no limit, a huge number is a huge number.
func depth(s string) int {
	n := 0
	for _, c := range s {
		if n > math.MaxInt32 {
			break
		}
		n = n*10 + int(c-'0')
	}
	if s != "" && n == 0 {
		return noHops
	}
	return n
}

// noHops is the depth written as «0+»: the node itself and nothing more.
const noHops = math.MinInt32

// methodLen is the length of «method.arg» in front of a colon, 0 without one.
func methodLen(s string) int {
	for i, r := range s {
		switch {
		case r == ':':
			return i
		case r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return 0
		}
	}
	return 0
}

// defaultMethod is what a bare value means: with a separator it is a path, with the ending
// of a project file it is a file, otherwise a name.
func defaultMethod(value string) string {
	if strings.ContainsAny(value, `/\`) {
		return "path"
	}
	switch strings.ToLower(path.Ext(value)) {
	case ".sql", ".csv", ".parquet":
		return "file"
	}
	return "fqn"
}

// tokens splits flag values at white space: each token is one member of the union. White
// space of other scripts is part of a value.
func tokens(flag string, args []string) []source.Span {
	text := strings.Join(args, " ")
	f := source.NewFile(flag, []byte(text))
	var out []source.Span
	start := -1
	for i := range len(text) {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			if start >= 0 {
				out = append(out, f.Span(start, i))
			}
			start = -1
		} else if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		out = append(out, f.Span(start, len(text)))
	}
	return out
}

// commas splits a token into the members of its intersection.
func commas(at source.Span) []source.Span {
	var out []source.Span
	start := 0
	for i, c := range []byte(at.Text()) {
		if c == ',' {
			out = append(out, at.Sub(start, i))
			start = i + 1
		}
	}
	return append(out, at.Sub(start, at.End-at.Start))
}
