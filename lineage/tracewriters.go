package lineage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/picture"
)

// TraceWriter puts a trace into a format. Equal traces give equal bytes.
type TraceWriter struct {
	Name  string // what users type: dot
	Help  string // one line
	Write func(io.Writer, *Trace) error
}

// TraceWriters lists every format, the default first.
var TraceWriters = []TraceWriter{
	{"text", "a tree for people", writeTraceText},
	{"json", "OpenLineage's column lineage facets, with the steps as JSON", writeTraceJSON},
	{"dot", "Graphviz", writeTraceDOT},
	{"mermaid", "Mermaid flowchart, for Markdown", writeTraceMermaid},
	{"svg", "a picture, laid out", writeTraceSVG},
}

// maxExpression is how much of an expression the tree shows, in columns of the terminal.
const maxExpression = 80

// writeTraceText writes the trace as a tree. What is below a column that was shown
// before is not repeated.
func writeTraceText(w io.Writer, t *Trace) error {
	var b strings.Builder
	next := t.next()
	start := t.Spots[0]
	b.WriteString(start.Label())
	if start.Path != "" {
		b.WriteString("  " + start.Path)
	}
	b.WriteByte('\n')
	if start.Unknown != "" {
		b.WriteString("   " + start.Unknown + "\n")
	}
	shown := map[int]bool{0: true}
	var walk func(i int, indent string)
	walk = func(i int, indent string) {
		for k, e := range next[i] {
			branch, below := "├─ ", "│  "
			if k == len(next[i])-1 {
				branch, below = "└─ ", "   "
			}
			step := t.Steps[e]
			far := t.far(step)
			s := t.Spots[far]
			b.WriteString(indent + branch + s.words() + "  " + step.mark())
			if place := step.place(cmp.Or(step.Path, s.Path)); place != "" {
				b.WriteString("  " + place)
			}
			if x := step.expression(); x != "" {
				b.WriteString("  " + x)
			}
			again := shown[far] && len(next[far]) > 0
			if again {
				b.WriteString("  (see above)")
			}
			b.WriteByte('\n')
			if shown[far] {
				continue
			}
			shown[far] = true
			if s.Unknown != "" {
				b.WriteString(indent + below + "   " + s.Unknown + "\n")
			}
			walk(far, indent+below)
		}
	}
	walk(0, "")
	switch {
	case len(t.Steps) == 0 && t.Down:
		b.WriteString("└─ nothing reads it\n")
	case len(t.Steps) == 0 && start.Unknown == "":
		b.WriteString("└─ no column gives its value\n")
	}
	switch {
	case t.Hidden == 1:
		b.WriteString("1 more column decides which rows there are; --indirect shows it.\n")
	case t.Hidden > 1:
		fmt.Fprintf(&b, "%d more columns decide which rows there are; --indirect shows them.\n", t.Hidden)
	}
	_, err := io.WriteString(w, strings.ToValidUTF8(b.String(), "\uFFFD"))
	return err
}

// words is the label in prose.
func (s Spot) words() string {
	if s.Name == "" && s.Node.Kind != addr.Test {
		return s.Label() + " (all rows)"
	}
	return s.Label()
}

// mark is the word of a step; an indirect one stands in brackets.
func (s Step) mark() string {
	if s.Direct {
		return s.Word
	}
	return "[" + s.Word + "]"
}

func (s Step) place(path string) string {
	if path != "" && s.Line > 0 {
		return fmt.Sprintf("%s:%d", path, s.Line)
	}
	return path
}

// expression is the SQL on the way, cut to what a line takes.
func (s Step) expression() string {
	x := strings.Join(s.Expressions, " ← ")
	if picture.Cells(x) <= maxExpression {
		return x
	}
	used, cut := 0, 0
	for i, r := range x {
		if used += picture.RuneCells(r); used >= maxExpression {
			break
		}
		cut = i + len(string(r))
	}
	return x[:cut] + "…"
}

// far is the spot on the other side of a step, seen from the start.
func (t *Trace) far(s Step) int {
	if t.Down {
		return s.To
	}
	return s.From
}

func (t *Trace) near(s Step) int {
	if t.Down {
		return s.From
	}
	return s.To
}

