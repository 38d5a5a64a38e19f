package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/engine-build/engine/engine/warehouse"
)

// fileForm is how the files of a source are written.
type fileForm struct {
	Format    string
	Delimiter rune
	// NoHeader: CSV files have no header line. Their columns are Names then, or column1,
	// column2 and so on without these.
	NoHeader bool
	Names    []string
	Nulls    []string
	Encoding string
}

func (f fileForm) csv() warehouse.CSVForm {
	return warehouse.CSVForm{Delimiter: f.Delimiter, NoHeader: f.NoHeader, Names: f.Names, Nulls: f.Nulls}
}

// encodings are those of texts by the word for them; UTF-8 needs no decoder.
var encodings = map[string]encoding.Encoding{
	"utf-8": nil, "latin1": charmap.ISO8859_1, "windows-1252": charmap.Windows1252,
	"utf-16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
}

// ParquetReader reads Parquet files. Values come as texts, nil for NULL, in the form that
// the engine's own readers have: numbers and times in ISO form and UTC, nested values as
// JSON, bytes as hexadecimal digits.
type ParquetReader interface {
	// Columns are those of a file, in its order, with GoogleSQL types.
	Columns(ctx context.Context, path string) ([]warehouse.Column, error)
	// Read gives the rows in their order, with the columns that are named and no others. The
	// slices are valid during the call only.
	Read(ctx context.Context, path string, columns []string, take func(fields [][]byte) error) error
}

// fileError is a file that cannot be taken as a whole.
type fileError struct {
	File   string
	Line   int // 0: none
	Reason string
	Err    error
}

func (e *fileError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
	}
	return e.File + ": " + e.Reason
}

func (e *fileError) Unwrap() error { return e.Err }

// inFile words what went wrong while a file was read.
func inFile(f foundFile, err error) error {
	var own *fileError
	var bad *warehouse.LoadError
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &bad) && len(bad.Rows) > 0:
		return &fileError{File: f.Name, Line: bad.Rows[0].Line, Reason: bad.Rows[0].Reason, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return &fileError{File: f.Name, Reason: "the compressed file is broken or cut off: " + err.Error(), Err: err}
	}
	return &fileError{File: f.Name, Reason: plainPath(err).Error(), Err: err}
}

// opened is a file that is read as UTF-8, with the hash of its bytes as they are on disk.
type opened struct {
	text *bufio.Reader
	raw  io.Reader // what is hashed
	file *os.File
	sum  hash.Hash
}

func (o *opened) Close() error { return o.file.Close() }

// hash reads what is left and gives the hash of the whole file.
func (o *opened) hash() (string, error) {
	if _, err := io.Copy(io.Discard, o.raw); err != nil {
		return "", err
	}
	return hex.EncodeToString(o.sum.Sum(nil)), nil
}

func openFile(f foundFile, form fileForm) (*opened, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	o := &opened{file: file, sum: sha256.New()}
	o.raw = io.TeeReader(file, o.sum)
	size := int(min(max(f.Size, 4<<10), 1<<20)) // many files are small
	in := bufio.NewReaderSize(o.raw, size)
	if mark, err := in.Peek(2); err == nil && mark[0] == 0x1f && mark[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		in = bufio.NewReaderSize(z, 1<<20)
	}
	o.text = in
	if enc := encodings[form.Encoding]; enc != nil {
		o.text = bufio.NewReaderSize(enc.NewDecoder().Reader(in), size)
		return o, nil
	}
	if mark, err := in.Peek(2); err == nil && (mark[0] == 0xff && mark[1] == 0xfe || mark[0] == 0xfe && mark[1] == 0xff) {
		return nil, errors.Join(&fileError{File: f.Name, Reason: "the file is UTF-16: set encoding: utf-16"}, file.Close())
	}
	return o, nil
}

