package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// fileColumnName is the column of a table of mode append that says which file a row is of.
const fileColumnName = "_file"

// reject is a record of a file that was left out.
type reject struct {
	File string `json:"file"`
	Line int    `json:"line"`
	// Last is the last line of the record, 0 if it is Line.
	Last   int    `json:"last_line,omitempty"`
	Column string `json:"column,omitempty"`
	// Value is shortened. Values of columns that do not leave as they are, and records that
	// have any, are left out.
	Value  *string `json:"value,omitempty"`
	Reason string  `json:"reason"`
}

func (r reject) String() string {
	s := fmt.Sprintf("%s:%d: ", r.File, r.Line)
	if r.Column != "" {
		s += fmt.Sprintf("column %q: ", r.Column)
	}
	if r.Value != nil {
		s += fmt.Sprintf("%q ", *r.Value)
	}
	return s + r.Reason
}

// lines is how many records may be lost in it.
func (r reject) lines() int64 { return int64(max(r.Last-r.Line, 0) + 1) }

const (
	// rejectsShown are told by the run itself, rejectsListed are in the file of rejects.
	rejectsShown  = 5
	rejectsListed = 10_000
)

// rejects collects what was left out, and writes it to a file beside the other results.
type rejects struct {
	path  string
	file  *os.File
	w     *bufio.Writer
	first []reject
	// count is of lines, listed of the entries in the file.
	count, listed int64
}

func (r *rejects) add(x reject) error {
	r.count += x.lines()
	if len(r.first) < rejectsShown {
		r.first = append(r.first, x)
	}
	if r.listed++; r.listed > rejectsListed {
		return nil
	}
	if r.file == nil {
		f, err := createPrivate(r.path)
		if err != nil {
			return err
		}
		r.file, r.w = f, bufio.NewWriter(f)
	}
	line, err := json.MarshalWithOption(x, json.DisableHTMLEscape())
	if err != nil {
		return fmt.Errorf("write %s: %w", r.path, err)
	}
	_, err = r.w.Write(append(line, '\n'))
	return err
}

