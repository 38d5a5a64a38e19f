package view

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// Run shows a run while it happens and its outcome at the end. Its methods may be called
// from several goroutines.
type Run interface {
	// Event is a run.Sink.
	Event(run.Event)
	// Tick says that time has passed; a live display redraws itself.
	Tick()
	// Note shows a word of the program itself, for example that it is stopping.
	Note(text string)
	// Finish shows the outcome. Nothing is shown after it.
	Finish(*run.Result)
	// Abandon ends the view of a run that has no outcome.
	Abandon()
}

// RunOptions is what a view of a run needs to know besides its events.
type RunOptions struct {
	// Jobs is the number of workers.
	Jobs int
	// RunID is put into JSON lines.
	RunID string
	// Price is what the warehouse takes for reading.
	Price warehouse.Price
	// Project and Target are what is built, and where.
	Project, Target string
	// Expected is how long the run will take by what earlier ones have shown, 0 for not known.
	Expected time.Duration
	// Timing asks for all that is known of where the time went.
	Timing bool
}

// Tally counts the outcomes of a run.
type Tally struct {
	Built     int `json:"built"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped"`
	Canceled  int `json:"canceled"`
	// Unpublished were built and are not published, because something else of the run was not.
	Unpublished int `json:"unpublished,omitempty"`

	TestsPassed    int `json:"tests_passed"`
	TestsUnchanged int `json:"tests_unchanged"`
	TestsWarned    int `json:"tests_warned"`
	TestsStillWarn int `json:"tests_still_warn"` // unchanged since they warned
	TestsFailed    int `json:"tests_failed"`
	TestsSkipped   int `json:"tests_skipped"`
}

// tallyOf counts a result.
func tallyOf(r *run.Result) Tally {
	var t Tally
	if r.Plan != nil {
		t.Unchanged, t.TestsUnchanged = Kept(r.Plan)
		t.TestsStillWarn = len(r.Plan.Warnings)
		t.TestsUnchanged -= t.TestsStillWarn
	}
	for _, n := range r.Nodes {
		t.Add(n)
	}
	return t
}

// Kept is how many nodes and how many tests a plan leaves alone.
func Kept(p *plan.Plan) (nodes, tests int) {
	for kind, n := range p.Kept {
		if kind == addr.Test || kind == addr.UnitTest {
			tests += n
		} else {
			nodes += n
		}
	}
	return nodes, tests
}

// Add counts one node.
func (t *Tally) Add(n *run.NodeResult) {
	testsOnly := onlyTests(n)
	for _, x := range n.Tests {
		switch x.Status {
		case run.Done:
			t.TestsPassed++
		case run.Kept:
			t.TestsUnchanged++
		case run.Warned:
			t.TestsWarned++
		case run.Failed, run.Errored:
			t.TestsFailed++
		case run.Skipped, run.Canceled:
			t.TestsSkipped++
		}
	}
	switch n.Status {
	case run.Done, run.Warned:
		if !testsOnly {
			t.Built++
		}
	case run.Kept:
		t.Unchanged++
	case run.Failed, run.Errored:
		if !testsOnly || len(n.Tests) == 0 {
			t.Failed++
		}
	case run.Skipped:
		if !testsOnly || len(n.Tests) == 0 {
			t.Skipped++
		}
	case run.Unpublished:
		t.Unpublished++
	case run.Canceled:
		t.Canceled++
	}
}
