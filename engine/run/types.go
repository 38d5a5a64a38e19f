package run

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Status is the outcome of an action or a test.
type Status string

const (
	Done     Status = "done"    // built and published, or a test that passed
	Warned   Status = "warned"  // a test of severity warn that found rows
	Failed   Status = "failed"  // a test that found rows; an action whose tests did
	Errored  Status = "errored" // the warehouse refused a statement
	Skipped  Status = "skipped" // because of another action's failure, see Because
	Kept     Status = "kept"    // unchanged
	Canceled Status = "canceled"
	// Unpublished is what was built, and has passed its tests, and is not published because
	// something else of a run that publishes together has not.
	Unpublished Status = "unpublished"
)

// Bad reports whether the status makes the run fail.
func (s Status) Bad() bool { return s == Failed || s == Errored || s == Canceled }

// EventKind is what happened.
type EventKind string

const (
	RunStarted  EventKind = "run_started"
	NodeStarted EventKind = "node_started"
	NodeEnded   EventKind = "node_ended"
	TestEnded   EventKind = "test_ended"
	RunEnded    EventKind = "run_ended"
	HookStarted EventKind = "hook_started"
	HookEnded   EventKind = "hook_ended"
)

// Event is one thing that happened. Events of one node come in order, its late tests
// after its end; events of different nodes interleave. Sinks are called from one goroutine at a time.
type Event struct {
	Kind   EventKind
	At     time.Time
	Node   addr.Node // the action, or the test for TestEnded
	Of     addr.Node // TestEnded: the action it belongs to
	Index  int       // NodeStarted, NodeEnded: 1-based running number
	Total  int       // RunStarted, NodeStarted, NodeEnded: number of actions
	Action *plan.Action
	Result *NodeResult // NodeEnded
	Test   *TestResult // TestEnded
	Hook   *HookResult // HookStarted, HookEnded; Total is the number of statements of its kind
}

// Sink receives events.
type Sink func(Event)

// Phase is a timed part of an action.
type Phase struct {
	Name       string // unit_tests, build, tests, publish
	Start, End time.Time
}

// NodeResult is the outcome of one action.
type NodeResult struct {
	Node         addr.Node
	Verb         plan.Verb
	Materialized string
	Relation     addr.Relation
	Status       Status
	Because      addr.Node // Skipped, Unpublished: the root cause; a test may be one
	Start, End   time.Time
	Phases       []Phase
	Rows         int64 // rows of the built relation or rows changed; -1 unknown
	Usage        Usage // of its own statements; those of its tests are in Tests
	// Command is the SQL command that made the rows or the view: «CREATE TABLE», «MERGE», and
	// Job the id of its job, where the warehouse has them.
	Command, Job string
	Diags        diag.List
	Tests        []TestResult
	Worker       int
	// Message is one line for people: «1,204 rows».
	Message string

	content  state.Content // of what was built
	checksum string        // over its rows, if they were read
	changed  int64         // rows changed in place; -1 unknown
	// announced waits until the record of the last build is taken back.
	announced func() error
}

// TestResult is the outcome of one data test or unit test.
type TestResult struct {
	ID         addr.Node
	Of         addr.Node // the action it gated
	Kind       string
	Status     Status
	Because    addr.Node // Skipped
	Failures   int64     // number of failing rows (by fail_calc)
	Start, End time.Time
	Severity   string
	Sentence   string
	Sample     *Sample // up to five failing rows
	Diags      diag.List
	Stored     addr.Relation // where failing rows were kept, if they were
	SQL        string
	// Usage is what its queries took. Several tests in one query: the first one has it.
	Usage Usage
}

// Sample is a small table of values for people.
type Sample struct {
	Columns []string
	Rows    [][]string
}

// Result is the outcome of a run.
type Result struct {
	RunID      string
	Start, End time.Time
	Plan       *plan.Plan
	Nodes      []*NodeResult // in plan order
	Diags      diag.List     // trouble outside any node
	Hooks      []HookResult  // on-run-start and on-run-end, in the order in which they ran
	Overhead   Usage         // what belongs to no node: hooks, schemas, the engine's records
	Price      warehouse.Price
	Canceled   bool
	// Timing says where the time of its actions went.
	Timing *Timing
	// Stopped says why, where it was not the user's wish: StoppedDeadline, StoppedLease.
	Stopped string
}

// OK reports whether nothing failed.
func (r *Result) OK() bool {
	if r.Canceled || r.Diags.HasErrors() {
		return false
	}
	for _, n := range r.Nodes {
		if n.Status.Bad() {
			return false
		}
		for _, t := range n.Tests {
			if t.Status.Bad() {
				return false
			}
		}
	}
	return true
}

// Options of Apply.
type Options struct {
	Jobs  int              // workers; at least 1
	RunID string           // unique per run
	Now   func() time.Time // clock
	Sink  Sink             // may be nil
	Dir   string           // project directory, for Load
	// FailFast cancels everything after the first failure.
	FailFast bool
	// Version of the engine, for the record.
	Version string
	// MaxBilled stops the run when its statements have been billed for that many bytes; 0
	// is no limit. What is left is also the limit of each statement, where the warehouse has
	// such a limit, so that only statements that run at once can go beyond it together.
	MaxBilled int64
	// Lease is that under which the run publishes; nil for a run that needs none.
	Lease *Lease
	// Deadline is how long the run may take from now on; 0 is no limit. When it is over, what
	// runs is canceled and nothing else begins.
	Deadline time.Duration
	// EndHooks makes the statements of on-run-end where the plan says that they depend on what the
	// run has come to (plan.Plan.LateEnd); it may be nil where none does.
	EndHooks func(*Result) ([]string, diag.List)
	// Frozen turns off state records (engine test, engine show).
	Frozen bool
	// MemoryEdges is the most edges of an ancestry that the engine closes itself where the
	// method is auto; 0: 50 million.
	MemoryEdges int64
}