// begin forgets what was collected, and what an earlier run wrote.
func (r *rejects) begin() error {
	err := r.end()
	*r = rejects{path: r.path}
	if gone := os.Remove(r.path); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

func (r *rejects) end() error {
	if r.file == nil {
		return nil
	}
	if r.listed > rejectsListed {
		fmt.Fprintf(r.w, "{\"more\":%d}\n", r.listed-rejectsListed)
	}
	err := errors.Join(r.w.Flush(), r.file.Close())
	r.file = nil
	return err
}

// createPrivate makes a file that others may not read: what is in it is somebody's data.
func createPrivate(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

// landColumn is a column on its way from a file to the table.
type landColumn struct {
	Taken
	transform *project.Transform
	check     valueCheck
}

// change gives the value that may leave: what the transform makes of it.
func (c *landColumn) change(v []byte) []byte {
	if c.transform == nil {
		return v
	}
	switch c.transform.How {
	case project.TransformHash:
		sum := sha256.Sum256(v)
		return []byte(hex.EncodeToString(sum[:]))
	case project.TransformTruncate:
		n := int64(0)
		for i := range string(v) {
			if n == c.transform.Length {
				return v[:i]
			}
			n++
		}
		return v
	default:
		return []byte(c.transform.Constant)
	}
}

// staging writes the rows of files as one CSV file in the form that every Loader reads, with
// the columns that are taken and no others. Rows with values that do not fit are rejected.
type staging struct {
	path    string
	columns []landColumn
	// files adds _file behind the columns.
	files   bool
	form    fileForm
	parquet ParquetReader
	rejects *rejects
	// plain says that a record as a whole has nothing that must not leave. One that is broken
	// may have members that no other has, so that it is shown only where nothing is kept back.
	plain bool
	// skip are records that the warehouse refused, by file and line.
	skip map[string]map[int]reject
	// nested are the columns, by folded name, that hold arrays or objects in some rows and land
	// as JSON unless their type says otherwise.
	nested map[string]bool
	// tell hears of the rows that were written so far.
	tell func(rows int64)

	out   io.Writer
	row   []byte
	line  int // the physical line of the next record, from 1
	rows  int64
	start []fileStart
	// at is told, if it is not nil, where a row comes from; nothing is rejected then.
	at func(line, from int)
}

// fileStart says where the rows of a file begin in what is written.
type fileStart struct {
	file foundFile
	line int
	rows int64 // that are of the file
	lost int64 // lines that were rejected
}

// write makes the file.
func (s *staging) write(ctx context.Context, files []foundFile, hashes map[string]string) (err error) {
	if err := s.rejects.begin(); err != nil {
		return err
	}
	f, err := createPrivate(s.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), s.rejects.end()) }()
	w := bufio.NewWriterSize(f, 1<<18)
	s.out, s.line, s.rows, s.start = w, 2, 0, nil
	if _, err := w.Write(append(s.header(), '\n')); err != nil {
		return err
	}
	for _, file := range files {
		if err := s.read(ctx, file, hashes[file.Name]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// isJSON reports whether a type is the one of JSON, in any warehouse.
func isJSON(typ string) bool {
	return strings.EqualFold(typ, "json") || strings.EqualFold(typ, "jsonb")
}

func (s *staging) header() []byte {
	var row []byte
	for _, name := range s.names() {
		row = appendCSV(row, []byte(name), len(row) > 0)
	}
	return row
}

func (s *staging) names() []string {
	var names []string
	for _, c := range s.columns {
		names = append(names, c.Name)
	}
	if s.files {
		names = append(names, fileColumnName)
	}
	return names
}

// read writes the rows of one file, which must have the hash.
func (s *staging) read(ctx context.Context, f foundFile, hash string) error {
	want, quoted := make([]string, len(s.columns)), make([]bool, len(s.columns))
	for i, c := range s.columns {
		want[i] = c.Name
		// Among arrays and objects a text is JSON too: with its quotes.
		quoted[i] = c.transform == nil && (isJSON(c.Type) || c.Type == "" && s.nested[strings.ToLower(c.Name)])
	}
	before, lost := s.rows, s.rejects.count
	start := fileStart{file: f, line: s.line}
	sum, err := readFile(ctx, f, s.form, s.parquet, want, readRows{
		quoted: quoted,
		take:   func(line int, fields [][]byte) error { return s.take(f, line, fields) },
		bad: func(b warehouse.BadRecord) error {
			x := reject{File: f.Name, Line: b.Line, Column: b.Name, Reason: b.Reason}
			if b.Last > b.Line {
				x.Last = b.Last
			}
			if s.plain && b.Value != "" {
				v := clipped([]byte(b.Value))
				x.Value = &v
			}
			return s.reject(x)
		},
	})
	if err == nil && sum == "" {
		sum, err = hashFile(f)
	}
	if err != nil {
		return err
	}
	if sum != hash {
		return &fileError{File: f.Name, Reason: "the file changed while it was read"}
	}
	start.rows, start.lost = s.rows-before, s.rejects.count-lost
	s.start = append(s.start, start)
	return nil
}

func (s *staging) reject(x reject) error {
	if s.at != nil {
		return nil
	}
	return s.rejects.add(x)
}

func (s *staging) take(f foundFile, line int, fields [][]byte) error {
	if x, refused := s.skip[f.Name][line]; refused {
		return s.reject(x)
	}
	row, breaks := s.row[:0], 0
	for i := range s.columns {
		c := &s.columns[i]
		v := fields[i]
		if v != nil {
			v = c.change(v)
			if c.check != nil {
				out, reason := c.check(v)
				if reason != "" {
					x := reject{File: f.Name, Line: line, Column: c.Name, Reason: reason}
					if len(v) == 0 && c.transform == nil {
						x.Reason = "an empty text " + reason + ": leave the field empty for NULL"
					} else if c.transform == nil {
						shown := clipped(v)
						x.Value = &shown
					}
					return s.reject(x)
				}
				v = out
			}
			breaks += bytes.Count(v, []byte{'\n'})
		}
		row = appendCSV(row, v, i > 0)
	}
	if s.files {
		row = appendCSV(row, []byte(f.Name), true)
		breaks += strings.Count(f.Name, "\n")
	}
	s.row = append(row, '\n')
	if s.at != nil {
		s.at(s.line, line)
	}
	s.line += 1 + breaks
	if s.rows++; s.tell != nil && s.rows%65536 == 0 {
		s.tell(s.rows)
	}
	_, err := s.out.Write(s.row)
	return err
}

// appendCSV writes a field, nil for NULL.
func appendCSV(row, v []byte, more bool) []byte {
	if more {
		row = append(row, ',')
	}
	switch {
	case v == nil:
		return row
	case len(v) > 0 && !bytes.ContainsAny(v, ",\"\r\n") && v[0] != ' ' && v[len(v)-1] != ' ':
		return append(row, v...)
	}
	row = append(row, '"')
	for _, b := range v {
		if b == '"' {
			row = append(row, '"')
		}
		row = append(row, b)
	}
	return append(row, '"')
}

// refused leads rows that the warehouse did not take back to their files, and has them left
// out the next time. False: it cannot be said which rows they are.
func (s *staging) refused(ctx context.Context, bad *warehouse.LoadError, hashes map[string]string) ([]reject, bool, error) {
	byLine := map[int]warehouse.BadRow{}
	for _, row := range bad.Rows {
		if row.Line < 2 {
			return nil, false, nil
		}
		byLine[row.Line] = row
	}
	var out []reject
	for i, start := range s.start {
		end := s.line
		if i+1 < len(s.start) {
			end = s.start[i+1].line
		}
		concerned := false
		for line := range byLine {
			concerned = concerned || line >= start.line && line < end
		}
		if !concerned {
			continue
		}
		again := *s
		again.out, again.line, again.start, again.tell, again.row = io.Discard, start.line, nil, nil, nil
		again.rejects = &rejects{}
		again.at = func(line, from int) {
			row, ok := byLine[line]
			if !ok {
				return
			}
			x := reject{File: start.file.Name, Line: from, Column: row.Name, Reason: "the warehouse refuses it: " + row.Reason}
			if k := slices.IndexFunc(s.columns, func(c landColumn) bool { return strings.EqualFold(c.Name, row.Name) }); k < 0 || s.columns[k].transform != nil {
				x.Reason = "the warehouse refuses it" // its reason may have the value
			} else {
				v := clipped([]byte(row.Value))
				x.Value, x.Reason = &v, "is not of type "+s.columns[k].Type
			}
			out = append(out, x)
		}
		if err := again.read(ctx, start.file, hashes[start.file.Name]); err != nil {
			return nil, false, err
		}
	}
	for _, x := range out {
		if s.skip == nil {
			s.skip = map[string]map[int]reject{}
		}
		if s.skip[x.File] == nil {
			s.skip[x.File] = map[int]reject{}
		}
		s.skip[x.File][x.Line] = x
	}
	return out, len(out) > 0, nil
}

// fileNameSafe makes a name for files of the name of a table.
func fileNameSafe(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' || r < ' ' || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
}
