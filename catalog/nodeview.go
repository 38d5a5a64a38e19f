package catalog

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/lineage"
)

// nodeView is a page about one node.
type nodeView struct {
	Crumbs           []crumb
	Name, Kind, Tone string
	ToneName         string
	Relation         string
	Status           pill
	Tests            tally
	Description      template.HTML
	NoDescription    string
	Facts            []fact
	LastRun          []fact
	Trouble          []string
	Because          *row
	Graph            template.HTML
	GraphMore        string
	GraphLink        string
	Columns          []columnView
	NoColumns        string
	TypesUnknown     string
	Checks           []checkView
	NoChecks         string
	Template, SQL    template.HTML
	Up, Down         hopsView
}

type fact struct{ Name, Value, Link string }

type columnView struct {
	ID, Name, Type string
	Description    template.HTML
	Tags           []string
	Checks         []checkRef
	Flow           flowView
}

type checkRef struct {
	ID, Word string
	Status   pill
}

type checkView struct {
	ID, Name, Sentence string
	Description        template.HTML
	Kind, Severity     string
	Status             pill
	Outcome            string
	Where              string
	Also               []row
	Sample             *run.Sample
	Stored             string
	Problem            string
	SQL                string
}

// hopsView lists neighbours by distance.
type hopsView struct {
	Direct, Second []row
	Total, More    int
}

func (b *book) nodeView(id addr.Node, base string) nodeView {
	n := b.in.Program.Nodes[id]
	g := b.graphNode(id)
	v := nodeView{
		Crumbs: crumbs(b.folderOf(id)), Name: id.Name, Kind: kindWord(id.Kind), Tone: b.tone(id), Tests: b.tally(id),
		Description: b.prose.html(base, b.description(id)),
	}
	if len(b.nodes) <= wholeGraphLimit {
		v.GraphLink = "lineage.html#" + linkHash(id.String())
	}
	if v.ToneName = lineage.ToneName(v.Tone); v.ToneName == v.Kind {
		v.ToneName = ""
	}
	up, down := b.in.Graph.Sizes(id)
	v.Up, v.Down = b.hops(b.in.Graph.Ancestors(id, 2), up), b.hops(b.in.Graph.Descendants(id, 2), down)
	v.Graph, v.GraphMore = b.neighbourhood(id, base)
	b.runFacts(&v, id)
	if n == nil {
		b.exposureView(&v, id)
		return v
	}
	v.Relation = relationOf(n)
	if v.Description == "" {
		v.NoDescription = describeHint(n)
	}
	v.Facts = b.nodeFacts(n, g)
	b.columnViews(&v, n, base)
	v.Checks = b.checkViews(id, base)
	if len(v.Checks) == 0 && id.Kind != addr.Source {
		v.NoChecks = fmt.Sprintf("No tests. Add data_tests to the entry of %q in %s.", id.Name, yamlOf(n))
	}
	v.Template = b.templateText(n, base)
	v.SQL = b.compiledText(n, base)
	return v
}

func relationOf(n *compile.Node) string {
	if n.Relation.IsZero() || n.Config.Materialized == "ephemeral" {
		return ""
	}
	return n.Relation.String()
}

func describeHint(n *compile.Node) string {
	return fmt.Sprintf("No description yet. Add one to the entry of %q in %s.", n.ID.Name, yamlOf(n))
}

// yamlOf names the file where properties of the node belong.
func yamlOf(n *compile.Node) string {
	switch {
	case n.Props != nil && n.Props.At.File != nil:
		return n.Props.At.File.Path
	case n.Source != nil && n.Source.At.File != nil:
		return n.Source.At.File.Path
	case n.Path != "":
		return "a YAML file next to " + n.Path
	}
	return "a YAML file of the project"
}

