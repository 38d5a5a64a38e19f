package warehouse

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	// MaxRecord is the longest record of a CSV file in bytes. What is longer is almost
	// always a quote that is never closed.
	MaxRecord = 16 << 20
	// maxBadRows is how many bad records a LoadError lists.
	maxBadRows = 20
	strayCR    = "a CR stands within the line: quote the field or remove it"
)

// CSV is what CheckCSV found out about a file.
type CSV struct {
	Header  []string // names as written, surrounding blanks removed
	Records int64    // after the header
}

// ValueCheck looks at one field that is not NULL and says what is wrong with it, or "".
type ValueCheck func(value []byte) string

// CheckCSV reads a whole CSV file in constant memory and finds every record that is not
// well formed: another number of fields than the header, text after a closing quote, a
// quote that is never closed, text that is not UTF-8, mixed line ends, a header with empty
// or repeated names or below blank lines. The rules are those of RFC 4180 with another
// delimiter where the file has one; a byte order mark and blank lines between records are
// skipped, fields may span lines. checks, if not nil, is asked once per column of the
// header, in order, for a test of its values.
//
// Bad records come as *LoadError with physical line numbers.
func CheckCSV(ctx context.Context, f File, checks func(column string) ValueCheck) (CSV, error) {
	r, err := f.Open()
	if err != nil {
		return CSV{}, fmt.Errorf("open %s: %w", f.Path, err)
	}
	defer r.Close()
	s := newCSVScanner(r, f.Delimiter)
	if err := s.header(); err != nil {
		return CSV{}, err
	}
	for i, name := range s.names {
		if checks == nil {
			break
		}
		s.checks = append(s.checks, checks(name))
		if s.checks[i] != nil {
			s.lastCheck = i
		}
	}
	for s.next() {
		s.check()
		if s.records%4096 == 0 && ctx.Err() != nil {
			return CSV{}, ctx.Err()
		}
	}
	if s.err != nil {
		return CSV{}, fmt.Errorf("read %s: %w", f.Path, s.err)
	}
	if len(s.bad.Rows) > 0 {
		return CSV{Header: s.names}, &s.bad
	}
	return CSV{Header: s.names, Records: s.records}, nil
}

// csvScanner reads records. Most records have no quote and are looked at only as a line.
type csvScanner struct {
	r         *bufio.Reader
	delim     byte
	crlf      bool   // how the first line ended
	line      int    // physical line on which the record starts
	lines     int    // physical lines in the record
	long      []byte // a line that does not fit into the reader's buffer
	multi     []byte // a record with quotes, over all its lines
	record    []byte // without its line end; valid until next
	ended     bool   // the last line had a line end
	endsCRLF  bool
	quoted    bool // the record has a quote: fields are known
	fields    []csvField
	problem   string
	names     []string
	checks    []ValueCheck
	lastCheck int
	records   int64
	bad       LoadError
	stop      bool
	err       error
}

// csvField is a part of a record; text that is quoted still has its doubled quotes.
type csvField struct {
	start, end int
	quoted     bool
}

func newCSVScanner(r io.Reader, delimiter rune) *csvScanner {
	in, buffered := r.(*bufio.Reader)
	if !buffered {
		in = bufio.NewReaderSize(r, 1<<20)
	}
	s := &csvScanner{r: in, delim: ',', line: 1, lastCheck: -1}
	if delimiter != 0 {
		s.delim = byte(delimiter)
	}
	return s
}

// header reads the first record and judges its names.
func (s *csvScanner) header() error {
	if mark, err := s.r.Peek(3); err == nil || len(mark) > 0 {
		switch {
		case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
			_, _ = s.r.Discard(3) // peeked, so they are there
		case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
			return s.refuse(BadRow{Line: 1, Reason: "the file is UTF-16: save it as UTF-8"})
		}
	}
	if !s.next() {
		if s.err != nil {
			return s.err
		}
		if len(s.bad.Rows) > 0 {
			return &s.bad
		}
		return s.refuse(BadRow{Line: 1, Reason: "the file is empty: its first line must name the columns"})
	}
	s.crlf = s.endsCRLF
	if s.problem == "" && !s.quoted && bytes.IndexByte(s.record, '\r') >= 0 {
		s.problem = "lines end with CR only: save the file with LF or CR LF"
	}
	s.split()
	if s.problem == "" && s.line > 1 { // DuckDB takes the first line for the header, blank or not
		s.problem = "a blank line stands before the header: remove it"
	}
	if s.problem == "" && !utf8.Valid(s.record) {
		s.problem = "the header is not UTF-8"
	}
	if s.problem != "" {
		return s.refuse(BadRow{Line: s.line, Value: clip(s.record), Reason: s.problem})
	}
	seen := map[string]int{}
	for i, f := range s.fields {
		name := strings.TrimSpace(string(s.text(f)))
		first, dup := seen[strings.ToLower(name)]
		switch {
		case name == "":
			s.add(BadRow{Line: s.line, Field: i + 1, Reason: fmt.Sprintf("field %d of the header is empty: every column needs a name", i+1)})
		case dup:
			s.add(BadRow{Line: s.line, Field: i + 1, Name: name, Value: name, Reason: fmt.Sprintf("the header names %q twice, in fields %d and %d", name, first, i+1)})
		default:
			seen[strings.ToLower(name)] = i + 1
		}
		s.names = append(s.names, name)
	}
	if len(s.bad.Rows) > 0 {
		return &s.bad
	}
	s.records = 0
	return nil
}

