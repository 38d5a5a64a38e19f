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
	"github.com/engine-build/engine/engine/diag"
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
	failed  []string // first lines of what went wrong so far
	rows    int64    // of what was built
	billed  int64
	layers  layers
	outlook *run.Outlook
	rest    run.Rest
	arrival arrival
	live    live
}

// widths are the columns of a node line; 0 is one that is left out.
type widths struct{ index, kind, name, amount, tests, took int }

// within leaves out what does not fit into columns: names become shorter first, then the
// tests, the running number, the kind and the amount go.
func (w widths) within(columns int) widths {
	const enough, least = 24, 12
	fixed := func() int {
		n := 3 + w.took + 1
		for _, c := range []int{w.amount, w.tests} {
			if c > 0 {
				n += c + 1
			}
		}
		if w.kind > 0 {
			n += w.kind + 1
		}
		if w.index > 0 {
			n += 2*w.index + 4
		}
		return n
	}
	for _, out := range []*int{&w.tests, &w.index, &w.kind, &w.amount} {
		if fixed()+min(w.name, enough) <= columns {
			break
		}
		*out = 0
	}
	w.name = max(min(w.name, columns-fixed()), min(w.name, least))
	return w
}

type running struct {
	node  addr.Node
	kind  string
	name  string
	since time.Time
	// expected is how long it took before, 0 where that is not known; behind is how many wait
	// for it, -1 until somebody asks.
	expected time.Duration
	behind   int
}

var _ Run = (*Human)(nil)

// NewHuman makes a view on a screen.
func NewHuman(s Screen, o RunOptions, p *plan.Plan) *Human {
	h := &Human{s: s, o: o, total: len(p.Actions), live: live{screen: s}}
	h.width = widthsOf(p)
	if s.Live {
		h.layers, h.outlook = layersOf(p), run.NewOutlook(p, o.Jobs)
	}
	return h
}

// maxName is the widest column of names; longer names push their line out.
const maxName = 56

func widthsOf(p *plan.Plan) widths {
	w := widths{index: len(strconv.Itoa(len(p.Actions))), kind: len("table"), name: 20, amount: 16, tests: 9, took: 8}
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
	if h.outlook != nil {
		h.outlook.Event(e)
	}
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
	r := running{node: e.Node, name: e.Node.Name, kind: string(e.Node.Kind), since: e.At, behind: -1}
	if a := e.Action; a != nil {
		r.kind, r.name = kindOf(a.Verb, a.Materialized, a.Node), nameOf(a.Relation, a.Node)
	}
	if h.outlook != nil {
		r.expected, _ = h.outlook.Expected(e.Node)
		h.layers.start(e.Node)
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
	at := slices.IndexFunc(h.running, func(r running) bool { return r.node == e.Node })
	if at >= 0 {
		h.running = slices.Delete(h.running, at, at+1)
	}
	if h.s.Live {
		h.sum(n, at >= 0)
	}
	h.done++
	h.total = max(h.total, h.done)
	h.tally.Add(n)
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
		h.failed = append(h.failed, testReason(t)+" of "+oneLine(a.Node.Name))
	}
	if !h.s.Quiet && (h.s.Verbose || t.Status == run.Warned || bad) {
		h.line(h.testLine(t) + h.s.Paint(Dim, " of "+oneLine(a.Node.Name)))
	}
}

// line puts a finished line out, above the live area where there is one.
func (h *Human) line(text string) { h.live.print(text + "\n") }

func (h *Human) nodeLine(n *run.NodeResult) string {
	w, columns := h.width, 0
	if h.s.Live {
		columns, _ = h.s.size()
		columns--
		w = w.within(columns)
	}
	head := h.s.sign(n.Status) + " "
	used := 2
	if !h.s.Unicode {
		used++
	}
	if w.index > 0 {
		index := fmt.Sprintf("[%*d/%d]", w.index, h.done, h.total)
		head = h.s.Paint(Dim, index) + " " + head
		used += len(index) + 1
	}
	if w.kind > 0 {
		head += padRight(kindOf(n.Verb, n.Materialized, n.Node), w.kind) + " "
		used += w.kind + 1
	}
	name := oneLine(nameOf(n.Relation, n.Node))
	if columns > 0 {
		name = h.s.clipFront(name, w.name)
	}
	head += padRight(name, w.name)
	used += max(w.name, textWidth(name))
	// rest is what fits behind the name.
	rest := func(text string) string {
		if columns > 0 && used+2+textWidth(text) > columns {
			text = h.s.clip(text, max(columns-used-2, 1))
		}
		return text
	}
	switch n.Status {
	case run.Kept:
		if n.Message != "" {
			return head + "  " + h.s.Paint(Dim, rest("unchanged: "+oneLine(n.Message)))
		}
	case run.Skipped:
		because := "skipped"
		if !n.Because.IsZero() {
			because += ", because " + oneLine(n.Because.Name)
		}
		return head + "  " + h.s.Paint(Dim, rest(because))
	case run.Canceled:
		return head + "  " + h.s.Paint(Yellow, rest("canceled"))
	}
	if w.amount > 0 {
		amount := h.amount(n)
		if columns > 0 {
			amount = h.s.clip(amount, w.amount)
		}
		head += " " + padLeft(amount, w.amount)
	}
	if w.tests > 0 {
		head += " " + padLeft(testsWord(n), w.tests)
	}
	head += " " + padLeft(took(n.Start, n.End), w.took)
	if n.Status == run.Failed && n.Rows >= 0 && !onlyTests(n) { // its word stands where the rows would
		if made := "  " + plural(n.Rows, "row"); columns == 0 || paintedWidth(head)+textWidth(made) <= columns {
			head += h.s.Paint(Dim, made)
		}
	}
	if bill := h.spent(n); columns == 0 || paintedWidth(head)+paintedWidth(bill) <= columns {
		head += bill
	}
	return head
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
	indent, name := strings.Repeat(" ", 2*h.width.index+4), oneLine(t.ID.Name)
	if h.s.Live {
		columns, _ := h.s.size()
		if columns < 60 {
			indent = "  "
		}
		name = h.s.clipFront(name, max(columns-1-len(indent)-len("?? test ")-2-textWidth(word), 12))
	}
	return indent + h.s.sign(t.Status) + " test " + name + "  " + h.s.Paint(style, word)
}

