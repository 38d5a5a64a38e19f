package view

import (
	"strings"
)

// Cell is a value as shown: Null is told apart from the text «NULL».
type Cell struct {
	Text string
	Null bool
}

// Table is a small table for people.
type Table struct {
	Columns []string
	Numeric []bool // right-aligned columns; may be shorter than Columns
	Rows    [][]Cell
}

// maxCell is the widest a cell may get on a screen of known width.
const maxCell = 60

// Table writes t with every line behind indent. Cells stay on one line; where the screen
// has a width, columns that do not fit are left out and counted.
func (s Screen) Table(t Table, indent string) string {
	texts, widths := s.layout(t)
	shown := s.fitting(widths, textWidth(indent))
	var b strings.Builder
	line := func(cell func(col int) string) {
		b.WriteString(strings.TrimRight(indent+" "+strings.Join(each(shown, cell), s.bar()), " "))
		b.WriteByte('\n')
	}
	line(func(c int) string { return s.Paint(Bold, s.aligned(t, c, texts[0][c], widths[c])) })
	b.WriteString(indent + s.rule(widths[:shown]) + "\n")
	for i, row := range t.Rows {
		line(func(c int) string {
			text := s.aligned(t, c, texts[i+1][c], widths[c])
			if c < len(row) && row[c].Null {
				return s.Paint(Dim, text)
			}
			return text
		})
	}
	if hidden := len(t.Columns) - shown; hidden > 0 {
		b.WriteString(indent + s.Paint(Dim, " "+plural(int64(hidden), "more column")+" not shown: the terminal is too narrow") + "\n")
	}
	return b.String()
}

func each(n int, f func(int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// layout gives the clean text of every cell, header first, and the width of every column.
func (s Screen) layout(t Table) (texts [][]string, widths []int) {
	widths = make([]int, len(t.Columns))
	add := func(cell func(int) string) {
		row := each(len(t.Columns), func(c int) string {
			text := oneLine(cell(c))
			if s.Width > 0 {
				text = s.clip(text, min(maxCell, max(s.Width-4, 8)))
			}
			widths[c] = max(widths[c], textWidth(text))
			return text
		})
		texts = append(texts, row)
	}
	add(func(c int) string { return t.Columns[c] })
	for _, row := range t.Rows {
		add(func(c int) string {
			switch {
			case c >= len(row):
				return ""
			case row[c].Null:
				return "NULL"
			}
			return row[c].Text
		})
	}
	return texts, widths
}

// fitting says how many columns have room; at least one.
func (s Screen) fitting(widths []int, indent int) int {
	if s.Width <= 0 {
		return len(widths)
	}
	used := indent + 1
	for i, w := range widths {
		used += w
		if i > 0 {
			used += 3
		}
		if used > s.Width && i > 0 {
			return i
		}
	}
	return len(widths)
}

func (s Screen) aligned(t Table, col int, text string, width int) string {
	if col < len(t.Numeric) && t.Numeric[col] {
		return padLeft(text, width)
	}
	return padRight(text, width)
}

func (s Screen) bar() string {
	if s.Unicode {
		return s.Paint(Dim, " │ ")
	}
	return s.Paint(Dim, " | ")
}

func (s Screen) rule(widths []int) string {
	dash, cross := "-", "+"
	if s.Unicode {
		dash, cross = "─", "┼"
	}
	parts := each(len(widths), func(c int) string { return strings.Repeat(dash, widths[c]+2) })
	return s.Paint(Dim, strings.Join(parts, cross))
}

var controls = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// oneLine makes text safe for one line of a terminal: line breaks become visible and
// control characters cannot move the cursor.
func oneLine(t string) string {
	t = controls.Replace(t)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '\uFFFD'
		}
		return r
	}, t)
}
