package reading

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

func (r *reader) readNodes() {
	exposures := map[addr.Node]*compile.Exposure{}
	for _, e := range r.p.Exposures {
		exposures[e.ID] = e
	}
	r.c.Nodes = make([]*content.Node, len(r.graph.Nodes))
	for i, g := range r.graph.Nodes {
		n := &content.Node{
			ID: g.ID, Folder: r.folderOf(g.ID), Tags: g.Tags, Parents: r.numbers(g.Parents), Children: r.numbers(g.Children),
			Data: content.Data{Rows: -1, Bytes: -1},
		}
		r.c.Nodes[i] = n
		if x := r.p.Nodes[g.ID]; x != nil {
			r.node(n, x, g)
		} else if e := exposures[g.ID]; e != nil {
			r.exposure(n, e)
		}
		n.Described = n.Description != ""
	}
}

// tierOf is the tier as it is configured, or as the name of a model says it.
func tierOf(n *compile.Node) string {
	if n.Config.Tier != "" || n.ID.Kind != addr.Model {
		return n.Config.Tier
	}
	name := n.ID.Name
	if n.Version != nil {
		name = n.Version.Model
	}
	head, _, ok := strings.Cut(name, "_")
	if word := strings.ToLower(head); ok && slices.Contains(tierWords, word) {
		return word
	}
	if i := strings.LastIndexByte(name, '_'); i > 0 {
		if word := strings.ToLower(name[i+1:]); slices.Contains(tierWords, word) {
			return word
		}
	}
	return ""
}

// tierWords are the words that a name begins or ends with to say its tier.
var tierWords = []string{"base", "stg", "staging", "int", "intermediate", "dim", "fct", "fact", "mart", "rpt", "report", "agg"}

func (r *reader) node(n *content.Node, x *compile.Node, g *lineage.Node) {
	c := &x.Config
	n.Tier = tierOf(x)
	n.Tone = (&lineage.Node{ID: x.ID, Tier: n.Tier}).Tone()
	n.Description = x.Description
	if n.Description == "" && x.Source != nil {
		n.Description = x.Source.Description
	}
	if !x.Relation.IsZero() && c.Materialized != "ephemeral" {
		n.Relation = x.Relation.String()
	}
	if x.ID.Kind == addr.Model || x.ID.Kind == addr.Snapshot {
		n.Materialized = cmp.Or(c.Materialized, g.Materialized)
	}
	meta := maps.Clone(c.Meta)
	if x.Source != nil && len(x.Source.Meta) > 0 {
		if meta == nil {
			meta = map[string]any{}
		}
		maps.Copy(meta, x.Source.Meta)
	}
	n.Meta = r.pairs(meta)
	n.Owner, n.Group, n.Access = c.Owner, c.Group, c.Access
	if v := x.Version; v != nil {
		n.Version = &content.Version{Model: v.Model, Name: v.V.V, Latest: v.V.V == v.Latest}
	}
	if x.Props != nil {
		n.Deprecated = x.Props.DeprecationDate.V
	}
	n.Contract, n.Grain = c.Contract.Enforced, grain(x)
	r.layout(n, x)
	n.Facts = r.facts(x)
	r.columns(n, x)
	r.source(n, x)
	if x.Seed != nil {
		n.Seed = &content.Seed{Format: x.Seed.Format, Size: x.Seed.Size}
	}
	n.File = x.Path
	n.YAML, n.Line = yamlOf(x)
	if x.ID.Kind == addr.Source {
		n.File = ""
	}
	for _, name := range x.Macros {
		if i, ok := r.macros[name]; ok {
			n.Macros = append(n.Macros, i)
			r.c.Macros[i].UsedBy = append(r.c.Macros[i].UsedBy, r.number[x.ID])
		}
	}
	slices.Sort(n.Macros)
	n.Macros = slices.Compact(n.Macros)
	if x.File != nil && x.ID.Kind != addr.Seed {
		n.Template = r.template(x)
	}
	n.SQL = r.compiled(x)
	r.data(n, x)
}

// yamlOf names the file where the properties of a node are, and the line of its entry; or else
// the one where they belong.
func yamlOf(n *compile.Node) (file string, line int) {
	switch {
	case n.Props != nil && n.Props.At.File != nil:
		return n.Props.At.File.Path, n.Props.At.Position().Line
	case n.Source != nil && n.Source.At.File != nil:
		return n.Source.At.File.Path, n.Source.At.Position().Line
	}
	return "", 0
}

// pairs are the entries of meta by name; what is no text is JSON.
func (r *reader) pairs(meta map[string]any) []content.Pair {
	var out []content.Pair
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		out = append(out, content.Pair{Name: name, Value: r.hide.Replace(plainValue(meta[name]))})
	}
	return out
}

func plainValue(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil { // not a number, infinity
		return fmt.Sprint(v)
	}
	return string(b)
}

