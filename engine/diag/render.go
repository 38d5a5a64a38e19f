package diag

import (
	"bufio"
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
)

// RenderOptions say how framed text is laid out.
type RenderOptions struct {
	Color   bool
	Width   int  // columns of the terminal, at least 40: source lines are cut to it, texts wrapped. 0: neither
	Context int  // lines shown around every place
	Causes  bool // show the error behind a diagnostic, where there is one
}

// Render writes the diagnostics, sorted, each as a frame with the source it is about:
//
//	error[ref-unknown]: no model named "stg_order"
//	  --> models/core/orders.sql:4:13
//	  |
//	4 | from {{ ref "stg_order" }} as o
//	  |             ^^^^^^^^^^^ not found among 214 models
//	  = help: did you mean "stg_orders"? (models/staging/stg_orders.sql)
//
// Frames are separated by an empty line. Everything shown comes from the JSON form.
func Render(w io.Writer, l List, o RenderOptions) error {
	out := bufio.NewWriter(w)
	for i, d := range l.Sorted() {
		if i > 0 {
			out.WriteByte('\n')
		}
		f := frame{out: out, RenderOptions: o}
		f.write(d.json(min(max(o.Context, 0), 100)))
	}
	return out.Flush()
}

// block is the part of a frame that shows one file.
type block struct {
	path         string
	line, column int
	text         string    // of a label, where there are no lines to put it
	lines        []Snippet // sorted, unique
	marks        []mark
}

// mark underlines the rune columns [from, to) of a line.
type mark struct {
	line, from, to int
	text           string
	primary        bool
}

type frame struct {
	RenderOptions
	out    *bufio.Writer
	accent style  // of the severity
	gutter string // spaces as wide as the line numbers
}

func (f *frame) write(j JSON) {
	f.accent = severityStyle(j.Severity)
	blocks := blocksOf(j)
	f.gutter = gutterOf(blocks, j.Edits)
	f.heading(j)
	for i, b := range blocks {
		f.block(b, i > 0)
	}
	if j.Text != "" && (len(blocks) == 0 || len(blocks[0].marks) == 0) {
		f.fact("", j.Text)
	}
	for _, n := range j.Notes {
		f.fact("note", n)
	}
	if j.Help != "" {
		f.fact("help", j.Help)
	}
	for _, e := range j.Edits {
		f.edit(e)
	}
	if f.Causes && j.Cause != "" {
		f.fact("cause", j.Cause)
	}
}

func (f *frame) heading(j JSON) {
	head := j.Severity
	if j.Code != "" {
		head += "[" + j.Code + "]"
	}
	f.paint(f.accent, head)
	lines := strings.Split(printable(j.Message), "\n")
	for i, line := range f.around(lines[0], len(head)+2, 2) {
		if i == 0 {
			f.paint(styleBold, strings.TrimRight(": "+line, " "))
		} else {
			f.out.WriteString("\n  ")
			f.paint(styleBold, line)
		}
	}
	f.out.WriteByte('\n')
	for _, text := range lines[1:] {
		for _, line := range wrap(text, f.less(2)) {
			f.out.WriteString("  " + line + "\n")
		}
	}
}

// less is the width without n columns, 0 if there is no limit.
func (f *frame) less(n int) int {
	if f.Width <= 0 {
		return 0
	}
	return max(f.Width-n, 20)
}

// around wraps a line that begins behind first columns, and goes on behind further ones.
func (f *frame) around(line string, first, further int) []string {
	if f.Width <= 0 || first+textColumns(line) <= f.Width {
		return []string{line}
	}
	end, next := fit(line, max(f.Width-first, 1))
	if end == next && next < len(line) && !strings.Contains(line[:next], " ") && first > further {
		// Not one word fits: it begins on a line of its own.
		return append([]string{""}, wrap(line, f.less(further))...)
	}
	return append([]string{strings.TrimRight(line[:end], " ")}, wrap(line[next:], f.less(further))...)
}

// blocksOf groups the places of a diagnostic by file, the primary one's file first.
func blocksOf(j JSON) []block {
	if j.Path == "" && len(j.Labels) == 0 {
		return nil
	}
	var out []block
	add := func(p Place, text string, primary bool) {
		if p.Path == "" {
			return
		}
		i := slices.IndexFunc(out, func(b block) bool { return b.path == p.Path })
		if i < 0 {
			out = append(out, block{path: p.Path, line: p.Line, column: p.Column})
			i = len(out) - 1
		}
		b := &out[i]
		if !primary && len(p.Snippet) == 0 {
			b.text = text
		}
		b.lines = append(b.lines, p.Snippet...)
		b.marks = append(b.marks, marksOf(p, text, primary)...)
	}
	add(j.Place, j.Text, true)
	for _, l := range j.Labels {
		add(l.Place, l.Text, false)
	}
	for i := range out {
		out[i].lines = mergeLines(out[i].lines, out[i].marks)
		slices.SortStableFunc(out[i].marks, func(a, b mark) int { return cmp.Compare(a.line, b.line) })
	}
	return out
}

