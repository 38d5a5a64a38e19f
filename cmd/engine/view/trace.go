package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	material "github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// Trace is what one thing was made from and what was made of it.
type Trace struct {
	Model    string // the ancestry model that answered
	Question genealogy.Question
	Answer   *genealogy.Answer
	// Graph is what the html form draws; nil: it is made of the edges of the answer.
	Graph *material.Graph
}

// TraceForms lists the forms of a trace, the default first.
var TraceForms = []string{"table", "json", "dot", "mermaid", "html"}

// Write writes the trace in one of TraceForms. Equal traces give equal bytes.
func (t Trace) Write(w io.Writer, form string, s Screen) error {
	switch form {
	case "json":
		return t.json(w)
	case "dot":
		return t.dot(w)
	case "mermaid":
		return t.mermaid(w)
	case "html":
		return t.html(w)
	}
	_, err := io.WriteString(w, t.text(s))
	return err
}

// keyText is a key for people.
func keyText(k any) string { return Text(k, "") }

// title is «C: 2 ancestors, 3 descendants», with the conditions.
func (t Trace) title() string {
	var parts []string
	if t.Question.Up {
		parts = append(parts, plural(int64(len(t.Answer.Up)), "ancestor"))
	}
	if t.Question.Down {
		parts = append(parts, plural(int64(len(t.Answer.Down)), "descendant"))
	}
	text := oneLine(keyText(t.Question.Key)) + ": " + strings.Join(parts, ", ")
	if d := t.Question.Depth; d > 0 {
		text += ", up to " + plural(int64(d), "step") + " away"
	}
	if at := t.Question.AsOf; !at.IsZero() {
		text += ", as of " + at.UTC().Format(time.RFC3339Nano)
	}
	return text
}

// remarks are sentences below the answer.
func (t Trace) remarks() []string {
	var out []string
	for _, c := range t.Answer.Cycles {
		texts := make([]string, len(c))
		for i, k := range c {
			texts[i] = oneLine(keyText(k))
		}
		out = append(out, fmt.Sprintf("a cycle of %d: %s", len(c), strings.Join(texts, ", ")))
	}
	if n := t.Answer.Undated; n > 0 {
		verb := "count"
		if n == 1 {
			verb = "counts"
		}
		out = append(out, pluralOf(int64(n), "edge has", "edges have")+" no "+t.Question.Time+" and "+verb+" as not there yet")
	}
	return out
}

