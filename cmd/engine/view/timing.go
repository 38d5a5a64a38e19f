package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/schedule"
)

// Timing is where the time of a run went, for programs. Seconds of slots are slot time:
// twice as many where two slots are busy.
type Timing struct {
	Makespan float64 `json:"makespan_seconds"` // from the first node to the last
	// Best is the least that the same nodes could have taken in the same slots.
	Best    float64 `json:"best_seconds"`
	Longest float64 `json:"longest_path_seconds"`
	Slots   int     `json:"slots"`
	Peak    int     `json:"slots_used"`
	// Busy is the slot time in which nodes and tests ran, Warehouse what of it the warehouse
	// took and Own the rest; Idle is the time in which slots were free.
	Busy      float64            `json:"busy_seconds"`
	Warehouse float64            `json:"warehouse_seconds"`
	Own       float64            `json:"engine_seconds"`
	Idle      float64            `json:"idle_seconds"`
	Waiting   map[string]float64 `json:"waiting_seconds,omitempty"` // of nodes that were ready, by reason: slot, limit, back_off
	Bursts    int                `json:"rate_limits,omitempty"`
	Path      []TimingStep       `json:"critical_path"`
	Nodes     []TimingStep       `json:"nodes,omitempty"`
}

// TimingStep is one node, or its tests that ran after it was published. Seconds of Ready and
// Start are since the beginning of the first node.
type TimingStep struct {
	Node      string  `json:"node"`
	Tests     bool    `json:"tests,omitempty"`
	Ready     float64 `json:"ready"`
	Start     float64 `json:"start"`
	Seconds   float64 `json:"seconds"`
	Expected  float64 `json:"expected_seconds,omitempty"`
	Warehouse float64 `json:"warehouse_seconds"`
	Waited    string  `json:"waited_for,omitempty"` // slot, limit, back_off
	Behind    string  `json:"behind,omitempty"`     // the node that had it before
	Slot      int     `json:"slot"`
}

// timingOf is nil for a run in which nothing ran.
func timingOf(t *run.Timing, nodes bool) *Timing {
	if t == nil || len(t.Steps) == 0 {
		return nil
	}
	out := &Timing{
		Makespan: exact(t.Makespan), Best: exact(t.Bound), Longest: exact(t.Longest), Slots: t.Slots, Peak: t.Peak,
		Busy: exact(t.Busy), Warehouse: exact(t.Warehouse), Own: exact(t.Own), Idle: exact(t.Idle), Bursts: t.Bursts,
	}
	for reason, d := range t.Waiting {
		if out.Waiting == nil {
			out.Waiting = map[string]float64{}
		}
		out.Waiting[string(reason)] = exact(d)
	}
	steps := func(of []run.TimingStep) (out []TimingStep) {
		for _, s := range of {
			out = append(out, TimingStep{
				Node: s.Node.String(), Tests: s.Late, Ready: exact(s.Ready), Start: exact(s.Start), Seconds: exact(s.Took()),
				Expected: exact(s.Expected), Warehouse: exact(s.Warehouse), Waited: string(s.Wait), Behind: s.Behind.String(), Slot: s.Slot,
			})
		}
		return out
	}
	out.Path = steps(t.Path)
	if nodes {
		out.Nodes = steps(t.Steps)
	}
	return out
}

