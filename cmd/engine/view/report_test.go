package view

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// longReport is one with n nodes, each with a change, SQL and a failing test.
func longReport(n int) Report {
	r := Report{Project: "shop -->", Target: "ci", Against: "target prod", Mermaid: "flowchart LR\n", Why: "so", Ruled: true, Result: &run.Result{Plan: &plan.Plan{}}}
	for i := range n {
		id := addr.Node{Kind: addr.Model, Name: fmt.Sprintf("model_%d", i)}
		r.Changed = append(r.Changed, Changed{Node: id, Words: []string{"body"}, Diff: "@@ -1 +1 @@\n-select 1 as été\n+select ```2``` as été\n"})
		r.Mermaid += fmt.Sprintf("  n%d[\"%s\"]\n", i, id.Name)
		r.Found = append(r.Found, diag.Diagnostic{Severity: diag.Warning, Code: "select-star", Message: "model " + id.Name + " selects *"})
		r.Result.Nodes = append(r.Result.Nodes, &run.NodeResult{Node: id, Verb: plan.Create, Materialized: "table", Status: run.Done, Rows: 1, Tests: []run.TestResult{{ID: id, Sentence: "x is unique", Status: run.Failed, Failures: 3}}})
	}
	return r
}

// TestComment: however long a report is, the comment has its mark and its verdict, is no longer
// than it may be, leaves no fence open, and says that it is not all.
func TestComment(t *testing.T) {
	for _, n := range []int{0, 1, 20, 300, 1000, 5000} {
		r := longReport(n)
		whole, comment := r.Markdown(), r.Comment()
		if len(comment) > CommentBytes {
			t.Errorf("%d nodes: %d bytes", n, len(comment))
		}
		mark, rest, _ := strings.Cut(comment, "\n")
		if mark != "<!-- engine ci: shop - -->" {
			t.Errorf("%d nodes: the mark is %q", n, mark)
		}
		if !strings.HasPrefix(rest, "# shop --") {
			t.Errorf("%d nodes: begins with %.40q", n, rest)
		}
		cut := len(whole)+len(mark)+1 > CommentBytes
		if said := strings.Contains(rest, "> Too long for a comment."); said != cut {
			t.Errorf("%d nodes, %d bytes: says that something is left out: %v", n, len(whole), said)
		}
		if !cut && rest != whole {
			t.Errorf("%d nodes: the comment is not the report", n)
		}
	}
}

// TestShorten: a text is cut at the end of a line, and what is open is closed, at any length.
func TestShorten(t *testing.T) {
	text := "# a\n\n````diff\n+ ```\n+ x\n````\n\n```\nb é\n```\nend\n"
	for limit := 20; limit <= len(text)+1; limit++ {
		got := shorten(text, limit)
		if len(got) > limit {
			t.Errorf("limit %d: %d bytes", limit, len(got))
		}
		open := 0
		for line := range strings.Lines(got) {
			switch fence := len(line) - len(strings.TrimLeft(line, "`")); {
			case fence >= 3 && open == 0:
				open = fence
			case fence >= open && open > 0:
				open = 0
			}
		}
		if open != 0 {
			t.Errorf("limit %d: a fence is open:\n%s", limit, got)
		}
		if limit > len(text) && got != text {
			t.Errorf("limit %d: cut without need", limit)
		}
	}
}