// hashFile is the hash of a file's bytes, and how many there are.
func hashFile(f foundFile) (string, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return "", inFile(f, err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", inFile(f, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// fileColumn is a column of a file.
type fileColumn struct {
	Name string
	// Type is the GoogleSQL type of a column in Parquet; «json» and «string» for columns of
	// NDJSON that have arrays or objects, or texts that look like something else; else empty.
	Type string
}

const (
	jsonValues = "json"
	textValues = "string"
)

// surveyFile finds the columns of a file.
func surveyFile(ctx context.Context, f foundFile, form fileForm, parquet ParquetReader) ([]fileColumn, error) {
	if form.Format == FormatParquet {
		found, err := parquet.Columns(ctx, f.Path)
		if err != nil {
			return nil, inFile(f, err)
		}
		out := make([]fileColumn, len(found))
		for i, c := range found {
			out[i] = fileColumn{Name: c.Name, Type: c.Type}
		}
		return out, nil
	}
	o, err := openFile(f, form)
	if err != nil {
		return nil, inFile(f, err)
	}
	defer o.Close()
	var out []fileColumn
	if form.Format == FormatCSV {
		err := warehouse.ScanCSV(ctx, o.text, form.csv(), func(names []string) error {
			out = namedColumns(names)
			return errSurveyed
		}, nil, nil)
		if !errors.Is(err, errSurveyed) {
			return nil, inFile(f, err)
		}
		return out, nil
	}
	at := map[string]int{}
	err = scanNDJSON(ctx, o.text, func(_ int, members []jsonMember) error {
		for _, m := range members {
			key := strings.ToLower(m.name)
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key] = i
				out = append(out, fileColumn{Name: m.name})
			}
			switch {
			case m.kind == jsonNested:
				out[i].Type = jsonValues
			case m.kind == jsonText && out[i].Type == "" && bare(m.value):
				out[i].Type = textValues
			}
		}
		return nil
	}, func(warehouse.BadRecord) error { return nil })
	return out, inFile(f, err)
}

// errSurveyed ends the reading of a file whose header is all that was wanted.
var errSurveyed = errors.New("the header is read")

func namedColumns(names []string) []fileColumn {
	out := make([]fileColumn, len(names))
	for i, n := range names {
		out[i] = fileColumn{Name: n}
	}
	return out
}

// bare reports whether a text could be taken for a JSON number or boolean.
func bare(v []byte) bool {
	return len(v) > 0 && (v[0] == '-' || v[0] == '.' || v[0] >= '0' && v[0] <= '9' && !dateLike(v) || strings.EqualFold(string(v), "true") || strings.EqualFold(string(v), "false"))
}

// dateLike reports whether a text begins as a day: 2024-01-31.
func dateLike(v []byte) bool {
	return len(v) >= 10 && v[4] == '-' && v[7] == '-'
}

// readRows are the callbacks for what is in a file.
type readRows struct {
	// quoted says of which wanted columns texts of NDJSON keep their quotes and escapes; nil: of none.
	quoted []bool
	take   func(line int, fields [][]byte) error
	bad    func(warehouse.BadRecord) error
}

// readFile reads the wanted columns of a file: take gets a field for each of them, nil for
// NULL and where the file does not have the column. It gives the hash of what was read, ""
// for Parquet, which is not read from one end to the other.
func readFile(ctx context.Context, f foundFile, form fileForm, parquet ParquetReader, want []string, rows readRows) (string, error) {
	if form.Format == FormatParquet {
		return "", inFile(f, readParquet(ctx, f, parquet, want, rows))
	}
	o, err := openFile(f, form)
	if err != nil {
		return "", inFile(f, err)
	}
	defer o.Close()
	take := rows.take
	if encodings[form.Encoding] != nil {
		take = func(line int, fields [][]byte) error {
			for i, v := range fields {
				if bytes.ContainsRune(v, utf8.RuneError) {
					return rows.bad(warehouse.BadRecord{BadRow: warehouse.BadRow{Line: line, Field: i + 1, Name: want[i], Reason: "the text is not " + form.Encoding}, Last: line})
				}
			}
			return rows.take(line, fields)
		}
	}
	if form.Format == FormatCSV {
		err = readCSV(ctx, o.text, form, want, take, rows.bad)
	} else {
		err = readNDJSON(ctx, o.text, form, want, rows.quoted, take, rows.bad)
	}
	if err != nil {
		return "", inFile(f, err)
	}
	sum, err := o.hash()
	return sum, inFile(f, err)
}

