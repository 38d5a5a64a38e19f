package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// Unless people ask for more, of what is long so much is shown.
	shownColumns = 12
	shownReaders = 5
	shownDiff    = 60 // lines of one diff
	shownPath    = 6  // nodes of the critical path

	shownParts = 3 // of what changes, in the line of a node

	shortRoom = 40 // a text that has fewer columns left in its line gets a line of its own

	shownMillis = 100 // what takes less is not worth a word
)

// reviewed is the body of a plan that somebody looked at: what changes directly with all
// that follows from it, then what is new, what is gone, and what is only built again.
type reviewed struct {
	Screen
	b       strings.Builder
	plan    *plan.Plan
	review  *plan.Review
	actions map[addr.Node]*plan.Action
	under   map[addr.Node][]*plan.Change // what follows from a change, in the order of the plan
	cost    map[addr.Node]plan.Estimate
	width   widths
	diff    bool
}

// review shows the changes of a plan.
func (s Screen) review(p *plan.Plan, o PlanOptions) string {
	r := &reviewed{Screen: s, plan: p, review: p.Review, actions: map[addr.Node]*plan.Action{}, width: widthsOf(p), diff: !o.NoDiff, under: map[addr.Node][]*plan.Change{}, cost: map[addr.Node]plan.Estimate{}}
	if p.Cost != nil {
		for _, e := range p.Cost.Actions {
			r.cost[e.Node] = e
		}
	}
	for _, a := range p.Actions {
		r.actions[a.Node] = a
	}
	var direct, added, again []*plan.Change
	for i := range p.Review.Changes {
		switch c := &p.Review.Changes[i]; {
		case c.How == plan.Direct, c.How == plan.Indirect && len(c.Because) == 0:
			direct = append(direct, c)
		case c.How == plan.Indirect:
			last := c.Because[len(c.Because)-1]
			r.under[last] = append(r.under[last], c)
		case c.How == plan.Added:
			added = append(added, c)
		case c.How == plan.Again:
			again = append(again, c)
		}
	}
	var checks []*plan.Action
	for _, a := range p.Actions {
		if a.Verb == plan.Check {
			checks = append(checks, a)
		}
	}
	if len(direct) > 0 {
		r.head("changed")
		for _, c := range direct {
			r.change(c, 0)
		}
		r.spared()
	}
	r.plain("new", added)
	r.removed()
	r.plain("built again, no definition changed", again)
	if len(checks) > 0 {
		r.head("only tested")
		for _, a := range checks {
			r.row(a, 0, Dim, strings.Join(a.Reasons, ", "))
		}
	}
	return r.b.String()
}

// head begins a part.
func (r *reviewed) head(text string) {
	if r.b.Len() > 0 {
		r.b.WriteByte('\n')
	}
	r.b.WriteString(r.Paint(Bold, text) + "\n")
}

// line writes one line of details, cut to the width of the screen.
func (r *reviewed) line(indent int, style Style, text string) {
	text = strings.Repeat(" ", indent) + oneLine(text)
	r.b.WriteString(r.Paint(style, r.clip(strings.TrimRight(text, " "), r.Width)) + "\n")
}

func (r *reviewed) plain(title string, list []*plan.Change) {
	if len(list) == 0 {
		return
	}
	r.head(title)
	for _, c := range list {
		a := r.actions[c.Node]
		r.row(a, 0, Dim, strings.Join(a.Reasons, ", ")+r.last(c))
		if !c.Renamed.IsZero() {
			r.line(6, Dim, "the same query as "+c.Renamed.Name+", which is gone: a new name")
		}
	}
}

// row is the line of one node.
func (r *reviewed) row(a *plan.Action, depth int, style Style, text string) {
	symbol, own := verbSymbol(a.Verb)
	tests := ""
	if n := len(a.Tests) + len(a.UnitTests); n > 0 {
		tests = plural(int64(n), "test")
	}
	indent := strings.Repeat("  ", depth)
	name := padRight(oneLine(nameOf(a.Relation, a.Node)), max(r.width.name-2*depth, 0))
	line := "  " + indent + r.Paint(own, symbol+" "+padRight(kindOf(a.Verb, a.Materialized, a.Node), r.width.kind)) + " " + name + " " + padLeft(tests, 9)
	text = oneLine(text)
	room := r.Width - (2 + 2*depth + 2 + r.width.kind + 1 + textWidth(name) + 1 + max(9, len(tests)) + 2)
	below := r.Width > 0 && room < textWidth(text) && room < shortRoom
	if text != "" && !below {
		line += "  " + r.Paint(style, r.clip(text, max(room, 0)))
	}
	r.b.WriteString(strings.TrimRight(line, " ") + "\n")
	if below {
		r.line(6+2*depth, style, text)
	}
}

