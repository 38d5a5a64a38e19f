package view

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/difference"
)

// Difference is the comparison of two relations, or why there is none.
type Difference struct {
	Node   addr.Node          `json:"node,omitzero"`
	Result *difference.Result `json:"result,omitempty"`
	// Missing says that there is nothing to compare with («it is new»).
	Missing string `json:"missing,omitempty"`
}

// title names what is compared.
func (d Difference) title() string {
	if !d.Node.IsZero() {
		return d.Node.Name
	}
	return d.Result.A + " and " + d.Result.B
}

// verdict is the outcome in a few words.
func verdict(r *difference.Result) string {
	if r.Same() {
		return "equal"
	}
	var parts []string
	if n := len(r.Schema); n > 0 {
		parts = append(parts, plural(int64(n), "column change"))
	}
	if n := r.Matched - r.Equal; n > 0 {
		parts = append(parts, pluralOf(n, "row differs", "rows differ"))
	}
	if r.OnlyA > 0 {
		parts = append(parts, Count(r.OnlyA)+" only in "+r.A)
	}
	if r.OnlyB > 0 {
		parts = append(parts, Count(r.OnlyB)+" only in "+r.B)
	}
	return strings.Join(parts, ", ")
}

func schemaLine(c difference.SchemaChange) (sign, text string) {
	switch c.What {
	case "only_a":
		return "-", c.Column + " " + c.TypeA
	case "only_b":
		return "+", c.Column + " " + c.TypeB
	}
	return "~", c.Column + " " + c.TypeA + " → " + c.TypeB
}

func valueText(v difference.Value) string {
	if v.Hidden {
		return "(hidden)"
	}
	return Text(v.V, v.Type)
}

// percent is a share as text; it says 100 % only of all, and 0 % only of none.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case part == whole:
		return "100 %"
	case p > 99.99:
		return "> 99.99 %"
	case part > 0 && p < 0.01:
		return "< 0.01 %"
	}
	return fmt.Sprintf("%.2f %%", p)
}

// Differences shows comparisons for people.
func (s Screen) Differences(all []Difference) string {
	var b strings.Builder
	for i, d := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.difference(&b, d)
	}
	return b.String()
}

func (s Screen) difference(b *strings.Builder, d Difference) {
	if d.Result == nil {
		fmt.Fprintf(b, "%s  %s\n", s.Paint(Bold, d.title()), d.Missing)
		return
	}
	r := d.Result
	style := Yellow
	if r.Same() {
		style = Green
	}
	fmt.Fprintf(b, "%s  %s\n", s.Paint(Bold, d.title()), s.Paint(style, verdict(r)))
	for _, n := range r.Notes {
		b.WriteString("  " + s.Paint(Dim, "note: "+n) + "\n")
	}
	for _, c := range r.Schema {
		sign, text := schemaLine(c)
		look := map[string]Style{"-": Red, "+": Green, "~": Yellow}[sign]
		b.WriteString("  " + s.Paint(look, sign+" "+text) + "\n")
	}
	by := "whole rows"
	if len(r.Key) > 0 {
		by = "rows by " + strings.Join(r.Key, ", ")
	}
	rows := Table{Columns: []string{by, r.A, r.B}, Numeric: []bool{false, true, true}, Rows: [][]Cell{
		{{Text: "all"}, {Text: Count(r.RowsA)}, {Text: Count(r.RowsB)}},
		{{Text: "only here"}, {Text: Count(r.OnlyA)}, {Text: Count(r.OnlyB)}},
		{{Text: "in both"}, {Text: Count(r.Matched)}, {Text: Count(r.Matched)}},
	}}
	if len(r.Key) > 0 {
		rows.Rows = append(rows.Rows, []Cell{{Text: "equal"}, {Text: Count(r.Equal)}, {Text: Count(r.Equal)}})
	}
	b.WriteString(s.Table(rows, "  "))
	if t := columnTable(r); len(t.Rows) > 0 {
		b.WriteByte('\n')
		b.WriteString(s.Table(t, "  "))
	}
	if t := changedTable(r); len(t.Rows) > 0 {
		b.WriteByte('\n')
		b.WriteString(s.Table(t, "  "))
	}
	for _, side := range sides(r) {
		b.WriteString("\n  only in " + side.label + ", first " + Number(len(side.rows), "row") + ":\n")
		b.WriteString(s.Table(side.table(r), "  "))
	}
}

