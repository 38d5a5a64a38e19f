package transpile

import (
	"sort"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// A marked text carries the places it came from as control characters around the
// ranges: open, "start:end", sep, text, shut. Texts can then be put together like
// any strings; Finish takes the marks out. Literals never hold these characters:
// targets write them as escapes.
const (
	open = '\x01'
	sep  = '\x02'
	shut = '\x03'
)

// Mark notes that a text came from a place.
func Mark(text string, at ir.Span) string {
	if at.End <= at.Start || text == "" {
		return text
	}
	return string(open) + strconv.Itoa(at.Start) + ":" + strconv.Itoa(at.End) + string(sep) + text + string(shut)
}

// Plain is a text without its marks.
func Plain(text string) string {
	if strings.IndexByte(text, open) < 0 {
		return text
	}
	s, _ := unmark(text)
	return s
}

func unmark(text string) (string, []Range) {
	var b strings.Builder
	b.Grow(len(text))
	var ranges []Range
	var stack []int
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case open:
			j := i + strings.IndexByte(text[i:], sep)
			from, to, _ := strings.Cut(text[i+1:j], ":")
			start, _ := strconv.Atoi(from)
			end, _ := strconv.Atoi(to)
			stack = append(stack, len(ranges))
			ranges = append(ranges, Range{Start: b.Len(), Source: ir.Span{Start: start, End: end}})
			i = j
		case shut:
			ranges[stack[len(stack)-1]].End = b.Len()
			stack = stack[:len(stack)-1]
		default:
			b.WriteByte(text[i])
		}
	}
	sort.SliceStable(ranges, func(i, j int) bool {
		if ranges[i].Start != ranges[j].Start {
			return ranges[i].Start < ranges[j].Start
		}
		return ranges[i].End > ranges[j].End
	})
	return b.String(), ranges
}

// Atomic reports whether a text can stand as an operand of any operator without
// parentheses: a name, a path, a literal, a call, a bracketed text.
func Atomic(text string) bool {
	s := Plain(text)
	if s == "" {
		return true
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			j := closing(s, i)
			if j < 0 {
				return false
			}
			i = j
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
			if depth < 0 {
				return false
			}
			// After a call only a subscript or a field may follow: f(x)[1].y
			if depth == 0 && i+1 < len(s) && s[i+1] != '[' && s[i+1] != '.' && s[i+1] != ']' {
				return false
			}
		case depth > 0:
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c >= 0x80:
		default:
			return false
		}
	}
	return depth == 0
}

// closing is the index of the quote that ends the one at i, -1 if there is none.
func closing(s string, i int) int {
	q := s[i]
	for j := i + 1; j < len(s); j++ {
		if s[j] != q {
			continue
		}
		if j+1 < len(s) && s[j+1] == q {
			j++
			continue
		}
		return j
	}
	return -1
}

// Operand puts parentheses around a text that is not atomic.
func Operand(text string) string {
	if Atomic(text) {
		return text
	}
	return "(" + text + ")"
}
