package reading

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
)

func (r *reader) readTests() {
	type made struct {
		t           *content.Test
		fingerprint string
	}
	var list []made
	for _, x := range r.p.Tests {
		list = append(list, made{r.dataTest(x), x.Fingerprint})
	}
	for _, x := range r.p.UnitTests {
		list = append(list, made{r.unitTest(x), x.Fingerprint})
	}
	slices.SortStableFunc(list, func(a, b made) int {
		return cmp.Or(cmp.Compare(a.t.ID.Name, b.t.ID.Name), cmp.Compare(a.t.ID.Kind, b.t.ID.Kind))
	})
	for i, m := range list {
		t := m.t
		r.tests[t.ID] = i
		r.c.Tests = append(r.c.Tests, t)
		r.outcome(t, m.fingerprint)
		for _, n := range t.Reads {
			r.c.Nodes[n].Tests = append(r.c.Nodes[n].Tests, i)
		}
		if t.Of >= 0 && t.Column != "" {
			for _, c := range r.c.Nodes[t.Of].Columns {
				if strings.EqualFold(c.Name, t.Column) {
					c.Tests = append(c.Tests, i)
					break
				}
			}
		}
	}
}

func (r *reader) of(id addr.Node) int {
	if i, ok := r.number[id]; ok {
		return i
	}
	return -1
}

func (r *reader) dataTest(x *compile.Test) *content.Test {
	t := &content.Test{
		ID: x.ID, Of: r.of(x.Node), Reads: r.numbers(slices.Concat(x.Parents, []addr.Node{x.Node})), Column: x.Column, Kind: x.Kind,
		Severity: cmp.Or(x.Config.Severity, "error"), Tags: x.Config.Tags, Where: place(x.At, x.Path),
	}
	q, ok := r.query(x)
	t.Sentence = r.sentence(x, q, ok)
	if strings.TrimSpace(x.Description) != t.Sentence {
		t.Description = x.Description
	}
	if ok {
		t.SQL = r.hide.Replace(strings.TrimSpace(q.Rows))
	}
	if got := r.checks[x.ID]; got != nil {
		// What a build asked was about relations it had made aside, which are gone.
		if got.SQL != "" && !ok {
			t.SQL = r.hide.Replace(strings.TrimSpace(got.SQL))
		}
		t.Sample = r.sample(x, got.Sample)
	}
	return t
}

func (r *reader) unitTest(x *compile.UnitTest) *content.Test {
	return &content.Test{
		ID: x.ID, Of: r.of(x.Node), Reads: r.numbers([]addr.Node{x.Node}), Kind: "unit", Sentence: x.ID.Name, Description: x.Description, Severity: "error",
		Tags: x.Tags, Where: place(x.At, ""), SQL: r.hide.Replace(strings.TrimSpace(x.SQL)), Expect: r.expected(x),
	}
}

