package view

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// Document is a finished run for programs: what «--output json» prints.
type Document struct {
	RunID    string         `json:"run_id"`
	Status   string         `json:"status"` // done, failed, canceled
	Start    string         `json:"start"`
	End      string         `json:"end"`
	Seconds  float64        `json:"seconds"`
	Tally    Tally          `json:"tally"`
	Spending *Spending      `json:"spending,omitempty"`
	Timing   *Timing        `json:"timing,omitempty"`
	Nodes    []NodeDocument `json:"nodes"`
	// Distribution is the outcome for customers; nil if nothing was distributed.
	Distribution *DistributionDocument `json:"distribution,omitempty"`
	Diagnostics  []diag.JSON           `json:"diagnostics,omitempty"`
}

// NodeDocument is the outcome of one node.
type NodeDocument struct {
	Node         addr.Node      `json:"node"`
	Verb         string         `json:"verb"`
	Materialized string         `json:"materialized,omitempty"`
	Relation     *addr.Relation `json:"relation,omitempty"`
	Status       string         `json:"status"`
	Because      string         `json:"because,omitempty"`
	Rows         *int64         `json:"rows,omitempty"`
	Spending                    // its tests aside
	Seconds      float64        `json:"seconds"`
	Message      string         `json:"message,omitempty"`
	Tests        []TestDocument `json:"tests,omitempty"`
	Diagnostics  []diag.JSON    `json:"diagnostics,omitempty"`
}

// TestDocument is the outcome of one test.
type TestDocument struct {
	Test     addr.Node `json:"test"`
	Kind     string    `json:"kind,omitempty"`
	Status   string    `json:"status"`
	Because  string    `json:"because,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Sentence string    `json:"sentence,omitempty"`
	Failures int64     `json:"failures"`
	Spending
	Seconds     float64        `json:"seconds"`
	Stored      *addr.Relation `json:"stored,omitempty"`
	Sample      *Sample        `json:"sample,omitempty"`
	SQL         string         `json:"sql,omitempty"`
	Diagnostics []diag.JSON    `json:"diagnostics,omitempty"`
}

// DocumentOf is the document of a result.
func DocumentOf(r *run.Result) Document {
	d := Document{
		RunID: r.RunID, Status: outcome(r), Start: stamp(r.Start), End: stamp(r.End),
		Seconds: seconds(r.Start, r.End), Tally: tallyOf(r), Spending: totals(r), Timing: timingOf(r.Timing, true), Nodes: []NodeDocument{},
	}
	if len(r.Diags) > 0 {
		d.Diagnostics = r.Diags.JSON()
	}
	for _, n := range r.Nodes {
		d.Nodes = append(d.Nodes, nodeDocument(n, r.Price))
	}
	return d
}

func nodeDocument(n *run.NodeResult, price warehouse.Price) NodeDocument {
	d := NodeDocument{
		Node: n.Node, Verb: string(n.Verb), Materialized: n.Materialized, Relation: some(n.Relation), Status: string(n.Status),
		Because: n.Because.String(), Rows: known(n.Rows), Spending: spendingOf(n.Usage, price), Seconds: seconds(n.Start, n.End), Message: n.Message,
	}
	if n.Status == run.Skipped || onlyTests(n) {
		d.Rows = nil
	}
	if len(n.Diags) > 0 {
		d.Diagnostics = n.Diags.JSON()
	}
	for _, t := range n.Tests {
		x := TestDocument{
			Test: t.ID, Kind: t.Kind, Status: string(t.Status), Because: t.Because.String(), Severity: t.Severity, Sentence: t.Sentence,
			Failures: t.Failures, Spending: spendingOf(t.Usage, price), Seconds: seconds(t.Start, t.End), Stored: some(t.Stored), Sample: sampleJSON(t.Sample), SQL: t.SQL,
		}
		if len(t.Diags) > 0 {
			x.Diagnostics = t.Diags.JSON()
		}
		d.Tests = append(d.Tests, x)
	}
	return d
}

func some(r addr.Relation) *addr.Relation {
	if r.IsZero() {
		return nil
	}
	return &r
}
