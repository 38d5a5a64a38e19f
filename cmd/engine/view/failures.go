package view

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
)

// failures writes what went wrong: trouble outside any node, then node by node in plan
// order the diagnostics, failing tests each with their first failing rows.
func (h *Human) failures(b *strings.Builder, r *run.Result) {
	b.WriteString(h.frames(r.Diags))
	for _, n := range r.Nodes {
		b.WriteString(h.frames(h.worth(n.Diags)))
		for i := range n.Tests {
			h.failedTest(b, &n.Tests[i])
		}
	}
}

// Troubles are the diagnostics of a result, those of its nodes and tests included.
func Troubles(r *run.Result) diag.List {
	out := slices.Clone(r.Diags)
	for _, n := range r.Nodes {
		out.Add(n.Diags...)
		for _, t := range n.Tests {
			out.Add(t.Diags...)
		}
	}
	return out
}

// worth leaves out what only verbose people want to read.
func (h *Human) worth(l diag.List) diag.List {
	if h.s.Verbose {
		return l
	}
	var out diag.List
	for _, d := range l {
		if d.Severity != diag.Remark {
			out.Add(d)
		}
	}
	return out
}

func (h *Human) frames(l diag.List) string {
	if len(l) == 0 {
		return ""
	}
	return strings.TrimRight(h.s.Frames(l), "\n") + "\n\n"
}

func (h *Human) failedTest(b *strings.Builder, t *run.TestResult) {
	bad := t.Status == run.Failed || t.Status == run.Errored
	if !bad && (t.Status != run.Warned || !h.s.Verbose) {
		return
	}
	frames := strings.TrimRight(h.frames(t.Diags), "\n")
	if frames == "" {
		frames = h.testHeadline(t)
	}
	b.WriteString(frames + "\n")
	if t.Sample != nil && len(t.Sample.Rows) > 0 {
		b.WriteString(h.sample(t))
	}
	if !t.Stored.IsZero() {
		b.WriteString("  all failing rows are in " + t.Stored.String() + "\n")
	}
	b.WriteByte('\n')
}

// testHeadline stands in for a missing diagnostic.
func (h *Human) testHeadline(t *run.TestResult) string {
	word, style := "error", Red
	if t.Status == run.Warned {
		word, style = "warning", Yellow
	}
	what := t.Sentence
	if what == "" {
		what = t.ID.Name
	}
	return h.s.fold(h.s.Paint(style, word)+": "+plural(t.Failures, "row")+" of "+t.Of.Name+" against the rule: "+what, "  ")
}

func (h *Human) sample(t *run.TestResult) string {
	title := "  failing rows"
	if n := int64(len(t.Sample.Rows)); n < t.Failures {
		title += ", the first " + Count(n) + " of " + Count(t.Failures)
	}
	return h.s.Paint(Dim, title+":") + "\n" + h.s.Table(sampleTable(t.Sample), "  ")
}

func sampleTable(s *run.Sample) Table {
	t := Table{Columns: s.Columns}
	for _, row := range s.Rows {
		cells := make([]Cell, len(row))
		for i, v := range row {
			cells[i] = Cell{Text: v}
		}
		t.Rows = append(t.Rows, cells)
	}
	t.Numeric = make([]bool, len(s.Columns))
	for c := range s.Columns {
		t.Numeric[c] = allNumbers(s.Rows, c)
	}
	return t
}

func allNumbers(rows [][]string, col int) bool {
	seen := false
	for _, row := range rows {
		if col >= len(row) {
			return false
		}
		if row[col] == "NULL" {
			continue
		}
		if !isNumber(row[col]) {
			return false
		}
		seen = true
	}
	return seen
}

func isNumber(s string) bool {
	digits := strings.TrimLeft(s, "-")
	return digits != "" && strings.Trim(digits, "0123456789.,") == ""
}
