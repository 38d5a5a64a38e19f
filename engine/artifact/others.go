package artifact

import (
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
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
		Freshness:         limits,
		Description:       orElse(n.Description, s.Description),
		Columns:           columns(n),
		Meta:              plainMap(s.Meta),
		SourceMeta:        map[string]any{},
		Tags:              list(s.Tags),
		Config: map[string]any{
			"enabled": true, "event_time": nil, "freshness": limits, "loaded_at_field": text(s.LoadedAt.V), "loaded_at_query": nil,
			"meta": plainMap(s.Meta), "tags": list(s.Tags),
		},
		UnrenderedConfig:   unrendered(s.Config),
		RelationName:       text(w.p.Target.Dialect.Quote(n.Relation)),
		CreatedAt:          w.m.epoch(),
		UnrenderedDatabase: text(s.Database.V),
		UnrenderedSchema:   text(s.Schema.V),
		DocBlocks:          []string{},
	}
}

func limitsOf(f *project.Freshness) *freshness {
	if f == nil {
		return nil
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
	for _, n := range e.Parents {
		w.addRef(&reads, n)
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
		DependsOn:        dependsOn{Macros: []string{}, Nodes: w.sortedIDs(e.Parents)},
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

// indexMacros gives every macro its unique id. Custom generic tests are macros too, named
// as dbt names them.
func (w *writer) indexMacros() map[string]string {
	out := map[string]string{}
	for _, m := range w.macroList() {
		out[m.Name] = m.UniqueID
	}
	return out
}

func (w *writer) macros(o *object) {
	for _, m := range w.macroList() {
		o.put(m.UniqueID, m)
	}
}

func (w *writer) macroList() []macroNode {
	var out []macroNode
	add := func(name string, f *source.File) {
		id := "macro." + w.project + "." + name
		if slices.ContainsFunc(out, func(m macroNode) bool { return m.UniqueID == id }) {
			return
		}
		text, _ := raw(f)
		out = append(out, macroNode{
			Name: name, ResourceType: "macro", PackageName: w.project, Path: f.Path, OriginalFilePath: f.Path, UniqueID: id,
			SQL: text, DependsOn: macrosOnly{Macros: []string{}}, Meta: map[string]any{}, Docs: docsConfig{Show: true},
			Config: map[string]any{"meta": map[string]any{}, "docs": docsConfig{Show: true}}, Arguments: []any{}, CreatedAt: w.m.epoch(),
		})
	}
	for _, f := range w.p.Project.Macros {
		found := defined.FindAllSubmatch(f.Source.Data, -1)
		for _, m := range found {
			add(string(m[1])+string(m[2]), f.Source)
		}
		if len(found) == 0 {
			add(f.Name, f.Source)
		}
	}
	for _, f := range w.p.Project.Generics {
		add("test_"+f.Name, f.Source)
	}
	slices.SortFunc(out, func(a, b macroNode) int { return strings.Compare(a.UniqueID, b.UniqueID) })
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

// fileOf is the path of the first file that is known.
func fileOf(files ...*source.File) string {
	for _, f := range files {
		if f != nil {
			return f.Path
		}
	}
	return ""
}