// grain is what the query itself makes unique, by its first and smallest set.
func grain(n *compile.Node) string {
	l := n.Lineage.Get()
	if l == nil || len(l.Unique) == 0 || n.Config.Materialized == "incremental" || n.ID.Kind != addr.Model {
		return ""
	}
	return strings.Join(l.Unique[0], ", ") // empty for one row at all
}

func (r *reader) layout(n *content.Node, x *compile.Node) {
	l := x.Config.Layout
	if p := l.Partition; p != nil {
		n.Data.Partitioned = cmp.Or(p.Column, "time of arrival")
		if p.Granularity != "" {
			n.Data.Partitioned += " by " + strings.ToLower(p.Granularity)
		}
	}
	n.Data.Clustered = l.Cluster
	if have := r.in.Facts[x.ID].Layout; have != nil { // of a source, or of what was built before
		if n.Data.Partitioned == "" && have.Partition != nil {
			n.Data.Partitioned = cmp.Or(have.Partition.Column, "time of arrival")
		}
		if len(n.Data.Clustered) == 0 {
			n.Data.Clustered = have.Cluster
		}
	}
}

// facts are the settings that have no place of their own.
func (r *reader) facts(x *compile.Node) []content.Fact {
	var out []content.Fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, content.Fact{Name: name, Value: r.hide.Replace(value)})
		}
	}
	c := &x.Config
	if c.Materialized == "incremental" {
		add("Strategy", c.IncrementalStrategy)
		add("When columns change", c.OnSchemaChange)
	}
	if x.ID.Kind == addr.Snapshot {
		add("Strategy", c.Strategy)
		add("Updated at", c.UpdatedAt)
		add("Compared columns", strings.Join(c.CheckCols, ", "))
		add("Deleted rows", c.HardDeletes)
	}
	add("Unique key", strings.Join(c.UniqueKey, ", "))
	if x.ID.Kind == addr.Model && x.Dialect != "" && x.Dialect != project.GoogleSQL {
		add("Dialect", x.Dialect)
	}
	add("Distribution", c.Distribute)
	add("Only for", strings.Join(c.Only, ", "))
	add("Across tenants", c.AcrossTenants)
	add("Tenant column", c.TenantColumn)
	if len(x.Volatile) > 0 {
		add("Changes with", strings.Join(x.Volatile, ", "))
	}
	if c.KeepPrevious != nil {
		add("Earlier versions kept", c.KeepPrevious.String())
	}
	if v := x.Version; v != nil && len(v.All) > 1 {
		add("Versions", strings.Join(v.All, ", "))
	}
	for _, k := range x.Constraints {
		if k.Type == "check" {
			add("Check", k.Expression)
		}
	}
	if s := x.Source; s != nil && s.Ingest != nil {
		add("Ingested from", s.Ingest.Kind.V)
		add("Read by", s.Ingest.Watermark.V)
		if in, ok := r.in.Ingests[x.ID]; ok {
			add("Last ingested", stamp(in.At))
			if in.Rows >= 0 {
				add("Rows of the last ingestion", strconv.FormatInt(in.Rows, 10))
			}
		}
	}
	return out
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

func (r *reader) source(n *content.Node, x *compile.Node) {
	s := x.Source
	if s == nil {
		return
	}
	out := &content.Source{Name: s.SourceName.V, Description: s.SourceDescription, Loader: s.Loader, LoadedAt: s.LoadedAt.V}
	if f := s.Freshness; f != nil {
		out.WarnAfter, out.ErrorAfter = lasts(f.WarnAfter), lasts(f.ErrorAfter)
	}
	f := r.in.Fresh[x.ID]
	out.Loaded, out.Checked, out.Fresh = f.Loaded, f.Checked, f.Status
	n.Source = out
}

func lasts(p project.Period) time.Duration {
	unit := time.Minute
	switch p.Unit {
	case "hour":
		unit = time.Hour
	case "day":
		unit = 24 * time.Hour
	}
	return time.Duration(p.Count) * unit
}

// columns joins the program's columns with those of the warehouse, in the program's order; the
// warehouse's own follow. What only others read of a source is last.
func (r *reader) columns(n *content.Node, x *compile.Node) {
	built := r.in.Facts[x.ID].Columns
	at := map[string]*content.Column{}
	add := func(name, typ, description string) *content.Column {
		c := &content.Column{Name: name, Type: typ, Description: description}
		at[strings.ToLower(name)] = c
		n.Columns = append(n.Columns, c)
		return c
	}
	fields := map[string][]compile.Column{}
	for _, f := range x.Fields {
		head, _, _ := strings.Cut(strings.ToLower(f.Name), ".")
		fields[head] = append(fields[head], f)
	}
	tell := func(c *content.Column, from compile.Column) {
		c.Tags, c.Meta, c.Written = from.Tags, r.pairs(from.Meta), from.Declared
	}
	for _, from := range x.Columns {
		if at[strings.ToLower(from.Name)] != nil {
			continue
		}
		tell(add(from.Name, from.Type, from.Description), from)
		for _, f := range fields[strings.ToLower(from.Name)] {
			tell(add(f.Name, f.Type, f.Description), f)
		}
	}
	for _, from := range built {
		c := at[strings.ToLower(from.Name)]
		if c == nil {
			add(from.Name, from.Type, from.Comment)
			continue
		}
		c.Type, c.Description = cmp.Or(c.Type, from.Type), cmp.Or(c.Description, from.Comment)
	}
	if x.ID.Kind == addr.Source && len(built) == 0 && r.in.Columns != nil {
		names, _ := r.in.Columns.Of(x.ID)
		for _, name := range names {
			if at[strings.ToLower(name)] == nil {
				add(name, "", "")
			}
		}
	}
	for _, c := range n.Columns {
		c.Sensitive = r.secret(x.ID, c.Name)
	}
	r.profiled(n, x.ID)
	for _, k := range x.Constraints {
		words := r.constraint(k)
		for _, name := range k.Columns {
			if c := at[strings.ToLower(name)]; c != nil && words != "" {
				c.Constraints = append(c.Constraints, words)
			}
		}
	}
	n.NoTypes = noTypes(n, x)
}

