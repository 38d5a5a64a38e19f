package warehousetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// file writes a file for a loader, in a directory that is no pattern for anyone.
func (h *harness) file(text string, delimiter rune) warehouse.File {
	h.Helper()
	dir := filepath.Join(h.TempDir(), "it's [a]* k=1 ü")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		h.Fatal(err)
	}
	path := filepath.Join(dir, "seed.csv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		h.Fatal(err)
	}
	return warehouse.File{Path: path, Format: "csv", Delimiter: delimiter, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

func (h *harness) loader() warehouse.Loader {
	l, ok := h.conn.(warehouse.Loader)
	if !ok {
		h.Skip("no Loader")
	}
	return l
}

func testLoad(h *harness) {
	loader, ty := h.loader(), h.w.Types
	id, name := warehouse.Column{Name: "id", Type: ty.Int}, warehouse.Column{Name: "name", Type: ty.Text}
	typed := []warehouse.Column{id, name}
	tests := []struct {
		name, text string
		delimiter  rune
		columns    []warehouse.Column
		want       []string
	}{
		{"plain", "id,name\n1,a\n2,b\n", 0, typed, []string{"1|a", "2|b"}},
		{"no line end", "id,name\n1,a", 0, typed, []string{"1|a"}},
		{"header only", "id,name\n", 0, typed, nil},
		{"BOM and CRLF", "\xef\xbb\xbfid,name\r\n1,a\r\n2,\"x\r\ny\"\r\n", 0, typed, []string{"1|a", "2|x\r\ny"}},
		{"BOM and quotes", "\xef\xbb\xbf\"id\",\"name\"\n1,a\n", 0, typed, []string{"1|a"}},
		{"semicolon", "id;name\n1;a,b\n", ';', typed, []string{"1|a,b"}},
		{"tab", "id\tname\n1\ta b\n", '\t', typed, []string{"1|a b"}},
		{"pipe", "id|name\n1|a\n", '|', typed, []string{"1|a"}},
		{"quotes", "id,name\n1,\"say \"\"hi\"\", you\"\n2,\"two\nlines\"\n3,5\" pipe\n", 0, typed, []string{"1|say \"hi\", you", "2|two\nlines", "3|5\" pipe"}},
		{"empty is NULL, quoted empty is not", "id,name\n,\n1,\"\"\n", 0, typed, []string{"NULL|NULL", "1|"}},
		{"words that are not NULL", "id,name\n1,NULL\n2,null\n3,NA\n", 0, typed, []string{"1|NULL", "2|null", "3|NA"}},
		{"blank lines", "id,name\n\n1,a\n\n", 0, typed, []string{"1|a"}},
		{"unicode", "id,name\n1,ünï 名前 🚀\n", 0, typed, []string{"1|ünï 名前 🚀"}},
		{"blanks in text stay", "id,name\n 1 , a \n", 0, typed, []string{"1| a "}},
		{"types by name, order of the file", "name,id\na,1\n", 0, []warehouse.Column{{Name: "ID", Type: ty.Int}, {Name: "NAME", Type: ty.Text}}, []string{"a|1"}},
		{"some types found", "id,name,x\n1,2,2024-01-02\n", 0, []warehouse.Column{name}, []string{"1|2|2024-01-02 00:00:00"}},
		{"numbers as text", "id,name\n1,007\n", 0, typed, []string{"1|007"}},
		{"odd header", "it's,\"a\"\"b\",sel ect\n1,2,3\n", 0, nil, []string{"1|2|3"}},
		{"one column", "id\n1\n\n3\n", 0, []warehouse.Column{id}, []string{"1", "NULL", "3"}},
		{"long field", "id,name\n1,\"" + strings.Repeat("long\n", 600_000) + "\"\n", 0, typed, []string{"1|" + strings.Repeat("long\n", 600_000)}},
	}
	for _, tt := range tests {
		h.sub(tt.name, func(h *harness) {
			target := h.rel("l " + tt.name)
			if _, err := loader.Load(h.ctx, target, tt.columns, h.file(tt.text, tt.delimiter)); err != nil {
				h.Fatal(err)
			}
			equal(h, "rows", tt.want, h.rows("select * from "+h.d.Quote(target)))
		})
	}
	h.sub("order and number of many rows", func(h *harness) {
		var b strings.Builder
		b.WriteString("id,name\n")
		for i := range 300_000 {
			fmt.Fprintf(&b, "%d,name %d\n", i, i)
		}
		stats, err := loader.Load(h.ctx, h.rel("many"), typed, h.file(b.String(), 0))
		if err != nil || stats.Rows != 300_000 {
			h.Fatalf("%+v, %v", stats, err)
		}
		h.wantRows("many", "count(*), min(id), max(id)", "300000|0|299999")
	})
	if h.d.Caps().TransactionalDDL {
		h.sub("in a transaction", func(h *harness) {
			tx, err := warehouse.Begin(h.ctx, h.conn)
			if err != nil {
				h.Fatal(err)
			}
			inTx, ok := tx.(warehouse.Loader)
			if !ok {
				h.Fatal("the transaction is no Loader")
			}
			if _, err := inTx.Load(h.ctx, h.rel("in tx"), typed, h.file("id,name\n1,a\n", 0)); err != nil {
				h.Fatal(err)
			}
			var bad *warehouse.LoadError
			if _, err := inTx.Load(h.ctx, h.rel("bad in tx"), []warehouse.Column{{Name: "id", Type: ty.Date}}, h.file("id\nx\n", 0)); !errors.As(err, &bad) || bad.Rows[0].Line != 2 {
				h.Errorf("%v", err)
			}
			if err := tx.Close(); err != nil {
				h.Fatal(err)
			}
			if r, _ := h.inspect(h.conn)(h.rel("in tx")); r.Kind != warehouse.None {
				h.Error("the table is left")
			}
		})
	}
}

func testLoadRefused(h *harness) {
	loader, ty := h.loader(), h.w.Types
	typed := []warehouse.Column{{Name: "id", Type: ty.Int}, {Name: "at", Type: ty.Date}}
	tests := []struct {
		name, text string
		columns    []warehouse.Column
		want       []string // line:field name=value
	}{
		{"values", "id,at\n1,2024-01-01\nx,2024-01-01\n3,never\n1.5,\n", typed, []string{`3:1 id="x"`, `5:1 id="1.5"`}},
		{"values that only the warehouse knows", "id,at\n1,2024-01-01\n2,\"two\nlines\"\n3,2024-02-30\n", typed, []string{`3:2 at="two\nlines"`, `5:2 at="2024-02-30"`}},
		{"too large", "id,at\n99999999999999999999,\n", typed, []string{`2:1 id="99999999999999999999"`}},
		{"empty in quotes", "id,at\n\"\",\n1,\"\"\n", typed, []string{`2:1 id=""`}},
		{"a column named _record", "_record,at\n1,2024-01-01\n2,never\n", typed[1:], []string{`3:2 at="never"`}},
		{"BOM and CRLF", "\xef\xbb\xbfid,at\r\n1,2024-01-01\r\n2,never\r\n", typed, []string{`3:2 at="never"`}},
		{"ragged", "id,at\n1\n\n2,2024-01-01,x\n", typed, []string{`2:0 ="1"`, `4:0 ="2,2024-01-01,x"`}},
		{"quotes", "id,at\n1,\"2024-01-01\"x\n", typed, []string{`2:0 ="1,\"2024-01-01\"x"`}},
		{"unclosed", "id,at\n1,2024-01-01\n2,\"2024-01-01\n3,2024-01-01\n", typed, []string{`3:0 ="2,\"2024-01-01\n3,2024-01-01"`}},
		{"empty file", "", typed, []string{`1:0 =""`}},
		{"header names twice", "id,ID\n1,2\n", nil, []string{`1:2 ID="ID"`}},
		{"header without a name", "id,\n1,2\n", nil, []string{`1:2 =""`}},
		{"header without a column", "id,when\n1,2024-01-01\n", typed, []string{`1:0 at=""`}},
		{"not UTF-8", "id,at\n1,\xff\n", nil, []string{`2:2 at="�"`}},
	}
	for _, tt := range tests {
		h.sub(tt.name, func(h *harness) {
			target := h.rel("bad " + tt.name)
			_, err := loader.Load(h.ctx, target, tt.columns, h.file(tt.text, 0))
			var bad *warehouse.LoadError
			if !errors.As(err, &bad) {
				h.Fatalf("error %v", err)
			}
			var got []string
			for _, r := range bad.Rows {
				got = append(got, fmt.Sprintf("%d:%d %s=%q", r.Line, r.Field, r.Name, r.Value))
				if r.Reason == "" {
					h.Errorf("no reason: %+v", r)
				}
			}
			equal(h, "bad rows", tt.want, got)
			if r, _ := h.inspect(h.conn)(target); r.Kind != warehouse.None {
				h.Error("a table is left")
			}
		})
	}
	h.sub("many", func(h *harness) {
		text := "id,at\n" + strings.Repeat("1,2024-01-01\n", 1000) + strings.Repeat("1,never\n", 50)
		_, err := loader.Load(h.ctx, h.rel("bad"), typed, h.file(text, 0))
		var bad *warehouse.LoadError
		if !errors.As(err, &bad) || len(bad.Rows) != 20 || bad.More != 30 || bad.Rows[0].Line != 1002 || bad.Rows[19].Line != 1021 {
			h.Fatalf("%+v", err)
		}
	})
	h.sub("no file", func(h *harness) {
		f := h.file("", 0)
		os.Remove(f.Path)
		if _, err := loader.Load(h.ctx, h.rel("bad"), typed, f); !errors.Is(err, os.ErrNotExist) {
			h.Errorf("%v", err)
		}
	})
	h.sub("unknown type", func(h *harness) {
		_, err := loader.Load(h.ctx, h.rel("bad"), []warehouse.Column{{Name: "id", Type: "no_such_type"}}, h.file("id\n1\n", 0))
		if err == nil || !strings.Contains(err.Error(), "no_such_type") {
			h.Errorf("%v", err)
		}
	})
}

func testSniff(h *harness) {
	sniffer, ok := h.conn.(warehouse.Sniffer)
	if !ok {
		h.Skip("no Sniffer")
	}
	ty := h.w.Types
	tests := []struct{ name, values, want string }{
		{"integers", "1,-2,,9223372036854775807", ty.Int},
		{"zero", "0,1", ty.Int},
		{"leading zeros", "1,007", ty.Text},
		{"plus sign", "+49,1", ty.Text},
		{"too long to be exact", "12345678901234567890", ty.Text},
		{"floats", "1.5,2,-0.5,1e3,.5", ty.Float},
		{"float with leading zero", "00.5,1", ty.Text},
		{"words for numbers", "nan,inf", ty.Text},
		{"booleans", "true,FALSE,,True", ty.Bool},
		{"flags", "t,f", ty.Text},
		{"yes and no", "yes,no", ty.Text},
		{"dates", "2024-01-31,,2024-02-29", ty.Date},
		{"no such date", "2024-02-30", ty.Text},
		{"other dates", "31.01.2024,01.02.2024", ty.Text},
		{"timestamps", "2024-01-31 10:00:00,2024-01-31T10:00:00.5,2024-01-31", ty.Timestamp},
		{"nothing", ",,", ty.Text},
		{"text", "1,b", ty.Text},
		{"late text", strings.Repeat("1,", 30_000) + "x", ty.Text},
		{"quoted empty", `1,""`, ty.Text},
		{"hexadecimal", "0x10,1", ty.Text},
		{"underscores", "1_000,1", ty.Text},
		{"blanks", " 1,2", ty.Text},
	}
	for _, tt := range tests {
		h.sub(tt.name, func(h *harness) {
			var text strings.Builder
			text.WriteString("Key;it's " + tt.name + "\n")
			for i, v := range strings.Split(tt.values, ",") {
				fmt.Fprintf(&text, "%d;%s\n", i, v)
			}
			got, err := sniffer.Sniff(h.ctx, h.file(text.String(), ';'))
			if err != nil {
				h.Fatal(err)
			}
			want := []warehouse.Column{{Name: "Key", Type: ty.Int, Nullable: true}, {Name: "it's " + tt.name, Type: tt.want, Nullable: true}}
			equal(h, "columns", want, got)
		})
	}
	h.sub("all known", func(h *harness) {
		got, err := sniffer.Sniff(h.ctx, h.file("B,a\n1,2\n", 0), warehouse.Column{Name: "A", Type: ty.Text}, warehouse.Column{Name: "b", Type: ty.Float})
		if err != nil {
			h.Fatal(err)
		}
		equal(h, "columns", []warehouse.Column{{Name: "B", Type: ty.Float, Nullable: true}, {Name: "a", Type: ty.Text, Nullable: true}}, got)
	})
	h.sub("bad file", func(h *harness) {
		var bad *warehouse.LoadError
		if _, err := sniffer.Sniff(h.ctx, h.file("a,b\n1\n", 0)); !errors.As(err, &bad) || bad.Rows[0].Line != 2 {
			h.Errorf("%v", err)
		}
	})
}