// mergeLines sorts the lines and keeps each once. Of a long line that was cut in several
// ways, the cut that shows the primary mark stays.
func mergeLines(ls []Snippet, marks []mark) []Snippet {
	slices.SortStableFunc(ls, func(a, b Snippet) int { return cmp.Compare(a.Line, b.Line) })
	shows := func(s Snippet) bool {
		return slices.ContainsFunc(marks, func(m mark) bool {
			return m.primary && m.line == s.Line && m.from > s.Skip && m.from <= s.Skip+maxRunes
		})
	}
	var out []Snippet
	for _, s := range ls {
		if n := len(out); n > 0 && out[n-1].Line == s.Line {
			if !shows(out[n-1]) && shows(s) {
				out[n-1] = s
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// marksOf underlines a place: its text on one line, or its first and its last line.
func marksOf(p Place, text string, primary bool) []mark {
	last, to := p.EndLine, p.EndColumn
	if to == 1 && last > p.Line {
		last, to = last-1, 0
	}
	find := func(n int) (Snippet, bool) {
		i := slices.IndexFunc(p.Snippet, func(s Snippet) bool { return s.Line == n })
		if i < 0 {
			return Snippet{}, false
		}
		return p.Snippet[i], true
	}
	first, ok := find(p.Line)
	if !ok {
		return nil
	}
	if last <= p.Line {
		if to == 0 {
			to = endOf(first)
		}
		return []mark{{p.Line, p.Column, to, text, primary}}
	}
	out := []mark{{p.Line, p.Column, max(endOf(first), p.Column+1), "", primary}}
	end, ok := find(last)
	if !ok {
		out[0].text = text
		return out
	}
	if to == 0 {
		to = endOf(end)
	}
	indent := 0
	for _, r := range end.Text {
		if r != ' ' && r != '\t' {
			break
		}
		indent++
	}
	return append(out, mark{last, min(end.Skip+indent+1, to), to, text, primary})
}

// endOf is the column behind the last rune that the snippet holds.
func endOf(s Snippet) int { return s.Skip + len([]rune(s.Text)) + 1 }

func gutterOf(blocks []block, edits []JSONEdit) string {
	highest := 1
	for _, b := range blocks {
		for _, s := range b.lines {
			highest = max(highest, s.Line)
		}
	}
	for _, e := range edits {
		highest = max(highest, e.Line+max(len(e.Before), len(e.After)))
	}
	return strings.Repeat(" ", len(strconv.Itoa(highest)))
}

func (f *frame) block(b block, further bool) {
	arrow := "-->"
	if further {
		arrow = ":::"
	}
	f.out.WriteString(f.gutter + " ")
	f.paint(styleGutter, arrow)
	at := ""
	if len(b.lines) > 0 {
		at = ":" + strconv.Itoa(b.line) + ":" + strconv.Itoa(b.column)
	}
	before := len(f.gutter) + 5
	path := f.path(b.path, before+1, at) // a colon may follow
	f.out.WriteString(" " + path)
	if len(b.lines) == 0 {
		if b.text != "" {
			text := strings.ReplaceAll(printable(b.text), "\n", " ")
			for i, line := range f.around(text, before+textColumns(path)+2, before) {
				if i == 0 {
					f.paint(styleGutter, strings.TrimRight(": "+line, " "))
				} else {
					f.out.WriteString("\n" + strings.Repeat(" ", before))
					f.paint(styleGutter, line)
				}
			}
		}
		f.out.WriteByte('\n')
		return
	}
	f.out.WriteByte('\n')
	f.bar("|")
	f.out.WriteByte('\n')
	marks := b.marks
	for i, s := range b.lines {
		if i > 0 && s.Line > b.lines[i-1].Line+1 {
			f.paint(styleGutter, "...")
			f.out.WriteByte('\n')
		}
		n := 0
		for n < len(marks) && marks[n].line == s.Line {
			n++
		}
		f.line(s, marks[:n])
		marks = marks[n:]
	}
}

// line writes one line of source and a row of carets for each of its marks.
func (f *frame) line(s Snippet, marks []mark) {
	focus := 1
	for i, m := range marks {
		if i == 0 || m.primary {
			focus = m.from
		}
	}
	row := layOut(s, focus, f.room())
	number := strconv.Itoa(s.Line)
	f.paint(styleGutter, strings.Repeat(" ", max(0, len(f.gutter)-len(number)))+number+" |")
	if row.text != "" {
		f.out.WriteString(" " + row.text)
	}
	f.out.WriteByte('\n')
	for _, m := range marks {
		f.caret(row, m)
	}
}

func (f *frame) caret(row lineLayout, m mark) {
	st, sign := styleGutter, "-"
	if m.primary {
		st, sign = f.accent, "^"
	}
	from, to := row.column(m.from), row.column(m.to)
	under := strings.Repeat(sign, max(1, to-from))
	text := strings.ReplaceAll(printable(m.text), "\n", " ")
	var below []string
	if room := f.room(); room > 0 && text != "" && from+len(under)+1+textColumns(text) > room {
		// Below the carets, and as far to the left as it takes to have a column for words.
		start := max(0, min(from, room-words))
		for _, line := range wrap(text, room-start) {
			below = append(below, strings.Repeat(" ", start)+line)
		}
		under = under[:min(len(under), max(room-from, 1))]
	} else if text != "" {
		under += " " + text
	}
	f.bar("|")
	f.out.WriteString(" " + strings.Repeat(" ", from))
	f.paint(st, under)
	f.out.WriteByte('\n')
	for _, line := range below {
		f.bar("|")
		f.out.WriteByte(' ')
		f.paint(st, line)
		f.out.WriteByte('\n')
	}
}

// words is a comfortable width of a column of text.
const words = 40

// path is a path that, with at behind it, fits behind before columns.
func (f *frame) path(path string, before int, at string) string {
	path = printable(path)
	if f.Width > 0 {
		path = cutPath(path, max(f.Width-before-len(at), 8))
	}
	return path + at
}

// fact writes a «= help: …» row; further lines of the text are aligned below the first.
func (f *frame) fact(kind, text string) {
	f.bar("=")
	f.out.WriteByte(' ')
	indent := f.gutter + "   "
	if kind != "" {
		f.paint(styleBold, kind+":")
		f.out.WriteByte(' ')
		indent += strings.Repeat(" ", len(kind)+2)
	}
	text = strings.TrimRight(printable(text), "\n")
	for i, line := range strings.Split(text, "\n") {
		for k, piece := range wrap(line, f.less(len(indent))) {
			if i+k > 0 {
				f.out.WriteString("\n" + indent)
			}
			f.out.WriteString(piece)
		}
	}
	f.out.WriteByte('\n')
}

// edit writes the touched lines before and after, as a small diff.
func (f *frame) edit(e JSONEdit) {
	if e.Path == "" || len(e.Before)+len(e.After) == 0 {
		return
	}
	f.bar("=")
	f.out.WriteByte(' ')
	f.paint(styleBold, "edit:")
	f.out.WriteString(" " + f.path(e.Path, len(f.gutter)+9, ":"+strconv.Itoa(e.Line)) + "\n")
	write := func(st style, sign string, ls []string) {
		for i, text := range ls {
			n := strconv.Itoa(e.Line + i)
			row := layOut(Snippet{Text: text}, e.Column, f.room())
			f.paint(styleGutter, strings.Repeat(" ", max(0, len(f.gutter)-len(n)))+n+" ")
			f.paint(st, strings.TrimRight(sign+" "+row.text, " "))
			f.out.WriteByte('\n')
		}
	}
	write(styleRemoved, "-", e.Before)
	write(styleAdded, "+", e.After)
}

func (f *frame) bar(sign string) {
	f.out.WriteString(f.gutter + " ")
	f.paint(styleGutter, sign)
}

// room is the number of columns for source text, 0 if there is no limit.
func (f *frame) room() int {
	if f.Width <= 0 {
		return 0
	}
	return max(20, f.Width-len(f.gutter)-3)
}

type style string

const (
	styleBold    style = "\x1b[1m"
	styleGutter  style = "\x1b[1;34m"
	styleError   style = "\x1b[1;31m"
	styleWarning style = "\x1b[1;33m"
	styleRemark  style = "\x1b[1;36m"
	styleOurs    style = "\x1b[1;35m"
	styleRemoved style = "\x1b[31m"
	styleAdded   style = "\x1b[32m"
)

func severityStyle(s string) style {
	switch s {
	case Warning.String():
		return styleWarning
	case Remark.String():
		return styleRemark
	case Internal.String():
		return styleOurs
	}
	return styleError
}

func (f *frame) paint(s style, text string) {
	if !f.Color || text == "" {
		f.out.WriteString(text)
		return
	}
	f.out.WriteString(string(s) + text + "\x1b[0m")
}
