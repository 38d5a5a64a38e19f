package artifact

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"maps"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// Manifest writes manifest.json (v12) of a program. The same program and meta give the same
// bytes.
func Manifest(out io.Writer, p *compile.Program, m Meta) error {
	w := newWriter(p, m)
	return file(out, func(o *object) {
		o.put("metadata", w.metadata())
		o.sub("nodes", w.nodes)
		o.sub("sources", w.sources)
		o.sub("macros", w.macros)
		o.sub("docs", w.docs)
		o.sub("exposures", w.exposures)
		o.put("metrics", struct{}{})
		o.sub("groups", w.groups)
		o.sub("selectors", w.selectors)
		o.sub("disabled", w.disabled)
		o.sub("parent_map", entries(w.parentMap))
		o.sub("child_map", entries(w.childMap()))
		o.sub("group_map", entries(w.groupMap()))
		o.put("saved_queries", struct{}{})
		o.put("semantic_models", struct{}{})
		o.sub("unit_tests", w.unitTests)
		o.put("functions", struct{}{})
	})
}

// entries are those of a map, by key.
func entries(m map[string][]string) func(*object) {
	return func(o *object) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			o.put(key, m[key])
		}
	}
}

// writer holds what all parts of a manifest need.
type writer struct {
	p         *compile.Program
	m         Meta
	project   string
	ids       map[addr.Node]string
	macroIDs  map[string]string
	parentMap map[string][]string
	primary   map[addr.Node][]string

	macroNodes []macroNode
}

func newWriter(p *compile.Program, m Meta) *writer {
	w := &writer{p: p, m: m, project: p.Project.Settings.Name.V, ids: map[addr.Node]string{}, parentMap: map[string][]string{}}
	for _, n := range p.Order {
		w.ids[n] = UniqueID(p, n)
	}
	for _, n := range p.Analyses {
		w.ids[n.ID] = UniqueID(p, n.ID)
	}
	for _, t := range p.Tests {
		w.ids[t.ID] = testID(p, t)
	}
	for _, u := range p.UnitTests {
		w.ids[u.ID] = UniqueID(p, u.ID)
	}
	for _, e := range p.Exposures {
		w.ids[e.ID] = UniqueID(p, e.ID)
	}
	w.macroIDs = w.indexMacros()
	w.linkParents()
	w.primary = primaryKeys(p)
	return w
}

type manifestMetadata struct {
	header
	ProjectName  string  `json:"project_name"`
	ProjectID    string  `json:"project_id"`
	UserID       *string `json:"user_id"`
	Statistics   bool    `json:"send_anonymous_usage_stats"`
	AdapterType  *string `json:"adapter_type"`
	Quoting      quoting `json:"quoting"`
	RunStartedAt string  `json:"run_started_at"`
}

func (w *writer) metadata() manifestMetadata {
	sum := md5.Sum([]byte(w.project))
	yes := true
	return manifestMetadata{
		header:       w.m.header("manifest/v12"),
		ProjectName:  w.project,
		ProjectID:    hex.EncodeToString(sum[:]),
		AdapterType:  text(w.m.AdapterType),
		Quoting:      quoting{Database: &yes, Schema: &yes, Identifier: &yes},
		RunStartedAt: zulu(w.m.started()),
	}
}

// linkParents fills the parent map; every node has an entry, also those without parents.
func (w *writer) linkParents() {
	link := func(n addr.Node, parents []addr.Node) {
		w.parentMap[w.ids[n]] = w.sortedIDs(parents)
	}
	for _, n := range w.p.Order {
		link(n, w.p.Nodes[n].Parents)
	}
	for _, n := range w.p.Analyses {
		link(n.ID, n.Parents)
	}
	for _, t := range w.p.Tests {
		link(t.ID, t.Parents)
	}
	for _, u := range w.p.UnitTests {
		link(u.ID, []addr.Node{u.Node})
	}
	for _, e := range w.p.Exposures {
		link(e.ID, e.Parents)
	}
	for _, op := range w.operationList() {
		w.parentMap[op.id] = []string{}
	}
}

// childMap is the parent map turned around; leaves have an empty entry, which readers
// (dbt-metabase) look up without asking.
func (w *writer) childMap() map[string][]string {
	out := make(map[string][]string, len(w.parentMap))
	for id := range w.parentMap {
		out[id] = []string{}
	}
	for id, parents := range w.parentMap {
		for _, parent := range parents {
			out[parent] = append(out[parent], id)
		}
	}
	for _, children := range out {
		slices.Sort(children)
	}
	return out
}

func (w *writer) groupMap() map[string][]string {
	out := map[string][]string{}
	for _, g := range w.p.Project.Groups {
		out[g.Name.V] = []string{}
	}
	add := func(group string, id string) {
		if group != "" {
			out[group] = append(out[group], id)
		}
	}
	for _, n := range w.p.Order {
		add(w.p.Nodes[n].Config.Group, w.ids[n])
	}
	for _, t := range w.p.Tests {
		if node := w.p.Nodes[t.Node]; node != nil {
			add(node.Config.Group, w.ids[t.ID])
		}
	}
	return out
}

func (w *writer) sortedIDs(nodes []addr.Node) []string {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		if id, ok := w.ids[n]; ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sorted lists the nodes of the given kinds by unique id.
func (w *writer) sorted(kinds ...addr.Kind) []*compile.Node {
	var out []*compile.Node
	for _, n := range w.p.Order {
		if slices.Contains(kinds, n.Kind) {
			out = append(out, w.p.Nodes[n])
		}
	}
	slices.SortFunc(out, func(a, b *compile.Node) int { return a.ID.Compare(b.ID) })
	return out
}

// primaryKeys infers keys as dbt does: columns tested unique and not null, or else those
// tested unique.
func primaryKeys(p *compile.Program) map[addr.Node][]string {
	unique, notNull := map[addr.Column]bool{}, map[addr.Column]bool{}
	for _, t := range p.Tests {
		if t.Column == "" || t.Node.IsZero() {
			continue
		}
		switch t.Kind {
		case "unique":
			unique[addr.Column{Node: t.Node, Name: t.Column}] = true
		case "not_null":
			notNull[addr.Column{Node: t.Node, Name: t.Column}] = true
		}
	}
	both, only := map[addr.Node][]string{}, map[addr.Node][]string{}
	for c := range unique {
		only[c.Node] = append(only[c.Node], c.Name)
		if notNull[c] {
			both[c.Node] = append(both[c.Node], c.Name)
		}
	}
	for n, columns := range only {
		if len(both[n]) == 0 {
			both[n] = columns
		}
		slices.Sort(both[n])
	}
	return both
}