func linkHash(s string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", `"`, "%22", "<", "%3C", ">", "%3E", "\n", "%0A").Replace(s)
}

func (b *book) nodeFacts(n *compile.Node, g *lineage.Node) []fact {
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{Name: name, Value: value})
		}
	}
	c := n.Config
	if n.ID.Kind == addr.Model || n.ID.Kind == addr.Snapshot {
		add("Materialized", c.Materialized)
	}
	if c.Materialized == "incremental" {
		add("Strategy", c.IncrementalStrategy)
	}
	if n.ID.Kind == addr.Snapshot {
		add("Strategy", c.Strategy)
		add("Updated at", c.UpdatedAt)
	}
	add("Unique key", strings.Join(c.UniqueKey, ", "))
	add("One row per", grain(n))
	add("Owner", c.Owner)
	add("Tier", c.Tier)
	add("Group", c.Group)
	add("Access", c.Access)
	add("Distribution", c.Distribute)
	add("Across tenants", c.AcrossTenants)
	if g != nil {
		add("Tags", strings.Join(g.Tags, ", "))
	}
	if s := n.Source; s != nil {
		add("Source", s.SourceName.V)
		add("Loader", s.Loader)
		add("Loaded at", s.LoadedAt.V)
		if f := s.Freshness; f != nil {
			add("Warn after", period(f.WarnAfter.Count, f.WarnAfter.Unit))
			add("Error after", period(f.ErrorAfter.Count, f.ErrorAfter.Unit))
		}
	}
	if n.Seed != nil {
		add("Format", n.Seed.Format)
		add("File size", size(n.Seed.Size))
	}
	add("File", n.Path)
	return out
}

// grain is what the query itself makes unique, by its first and smallest set.
func grain(n *compile.Node) string {
	l := n.Lineage.Get()
	if l == nil || len(l.Unique) == 0 || n.Config.Materialized == "incremental" || n.ID.Kind != addr.Model {
		return ""
	}
	if len(l.Unique[0]) == 0 {
		return "" // one row at all
	}
	return strings.Join(l.Unique[0], ", ")
}

func period(n int64, unit string) string {
	if n == 0 {
		return ""
	}
	return plural(int(n), unit)
}

func (b *book) runFacts(v *nodeView, id addr.Node) {
	add := func(name, value string) {
		if value != "" {
			v.LastRun = append(v.LastRun, fact{Name: name, Value: value})
		}
	}
	if rows, ok := b.rowCount(id); ok {
		add("Rows", count(rows))
	}
	f, known := b.in.Facts[id]
	if known && f.Bytes >= 0 {
		add("Size", size(f.Bytes))
	}
	r := b.results[id]
	built := f.BuiltAt
	if r != nil {
		v.Status = nodePill(r.Status)
		if !r.Start.IsZero() && r.End.After(r.Start) && r.Status != run.Kept && r.Status != run.Skipped {
			add("Duration", took(r.End.Sub(r.Start)))
		}
		if r.Status == run.Done || r.Status == run.Warned {
			built = r.End
		}
		for _, d := range r.Diags {
			v.Trouble = append(v.Trouble, d.Message)
		}
		if !r.Because.IsZero() {
			if _, ok := b.number[r.Because]; ok {
				because := b.row(r.Because)
				v.Because = &because
			}
		}
	}
	add("Built", when(built))
	add("Tested", when(b.tested(id)))
}

// maxDirect and maxSecond limit the lists of neighbours; the graph has the rest.
const maxDirect, maxSecond = 60, 30

func (b *book) hops(hops []lineage.Hop, total int) hopsView {
	v := hopsView{Total: total}
	for _, h := range hops {
		switch {
		case h.Hops == 1 && len(v.Direct) < maxDirect:
			v.Direct = append(v.Direct, b.slim(h.Node))
		case h.Hops == 2 && len(v.Second) < maxSecond:
			v.Second = append(v.Second, b.slim(h.Node))
		}
	}
	v.More = total - len(v.Direct) - len(v.Second)
	return v
}

// slim is a row for lists of names.
func (b *book) slim(id addr.Node) row {
	return row{Path: nodePath(id), Name: id.Name, Tone: b.tone(id), Kind: kindWord(id.Kind)}
}

// maxSide is how many neighbours a side of the small picture shows.
const maxSide = 12

// neighbourhood draws what is directly around a node, and two hops where that stays small.
func (b *book) neighbourhood(id addr.Node, base string) (template.HTML, string) {
	g := b.in.Graph
	up, down := g.Ancestors(id, 2), g.Descendants(id, 2)
	if len(up)+len(down) == 0 {
		return "", ""
	}
	if len(up) > maxSide {
		up = g.Ancestors(id, 1)
	}
	if len(down) > maxSide {
		down = g.Descendants(id, 1)
	}
	more := max(0, len(up)-maxSide) + max(0, len(down)-maxSide)
	shown := []addr.Node{id}
	for _, side := range [][]lineage.Hop{up, down} {
		for _, h := range b.important(side) {
			shown = append(shown, h.Node)
		}
	}
	sub := g.Pick(shown...)
	note := ""
	if more > 0 {
		note = fmt.Sprintf("%s more neighbours are not drawn here.", count(more))
	}
	return b.picture(sub, lineage.SVGOptions{Focus: id, Link: linkFrom(base), Name: "Lineage around " + id.Name}), note
}

// important keeps the neighbours that most others depend on.
func (b *book) important(side []lineage.Hop) []lineage.Hop {
	if len(side) <= maxSide {
		return side
	}
	out := slices.Clone(side)
	slices.SortStableFunc(out, func(x, y lineage.Hop) int {
		return cmp.Compare(len(b.graphNode(y.Node).Children), len(b.graphNode(x.Node).Children))
	})
	return out[:maxSide]
}

func (b *book) columnViews(v *nodeView, n *compile.Node, base string) {
	checks := map[string][]checkRef{}
	for _, t := range b.tests[n.ID] {
		if t.Node == n.ID && t.Column != "" {
			key := strings.ToLower(t.Column)
			checks[key] = append(checks[key], checkRef{"t-" + slug(t.ID.Name), strings.ReplaceAll(t.Kind, "_", " "), b.checkPill(t.ID)})
		}
	}
	untyped, used := false, map[string]bool{}
	for _, c := range b.columns(n.ID) {
		id := columnAnchor(c.name, used)
		v.Columns = append(v.Columns, columnView{
			ID: id, Name: c.name, Type: c.typ, Description: b.prose.html(base, c.description),
			Tags: c.tags, Checks: checks[strings.ToLower(c.name)], Flow: b.flow(n.ID, c.name, base),
		})
		untyped = untyped || c.typ == ""
	}
	switch {
	case len(v.Columns) == 0 && n.Unanalyzed != "":
		v.NoColumns = "Columns are not known: " + n.Unanalyzed + ". Build the project or declare them in " + yamlOf(n) + "."
	case len(v.Columns) == 0:
		v.NoColumns = "Columns are not known. Build the project or declare them in " + yamlOf(n) + "."
	case untyped && n.Unanalyzed != "":
		v.TypesUnknown = "Types are not known: " + n.Unanalyzed + "."
	case untyped:
		v.TypesUnknown = "Types without a value are known once the node is built."
	}
}

// checkViews lists a node's tests: failures first, then the order of columns and names.
func (b *book) checkViews(id addr.Node, base string) []checkView {
	var out []checkView
	for _, t := range b.tests[id] {
		c := checkView{
			ID: "t-" + slug(t.ID.Name), Name: t.ID.Name, Sentence: b.sentence(t), Kind: strings.ReplaceAll(t.Kind, "_", " "),
			Severity: t.Config.Severity, Description: b.prose.html(base, t.Description), Where: placeOf(t),
		}
		for _, p := range t.Parents {
			if _, ok := b.number[p]; ok && p != id {
				c.Also = append(c.Also, b.slim(p))
			}
		}
		if strings.TrimSpace(t.Description) == c.Sentence {
			c.Description = ""
		}
		b.outcome(&c, t.ID)
		if q, ok := b.query(t); ok && c.SQL == "" {
			c.SQL = strings.TrimSpace(q.Rows)
		}
		out = append(out, c)
	}
	for _, t := range b.units[id] {
		c := checkView{ID: "t-" + slug(t.ID.Name), Name: t.ID.Name, Sentence: t.ID.Name, Kind: "unit test", Description: b.prose.html(base, t.Description)}
		if t.At.File != nil {
			c.Where = fmt.Sprintf("%s:%d", t.At.File.Path, t.At.Position().Line)
		}
		b.outcome(&c, t.ID)
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(x, y checkView) int { return cmp.Compare(urgency(x.Status), urgency(y.Status)) })
	return out
}

func urgency(p pill) int {
	return slices.Index([]string{"bad", "warn", "ok", "calm"}, p.Class)
}

func placeOf(t *compile.Test) string {
	if t.At.File != nil {
		return fmt.Sprintf("%s:%d", t.At.File.Path, t.At.Position().Line)
	}
	return t.Path
}

func (b *book) outcome(c *checkView, id addr.Node) {
	r := b.checks[id]
	c.Status, c.Outcome = b.checkPill(id), b.failingRows(id)
	if r == nil {
		return
	}
	if r.Sample != nil && len(r.Sample.Rows) > 0 {
		c.Sample = r.Sample
	}
	if !r.Stored.IsZero() {
		c.Stored = r.Stored.String()
	}
	if len(r.Diags) > 0 {
		c.Problem = r.Diags[0].Message
	}
	c.SQL = r.SQL
}

func (b *book) exposureView(v *nodeView, id addr.Node) {
	e := b.exposures[id]
	if e == nil || e.Props == nil {
		return
	}
	x := e.Props
	if v.Description == "" && x.At.File != nil {
		v.NoDescription = fmt.Sprintf("No description yet. Add one to the exposure in %s.", x.At.File.Path)
	}
	add := func(name, value, link string) {
		if value != "" {
			v.Facts = append(v.Facts, fact{name, value, link})
		}
	}
	if x.Label != id.Name {
		add("Label", x.Label, "")
	}
	add("Type", x.Type.V, "")
	add("Maturity", x.Maturity.V, "")
	link := ""
	if external(x.URL) {
		link = x.URL
	}
	add("Address", x.URL, link)
	add("Owner", x.OwnerName, "")
	if x.OwnerEmail != "" {
		add("E-mail", x.OwnerEmail, "mailto:"+x.OwnerEmail)
	}
	add("Tags", strings.Join(x.Tags, ", "), "")
	if x.At.File != nil {
		add("File", x.At.File.Path, "")
	}
}
