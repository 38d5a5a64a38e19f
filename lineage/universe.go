package lineage

import (
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/source"
)

// item is one thing that can be selected; exactly one of the four pointers is set.
type item struct {
	id   addr.Node
	node *compile.Node
	test *compile.Test
	unit *compile.UnitTest
	exp  *compile.Exposure
}

// universe is everything that can be selected, numbered, so that sets are slices of bools.
// Nodes come first, then data tests, unit tests and exposures.
type universe struct {
	p       *compile.Program
	past    *Past
	project string
	items   []item
	up      [][]int32 // parents by number
	down    [][]int32 // children, tests and exposures included
	roots   []string  // folders that FQNs of tests leave out
	dirs    map[string][]string
}

type set []bool

func newUniverse(p *compile.Program) *universe {
	u := &universe{p: p, project: projectName(p), dirs: map[string][]string{}}
	u.items = make([]item, 0, len(p.Order)+len(p.Tests)+len(p.UnitTests)+len(p.Exposures))
	for _, id := range p.Order {
		if n := p.Nodes[id]; n != nil {
			u.items = append(u.items, item{id: id, node: n})
		}
	}
	for _, n := range p.Analyses {
		u.items = append(u.items, item{id: n.ID, node: n})
	}
	for _, t := range p.Tests {
		u.items = append(u.items, item{id: t.ID, test: t})
	}
	for _, t := range p.UnitTests {
		u.items = append(u.items, item{id: t.ID, unit: t})
	}
	for _, e := range p.Exposures {
		u.items = append(u.items, item{id: e.ID, exp: e})
	}
	if p.Project != nil {
		s := p.Project.Settings
		u.roots = slices.Concat(s.ModelPaths, s.SeedPaths, s.SnapshotPaths, s.TestPaths)
	}
	u.link()
	return u
}

// link numbers the edges. Both directions are cut out of one array each: a project of ten
// thousand models has thirty thousand items, and a slice of their own each would cost more
// than the selection itself.
func (u *universe) link() {
	number := make(map[addr.Node]int32, len(u.p.Order))
	for i := range u.items {
		if u.items[i].node != nil {
			number[u.items[i].id] = int32(i)
		}
	}
	u.up, u.down = make([][]int32, len(u.items)), make([][]int32, len(u.items))
	var flat []int32
	ends, degree := make([]int, len(u.items)), make([]int, len(u.items))
	for i := range u.items {
		for _, parent := range u.items[i].parents() {
			if j, ok := number[parent]; ok {
				flat = append(flat, j)
				degree[j]++
			}
		}
		ends[i] = len(flat)
	}
	children := make([]int32, len(flat))
	at := 0
	for i, d := range degree {
		u.down[i] = children[at : at : at+d]
		at += d
	}
	start := 0
	for i, end := range ends {
		u.up[i] = flat[start:end:end]
		for _, j := range u.up[i] {
			u.down[j] = append(u.down[j], int32(i))
		}
		start = end
	}
}

func (it *item) parents() []addr.Node {
	switch {
	case it.node != nil:
		return it.node.Parents
	case it.test != nil:
		return it.test.Parents
	case it.exp != nil:
		return it.exp.Parents
	}
	return []addr.Node{it.unit.Node}
}

// isTest reports whether the item follows its parents into a selection.
func (it *item) isTest() bool { return it.test != nil || it.unit != nil }

// file is the project file the item is written in.
func (it *item) file() string {
	switch {
	case it.node != nil:
		return it.node.Path
	case it.test != nil:
		if it.test.Path != "" {
			return it.test.Path
		}
		return spanPath(it.test.At)
	case it.unit != nil:
		return spanPath(it.unit.At)
	case it.exp.Props != nil:
		return spanPath(it.exp.Props.At)
	}
	return ""
}

// fqn is project, folders, name; sources have none in this sense.
func (u *universe) fqn(it *item) []string {
	if it.node != nil {
		return it.node.FQN
	}
	dirs := u.folders(it.file())
	if it.unit != nil {
		model := it.unit.Node.Name
		if n := u.p.Nodes[it.unit.Node]; n != nil && n.Version != nil {
			model = n.Version.Model
		}
		return slices.Concat([]string{u.project}, dirs, []string{model, u.name(it)})
	}
	return slices.Concat([]string{u.project}, dirs, []string{u.name(it)})
}

// name is what dbt calls an item: a generic test after all its arguments, and the unit tests of
// the versions of a model alike.
func (u *universe) name(it *item) string {
	switch {
	case it.test != nil:
		_, name := it.test.DBTNames()
		return name
	case it.unit != nil:
		if n := u.p.Nodes[it.unit.Node]; n != nil && n.Version != nil {
			return strings.TrimSuffix(it.id.Name, "_v"+n.Version.V.V)
		}
	}
	return it.id.Name
}

// folders are the directories of a file below the resource folder it is in.
func (u *universe) folders(file string) []string {
	if d, ok := u.dirs[file]; ok {
		return d
	}
	dir := path.Dir(file)
	for _, root := range u.roots {
		if root = strings.Trim(root, "/"); dir == root || strings.HasPrefix(dir, root+"/") {
			dir = strings.Trim(dir[len(root):], "/")
			break
		}
	}
	var out []string
	if dir != "" && dir != "." {
		out = strings.Split(dir, "/")
	}
	u.dirs[file] = out
	return out
}

// reach adds everything within depth hops (0: without limit) along the edges.
func (u *universe) reach(into, from set, edges [][]int32, depth int) {
	if depth == noHops {
		return
	}
	seen := make(set, len(u.items))
	var front []int32
	for i, in := range from {
		if in {
			seen[i] = true
			front = append(front, int32(i))
		}
	}
	for hop := 1; len(front) > 0 && (depth == 0 || hop <= depth); hop++ {
		var next []int32
		for _, i := range front {
			for _, j := range edges[i] {
				if !seen[j] {
					seen[j], into[j] = true, true
					next = append(next, j)
				}
			}
		}
		front = next
	}
}

func (s set) count() int {
	n := 0
	for _, in := range s {
		if in {
			n++
		}
	}
	return n
}

func projectName(p *compile.Program) string {
	if p.Project == nil {
		return ""
	}
	return p.Project.Settings.Name.V
}

func spanPath(s source.Span) string {
	if s.File == nil {
		return ""
	}
	return s.File.Path
}