// expected are the rows of a unit test, as the project writes them.
func (r *reader) expected(x *compile.UnitTest) *content.Sample {
	out := &content.Sample{}
	var shown []int
	for i, c := range x.Columns {
		if !r.secret(x.Node, c.Name) {
			out.Columns = append(out.Columns, c.Name)
			shown = append(shown, i)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	for _, row := range x.Expect {
		var cells []string
		for _, i := range shown {
			v := "NULL"
			if i < len(row) && row[i] != nil {
				v = r.hide.Replace(fmt.Sprint(row[i]))
			}
			cells = append(cells, v)
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

func place(at source.Span, path string) string {
	if at.File != nil {
		return fmt.Sprintf("%s:%d", at.File.Path, at.Position().Line)
	}
	return path
}

// query is a test in the words and the SQL of its target. ok is false for a program that has no
// dialect, or a kind of test that does not exist.
func (r *reader) query(t *compile.Test) (q datatest.Query, ok bool) {
	d := r.p.Target.Dialect
	if d == nil {
		return datatest.Query{}, false
	}
	read := func(id addr.Node) string {
		n := r.p.Nodes[id]
		switch {
		case n == nil:
			return d.Ident(id.Name)
		case n.Config.Materialized == "ephemeral":
			return "(\n" + n.SQL + "\n)"
		}
		return d.Quote(n.Relation)
	}
	in := datatest.In{Dialect: d, Read: read}
	switch {
	case t.Translated != nil:
		in.Bound, in.Map = compile.Bind(t.Translated.Rows, t.Translated.Map, read)
		in.Tally, _ = compile.Bind(t.Translated.Tally, nil, read)
	case t.SQL != "":
		in.Bound, in.Map = compile.Bind(t.SQL, t.Map, read)
	}
	q, diags := datatest.Render(t, in)
	return q, !diags.HasErrors()
}

// sentence says what a test checks: as the run told it, as the target's dialect tells it, or
// in general words.
func (r *reader) sentence(t *compile.Test, q datatest.Query, ok bool) string {
	if s := cmp.Or(r.says[t.ID], q.Sentence); s != "" && (ok || r.says[t.ID] != "") {
		return s
	}
	column := cmp.Or(t.Column, "the table")
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
	words := strings.ReplaceAll(t.Kind, "_", " ")
	if t.Column != "" {
		return t.Column + ": " + words
	}
	return words
}

func listOf(v any) string {
	var out string
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var words []string
		for _, x := range v {
			words = append(words, fmt.Sprint(x))
		}
		out = strings.Join(words, ", ")
	case addr.Node:
		out = v.Name
	default:
		out = fmt.Sprint(v)
	}
	const most = 200
	if utf8.RuneCountInString(out) > most {
		out = string([]rune(out)[:most]) + "…"
	}
	return out
}

// sample is what may be shown of failing rows: nothing of a test that is on a sensitive column,
// or that may read one under another name, and no such column.
func (r *reader) sample(t *compile.Test, s *run.Sample) *content.Sample {
	if s == nil || len(s.Rows) == 0 || t.Column != "" && r.secret(t.Node, t.Column) {
		return nil
	}
	hidden := map[int]bool{}
	for _, id := range t.Parents {
		if !r.anySensitive(id) {
			continue
		}
		reading, known := t.Reads[id]
		if t.SQL != "" && !known {
			return nil // what its columns hold is not known
		}
		if t.SQL != "" && slices.ContainsFunc(reading.Columns, func(c string) bool { return r.secret(id, c) }) {
			return nil
		}
		for i, c := range s.Columns {
			if r.secret(id, c) {
				hidden[i] = true
			}
		}
	}
	pick := func(row []string) (out []string) {
		for i, v := range row {
			if !hidden[i] {
				out = append(out, v)
			}
		}
		return out
	}
	out := &content.Sample{Columns: pick(s.Columns)}
	if len(out.Columns) == 0 {
		return nil
	}
	for _, row := range s.Rows {
		out.Rows = append(out.Rows, pick(row))
	}
	return out
}

// outcome is how a test came out in the run, or else the newest that is remembered.
func (r *reader) outcome(t *content.Test, fingerprint string) {
	for _, o := range r.in.Past.Tests[t.ID] {
		t.History = append(t.History, content.Outcome{At: o.At, Status: pastStatus(o), Failures: max(o.Failures, 0)})
	}
	passed, remembered := r.in.Passed[t.ID]
	remembered = remembered && passed.Fingerprint == fingerprint
	got := r.checks[t.ID]
	if got != nil {
		t.Status = testStatus(got.Status)
		switch got.Status {
		case run.Done, run.Warned, run.Failed, run.Errored:
			t.At, t.Failures = r.in.Result.End, max(got.Failures, 0)
			if !got.End.IsZero() {
				t.At = got.End
			}
			if got.Status == run.Errored {
				t.Failures = 0
			}
			if len(t.History) == 0 || t.History[0].At.Before(t.At.Truncate(time.Microsecond)) {
				t.History = slices.Insert(t.History, 0, content.Outcome{At: t.At, Status: t.Status, Failures: t.Failures})
			}
		case run.Kept:
			if remembered {
				t.At, t.Failures = passed.At, max(passed.Failures, 0)
			}
		}
		if !got.Stored.IsZero() {
			t.Stored = got.Stored.String()
		}
		if len(got.Diags) > 0 {
			t.Problem = r.hide.Replace(got.Diags[0].Message)
		}
		return
	}
	// A failure counts until the test passes: what is remembered of passes may be older.
	if len(t.History) > 0 && (t.History[0].Status == content.Failed || t.History[0].Status == content.Errored) && !(remembered && passed.At.After(t.History[0].At)) {
		t.Status, t.At, t.Failures = t.History[0].Status, t.History[0].At, t.History[0].Failures
		return
	}
	if remembered {
		t.Status, t.At, t.Failures = content.Passed, passed.At, max(passed.Failures, 0)
		if passed.Failures > 0 {
			t.Status = content.Warned
		}
	}
}

func testStatus(s run.Status) content.Status {
	switch s {
	case run.Done, run.Kept:
		return content.Passed
	case run.Warned:
		return content.Warned
	case run.Failed:
		return content.Failed
	case run.Errored:
		return content.Errored
	case run.Skipped:
		return content.Skipped
	case run.Canceled:
		return content.Canceled
	}
	return content.Unknown
}

func pastStatus(o state.Outcome) content.Status {
	switch o.Status {
	case "passed":
		return content.Passed
	case "warned":
		return content.Warned
	case "failed":
		return content.Failed
	case "error":
		return content.Errored
	}
	return content.Unknown
}

// readStatus says how the last run left each node. Where it has not touched one, or has only
// tested it, the node stands as an earlier run left it.
func (r *reader) readStatus() {
	for _, n := range r.c.Nodes {
		got := r.results[n.ID]
		if got == nil || got.Verb == plan.Check && (got.Status == run.Done || got.Status == run.Warned) {
			r.standing(n)
			continue
		}
		n.Status = nodeStatus(got.Status)
		for _, d := range got.Diags {
			n.Problems = append(n.Problems, r.hide.Replace(d.Message))
		}
		if len(n.Problems) == 0 && got.Status == run.Errored && got.Message != "" {
			n.Problems = []string{r.hide.Replace(got.Message)}
		}
		if i, ok := r.number[got.Because]; ok {
			n.Because = []int{i}
		} else if i, ok := r.tests[got.Because]; ok && r.c.Tests[i].Of >= 0 {
			n.Because = []int{r.c.Tests[i].Of} // a test was the cause
		}
		built := got.Verb != plan.Check && (got.Status == run.Done || got.Status == run.Warned)
		if built && n.Data.Rows < 0 && got.Rows >= 0 && got.Materialized != "view" && got.Materialized != "ephemeral" {
			n.Data.Rows = got.Rows
		}
		recorded := len(n.History) > 0 && n.History[0].Run == r.in.Result.RunID // with the time that later catalogs know
		if built && !recorded && got.End.After(n.Data.BuiltAt) {
			n.Data.BuiltAt = got.End
		}
		if built && !got.Start.IsZero() && got.End.After(got.Start) && !recorded {
			b := content.Build{Run: r.in.Result.RunID, At: got.End, Took: got.End.Sub(got.Start), Rows: got.Rows, Bytes: -1, Billed: -1}
			if spent := got.Total(); spent.Known() {
				b.Bytes, b.Billed, b.Slots = spent.Bytes, spent.Billed, time.Duration(spent.SlotMillis)*time.Millisecond
			}
			n.History = slices.Insert(n.History, 0, b)
		}
	}
}

// standing says how a node stands that the last run did not build: one that is recorded is
// built, and it failed if a test that is declared on it did since.
func (r *reader) standing(n *content.Node) {
	if len(n.History) == 0 {
		return
	}
	n.Status = content.Built
	at := n.History[0].At
	for _, i := range n.Tests {
		if t := r.c.Tests[i]; t.Of == r.number[n.ID] && t.Severity == "error" && !t.At.Before(at) && (t.Status == content.Failed || t.Status == content.Errored) {
			n.Status = content.Failed
		}
	}
}

func nodeStatus(s run.Status) content.Status {
	switch s {
	case run.Done:
		return content.Built
	case run.Kept:
		return content.Unchanged
	case run.Warned:
		return content.Warned
	case run.Failed:
		return content.Failed
	case run.Errored:
		return content.Errored
	case run.Skipped:
		return content.Skipped
	case run.Unpublished:
		return content.Unpublished
	case run.Canceled:
		return content.Canceled
	}
	return content.Unknown
}
