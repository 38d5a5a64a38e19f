package diag

import (
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/source"
)

// JSON is a diagnostic for programs, and all that the framed text is made of. Lines and
// columns count from 1, columns in runes; an end is exclusive.
type JSON struct {
	Severity string      `json:"severity"`
	Code     string      `json:"code,omitempty"`
	Message  string      `json:"message"`
	Place                // zero: the whole project
	Text     string      `json:"text,omitempty"` // stands under the caret
	Labels   []JSONLabel `json:"labels,omitempty"`
	Notes    []string    `json:"notes,omitempty"`
	Help     string      `json:"help,omitempty"`
	Edits    []JSONEdit  `json:"edits,omitempty"`
	Model    string      `json:"model,omitempty"`
	Cause    string      `json:"cause,omitempty"`
}

// Place is a span as people count, with the lines it is on.
type Place struct {
	Path      string    `json:"path,omitempty"`
	Line      int       `json:"line,omitempty"`
	Column    int       `json:"column,omitempty"`
	EndLine   int       `json:"end_line,omitempty"`
	EndColumn int       `json:"end_column,omitempty"`
	Snippet   []Snippet `json:"snippet,omitempty"`
}

// Snippet is one line of source. Of very long lines only the part around the place is
// kept; Skip says how many runes are left out in front.
type Snippet struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	Skip int    `json:"skip,omitempty"`
	Cut  bool   `json:"cut,omitempty"` // text was left out behind
}

// JSONLabel is another place that belongs to the mistake.
type JSONLabel struct {
	Place
	Text string `json:"text,omitempty"`
}

// JSONEdit replaces the text of its place by New. Before and After are the touched lines.
type JSONEdit struct {
	Place
	New    string   `json:"new"`
	Before []string `json:"before,omitempty"`
	After  []string `json:"after,omitempty"`
}

const (
	// maxRunes is how much of one source line a snippet keeps.
	maxRunes = 400
	// maxLines is how many lines of a long span a snippet keeps: the first ones and the last.
	maxLines = 5
	// maxDiff is how many bytes of source an edit may touch and still be shown as a diff.
	maxDiff = 4000
)

// JSON is the form for programs.
func (d Diagnostic) JSON() JSON { return d.json(0) }

// JSON is the list for programs, sorted.
func (l List) JSON() []JSON {
	sorted := l.Sorted()
	out := make([]JSON, len(sorted))
	for i, d := range sorted {
		out[i] = d.JSON()
	}
	return out
}

func (d Diagnostic) json(context int) JSON {
	j := JSON{
		Severity: d.Severity.String(),
		Code:     string(d.Code),
		Message:  clean(d.Message),
		Place:    place(d.At, context),
		Text:     clean(d.AtText),
		Help:     clean(d.Help),
		Model:    clean(d.Model.String()),
	}
	for _, n := range d.Notes {
		j.Notes = append(j.Notes, clean(n))
	}
	for _, l := range d.Labels {
		j.Labels = append(j.Labels, JSONLabel{Place: place(l.At, context), Text: clean(l.Text)})
	}
	for _, e := range d.Edits {
		j.Edits = append(j.Edits, edit(e))
	}
	if d.Cause != nil {
		j.Cause = clean(d.Cause.Error())
	}
	return j
}

// clean makes text that came from users or servers valid UTF-8, as JSON must be.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func place(s source.Span, context int) Place {
	if s.IsZero() {
		return Place{}
	}
	start, end := s.File.Position(s.Start), s.File.Position(max(s.End, s.Start))
	p := Place{Path: clean(s.File.Path), Line: start.Line, Column: start.Column, EndLine: end.Line, EndColumn: end.Column}
	if len(s.File.Data) == 0 {
		return p // a file without text, or one that only stands for its path
	}
	last := end.Line
	if end.Column == 1 && end.Line > start.Line {
		last-- // the span ends with a line break: nothing of the next line belongs to it
	}
	for n := max(1, start.Line-context); n <= min(last+context, s.File.LineCount()); n++ {
		if hidden := last - start.Line + 1 - maxLines; hidden > 0 && n == start.Line+maxLines-1 {
			n = last
		}
		at := 1
		if n == start.Line {
			at = start.Column
		}
		p.Snippet = append(p.Snippet, snippet(s.File, n, at))
	}
	return p
}

// snippet cuts the line n around the rune column at.
func snippet(f *source.File, n, at int) Snippet {
	text := f.Line(n)
	if len(text) <= maxRunes {
		return Snippet{Line: n, Text: clean(text)}
	}
	out := Snippet{Line: n}
	if at > maxRunes*3/4 {
		out.Skip = at - maxRunes/2
	}
	from := runeOffset(text, out.Skip)
	to := from + runeOffset(text[from:], maxRunes)
	out.Cut = to < len(text)
	out.Text = clean(text[from:to])
	return out
}

// runeOffset is the byte offset of the nth rune of s, or its length.
func runeOffset(s string, n int) int {
	off := 0
	for ; n > 0 && off < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[off:])
		off += size
	}
	return off
}

func edit(e source.Edit) JSONEdit {
	j := JSONEdit{Place: place(e.At, 0), New: clean(e.New)}
	j.Snippet = nil
	if e.At.IsZero() {
		return j
	}
	f := e.At.File
	from := f.Offset(j.Line, 1)
	to := f.Offset(j.EndLine, 1) + len(f.Line(j.EndLine))
	if to-from+len(e.New) > maxDiff || e.At.Start < from || e.At.End > to {
		return j
	}
	j.Before = lines(string(f.Data[from:to]))
	j.After = lines(string(f.Data[from:e.At.Start]) + e.New + string(f.Data[e.At.End:to]))
	return j
}

func lines(s string) []string {
	out := strings.Split(clean(s), "\n")
	for i := range out {
		out[i] = strings.TrimSuffix(out[i], "\r")
	}
	return out
}
