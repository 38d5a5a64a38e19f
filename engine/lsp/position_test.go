package lsp

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestPosition(t *testing.T) {
	const body = "a😀b\r\né = 'x'\rlast"
	for _, tt := range []struct {
		name string
		text *text
		e    encoding
		off  int
		want Position
	}{
		{"start", newText([]byte(body)), utf16Units, 0, Position{0, 0}},
		{"behind a pair of surrogates", newText([]byte(body)), utf16Units, 5, Position{0, 3}},
		{"the same in bytes", newText([]byte(body)), utf8Units, 5, Position{0, 5}},
		{"the same in code points", newText([]byte(body)), utf32Units, 5, Position{0, 2}},
		{"inside of a character", newText([]byte(body)), utf16Units, 3, Position{0, 1}},
		{"on CR", newText([]byte(body)), utf16Units, 6, Position{0, 4}},
		{"between CR and LF", newText([]byte(body)), utf16Units, 7, Position{0, 4}},
		{"after CR LF", newText([]byte(body)), utf16Units, 8, Position{1, 0}},
		{"a letter of two bytes", newText([]byte(body)), utf16Units, 10, Position{1, 1}},
		{"after CR alone", newText([]byte(body)), utf16Units, 17, Position{2, 0}},
		{"the end", newText([]byte(body)), utf16Units, 21, Position{2, 4}},
		{"behind the end", newText([]byte(body)), utf16Units, 99, Position{2, 4}},
		{"before the start", newText([]byte(body)), utf16Units, -1, Position{0, 0}},
		{"a hidden mark", storedText([]byte("\uFEFFselect")), utf16Units, 5, Position{0, 2}},
		{"inside of a hidden mark", storedText([]byte("\uFEFFselect")), utf16Units, 1, Position{0, 0}},
		{"a mark that the client sent", newText([]byte("\uFEFFselect")), utf16Units, 5, Position{0, 3}},
		{"no UTF-8", storedText([]byte("\xff\xfex")), utf16Units, 2, Position{0, 2}},
		{"nothing", newText(nil), utf16Units, 0, Position{0, 0}},
		{"a mark that the file is read without", unread(t, "select"), utf16Units, 0, Position{0, 1}},
		{"before the start behind a mark", unread(t, "select"), utf16Units, -1, Position{0, 1}},
		{"behind it", unread(t, "select"), utf16Units, 2, Position{0, 3}},
		{"the same in bytes with the mark", unread(t, "select"), utf8Units, 2, Position{0, 5}},
		{"on the next line", unread(t, "a\nb"), utf16Units, 3, Position{1, 1}},
		{"the end behind a mark", unread(t, "a"), utf16Units, 9, Position{0, 2}},
	} {
		if diff := cmp.Diff(tt.want, tt.text.position(tt.off, tt.e)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// unread is a text that the client has with a byte order mark, and the file without.
func unread(t *testing.T, body string) *text {
	t.Helper()
	x, ok := newText([]byte("\uFEFF" + body)).of([]byte(body))
	if !ok {
		t.Fatalf("%q is another text with a mark", body)
	}
	return x
}

func TestOffset(t *testing.T) {
	const body = "a😀b\r\né\n"
	for _, tt := range []struct {
		name string
		e    encoding
		p    Position
		want int
	}{
		{"start", utf16Units, Position{0, 0}, 0},
		{"between surrogates", utf16Units, Position{0, 2}, 1},
		{"behind them", utf16Units, Position{0, 3}, 5},
		{"behind the line", utf16Units, Position{0, 80}, 6},
		{"second line", utf16Units, Position{1, 1}, 10},
		{"in the middle of bytes", utf8Units, Position{1, 1}, 8},
		{"empty last line", utf16Units, Position{2, 0}, 11},
		{"behind the last line", utf16Units, Position{9, 0}, 11},
		{"far behind", utf16Units, Position{1 << 31, 1 << 31}, 11},
		{"a far character", utf16Units, Position{0, 1<<32 - 1}, 6},
	} {
		if got := newText([]byte(body)).offset(tt.p, tt.e); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestOffsetBehindAMark(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    encoding
		p    Position
		want int
	}{
		{"in front of the mark", utf16Units, Position{0, 0}, 0},
		{"behind it", utf16Units, Position{0, 1}, 0},
		{"the second letter", utf16Units, Position{0, 2}, 1},
		{"in bytes", utf8Units, Position{0, 4}, 1},
		{"the next line", utf16Units, Position{1, 1}, 4},
		{"behind the last line", utf16Units, Position{7, 0}, 4},
	} {
		if got := unread(t, "ab\nc").offset(tt.p, tt.e); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// letters are what random texts are made of: every width in every encoding, every line break.
var letters = []string{"a", "é", "€", "😀", "\n", "\r\n", "\r", " ", "\uFEFF"}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(30) {
		b.WriteString(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// TestPositionsLeadBack: outside of line breaks and characters, a place is its position's.
func TestPositionsLeadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		body := randomText(r)
		for _, x := range []*text{newText([]byte(body)), storedText([]byte(body))} {
			for _, e := range []encoding{utf8Units, utf16Units, utf32Units} {
				for off := x.lines[0]; off <= len(body); off++ {
					inBreak := off > 0 && off < len(body) && body[off-1] == '\r' && body[off] == '\n'
					if inBreak || off < len(body) && !utf8.RuneStart(body[off]) {
						continue
					}
					if got := x.offset(x.position(off, e), e); got != off {
						t.Fatalf("%q in %s: %d leads back to %d", body, e, off, got)
					}
				}
			}
		}
	}
}

// client is one that counts in UTF-16 and keeps its text as such.
type client struct{ units []uint16 }

func (c client) place(line, char uint32) int {
	at := 0
	for ; line > 0; line-- {
		for c.units[at] != '\n' && c.units[at] != '\r' {
			at++
		}
		if c.units[at] == '\r' && at+1 < len(c.units) && c.units[at+1] == '\n' {
			at++
		}
		at++
	}
	return at + int(char)
}

// TestEdits: a server that is told of changes has the client's text.
func TestEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		body := randomText(r)
		server, c := newText([]byte(body)), client{utf16.Encode([]rune(body))}
		for range 20 {
			whole := string(utf16.Decode(c.units))
			x := newText([]byte(whole))
			// Ends of a change are where a caret can stand: not inside of pairs and breaks.
			a, b := r.IntN(len(whole)+1), r.IntN(len(whole)+1)
			if a > b {
				a, b = b, a
			}
			from, to := x.position(a, utf16Units), x.position(b, utf16Units)
			ins := randomText(r)
			start, end := c.place(from.Line, from.Character), c.place(to.Line, to.Character)
			c.units = append(append(append([]uint16{}, c.units[:start]...), utf16.Encode([]rune(ins))...), c.units[end:]...)
			server = server.apply(contentChange{Range: &Range{from, to}, Text: ins}, utf16Units)
			if diff := cmp.Diff(string(utf16.Decode(c.units)), string(server.data)); diff != "" {
				t.Fatalf("%q, %v-%v, %q: %s", whole, from, to, ins, diff)
			}
		}
	}
}

func TestEncodingIsAgreedOn(t *testing.T) {
	for _, tt := range []struct {
		offered []encoding
		want    encoding
	}{
		{nil, utf16Units},
		{[]encoding{"utf-16"}, utf16Units},
		{[]encoding{"utf-32", "utf-16"}, utf16Units},
		{[]encoding{"utf-16", "utf-8"}, utf8Units},
		{[]encoding{"utf-32"}, utf32Units},
		{[]encoding{"ebcdic"}, utf16Units},
	} {
		if got := chooseEncoding(tt.offered); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.offered, got, tt.want)
		}
	}
}

func TestURI(t *testing.T) {
	for _, tt := range []struct {
		uri, path, back string
	}{
		{"file:///home/a/b.sql", "/home/a/b.sql", "file:///home/a/b.sql"},
		{"file:///home/a%20b/%C3%A9%23.sql", "/home/a b/é#.sql", "file:///home/a%20b/%C3%A9%23.sql"},
		{"file://localhost/a", "/a", "file:///a"},
		{"file:///a/../b", "/b", "file:///b"},
		{"untitled:Untitled-1", "", ""},
		{"git:/a.sql?x", "", ""},
		{"%", "", ""},
		{"", "", ""},
		{"file:///c%3A/x", "C:/x", "file:///c%3A/x"},
	} {
		path, ok := pathOf(tt.uri)
		if path != tt.path || ok != (tt.path != "") {
			t.Errorf("%s is %q %v, want %q", tt.uri, path, ok, tt.path)
			continue
		}
		if ok && uriOf(path) != tt.back {
			t.Errorf("%s is %s, want %s", path, uriOf(path), tt.back)
		}
	}
}

func TestPlainSnippet(t *testing.T) {
	for snippet, want := range map[string]string{
		"plain":                         "plain",
		"ref \"$1\"$0":                  "ref \"\"",
		"count(${1:x}, ${2:y})$0":       "count(x, y)",
		`a \$1 \} \\`:                   `a $1 } \`,
		"${1:{{ ref \"${2:m}\" }}":      "{{ ref \"m\" }",
		"{{ config(materialized=$1) }}": "{{ config(materialized=) }}",
		"$":                             "$",
		"${1}":                          "",
	} {
		if got := plainSnippet(snippet); got != want {
			t.Errorf("%q is %q, want %q", snippet, got, want)
		}
	}
}
