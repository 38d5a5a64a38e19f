package view

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/engine-build/engine/engine/diag"
)

// Frames is the framed text of diagnostics on this screen.
func (s Screen) Frames(l diag.List) string {
	var b strings.Builder
	// A Builder takes every write.
	_ = diag.Render(&b, l, diag.RenderOptions{Color: s.Color, Width: s.Width, Causes: s.Verbose})
	return b.String()
}

// Annotations is the form that GitHub shows at its lines, one diagnostic a line.
func Annotations(l diag.List) string {
	var b strings.Builder
	for _, d := range l.Sorted() {
		b.WriteString(d.Annotation() + "\n")
	}
	return b.String()
}

// Mistakes is «1 error, 2 warnings», or "" for none.
func Mistakes(l diag.List) string {
	var parts []string
	if n := l.Count(diag.Error) + l.Count(diag.Internal); n > 0 {
		parts = append(parts, plural(int64(n), "error"))
	}
	if n := l.Count(diag.Warning); n > 0 {
		parts = append(parts, plural(int64(n), "warning"))
	}
	return strings.Join(parts, ", ")
}

// JSON writes one indented document.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
