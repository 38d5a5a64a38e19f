package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// Distribution shows a distribution while it happens and its outcome at the end: to people a
// line for each customer, on a live terminal with those at work below; in the form of lines a
// JSON object for each event. Safe for concurrent use.
type Distribution struct {
	s     Screen
	lines bool
	id    string

	mu      sync.Mutex
	width   int
	digits  int
	done    int
	total   int
	failed  int
	shared  string
	running []working
	started time.Time
	live    live
}

type working struct {
	customer, phase string
	since           time.Time
}

// NewDistribution makes a view of a plan; lines are JSON objects.
func NewDistribution(s Screen, p *distribute.Plan, runID string, lines bool) *Distribution {
	v := &Distribution{s: s, lines: lines, id: runID, width: 8, total: len(p.Customers), digits: len(fmt.Sprint(len(p.Customers))), live: live{screen: s}}
	for _, c := range p.Customers {
		v.width = max(v.width, min(textWidth(c.Name), maxName))
	}
	return v
}

// distributionLine is an event of a distribution in the log.
type distributionLine struct {
	Time        string      `json:"ts"`
	Level       string      `json:"level"`
	Event       string      `json:"event"`
	RunID       string      `json:"run_id,omitempty"`
	Customer    string      `json:"customer,omitempty"`
	Node        string      `json:"node,omitempty"`
	What        string      `json:"what,omitempty"`
	Phase       string      `json:"phase,omitempty"`
	Status      string      `json:"status,omitempty"`
	Index       int         `json:"index,omitempty"`
	Total       int         `json:"total,omitempty"`
	Models      int         `json:"models,omitempty"`
	Rows        *int64      `json:"rows,omitempty"`
	Seconds     float64     `json:"seconds,omitempty"`
	Message     string      `json:"message,omitempty"`
	Diagnostics []diag.JSON `json:"diagnostics,omitempty"`
}

func (v *Distribution) write(l distributionLine) {
	l.RunID = v.id
	b, err := json.Marshal(l)
	if err != nil {
		panic("view: a line of the log has no JSON form: " + err.Error())
	}
	_, _ = v.s.Out.Write(append(b, '\n'))
}

// Event is a sink of distribute.Apply.
func (v *Distribution) Event(e distribute.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lines {
		v.log(e)
		return
	}
	switch e.Kind {
	case distribute.Started:
		v.started = e.At
	case distribute.SharedEnded:
		v.shared = fmt.Sprintf("  for all customers: %d/%d", e.Index, e.Total)
		if e.Shared != nil && (e.Shared.Diags.HasErrors() || v.s.Verbose) && !v.s.Quiet {
			status := run.Done
			if e.Shared.Diags.HasErrors() {
				status = run.Failed
			}
			v.live.print(fmt.Sprintf("%s %s %s of %s %s\n", strings.Repeat(" ", 2*v.digits+3), v.s.sign(status), e.Shared.What, e.Shared.Node.Name, v.s.Paint(Dim, Seconds(e.Shared.End.Sub(e.Shared.Start)))))
		}
	case distribute.CustomerStarted:
		v.shared = ""
		v.running = append(v.running, working{e.Customer, "", e.At})
	case distribute.CustomerPhase:
		for i := range v.running {
			if v.running[i].customer == e.Customer {
				v.running[i].phase = e.Phase
			}
		}
	case distribute.CustomerEnded:
		v.running = slices.DeleteFunc(v.running, func(w working) bool { return w.customer == e.Customer })
		v.done++
		if v.bad(e.Outcome) {
			v.failed++
		}
		if !v.s.Quiet {
			v.live.print(v.line(e.Outcome))
			if v.s.Verbose && len(e.Outcome.Strangers) > 0 {
				v.live.print("    not the engine's, left alone: " + oneLine(strings.Join(e.Outcome.Strangers, ", ")) + "\n")
			}
		}
	case distribute.Ended:
	}
	v.draw(false)
}

func (v *Distribution) bad(o *distribute.Outcome) bool {
	return o.Status == distribute.Failed || o.Status == distribute.Canceled || o.Diags.HasErrors()
}

