package diag

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

func TestLine(t *testing.T) {
	f := source.NewFile("models/a.sql", []byte("x\ny\n\nö {{ ref }}\n"))
	tests := []struct {
		d    Diagnostic
		want string
	}{
		{Diagnostic{Code: "ref-unknown", Message: "no model", At: spanOf(f, "ref", 1)}, "models/a.sql:4:6: error: no model [ref-unknown]"},
		{Diagnostic{Severity: Warning, Message: "no model"}, "warning: no model"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.d.Line()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestJSON(t *testing.T) {
	f := source.NewFile("models/a.sql", []byte("select ö, \xff\nfrom b\n"))
	d := Diagnostic{
		Code: "c", Message: "m", At: spanOf(f, "from", 1), AtText: "here", Labels: []Label{{f.Span(7, 9), "l"}},
		Notes: []string{"n"}, Help: "h", Edits: []source.Edit{{At: spanOf(f, "b", 1), New: "c"}},
		Model: addr.Node{Kind: addr.Model, Name: "a"}, Cause: errors.New("why"),
	}
	got, err := json.Marshal(d.JSON())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"severity":"error","code":"c","message":"m","path":"models/a.sql","line":2,"column":1,"end_line":2,"end_column":5,` +
		`"snippet":[{"line":2,"text":"from b"}],"text":"here",` +
		`"labels":[{"path":"models/a.sql","line":1,"column":8,"end_line":1,"end_column":9,"snippet":[{"line":1,"text":"select ö, ` + "\uFFFD" + `"}],"text":"l"}],` +
		`"notes":["n"],"help":"h","edits":[{"path":"models/a.sql","line":2,"column":6,"end_line":2,"end_column":7,"new":"c","before":["from b"],"after":["from c"]}],` +
		`"model":"model.a","cause":"why"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	var back JSON
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.JSON(), back); diff != "" {
		t.Errorf("round trip:\n%s", diff)
	}
	bare, _ := json.Marshal(Diagnostic{Message: "m"}.JSON())
	if diff := cmp.Diff(`{"severity":"error","message":"m"}`, string(bare)); diff != "" {
		t.Error(diff)
	}
}

func TestAnnotation(t *testing.T) {
	f := source.NewFile("models/a,b:c.sql", []byte("x\nfrom b\n"))
	tests := []struct {
		d    Diagnostic
		want string
	}{
		{Diagnostic{Code: "c", Message: "100% :, wrong\nreally", At: f.Span(2, 6), AtText: "t", Notes: []string{"n"}, Help: "h"},
			"::error file=models/a%2Cb%3Ac.sql,line=2,col=1,endColumn=5,title=c::100%25 :, wrong%0Areally: t%0Anote: n%0Ahelp: h"},
		{Diagnostic{Severity: Warning, Message: "m", At: f.Span(0, 6)}, "::warning file=models/a%2Cb%3Ac.sql,line=1,col=1,endLine=2::m"},
		{Diagnostic{Severity: Remark, Message: "m"}, "::notice::m"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.d.Annotation()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSuggest(t *testing.T) {
	tests := []struct {
		word       string
		candidates string
		want       string
	}{
		{"stg_order", "orders stg_orders stg_ordres", "stg_orders"},
		{"materailized", "materialized meta", "materialized"}, // swapped letters count once
		{"MATERIAL", "material materials", "material"},        // case first
		{"Orders", "order orders", "orders"},
		{"xyz", "abc def", ""},
		{"id", "ab", ""},
		{"a", "b", ""},
		{"oops", "docs", ""},
		{"tag", "tags", "tags"},
		{"tags", "tags", ""},      // itself is no suggestion
		{"bbb", "bba bbc", "bba"}, // ties: the first by name
		{"incremental_stategies", "incremental_strategy", "incremental_strategy"}, // a third of the length
		{"größe", "grösse große", "große"},
		{"", "a b", ""},
	}
	for _, tt := range tests {
		got, ok := Suggest(tt.word, strings.Fields(tt.candidates))
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("Suggest(%q, %q) = %q, %v, want %q", tt.word, tt.candidates, got, ok, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	got := Nearest("orders", []string{"customers", "order", "stg_orders", "orders", "zzz", "order"}, 3)
	if diff := cmp.Diff([]string{"order", "stg_orders", "customers"}, got); diff != "" {
		t.Error(diff)
	}
	if got := Nearest("a", nil, 3); len(got) != 0 {
		t.Errorf("Nearest of nothing = %q", got)
	}
}

func TestCatalogue(t *testing.T) {
	entries := []Entry{{Code: "b-b", Title: "B", Explain: "Is b.", Bad: "bad ``` b", Good: "good\n"}, {Code: "a-a", Title: "A", Explain: "Is a."}}
	if e, ok := Lookup(entries, "a-a"); !ok || e.Title != "A" {
		t.Errorf("Lookup(a-a) = %+v, %v", e, ok)
	}
	if _, ok := Lookup(entries, "c"); ok {
		t.Error("Lookup(c) found something")
	}
	want := "# Errors\n\nEvery diagnostic carries one of these codes. `engine explain CODE` prints an entry.\n" +
		"\n## a-a\n\n**A.** Is a.\n" +
		"\n## b-b\n\n**B.** Is b.\n\nWrong:\n\n````\nbad ``` b\n````\n\nRight:\n\n```\ngood\n```\n"
	if diff := cmp.Diff(want, Markdown(entries)); diff != "" {
		t.Error(diff)
	}
}

func TestSortedRemovesEqualOnes(t *testing.T) {
	f := source.NewFile("a", []byte("xy"))
	l := List{{Message: "b", At: f.Span(1, 2)}, {Message: "a", At: f.Span(0, 1)}, {Message: "b", At: f.Span(1, 2)}, {Message: "z"}}
	var got []string
	for _, d := range l.Sorted() {
		got = append(got, d.Message)
	}
	if diff := cmp.Diff([]string{"z", "a", "b"}, got); diff != "" {
		t.Error(diff)
	}
}