// relatives is the table of ancestors or descendants.
func (t Trace) relatives(list []genealogy.Relative, name string) Table {
	cl := t.Question.Closure
	cycle, counted := false, true
	for _, r := range list {
		cycle = cycle || r.InCycle
		if _, text := r.Partition.(string); text {
			counted = false
		}
	}
	past := !t.Question.AsOf.IsZero()
	_, number := t.Question.Key.(int64)
	out := Table{Columns: []string{name, warehouse.MinDepth, warehouse.MaxDepth}, Numeric: []bool{number, true, true}}
	column := func(name string, numeric bool) {
		out.Columns, out.Numeric = append(out.Columns, name), append(out.Numeric, numeric)
	}
	if cycle {
		column(warehouse.InCycle, false)
	}
	if cl.Partition != "" {
		column(cl.Partition, counted)
	}
	if cl.Paths && !past {
		column(warehouse.PathCount, true)
	}
	if cl.Shares() && !past {
		column(warehouse.Share, true)
		column(warehouse.DirectShare, true)
	}
	amount := func(f *float64) Cell {
		if f == nil {
			return cellOf(nil, "")
		}
		return cellOf(*f, "")
	}
	for _, r := range list {
		row := []Cell{cellOf(r.Key, ""), cellOf(r.Min, ""), cellOf(r.Max, "")}
		if r.Max < 0 {
			row[2] = cellOf(nil, "")
		}
		if cycle {
			row = append(row, cellOf(r.InCycle, ""))
		}
		if cl.Partition != "" {
			row = append(row, cellOf(r.Partition, ""))
		}
		if cl.Paths && !past {
			row = append(row, amount(r.Paths))
		}
		if cl.Shares() && !past {
			row = append(row, amount(r.Share), amount(r.Direct))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func cellOf(v any, typ string) Cell { return Cell{Text: Text(v, typ), Null: v == nil} }

// edges is the table of edges.
func (t Trace) edges() Table {
	_, number := t.Question.Key.(int64)
	out := Table{Columns: []string{t.Question.Parent, t.Question.Child}, Numeric: []bool{number, number}}
	for _, c := range t.Answer.Extra {
		out.Columns, out.Numeric = append(out.Columns, c.Name), append(out.Numeric, numericType(c.Type))
	}
	for _, l := range t.Answer.Links {
		row := []Cell{cellOf(l.Parent, ""), cellOf(l.Child, "")}
		for i, v := range l.Extra {
			row = append(row, cellOf(v, typeOf(t.Answer.Extra, i)))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// part is a table with its heading.
type part struct {
	heading string
	table   Table
}

// parts are the tables that are not empty.
func (t Trace) parts() []part {
	var out []part
	add := func(n int, one string, table func() Table) {
		if n > 0 {
			out = append(out, part{plural(int64(n), one), table()})
		}
	}
	add(len(t.Answer.Up), "ancestor", func() Table { return t.relatives(t.Answer.Up, warehouse.AncestorID) })
	add(len(t.Answer.Down), "descendant", func() Table { return t.relatives(t.Answer.Down, warehouse.DescendantID) })
	add(len(t.Answer.Links), "edge", t.edges)
	return out
}

func (t Trace) text(s Screen) string {
	var b strings.Builder
	b.WriteString(s.Paint(Bold, t.title()) + "\n")
	for _, p := range t.parts() {
		b.WriteString("\n" + p.heading + "\n" + s.Table(p.table, ""))
	}
	for i, r := range t.remarks() {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(r + "\n")
	}
	return b.String()
}

// traceFormat is raised when a reader of the JSON form would have to change.
const traceFormat = 1

type traceJSON struct {
	Format      int             `json:"format"`
	Model       string          `json:"model"`
	Key         json.RawMessage `json:"key"`
	Depth       int             `json:"depth,omitempty"`
	AsOf        string          `json:"as_of,omitempty"`
	Ancestors   *[]relativeJSON `json:"ancestors,omitempty"`
	Descendants *[]relativeJSON `json:"descendants,omitempty"`
	Edges       edgesJSON       `json:"edges"`
	Cycles      [][]any         `json:"cycles"`
	Undated     int             `json:"undated,omitempty"`
}

type relativeJSON struct {
	Key       json.RawMessage `json:"key"`
	Partition json.RawMessage `json:"partition,omitempty"`
	MinDepth  int64           `json:"min_depth"`
	MaxDepth  *int64          `json:"max_depth"`
	InCycle   bool            `json:"in_cycle"`
	Paths     json.RawMessage `json:"path_count,omitempty"`
	Share     json.RawMessage `json:"share,omitempty"`
	Direct    json.RawMessage `json:"direct_share,omitempty"`
}

type edgesJSON struct {
	Parent  string       `json:"parent"`
	Child   string       `json:"child"`
	Columns []columnJSON `json:"columns"`
	Rows    []edgeJSON   `json:"rows"`
}

type columnJSON struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type edgeJSON struct {
	Parent json.RawMessage `json:"parent"`
	Child  json.RawMessage `json:"child"`
	Values json.RawMessage `json:"values,omitempty"` // an object, in column order
}

func (t Trace) json(w io.Writer) error {
	q, cl := t.Question, t.Question.Closure
	raw := func(v any) json.RawMessage { return json.RawMessage(valueJSON(v, "")) }
	past := !q.AsOf.IsZero()
	amount := func(f *float64) json.RawMessage {
		if f == nil {
			return raw(nil)
		}
		return raw(*f)
	}
	relatives := func(list []genealogy.Relative) *[]relativeJSON {
		out := make([]relativeJSON, 0, len(list))
		for _, r := range list {
			x := relativeJSON{Key: raw(r.Key), MinDepth: r.Min, InCycle: r.InCycle}
			if r.Max >= 0 {
				x.MaxDepth = &r.Max
			}
			if cl.Partition != "" {
				x.Partition = raw(r.Partition)
			}
			if cl.Paths && !past {
				x.Paths = amount(r.Paths)
			}
			if cl.Shares() && !past {
				x.Share, x.Direct = amount(r.Share), amount(r.Direct)
			}
			out = append(out, x)
		}
		return &out
	}
	out := traceJSON{Format: traceFormat, Model: t.Model, Key: raw(q.Key), Depth: q.Depth, Cycles: t.Answer.Cycles, Undated: t.Answer.Undated,
		Edges: edgesJSON{Parent: q.Parent, Child: q.Child, Columns: []columnJSON{}, Rows: []edgeJSON{}}}
	if out.Cycles == nil {
		out.Cycles = [][]any{}
	}
	if past {
		out.AsOf = q.AsOf.UTC().Format(time.RFC3339Nano)
	}
	if q.Up {
		out.Ancestors = relatives(t.Answer.Up)
	}
	if q.Down {
		out.Descendants = relatives(t.Answer.Down)
	}
	for _, c := range t.Answer.Extra {
		out.Edges.Columns = append(out.Edges.Columns, columnJSON{c.Name, c.Type})
	}
	for _, l := range t.Answer.Links {
		row := edgeJSON{Parent: raw(l.Parent), Child: raw(l.Child)}
		if len(l.Extra) > 0 {
			var b strings.Builder
			for i, v := range l.Extra {
				b.WriteString(comma(i) + quoteJSON(t.Answer.Extra[i].Name) + ":" + valueJSON(v, typeOf(t.Answer.Extra, i)))
			}
			row.Values = json.RawMessage("{" + b.String() + "}")
		}
		out.Edges.Rows = append(out.Edges.Rows, row)
	}
	return JSON(w, out)
}

// spot is a box of the drawn forms.
type spot struct {
	label, tone, title string
	focus              bool
}

// arrow leads from one spot to another; the rows of the edges between the two are its lines.
type arrow struct {
	from, to int
	lines    []string
	cycle    bool // between members of one cycle
}

// The tones of the drawn forms, of the style sheet that lineage has.
const (
	toneAbove = "stg"
	toneSelf  = "model"
	toneBelow = "fct"
	toneRound = "exposure"
)

// maxLines is how many rows of the edges between two things are written at an arrow.
const maxLines = 3

// drawing is the trace as boxes, the thing in question first, and arrows.
func (t Trace) drawing() (spots []spot, arrows []arrow) {
	at := map[any]int{}
	add := func(key any, s spot) {
		if _, had := at[key]; had {
			return // in a cycle a thing is above and below
		}
		s.label = oneLine(keyText(key))
		at[key] = len(spots)
		spots = append(spots, s)
	}
	add(t.Question.Key, spot{tone: toneSelf, focus: true, title: t.title()})
	for _, list := range []struct {
		of   []genealogy.Relative
		tone string
		word string
	}{{t.Answer.Up, toneAbove, "ancestor"}, {t.Answer.Down, toneBelow, "descendant"}} {
		for _, r := range list.of {
			title := fmt.Sprintf("%s, %s away", list.word, plural(r.Min, "step"))
			if r.InCycle {
				title = "in a cycle with " + spots[0].label
			}
			add(r.Key, spot{tone: list.tone, title: oneLine(keyText(r.Key)) + ": " + title})
		}
	}
	round := map[int]int{}
	for i, c := range t.Answer.Cycles {
		for _, k := range c {
			if n, ok := at[k]; ok {
				round[n] = i + 1
				if !spots[n].focus {
					spots[n].tone = toneRound
				}
			}
		}
	}
	last := map[[2]int]int{}
	for _, l := range t.Answer.Links {
		ends := [2]int{at[l.Parent], at[l.Child]}
		n, had := last[ends]
		if !had {
			n = len(arrows)
			last[ends] = n
			arrows = append(arrows, arrow{from: ends[0], to: ends[1], cycle: round[ends[0]] > 0 && round[ends[0]] == round[ends[1]]})
		}
		if line := t.line(l); line != "" {
			arrows[n].lines = append(arrows[n].lines, line)
		}
	}
	for i := range arrows {
		if lines := arrows[i].lines; len(lines) > maxLines {
			arrows[i].lines = append(lines[:maxLines:maxLines], fmt.Sprintf("and %d more", len(lines)-maxLines))
		}
	}
	return spots, arrows
}

// line is what a row of the edges says beside its ends and the partition.
func (t Trace) line(l genealogy.Link) string {
	var words []string
	for i, v := range l.Extra {
		if v != nil && t.Answer.Extra[i].Name != t.Question.Closure.Partition {
			words = append(words, oneLine(Text(v, typeOf(t.Answer.Extra, i))))
		}
	}
	return strings.Join(words, " ")
}

// traceColours are fill and stroke of a tone in forms without style sheets.
var traceColours = map[string][2]string{
	toneAbove: {"#dff3f0", "#0f766e"}, toneSelf: {"#e6edf4", "#46627f"}, toneBelow: {"#ece6fb", "#6d4bc3"}, toneRound: {"#fbe7e1", "#b0482a"},
}

func (t Trace) dot(w io.Writer) error {
	spots, arrows := t.drawing()
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", lineage.QuoteDOT(t.Model))
	b.WriteString("  rankdir=LR\n  node [shape=box style=\"rounded,filled\" fontname=\"Helvetica\" fontsize=11]\n  edge [color=\"#8a94a3\" arrowsize=0.6 fontname=\"Helvetica\" fontsize=9]\n")
	for i, s := range spots {
		c := traceColours[s.tone]
		more := ""
		if s.focus {
			more = " penwidth=2"
		}
		fmt.Fprintf(&b, "  n%d [label=%s tooltip=%s fillcolor=%q color=%q%s]\n", i, lineage.QuoteDOT(s.label), lineage.QuoteDOT(s.title), c[0], c[1], more)
	}
	for _, a := range arrows {
		var more []string
		if len(a.lines) > 0 {
			more = append(more, "label="+lineage.QuoteDOT(strings.Join(a.lines, "\n")))
		}
		if a.cycle {
			more = append(more, "style=dashed")
		}
		fmt.Fprintf(&b, "  n%d -> n%d", a.from, a.to)
		if len(more) > 0 {
			b.WriteString(" [" + strings.Join(more, " ") + "]")
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Trace) mermaid(w io.Writer) error {
	spots, arrows := t.drawing()
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	members := map[string][]string{}
	for i, s := range spots {
		id := fmt.Sprintf("n%d", i)
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", id, lineage.EscapeMermaid(s.label))
		members[s.tone] = append(members[s.tone], id)
	}
	for _, a := range arrows {
		sign := "-->"
		if a.cycle {
			sign = "-.->"
		}
		label := ""
		if len(a.lines) > 0 {
			var lines []string
			for _, l := range a.lines {
				lines = append(lines, lineage.EscapeMermaid(l))
			}
			label = "|\"" + strings.Join(lines, "<br>") + "\"|"
		}
		fmt.Fprintf(&b, "  n%d %s%s n%d\n", a.from, sign, label, a.to)
	}
	for _, tone := range []string{toneAbove, toneSelf, toneBelow, toneRound} {
		if ids := members[tone]; len(ids) > 0 {
			c := traceColours[tone]
			fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:#1b2430\n  class %s %s\n", tone, c[0], c[1], strings.Join(ids, ","), tone)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
