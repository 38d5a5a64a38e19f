package warehouse

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func csvFile(text string) File {
	return File{Path: "x.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestCheckCSV(t *testing.T) {
	whole := func(column string) ValueCheck {
		if column != "id" {
			return nil
		}
		return func(v []byte) string {
			if strings.Trim(string(v), "0123456789") != "" || len(v) == 0 {
				return "not whole"
			}
			return ""
		}
	}
	tests := []struct {
		name, text string
		delim      rune
		want       []string // line:field name=value reason; empty for a good file
		records    int64
	}{
		{"good", "id,name\n1,a\n2,\"b\nc\"\n", 0, nil, 2},
		{"no line end", "id,name\n1,a", 0, nil, 1},
		{"BOM and CRLF", "\xef\xbb\xbfid,name\r\n1,\"x\r\ny\"\r\n", 0, nil, 1},
		{"blank lines", "id,name\n\n1,a\n\n", 0, nil, 1},
		{"blank line of one column is NULL", "id\n\n1\n", 0, nil, 2},
		{"blank lines before the header", "\n\nid,name\n1,a\n", 0, []string{`3:0 ="id,name" a blank line stands before the header: remove it`}, 0},
		{"blank line before the header of one column", "\nid\n1\n", 0, []string{`2:0 ="id" a blank line stands before the header: remove it`}, 0},
		{"semicolon", "id;name\n1;a,b\n", ';', nil, 1},
		{"tab", "id\tname\n1\t\"a\tb\"\n", '\t', nil, 1},
		{"doubled quotes", "id,name\n1,\"say \"\"hi\"\", you\"\n", 0, nil, 1},
		{"quote within text", "id,name\n1,5\" pipe\n", 0, nil, 1},
		{"blanks around quotes", "id,name\n1 , \"a,b\" \n", 0, []string{`2:1 id="1 " not whole`}, 0},
		{"header only", "id,name\n", 0, nil, 0},
		{"header names are trimmed", " id , name \n1,a\n", 0, nil, 1},
		{"empty field is NULL, quoted empty is not", "id,name\n,a\n\"\",b\n", 0, []string{`3:1 id="" not whole`}, 0},
		{"empty file", "", 0, []string{`1:0 ="" the file is empty: its first line must name the columns`}, 0},
		{"only a BOM", "\xef\xbb\xbf", 0, []string{`1:0 ="" the file is empty: its first line must name the columns`}, 0},
		{"UTF-16", "\xff\xfei\x00d\x00", 0, []string{`1:0 ="" the file is UTF-16: save it as UTF-8`}, 0},
		{"CR only", "id,name\r1,a\r", 0, []string{`1:0 ="id,name\r1,a\r" lines end with CR only: save the file with LF or CR LF`}, 0},
		{"empty name", "id,,x\n", 0, []string{`1:2 ="" field 2 of the header is empty: every column needs a name`}, 0},
		{"name twice", "id,name,ID\n", 0, []string{`1:3 ID="ID" the header names "ID" twice, in fields 1 and 3`}, 0},
		{"ragged", "id,name\n1\n2,\"b\nc\"\n3,c,d\n", 0, []string{
			`2:0 ="1" the record has 1 field, the header has 2`, `5:0 ="3,c,d" the record has 3 fields, the header has 2`}, 0},
		{"after the quote", "id,name\n1,\"a\"b\n2,c\n", 0, []string{`2:0 ="1,\"a\"b" text after the closing quote of field 2: a quote within a quoted field is written twice`}, 0},
		{"unclosed", "id,name\n1,a\n2,\"b\n3,c\n", 0, []string{`3:0 ="2,\"b\n3,c" the quote of field 2 is never closed`}, 0},
		{"unclosed at the end", "id,name\n1,\"", 0, []string{`2:0 ="1,\"" the quote of field 2 is never closed`}, 0},
		{"not UTF-8", "id,name\n1,\xff\xfe\n", 0, []string{`2:2 name="�" the text is not UTF-8`}, 0},
		{"mixed line ends", "id,name\n1,a\r\n2,b\n", 0, []string{`2:0 ="1,a" the line ends with CR LF, the first line with LF`}, 0},
		{"CR beside a quoted field", "id,name,x\n1,\"a\rb\",c\rd\n", 0, []string{`2:0 ="1,\"a\rb\",c\rd" a CR stands within the line: quote the field or remove it`}, 0},
		{"CR within a line", "id,name\n1,a\rb\n", 0, []string{`2:0 ="1,a\rb" a CR stands within the line: quote the field or remove it`}, 0},
		{"values", "id,name\n1,a\nx,b\n\"2\",c\n1.5,d\n", 0, []string{`3:1 id="x" not whole`, `5:1 id="1.5" not whole`}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := csvFile(tt.text)
			f.Delimiter = tt.delim
			got, err := CheckCSV(context.Background(), f, whole)
			var bad *LoadError
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			var lines []string
			if bad != nil {
				for _, r := range bad.Rows {
					lines = append(lines, fmt.Sprintf("%d:%d %s=%q %s", r.Line, r.Field, r.Name, r.Value, r.Reason))
				}
			}
			if d := cmp.Diff(tt.want, lines); d != "" {
				t.Error(d)
			}
			if err == nil && got.Records != tt.records {
				t.Errorf("%d records, want %d", got.Records, tt.records)
			}
		})
	}
}