// next lists the steps away from each spot: direct ones first, then by name.
func (t *Trace) next() [][]int {
	out := make([][]int, len(t.Spots))
	for i, s := range t.Steps {
		out[t.near(s)] = append(out[t.near(s)], i)
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b int) int {
			x, y := t.Steps[a], t.Steps[b]
			if x.Direct != y.Direct {
				if x.Direct {
					return -1
				}
				return 1
			}
			return cmp.Or(strings.Compare(t.Spots[t.far(x)].Label(), t.Spots[t.far(y)].Label()), strings.Compare(x.Word, y.Word))
		})
	}
	return out
}

// facetSchema is the form of the facets below.
const facetSchema = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"

// producer names us in facets, as the format asks for.
const producer = "https://github.com/engine-build/engine"

// traceFormat is raised when a reader of the JSON form would have to change.
const traceFormat = 1

type jsonTrace struct {
	Format    int           `json:"format"`
	Direction string        `json:"direction"`
	Columns   []jsonSpot    `json:"columns"`
	Steps     []jsonStep    `json:"steps"`
	Hidden    int           `json:"hidden"`
	Outputs   []jsonDataset `json:"outputs"`
}

type jsonSpot struct {
	Node    string   `json:"node"`
	Column  string   `json:"column,omitempty"`
	Field   []string `json:"field,omitempty"`
	Path    string   `json:"path,omitempty"`
	Hops    int      `json:"hops"`
	Unknown string   `json:"unknown,omitempty"`
}

type jsonStep struct {
	From        int      `json:"from"`
	To          int      `json:"to"`
	Kind        string   `json:"kind"`
	Direct      bool     `json:"direct"`
	Expressions []string `json:"expressions,omitempty"`
	Path        string   `json:"path,omitempty"`
	Line        int      `json:"line,omitempty"`
}

type jsonDataset struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Facets    jsonFacets `json:"facets"`
}

type jsonFacets struct {
	ColumnLineage *ColumnFacet `json:"columnLineage"`
}

// ColumnFacet is OpenLineage's column lineage facet of one dataset.
type ColumnFacet struct {
	Producer string                `json:"_producer"`
	Schema   string                `json:"_schemaURL"`
	Fields   map[string]FacetField `json:"fields"`
	Dataset  []InputField          `json:"dataset,omitempty"`
}

// FacetField is one output column.
type FacetField struct {
	InputFields []InputField `json:"inputFields"`
}

// InputField is a column that an output depends on.
type InputField struct {
	Namespace       string           `json:"namespace"`
	Name            string           `json:"name"`
	Field           string           `json:"field"`
	Transformations []Transformation `json:"transformations"`
}

// Transformation says how.
type Transformation struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	Description string `json:"description"`
	Masking     bool   `json:"masking"`
}

// transformation is OpenLineage's name of a step; ok is false for what it has no name for.
func (s Step) transformation() (t Transformation, ok bool) {
	t.Type, t.Description = "INDIRECT", strings.Join(s.Expressions, " ← ")
	switch s.Word {
	case "identity":
		t.Type, t.Subtype = "DIRECT", "IDENTITY"
	case "transformed":
		t.Type, t.Subtype = "DIRECT", "TRANSFORMATION"
	case "aggregated":
		t.Type, t.Subtype = "DIRECT", "AGGREGATION"
	case "condition":
		t.Subtype = "CONDITIONAL"
	case "filter":
		t.Subtype = "FILTER"
	case "join", "unnest":
		t.Subtype = "JOIN"
	case "group":
		t.Subtype = "GROUP_BY"
	case "order":
		t.Subtype = "SORT"
	case "window":
		t.Subtype = "WINDOW"
	default:
		return t, false
	}
	return t, true
}

func (s Spot) dataset() string { return cmp.Or(s.Relation, s.Node.String()) }

// column is the name and the fields, dotted.
func (s Spot) column() string { return strings.Join(append([]string{s.Name}, s.Field...), ".") }