// columnTable has the columns that differ anywhere; the others are one line.
func columnTable(r *difference.Result) Table {
	t := Table{Columns: []string{"column", "equal", "differ"}, Numeric: []bool{false, true, true}}
	same := 0
	for _, c := range r.Columns {
		if c.Differ == 0 {
			same++
			continue
		}
		t.Rows = append(t.Rows, []Cell{{Text: c.Column}, {Text: percent(c.Equal, r.Matched)}, {Text: Count(c.Differ)}})
	}
	if same > 0 && len(t.Rows) > 0 {
		t.Rows = append(t.Rows, []Cell{{Text: Number(same, "other column")}, {Text: "100 %"}, {Text: "0"}})
	}
	return t
}

// changedTable has one line per differing value: both sides next to each other.
func changedTable(r *difference.Result) Table {
	t := Table{Columns: append(append([]string{}, r.Key...), "column", r.A, r.B)}
	for _, row := range r.Changed {
		for i, v := range row.Values {
			cells := make([]Cell, 0, len(t.Columns))
			for _, k := range row.Key {
				cell := Cell{Text: valueText(k)}
				if i > 0 {
					cell.Text = ""
				}
				cells = append(cells, cell)
			}
			cells = append(cells, Cell{Text: v.Column}, Cell{Text: valueText(v.A), Null: v.A.V == nil && !v.A.Hidden}, Cell{Text: valueText(v.B), Null: v.B.V == nil && !v.B.Hidden})
			t.Rows = append(t.Rows, cells)
		}
	}
	return t
}

type oneSide struct {
	label string
	rows  [][]difference.Value
}

func sides(r *difference.Result) []oneSide {
	var out []oneSide
	for _, x := range []oneSide{{r.A, r.RowsOnlyA}, {r.B, r.RowsOnlyB}} {
		if len(x.rows) > 0 {
			out = append(out, x)
		}
	}
	return out
}

