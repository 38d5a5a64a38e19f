package compile

import (
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

// FuzzBind: binding placeholders replaces them and nothing else; the bytes around lead
// where they led before, and what is put in leads to what wrote the placeholder.
func FuzzBind(f *testing.F) {
	for _, s := range []string{"select * from \x00model.a\x00", "\x00model.a\x00", "x \x00source.a.b\x00 y \x00model.c\x00", "\x00nothing\x00\x00", "a\x00b", "\x00\x00model.a\x00"} {
		f.Add(s, "\"s\".\"a\"")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, text, relation string) {
		file := source.NewFile("t.sql", []byte(text))
		m := &source.Map{}
		want := ""
		var from []int // the place in text of each byte of want, -1 for what is put in
		for at := 0; at < len(text); {
			end := -1
			if text[at] == mark[0] {
				end = strings.Index(text[at+1:], mark)
			}
			if end < 0 {
				m.Append(source.Segment{Start: at, End: at + 1, Src: file.Span(at, at+1), Verbatim: true})
				want, from = want+text[at:at+1], append(from, at)
				at++
				continue
			}
			end += at + 2
			m.Append(source.Segment{Start: at, End: end, Src: file.Span(at, end)})
			put := text[at+1 : end-1]
			if _, err := addr.ParseNode(put); err == nil {
				put = relation
			}
			want, from = want+put, append(from, slices.Repeat([]int{-1}, len(put))...)
			at = end
		}
		got, bound := Bind(text, m, func(addr.Node) string { return relation })
		if got != want {
			t.Fatalf("%q is bound as %q, want %q", text, got, want)
		}
		for i, from := range from {
			span, ok := bound.At(i, i+1)
			switch {
			case !ok:
				t.Fatalf("byte %d of %q leads nowhere", i, got)
			case from >= 0 && span != file.Span(from, from+1):
				t.Fatalf("byte %d of %q leads to %v, want %d", i, got, span, from)
			case from < 0 && (text[span.Start] != 0 || text[span.End-1] != 0):
				t.Fatalf("byte %d of %q leads to %q", i, got, span.Text())
			}
		}
	})
}
