package serve

import (
	"context"
	"io"
	"time"

	"github.com/engine-build/engine/engine/timetable"
	"github.com/engine-build/engine/engine/warehouse"
)

// Job is one schedule as the process needs it.
type Job struct {
	Name   string
	When   timetable.Schedule // its zero value where After is set
	After  string
	Target string
	Phases []string
	// Select and Exclude choose what is built.
	Select, Exclude []string
	Overlap         timetable.Overlap
	CatchUp         time.Duration
	Deadline        time.Duration // of a run, waiting and retries included; more than 0
	LateAfter       time.Duration // 0: lateness is nobody's concern
	Retry           bool          // a phase that failed is tried once more
	RetryDelay      time.Duration
	Webhook         string // address, a secret; empty: nobody is told
}

// due says in words when the job is due, and changes when that does.
func (j *Job) due() string {
	if j.After != "" {
		return "after " + j.After
	}
	return j.When.String()
}

// Trigger is why a run exists.
type Trigger string

const (
	Scheduled Trigger = "schedule" // it was due
	Followed  Trigger = "after"    // the schedule that it comes after has succeeded
	Requested Trigger = "request"  // somebody asked over HTTP
	Once      Trigger = "once"     // somebody asked on the command line
)

// Status is how far a run has come.
type Status string

const (
	Waiting     Status = "waiting" // for the run before it, or for the lease
	Running     Status = "running"
	Done        Status = "done"
	Failed      Status = "failed"
	Canceled    Status = "canceled"    // the next one took its place
	Interrupted Status = "interrupted" // the process ended; what was due is made up for
	Skipped     Status = "skipped"     // never begun
)

// Statuses are all of them.
var Statuses = []Status{Waiting, Running, Done, Failed, Canceled, Interrupted, Skipped}

// Over reports whether a run has come to its end.
func (s Status) Over() bool { return s != Waiting && s != Running }

// Run is the record of one run.
type Run struct {
	ID       string   `json:"id"`
	Schedule string   `json:"schedule"`
	Target   string   `json:"target"`
	Trigger  Trigger  `json:"trigger"`
	Phases   []string `json:"phases"`
	// Due is when it was due; zero where somebody asked for it.
	Due time.Time `json:"due,omitzero"`
	// Missed is how many times before Due are made up for by this run, too.
	Missed int       `json:"missed,omitempty"`
	Made   time.Time `json:"made"`
	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"`
	Status Status    `json:"status"`
	Why    string    `json:"why,omitempty"` // one sentence, where it is not done
	// Steps are the phases that were begun, those that were tried again twice.
	Steps []Step `json:"steps,omitempty"`
	// Holder is the process whose run it is.
	Holder warehouse.Holder `json:"holder"`
}

// Step is one phase of a run.
type Step struct {
	Phase    string    `json:"phase"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"`
	Status   Status    `json:"status"` // Running, Done, Failed, Canceled
	Message  string    `json:"message,omitempty"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure is one thing that failed in a phase: a node, or a customer.
type Failure struct {
	Node     string `json:"node,omitempty"`
	Customer string `json:"customer,omitempty"`
	Message  string `json:"message,omitempty"`
}

// Task is one phase of a run, to be done.
type Task struct {
	Job   *Job
	Run   string
	Phase string
	// Left is how long it may take.
	Left time.Duration
}

// Outcome is how a phase ended.
type Outcome struct {
	OK bool
	// Final says that to try again is of no use: the project is wrong.
	Final    bool
	Message  string // one sentence on what went wrong
	Failures []Failure
}

// Phase does a task; what it has to say goes to log. It ends soon after ctx does.
type Phase func(ctx context.Context, t Task, log io.Writer) Outcome

// Clock is the time, and waiting for it.
type Clock interface {
	Now() time.Time
	// After sends once when the time has passed.
	After(time.Duration) <-chan time.Time
}

// Options are what a Server needs of the world.
type Options struct {
	Project string
	Jobs    []Job
	Clock   Clock
	Store   Store
	Claims  Claims
	Phase   Phase
	// NewID gives a new run its name: unique, sortable by time.
	NewID func(time.Time) string
	// Holder is this process.
	Holder warehouse.Holder
	// Gone reports whether the process of a record is certainly no more.
	Gone func(warehouse.Holder) bool
	// Say is told what happens, a line each.
	Say func(string)
	// Post sends an alert; see Webhook.
	Post func(ctx context.Context, address string, body []byte) error
	// Grace is how long runs may go on when the process is to end.
	Grace time.Duration
	// Keep is how many runs the history has; DefaultKeep where it is 0.
	Keep int
	// Catalog is the folder of the catalog site; Token the secret of POST /runs, which is off
	// without one.
	Catalog, Token string
	// Hosts are the names by which requests may call this process, beside localhost and addresses.
	Hosts []string
}

// DefaultKeep is how many runs the history has.
const DefaultKeep = 1000