// sum counts a node into what the live area shows.
func (h *Human) sum(n *run.NodeResult, ran bool) {
	h.layers.end(n, ran)
	if n.Rows > 0 && !n.Status.Bad() && !onlyTests(n) && n.Status != run.Kept && n.Status != run.Skipped {
		h.rows += n.Rows
	}
	h.billed += n.Usage.Billed
	for i := range n.Tests {
		h.billed += n.Tests[i].Usage.Billed
	}
	if why := reason(n); why != "" {
		h.failed = append(h.failed, oneLine(nameOf(n.Relation, n.Node))+": "+why)
	}
}

// billedSoFar is what the run was billed for, empty where nothing is charged.
func (h *Human) billedSoFar() string {
	return spent(run.Usage{Billed: h.billed}, h.o.Price, " billed")
}

// reason is the first line of why a node has failed, empty if it has not.
func reason(n *run.NodeResult) string {
	if n.Status != run.Failed && n.Status != run.Errored {
		return ""
	}
	if d, ok := firstError(n.Diags); ok {
		return d
	}
	for i := range n.Tests {
		if t := &n.Tests[i]; t.Status == run.Failed || t.Status == run.Errored {
			return testReason(t)
		}
	}
	return string(n.Status)
}

// testReason is the first line of why a test has failed.
func testReason(t *run.TestResult) string {
	if t.Status == run.Errored {
		if d, ok := firstError(t.Diags); ok {
			return oneLine(t.ID.Name) + ": " + d
		}
		return oneLine(t.ID.Name) + ": " + string(t.Status)
	}
	return oneLine(t.ID.Name) + ": " + plural(t.Failures, "failing row")
}

// firstError is the message of the first error of a list, with its place.
func firstError(l diag.List) (string, bool) {
	for _, d := range l.Sorted() {
		if d.Severity != diag.Error && d.Severity != diag.Internal {
			continue
		}
		first, _, _ := strings.Cut(d.Message, "\n")
		if !d.At.IsZero() {
			at := d.At.Position()
			first += fmt.Sprintf(" (%s:%d:%d)", d.At.File.Path, at.Line, at.Column)
		}
		return oneLine(first), true
	}
	return "", false
}

// Tick redraws the live area.
func (h *Human) Tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draw(false)
}

// Note shows a word of the program.
func (h *Human) Note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line(h.s.fold(h.s.Paint(Yellow, text), "  "))
	h.draw(true)
}

// draw renews the live area, at most ten times a second if it is not told to.
func (h *Human) draw(now bool) {
	if !h.s.Live {
		return
	}
	at := h.s.Now()
	if !now && at.Sub(h.live.drawn) < redraw {
		return
	}
	if h.arrival.due(at) {
		h.rest = h.outlook.Rest(at)
		h.arrival.follow(at, h.rest)
	}
	columns, rows := h.s.size()
	h.live.draw(at, columns, h.progress(at, columns, rows))
}

// Finish shows failures and the verdict.
func (h *Human) Finish(r *run.Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clear()
	var b strings.Builder
	h.failures(&b, r)
	switch {
	case h.s.Quiet && r.OK():
		return
	case b.Len() > 0 && !h.s.Quiet:
		_, _ = io.WriteString(h.s.Out, "\n")
	}
	b.WriteString(h.s.fold(h.s.Verdict(r), "  ") + "\n")
	if !h.s.Quiet {
		b.WriteString(h.s.timing(r.Timing, h.o.Timing))
	}
	_, _ = io.WriteString(h.s.Out, b.String())
}

// Abandon leaves the terminal clean.
func (h *Human) Abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clear()
}

// clear takes the live area away. What comes then is as wide as the terminal is now.
func (h *Human) clear() {
	if !h.s.Live {
		return
	}
	columns, _ := h.s.size()
	h.live.clear(columns)
	if h.s.Width > 0 {
		h.s.Width = columns
	}
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
