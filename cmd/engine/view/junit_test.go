package view

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/google/go-cmp/cmp"
)

// TestJUnit: outcomes become the schema's words, counts add up, and what XML cannot have is
// replaced.
func TestJUnit(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	node := func(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }
	r := &run.Result{Plan: &plan.Plan{Project: "shop"}, Start: at, End: at.Add(1500 * time.Millisecond), Nodes: []*run.NodeResult{
		{Node: node("a"), Verb: plan.Create, Status: run.Done, Start: at, End: at.Add(time.Second), Tests: []run.TestResult{
			{ID: addr.Node{Kind: addr.Test, Name: "good"}, Status: run.Done, Start: at, End: at.Add(time.Millisecond)},
			{ID: addr.Node{Kind: addr.Test, Name: "so so"}, Status: run.Warned, Diags: diag.List{{Severity: diag.Warning, Message: "2 rows"}}},
		}},
		{Node: node("b"), Verb: plan.Replace, Status: run.Failed, Tests: []run.TestResult{
			{ID: addr.Node{Kind: addr.Test, Name: "bad"}, Status: run.Failed, Diags: diag.List{{Message: "a \x00\x1b[31m <b> & \"c\" ]]> \ufffe", Help: "mend it"}}},
		}},
		{Node: node("c"), Verb: plan.Replace, Status: run.Errored, Diags: diag.List{{Message: "refused"}}},
		{Node: node("d"), Verb: plan.Replace, Status: run.Skipped, Because: node("c")},
		{Node: node("e"), Verb: plan.Check, Status: run.Done, Tests: []run.TestResult{{ID: addr.Node{Kind: addr.Test, Name: "late"}, Status: run.Skipped, Because: node("c")}}},
	}}
	data, err := JUnit(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="shop" tests="8" failures="2" errors="1" skipped="2" time="1.500">
  <testsuite name="build" tests="4" failures="1" errors="1" skipped="1" time="1.500" timestamp="2026-03-01T12:00:00">
    <testcase name="a" classname="model" time="1.000"></testcase>
    <testcase name="b" classname="model" time="0.000">
      <failure message="its tests failed, so it was not published" type="failed"></failure>
    </testcase>
    <testcase name="c" classname="model" time="0.000">
      <error message="refused" type="errored">error: refused</error>
    </testcase>
    <testcase name="d" classname="model" time="0.000">
      <skipped message="because of c"></skipped>
    </testcase>
  </testsuite>
  <testsuite name="tests" tests="4" failures="1" errors="0" skipped="1" time="1.500" timestamp="2026-03-01T12:00:00">
    <testcase name="good" classname="a" time="0.001"></testcase>
    <testcase name="so so" classname="a" time="0.000">
      <system-out>warning: 2 rows</system-out>
    </testcase>
    <testcase name="bad" classname="b" time="0.000">
      <failure message="a ��[31m &lt;b&gt; &amp; &#34;c&#34; ]]&gt; �" type="failed">error: a ��[31m &lt;b&gt; &amp; &#34;c&#34; ]]&gt; �&#xA;help: mend it</failure>
    </testcase>
    <testcase name="late" classname="e" time="0.000">
      <skipped message="because of c"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
	var back struct {
		Suites []struct {
			Cases []struct{} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &back); err != nil || len(back.Suites) != 2 {
		t.Errorf("%v, %v", back, err)
	}
}

// TestMarkdownIsText: nothing of the data is markup in a report.
func TestMarkdownIsText(t *testing.T) {
	got := Markdown(Table{Columns: []string{"a|b"}, Rows: [][]Cell{{{Text: "<script> [x](y) `z` @all #1 *b* | \\ \n next"}}, {{Null: true}}, {{Text: strings.Repeat("x", 300)}}}})
	want := "| a\\|b |\n| --- |\n| &lt;script&gt; \\[x\\](y) \\`z\\` &#64;all \\#1 \\*b\\* \\| \\\\   next |\n| *NULL* |\n| " + strings.Repeat("x", 199) + "… |\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := fenced("", "a ``` b"); got != "````\na ``` b\n````\n" {
		t.Errorf("%q", got)
	}
}
