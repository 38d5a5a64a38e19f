package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// Human shows a run to people: one line per finished node, on a live terminal with the
// running ones below, then failures with their frames, then the verdict.
type Human struct {
	s Screen
	o RunOptions

	mu      sync.Mutex
	total   int
	done    int
	width   widths
	tally   Tally
	started time.Time
	running []running
	eta     estimate
	live    live
}

// widths are the columns of a node line.
type widths struct{ index, kind, name int }

type running struct {
	node  addr.Node
	kind  string
	name  string
	since time.Time
}

var _ Run = (*Human)(nil)

// NewHuman makes a view on a screen.
func NewHuman(s Screen, o RunOptions, p *plan.Plan) *Human {
	h := &Human{s: s, o: o, total: len(p.Actions), live: live{screen: s}}
	h.width = widthsOf(p)
	h.eta = newEstimate(p, o.Jobs)
	return h
}

// maxName is the widest column of names; longer names push their line out.
const maxName = 56

func widthsOf(p *plan.Plan) widths {
	w := widths{index: len(strconv.Itoa(len(p.Actions))), kind: len("table"), name: 20}
	for _, a := range p.Actions {
		w.kind = max(w.kind, textWidth(kindOf(a.Verb, a.Materialized, a.Node)))
		w.name = max(w.name, min(textWidth(nameOf(a.Relation, a.Node)), maxName))
	}
	return w
}

// onlyTests reports whether a node ran nothing but its tests.
func onlyTests(n *run.NodeResult) bool { return n.Verb == plan.Check }

func kindOf(v plan.Verb, materialized string, n addr.Node) string {
	switch {
	case v == plan.Check:
		return "test"
	case materialized != "":
		return materialized
	}
	return string(n.Kind)
}

func nameOf(rel addr.Relation, n addr.Node) string {
	if rel.IsZero() {
		return n.Name
	}
	return rel.Schema + "." + rel.Name
}

// Event shows one event.
func (h *Human) Event(e run.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e.Kind {
	case run.RunStarted:
		h.started = e.At
		if e.Total > 0 {
			h.total = e.Total
		}
	case run.NodeStarted:
		h.start(e)
	case run.NodeEnded:
		h.end(e)
	case run.TestEnded:
		h.late(e)
	case run.RunEnded:
	}
	h.draw(false)
}

func (h *Human) start(e run.Event) {
	r := running{node: e.Node, name: e.Node.Name, kind: string(e.Node.Kind), since: e.At}
	if a := e.Action; a != nil {
		r.kind, r.name = kindOf(a.Verb, a.Materialized, a.Node), nameOf(a.Relation, a.Node)
	}
	h.running = append(h.running, r)
	if h.s.Verbose && !h.s.Live {
		h.line(strings.Repeat(" ", 2*h.width.index+3) + " " + h.s.Paint(Dim, "start "+r.kind+" "+r.name))
	}
}

func (h *Human) end(e run.Event) {
	n := e.Result
	if n == nil {
		return
	}
	for i, r := range h.running {
		if r.node == e.Node {
			h.running = append(h.running[:i], h.running[i+1:]...)
			break
		}
	}
	h.done++
	h.total = max(h.total, h.done)
	h.tally.Add(n)
	h.eta.finished(n)
	if h.s.Quiet {
		return
	}
	h.line(h.nodeLine(n))
	for i := range n.Tests {
		if t := &n.Tests[i]; h.s.Verbose || t.Status == run.Warned || (t.Status.Bad() && t.Status != run.Canceled) {
			h.line(h.testLine(t))
		}
	}
}

// late shows a test that ended after its node: those of a node's own time stand below it.
func (h *Human) late(e run.Event) {
	t, a := e.Test, e.Action
	if t == nil || a == nil || !slices.ContainsFunc(a.Tests, func(x plan.Test) bool { return x.Late && x.ID == t.ID }) {
		return
	}
	bad := t.Status.Bad() && t.Status != run.Canceled
	if bad {
		h.tally.TestsFailed++
	}
	if !h.s.Quiet && (h.s.Verbose || t.Status == run.Warned || bad) {
		h.line(h.testLine(t) + h.s.Paint(Dim, " of "+oneLine(a.Node.Name)))
	}
}

// line puts a finished line out, above the live area where there is one.
func (h *Human) line(text string) { h.live.print(text + "\n") }

func (h *Human) nodeLine(n *run.NodeResult) string {
	index := fmt.Sprintf("[%*d/%d]", h.width.index, h.done, h.total)
	kind := padRight(kindOf(n.Verb, n.Materialized, n.Node), h.width.kind)
	name := padRight(oneLine(nameOf(n.Relation, n.Node)), h.width.name)
	head := h.s.Paint(Dim, index) + " " + h.s.sign(n.Status) + " " + kind + " " + name
	switch n.Status {
	case run.Kept:
		if n.Message != "" {
			return head + "  " + h.s.Paint(Dim, "unchanged: "+n.Message)
		}
	case run.Skipped:
		because := "skipped"
		if !n.Because.IsZero() {
			because += ", because " + n.Because.Name
		}
		return head + "  " + h.s.Paint(Dim, because)
	case run.Canceled:
		return strings.TrimRight(head+"  "+h.s.Paint(Yellow, "canceled"), " ")
	}
	return head + " " + padLeft(h.amount(n), 16) + " " + padLeft(testsWord(n), 9) + " " + padLeft(took(n.Start, n.End), 8) + h.spent(n)
}