func (v *Distribution) log(e distribute.Event) {
	l := distributionLine{Time: stamp(e.At), Level: "info", Event: "publish_" + string(e.Kind), Customer: e.Customer, Phase: e.Phase, Index: e.Index, Total: e.Total}
	if s := e.Shared; s != nil {
		l.Node, l.What, l.Seconds, l.Diagnostics = s.Node.String(), s.What, seconds(s.Start, s.End), diagnostics(s.Diags)
		if s.Diags.HasErrors() {
			l.Level = "error"
		}
	}
	if o := e.Outcome; o != nil {
		l.Status, l.Models, l.Seconds, l.Diagnostics, l.Rows = string(o.Status), len(o.Pairs), seconds(o.Start, o.End), diagnostics(o.Diags), &o.Rows
		if v.bad(o) {
			l.Level = "error"
		}
	}
	v.write(l)
}

func diagnostics(l diag.List) []diag.JSON {
	if len(l) == 0 {
		return nil
	}
	return l.JSON()
}

// line is that of a customer who is done.
func (v *Distribution) line(o *distribute.Outcome) string {
	head := v.s.Paint(Dim, fmt.Sprintf("[%*d/%d]", v.digits, v.done, v.total)) + " "
	status := run.Done
	what := ""
	switch o.Status {
	case distribute.Published:
		what = plural(int64(len(o.Pairs)), "model")
		if o.Kept > 0 {
			what += fmt.Sprintf(", %d unchanged", o.Kept)
		}
		what += ", " + plural(o.Rows, "row")
		if o.Diags.HasErrors() {
			status = run.Failed
		} else if len(o.Diags) > 0 {
			status, what = run.Warned, what+", "+plural(int64(len(o.Diags)), "warning")
		}
	case distribute.Withdrawn:
		what = "access taken back"
	case distribute.Canceled:
		status, what = run.Canceled, "canceled"
	case distribute.Failed:
		status, what = run.Failed, "failed to "+phaseVerb(o.Phase)+"; it keeps what it had"
		if inTheWay(o.Diags) {
			what = "failed to " + phaseVerb(o.Phase) + "; it gets nothing new"
		}
	}
	return head + v.s.sign(status) + " " + padRight(oneLine(o.Customer), v.width) + " " + padRight(what, 36) + " " + v.s.Paint(Dim, padLeft(Seconds(o.End.Sub(o.Start)), 8)) + "\n"
}

// inTheWay: what is in a customer's place is not, or not any more, what it had.
func inTheWay(list diag.List) bool {
	return slices.ContainsFunc(list, func(d diag.Diagnostic) bool {
		var foreign *warehouse.ForeignError
		var open *warehouse.OpenError
		return errors.As(d.Cause, &foreign) || errors.As(d.Cause, &open)
	})
}

func phaseVerb(phase string) string {
	switch phase {
	case distribute.PhaseStage, "":
		return "be made"
	case distribute.PhaseProve:
		return "be proven"
	case distribute.PhasePublish:
		return "be published"
	}
	return "be checked"
}

// Tick redraws a live display.
func (v *Distribution) Tick() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.draw(true)
}

func (v *Distribution) draw(tick bool) {
	if !v.s.Live || v.lines {
		return
	}
	now := v.s.Now()
	if !tick && now.Sub(v.live.drawn) < redraw {
		return
	}
	columns, rows := v.s.size()
	columns--
	var lines []string
	for i, w := range v.running {
		if most := min(maxRunning, rowsOr(rows, maxRunning+2)-2); i >= most {
			if most > 0 {
				lines = append(lines, v.s.Paint(Dim, v.s.clip(fmt.Sprintf("  and %d more", len(v.running)-most), columns)))
			}
			break
		}
		lines = append(lines, v.s.clip(fmt.Sprintf("  %s %s %s", padRight(oneLine(w.customer), v.width), padRight(w.phase, 8), Seconds(now.Sub(w.since))), columns))
	}
	bar := fmt.Sprintf("  customers %d/%d", v.done, v.total)
	if v.failed > 0 {
		bar += fmt.Sprintf("  %d failed", v.failed)
	}
	if !v.started.IsZero() {
		bar += "  " + Seconds(now.Sub(v.started))
	}
	v.live.draw(now, columns+1, append(lines, v.s.clip(bar+v.shared, columns)))
}

