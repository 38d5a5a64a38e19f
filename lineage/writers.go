package lineage

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/picture"
)

// Writer puts a graph into a format. Equal graphs give equal bytes.
type Writer struct {
	Name  string // what users type: dot
	Ext   string // file name ending without the dot
	Help  string // one line
	Write func(io.Writer, *Graph) error
}

// Writers lists every format.
var Writers = []Writer{
	{"json", "json", "nodes and edges as JSON", writeJSON},
	{"dot", "dot", "Graphviz", writeDOT},
	{"mermaid", "mmd", "Mermaid flowchart, for Markdown", writeMermaid},
	{"svg", "svg", "a picture, laid out", func(w io.Writer, g *Graph) error { return g.SVG(w, SVGOptions{Standalone: true}) }},
}

// jsonFormat is raised when a reader of the JSON form would have to change.
const jsonFormat = 1

type jsonGraph struct {
	Format  int        `json:"format"`
	Project string     `json:"project"`
	Nodes   []jsonNode `json:"nodes"`
	Edges   []jsonEdge `json:"edges"`
}

type jsonNode struct {
	ID           addr.Node      `json:"id"`
	Kind         addr.Kind      `json:"kind"`
	Name         string         `json:"name"`
	Materialized string         `json:"materialized,omitempty"`
	Relation     *addr.Relation `json:"relation,omitempty"`
	Path         string         `json:"path,omitempty"`
	Description  string         `json:"description,omitempty"`
	Tags         []string       `json:"tags,omitempty"`
	Owner        string         `json:"owner,omitempty"`
	Tier         string         `json:"tier,omitempty"`
	Group        string         `json:"group,omitempty"`
	Tests        []addr.Node    `json:"tests,omitempty"`
}

type jsonEdge struct {
	From addr.Node `json:"from"`
	To   addr.Node `json:"to"`
}

func writeJSON(w io.Writer, g *Graph) error {
	out := jsonGraph{Format: jsonFormat, Project: g.Project, Nodes: []jsonNode{}, Edges: []jsonEdge{}}
	for _, n := range g.Nodes {
		j := jsonNode{
			ID: n.ID, Kind: n.ID.Kind, Name: n.ID.Name, Materialized: n.Materialized, Path: n.Path,
			Description: n.Description, Tags: n.Tags, Owner: n.Owner, Tier: n.Tier, Group: n.Group, Tests: n.Tests,
		}
		if !n.Relation.IsZero() {
			j.Relation = &n.Relation
		}
		out.Nodes = append(out.Nodes, j)
	}
	for _, e := range g.Edges() {
		out.Edges = append(out.Edges, jsonEdge(e))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

func writeDOT(w io.Writer, g *Graph) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", dotQuote(g.Project))
	b.WriteString("  rankdir=LR\n  node [shape=box style=\"rounded,filled\" fontname=\"Helvetica\" fontsize=11]\n  edge [color=\"#8a94a3\" arrowsize=0.6]\n")
	for _, n := range g.Nodes {
		c := picture.Colours(n.Tone())
		fmt.Fprintf(&b, "  %s [label=%s tooltip=%s fillcolor=%q color=%q]\n",
			dotQuote(n.ID.String()), dotQuote(n.Label()), dotQuote(n.Title()), c[0], c[1])
	}
	for _, e := range g.Edges() {
		fmt.Fprintf(&b, "  %s -> %s\n", dotQuote(e.From.String()), dotQuote(e.To.String()))
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", "", "\x00", "")

func dotQuote(s string) string {
	return `"` + dotEscapes.Replace(strings.ToValidUTF8(s, "\uFFFD")) + `"`
}

func writeMermaid(w io.Writer, g *Graph) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	members := map[string][]string{}
	for i, n := range g.Nodes {
		id := fmt.Sprintf("n%d", i)
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", id, mermaidEscape(n.Label()))
		members[n.Tone()] = append(members[n.Tone()], id)
	}
	for i := range g.Nodes {
		for _, j := range g.up[i] {
			fmt.Fprintf(&b, "  n%d --> n%d\n", j, i)
		}
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

// mermaidEscape writes everything that Mermaid or HTML could read as markup as an entity.
func mermaidEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ':
			b.WriteByte(' ')
		case strings.ContainsRune("\"#<>&`\\;{}[]()|*_~", r) && r != '_':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Title is one line about the node: «model orders (table)».
func (n *Node) Title() string {
	s := strings.ReplaceAll(string(n.ID.Kind), "_", " ") + " " + n.ID.Name
	if n.Materialized != "" {
		s += " (" + n.Materialized + ")"
	}
	return s
}
