package view

import (
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"github.com/engine-build/engine/engine/run"
)

// Screen describes the place where text is shown.
type Screen struct {
	Out     io.Writer
	Width   int  // columns; 0 means unlimited
	Live    bool // a terminal that understands cursor movements
	Color   bool
	Unicode bool
	Quiet   bool
	Verbose bool
	Now     func() time.Time
	// Size asks the terminal for its columns and rows, which may change while something is
	// shown; 0 is not known. It may be nil: the terminal has Width columns then.
	Size func() (columns, rows int)
}

// size is that of a live screen now.
func (s Screen) size() (columns, rows int) {
	columns = s.Width
	if s.Size != nil {
		if c, r := s.Size(); c > 0 {
			columns, rows = c, r
		}
	}
	if columns <= 1 {
		columns = 80
	}
	return columns, rows
}

// Style is one look of text.
type Style int

// The looks in use.
const (
	Plain Style = iota
	Bold
	Dim
	Red
	Green
	Yellow
	Blue
	Cyan
)

var sgr = [...]string{Plain: "", Bold: "1", Dim: "2", Red: "31", Green: "32", Yellow: "33", Blue: "34", Cyan: "36"}

// Paint dresses text in a style if the screen has colour.
func (s Screen) Paint(st Style, text string) string {
	if !s.Color || st == Plain || text == "" {
		return text
	}
	return "\x1b[" + sgr[st] + "m" + text + "\x1b[0m"
}

// glyph is the sign of an outcome and its colour. All signs of one screen have the same width.
func (s Screen) glyph(st run.Status) (string, Style) {
	uni, ascii, style := "?", "??", Plain
	switch st {
	case run.Done:
		uni, ascii, style = "✓", "ok", Green
	case run.Warned:
		uni, ascii, style = "!", "!!", Yellow
	case run.Failed, run.Errored:
		uni, ascii, style = "✗", "XX", Red
	case run.Skipped:
		uni, ascii, style = "-", "--", Dim
	case run.Unpublished:
		uni, ascii, style = "○", "()", Yellow
	case run.Kept:
		uni, ascii, style = "=", "==", Dim
	case run.Canceled:
		uni, ascii, style = "~", "~~", Yellow
	}
	if s.Unicode {
		return uni, style
	}
	return ascii, style
}

// sign is a painted glyph.
func (s Screen) sign(st run.Status) string {
	g, style := s.glyph(st)
	return s.Paint(style, g)
}

func (s Screen) ellipsis() string {
	if s.Unicode {
		return "…"
	}
	return "..."
}

// textWidth counts terminal columns.
func textWidth(t string) int {
	for i := 0; i < len(t); i++ {
		if t[i] >= 0x80 {
			return uniseg.StringWidth(t)
		}
	}
	return len(t)
}

// paintedWidth counts the columns of text that may hold what Paint adds.
func paintedWidth(t string) int {
	for {
		from := strings.Index(t, "\x1b[")
		if from < 0 {
			return textWidth(t)
		}
		to := strings.IndexByte(t[from:], 'm')
		if to < 0 {
			return textWidth(t)
		}
		t = t[:from] + t[from+to+1:]
	}
}

// padRight fills text with spaces up to width.
func padRight(t string, width int) string {
	if n := width - textWidth(t); n > 0 {
		return t + strings.Repeat(" ", n)
	}
	return t
}

// padLeft puts spaces before text up to width.
func padLeft(t string, width int) string {
	if n := width - textWidth(t); n > 0 {
		return strings.Repeat(" ", n) + t
	}
	return t
}

// clip shortens plain text to width columns, marking the cut.
func (s Screen) clip(t string, width int) string {
	if width <= 0 || textWidth(t) <= width {
		return t
	}
	mark := s.ellipsis()
	room := width - textWidth(mark)
	if room <= 0 {
		return mark[:min(len(mark), width)]
	}
	var b strings.Builder
	used, state := 0, -1
	for rest := t; rest != ""; {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > room {
			break
		}
		b.WriteString(cluster)
		used += w
	}
	return b.String() + mark
}

// clipFront shortens plain text to width columns at its beginning: the end of a name says more
// than the schema in front of it.
func (s Screen) clipFront(t string, width int) string {
	if width <= 0 || textWidth(t) <= width {
		return t
	}
	mark := s.ellipsis()
	over := textWidth(t) - width + textWidth(mark)
	if width <= textWidth(mark) {
		return s.clip(t, width)
	}
	for state := -1; over > 0 && t != ""; {
		var w int
		_, t, w, state = uniseg.FirstGraphemeClusterInString(t, state)
		over -= w
	}
	return mark + t
}

// Mark is the painted sign of an outcome.
func (s Screen) Mark(st run.Status) string { return s.sign(st) }
