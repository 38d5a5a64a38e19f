package artifact

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

func (w *writer) sources(o *object) {
	for _, n := range w.sorted(addr.Source) {
		o.put(w.ids[n.ID], w.source(n))
	}
}

func (w *writer) source(n *compile.Node) sourceNode {
	s := n.Source
	limits := limitsOf(s.Freshness)
	return sourceNode{
		Database:          w.database(n.Relation),
		Schema:            n.Relation.Schema,
		Name:              s.Table.V,
		ResourceType:      "source",
		PackageName:       w.project,
		Path:              n.Path,
		OriginalFilePath:  n.Path,
		UniqueID:          w.ids[n.ID],
		FQN:               w.fqn(n.Path, s.SourceName.V, s.Table.V),
		SourceName:        s.SourceName.V,
		SourceDescription: s.SourceDescription,
		Loader:            s.Loader,
		Identifier:        n.Relation.Name,
		LoadedAtField:     text(s.LoadedAt.V),
		LoadedAtQuery:     text(n.LoadedAtQuery),
		Freshness:         limits,
		Description:       orElse(n.Description, s.Description),
		Columns:           w.columns(n),
		Meta:              plainMap(s.Meta),
		SourceMeta:        map[string]any{},
		Tags:              list(s.Tags),
		Config: map[string]any{
			"enabled": true, "event_time": nil, "freshness": limits, "loaded_at_field": text(s.LoadedAt.V), "loaded_at_query": text(n.LoadedAtQuery),
			"meta": plainMap(s.Meta), "tags": list(s.Tags), "static_analysis": nil,
		},
		UnrenderedConfig:   unrendered(s.Config),
		RelationName:       text(w.quote(n.Relation)),
		CreatedAt:          w.m.epoch(),
		UnrenderedDatabase: text(s.Database.V),
		UnrenderedSchema:   text(s.Schema.V),
		DocBlocks:          []string{},
	}
}

func limitsOf(f *project.Freshness) *freshness {
	if f == nil {
		return &freshness{WarnAfter: &threshold{}, ErrorAfter: &threshold{}} // dbt's, where nothing is said
	}
	return &freshness{WarnAfter: period(f.WarnAfter), ErrorAfter: period(f.ErrorAfter), Filter: text(f.Filter)}
}

func period(p project.Period) *threshold {
	if p.Count == 0 {
		return &threshold{}
	}
	return &threshold{Count: &p.Count, Period: &p.Unit}
}

// exposureTypes are the words that dbt's readers accept; others are shown as application.
var exposureTypes = []string{"dashboard", "notebook", "analysis", "ml", "application"}

func (w *writer) exposures(o *object) {
	for _, e := range w.p.Exposures {
		o.put(w.ids[e.ID], w.exposure(e))
	}
}

func (w *writer) exposure(e *compile.Exposure) exposureNode {
	from := e.Props
	file := fileOf(from.At.File, from.Name.At.File)
	var reads code
	for _, n := range w.written(e) {
		w.addRef(&reads, n)
		if id := w.ids[n]; id != "" {
			reads.DependsOn.Nodes = append(reads.DependsOn.Nodes, id)
		}
	}
	out := exposureNode{
		Name:             from.Name.V,
		ResourceType:     "exposure",
		PackageName:      w.project,
		Path:             w.below(file),
		OriginalFilePath: file,
		UniqueID:         w.ids[e.ID],
		FQN:              w.fqn(file, from.Name.V),
		Type:             from.Type.V,
		Owner:            owner{Email: text(from.OwnerEmail), Name: text(from.OwnerName)},
		Description:      from.Description,
		Label:            text(from.Label),
		Meta:             plainMap(from.Meta),
		Tags:             list(from.Tags),
		Config:           map[string]any{"enabled": true, "tags": list(from.Tags), "meta": plainMap(from.Meta)},
		UnrenderedConfig: map[string]any{},
		URL:              text(from.URL),
		DependsOn:        dependsOn{Macros: []string{}, Nodes: list(reads.DependsOn.Nodes)},
		Refs:             list(reads.Refs),
		Sources:          list(reads.Sources),
		Metrics:          [][]string{},
		CreatedAt:        w.m.epoch(),
	}
	if !slices.Contains(exposureTypes, out.Type) {
		out.Type = "application"
	}
	if slices.Contains([]string{"low", "medium", "high"}, from.Maturity.V) {
		out.Maturity = text(from.Maturity.V)
	}
	return out
}

func (w *writer) groups(o *object) {
	groups := slices.Clone(w.p.Project.Groups)
	slices.SortFunc(groups, func(a, b *project.Group) int { return strings.Compare(a.Name.V, b.Name.V) })
	for _, g := range groups {
		file := fileOf(g.Name.At.File)
		id := "group." + w.project + "." + g.Name.V
		o.put(id, groupNode{
			Name: g.Name.V, ResourceType: "group", PackageName: w.project, Path: w.below(file), OriginalFilePath: file, UniqueID: id,
			Owner: owner{Email: text(g.OwnerEmail), Name: text(g.OwnerName)}, Description: text(g.Description),
			Config: map[string]any{"meta": map[string]any{}},
		})
	}
}

