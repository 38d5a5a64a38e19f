package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

func TestFindFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.csv", "b.csv.gz", "x/c.csv", "x/y/d.csv", "x/y/e.ndjson", "x/.hidden.csv", ".git/f.csv", "x/[1].csv", "readme.md"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"a.csv":           "a.csv",
		"none.csv":        "",
		"*.csv":           "a.csv",
		"*.csv*":          "a.csv b.csv.gz",
		"**/*.csv":        "a.csv x/[1].csv x/c.csv x/y/d.csv",
		"x/**":            "x/[1].csv x/c.csv x/y/d.csv x/y/e.ndjson",
		"x/*":             "x/[1].csv x/c.csv",
		"x/?.csv":         "x/c.csv",
		"x/**/d.csv":      "x/y/d.csv",
		"**/y/*":          "x/y/d.csv x/y/e.ndjson",
		"x/.h*":           "x/.hidden.csv",
		"x":               "x/[1].csv x/c.csv x/y/d.csv",
		"x/[[]1].csv":     "x/[1].csv",
		"no/such/**/file": "",
	} {
		found, err := findFiles(dir, []string{pattern}, "csv")
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		var names []string
		for _, f := range found {
			names = append(names, f.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
	if _, err := findFiles(dir, []string{"x/[.csv"}, "csv"); err == nil {
		t.Error("a bracket that is not closed is taken")
	}
	twice, err := findFiles(dir, []string{"a.csv", "*.csv"}, "csv")
	if err != nil || len(twice) != 1 {
		t.Errorf("a file that two patterns lead to: %v, %v", twice, err)
	}
}

func TestCheckOf(t *testing.T) {
	for _, c := range []struct {
		typ    string
		google bool
		in     string
		want   string // the value, or «!» and a part of the reason
	}{
		{"INTEGER", false, " +12 ", "12"},
		{"INTEGER", false, "1.0", "!whole number"},
		{"INTEGER", false, "1e3", "!whole number"},
		{"INTEGER", false, "", "!whole number"},
		{"INTEGER", false, "2147483648", "!range of 32 bits"},
		{"INTEGER", true, "2147483648", "2147483648"},
		{"bigint", false, "9223372036854775808", "!range"},
		{"smallint", false, "-32768", "-32768"},
		{"DECIMAL(5,2)", false, "123.45", "123.45"},
		{"DECIMAL(5,2)", false, "123.4500", "123.4500"},
		{"DECIMAL(5,2)", false, "123.456", "!3 digits behind the point, the column 2"},
		{"DECIMAL(5,2)", false, "1234", "!4 digits before the point, the column 3"},
		{"DECIMAL(5,2)", false, "1.2345e2", "123.45"},
		{"DECIMAL(5,2)", false, "1e-3", "!3 digits behind"},
		{"DECIMAL(5,2)", false, "-0.5", "-0.5"},
		{"DECIMAL(5,2)", false, ".5", ".5"},
		{"DECIMAL(5,2)", false, ".", "!no decimal"},
		{"DECIMAL(5,2)", false, "1e999999999", "!no decimal"},
		{"numeric", false, "1.23456789012345678901234567890", "1.23456789012345678901234567890"},
		{"NUMERIC", true, "1.2345678901", "!10 digits behind"},
		{"DOUBLE", false, "1e308", "1e308"},
		{"DOUBLE", false, "1e309", "!range"},
		{"DOUBLE", false, "0x1p3", "!no number"},
		{"DOUBLE", false, "1_000", "!no number"},
		{"DOUBLE", false, "NaN", "NaN"},
		{"boolean", false, "YES", "true"},
		{"boolean", false, "0", "false"},
		{"boolean", false, "2", "!neither"},
		{"date", false, "2024-02-29", "2024-02-29"},
		{"date", false, "2023-02-29", "!no date"},
		{"date", false, "1/2/2024", "!no date"},
		{"date", false, "now", "!no date"},
		{"date", false, "0000-01-01", "!no date"},
		{"timestamp without time zone", false, "2024-01-31", "2024-01-31"},
		{"timestamp without time zone", false, "2024-01-31T10:00:00.123456", "2024-01-31T10:00:00.123456"},
		{"timestamp without time zone", false, "2024-01-31 10:00:00.1234567", "!microseconds"},
		{"timestamp without time zone", false, "2024-01-31 10:00:00.1234560", "2024-01-31 10:00:00.1234560"},
		{"TIMESTAMP", false, "2024-01-31 10:00:00Z", "!has a time zone"},
		{"TIMESTAMP", true, "2024-01-31 10:00:00Z", "2024-01-31 10:00:00+00:00"},
		{"TIMESTAMP WITH TIME ZONE", false, "2024-01-31 10:00", "2024-01-31 10:00+00:00"},
		{"timestamp(3) with time zone", false, "2024-01-31 10:00:00 +0230", "2024-01-31 10:00:00+02:30"},
		{"timestamptz", false, "2024-01-31", "2024-01-31 00:00:00+00:00"},
		{"timestamptz", false, "2024-01-31 10:00:00 Europe/Berlin", "!no offset"},
		{"timestamptz", false, "2024-01-31 25:00:00Z", "!no time"},
		{"time", false, "23:59:59.5", "23:59:59.5"},
		{"time", false, "24:00:00", "!no time"},
		{"uuid", false, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"},
		{"uuid", false, "a0eebc999c0b4ef8bb6d6bb9bd380a11", "!no UUID"},
		{"jsonb", false, `{"a":1}`, `{"a":1}`},
		{"jsonb", false, `{a:1}`, "!no JSON"},
		{"character varying(3)", false, "äöü", "äöü"},
		{"character varying(3)", false, "abcd", "!4 characters, the column 3"},
	} {
		check := checkOf(c.typ, c.google)
		if check == nil {
			t.Errorf("%s has no test", c.typ)
			continue
		}
		out, reason := check([]byte(c.in))
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if !strings.Contains(reason, want) {
				t.Errorf("%s %q: reason %q, want %q (value %q)", c.typ, c.in, reason, want, out)
			}
		} else if reason != "" || string(out) != c.want {
			t.Errorf("%s %q: got %q, %q, want %q", c.typ, c.in, out, reason, c.want)
		}
	}
	for _, typ := range []string{"text", "VARCHAR", "inet", "INTEGER[]", "STRUCT(a INTEGER)", "ARRAY<INT64>", "bytea"} {
		if checkOf(typ, false) != nil {
			t.Errorf("%s has a test, and only the warehouse can judge it", typ)
		}
	}
}

func TestObjectMembers(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a":1,"b":"x\n\"","c":null,"d":[1, {"e" : "}"}],"f":true,"g":-1.50e3}`, `a=2:1 b=1:x` + "\n" + `" c=0: d=3:[1,{"e":"}"}] f=2:true g=2:-1.50e3`},
		{`{}`, ``},
		{`{ "ä" : "\u00e4" , "b":{}}`, `ä=1:ä b=3:{}`},
		{`{"a":"\ud83d\ude00"}`, "a=1:😀"},
		{`{"a":"\ufffd"}`, "a=1:\ufffd"},
		{`{"a":"\ud83d"}`, `!half of a surrogate pair`},
		{`{"a":1,"A":2}`, `!names "A" twice`},
		{`{"":1}`, `!has no name`},
		{`{"a":}`, `!not JSON: it is wrong at byte 6`},
		{`{"a":1`, `!ends too early`},
		{`[1]`, `!no JSON object`},
		{`"x"`, `!no JSON object`},
		{"{\"a\":\"\xff\"}", `!not UTF-8`},
		{`{"a":1} {"b":2}`, `!not JSON`},
	} {
		members, reason := objectMembers([]byte(c.in), nil)
		var got []string
		for _, m := range members {
			got = append(got, fmt.Sprintf("%s=%d:%s", m.name, m.kind, m.value))
		}
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if !strings.Contains(reason, want) {
				t.Errorf("%s: reason %q, want %q", c.in, reason, want)
			}
		} else if reason != "" || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q (%s), want %q", c.in, strings.Join(got, " "), reason, c.want)
		}
	}
}