func TestCheckCSVManyBadRows(t *testing.T) {
	_, err := CheckCSV(context.Background(), csvFile("a,b\n"+strings.Repeat("x\n", 100)), nil)
	var bad *LoadError
	if !errors.As(err, &bad) || len(bad.Rows) != 20 || bad.More != 80 {
		t.Fatalf("got %+v", err)
	}
}

func TestCheckCSVLongRecords(t *testing.T) {
	long := "a,b\n1,\"" + strings.Repeat("x\n", 2<<20) + "\"\n2," + strings.Repeat("y", 3<<20) + "\n3\n"
	_, err := CheckCSV(context.Background(), csvFile(long), nil)
	var bad *LoadError
	if !errors.As(err, &bad) || len(bad.Rows) != 1 || bad.Rows[0].Line != 4+2<<20 {
		t.Fatalf("got %+v", err)
	}
	for _, text := range []string{"a,b\n1,\"" + strings.Repeat("x\n", 9<<20), "a,b\n1," + strings.Repeat("y", 17<<20) + "\n"} {
		if _, err = CheckCSV(context.Background(), csvFile(text), nil); !errors.As(err, &bad) || bad.Rows[0].Line != 2 {
			t.Fatalf("got %v", err)
		}
	}
}

// FuzzCheckCSV: bad records are lines of the file; where a strict reader of RFC 4180
// accepts the file, too, both read the same values from as many records; sniffing and
// finding lines agree with checking.
func FuzzCheckCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"x\ny\"\n", "\"a\"\"b\",c\r\n1,\"2\"x\r\n", "a,\n", "\"", "a\n \" \" \n", "a,b\n\"1\",x\ry\n", "\xef\xbb\xbfa,b\r\n\r\n\"x\r\n\",\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values := map[string][]string{}
		file := csvFile(text)
		got, err := CheckCSV(context.Background(), file, func(column string) ValueCheck {
			return func(v []byte) string {
				if len(v) > 0 { // the strict reader does not tell "" from nothing
					values[column] = append(values[column], strings.ReplaceAll(string(v), "\r\n", "\n"))
				}
				return ""
			}
		})
		if err == nil && len(got.Header) == 0 {
			t.Fatal("no header and no error")
		}
		var bad *LoadError
		if errors.As(err, &bad) {
			for _, r := range bad.Rows {
				if r.Line < 1 || r.Line > strings.Count(text, "\n")+1 || r.Reason == "" {
					t.Fatalf("%+v", r)
				}
			}
		}
		sniffed, shapes, sniffErr := SniffCSV(context.Background(), file)
		if (err == nil) != (sniffErr == nil) || err == nil && (!cmp.Equal(got, sniffed) || len(shapes) != len(got.Header)) {
			t.Fatalf("checked: %+v %v; sniffed: %+v %v", got, err, sniffed, sniffErr)
		}
		if err != nil {
			return
		}
		var all []int64
		for i := range min(got.Records, 100) {
			all = append(all, i+1)
		}
		lines, err := CSVLines(file, all)
		if err != nil || len(lines) != len(all) || !slices.IsSorted(lines) || len(lines) > 0 && (lines[0] < 2 || lines[len(lines)-1] > strings.Count(text, "\n")+1) {
			t.Fatalf("the records %v stand in lines %v, %v", all, lines, err)
		}
		if len(got.Header) > 1 { // a blank line is a record where there is one column
			compareStrict(t, text, got, values)
		}
	})
}

