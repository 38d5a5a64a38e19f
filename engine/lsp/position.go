package lsp

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// encoding is the unit in which the client counts characters of a line: «PositionEncodingKind».
type encoding string

const (
	utf8Units  encoding = "utf-8"
	utf16Units encoding = "utf-16"
	utf32Units encoding = "utf-32"
)

// chooseEncoding takes what costs least of what the client can count; UTF-16 is what all can.
func chooseEncoding(offered []encoding) encoding {
	for _, want := range []encoding{utf8Units, utf16Units, utf32Units} {
		for _, e := range offered {
			if e == want {
				return want
			}
		}
	}
	return utf16Units
}

// width is how many units a rune of size bytes takes.
func (e encoding) width(r rune, size int) int {
	switch e {
	case utf8Units:
		return size
	case utf32Units:
		return 1
	}
	if r >= 0x10000 {
		return 2
	}
	return 1
}

// text is one version of a text with its lines. It is not changed once it is made.
type text struct {
	data  []byte
	lines []int // byte offset of each line's first byte
	// skip are the bytes in front of where offsets of others begin: of a byte order mark that
	// the client has and counts, and that a file is read without.
	skip int
}

var byteOrderMark = []byte("\uFEFF")

// newText is what a client sent: all of it counts.
func newText(data []byte) *text { return &text{data: data, lines: linesOf(data, 0)} }

// storedText is a file that no client has sent: editors hide a byte order mark.
func storedText(data []byte) *text {
	return &text{data: data, lines: linesOf(data, len(data)-len(unmarked(data)))}
}

// of is the text for offsets in data, where that is what the client sent, with or without its
// byte order mark.
func (t *text) of(data []byte) (*text, bool) {
	switch {
	case bytes.Equal(t.data, data):
		return t, true
	case bytes.HasPrefix(t.data, byteOrderMark) && bytes.Equal(t.data[len(byteOrderMark):], data):
		out := *t
		out.skip = len(byteOrderMark)
		return &out, true
	}
	return nil, false
}

// unmarked is a text without a byte order mark in front.
func unmarked(data []byte) []byte { return bytes.TrimPrefix(data, byteOrderMark) }

// linesOf finds lines as the protocol has them: they end with LF, CR LF or CR.
func linesOf(data []byte, first int) []int {
	lines := make([]int, 1, 1+bytes.Count(data, []byte{'\n'}))
	lines[0] = first
	for i := first; i < len(data); i++ {
		switch data[i] {
		case '\r':
			if i+1 < len(data) && data[i+1] == '\n' {
				i++
			}
			lines = append(lines, i+1)
		case '\n':
			lines = append(lines, i+1)
		}
	}
	return lines
}

// end is the offset of the line break of a line, or of the end of the text.
func (t *text) end(line int) int {
	if line+1 >= len(t.lines) {
		return len(t.data)
	}
	end := t.lines[line+1] - 1
	if end > t.lines[line] && t.data[end] == '\n' && t.data[end-1] == '\r' {
		end--
	}
	return end
}

// position converts an offset in bytes; one outside of the text is moved to its ends, one
// inside of a character to its beginning, one inside of a line break in front of it.
func (t *text) position(off int, e encoding) Position {
	off = min(max(max(off, 0)+t.skip, t.lines[0]), len(t.data))
	line := max(sort.SearchInts(t.lines, off+1)-1, 0)
	off = min(off, t.end(line))
	units := 0
	for i := t.lines[line]; i < off; {
		r, size := utf8.DecodeRune(t.data[i:])
		if i+size > off {
			break
		}
		units += e.width(r, size)
		i += size
	}
	return Position{Line: uint32(line), Character: uint32(units)}
}

// offset is the other way around: places behind the end of a line are its end, those behind
// the last line the end of the text, those inside of a character its beginning.
func (t *text) offset(p Position, e encoding) int {
	if uint64(p.Line) >= uint64(len(t.lines)) {
		return len(t.data) - t.skip
	}
	off, end := t.lines[p.Line], t.end(int(p.Line))
	for left := int(p.Character); left > 0 && off < end; {
		r, size := utf8.DecodeRune(t.data[off:end])
		w := e.width(r, size)
		if w > left {
			break
		}
		left -= w
		off += size
	}
	return max(off-t.skip, 0)
}

func (t *text) span(start, end int, e encoding) Range {
	return Range{Start: t.position(start, e), End: t.position(max(start, end), e)}
}

// apply makes the text that a change leaves: all anew, or one range of it.
func (t *text) apply(c contentChange, e encoding) *text {
	if c.Range == nil {
		return newText([]byte(c.Text))
	}
	start, end := t.offset(c.Range.Start, e), t.offset(c.Range.End, e)
	if end < start {
		start, end = end, start
	}
	data := make([]byte, 0, len(t.data)-(end-start)+len(c.Text))
	data = append(append(append(data, t.data[:start]...), c.Text...), t.data[end:]...)
	return newText(data)
}