func (s *csvScanner) refuse(b BadRow) error {
	s.add(b)
	return &s.bad
}

func (s *csvScanner) add(b BadRow) {
	if len(s.bad.Rows) < maxBadRows {
		s.bad.Rows = append(s.bad.Rows, b)
	} else {
		s.bad.More++
	}
}

// next reads one record, over several lines where a quote is open.
func (s *csvScanner) next() bool {
	for {
		s.line += s.lines
		s.lines, s.problem = 0, ""
		line, ok := s.readLine()
		if !ok {
			return false
		}
		if len(line) == 0 && len(s.names) != 1 {
			continue
		}
		s.records++
		s.record = line
		s.quoted = bytes.IndexByte(line, '"') >= 0
		if s.quoted {
			s.parse(line)
		}
		return s.err == nil
	}
}

// readLine reads a physical line and takes its end off. It is valid until the next call.
func (s *csvScanner) readLine() ([]byte, bool) {
	if s.stop {
		return nil, false
	}
	line, err := s.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(s.long) <= MaxRecord {
			line, err = s.r.ReadSlice('\n')
			s.long = append(s.long, line...)
		}
		line = s.long
		if len(line) > MaxRecord {
			s.problem, s.stop, err = fmt.Sprintf("the record is longer than %d MiB", MaxRecord>>20), true, nil
		}
	}
	if err != nil && err != io.EOF {
		s.err = err
		return nil, false
	}
	if len(line) == 0 {
		return nil, false
	}
	s.lines++
	s.ended, s.endsCRLF = false, false
	if n := len(line); line[n-1] == '\n' {
		line, s.ended = line[:n-1], true
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line, s.endsCRLF = line[:n-1], true
		}
	}
	return line, true
}

// parse finds the fields of a record with quotes and reads on while a quote is open.
func (s *csvScanner) parse(line []byte) {
	s.multi = append(s.multi[:0], line...)
	s.fields = s.fields[:0]
	pos := 0
	for {
		field, next := s.field(pos)
		s.fields = append(s.fields, field)
		if next < 0 {
			break
		}
		pos = next
	}
	s.record = s.multi
}

// field reads the field at pos and returns where the next one starts, -1 at the end.
func (s *csvScanner) field(pos int) (csvField, int) {
	start := pos
	for start < len(s.multi) && s.multi[start] == ' ' {
		start++
	}
	if start == len(s.multi) || s.multi[start] != '"' {
		f, next := csvField{start: pos, end: len(s.multi)}, -1
		if i := bytes.IndexByte(s.multi[pos:], s.delim); i >= 0 {
			f.end, next = pos+i, pos+i+1
		}
		if s.problem == "" && bytes.IndexByte(s.multi[f.start:f.end], '\r') >= 0 {
			s.problem = strayCR
		}
		return f, next
	}
	f := csvField{start: start + 1, quoted: true}
	f.end = s.closingQuote(f.start)
	end := f.end + 1
	for end < len(s.multi) && s.multi[end] == ' ' {
		end++
	}
	if end >= len(s.multi) {
		return f, -1
	}
	if s.multi[end] != s.delim {
		if s.problem == "" {
			s.problem = fmt.Sprintf("text after the closing quote of field %d: a quote within a quoted field is written twice", len(s.fields)+1)
		}
		if i := bytes.IndexByte(s.multi[end:], s.delim); i >= 0 {
			return f, end + i + 1
		}
		return f, -1
	}
	return f, end + 1
}

// closingQuote finds the quote that ends a quoted field, over line ends.
func (s *csvScanner) closingQuote(pos int) int {
	for {
		i := bytes.IndexByte(s.multi[pos:], '"')
		switch {
		case i >= 0 && pos+i+1 < len(s.multi) && s.multi[pos+i+1] == '"':
			pos += i + 2
		case i >= 0:
			return pos + i
		default:
			pos = len(s.multi)
			if !s.continueRecord() {
				return len(s.multi)
			}
		}
	}
}

// continueRecord appends the next physical line to a record with an open quote.
func (s *csvScanner) continueRecord() bool {
	if len(s.multi) > MaxRecord {
		s.problem = fmt.Sprintf("the quote of field %d is not closed within %d MiB", len(s.fields)+1, MaxRecord>>20)
		s.stop = true
		return false
	}
	if s.ended {
		crlf := s.endsCRLF
		if line, ok := s.readLine(); ok {
			if crlf {
				s.multi = append(s.multi, '\r')
			}
			s.multi = append(append(s.multi, '\n'), line...)
			return true
		}
	}
	s.problem = fmt.Sprintf("the quote of field %d is never closed", len(s.fields)+1)
	return false
}