// profiled puts the profile of a table on its columns.
func (r *reader) profiled(n *content.Node, id addr.Node) {
	table, ok := r.in.Profiles[id]
	if !ok {
		return
	}
	for _, p := range table.Columns {
		i := slices.IndexFunc(n.Columns, func(c *content.Column) bool { return strings.EqualFold(c.Name, p.Name) })
		if i < 0 || n.Columns[i].Sensitive {
			continue // it may have been marked since
		}
		out := &content.Profile{Rows: table.Rows, Nulls: p.Nulls, Distinct: p.Distinct, Sampled: table.Sampled, Min: p.Min, Max: p.Max, At: table.At}
		for _, v := range p.Top {
			out.Top = append(out.Top, content.TopValue{Value: v.Value, Rows: v.Rows})
		}
		n.Columns[i].Profile = out
	}
}

func (r *reader) constraint(k warehouse.Constraint) string {
	list := ""
	if len(k.Columns) > 1 {
		list = " (" + strings.Join(k.Columns, ", ") + ")"
	}
	switch k.Type {
	case "not_null":
		return "not null"
	case "primary_key":
		return "primary key" + list
	case "unique":
		return "unique" + list
	case "foreign_key":
		to := k.To.Name
		if id, ok := r.at[k.To]; ok {
			to = id.Name
		}
		return "references " + to + " (" + strings.Join(k.ToColumns, ", ") + ")"
	case "check":
		return "check " + r.hide.Replace(k.Expression)
	}
	return ""
}

// noTypes says why columns or types are missing; where they are there it is empty.
func noTypes(n *content.Node, x *compile.Node) string {
	where := n.YAML
	if where == "" {
		where = "a YAML file of the project"
		if n.File != "" {
			where = "a YAML file next to " + n.File
		}
	}
	untyped := slices.ContainsFunc(n.Columns, func(c *content.Column) bool { return c.Type == "" && !strings.Contains(c.Name, ".") })
	switch {
	case len(n.Columns) == 0 && x.Unanalyzed != "":
		return "Columns are not known: " + x.Unanalyzed + ". Build the project or declare them in " + where + "."
	case len(n.Columns) == 0:
		return "Columns are not known. Build the project or declare them in " + where + "."
	case untyped && x.Unanalyzed != "":
		return "Types are not known: " + x.Unanalyzed + "."
	case untyped:
		return "Types without a value are known once the node is built."
	}
	return ""
}

func (r *reader) exposure(n *content.Node, e *compile.Exposure) {
	n.Tone = "exposure"
	x := e.Props
	if x == nil {
		return
	}
	n.Description, n.Owner, n.Meta = x.Description, cmp.Or(x.OwnerName, x.OwnerEmail), r.pairs(x.Meta)
	if x.Label != e.ID.Name {
		n.Label = x.Label
	}
	n.Exposure = &content.Exposure{Type: x.Type.V, URL: x.URL, Maturity: x.Maturity.V, OwnerName: x.OwnerName, Email: x.OwnerEmail}
	if x.At.File != nil {
		n.YAML, n.Line = x.At.File.Path, x.At.Position().Line
	}
}

// data is what the warehouse holds. It prefers what the warehouse says now: a run's number may
// count changed rows only.
func (r *reader) data(n *content.Node, x *compile.Node) {
	if f, ok := r.in.Facts[x.ID]; ok {
		n.Data.Rows, n.Data.Bytes, n.Data.BuiltAt = f.Rows, f.Bytes, f.BuiltAt
	}
	for _, b := range r.in.Past.Builds[x.ID] {
		n.History = append(n.History, content.Build{
			Run: b.Version, At: b.At, Took: time.Duration(b.Millis) * time.Millisecond, Rows: b.Rows, Bytes: b.Bytes, Billed: b.Billed,
			Slots: time.Duration(b.SlotMillis) * time.Millisecond,
		})
	}
	if len(n.History) > 0 && n.History[0].At.After(n.Data.BuiltAt) {
		n.Data.BuiltAt = n.History[0].At
	}
}
