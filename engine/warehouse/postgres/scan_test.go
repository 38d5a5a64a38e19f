package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// FuzzText: whatever comes from a server or a user's file is read without a panic.
func FuzzText(f *testing.F) {
	for _, s := range []string{``, `"`, `"a""b"."c"`, `{`, `{1,NULL,"a\"`, `[2:3]={1,2}`, `{{1},{2}}`, `{"a`, `2024-02-29 10:00:00+02`, `infinity`, `-- BC`, `2024-1 BC`, `E'\'"'`, "'", `"s`, `COPY t, line 3, column a: "x"`, "ü\xff🚀"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		_, _ = array(s, typ{name: "bigint"})
		_, _ = moment(s)
		_, _ = searchPath(s)
		_ = namedRelations(s)
		_ = longName(warehouse.Statement{SQL: s})
		_, _, _ = copyContext(s, []warehouse.Column{{Name: "a"}})
		_ = hinted("Perhaps you meant to reference the " + s)
		_ = isISO([]byte(s), "date")
		_ = isISO([]byte(s), "time")
		if at := byteOffset(s, n); at > len(s) || at >= 0 && at+tokenLength(s, at) > len(s) {
			t.Errorf("offset %d of %q", at, s)
		}
		if got := unquoteIdent(Dialect{}.Ident(s)); got != s {
			t.Errorf("%q is quoted and read as %q", s, got)
		}
		if name := fitted(s, "x"); len(name) > maxIdentifier || utf8.ValidString(s) && !utf8.ValidString(name) {
			t.Errorf("name %q", name)
		}
	})
}

func TestLongNames(t *testing.T) {
	d := Dialect{}
	long := strings.Repeat("ü", 32) // 64 bytes
	for name, op := range map[string]warehouse.Op{
		"table":  warehouse.CreateTableAs{Target: addr.Relation{Schema: "s", Name: long}, Query: "select 1"},
		"schema": warehouse.CreateSchema{Schema: long},
		"column": warehouse.AddColumns{Target: rel("t"), Columns: []warehouse.Column{{Name: long, Type: "text"}}},
	} {
		if _, err := d.Render(op); err == nil || !strings.Contains(err.Error(), "63 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What the user writes is the user's own, and a text is no name.
	for _, op := range []warehouse.Op{
		warehouse.CreateTableAs{Target: rel("t"), Query: `select 1 as "` + long + `"`},
		warehouse.Comment{Relation: rel("t"), Kind: warehouse.Table, Text: `"` + long + long + `" \' "` + long},
	} {
		if _, err := d.Render(op); err != nil {
			t.Error(err)
		}
	}
}

func TestSearchPath(t *testing.T) {
	for text, want := range map[string]string{"public": `"public"`, ` a , "$user", "B, ""c""" `: `"a"|"$user"|"B, ""c"""`, "": "-", "a,": "-", `"a`: "-", `""`: "-", `"a" b`: "-"} {
		got := "-"
		if parts, ok := searchPath(text); ok {
			got = strings.Join(parts, "|")
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestNamedRelations(t *testing.T) {
	got := namedRelations(`select "a" from "s"."t" as x join "S 2"."t""2" on 'no"."t' = "b"`)
	if d := cmp.Diff([]addr.Relation{{Schema: "s", Name: "t"}, {Schema: "S 2", Name: `t"2`}}, got[:2]); d != "" {
		t.Error(d)
	}
}
