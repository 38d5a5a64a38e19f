package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

// tokens shows tokens as «kind:text», space left out.
func tokens(text string) []string {
	names := []string{"space", "comment", "word", "quoted", "string", "number", "punct"}
	var out []string
	for t := range Standard.Tokens(text) {
		if t.Kind != Space {
			out = append(out, names[t.Kind]+":"+t.In(text))
		}
	}
	return out
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"select a_1, t.b", []string{"word:select", "word:a_1", "punct:,", "word:t", "punct:.", "word:b"}},
		{"'it''s' '' 'c:\\'", []string{"string:'it''s'", "string:''", "string:'c:\\'"}},
		{`e'it\'s' r'x' B'1' nb'x'`, []string{`string:e'it\'s'`, "string:r'x'", "string:B'1'", "word:nb", "string:'x'"}},
		{"\"a\"\"b\" `c d`", []string{`quoted:"a""b"`, "quoted:`c d`"}},
		{"$$ it's $$ $f$ $$ ; $f$ $1", []string{"string:$$ it's $$", "string:$f$ $$ ; $f$", "punct:$", "number:1"}},
		{"a$b$c", []string{"word:a$b$c"}},
		{"1 1.5 .5 1e-5 0xFF 1_000 1-2 t.1 2.", []string{"number:1", "number:1.5", "number:.5", "number:1e-5", "number:0xFF",
			"number:1_000", "number:1", "punct:-", "number:2", "word:t", "punct:.", "number:1", "number:2."}},
		{"a -- b ' \r\nc -- d", []string{"word:a", "comment:-- b ' \r", "word:c", "comment:-- d"}},
		{"/* a /* b */ c */ d", []string{"comment:/* a /* b */ c */", "word:d"}},
		{"/* a /* b */ c", []string{"comment:/* a /* b */", "word:c"}},
		{"/*/ a */b", []string{"comment:/*/ a */", "word:b"}},
		{"/* open", []string{"comment:/* open"}},
		{"'open", []string{"string:'open"}},
		{"größe", []string{"word:größe"}},
		{"a::int", []string{"word:a", "punct::", "punct::", "word:int"}},
	} {
		if diff := cmp.Diff(tt.want, tokens(tt.text)); diff != "" {
			t.Errorf("tokens of %s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestGoogleTokens(t *testing.T) {
	names := []string{"space", "comment", "word", "quoted", "string", "number", "punct", "parameter"}
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"'it\\'s' \"a\" `b\\`c`", []string{`string:'it\'s'`, `string:"a"`, "quoted:`b\\`c`"}},
		{"'''a'b\n''c''' \"\"\"x\"\"\"", []string{"string:'''a'b\n''c'''", `string:"""x"""`}},
		{`r'\'' b"x" Rb'y' e'z'`, []string{`string:r'\''`, `string:b"x"`, `string:Rb'y'`, "word:e", "string:'z'"}},
		{"a # b '\n-- c\n/* d /* e */ f", []string{"word:a", "comment:# b '", "comment:-- c", "comment:/* d /* e */", "word:f"}},
		{"'open\nnext", []string{"string!:'open", "word:next"}},
		{"/* open", []string{"comment!:/* open"}},
		{"@p @@s @{ ?", []string{"parameter:@p", "parameter:@@s", "punct:@", "punct:{", "punct:?"}},
		{"$$ a $$", []string{"punct:$", "punct:$", "word:a", "punct:$", "punct:$"}},
		{"a-b from a-b.c-d.e f, g-1-h join i-j on k-l", []string{"word:a", "punct:-", "word:b", "word:from", "word:a-b", "punct:.", "word:c-d", "punct:.",
			"word:e", "word:f", "punct:,", "word:g-1-h", "word:join", "word:i-j", "word:on", "word:k", "punct:-", "word:l"}},
		{"from (a-b) where c-d in (select e-f)", []string{"word:from", "punct:(", "word:a-b", "punct:)", "word:where", "word:c", "punct:-", "word:d",
			"word:in", "punct:(", "word:select", "word:e", "punct:-", "word:f", "punct:)"}},
	} {
		var got []string
		for tok := range GoogleSQL.Tokens(tt.text) {
			if tok.Kind != Space {
				mark := ""
				if tok.Open {
					mark = "!"
				}
				got = append(got, names[tok.Kind]+mark+":"+tok.In(tt.text))
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("tokens of %s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestStatements(t *testing.T) {
	for text, want := range map[string][]int{
		"":                             nil,
		" ; -- a;\n ;":                 nil,
		"select ';' /* ; */ from x":    {0},
		"\n select 1; ;\nselect $$;$$": {2, 14},
	} {
		if diff := cmp.Diff(want, Statements(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestTrim(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		" \n ":                           "",
		"-- only":                        "",
		"\n\nselect 1 ; \n-- done\n;\n":  "select 1",
		"select 1 -- note":               "select 1",
		"-- head\nselect 1":              "-- head\nselect 1",
		" select ';' -- x\n, 2 /* y */;": "select ';' -- x\n, 2",
		"select 1; select 2;":            "select 1; select 2",
	} {
		m := whole("m.sql", text)
		got, gm := Trim(text, m)
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		checkMap(t, got, gm)
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"  SELECT\ta ,b -- c\nFROM  t /* x */ ;\n", "SELECT a,b FROM t"},
		{"count ( * ) , 'a  b' , \"c  d\"", `count(*),'a  b',"c  d"`},
		{"a/**/b - -1", "a b - -1"},
		{"a\r\n--x\r\n+b", "a +b"},
		{"select 'x;' ; ;", "select 'x;'"},
		{"$$ a  -- b $$", "$$ a  -- b $$"},
	} {
		if got := Canonical(tt.text); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestVolatile(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"select a from t where d < '2020-01-01'", nil},
		{"select CURRENT_DATE, Now ( ), random() + Random()", []string{"current_date", "now", "random"}},
		{"select t.random, now, t.current_date, \"current_date\", 'now()' -- now()\n/* uuid() */", nil},
		{"select d as current_date, x as now from t", nil},
		{"select pg_catalog.now(), current_timestamp(3), current_date()", []string{"current_date", "current_timestamp", "now"}},
		{"select age(d), gen_random_uuid()", []string{"age", "gen_random_uuid"}},
		{"select age(f(a, b), c)", nil},
		{"select age from t using sample 10%", []string{"sample"}},
		{"select * from t tablesample (10 percent)", []string{"tablesample"}},
		{"select nextval('s'), session_user", []string{"nextval", "session_user"}},
	} {
		if diff := cmp.Diff(tt.want, Volatile(tt.text)); diff != "" {
			t.Errorf("%s: %s", tt.text, diff)
		}
	}
}

func TestAddCTEs(t *testing.T) {
	one := []CTE{{Name: `"a b"`, SQL: "select 1 -- one"}}
	two := []CTE{{Name: "x", SQL: "\nselect 1;\n"}, {Name: "y", SQL: "with q as (select 2) select * from q"}}
	for _, tt := range []struct {
		text string
		ctes []CTE
		want string
	}{
		{"select 3", nil, "select 3"},
		{"select 3", one, "with \"a b\" as (\nselect 1\n)\nselect 3"},
		{"-- head\n/* with */ select 3", one, "-- head\n/* with */ with \"a b\" as (\nselect 1\n)\nselect 3"},
		{"(select 3)", one, "with \"a b\" as (\nselect 1\n)\n(select 3)"},
		{"WITH z as (select 4) select 3", two, "WITH x as (\nselect 1\n),\ny as (\nwith q as (select 2) select * from q\n),\nz as (select 4) select 3"},
		{"with recursive\n z(n) as (select 4) select 3", one, "with recursive\n \"a b\" as (\nselect 1\n),\nz(n) as (select 4) select 3"},
		{"with recursive as (select 4) select 3", one, "with \"a b\" as (\nselect 1\n),\nrecursive as (select 4) select 3"},
		{"with -- note\n z as (select 4) select 3", one, "with -- note\n \"a b\" as (\nselect 1\n),\nz as (select 4) select 3"},
		{"from t", one, "with \"a b\" as (\nselect 1\n)\nfrom t"},
		{"-- nothing", one, "-- nothing\nwith \"a b\" as (\nselect 1\n)\n"},
	} {
		ctes := slices.Clone(tt.ctes)
		for i := range ctes {
			ctes[i].Map = whole(fmt.Sprintf("cte%d.sql", i), ctes[i].SQL)
		}
		got, m := AddCTEs(tt.text, whole("m.sql", tt.text), ctes)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		checkMap(t, got, m)
	}
}

// A mistake inside an inlined query is at home in its own file.
func TestAddCTEsKeepsMaps(t *testing.T) {
	cte := "\n  select bad from b;\n"
	text := "-- m\nselect worse from c"
	got, m := AddCTEs(text, whole("m.sql", text), []CTE{{Name: "b", SQL: cte, Map: whole("b.sql", cte)}})
	for word, path := range map[string]string{"bad": "b.sql", "worse": "m.sql", "-- m": "m.sql"} {
		at := strings.Index(got, word)
		s, ok := m.At(at, at+len(word))
		if !ok || s.Text() != word || s.File.Path != path {
			t.Errorf("%s is at %q of %v", word, s.Text(), s.File)
		}
	}
	at := strings.Index(got, "with b as")
	if s, ok := m.At(at, at+6); ok {
		t.Errorf("the engine's own text is at %q", s.Text())
	}
	nested, m := AddCTEs(got, m, []CTE{{Name: "n", SQL: "select 1"}})
	at = strings.Index(nested, "bad")
	if s, _ := m.At(at, at+3); s.Text() != "bad" {
		t.Errorf("after a second time bad is at %q", s.Text())
	}
}

// whole maps a text to a file with the same text.
func whole(path, text string) *source.Map {
	m := &source.Map{}
	m.Append(source.Segment{End: len(text), Src: source.NewFile(path, []byte(text)).Span(0, len(text)), Verbatim: true})
	return m
}

func checkMap(t *testing.T, text string, m *source.Map) {
	t.Helper()
	last := 0
	for _, s := range m.Segments() {
		if s.Start < last || s.End > len(text) {
			t.Fatalf("segment %d..%d behind %d in %d bytes", s.Start, s.End, last, len(text))
		}
		if s.Verbatim && text[s.Start:s.End] != s.Src.Text() {
			t.Errorf("%q is said to be %q", text[s.Start:s.End], s.Src.Text())
		}
		last = s.End
	}
}

func FuzzSQL(f *testing.F) {
	for _, s := range []string{
		"select 'a''b', e'\\'', $x$ $x$ -- c\nfrom \"t\" /* /* */ */", "with recursive a as (select 1) select * from a;", "1e-5.5..x", ";;", "`a", "r'", ") .5",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzLexis(t, Standard, text)
		fuzzLexis(t, GoogleSQL, text)
	})
}

func fuzzLexis(t *testing.T, l Lexis, text string) {
	t.Helper()
	at := 0
	for tok := range l.Tokens(text) {
		if tok.Start != at || tok.End <= tok.Start {
			t.Fatalf("%q: token %v behind %d", text, tok, at)
		}
		at = tok.End
	}
	if at != len(text) {
		t.Fatalf("%q: tokens end at %d", text, at)
	}
	m := whole("m.sql", text)
	trimmed, tm := l.Trim(text, m)
	checkMap(t, trimmed, tm)
	if again, _ := l.Trim(trimmed, nil); again != trimmed {
		t.Errorf("%q trims to %q and then to %q", text, trimmed, again)
	}
	if c := l.Canonical(text); l.Canonical(c) != c {
		t.Errorf("%q: canonical %q, of that %q", text, c, l.Canonical(c))
	}
	withCTE, cm := l.AddCTEs(text, m, []CTE{{Name: "c", SQL: "select 1", Map: whole("c.sql", "select 1")}})
	checkMap(t, withCTE, cm)
	l.Volatile(text)
	if n := len(l.Statements(trimmed)); n != len(l.Statements(text)) {
		t.Errorf("%q: %d statements after trimming, %d before", text, n, len(l.Statements(text)))
	}
}

// BenchmarkModel is what compiling does with the text of one model of about 1 KB.
func BenchmarkModel(b *testing.B) {
	text := "-- orders\nwith a as (\n    select * from \"s\".\"x\"\n)\nselect\n" + strings.Repeat("    a.column_1 as renamed_column, -- a note\n", 20) + "    'x' as y\nfrom a;\n"
	m := whole("m.sql", text)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		body, bm := Trim(text, m)
		Statements(body)
		AddCTEs(body, bm, nil)
		Volatile(body)
		Canonical(body)
	}
}

func TestItems(t *testing.T) {
	for text, want := range map[string][]string{
		"select a, f(b, c) as d from t":                        {"a", "f(b, c) as d"},
		"with x as (select 1, 2) select distinct a /* , */, b": {"a", "b"},
		"select [1, 2], 'x, y' union all select 3, 4":          {"[1, 2]", "'x, y'"},
		"select *, count(*) from t":                            {"*", "count(*)"},
		"(select 1) order by 1":                                nil,
		"from t":                                               nil,
		"select * except (a), b":                               {"* except (a)", "b"},
		"select":                                               nil,
		"select a, from t":                                     {"a"},
		"select a, (select b from u, v), c\nwhere true":        {"a", "(select b from u, v)", "c"},
	} {
		var got []string
		for _, at := range GoogleSQL.Items(text) {
			got = append(got, text[at[0]:at[1]])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
