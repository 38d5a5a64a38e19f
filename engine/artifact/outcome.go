package artifact

import (
	"time"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
)

// DBTVersion is the release of dbt whose artifacts and log events these are.
func DBTVersion() string { return dbtVersion }

// Outcome is a line of run_results.json, for those who tell of it while the run goes on.
type Outcome struct {
	// Status is dbt's word: success, error, skipped, pass, fail, warn.
	Status string
	// Message is what the line says, empty for nothing.
	Message  string
	Failures int64
	Response map[string]any
	Seconds  float64
	Thread   string
	// Phases are compile and execute, with UTC times in dbt's form.
	Phases []map[string]string
}

// OutcomeOf is the line of a node.
func OutcomeOf(p *compile.Program, n *run.NodeResult) Outcome { return outcome(nodeResult(p, n)) }

// TestOutcomeOf is the line of a test that ran on a worker.
func TestOutcomeOf(p *compile.Program, t run.TestResult, worker int) Outcome {
	return outcome(testResult(p, t, worker))
}

func outcome(r result) Outcome {
	out := Outcome{Status: r.Status, Response: r.AdapterResponse, Seconds: r.ExecutionTime, Thread: r.ThreadID}
	if r.Message != nil {
		out.Message = *r.Message
	}
	if r.Failures != nil {
		out.Failures = *r.Failures
	}
	for _, t := range r.Timing {
		phase := map[string]string{"name": t.Name, "started_at": "", "completed_at": ""}
		if t.StartedAt != nil {
			phase["started_at"] = *t.StartedAt
		}
		if t.CompletedAt != nil {
			phase["completed_at"] = *t.CompletedAt
		}
		out.Phases = append(out.Phases, phase)
	}
	return out
}

// Stamp is a time as artifacts and log events have it.
func Stamp(t time.Time) string { return zulu(t) }
