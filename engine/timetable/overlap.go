package timetable

// Overlap says what becomes of a run that is due while the one before it is at work.
type Overlap string

const (
	// Skip leaves it out.
	Skip Overlap = "skip"
	// QueueOne lets it follow; of several that wait the last one is left.
	QueueOne Overlap = "queue_one"
	// CancelPrevious ends the one at work and lets it follow.
	CancelPrevious Overlap = "cancel_previous"
)

// Overlaps are the policies, the default first.
var Overlaps = []string{string(Skip), string(QueueOne), string(CancelPrevious)}

// Step is what is to be done with a run.
type Step string

const (
	Start  Step = "start"
	Drop   Step = "drop"   // it is not run, and will not be
	Wait   Step = "wait"   // it is run when the one at work has ended
	Cancel Step = "cancel" // it is at work and has to end; Ended tells when it has
)

// Move is one step about one run.
type Move struct {
	Step Step
	Run  string
}

// Lane is the runs of one schedule: one at work, one that waits; empty for none. It is a
// value: methods give the next one and what is to be done, in order.
type Lane struct {
	Running, Queued string
	canceled        bool
}

// Arrive is that a run is due.
func (l Lane) Arrive(run string, policy Overlap) (Lane, []Move) {
	if l.Running == "" {
		l.Running = run
		return l, []Move{{Start, run}}
	}
	if policy == Skip || policy == "" {
		return l, []Move{{Drop, run}}
	}
	var moves []Move
	if l.Queued != "" {
		moves = append(moves, Move{Drop, l.Queued})
	}
	l.Queued = run
	moves = append(moves, Move{Wait, run})
	if policy == CancelPrevious && !l.canceled {
		l.canceled = true
		moves = append(moves, Move{Cancel, l.Running})
	}
	return l, moves
}

// Ended is that a run has ended, however. One that is not at work changes nothing.
func (l Lane) Ended(run string) (Lane, []Move) {
	if run == "" || run != l.Running {
		return l, nil
	}
	next := l.Queued
	l = Lane{Running: next}
	if next == "" {
		return l, nil
	}
	return l, []Move{{Start, next}}
}

// Stop is that nothing is to be begun any more: what waits is dropped.
func (l Lane) Stop() (Lane, []Move) {
	if l.Queued == "" {
		return l, nil
	}
	moves := []Move{{Drop, l.Queued}}
	l.Queued = ""
	return l, moves
}
