package warehouse

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// CSVForm says how a CSV file that others wrote is to be read, where it may differ from
// what a Loader takes.
type CSVForm struct {
	Delimiter rune // an ASCII character, 0 for a comma
	// NoHeader: the first line is a record. Names are those of the columns then; nil: they are
	// column1, column2 and so on, as many as the first record has fields.
	NoHeader bool
	Names    []string
	// Nulls are texts that stand for NULL when they are not in quotes, beside the empty field.
	// The empty text among them stands for NULL in quotes, too.
	Nulls []string
}

// BadRecord is a record that is not well formed. It spans the lines from Line to Last, so
// that as many records may be lost in it: a quote too many joins what should be apart.
type BadRecord struct {
	BadRow
	Last int
}

// ScanCSV reads a CSV file as UTF-8 in constant memory and gives its records in order; r may
// be a *bufio.Reader, whose buffer is used then. The rules are those of CheckCSV, but for line ends: they may be mixed. header, which may be
// nil, is told the names of the columns before the first record; for a file without a header
// whose names are not given and without a record it is not called. take gets the fields of a
// record, nil for NULL, and the line that it starts on; the slices are valid during the call
// only. A record that is not well formed goes to bad, and reading goes on behind it. Where
// nobody can tell where to go on (a quote is never closed, a record without end), or the
// header itself is bad, ScanCSV ends with a *LoadError. An error of a callback ends it, too,
// and is returned.
func ScanCSV(ctx context.Context, r io.Reader, form CSVForm, header func(names []string) error, take func(line int, fields [][]byte) error, bad func(BadRecord) error) error {
	s := newCSVScanner(r, form.Delimiter)
	if form.NoHeader {
		if mark, err := s.r.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
			_, _ = s.r.Discard(3) // peeked, so they are there
		}
		s.names = form.Names
	} else if err := s.header(); err != nil {
		return err
	}
	if header == nil {
		header = func([]string) error { return nil }
	}
	if len(s.names) > 0 {
		if err := header(s.names); err != nil {
			return err
		}
	}
	nulls := make([][]byte, len(form.Nulls))
	for i, n := range form.Nulls {
		nulls[i] = []byte(n)
	}
	empty := slices.Contains(form.Nulls, "")
	fields := make([][]byte, len(s.names))
	for n := 0; s.next(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if len(s.names) == 0 {
			s.split()
			for i := range s.fields {
				s.names = append(s.names, fmt.Sprintf("column%d", i+1))
			}
			if err := header(s.names); err != nil {
				return err
			}
			fields = make([][]byte, len(s.names))
		}
		last := s.line + max(s.lines, 1) - 1
		if row, ok := s.malformed(); !ok {
			if s.stop || s.open() {
				return &LoadError{Rows: []BadRow{row}}
			}
			if err := bad(BadRecord{BadRow: row, Last: last}); err != nil {
				return err
			}
			continue
		}
		for i, f := range s.fields {
			v := s.text(f)
			switch {
			case f.quoted && empty && len(v) == 0, !f.quoted && (len(v) == 0 || slices.ContainsFunc(nulls, func(n []byte) bool { return bytes.Equal(n, v) })):
				v = nil
			case v == nil:
				v = []byte{}
			}
			fields[i] = v
		}
		if err := take(s.line, fields); err != nil {
			return err
		}
	}
	if s.err != nil {
		return s.err
	}
	// A line that is too long ends the reading without being a record.
	if s.stop {
		return &LoadError{Rows: []BadRow{{Line: s.line, Reason: fmt.Sprintf("the record is longer than %d MiB", MaxRecord>>20)}}}
	}
	return nil
}

// malformed splits the current record and says what is wrong with its form.
func (s *csvScanner) malformed() (BadRow, bool) {
	s.split()
	row := BadRow{Line: s.line, Value: clip(s.record)}
	switch {
	case s.problem != "":
		row.Reason = s.problem
	case len(s.fields) != len(s.names):
		row.Reason = fmt.Sprintf("the record has %s, and there are %d columns", fieldCount(len(s.fields)), len(s.names))
	case !s.quoted && bytes.IndexByte(s.record, '\r') >= 0:
		row.Reason = strayCR
	case !utf8.Valid(s.record):
		for i, f := range s.fields {
			if t := s.text(f); !utf8.Valid(t) {
				return BadRow{Line: s.line, Field: i + 1, Name: s.names[i], Value: clip(t), Reason: "the text is not UTF-8"}, false
			}
		}
		row.Reason = "the record is not UTF-8"
	}
	return row, row.Reason == ""
}

// open reports whether the last field of a record with quotes is never closed.
func (s *csvScanner) open() bool {
	if !s.quoted || len(s.fields) == 0 {
		return false
	}
	f := s.fields[len(s.fields)-1]
	return f.quoted && f.end >= len(s.multi)
}