// facets are the column lineage facets of all nodes that the trace leads into, by name.
func (t *Trace) facets() []jsonDataset {
	byName := map[string]*ColumnFacet{}
	var names []string
	for _, s := range t.Steps {
		from, to := t.Spots[s.From], t.Spots[s.To]
		how, ok := s.transformation()
		if !ok || from.Name == "" {
			continue
		}
		f := byName[to.dataset()]
		if f == nil {
			f = &ColumnFacet{Producer: producer, Schema: facetSchema, Fields: map[string]FacetField{}}
			byName[to.dataset()] = f
			names = append(names, to.dataset())
		}
		if s.Rows {
			f.Dataset = withInput(f.Dataset, from, how)
			continue
		}
		field := f.Fields[to.column()]
		field.InputFields = withInput(field.InputFields, from, how)
		f.Fields[to.column()] = field
	}
	slices.Sort(names)
	out := []jsonDataset{}
	for _, n := range names {
		out = append(out, jsonDataset{Namespace: "engine", Name: n, Facets: jsonFacets{byName[n]}})
	}
	return out
}

// withInput adds a transformation to the input field of a spot.
func withInput(list []InputField, from Spot, how Transformation) []InputField {
	for i := range list {
		if list[i].Name == from.dataset() && list[i].Field == from.column() {
			if !slices.Contains(list[i].Transformations, how) {
				list[i].Transformations = append(list[i].Transformations, how)
			}
			return list
		}
	}
	return append(list, InputField{Namespace: "engine", Name: from.dataset(), Field: from.column(), Transformations: []Transformation{how}})
}

func writeTraceJSON(w io.Writer, t *Trace) error {
	out := jsonTrace{Format: traceFormat, Direction: "up", Columns: []jsonSpot{}, Steps: []jsonStep{}, Hidden: t.Hidden, Outputs: t.facets()}
	if t.Down {
		out.Direction = "down"
	}
	for _, s := range t.Spots {
		out.Columns = append(out.Columns, jsonSpot{s.Node.String(), s.Name, s.Field, s.Path, s.Hops, s.Unknown})
	}
	for _, s := range t.Steps {
		out.Steps = append(out.Steps, jsonStep{s.From, s.To, s.Word, s.Direct, s.Expressions, s.Path, s.Line})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

func writeTraceDOT(w io.Writer, t *Trace) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotQuote(t.Spots[0].Label()))
	b.WriteString("  rankdir=LR\n  node [shape=box style=\"rounded,filled\" fontname=\"Helvetica\" fontsize=11]\n  edge [color=\"#8a94a3\" arrowsize=0.6 fontname=\"Helvetica\" fontsize=9]\n")
	for i, s := range t.Spots {
		c := picture.Colours(s.Tone)
		fmt.Fprintf(&b, "  c%d [label=%s fillcolor=%q color=%q]\n", i, dotQuote(s.words()), c[0], c[1])
	}
	for _, s := range t.Steps {
		style := ""
		if !s.Direct {
			style = " style=dashed"
		}
		fmt.Fprintf(&b, "  c%d -> c%d [label=%s tooltip=%s%s]\n", s.From, s.To, dotQuote(s.Word), dotQuote(strings.Join(s.Expressions, " ← ")), style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTraceMermaid(w io.Writer, t *Trace) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	members := map[string][]string{}
	for i, s := range t.Spots {
		id := fmt.Sprintf("c%d", i)
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", id, mermaidEscape(s.words()))
		members[s.Tone] = append(members[s.Tone], id)
	}
	for _, s := range t.Steps {
		arrow := "-->"
		if !s.Direct {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  c%d %s|%s| c%d\n", s.From, arrow, s.Word, s.To)
	}
	for _, tone := range picture.Tones() {
		if ids := members[tone]; len(ids) > 0 {
			c := picture.Colours(tone)
			fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:#1b2430\n  class %s %s\n", tone, c[0], c[1], strings.Join(ids, ","), tone)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTraceSVG(w io.Writer, t *Trace) error {
	what := "What gives " + t.Spots[0].Label()
	if t.Down {
		what = "What reads " + t.Spots[0].Label()
	}
	p := Picture{Name: what, Standalone: true}
	for i, s := range t.Spots {
		p.Boxes = append(p.Boxes, PictureBox{Label: s.words(), Title: s.words(), Tone: s.Tone, Focus: i == 0})
	}
	at := map[[2]int]int{}
	for _, s := range t.Steps {
		ends := [2]int{s.From, s.To}
		if k, had := at[ends]; had {
			p.Edges[k].Dashed = p.Edges[k].Dashed && !s.Direct
			continue
		}
		at[ends] = len(p.Edges)
		p.Edges = append(p.Edges, PictureEdge{From: s.From, To: s.To, Weight: 1, Dashed: !s.Direct})
	}
	return p.Write(w)
}