func exact(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

const (
	// noticeable is the shortest run of which is said where its time went.
	noticeable = time.Second
	// shownWait is the shortest time that the clock shows: what waits less is not worth a word.
	shownWait = 5 * time.Millisecond
	// pathShown is how many steps of a path stand in one line.
	pathShown = 5
)

// timing is a line on where the time went, or with full all there is to say; empty where
// nobody would ask.
func (s Screen) timing(t *run.Timing, full bool) string {
	if t == nil || len(t.Steps) == 0 || !full && (t.Makespan < noticeable || len(t.Steps) < 2) {
		return ""
	}
	if !full {
		return s.Paint(Dim, s.fold(s.timingLine(t), "  ")) + "\n" + s.slowest(t)
	}
	return "\n" + s.Paint(Bold, "where the time went") + "\n" + s.timingFacts(t) + "\n" + s.timingTable(t)
}

// timingLine is «critical path 41.0s of 46.0s: a 12.0s → b 29.0s; slots busy 71 %; waiting
// for a slot 3.00s».
func (s Screen) timingLine(t *run.Timing) string {
	parts := []string{s.path(t, pathShown)}
	parts = append(parts, fmt.Sprintf("slots busy %s", share(t.Busy, t.Busy+t.Idle)))
	return strings.Join(append(parts, waits(t.Path)...), "; ")
}

// slowestShown is how many of the slowest nodes are named, and of how many at least.
const slowestShown = 3

// slowest is «slowest: a 12.0s (usually 4.00s), b 3.10s, c 2.20s», empty for a few nodes: the
// path has named them.
func (s Screen) slowest(t *run.Timing) string {
	if len(t.Steps) <= 2*slowestShown {
		return ""
	}
	steps := slices.Clone(t.Steps)
	slices.SortStableFunc(steps, func(a, b run.TimingStep) int { return int(min(max(b.Took()-a.Took(), -1), 1)) })
	var words []string
	for _, step := range steps[:slowestShown] {
		word := stepName(step) + " " + Seconds(step.Took())
		if step.Expected > 0 && step.Took() > 2*step.Expected && step.Took()-step.Expected > noticeable {
			word += " (usually " + Seconds(step.Expected) + ")"
		}
		words = append(words, word)
	}
	return s.Paint(Dim, s.fold("slowest: "+List(words), "  ")) + "\n"
}

// path is the chain that ended last, the longest steps of it where it has more than most.
func (s Screen) path(t *run.Timing, most int) string {
	var took time.Duration
	var lengths []time.Duration
	for _, step := range t.Path {
		took += step.Took()
		lengths = append(lengths, step.Took())
	}
	slices.SortFunc(lengths, func(a, b time.Duration) int { return int(min(max(b-a, -1), 1)) })
	least := time.Duration(-1)
	if len(lengths) > most {
		least = lengths[most-1]
	}
	arrow, gap := " -> ", "..."
	if s.Unicode {
		arrow, gap = " → ", "…"
	}
	var words []string
	shown := 0
	for _, step := range t.Path {
		if step.Took() < least || shown == most {
			if len(words) == 0 || words[len(words)-1] != gap {
				words = append(words, gap)
			}
			continue
		}
		shown++
		words = append(words, stepName(step)+" "+Seconds(step.Took()))
	}
	return fmt.Sprintf("critical path %s of %s: %s", Seconds(took), Seconds(t.Makespan), strings.Join(words, arrow))
}

func stepName(s run.TimingStep) string {
	if s.Late {
		return "tests of " + oneLine(s.Node.Name)
	}
	return oneLine(s.Node.Name)
}

var reasons = []struct {
	of   schedule.Reason
	word string
}{
	{schedule.Slot, "waiting for a slot"},
	{schedule.Group, "waiting because of a tag limit"},
	{schedule.BackOff, "waiting because the warehouse asked for it"},
}

// waits says for how long the steps of a path waited.
func waits(path []run.TimingStep) []string {
	sum := map[schedule.Reason]time.Duration{}
	for _, step := range path {
		sum[step.Wait] += step.Waited()
	}
	var out []string
	for _, r := range reasons {
		if d := sum[r.of]; d >= shownWait {
			out = append(out, r.word+" "+Seconds(d))
		}
	}
	return out
}

func share(part, of time.Duration) string {
	if of <= 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(of))
}

func (s Screen) timingFacts(t *run.Timing) string {
	var b strings.Builder
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %s %s\n", padRight(name, 9), fmt.Sprintf(format, args...))
	}
	fact("time", "%s from the first node to the last; in as many slots at least %s", Seconds(t.Makespan), Seconds(t.Bound))
	fact("path", "%s", strings.TrimPrefix(s.path(t, len(t.Path)), "critical path "))
	if w := waits(t.Path); len(w) > 0 {
		fact("", "%s", strings.Join(w, ", "))
	}
	fact("chain", "the longest chain of dependencies took %s: no number of slots makes the run shorter", Seconds(t.Longest))
	fact("slots", "%d, at most %d taken; busy %s, free %s", t.Slots, t.Peak, share(t.Busy, t.Busy+t.Idle), share(t.Idle, t.Busy+t.Idle))
	fact("busy", "%s: the warehouse %s, the engine %s", Seconds(t.Busy), share(t.Warehouse, t.Busy), share(t.Own, t.Busy))
	var queued []string
	for _, r := range reasons {
		if d := t.Waiting[r.of]; d >= shownWait {
			queued = append(queued, r.word+" "+Seconds(d))
		}
	}
	if len(queued) > 0 {
		fact("queue", "%s, all nodes together", strings.Join(queued, ", "))
	}
	if t.Bursts > 0 {
		fact("limits", "the warehouse asked %s for less at once", pluralOf(int64(t.Bursts), "time", "times"))
	}
	return b.String()
}

// timingTable lists what ran by the time at which it began; a star is for the critical path.
func (s Screen) timingTable(t *run.Timing) string {
	on := map[string]bool{}
	for _, step := range t.Path {
		on[stepName(step)] = true
	}
	out := Table{
		Columns: []string{"", "node", "from", "took", "expected", "warehouse", "waited", "for"},
		Numeric: []bool{false, false, true, true, true, true, true},
	}
	steps := slices.Clone(t.Steps)
	slices.SortStableFunc(steps, func(a, b run.TimingStep) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	for _, step := range steps {
		mark, expected, waited, reason := "", "", "", ""
		if on[stepName(step)] {
			mark = "*"
		}
		if step.Expected > 0 {
			expected = Seconds(step.Expected)
		}
		if step.Waited() >= shownWait {
			waited = Seconds(step.Waited())
			reason = map[schedule.Reason]string{schedule.Slot: "a slot", schedule.Group: "its tag", schedule.BackOff: "the warehouse"}[step.Wait]
			if !step.Behind.IsZero() {
				reason += ", behind " + oneLine(step.Behind.Name)
			}
		}
		var cells []Cell
		for _, text := range []string{mark, stepName(step), Seconds(step.Start), Seconds(step.Took()), expected, Seconds(step.Warehouse), waited, reason} {
			cells = append(cells, Cell{Text: text})
		}
		out.Rows = append(out.Rows, cells)
	}
	return s.Table(out, " ")
}
