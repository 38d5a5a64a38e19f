package source

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestPositions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		off        int
		want       Position
	}{
		{"empty file", "", 0, Position{1, 1}},
		{"beginning", "ab\ncd", 0, Position{1, 1}},
		{"line break belongs to its line", "ab\ncd", 2, Position{1, 3}},
		{"second line", "ab\ncd", 4, Position{2, 2}},
		{"end of file", "ab\ncd", 5, Position{2, 3}},
		{"behind the last line break", "ab\n", 3, Position{2, 1}},
		{"carriage return", "ab\r\ncd", 3, Position{1, 4}},
		{"after a carriage return", "ab\r\ncd", 4, Position{2, 1}},
		{"runes", "äöü x", 7, Position{1, 5}},
		{"four-byte runes", "😀😀x", 8, Position{1, 3}},
		{"broken UTF-8", "\xff\xfex", 2, Position{1, 3}},
		{"before the file", "ab", -5, Position{1, 1}},
		{"behind the file", "ab", 50, Position{1, 3}},
		{"byte order mark", "\uFEFFab", 3, Position{1, 1}},
		{"inside the byte order mark", "\uFEFFab", 1, Position{1, 1}},
		{"after the byte order mark", "\uFEFFab\ncd", 6, Position{2, 1}},
		{"only a byte order mark", "\uFEFF", 3, Position{1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := NewFile("f", []byte(tt.text)).Position(tt.off); got != tt.want {
				t.Errorf("%q at %d: %v, want %v", tt.text, tt.off, got, tt.want)
			}
		})
	}
}

func TestOffsets(t *testing.T) {
	f := NewFile("f", []byte("äb\r\nc\n"))
	for _, tt := range []struct{ line, column, want int }{
		{0, 1, 0}, {1, 0, 0}, {1, 1, 0}, {1, 2, 2}, {1, 3, 3}, {1, 4, 4}, {1, 99, 4},
		{2, 1, 5}, {2, 2, 6}, {2, 9, 6}, {3, 1, 7}, {3, 5, 7}, {4, 1, 7}, {-1, -1, 0},
	} {
		if got := f.Offset(tt.line, tt.column); got != tt.want {
			t.Errorf("%d:%d is %d, want %d", tt.line, tt.column, got, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"a", []string{"a"}},
		{"a\n", []string{"a", ""}},
		{"a\r\n\r\nb\r", []string{"a", "", "b"}},
		{"\uFEFFa\nb", []string{"a", "b"}},
	} {
		f := NewFile("f", []byte(tt.text))
		var got []string
		for i := 1; i <= f.LineCount(); i++ {
			got = append(got, f.Line(i))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
		if f.Line(0) != "" || f.Line(f.LineCount()+1) != "" {
			t.Errorf("%q has lines outside", tt.text)
		}
	}
}

func TestSpans(t *testing.T) {
	f := NewFile("b.sql", []byte("hello world"))
	s := f.Span(6, 11)
	for got, want := range map[string]string{
		s.Text(): "world", s.Sub(1, 3).Text(): "or", f.Span(-3, 5).Text(): "hello", f.Span(6, 99).Text(): "world",
		f.Span(8, 2).Text(): "", Span{}.Text(): "", f.Whole().Text(): "", s.Sub(3, 99).Text(): "ld",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !(Span{}).IsZero() || s.IsZero() || (Span{}).Sub(1, 2) != (Span{}) || (Span{}).Position() != (Position{}) {
		t.Error("the zero span points somewhere")
	}
	if s.Position() != (Position{1, 7}) {
		t.Errorf("position %v", s.Position())
	}
	other := NewFile("a.sql", []byte("x")).Span(0, 1)
	ordered := []Span{{}, other, f.Span(0, 2), f.Span(0, 3), f.Span(1, 2)}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.Less(b) != (i < j) || (a.Compare(b) == 0) != (i == j) {
				t.Errorf("order of %d and %d: %d", i, j, a.Compare(b))
			}
		}
	}
}

// FuzzPositions: offsets of rune starts survive the way to a position and back.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{"", "a\nb", "ä\r\nö\r\n", "\uFEFFx\n", "\xff\n\xc3", "😀\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := NewFile("f", []byte(text))
		begin := file.Offset(1, 1)
		for off := begin; off <= len(text); {
			p := file.Position(off)
			if back := file.Offset(p.Line, p.Column); back != off {
				t.Fatalf("%q: %d is %v is %d", text, off, p, back)
			}
			if off == len(text) {
				return
			}
			if text[off] == '\n' {
				off++
				continue
			}
			_, size := utf8.DecodeRuneInString(text[off:])
			off += size
		}
	})
}
