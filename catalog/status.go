package catalog

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
)

// pill is a status as readers see it: a word, and a class that chooses colour and icon.
type pill struct{ Class, Word string }

func nodePill(s run.Status) pill {
	switch s {
	case run.Done:
		return pill{"ok", "built"}
	case run.Kept:
		return pill{"calm", "unchanged"}
	case run.Warned:
		return pill{"warn", "built with warnings"}
	case run.Failed:
		return pill{"bad", "tests failed"}
	case run.Errored:
		return pill{"bad", "error"}
	case run.Skipped:
		return pill{"calm", "skipped"}
	case run.Unpublished:
		return pill{"warn", "built, not published"}
	case run.Canceled:
		return pill{"calm", "canceled"}
	}
	return pill{}
}

func testPill(s run.Status) pill {
	switch s {
	case run.Done:
		return pill{"ok", "passed"}
	case run.Kept:
		return pill{"ok", "passed before"}
	case run.Warned:
		return pill{"warn", "warning"}
	case run.Failed:
		return pill{"bad", "failed"}
	case run.Errored:
		return pill{"bad", "error"}
	case run.Skipped:
		return pill{"calm", "skipped"}
	case run.Canceled:
		return pill{"calm", "canceled"}
	}
	return pill{"calm", "not run"}
}

// tally counts test outcomes.
type tally struct{ Total, Passed, Warned, Failed, NotRun int }

func (t *tally) add(s run.Status) {
	t.Total++
	switch s {
	case run.Done, run.Kept:
		t.Passed++
	case run.Warned:
		t.Warned++
	case run.Failed, run.Errored:
		t.Failed++
	default:
		t.NotRun++
	}
}

// Class is the worst outcome.
func (t tally) Class() string {
	switch {
	case t.Failed > 0:
		return "bad"
	case t.Warned > 0:
		return "warn"
	case t.Passed > 0:
		return "ok"
	}
	return "calm"
}

// String is «1 failed, 12 passed», or «13 tests» when none has run.
func (t tally) String() string {
	switch t.Total {
	case 0:
		return "no tests"
	case t.NotRun:
		return plural(t.Total, "test") // nothing is known about outcomes
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{t.Failed, "failed"}, {t.Warned, "warned"}, {t.Passed, "passed"}, {t.NotRun, "not run"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n)+" "+p.word)
		}
	}
	return strings.Join(parts, ", ")
}

// checkStatus is the outcome in the run, or else the one that the state remembers.
func (b *book) checkStatus(id addr.Node) run.Status {
	if r := b.checks[id]; r != nil {
		return r.Status
	}
	if past, ok := b.past[id]; ok {
		if past.Failures > 0 {
			return run.Warned
		}
		return run.Kept
	}
	return ""
}

func (b *book) checkPill(id addr.Node) pill {
	p := testPill(b.checkStatus(id))
	if p.Class == "warn" && b.checks[id] == nil {
		p.Word += " before"
	}
	return p
}

// failingRows is the outcome that a number tells, "" when there were none.
func (b *book) failingRows(id addr.Node) string {
	n := b.past[id].Failures
	if r := b.checks[id]; r != nil {
		n = r.Failures
	}
	if n <= 0 {
		return ""
	}
	return plural(int(n), "failing row")
}

// tested is when the newest outcome of a node's tests was found.
func (b *book) tested(id addr.Node) time.Time {
	var newest time.Time
	see := func(test addr.Node) {
		at := b.past[test].At
		if r := b.checks[test]; r != nil {
			switch r.Status {
			case run.Done, run.Warned, run.Failed, run.Errored:
				at = b.in.Result.End
			}
		}
		if at.After(newest) {
			newest = at
		}
	}
	for _, t := range b.tests[id] {
		see(t.ID)
	}
	for _, t := range b.units[id] {
		see(t.ID)
	}
	return newest
}

func (b *book) tally(id addr.Node) tally {
	var t tally
	for _, x := range b.tests[id] {
		t.add(b.checkStatus(x.ID))
	}
	for _, x := range b.units[id] {
		t.add(b.checkStatus(x.ID))
	}
	return t
}

// verdict sums up the last run in one line.
type verdict struct {
	Class, Head, Text string
}

// held is the verdict when there was no run and the target told what it holds.
func (b *book) held() verdict {
	var tests tally
	for _, t := range b.in.Program.Tests {
		tests.add(b.checkStatus(t.ID))
	}
	for _, t := range b.in.Program.UnitTests {
		tests.add(b.checkStatus(t.ID))
	}
	v := verdict{tests.Class(), "What the target holds", plural(len(b.in.Facts), "relation")}
	if tests.Total > 0 {
		v.Text += " · tests: " + tests.String()
	}
	return v
}

func (b *book) verdict() verdict {
	r := b.in.Result
	if r == nil && len(b.in.Facts)+len(b.past) > 0 {
		return b.held()
	}
	if r == nil {
		return verdict{"calm", "No run recorded", "Run `engine build` and generate the catalog again to see row counts, durations and test results."}
	}
	built, kept, failed, skipped := 0, 0, 0, 0
	var tests tally
	for _, n := range r.Nodes {
		switch {
		case n.Status.Bad():
			failed++
		case n.Status == run.Skipped, n.Status == run.Unpublished:
			skipped++
		case n.Status == run.Kept:
			kept++
		default:
			built++
		}
		for _, t := range n.Tests {
			tests.add(t.Status)
		}
	}
	if r.Plan != nil {
		for _, n := range r.Plan.Kept {
			kept += n
		}
	}
	var parts []string
	add := func(n int, word string) {
		if n > 0 {
			parts = append(parts, count(n)+" "+word)
		}
	}
	add(failed, "failed")
	add(skipped, "skipped")
	add(built, "built")
	add(kept, "unchanged")
	if tests.Total > 0 {
		parts = append(parts, "tests: "+tests.String())
	}
	if !r.End.IsZero() && !r.Start.IsZero() {
		parts = append(parts, "took "+took(r.End.Sub(r.Start)))
	}
	if !r.End.IsZero() {
		parts = append(parts, "finished "+when(r.End))
	}
	v := verdict{"ok", "Last run passed", strings.Join(parts, " · ")}
	switch {
	case r.Canceled:
		v.Class, v.Head = "warn", "Last run was canceled"
	case !r.OK():
		v.Class, v.Head = "bad", "Last run failed"
	case tests.Warned > 0:
		v.Class, v.Head = "warn", "Last run passed with warnings"
	}
	return v
}

// sentence says what a test checks: as the run told it, as the target's dialect tells it,
// or in general words.
func (b *book) sentence(t *compile.Test) string {
	if s := b.sentences[t.ID]; s != "" {
		return s
	}
	if q, ok := b.query(t); ok && q.Sentence != "" {
		return q.Sentence
	}
	column := t.Column
	if column == "" {
		column = "the table"
	}
	arg := func(name string) string { return listOf(t.Args[name]) }
	switch t.Kind {
	case "unique":
		return column + " is unique"
	case "not_null":
		return column + " is never null"
	case "accepted_values":
		return column + " is one of " + arg("values")
	case "relationships":
		return column + " exists in " + arg("to") + "." + arg("field")
	case "singular":
		return t.ID.Name + " returns no rows"
	}
	if t.Column != "" {
		return column + ": " + strings.ReplaceAll(t.Kind, "_", " ")
	}
	return strings.ReplaceAll(t.Kind, "_", " ")
}

func listOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, fmt.Sprint(x))
		}
		return clip(strings.Join(out, ", "), 200)
	}
	return clip(fmt.Sprint(v), 200)
}