func readParquet(ctx context.Context, f foundFile, parquet ParquetReader, want []string, rows readRows) error {
	found, err := parquet.Columns(ctx, f.Path)
	if err != nil {
		return err
	}
	var names []string
	at := make([]int, 0, len(want)) // where the columns of the file go
	for i, w := range want {
		if k := slices.IndexFunc(found, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, w) }); k >= 0 {
			names, at = append(names, found[k].Name), append(at, i)
		}
	}
	fields := make([][]byte, len(want))
	line := 0
	return parquet.Read(ctx, f.Path, names, func(values [][]byte) error {
		line++
		for i, to := range at {
			fields[to] = values[i]
		}
		return rows.take(line, fields)
	})
}

func readCSV(ctx context.Context, r *bufio.Reader, form fileForm, want []string, take func(int, [][]byte) error, bad func(warehouse.BadRecord) error) error {
	var from []int // where in the file a wanted column is
	out := make([][]byte, len(want))
	return warehouse.ScanCSV(ctx, r, form.csv(), func(names []string) error {
		from = make([]int, len(want))
		for i, w := range want {
			from[i] = slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, w) })
		}
		return nil
	}, func(line int, fields [][]byte) error {
		for i, k := range from {
			out[i] = nil
			if k >= 0 {
				out[i] = fields[k]
			}
		}
		return take(line, out)
	}, bad)
}

func readNDJSON(ctx context.Context, r *bufio.Reader, form fileForm, want []string, quoted []bool, take func(int, [][]byte) error, bad func(warehouse.BadRecord) error) error {
	at := make(map[string]int, len(want))
	for i, w := range want {
		at[strings.ToLower(w)] = i
	}
	out := make([][]byte, len(want))
	return scanNDJSON(ctx, r, func(line int, members []jsonMember) error {
		clear(out)
		for _, m := range members {
			i, ok := at[strings.ToLower(m.name)]
			if !ok || m.kind == jsonNull || m.kind == jsonText && slices.Contains(form.Nulls, string(m.value)) {
				continue
			}
			out[i] = m.value
			if m.kind == jsonText && quoted != nil && quoted[i] {
				out[i] = m.raw
			}
		}
		return take(line, out)
	}, bad)
}

type jsonKind int

const (
	jsonNull jsonKind = iota
	jsonText
	jsonScalar // a number or boolean
	jsonNested
)

// jsonMember is a member of an object: texts without their quotes and escapes, everything
// else as it is written, without blanks.
type jsonMember struct {
	name  string
	kind  jsonKind
	value []byte
	raw   []byte // a text as it is written
}