// Note shows a word of the program.
func (v *Distribution) Note(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lines {
		v.write(distributionLine{Time: stamp(v.s.Now()), Level: "warn", Event: "note", Message: text})
		return
	}
	v.live.print(text + "\n")
	v.draw(true)
}

func (v *Distribution) clear() {
	columns, _ := v.s.size()
	v.live.clear(columns)
}

// Abandon leaves the terminal clean.
func (v *Distribution) Abandon() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

// Finish shows what went wrong and the verdict.
func (v *Distribution) Finish(r *distribute.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	if v.lines {
		level, status := "info", "done"
		if !r.OK() {
			level, status = "error", "failed"
		}
		v.write(distributionLine{Time: stamp(r.End), Level: level, Event: "publish_finished", Status: status, Total: len(r.Customers), Seconds: seconds(r.Start, r.End), Diagnostics: diagnostics(r.Diags)})
		return
	}
	if v.s.Quiet && r.OK() {
		return
	}
	var b strings.Builder
	if found := DistributionTroubles(r); len(found) > 0 {
		b.WriteString("\n" + strings.TrimRight(v.s.Frames(found), "\n") + "\n\n")
	}
	b.WriteString(v.s.distributionVerdict(r) + "\n")
	_, _ = io.WriteString(v.s.Out, b.String())
}

// mostTroubles is how many of one sort are shown in full.
const mostTroubles = 20

// DistributionTroubles are the diagnostics of all customers, in their order.
func DistributionTroubles(r *distribute.Result) diag.List {
	found := slices.Clone(r.Diags)
	for _, s := range r.Shared {
		found.Add(s.Diags...)
	}
	left := 0
	for _, o := range r.Customers {
		for _, d := range o.Diags {
			if len(found) >= mostTroubles {
				left++
				continue
			}
			found.Add(d)
		}
	}
	if left > 0 {
		found.Add(diag.Diagnostic{Severity: diag.Remark, Message: fmt.Sprintf("%d more are not shown; --output json has all", left)})
	}
	return found
}

// distributionVerdict is the last line: what happened, in numbers.
func (s Screen) distributionVerdict(r *distribute.Result) string {
	count := map[distribute.Status]int{}
	models, wrong := 0, 0
	for _, o := range r.Customers {
		count[o.Status]++
		if o.Status == distribute.Published {
			models += len(o.Pairs)
			if o.Diags.HasErrors() {
				wrong++
			}
		}
	}
	word, style := "done", Green
	switch {
	case r.Canceled:
		word, style = "canceled", Yellow
	case !r.OK():
		word, style = "failed", Red
	}
	var parts []string
	if n := count[distribute.Failed]; n > 0 {
		parts = append(parts, plural(int64(n), "customer")+" failed")
	}
	if wrong > 0 {
		parts = append(parts, plural(int64(wrong), "customer")+" with wrong access")
	}
	if n := count[distribute.Canceled]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d canceled", n))
	}
	if len(r.Customers) == 0 {
		return s.Paint(style, word+":") + " nothing to publish, " + plural(int64(r.Plan.Unchanged.Customers), "customer") + " unchanged in " + Seconds(r.End.Sub(r.Start))
	}
	if n := count[distribute.Published]; n > 0 {
		parts = append(parts, plural(int64(n), "customer")+" published with "+plural(int64(models), "model"))
	}
	if n := count[distribute.Withdrawn]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d lost access", n))
	}
	if n := r.Plan.Unchanged.Customers; n > 0 {
		parts = append(parts, fmt.Sprintf("%d unchanged", n))
	}
	text := s.Paint(style, word+":") + " " + strings.Join(parts, ", ") + " in " + Seconds(r.End.Sub(r.Start))
	if r.Usage.Billed > 0 {
		text += ", " + warehouse.FormatSize(r.Usage.Billed) + " billed"
	}
	return text
}

