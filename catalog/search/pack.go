package search

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Data files are classic scripts that hand one string to a function: nothing else loads from
// file:// under the pages' content policy, and one string parses faster than literals. A text
// has sections, sections have lines, lines have fields.
const (
	sectionMark = "\f"
	lineMark    = "\n"
	fieldMark   = "\t"
)

// digits are those of numbers: none of them is escaped in a string.
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// number writes n ≥ 0 in groups of five bits, the lowest first; the sixth bit says that more
// follow. Numbers need no separators and small ones are one byte.
func number(to []byte, n int) []byte {
	for n >= 32 {
		to = append(to, digits[32|n&31])
		n >>= 5
	}
	return append(to, digits[n])
}

// posting writes ascending numbers as distances, the first from -1, less one each.
func posting[N int | int32](to []byte, list []N) []byte {
	last := -1
	for _, n := range list {
		to = number(to, int(n)-last-1)
		last = int(n)
	}
	return to
}

// field keeps a value on its line and in its column.
func field(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	clean := true
	for i := range len(s) {
		if s[i] < ' ' {
			clean = false
			break
		}
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, s)
	}
	return s
}

// script hands a text to the page. JSON strings are JavaScript strings, and the encoder
// escapes <, >, & and the line separators.
func script(name, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always encodes
		panic(err)
	}
	return []byte("catalog(" + strconv.Quote(name) + "," + string(quoted) + ");\n")
}