// spent is what a node and its tests were billed for.
func (h *Human) spent(n *run.NodeResult) string {
	if text := spent(n.Total(), h.o.Price, ""); text != "" {
		return "  " + h.s.Paint(Dim, text)
	}
	return ""
}

func (h *Human) amount(n *run.NodeResult) string {
	switch {
	case n.Status == run.Kept:
		return "unchanged"
	case n.Status.Bad():
		return string(n.Status)
	case n.Message != "":
		return n.Message
	case n.Rows >= 0 && !onlyTests(n):
		return plural(n.Rows, "row")
	}
	return ""
}

func testsWord(n *run.NodeResult) string {
	if len(n.Tests) == 0 {
		return ""
	}
	return plural(int64(len(n.Tests)), "test")
}

func took(start, end time.Time) string {
	if start.IsZero() || end.IsZero() {
		return ""
	}
	return Seconds(end.Sub(start))
}

func (h *Human) testLine(t *run.TestResult) string {
	word := ""
	switch t.Status {
	case run.Warned, run.Failed:
		word = plural(t.Failures, "failing row")
		if t.Failures == 0 {
			word = string(t.Status)
		}
	case run.Done, run.Kept:
		word = "passed"
	case run.Skipped:
		word = "skipped"
	case run.Errored, run.Canceled:
		word = string(t.Status)
	}
	_, style := h.s.glyph(t.Status)
	indent := strings.Repeat(" ", 2*h.width.index+4)
	return indent + h.s.sign(t.Status) + " test " + oneLine(t.ID.Name) + "  " + h.s.Paint(style, word)
}

// Tick redraws the live area.
func (h *Human) Tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draw(true)
}

// Note shows a word of the program.
func (h *Human) Note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line(h.s.Paint(Yellow, text))
	h.draw(true)
}

// draw renews the live area: on a tick always, otherwise at most ten times a second.
func (h *Human) draw(tick bool) {
	if !h.s.Live {
		return
	}
	now := h.s.Now()
	if !tick && now.Sub(h.live.drawn) < redraw {
		return
	}
	h.live.draw(now, h.progress(now))
}

// redraw is the shortest time between two pictures.
const redraw = 100 * time.Millisecond

// Finish shows failures and the verdict.
func (h *Human) Finish(r *run.Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live.clear()
	var b strings.Builder
	h.failures(&b, r)
	switch {
	case h.s.Quiet && r.OK():
		return
	case b.Len() > 0 && !h.s.Quiet:
		_, _ = io.WriteString(h.s.Out, "\n")
	}
	b.WriteString(h.s.Verdict(r) + "\n")
	if !h.s.Quiet {
		b.WriteString(h.s.timing(r.Timing, h.o.Timing))
	}
	_, _ = io.WriteString(h.s.Out, b.String())
}

// Abandon leaves the terminal clean.
func (h *Human) Abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live.clear()
}

// Verdict is the last line: what happened, in numbers.
func (s Screen) Verdict(r *run.Result) string {
	t := tallyOf(r)
	word, style := "done", Green
	switch {
	case r.Stopped == run.StoppedDeadline:
		word, style = "deadline", Yellow
	case r.Canceled:
		word, style = "canceled", Yellow
	case !r.OK():
		word, style = "failed", Red
	}
	return s.Paint(style, word+":") + " " + t.Sentence() + " in " + Seconds(r.End.Sub(r.Start)) + after(spent(r.Usage(), r.Price, " billed"))
}

// after puts a comma before a text that is there.
func after(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}

// Sentence lists the numbers that are not zero, bad news first.
func (t Tally) Sentence() string {
	var parts []string
	add := func(n int, format string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, Count(int64(n))))
		}
	}
	add(t.Failed, "%s failed")
	if t.TestsFailed > 0 {
		parts = append(parts, plural(int64(t.TestsFailed), "test")+" failed")
	}
	add(t.Unpublished, "%s built, not published")
	add(t.Skipped, "%s skipped")
	add(t.Canceled, "%s not run")
	add(t.Built, "%s built")
	add(t.Unchanged, "%s unchanged")
	if t.TestsPassed > 0 {
		parts = append(parts, plural(int64(t.TestsPassed), "test")+" passed")
	}
	if t.TestsUnchanged > 0 {
		parts = append(parts, plural(int64(t.TestsUnchanged), "test")+" unchanged")
	}
	if t.TestsSkipped > 0 {
		parts = append(parts, plural(int64(t.TestsSkipped), "test")+" skipped")
	}
	add(t.TestsWarned, "%s warned")
	if t.TestsStillWarn > 0 {
		parts = append(parts, plural(int64(t.TestsStillWarn), "test")+" still warning")
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}
