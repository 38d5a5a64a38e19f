package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func csvFile(text string) File {
	return File{Path: "x.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestCheckCSV(t *testing.T) {
	whole := map[string]ValueCheck{"id": func(v []byte) string {
		if strings.Trim(string(v), "0123456789") != "" || len(v) == 0 {
			return "not whole"
		}
		return ""
	}}
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

func FuzzCheckCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"x\ny\"\n", "\"a\"\"b\",c\r\n1,\"2\"x\r\n", "a,\n", "\"", "a\n \" \" \n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := CheckCSV(context.Background(), csvFile(text), map[string]ValueCheck{"a": func([]byte) string { return "" }})
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
	})
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