// DistributionPlan shows people what a distribution would do.
func (s Screen) DistributionPlan(p *distribute.Plan) string {
	var b strings.Builder
	if p.IsEmpty() {
		fmt.Fprintf(&b, "%s: nothing to publish, %s unchanged\n", s.Paint(Bold, "customers"), plural(int64(p.Unchanged.Customers), "customer"))
		return b.String()
	}
	fmt.Fprintf(&b, "%s: %s to publish, %s of a model and a customer; %d unchanged\n", s.Paint(Bold, "customers"), plural(int64(p.Due.Customers), "customer"), plural(int64(p.Due.Pairs), "pair"), p.Unchanged.Customers)
	const most = 50
	for i, c := range p.Customers {
		if i == most && !s.Verbose {
			fmt.Fprintf(&b, "  and %d more; --verbose shows all\n", len(p.Customers)-most)
			break
		}
		b.WriteString("  " + s.Paint(Green, s.verb(c)) + " " + padRight(oneLine(c.Name), 16) + " " + customerChange(c) + "\n")
		if s.Verbose {
			for _, pair := range c.Pairs {
				fmt.Fprintf(&b, "      %s %s\n", padRight(pair.As.String(), 32), s.Paint(Dim, string(pair.Way)+", "+ReasonWords(pair.Reason)))
			}
		}
	}
	b.WriteString(s.ways(p))
	return b.String()
}

func (s Screen) verb(c *distribute.Customer) string {
	switch {
	case slices.Contains(c.Reasons, distribute.ReasonWithdrawn):
		return "-"
	case c.Kept == 0 && len(c.Pairs) > 0 && !slices.ContainsFunc(c.Pairs, func(p distribute.Pair) bool { return p.Reason != distribute.ReasonNew }):
		return "+"
	}
	return "~"
}

func customerChange(c *distribute.Customer) string {
	var parts []string
	if len(c.Pairs) > 0 {
		by := map[distribute.Reason]int{}
		var order []distribute.Reason
		for _, p := range c.Pairs {
			if by[p.Reason] == 0 {
				order = append(order, p.Reason)
			}
			by[p.Reason]++
		}
		var why []string
		for _, r := range order {
			word := ReasonWords(r)
			if len(order) > 1 {
				word = fmt.Sprintf("%d %s", by[r], word)
			}
			why = append(why, word)
		}
		parts = append(parts, plural(int64(len(c.Pairs)), "model")+" ("+strings.Join(why, ", ")+")")
	}
	if len(c.Gone) > 0 {
		parts = append(parts, plural(int64(len(c.Gone)), "model")+" taken away")
	}
	if len(c.Grant) > 0 {
		parts = append(parts, "access for "+strings.Join(c.Grant, ", "))
	}
	if len(c.Revoke) > 0 {
		parts = append(parts, "no access any more for "+strings.Join(c.Revoke, ", "))
	}
	for _, r := range c.Reasons {
		switch r {
		case distribute.ReasonContract, distribute.ReasonUnfinished:
			parts = append(parts, ReasonWords(r))
		}
	}
	if len(parts) == 0 {
		for _, r := range c.Reasons {
			parts = append(parts, ReasonWords(r))
		}
	}
	return strings.Join(parts, ", ")
}

// ReasonWords says a reason to people.
func ReasonWords(r distribute.Reason) string {
	switch r {
	case distribute.ReasonNew:
		return "new"
	case distribute.ReasonRows:
		return "rows changed"
	case distribute.ReasonUnknown:
		return "rows may have changed"
	case distribute.ReasonDefinition:
		return "definition changed"
	case distribute.ReasonSlice:
		return "the customer's configuration changed"
	case distribute.ReasonForced:
		return "forced"
	case distribute.ReasonAccess:
		return "access changed"
	case distribute.ReasonGone:
		return "models taken away"
	case distribute.ReasonContract:
		return "another contract"
	case distribute.ReasonWithdrawn:
		return "not configured any more"
	case distribute.ReasonLost:
		return "somebody has removed it"
	case distribute.ReasonMarkers:
		return "other markers of canaries"
	case distribute.ReasonUnfinished:
		return "an earlier run did not end"
	}
	return string(r)
}

