package diag

import (
	"strings"
	"unicode/utf8"
)

// textColumns is the width of printable text on one line.
func textColumns(s string) int {
	n := 0
	for _, r := range s {
		n += widths.RuneWidth(r)
	}
	return n
}

// wrap breaks one line of printable text into pieces of at most width columns: between words,
// or within one that is longer. Spaces at the beginning stay, and stand before each piece.
// Without a width it stays whole.
func wrap(line string, width int) []string {
	if width <= 0 || textColumns(line) <= width {
		return []string{line}
	}
	body := strings.TrimLeft(line, " ")
	indent := line[:min(len(line)-len(body), width/2)]
	room := width - len(indent)
	var out []string
	for body != "" {
		end, next := fit(body, room)
		out = append(out, indent+strings.TrimRight(body[:end], " "))
		body = body[next:]
	}
	return out
}

// fit is where the first piece of text ends and the next one begins.
func fit(text string, room int) (end, next int) {
	used, space := 0, -1
	for i, r := range text {
		w := widths.RuneWidth(r)
		if used+w > room && i > 0 {
			if r == ' ' {
				space = i
			}
			if space > 0 {
				return space, space + len(text[space:]) - len(strings.TrimLeft(text[space:], " "))
			}
			return i, i
		}
		if r == ' ' {
			space = i
		}
		used += w
	}
	return len(text), len(text)
}

// cutPath leaves out the first folders of a path until it has at most width columns.
func cutPath(path string, width int) string {
	if width <= 0 || textColumns(path) <= width {
		return path
	}
	rest := path
	for {
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			break
		}
		rest = after
		if textColumns(rest)+2 <= width {
			return "…/" + rest
		}
	}
	for textColumns(rest)+1 > width && rest != "" {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	return "…" + rest
}
