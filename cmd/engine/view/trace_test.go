package view_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
)

// hostile is a key that is markup in every form.
const hostile = "</script><b a=\"'\">|`]--\n\x1b[31m\\ & 日本"

// TestTraceForms: what stands in the data is text in every form, equal traces give equal
// bytes, and rows beyond what an arrow can say are counted.
func TestTraceForms(t *testing.T) {
	extra := []warehouse.Column{{Name: "via<i>", Type: "VARCHAR"}, {Name: "n", Type: "BIGINT"}, {Name: "at", Type: "DATE"}}
	answer := &genealogy.Answer{Known: true, Extra: extra, Cycles: [][]any{{hostile, "y"}}}
	answer.Up = []genealogy.Relative{{Key: hostile, Min: 1, Max: -1}, {Key: "y", Min: 1, Max: 2}}
	for i := range 5 {
		answer.Links = append(answer.Links, genealogy.Link{Parent: hostile, Child: "x", Extra: []any{hostile, int64(i), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}})
	}
	answer.Links = append(answer.Links, genealogy.Link{Parent: hostile, Child: "y", Extra: []any{nil, nil, nil}}, genealogy.Link{Parent: "y", Child: hostile, Extra: []any{nil, nil, nil}})
	trace := view.Trace{Model: "m\"<x>", Answer: answer, Question: genealogy.Question{Key: "x", Up: true, Parent: "p", Child: "c"}}
	forms := map[string]string{}
	for _, form := range view.TraceForms {
		var one, two bytes.Buffer
		for _, b := range []*bytes.Buffer{&one, &two} {
			if err := trace.Write(b, form, view.Screen{}); err != nil {
				t.Fatal(err)
			}
		}
		if one.String() != two.String() {
			t.Errorf("%s differs from call to call", form)
		}
		if strings.Contains(one.String(), "\x1b") {
			t.Errorf("%s holds a control character:\n%s", form, one.String())
		}
		forms[form] = one.String()
	}
	for form, never := range map[string][]string{"html": {"<b ", "<i>", "<x>"}, "mermaid": {"<b ", "</script>", "[31m"}} {
		for _, bad := range never {
			if strings.Contains(forms[form], bad) {
				t.Errorf("%s holds %q:\n%s", form, bad, forms[form])
			}
		}
	}
	for _, form := range []string{"dot", "mermaid"} {
		if !strings.Contains(forms[form], "and 2 more") {
			t.Errorf("%s does not count the other rows:\n%s", form, forms[form])
		}
	}
	for i, line := range strings.Split(forms["dot"], "\n") {
		if n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\"`, ""), `"`); n%2 != 0 {
			t.Errorf("dot, line %d: a string is not closed: %s", i+1, line)
		}
	}
	// Every element that the page itself has ends once, and nothing of the data ends one.
	if open, end := strings.Count(forms["html"], "<script"), strings.Count(forms["html"], "</script>"); open != end {
		t.Errorf("%d scripts begin and %d end", open, end)
	}
	if !strings.Contains(forms["html"], "script-src 'sha256-") || strings.Contains(forms["html"], "unsafe-inline") {
		t.Error("the page allows more than its own script")
	}
	var read struct {
		Key       string
		Ancestors []struct {
			Key      string
			MaxDepth *int64 `json:"max_depth"`
		}
		Descendants *[]any
		Edges       struct {
			Rows []struct{ Values map[string]any }
		}
		Cycles [][]string
	}
	if err := json.Unmarshal([]byte(forms["json"]), &read); err != nil {
		t.Fatal(err)
	}
	if read.Ancestors[0].Key != hostile || read.Ancestors[0].MaxDepth != nil || *read.Ancestors[1].MaxDepth != 2 || read.Descendants != nil ||
		len(read.Edges.Rows) != 7 || read.Edges.Rows[0].Values["via<i>"] != hostile || read.Edges.Rows[0].Values["at"] != "2026-01-02" || read.Cycles[0][0] != hostile {
		t.Errorf("as JSON: %+v", read)
	}
}

// TestTraceTables: the page of many things has them all in its tables, without scripting.
func TestTraceTables(t *testing.T) {
	answer := &genealogy.Answer{Known: true}
	for i := range 500 {
		answer.Down = append(answer.Down, genealogy.Relative{Key: int64(i + 2), Min: 1, Max: 1})
		answer.Links = append(answer.Links, genealogy.Link{Parent: int64(1), Child: int64(i + 2)})
	}
	var b bytes.Buffer
	if err := (view.Trace{Answer: answer, Question: genealogy.Question{Key: int64(1), Down: true}}).Write(&b, "html", view.Screen{}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "<td class=\"n\">501</td>") || !strings.Contains(text, `data-lot="1" data-dir="forward"`) {
		t.Error("a row is missing")
	}
}