// change shows a node that changes, and below it what follows from that.
func (r *reviewed) change(c *plan.Change, depth int) {
	a := r.actions[c.Node]
	word, style := classWord(c)
	if brief := r.brief(c); brief != "" {
		word += ": " + brief
	}
	indent := 6 + 2*depth
	if c.How == plan.Direct && c.Path != "" {
		r.row(a, depth, style, word)
		r.line(indent, Dim, c.Path+r.last(c))
	} else {
		r.row(a, depth, style, word+r.last(c))
	}
	r.details(c, indent)
	if depth < maxDepth {
		for _, next := range r.under[c.Node] {
			r.change(next, depth+1)
		}
		return
	}
	if n := len(r.under[c.Node]); n > 0 {
		r.line(indent+2, Dim, plural(int64(n), "node")+" and what reads them")
	}
}

// classWord is the class of a change and its colour.
func classWord(c *plan.Change) (string, Style) {
	switch c.Class {
	case plan.Breaking:
		return "breaking", Red
	case plan.Values:
		return "values may change", Yellow
	case plan.Forward:
		return "forward only", Cyan
	case plan.Additive:
		return "additive", Green
	case plan.Metadata:
		return "same content", Dim
	}
	return "built again", Dim
}

// brief says in a few words what changes.
func (r *reviewed) brief(c *plan.Change) string {
	var parts []string
	named := map[plan.ColumnVerb][]string{}
	for _, col := range c.Columns {
		if col.Policy == "ignore" && col.Verb == plan.ColumnAdded {
			parts = append(parts, col.Name+" is left out")
			continue
		}
		named[col.Verb] = append(named[col.Verb], col.Name)
	}
	list := func(verb plan.ColumnVerb, one, many string) {
		switch n := len(named[verb]); {
		case n == 1:
			parts = append(parts, named[verb][0]+" "+one)
		case n == 2:
			parts = append(parts, named[verb][0]+" and "+named[verb][1]+" "+many)
		case n > 2:
			parts = append(parts, Count(int64(n))+" columns "+many)
		}
	}
	for _, s := range c.Config {
		if s.Key == "materialized" {
			parts = append(parts, s.From+r.arrow()+s.To)
		}
	}
	list(plan.ColumnRemoved, "is gone", "are gone")
	list(plan.ColumnRenamed, "has a new name", "have new names")
	list(plan.ColumnRetyped, "has another type", "have other types")
	if len(c.Grain) > 0 {
		parts = append(parts, "rows are no longer "+uniqueBy(c.Grain[0]))
	}
	for _, p := range c.Promises {
		if p.To == "" {
			parts = append(parts, p.From+" is no longer promised")
		}
	}
	for _, s := range c.Config {
		if s.Key == "relation" && s.From != "" {
			parts = append(parts, "readers find it under another name")
		}
	}
	if c.Unknown != "" {
		parts = append(parts, c.Unknown)
	} else {
		other := append(named[plan.ColumnExpression], named[plan.ColumnInput]...)
		text := List(other)
		if len(other) > shownParts {
			text = Count(int64(len(other))) + " columns"
		}
		if text != "" && c.Class != plan.Values {
			text = "other values in " + text
		}
		if text != "" {
			parts = append(parts, text)
		}
		if c.Rows {
			parts = append(parts, "other rows")
		}
		list(plan.ColumnAdded, "is new", "are new")
	}
	if c.Class == plan.Metadata && len(parts) == 0 {
		switch {
		case len(c.Storage) > 0:
			parts = append(parts, "stored in another way")
		case c.Diff != "" || c.IncrementalDiff != "":
			parts = append(parts, "written in another way")
		}
	}
	if len(parts) > shownParts+1 && !r.Verbose {
		parts = append(parts[:shownParts], "and more")
	}
	return strings.Join(parts, ", ")
}

func uniqueBy(columns []string) string {
	if len(columns) == 0 {
		return "one at most"
	}
	return "unique by " + strings.Join(columns, ", ")
}

// last is what the last build made and took, in parentheses.
func (r *reviewed) last(c *plan.Change) string {
	var parts []string
	if m := c.Last; m != nil {
		if m.Rows >= 0 {
			parts = append(parts, plural(m.Rows, "row"))
		}
		if m.Bytes > 0 {
			parts = append(parts, warehouse.FormatSize(m.Bytes))
		}
		if m.Millis >= shownMillis {
			parts = append(parts, Seconds(time.Duration(m.Millis)*time.Millisecond))
		}
	}
	if e := r.estimated(c.Node); e != "" {
		parts = append(parts, e)
	}
	if len(parts) == 0 {
		return ""
	}
	return "  (" + strings.Join(parts, ", ") + ")"
}

