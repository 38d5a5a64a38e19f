package view

import "strings"

// Wrap breaks text between words so that lines have at most width columns.
func Wrap(text string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		w := textWidth(word)
		switch {
		case used == 0:
		case used+1+w > width:
			b.WriteByte('\n')
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += w
	}
	return b.String()
}

// Fold is fold of each line of a text.
func (s Screen) Fold(text, indent string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = s.fold(lines[i], indent)
	}
	return strings.Join(lines, "\n")
}

// fold breaks painted or plain text of one line between words where the screen ends; what
// follows the first line stands behind indent. Without a width it stays as it is.
func (s Screen) fold(text, indent string) string {
	if s.Width <= 0 || paintedWidth(text) < s.Width {
		return text
	}
	width := max(s.Width-1, 20)
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		w := paintedWidth(word)
		switch {
		case i == 0:
		case used+1+w > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += w
	}
	return b.String()
}

// Indent puts prefix before every line that is not empty.
func Indent(text, prefix string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = prefix + l
		}
	}
	return strings.Join(lines, "\n")
}