func (w *writer) docs(o *object) {
	docs := slices.Clone(w.p.Project.Docs)
	slices.SortFunc(docs, func(a, b *project.Doc) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range docs {
		file := fileOf(d.At.File)
		id := "doc." + w.project + "." + d.Name
		o.put(id, docNode{
			Name: d.Name, ResourceType: "doc", PackageName: w.project, Path: w.below(file), OriginalFilePath: file, UniqueID: id,
			Contents: strings.TrimSpace(d.Text),
		})
	}
}

// defined finds the macros in a macro file: {{ define "name" }}.
var defined = regexp.MustCompile("\\{\\{-?\\s*define\\s+(?:\"([^\"]+)\"|`([^`]+)`)")

// included finds the macros that a macro uses: include "name", template "name".
var included = regexp.MustCompile("(?:include|template)\\s+(?:\"([^\"]+)\"|`([^`]+)`)")

// indexMacros gives every macro its unique id. Custom generic tests are macros too, named
// as dbt names them.
func (w *writer) indexMacros() map[string]string {
	out := map[string]string{}
	w.macroNodes = w.macroList()
	for _, m := range w.macroNodes {
		out[m.Name] = m.UniqueID
	}
	return out
}

func (w *writer) macros(o *object) {
	for _, m := range w.macroNodes {
		o.put(m.UniqueID, m)
	}
}

func (w *writer) macroList() []macroNode {
	var out []macroNode
	seen := map[string]bool{}
	add := func(name, text string, f *source.File) {
		id := "macro." + w.project + "." + name
		if seen[id] {
			return
		}
		seen[id] = true
		out = append(out, macroNode{
			Name: name, ResourceType: "macro", PackageName: w.project, Path: f.Path, OriginalFilePath: f.Path, UniqueID: id,
			SQL: text, DependsOn: macrosOnly{Macros: []string{}}, Meta: map[string]any{}, Docs: docsConfig{Show: true},
			Config: map[string]any{"meta": map[string]any{}, "docs": docsConfig{Show: true}}, Arguments: []any{}, CreatedAt: w.m.epoch(),
		})
	}
	for _, f := range w.p.Project.Macros {
		whole, _ := raw(f.Source)
		found := defined.FindAllStringSubmatchIndex(whole, -1)
		for i, m := range found {
			end := len(whole)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			name := ""
			for _, g := range [][2]int{{m[2], m[3]}, {m[4], m[5]}} {
				if g[0] >= 0 {
					name = whole[g[0]:g[1]]
				}
			}
			add(name, strings.TrimSpace(whole[m[0]:end]), f.Source)
		}
		if len(found) == 0 {
			add(f.Name, whole, f.Source)
		}
	}
	for _, f := range w.p.Project.Generics {
		whole, _ := raw(f.Source)
		add("test_"+f.Name, whole, f.Source)
	}
	slices.SortFunc(out, func(a, b macroNode) int { return strings.Compare(a.UniqueID, b.UniqueID) })
	for i := range out {
		for _, m := range included.FindAllStringSubmatch(out[i].SQL, -1) {
			id := "macro." + w.project + "." + m[1] + m[2]
			if id != out[i].UniqueID && seen[id] && !slices.Contains(out[i].DependsOn.Macros, id) {
				out[i].DependsOn.Macros = append(out[i].DependsOn.Macros, id)
			}
		}
	}
	return out
}

// macrosOf gives the unique ids of macros that exist in the manifest.
func (w *writer) macrosOf(names []string) []string {
	out := []string{}
	for _, name := range names {
		if id := w.macroIDs[name]; id != "" {
			out = append(out, id)
		}
	}
	return out
}

// written are what an exposure reads, as its depends_on lists it: dbt finds sources first.
func (w *writer) written(e *compile.Exposure) []addr.Node {
	place := func(n addr.Node) int {
		for i, text := range e.Props.DependsOn {
			fn, names, err := datatest.ParseRef(text.V)
			if err != nil || len(names) == 0 {
				continue
			}
			if fn == "source" {
				if n.Kind == addr.Source && slices.Equal(names, sourcePair(w.p, n)) {
					return i
				}
				continue
			}
			if node := w.p.Nodes[n]; n.Kind != addr.Source && (slices.Contains(names, n.Name) || node != nil && node.Version != nil && slices.Contains(names, node.Version.Model)) {
				return len(e.Props.DependsOn) + i
			}
		}
		return 2 * len(e.Props.DependsOn)
	}
	out := slices.Clone(e.Parents)
	slices.SortStableFunc(out, func(a, b addr.Node) int { return cmp.Compare(place(a), place(b)) })
	return out
}

// fileOf is the path of the first file that is known.
func fileOf(files ...*source.File) string {
	for _, f := range files {
		if f != nil {
			return f.Path
		}
	}
	return ""
}
