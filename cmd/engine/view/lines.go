package view

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// Lines shows a run as one JSON object per line. Keys are stable: they may be added to,
// never renamed. Every line has ts, level and event; see docs/commands.md.
type Lines struct {
	out io.Writer
	now func() time.Time
	o   RunOptions
	mu  sync.Mutex
}

var _ Run = (*Lines)(nil)

// NewLines makes a view that writes to s.Out.
func NewLines(s Screen, o RunOptions) *Lines { return &Lines{out: s.Out, now: s.Now, o: o} }

// Line is one line of the log.
type Line struct {
	Time  string `json:"ts"`
	Level string `json:"level"`
	Event string `json:"event"`
	RunID string `json:"run_id,omitempty"`

	Project string `json:"project,omitempty"`
	Target  string `json:"target,omitempty"`
	Workers int    `json:"workers,omitempty"`

	Node         string `json:"node,omitempty"`
	Of           string `json:"of,omitempty"`
	Verb         string `json:"verb,omitempty"`
	Materialized string `json:"materialized,omitempty"`
	Relation     string `json:"relation,omitempty"`
	Status       string `json:"status,omitempty"`
	Because      string `json:"because,omitempty"`
	Index        int    `json:"index,omitempty"`
	Total        int    `json:"total,omitempty"`
	Rows         *int64 `json:"rows,omitempty"`
	Spending
	Failures    *int64      `json:"failures,omitempty"`
	Seconds     float64     `json:"seconds,omitempty"`
	Expected    float64     `json:"expected_seconds,omitempty"`
	Kind        string      `json:"kind,omitempty"`
	Severity    string      `json:"severity,omitempty"`
	Sentence    string      `json:"sentence,omitempty"`
	Stored      string      `json:"stored,omitempty"`
	Message     string      `json:"message,omitempty"`
	Sample      *Sample     `json:"sample,omitempty"`
	Tally       *Tally      `json:"tally,omitempty"`
	Timing      *Timing     `json:"timing,omitempty"`
	Diagnostics []diag.JSON `json:"diagnostics,omitempty"`
}

// Event writes the line of one event. The end of the run is Finish's line.
func (l *Lines) Event(e run.Event) {
	switch e.Kind {
	case run.RunStarted:
		l.write(Line{Time: stamp(e.At), Level: "info", Event: string(e.Kind), Total: e.Total, Project: l.o.Project, Target: l.o.Target, Workers: l.o.Jobs, Expected: exact(l.o.Expected)})
	case run.NodeStarted:
		line := Line{Time: stamp(e.At), Level: "info", Event: string(e.Kind), Node: e.Node.String(), Index: e.Index, Total: e.Total}
		if a := e.Action; a != nil {
			line.Verb, line.Materialized = string(a.Verb), a.Materialized
			line.Expected = exact(time.Duration(a.Millis) * time.Millisecond)
			if !a.Relation.IsZero() {
				line.Relation = a.Relation.String()
			}
		}
		l.write(line)
	case run.NodeEnded:
		if e.Result != nil {
			l.write(l.node(e))
		}
	case run.TestEnded:
		if e.Test != nil {
			l.write(l.test(e))
		}
	case run.RunEnded:
	}
}

func (l *Lines) node(e run.Event) Line {
	n := e.Result
	line := Line{
		Time: stamp(e.At), Level: level(n.Status), Event: string(e.Kind), Node: n.Node.String(), Index: e.Index, Total: e.Total,
		Verb: string(n.Verb), Materialized: n.Materialized, Status: string(n.Status), Because: n.Because.String(),
		Rows: known(n.Rows), Spending: spendingOf(n.Usage, l.o.Price), Seconds: seconds(n.Start, n.End), Message: n.Message,
	}
	if !n.Relation.IsZero() {
		line.Relation = n.Relation.String()
	}
	if n.Status == run.Skipped || n.Verb == plan.Check {
		line.Rows = nil
	}
	if len(n.Diags) > 0 {
		line.Diagnostics = n.Diags.JSON()
	}
	return line
}

func (l *Lines) test(e run.Event) Line {
	t := e.Test
	line := Line{
		Time: stamp(e.At), Level: level(t.Status), Event: string(e.Kind), Node: t.ID.String(), Of: t.Of.String(), Kind: t.Kind,
		Status: string(t.Status), Because: t.Because.String(), Severity: t.Severity, Sentence: t.Sentence, Sample: sampleJSON(t.Sample),
		Spending: spendingOf(t.Usage, l.o.Price), Seconds: seconds(t.Start, t.End),
	}
	if t.Status != run.Skipped && t.Status != run.Canceled && t.Status != run.Errored {
		line.Failures = &t.Failures
	}
	if !t.Stored.IsZero() {
		line.Stored = t.Stored.String()
	}
	if len(t.Diags) > 0 {
		line.Diagnostics = t.Diags.JSON()
	}
	return line
}

// Sample is a run.Sample for programs.
type Sample struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

func sampleJSON(s *run.Sample) *Sample {
	if s == nil {
		return nil
	}
	return &Sample{s.Columns, s.Rows}
}

// Tick does nothing: lines are not redrawn.
func (l *Lines) Tick() {}

// Abandon does nothing: the command reports why there is no outcome.
func (l *Lines) Abandon() {}

// Note writes a word of the program.
func (l *Lines) Note(text string) {
	l.write(Line{Time: stamp(l.now()), Level: "warn", Event: "note", Message: text})
}

// Finish writes the line that ends the log.
func (l *Lines) Finish(r *run.Result) {
	t := tallyOf(r)
	line := Line{
		Time: stamp(r.End), Level: "info", Event: string(run.RunEnded), Status: outcome(r),
		Seconds: seconds(r.Start, r.End), Tally: &t, Timing: timingOf(r.Timing, false), Message: t.Sentence(),
	}
	if sum := totals(r); sum != nil {
		line.Spending = *sum
	}
	if !r.OK() {
		line.Level = "error"
	}
	if len(r.Diags) > 0 {
		line.Diagnostics = r.Diags.JSON()
	}
	l.write(line)
}

func (l *Lines) write(line Line) {
	line.RunID = l.o.RunID
	b, err := json.Marshal(line)
	if err != nil {
		panic("view: a line of the log has no JSON form: " + err.Error())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(append(b, '\n'))
}

// outcome is the word for a whole run.
func outcome(r *run.Result) string {
	switch {
	case r.Stopped != "":
		return r.Stopped
	case r.Canceled:
		return "canceled"
	case !r.OK():
		return "failed"
	}
	return "done"
}

func level(s run.Status) string {
	switch s {
	case run.Failed, run.Errored:
		return "error"
	case run.Warned, run.Skipped, run.Canceled, run.Unpublished:
		return "warn"
	case run.Done, run.Kept:
	}
	return "info"
}

func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func seconds(start, end time.Time) float64 {
	if start.IsZero() || end.IsZero() {
		return 0
	}
	return end.Sub(start).Round(time.Microsecond).Seconds()
}

// Diagnostic writes the line of a diagnostic outside any run.
func (l *Lines) Diagnostic(d diag.Diagnostic) {
	level := "error"
	switch d.Severity {
	case diag.Warning:
		level = "warn"
	case diag.Remark:
		level = "info"
	case diag.Error, diag.Internal:
	}
	l.write(Line{Time: stamp(l.now()), Level: level, Event: "diagnostic", Node: d.Model.String(), Message: d.Message, Diagnostics: []diag.JSON{d.JSON()}})
}