// ways compares what both ways read.
func (s Screen) ways(p *distribute.Plan) string {
	rows := [][]string{{"model", "customers", "due", "way", "read once per customer", "read once for all"}}
	for _, m := range p.Models {
		if m.Due == 0 {
			continue
		}
		way := string(m.Way)
		if way == "" {
			way = string(distribute.Live)
		}
		rows = append(rows, []string{m.As, fmt.Sprint(m.Customers), fmt.Sprint(m.Due), way, amount(m.Estimate.DirectRows, m.Estimate.DirectBytes), amount(m.Estimate.SplitRows, m.Estimate.SplitBytes)})
	}
	if len(rows) == 1 {
		return ""
	}
	if len(rows) > 2 {
		rows = append(rows, []string{"together", "", "", "", amount(p.Estimate.DirectRows, p.Estimate.DirectBytes), amount(p.Estimate.SplitRows, p.Estimate.SplitBytes)})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], textWidth(cell))
		}
	}
	var b strings.Builder
	for _, m := range p.Models {
		if m.Due > 0 && m.Across != "" {
			fmt.Fprintf(&b, "  %s: rows of several tenants, because \"%s\"\n", m.As, oneLine(m.Across))
		}
	}
	b.WriteString("\n")
	for i, row := range rows {
		var line strings.Builder
		for j, cell := range row {
			line.WriteString("  " + padRight(cell, widths[j]))
		}
		text := strings.TrimRight(line.String(), " ")
		if i == 0 {
			text = s.Paint(Dim, text)
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// amount writes rows and bytes as far as they are known.
func amount(rows, bytes int64) string {
	var parts []string
	if rows >= 0 {
		parts = append(parts, plural(rows, "row"))
	}
	if bytes > 0 {
		parts = append(parts, warehouse.FormatSize(bytes))
	}
	if len(parts) == 0 {
		return "?"
	}
	return strings.Join(parts, ", ")
}

// DistributionDocument is the outcome of a distribution for programs.
type DistributionDocument struct {
	RunID     string                      `json:"run_id"`
	Status    string                      `json:"status"`
	Seconds   float64                     `json:"seconds"`
	Customers []DistributedCustomer       `json:"customers"`
	Shared    []*distribute.SharedOutcome `json:"shared,omitempty"`
	Unchanged distribute.Count            `json:"unchanged"`
	Usage     distribute.Usage            `json:"usage"`
	Cost      *float64                    `json:"cost,omitempty"`
	Currency  string                      `json:"currency,omitempty"`
	Diags     []diag.JSON                 `json:"diagnostics,omitempty"`
}

// DistributedCustomer is the outcome of one customer for programs.
type DistributedCustomer struct {
	*distribute.Outcome
	Seconds float64     `json:"seconds"`
	Cost    *float64    `json:"cost,omitempty"`
	Diags   []diag.JSON `json:"diagnostics,omitempty"`
}

// DistributionOf is the document of a result.
func DistributionOf(r *distribute.Result) DistributionDocument {
	d := DistributionDocument{RunID: r.RunID, Status: "done", Seconds: seconds(r.Start, r.End), Customers: []DistributedCustomer{}, Shared: r.Shared, Unchanged: r.Plan.Unchanged, Usage: r.Usage, Diags: diagnostics(r.Diags)}
	switch {
	case r.Canceled:
		d.Status = "canceled"
	case !r.OK():
		d.Status = "failed"
	}
	cost := func(u distribute.Usage) *float64 {
		if r.Price.PerTiB <= 0 {
			return nil
		}
		c := r.Price.Of(u.Billed)
		return &c
	}
	d.Cost, d.Currency = cost(r.Usage), r.Price.Currency
	for _, o := range r.Customers {
		d.Customers = append(d.Customers, DistributedCustomer{o, seconds(o.Start, o.End), cost(o.Usage), diagnostics(o.Diags)})
	}
	return d
}