// split finds the fields of a record without quotes.
func (s *csvScanner) split() {
	if s.quoted {
		return
	}
	s.fields = s.fields[:0]
	for pos := 0; ; {
		i := bytes.IndexByte(s.record[pos:], s.delim)
		if i < 0 {
			s.fields = append(s.fields, csvField{start: pos, end: len(s.record)})
			return
		}
		s.fields = append(s.fields, csvField{start: pos, end: pos + i})
		pos += i + 1
	}
}

func (s *csvScanner) text(f csvField) []byte {
	t := s.record[f.start:f.end]
	if f.quoted && bytes.IndexByte(t, '"') >= 0 {
		t = bytes.ReplaceAll(t, []byte(`""`), []byte(`"`))
	}
	return t
}

// check judges the current record.
func (s *csvScanner) check() {
	count := len(s.fields)
	if !s.quoted {
		count = bytes.Count(s.record, []byte{s.delim}) + 1
	}
	reason := s.problem
	switch {
	case reason != "":
	case count != len(s.names):
		reason = fmt.Sprintf("the record has %s, the header has %d", fieldCount(count), len(s.names))
	case !utf8.Valid(s.record):
		s.split()
		for i, f := range s.fields {
			if t := s.text(f); !utf8.Valid(t) {
				s.add(BadRow{Line: s.line, Field: i + 1, Name: s.names[i], Value: clip(t), Reason: "the text is not UTF-8"})
			}
		}
		return
	case s.ended && s.endsCRLF != s.crlf:
		reason = "the line ends with LF, the first line with CR LF"
		if s.endsCRLF {
			reason = "the line ends with CR LF, the first line with LF"
		}
	case !s.quoted && bytes.IndexByte(s.record, '\r') >= 0:
		reason = strayCR
	}
	if reason != "" {
		s.add(BadRow{Line: s.line, Value: clip(s.record), Reason: reason})
		return
	}
	s.checkValues()
}

func (s *csvScanner) checkValues() {
	if s.lastCheck < 0 {
		return
	}
	s.split()
	for i, check := range s.checks[:s.lastCheck+1] {
		f := s.fields[i]
		if check == nil || f.start == f.end && !f.quoted {
			continue
		}
		t := s.text(f)
		if reason := check(t); reason != "" {
			s.add(BadRow{Line: s.line, Field: i + 1, Name: s.names[i], Value: clip(t), Reason: reason})
		}
	}
}

// CSVLines finds the physical lines on which records start. Records count from 1 after
// the header and are given in ascending order.
func CSVLines(f File, records []int64) ([]int, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Path, err)
	}
	defer r.Close()
	s := newCSVScanner(r, f.Delimiter)
	if err := s.header(); err != nil {
		return nil, err
	}
	var lines []int
	for len(lines) < len(records) && s.next() {
		for len(lines) < len(records) && records[len(lines)] == s.records {
			lines = append(lines, s.line)
		}
	}
	if s.err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, s.err)
	}
	return lines, nil
}

func fieldCount(n int) string {
	if n == 1 {
		return "1 field"
	}
	return fmt.Sprintf("%d fields", n)
}

// clip shortens a value for a message and keeps it valid text.
func clip(b []byte) string {
	const limit = 200
	if len(b) > limit {
		b = b[:limit]
		for len(b) > 0 && !utf8.RuneStart(b[len(b)-1]) {
			b = b[:len(b)-1]
		}
		if n := len(b); n > 0 && b[n-1] >= utf8.RuneSelf {
			b = b[:n-1]
		}
		return strings.ToValidUTF8(string(b), "�") + "…"
	}
	return strings.ToValidUTF8(string(b), "�")
}

// CSVHeader reads the first record of a file only.
func CSVHeader(f File) ([]string, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Path, err)
	}
	defer r.Close()
	s := newCSVScanner(r, f.Delimiter)
	if err := s.header(); err != nil {
		return nil, err
	}
	return s.names, nil
}

// ReadCSV gives the records of a file, in order and by the rules of CheckCSV, to take: a
// field that is empty and not in quotes is nil, for NULL. The slices are valid during the
// call only. The first record that is not well formed ends it with a *LoadError, an error
// of take with that error.
func ReadCSV(ctx context.Context, f File, take func(fields [][]byte) error) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open %s: %w", f.Path, err)
	}
	defer r.Close()
	s := newCSVScanner(r, f.Delimiter)
	if err := s.header(); err != nil {
		return err
	}
	fields := make([][]byte, len(s.names))
	for s.next() {
		if s.check(); len(s.bad.Rows) > 0 {
			return &s.bad
		}
		s.split()
		for i, field := range s.fields {
			fields[i] = s.text(field)
			switch {
			case field.start == field.end && !field.quoted:
				fields[i] = nil
			case fields[i] == nil:
				fields[i] = []byte{}
			}
		}
		if err := take(fields); err != nil {
			return err
		}
		if s.records%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s.err != nil {
		return fmt.Errorf("read %s: %w", f.Path, s.err)
	}
	return nil
}
