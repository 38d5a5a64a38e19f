package source

import (
	"bytes"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// File is one immutable text. Path is slash-separated and relative to the project
// directory. Files are compared by identity. Safe for concurrent use.
type File struct {
	Path string
	Data []byte

	once  sync.Once
	lines []int // byte offset of each line's first byte
}

// NewFile wraps data, which must not be modified afterwards.
func NewFile(path string, data []byte) *File { return &File{Path: path, Data: data} }

// Position is a place as people and editors count: lines and columns from 1,
// columns in runes. A byte order mark does not count.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func (f *File) index() []int {
	f.once.Do(func() {
		// A byte order mark is in front of the first line, not in it.
		f.lines = append(f.lines, len(f.Data)-len(bytes.TrimPrefix(f.Data, []byte("\uFEFF"))))
		for i, b := range f.Data {
			if b == '\n' {
				f.lines = append(f.lines, i+1)
			}
		}
	})
	return f.lines
}

// Position converts a byte offset. Offsets outside the file are clamped.
func (f *File) Position(off int) Position {
	off = min(max(off, 0), len(f.Data))
	lines := f.index()
	n := max(sort.SearchInts(lines, off+1)-1, 0)
	return Position{Line: n + 1, Column: utf8.RuneCount(f.Data[min(lines[n], off):off]) + 1}
}

// Offset is the byte offset of a 1-based line and a 1-based column counted in runes.
// Places outside the file are clamped to the nearest byte.
func (f *File) Offset(line, column int) int {
	lines := f.index()
	if line < 1 {
		return 0
	}
	if line > len(lines) {
		return len(f.Data)
	}
	off, end := lines[line-1], f.lineEnd(line)
	for c := 1; c < column && off < end; c++ {
		_, size := utf8.DecodeRune(f.Data[off:end])
		off += size
	}
	return off
}

func (f *File) lineEnd(line int) int {
	lines := f.index()
	if line < len(lines) {
		return lines[line] - 1
	}
	return len(f.Data)
}

// LineCount is the number of lines, at least 1.
func (f *File) LineCount() int { return len(f.index()) }

// Line is the text of a 1-based line without its line break ("" outside the file).
func (f *File) Line(line int) string {
	if line < 1 || line > len(f.index()) {
		return ""
	}
	return strings.TrimSuffix(string(f.Data[f.index()[line-1]:f.lineEnd(line)]), "\r")
}

// Span is the half-open range of bytes [Start, End) of a file. The zero Span points
// nowhere and stands for «the whole project».
type Span struct {
	File       *File
	Start, End int
}

// Span makes a span of f, clamped to its bytes.
func (f *File) Span(start, end int) Span {
	start = min(max(start, 0), len(f.Data))
	return Span{File: f, Start: start, End: min(max(end, start), len(f.Data))}
}

// Whole is the empty span at the beginning of f: «this file».
func (f *File) Whole() Span { return Span{File: f} }

// IsZero reports whether the span points nowhere.
func (s Span) IsZero() bool { return s.File == nil }

// Text is the spanned text.
func (s Span) Text() string {
	if s.File == nil {
		return ""
	}
	return string(s.File.Data[s.Start:s.End])
}

// Position is where the span starts.
func (s Span) Position() Position {
	if s.File == nil {
		return Position{}
	}
	return s.File.Position(s.Start)
}

// Sub is the span of the bytes [start, end) counted from the beginning of s.
func (s Span) Sub(start, end int) Span {
	if s.File == nil {
		return s
	}
	return s.File.Span(s.Start+start, s.Start+end)
}

// Less orders spans by path, start and end; the zero span comes first.
func (s Span) Less(o Span) bool { return s.Compare(o) < 0 }

// Compare is the three-way form of Less.
func (s Span) Compare(o Span) int {
	if (s.File == nil) != (o.File == nil) {
		if s.File == nil {
			return -1
		}
		return 1
	}
	if s.File == nil {
		return 0
	}
	if c := strings.Compare(s.File.Path, o.File.Path); c != 0 {
		return c
	}
	if s.Start != o.Start {
		return s.Start - o.Start
	}
	return s.End - o.End
}

// Edit replaces the spanned text. Edits of one diagnostic are independent and refer
// to the text as it is.
type Edit struct {
	At  Span
	New string
}