// scanNDJSON reads a file with one JSON object per line. Blank lines are left out. The
// members are valid during the call only.
func scanNDJSON(ctx context.Context, in *bufio.Reader, take func(line int, members []jsonMember) error, bad func(warehouse.BadRecord) error) error {
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3) // peeked, so they are there
	}
	var long []byte
	var members []jsonMember
	first := true
	for line := 1; ; line++ {
		if line%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		text, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], text...)
			for errors.Is(err, bufio.ErrBufferFull) && len(long) <= warehouse.MaxRecord {
				text, err = in.ReadSlice('\n')
				long = append(long, text...)
			}
			if text = long; len(text) > warehouse.MaxRecord {
				return &warehouse.LoadError{Rows: []warehouse.BadRow{{Line: line, Reason: fmt.Sprintf("the line is longer than %d MiB", warehouse.MaxRecord>>20)}}}
			}
		}
		if err != nil && err != io.EOF {
			return err
		}
		if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 {
			if first && trimmed[0] == '[' {
				return &warehouse.LoadError{Rows: []warehouse.BadRow{{Line: line, Reason: "the file is a JSON array: write one object per line"}}}
			}
			first = false
			var reason string
			members, reason = objectMembers(trimmed, members[:0])
			var taken error
			if reason != "" {
				taken = bad(warehouse.BadRecord{BadRow: warehouse.BadRow{Line: line, Value: clipped(trimmed), Reason: reason}, Last: line})
			} else {
				taken = take(line, members)
			}
			if taken != nil {
				return taken
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// objectMembers takes an object apart and says what is wrong with it, or "".
func objectMembers(text []byte, out []jsonMember) ([]jsonMember, string) {
	switch {
	case !utf8.Valid(text):
		return out, "the line is not UTF-8"
	case !json.Valid(text):
		return out, "the line is not JSON" + jsonReason(text)
	case text[0] != '{':
		return out, "the line is no JSON object"
	}
	pos := blanks(text, 1)
	for text[pos] != '}' {
		end := jsonEnd(text, pos)
		name, ok := unquote(text[pos:end])
		if !ok {
			return out, "a name has half of a surrogate pair"
		}
		pos = blanks(text, end) + 1 // behind the colon
		pos = blanks(text, pos)
		end = jsonEnd(text, pos)
		m := jsonMember{name: string(name), value: text[pos:end], kind: jsonScalar}
		switch text[pos] {
		case 'n':
			m.kind, m.value = jsonNull, nil
		case '"':
			m.kind, m.raw = jsonText, m.value
			if m.value, ok = unquote(m.value); !ok {
				return out, fmt.Sprintf("the text of %q has half of a surrogate pair", m.name)
			}
		case '{', '[':
			m.kind = jsonNested
			var b bytes.Buffer
			if json.Compact(&b, m.value) == nil {
				m.value = b.Bytes()
			}
		}
		if m.name == "" {
			return out, "a member of the object has no name"
		}
		for _, o := range out {
			if strings.EqualFold(o.name, m.name) {
				return out, fmt.Sprintf("the object names %q twice", m.name)
			}
		}
		out = append(out, m)
		pos = blanks(text, end)
		if text[pos] == ',' {
			pos = blanks(text, pos+1)
		}
	}
	return out, ""
}

// jsonReason is what the parser says of a text that is not JSON.
func jsonReason(text []byte) string {
	var v json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &v); errors.As(err, &syntax) {
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			return ": it ends too early"
		}
		return fmt.Sprintf(": it is wrong at byte %d", syntax.Offset)
	}
	return ""
}

func blanks(text []byte, pos int) int {
	for pos < len(text) && (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\r' || text[pos] == '\n') {
		pos++
	}
	return pos
}

// jsonEnd is the end of the value at pos of a text that is JSON.
func jsonEnd(text []byte, pos int) int {
	depth := 0
	for i := pos; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // behind a number or word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// unquote is the text of a JSON string. It is false for one that Unicode does not have.
func unquote(quoted []byte) ([]byte, bool) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil, false
	}
	// The parser writes the replacement character for half a pair.
	lost := strings.Count(s, "�") - bytes.Count(inner, []byte("�")) - bytes.Count(bytes.ToLower(inner), []byte(`\ufffd`))
	return []byte(s), lost <= 0
}

// clipped shortens a value for people.
func clipped(v []byte) string {
	const limit = 120
	s := strings.ToValidUTF8(string(v[:min(len(v), limit+utf8.UTFMax)]), "�")
	runes := 0
	for i := range s {
		if runes++; runes > limit {
			return s[:i] + "…"
		}
	}
	return s
}