// estimated is what a node will cost, if that was asked.
func (r *reviewed) estimated(n addr.Node) string {
	e, known := r.cost[n]
	if !known || e.Basis == plan.Nothing {
		return ""
	}
	text := "now " + r.billed(e)
	if r.plan.Cost.PerTiB > 0 {
		text += ", " + plan.FormatAmount(e.Amount) + " " + r.plan.Cost.Currency
	}
	return text
}

func (s Screen) arrow() string {
	if s.Unicode {
		return " → "
	}
	return " -> "
}

// details are the columns, settings and texts that change.
func (r *reviewed) details(c *plan.Change, indent int) {
	shown, more, expressions := 0, 0, 0
	for _, col := range c.Columns {
		if col.Verb == plan.ColumnExpression {
			expressions++
		}
	}
	for _, col := range c.Columns {
		if col.Verb == plan.ColumnExpression && c.Unknown == "" && expressions <= shownParts {
			continue
		}
		if col.Verb == plan.ColumnInput && !r.Verbose || c.How != plan.Direct && !col.Breaks() && !r.Verbose {
			continue // the line above says it
		}
		if shown++; shown > shownColumns && !r.Verbose && !col.Breaks() {
			more++
			continue
		}
		text, style := r.column(col)
		if col.Policy != "" {
			text += "  (on_schema_change: " + col.Policy + ")"
		}
		r.line(indent, style, text)
		r.readers(col.Readers, indent+4)
	}
	if more > 0 {
		r.line(indent, Dim, "and "+Count(int64(more))+" more columns, --verbose shows them")
	}
	for _, p := range c.Promises {
		if p.From == "" {
			r.line(indent, Green, "+ promises "+p.To)
		} else {
			r.line(indent, Red, "- promises "+p.From)
		}
	}
	for _, g := range c.Grain {
		r.line(indent, Red, "- rows "+uniqueBy(g))
	}
	r.readers(c.Readers, indent+4)
	for _, list := range [][]plan.SettingChange{c.Config, c.Storage} {
		for _, s := range list {
			if s.Key == "materialized" {
				continue // the line above says it
			}
			r.line(indent, Plain, settingText(s, r.arrow()))
		}
	}
	if r.diff && c.How == plan.Direct {
		r.hunk(c.Diff, indent)
		if c.IncrementalDiff != "" {
			r.line(indent, Dim, "as an incremental run has it:")
			r.hunk(c.IncrementalDiff, indent)
		}
	}
}

func settingText(s plan.SettingChange, arrow string) string {
	switch {
	case s.Key == "file":
		return "its file has other content"
	case s.Key == "persist_docs" && s.From != "" && s.To != "":
		return "descriptions changed"
	case s.Key == "persist_docs":
		return "descriptions in the warehouse: " + onOff(s.To != "")
	case s.Key == "pre_hook" || s.Key == "post_hook":
		return s.Key + " changed"
	case s.From == "":
		return s.Key + ": " + s.To
	case s.To == "":
		return s.Key + ": " + s.From + arrow + "nothing"
	}
	return s.Key + ": " + s.From + arrow + s.To
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// column is the line of one column.
func (r *reviewed) column(c plan.ColumnChange) (string, Style) {
	switch c.Verb {
	case plan.ColumnAdded:
		return strings.TrimRight("+ "+c.Name+"  "+c.To, " "), Green
	case plan.ColumnRemoved:
		return strings.TrimRight("- "+c.Name+"  "+c.From, " "), Red
	case plan.ColumnRenamed:
		return "~ " + c.From + r.arrow() + c.Name + "  a new name", Red
	case plan.ColumnRetyped:
		return "~ " + c.Name + "  " + c.From + r.arrow() + c.To, Red
	case plan.ColumnExpression:
		return "* " + c.Name + "  may have other values", Yellow
	}
	return "* " + c.Name + "  follows from what changes", Yellow
}

// readers lists who reads what breaks.
func (r *reviewed) readers(list []plan.Reader, indent int) {
	for i, reader := range list {
		if i == shownReaders && len(list) > shownReaders+1 && !r.Verbose {
			r.line(indent, Dim, fmt.Sprintf("and %d more readers, --verbose shows them", len(list)-i))
			return
		}
		r.line(indent, Dim, readerText(reader))
	}
}

func readerText(x plan.Reader) string {
	verb := "read by "
	if x.Before {
		verb = "was read by "
	}
	name := x.Node.Name
	switch {
	case x.Node.Kind == addr.Test:
		name = "test " + name
	case x.Node.Kind == addr.Exposure:
		name = "exposure " + name
	case x.Column != "":
		name += "." + x.Column
	}
	switch {
	case x.Whole && x.Node.Kind != addr.Exposure:
		name += ", nobody knows which columns"
	case x.Before:
		name += ", which changes too"
	}
	if x.Where != "" {
		name += " (" + x.Where + ")"
	}
	return verb + name
}

// hunk shows a unified diff.
func (r *reviewed) hunk(text string, indent int) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		return
	}
	for i, line := range lines {
		if i == shownDiff && len(lines) > shownDiff+5 && !r.Verbose {
			r.line(indent, Dim, fmt.Sprintf("%s more lines, --verbose shows them", Count(int64(len(lines)-i))))
			return
		}
		style := Plain
		switch {
		case strings.HasPrefix(line, "@@"):
			style = Dim
		case strings.HasPrefix(line, "+"):
			style = Green
		case strings.HasPrefix(line, "-"):
			style = Red
		}
		r.line(indent, style, strings.ReplaceAll(line, "\t", "    "))
	}
}