func (o oneSide) table(r *difference.Result) Table {
	t := Table{Columns: r.SampleColumns}
	for _, row := range o.rows {
		cells := make([]Cell, len(row))
		for i, v := range row {
			cells[i] = Cell{Text: valueText(v), Null: v.V == nil && !v.Hidden}
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// DifferencesJSON writes comparisons for programs.
func DifferencesJSON(w io.Writer, all []Difference) error {
	out := make([]any, len(all))
	for i, d := range all {
		doc := map[string]any{"same": d.Result != nil && d.Result.Same()}
		if !d.Node.IsZero() {
			doc["node"] = d.Node
		}
		if d.Result == nil {
			doc["missing"] = d.Missing
		} else {
			doc["result"] = readable(*d.Result)
		}
		out[i] = doc
	}
	return JSON(w, out)
}

// readable gives values the form that results of queries have in JSON.
func readable(r difference.Result) difference.Result {
	value := func(v difference.Value) difference.Value {
		v.V = valueJSON(v.V, v.Type)
		return v
	}
	row := func(in []difference.Value) []difference.Value {
		out := make([]difference.Value, len(in))
		for i := range in {
			out[i] = value(in[i])
		}
		return out
	}
	rows := func(in [][]difference.Value) [][]difference.Value {
		out := make([][]difference.Value, len(in))
		for i := range in {
			out[i] = row(in[i])
		}
		return out
	}
	changed := r.Changed
	r.Changed = make([]difference.ChangedRow, len(changed))
	for i, c := range changed {
		r.Changed[i] = difference.ChangedRow{Key: row(c.Key)}
		for _, v := range c.Values {
			r.Changed[i].Values = append(r.Changed[i].Values, difference.ChangedCell{Column: v.Column, A: value(v.A), B: value(v.B)})
		}
	}
	r.RowsOnlyA, r.RowsOnlyB = rows(r.RowsOnlyA), rows(r.RowsOnlyB)
	return r
}

// DifferencesMarkdown writes comparisons for a pull request.
func DifferencesMarkdown(all []Difference) string {
	var b strings.Builder
	b.WriteString(differencesTable(all))
	for _, d := range all {
		if d.Result == nil || d.Result.Same() {
			continue
		}
		r := d.Result
		fmt.Fprintf(&b, "\n<details><summary>%s: %s</summary>\n\n", htmlText(d.title()), htmlText(verdict(r)))
		for _, n := range r.Notes {
			b.WriteString("- " + mdText(n) + "\n")
		}
		for _, c := range r.Schema {
			sign, text := schemaLine(c)
			word := map[string]string{"-": "removed", "+": "added", "~": "retyped"}[sign]
			b.WriteString("- column " + word + ": " + mdCode(text) + "\n")
		}
		for _, t := range []Table{columnTable(r), changedTable(r)} {
			if len(t.Rows) > 0 {
				b.WriteString("\n" + Markdown(t))
			}
		}
		for _, side := range sides(r) {
			fmt.Fprintf(&b, "\nOnly in %s, first %s:\n\n", mdText(side.label), Number(len(side.rows), "row"))
			b.WriteString(Markdown(side.table(r)))
		}
		b.WriteString("\n</details>\n")
	}
	return b.String()
}

// differencesTable has a line for each comparison.
func differencesTable(all []Difference) string {
	if len(all) == 0 {
		return "Nothing was compared.\n"
	}
	var b strings.Builder
	b.WriteString("| relation | outcome | rows before | rows after | only before | only after | differ |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, d := range all {
		if d.Result == nil {
			fmt.Fprintf(&b, "| %s | %s | | | | | |\n", mdCode(d.title()), mdText(d.Missing))
			continue
		}
		r := d.Result
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", mdCode(d.title()), mdText(verdict(r)), Count(r.RowsA), Count(r.RowsB), Count(r.OnlyA), Count(r.OnlyB), Count(r.Matched-r.Equal))
	}
	return b.String()
}

// Markdown writes a table in Markdown.
func Markdown(t Table) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	head, rule := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		head[i], rule[i] = mdText(c), "---"
		if i < len(t.Numeric) && t.Numeric[i] {
			rule[i] = "--:"
		}
	}
	line(head)
	line(rule)
	for _, row := range t.Rows {
		cells := make([]string, len(t.Columns))
		for i := range cells {
			switch {
			case i >= len(row):
			case row[i].Null:
				cells[i] = "*NULL*"
			default:
				cells[i] = mdText(clipped(row[i].Text))
			}
		}
		line(cells)
	}
	return b.String()
}

// mdCell is the most that a cell of a report shows, in characters.
const mdCell = 200

func clipped(text string) string {
	if r := []rune(text); len(r) > mdCell {
		return string(r[:mdCell-1]) + "…"
	}
	return text
}

var (
	mdSpecial = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "#", "\\#", "~", "\\~", "@", "&#64;", "://", "&#58;//", "www.", "www&#46;", "\r", " ", "\n", " ")
	mdInCode  = strings.NewReplacer("`", "'", "|", "\\|", "\r", " ", "\n", " ")
)

// htmlText is text in a line of HTML, where nothing is Markdown.
func htmlText(s string) string {
	return html.EscapeString(strings.NewReplacer("\r", " ", "\n", " ").Replace(s))
}

// mdText is text that Markdown shows as it is: nothing in it is markup, a link or a mention.
func mdText(s string) string { return mdSpecial.Replace(s) }

func mdCode(s string) string { return "`" + mdInCode.Replace(s) + "`" }