func compareStrict(t *testing.T, text string, got CSV, values map[string][]string) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\xef\xbb\xbf")))
	rows, err := r.ReadAll()
	if err != nil {
		return
	}
	if int64(len(rows)) != got.Records+1 {
		t.Fatalf("%d records, want %d", got.Records, len(rows)-1)
	}
	want := map[string][]string{}
	for _, row := range rows[1:] {
		for i, v := range row {
			if v != "" {
				want[got.Header[i]] = append(want[got.Header[i]], v)
			}
		}
	}
	if d := cmp.Diff(want, values); d != "" {
		t.Fatal(d)
	}
}

func BenchmarkCheckCSV(b *testing.B) {
	text := "id,name,amount\n" + strings.Repeat("123456,some name of a thing,12345.67\n", 200_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := CheckCSV(context.Background(), csvFile(text), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCSVLines(t *testing.T) {
	got, err := CSVLines(csvFile("\xef\xbb\xbfa,b\r\n1,2\r\n\r\n\"x\r\ny\",3\r\n4,5\r\n"), []int64{1, 2, 3, 3})
	if d := cmp.Diff([]int{2, 4, 6, 6}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestShapes(t *testing.T) {
	for text, want := range map[string]Shape{
		"true": ShapeBool, "False": ShapeBool, "t": ShapeText, "yes": ShapeText,
		"0": ShapeInt, "-1": ShapeInt, "9223372036854775807": ShapeInt, "-9223372036854775808": ShapeInt,
		"9223372036854775808": ShapeText, "007": ShapeText, "+1": ShapeText, " 1": ShapeText, "1_0": ShapeText, "0x1": ShapeText, "-": ShapeText, "": ShapeText,
		"1.5": ShapeFloat, ".5": ShapeFloat, "1.": ShapeFloat, "-0.5": ShapeFloat, "1e3": ShapeFloat, "1E-3": ShapeFloat, "123456789012345.6": ShapeFloat,
		"1234567890123456.7": ShapeText, "1e999": ShapeText, ".": ShapeText, "00.5": ShapeText, "1e": ShapeText, "1e+": ShapeText, "1.5.2": ShapeText, "nan": ShapeText, "1,5": ShapeText,
		"2024-02-29": ShapeDate, "2023-02-29": ShapeText, "2024-13-01": ShapeText, "2024-00-01": ShapeText, "0000-01-01": ShapeText, "2024/01/01": ShapeText, "24-01-01": ShapeText,
		"2024-01-01 10:00": ShapeTimestamp, "2024-01-01T10:00:00": ShapeTimestamp, "2024-01-01 23:59:59.123456789": ShapeTimestamp,
		"2024-01-01 24:00": ShapeText, "2024-01-01 10:60": ShapeText, "2024-01-01 10:00:60": ShapeText, "2024-01-01 10:00:00.": ShapeText, "2024-01-01 10": ShapeText, "2024-01-01x10:00": ShapeText,
		"2024-01-01 10:00Z": ShapeTimestampTZ, "2024-01-01T10:00:00.5+02:00": ShapeTimestampTZ, "2024-01-01 10:00:00 +0200": ShapeTimestampTZ, "2024-01-01 10:00:00-08": ShapeTimestampTZ,
		"2024-01-01 10:00:00+2": ShapeText, "2024-01-01 10:00:00+02:0": ShapeText, "2024-01-01 10:00:00 UTC": ShapeText, "2024-01-01Z": ShapeText,
	} {
		_, got, err := SniffCSV(context.Background(), csvFile("v,x\n"+text+",1\n"))
		if strings.Contains(text, ",") {
			_, got, err = SniffCSV(context.Background(), csvFile("v,x\n\""+text+"\",1\n"))
		}
		if err != nil || got[0] != want {
			t.Errorf("%q has shape %v, want %v; %v", text, got, want, err)
		}
	}
	_, got, err := SniffCSV(context.Background(), csvFile("a,b,c,d,e\n1,,2024-01-01,1,\n2.5,,2024-01-01 10:00,x,\n"))
	if d := cmp.Diff([]Shape{ShapeFloat, ShapeText, ShapeTimestamp, ShapeText, ShapeText}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func FuzzShapes(f *testing.F) {
	for _, s := range []string{"1.5e3", "2024-01-01 10:00:00+02:00", "-"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		for _, fit := range fits {
			if fit != nil {
				fit(v)
			}
		}
	})
}

func BenchmarkSniffCSV(b *testing.B) {
	text := "id,name,amount,at\n" + strings.Repeat("123456,some name of a thing,12345.67,2024-01-01 10:00:00\n", 100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, _, err := SniffCSV(context.Background(), csvFile(text)); err != nil {
			b.Fatal(err)
		}
	}
}