// spared says what is not built although it reads something that changes.
func (r *reviewed) spared() {
	if n := len(r.review.Spared); n > 0 {
		text := fmt.Sprintf("= %s more read them, but none of what changes", Count(int64(n)))
		if n == 1 {
			text = "= 1 more reads them, but nothing of what changes"
		}
		if n <= 3 || r.Verbose {
			text += ": " + strings.Join(names(r.review.Spared), ", ")
		}
		r.line(2, Dim, text)
	}
	if n := len(r.review.Behind); n > 0 {
		text := fmt.Sprintf("! %s would have to be built as well and are not selected", Count(int64(n)))
		if n == 1 {
			text = "! 1 would have to be built as well and is not selected"
		}
		if n <= 3 || r.Verbose {
			text += ": " + strings.Join(names(r.review.Behind), ", ")
		}
		r.line(2, Yellow, text)
	}
}

func names(list []addr.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Name
	}
	return out
}

func (r *reviewed) removed() {
	if len(r.review.Removed) == 0 {
		return
	}
	r.head("no longer in the project, what they built stays")
	for _, g := range r.review.Removed {
		text := "  " + r.Paint(Red, "- "+padRight(g.Kind.String(), r.width.kind)) + " " + oneLine(nameOf(g.Relation, g.Node))
		if !g.Renamed.IsZero() {
			text += "  " + r.Paint(Dim, "now "+oneLine(g.Renamed.Name))
		}
		r.b.WriteString(text + "\n")
	}
}

// Forecast is «about 12s with 4 workers; longest chain 9.4s: raw_orders 1.2s, orders 8.2s».
// It is empty where nothing is known of the durations.
func (s Screen) Forecast(p *plan.Plan) string {
	if p.Review == nil || p.Review.Forecast == nil || len(p.Actions) == 0 || p.Review.Forecast.Guessed >= len(p.Actions) || p.Review.Forecast.Makespan*1000 < shownMillis {
		return ""
	}
	f := p.Review.Forecast
	seconds := func(x float64) string { return Seconds(time.Duration(x * float64(time.Second))) }
	text := s.Paint(Bold, "time:") + " about " + seconds(f.Makespan) + " with " + plural(int64(f.Jobs), "worker")
	if len(f.Path) > 1 {
		var steps []string
		for i, step := range f.Path {
			if i == shownPath && !s.Verbose {
				steps = append(steps, fmt.Sprintf("and %d more", len(f.Path)-i))
				break
			}
			word := oneLine(step.Node.Name) + " " + seconds(step.Seconds)
			if step.Guessed {
				word += "?"
			}
			steps = append(steps, word)
		}
		text += "; the longest chain takes " + seconds(f.Critical) + ": " + strings.Join(steps, ", ")
	}
	if f.Guessed > 0 {
		text += fmt.Sprintf("; %d of %d were never timed", f.Guessed, len(p.Actions))
	}
	return text
}

// Expected is the sum of what the nodes made and read when they were last built.
func (s Screen) Expected(p *plan.Plan) string {
	if p.Review == nil {
		return ""
	}
	var rows, bytes int64
	known := 0
	for _, c := range p.Review.Changes {
		if c.Last == nil || c.Last.Rows < 0 && c.Last.Bytes < 0 {
			continue
		}
		known++
		rows += max(c.Last.Rows, 0)
		bytes += max(c.Last.Bytes, 0)
	}
	if known == 0 || rows+bytes == 0 {
		return ""
	}
	text := s.Paint(Bold, "last time:") + " " + plural(rows, "row")
	if bytes > 0 {
		text += ", " + warehouse.FormatSize(bytes) + " read"
	}
	if n := len(p.Review.Changes) - known; n > 0 {
		text += fmt.Sprintf("; %d not known", n)
	}
	return text
}

// Classes is «1 breaking, 3 values change», empty if no definition changed.
func (s Screen) Classes(r *plan.Review) string {
	var parts []string
	for _, c := range r.Summary() {
		word, style := classWord(&plan.Change{Class: c.Class})
		parts = append(parts, s.Paint(style, Count(int64(c.Nodes))+" "+word))
	}
	return strings.Join(parts, ", ")
}