// readBack reads columns of a file that has the bytes.
func readBack(t *testing.T, form fileForm, data []byte, want ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f := foundFile{Name: "f", Path: path}
	var out strings.Builder
	sum, err := readFile(t.Context(), f, form, nil, want, readRows{
		take: func(line int, fields [][]byte) error {
			fmt.Fprintf(&out, "%d:", line)
			for _, v := range fields {
				if v == nil {
					out.WriteString(" NULL")
				} else {
					fmt.Fprintf(&out, " %q", v)
				}
			}
			out.WriteString("\n")
			return nil
		},
		bad: func(b warehouse.BadRecord) error {
			fmt.Fprintf(&out, "%d-%d! %s\n", b.Line, b.Last, b.Reason)
			return nil
		},
	})
	if err != nil {
		return out.String(), err
	}
	if whole, err := hashFile(f); err != nil || whole != sum {
		t.Errorf("the hash of what was read is %s, of the file %s (%v)", sum, whole, err)
	}
	return out.String(), nil
}

func packed(t *testing.T, data string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadFile(t *testing.T) {
	csv := fileForm{Format: FormatCSV, Encoding: "utf-8"}
	with := func(change func(*fileForm)) fileForm { f := csv; change(&f); return f }
	for _, c := range []struct {
		name string
		form fileForm
		in   string
		want string
		fail string
	}{
		{"other order, a column that is missing, one too many", csv, "b,c,a\n1,2,3\n", "2: \"3\" \"1\" NULL\n", ""},
		{"byte order mark and CR LF", csv, "\xef\xbb\xbfa,b\r\n1,\r\n", "2: \"1\" NULL NULL\n", ""},
		{"quotes with line ends", csv, "a,b\n\"x\ny\",\"\"\"\"\n2,3\n", "2: \"x\\ny\" \"\\\"\" NULL\n4: \"2\" \"3\" NULL\n", ""},
		{"an empty text in quotes is none", csv, "a,b\n\"\",\n", "2: \"\" NULL NULL\n", ""},
		{"texts for NULL", with(func(f *fileForm) { f.Nulls = []string{"n/a", ""} }), "a,b\nn/a,\"n/a\"\n\"\",x\n", "2: NULL \"n/a\" NULL\n3: NULL \"x\" NULL\n", ""},
		{"semicolons", with(func(f *fileForm) { f.Delimiter = ';' }), "a;b\n1,5;2\n", "2: \"1,5\" \"2\" NULL\n", ""},
		{"no header", with(func(f *fileForm) { f.NoHeader, f.Names = true, []string{"b", "a"} }), "\xef\xbb\xbf1,2\n3,4\n", "1: \"2\" \"1\" NULL\n2: \"4\" \"3\" NULL\n", ""},
		{"mixed line ends", csv, "a,b\r\n1,2\n3,4\r\n", "2: \"1\" \"2\" NULL\n3: \"3\" \"4\" NULL\n", ""},
		{"bad records, and what follows", csv, "a,b\n1\n2,3\n\"x\"y,4\n5,\"6\nlast\"z\n7,8\n", "2-2! the record has 1 field, and there are 2 columns\n3: \"2\" \"3\" NULL\n4-4! text after the closing quote of field 1: a quote within a quoted field is written twice\n5-6! text after the closing quote of field 2: a quote within a quoted field is written twice\n7: \"7\" \"8\" NULL\n", ""},
		{"not UTF-8", csv, "a,b\n\xe4,1\n2,3\n", "2-2! the text is not UTF-8\n3: \"2\" \"3\" NULL\n", ""},
		{"a quote that is never closed", csv, "a,b\n1,2\n3,\"4\n5,6\n", "2: \"1\" \"2\" NULL\n", "f:3: the quote of field 2 is never closed"},
		{"an empty file", csv, "", "", "f:1: the file is empty: its first line must name the columns"},
		{"an empty file without a header", with(func(f *fileForm) { f.NoHeader = true }), "", "", ""},
		{"header only", csv, "a,b", "", ""},
		{"latin1", with(func(f *fileForm) { f.Encoding = "latin1" }), "a,b\n\xe4,1\n", "2: \"ä\" \"1\" NULL\n", ""},
		{"windows-1252", with(func(f *fileForm) { f.Encoding = "windows-1252" }), "a,b\n\x80,1\n\x81,2\n", "2: \"€\" \"1\" NULL\n3-3! the text is not windows-1252\n", ""},
		{"UTF-16 with its mark", with(func(f *fileForm) { f.Encoding = "utf-16" }), "\xff\xfea\x00,\x00b\x00\n\x00\xe4\x00,\x001\x00\n\x00", "2: \"ä\" \"1\" NULL\n", ""},
		{"UTF-16 that is not declared", csv, "\xff\xfea\x00,\x00b\x00", "", "f: the file is UTF-16: set encoding: utf-16"},
		{"compressed", csv, string(packed(t, "a,b\n1,2\n")), "2: \"1\" \"2\" NULL\n", ""},
		{"compressed and cut off", csv, string(packed(t, "a,b\n"+strings.Repeat("1,2\n", 9999))[:60]), "", "f: the compressed file is broken or cut off"},
		{"objects", fileForm{Format: FormatNDJSON}, "{\"b\":1,\"a\":null}\n\n{\"A\":\"x\",\"z\":1}\n", "1: NULL \"1\" NULL\n3: \"x\" NULL NULL\n", ""},
		{"an array", fileForm{Format: FormatNDJSON}, "[\n{\"b\":1}]\n", "", "f:1: the file is a JSON array"},
		{"no object at all", fileForm{Format: FormatNDJSON}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readBack(t, c.form, []byte(c.in), "a", "b", "none")
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) {
					t.Errorf("error %v, want %q", err, c.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestReadFileEndsWithTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("a\n"+strings.Repeat("1\n", 100_000)), 0o644); err != nil {
		t.Fatal(err)
	}
	rows := readRows{take: func(int, [][]byte) error { return nil }, bad: func(warehouse.BadRecord) error { return nil }}
	_, err := readFile(ctx, foundFile{Name: "f", Path: path}, fileForm{Format: FormatCSV}, nil, []string{"a"}, rows)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		how  project.Transform
		want string
	}{
		{project.Transform{How: project.TransformHash}, ""},
		{project.Transform{How: project.TransformTruncate, Length: 2}, "äö"},
		{project.Transform{How: project.TransformTruncate, Length: 9}, "äöü"},
		{project.Transform{How: project.TransformConstant, Constant: "x"}, "x"},
	} {
		col := landColumn{transform: &c.how}
		got := string(col.change([]byte("äöü")))
		if c.how.How == project.TransformHash {
			if len(got) != 64 || strings.Trim(got, "0123456789abcdef") != "" {
				t.Errorf("sha256 is %q", got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.how.Words(), got, c.want)
		}
	}
}

// TestStagingIsReadBack: what staging writes is what a Loader reads, whatever the values.
func TestStagingIsReadBack(t *testing.T) {
	values := []string{"", "a", " a", "a ", ",", "\"", "\"\"", "a\"b", "\n", "a\nb", "\r", "a\r\nb", "\r\n", "NULL", "'", "\t", "ä"}
	var row, want []byte
	for i, v := range values {
		row = appendCSV(row, []byte(v), i > 0)
		want = fmt.Appendf(want, "%q ", v)
	}
	row = append(appendCSV(row, nil, true), '\n')
	names := make([]string, len(values)+1)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	text := strings.Join(names, ",") + "\n" + string(row)
	path := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := staging{path: path}
	var got []byte
	err := warehouse.ReadCSV(t.Context(), warehouse.File{Path: path, Open: s.open, Format: "csv"}, func(fields [][]byte) error {
		for _, v := range fields[:len(values)] {
			if v == nil {
				t.Error("a text came back as NULL")
			}
			got = fmt.Appendf(got, "%q ", v)
		}
		if fields[len(values)] != nil {
			t.Error("NULL came back as a text")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
