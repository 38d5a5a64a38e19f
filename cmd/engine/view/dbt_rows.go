package view

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Limits of dbt's tables: columns shown, and the longest value.
const (
	dbtColumns = 6
	dbtWidth   = 20
)

// DBT is a table as dbt show prints it: up to six columns, values up to twenty characters.
func (r Rows) DBT() string {
	names := uniqueNames(r.Columns)
	more := len(names) > dbtColumns
	n := min(len(names), dbtColumns)
	lines := make([][]string, 0, len(r.Values)+1)
	head := make([]string, n)
	right := make([]bool, n)
	for i := range n {
		head[i], right[i] = cut(names[i]), numericType(typeOf(r.Columns, i)) || strings.Contains(strings.ToLower(typeOf(r.Columns, i)), "date")
	}
	lines = append(lines, head)
	for _, values := range r.Values {
		line := make([]string, n)
		for i := range n {
			if values[i] != nil {
				line[i] = cut(Text(values[i], typeOf(r.Columns, i)))
			}
		}
		lines = append(lines, line)
	}
	widths := make([]int, n)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for k, line := range lines {
		for i, cell := range line {
			space := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if k > 0 && right[i] {
				cell = space + cell
			} else {
				cell += space
			}
			b.WriteString("| " + cell + " ")
		}
		if more {
			b.WriteString("| ... ")
		}
		b.WriteString("|\n")
		if k == 0 {
			for _, w := range widths {
				b.WriteString("| " + strings.Repeat("-", w) + " ")
			}
			if more {
				b.WriteString("| --- ")
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

func cut(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if r := []rune(s); len(r) > dbtWidth {
		return string(r[:dbtWidth-3]) + "..."
	}
	return s
}

// DBTRows is the rows as a JSON list of objects.
func (r Rows) DBTRows() string {
	names := uniqueNames(r.Columns)
	var b strings.Builder
	b.WriteString("[")
	for i, row := range r.Values {
		b.WriteString(comma(i) + "{")
		for c, v := range row {
			b.WriteString(comma(c) + quoteJSON(names[c]) + ":" + valueJSON(v, typeOf(r.Columns, c)))
		}
		b.WriteString("}")
	}
	return b.String() + "]"
}

// Indented is JSON as dbt prints documents: two spaces a level.
func Indented(v any) (string, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	if err := w.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimRight(b.String(), "\n"), nil
}
