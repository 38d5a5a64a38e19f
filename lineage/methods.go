package lineage

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
)

// method is one way to name nodes. match makes the predicate for a spec; a problem is a
// value the method cannot mean. words lists what the project has to offer, for suggestions.
type method struct {
	name  string
	match func(*universe, spec) (func(*item) bool, *problem)
	words func(*universe, spec) []string
}

// methods lists every selection method by name.
var methods = []method{
	{"access", matchAccess, func(*universe, spec) []string { return accesses }},
	{"config", matchConfig, configWords},
	{"exposure", matchExposure, wordsOf(func(u *universe, it *item) []string { return onlyKind(it, addr.Exposure) })},
	{"file", matchFile, wordsOf(func(u *universe, it *item) []string { return []string{path.Base(it.file())} })},
	{"fqn", matchFQN, wordsOf(fqnWords)},
	{"group", matchGroup, wordsOf(func(u *universe, it *item) []string { return []string{groupOf(it)} })},
	{"metric", matchForeign, nil},
	{"owner", matchOwner, wordsOf(func(u *universe, it *item) []string { return ownersOf(it) })},
	{"package", matchPackage, func(u *universe, _ spec) []string { return []string{u.project, "this"} }},
	{"path", matchPath, wordsOf(pathWords)},
	{"resource_type", matchResourceType, nil},
	{"result", matchResult, func(*universe, spec) []string { return statuses }},
	{"saved_query", matchForeign, nil},
	{"selector", nil, nil}, // not a predicate: see evaluation.inherited
	{"semantic_model", matchForeign, nil},
	{"source", matchSource, wordsOf(sourceWords)},
	{"source_status", matchSourceStatus, func(*universe, spec) []string { return []string{"fresher"} }},
	{"state", matchState, stateWords},
	{"tag", matchTag, wordsOf(func(u *universe, it *item) []string { return itemTags(it) })},
	{"test_name", matchTestName, wordsOf(func(u *universe, it *item) []string { return []string{testName(u, it)} })},
	{"test_type", matchTestType, nil},
	{"unit_test", matchUnitTest, wordsOf(func(u *universe, it *item) []string { return onlyKind(it, addr.UnitTest) })},
	{"version", matchVersion, func(*universe, spec) []string { return ages }},
}

var (
	accesses  = []string{"private", "protected", "public"}
	ages      = []string{"latest", "prerelease", "old", "none"}
	testTypes = []string{"data", "generic", "schema", "singular", "unit"}
)

func methodNames() []string {
	var out []string
	for _, m := range methods {
		out = append(out, m.name)
	}
	return out
}

// known reports whether the method of a spec exists, and says so where it does not.
func (e *evaluation) known(s spec) bool {
	if slices.ContainsFunc(methods, func(m method) bool { return m.name == s.method }) {
		return true
	}
	e.diags.Add(unknownMethod(s))
	return false
}

// matcher is the predicate of a spec, or nil after reporting why there is none.
func (e *evaluation) matcher(s spec) func(*item) bool {
	i := slices.IndexFunc(methods, func(m method) bool { return m.name == s.method })
	if len(s.args) > 0 && s.method != "config" {
		e.diags.Add(malformed(s, withoutArgument(s)))
		return nil
	}
	match, bad := methods[i].match(e.u, s)
	if bad != nil {
		e.diags.Add(malformed(s, *bad))
		return nil
	}
	return match
}

// matchForeign is for kinds that dbt has and projects here have none of.
func matchForeign(_ *universe, s spec) (func(*item) bool, *problem) {
	if strings.Count(s.value, ".") > 1 {
		return nil, tooManyParts(s)
	}
	return func(*item) bool { return false }, nil
}

func matchFQN(u *universe, s spec) (func(*item) bool, *problem) {
	want := strings.Split(s.value, ".")
	wildcard := wild(s.value)
	return func(it *item) bool {
		if it.id.Kind == addr.Source {
			return false
		}
		if it.id.Name == s.value {
			return true
		}
		if it.test != nil && !wildcard && !u.mayBegin(it, s.value, want[0]) {
			return false
		}
		fqn, versioned := u.fqn(it), it.node != nil && it.node.Version != nil
		if fqnMatches(fqn, s.value, want, versioned) || len(fqn) > 1 && fqnMatches(fqn[1:], s.value, want, versioned) {
			return true
		}
		if it.id.Kind != addr.Snapshot || len(fqn) == 0 {
			return false
		}
		// dbt counts the file of a snapshot as a folder: it may hold several.
		stem := strings.TrimSuffix(path.Base(it.file()), path.Ext(it.file()))
		fqn = append(append(slices.Clone(fqn[:len(fqn)-1]), stem), fqn[len(fqn)-1])
		return fqnMatches(fqn, s.value, want, false) || fqnMatches(fqn[1:], s.value, want, false)
	}, nil
}

func matchVersion(_ *universe, s spec) (func(*item) bool, *problem) {
	if !wild(s.value) && !slices.Contains(ages, s.value) {
		return nil, unknownValue(s, ages)
	}
	return func(it *item) bool { return it.id.Kind == addr.Model && fnmatch(s.value, ageOf(it)) }, nil
}

// ageOf compares the version of a model with its latest one.
func ageOf(it *item) string {
	switch v := it.node.Version; {
	case v == nil:
		return "none"
	case v.Age < 0:
		return "old"
	case v.Age > 0:
		return "prerelease"
	}
	return "latest"
}

// mayBegin spares tests, the largest crowd, from building a qualified name that cannot match.
func (u *universe) mayBegin(it *item, value, word string) bool {
	if word == u.project {
		return true
	}
	if dirs := u.folders(it.file()); len(dirs) > 0 {
		if first, _, _ := strings.Cut(dirs[0], "."); first == word {
			return true
		}
	}
	if w := it.test.Written; w != nil && w.Name.V == "" {
		// The name is made of the kind, the node and the arguments, and has no dots.
		if namespace, kind := it.test.DBTKind(); !strings.HasPrefix(word, "source_") && !strings.HasPrefix(word, cmp.Or(namespace, kind)) {
			return false
		}
	}
	name := u.name(it)
	first, _, _ := strings.Cut(name, ".")
	return first == word || name == value
}

// fqnMatches is dbt's rule (is_selected_node): the name alone, or the beginning part by part,
// of which the rest is one pattern from the first wildcard on. A version of a model goes by its
// model's name as well, and by both of the last parts, joined by a dot or by an underscore. A
// pattern without dots is that of a name, too, in whatever folder.
func fqnMatches(fqn []string, value string, want []string, versioned bool) bool {
	last := len(fqn) - 1
	switch {
	case versioned && last > 0:
		if fqn[last-1] == value || fqn[last-1]+"_"+fqn[last] == strings.Join(want[max(0, len(want)-2):], "_") {
			return true
		}
	case fqn[last] == value:
		return true
	}
	if first, _, _ := strings.Cut(fqn[0], "."); first != want[0] && !strings.ContainsAny(want[0], "*?[]") {
		return false
	}
	var flat []string
	for _, part := range fqn {
		flat = append(flat, strings.Split(part, ".")...)
	}
	if len(flat) < len(want) {
		return false
	}
	for i, w := range want {
		if strings.ContainsAny(w, "*?[]") {
			if fnmatch(strings.Join(want[i:], "."), strings.Join(flat[i:], ".")) {
				return true
			}
			if versioned && last > 0 {
				last-- // a version goes by its model's name
			}
			return len(want) == 1 && fnmatch(value, fqn[last])
		}
		if flat[i] != w {
			return false
		}
	}
	return true
}

func fqnWords(u *universe, it *item) []string {
	if it.id.Kind == addr.Source {
		return nil
	}
	if it.node == nil {
		return []string{u.name(it)}
	}
	words := []string{it.id.Name}
	if v := it.node.Version; v != nil {
		words = []string{v.FlatName(), v.NodeName()}
	}
	if n := len(it.node.FQN); n > 2 {
		words = append(words, it.node.FQN[1:n-1]...)
	}
	return words
}

func matchTag(_ *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool { return anyMatch(s.value, itemTags(it)) }, nil
}

// itemTags are the tags of an item. A test has those of the column that it tests, and of a source.
func itemTags(it *item) []string {
	switch {
	case it.node != nil:
		return tagsOf(it.node)
	case it.test != nil:
		return it.test.Config.Tags
	case it.unit != nil:
		return it.unit.Tags
	case it.exp.Props != nil:
		return it.exp.Props.Tags
	}
	return nil
}

// ownTags are the tags of a test that its configuration gives, and not what it tests.
func (u *universe) ownTags(t *compile.Test) []string {
	n := u.p.Nodes[t.Node]
	if n == nil {
		return t.Config.Tags
	}
	var columns []*project.Column
	var inherited []string
	switch {
	case n.Source != nil:
		columns, inherited = n.Source.Columns, slices.Clone(n.Source.Tags)
	case n.Props != nil:
		columns = n.Props.Columns
	}
	for _, c := range columns {
		if t.Column != "" && c.Name.V == t.Column {
			inherited = append(inherited, c.Tags...)
		}
	}
	if len(inherited) == 0 {
		return t.Config.Tags
	}
	return slices.DeleteFunc(slices.Clone(t.Config.Tags), func(tag string) bool { return slices.Contains(inherited, tag) })
}

func matchPath(_ *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool {
		if globPath(s.value, it.file()) {
			return true
		}
		// The YAML file that describes a node stands for the node too.
		return it.node != nil && it.node.Props != nil && globPath(s.value, spanPath(it.node.Props.At))
	}, nil
}

func pathWords(_ *universe, it *item) []string {
	var out []string
	for p := it.file(); p != "." && p != "/" && p != ""; p = path.Dir(p) {
		out = append(out, p)
	}
	return out
}

func matchFile(_ *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool {
		base := path.Base(it.file())
		return fnmatch(s.value, base) || fnmatch(s.value, strings.TrimSuffix(base, path.Ext(base)))
	}, nil
}

func matchPackage(u *universe, s spec) (func(*item) bool, *problem) {
	all := s.value == "this" || fnmatch(s.value, u.project)
	return func(*item) bool { return all }, nil
}

// foreignKinds are those of dbt that cannot be selected here: no project has any.
var foreignKinds = []string{"doc", "fixture", "function", "group", "macro", "metric", "operation", "rpc", "saved_query", "semantic_model", "sql_operation"}

func matchResourceType(_ *universe, s spec) (func(*item) bool, *problem) {
	kind := addr.Kind(s.value)
	if !slices.Contains(addr.Kinds, kind) && !slices.Contains(foreignKinds, s.value) {
		var known []string
		for _, k := range addr.Kinds {
			known = append(known, string(k))
		}
		return nil, unknownValue(s, known)
	}
	return func(it *item) bool { return it.id.Kind == kind }, nil
}

func matchSource(u *universe, s spec) (func(*item) bool, *problem) {
	parts := strings.Split(s.value, ".")
	if len(parts) > 3 {
		return nil, &problem{at: s.valueAt, text: "has too many parts for a source", help: `write "source:name", "source:name.table" or "source:project.name.table"`}
	}
	if len(parts) == 3 {
		if !fnmatch(parts[0], u.project) {
			return func(*item) bool { return false }, nil
		}
		parts = parts[1:]
	}
	return func(it *item) bool {
		if it.id.Kind != addr.Source {
			return false
		}
		name, table := sourceName(it)
		return fnmatch(parts[0], name) && (len(parts) == 1 || fnmatch(parts[1], table))
	}, nil
}

func sourceName(it *item) (name, table string) {
	if it.node.Source != nil {
		return it.node.Source.SourceName.V, it.node.Source.Table.V
	}
	name, table, _ = strings.Cut(it.id.Name, ".")
	return name, table
}

func sourceWords(_ *universe, it *item) []string {
	if it.id.Kind != addr.Source {
		return nil
	}
	name, table := sourceName(it)
	return []string{name, name + "." + table}
}

func matchExposure(u *universe, s spec) (func(*item) bool, *problem) {
	return named(u, s, addr.Exposure)
}
func matchUnitTest(u *universe, s spec) (func(*item) bool, *problem) {
	return named(u, s, addr.UnitTest)
}

// named matches «name» or «project.name» among the items of one kind.
func named(u *universe, s spec, kind addr.Kind) (func(*item) bool, *problem) {
	parts := strings.Split(s.value, ".")
	if len(parts) > 2 {
		return nil, tooManyParts(s)
	}
	if len(parts) == 2 && !fnmatch(parts[0], u.project) {
		return func(*item) bool { return false }, nil
	}
	want := parts[len(parts)-1]
	return func(it *item) bool {
		return it.id.Kind == kind && (fnmatch(want, u.name(it)) || want == it.id.Name)
	}, nil
}

func tooManyParts(s spec) *problem {
	return &problem{at: s.valueAt, text: "has too many parts for a " + strings.ReplaceAll(s.method, "_", " "), help: fmt.Sprintf("write %q or %q", s.method+":name", s.method+":project.name")}
}

func onlyKind(it *item, kind addr.Kind) []string {
	if it.id.Kind == kind {
		return []string{it.id.Name}
	}
	return nil
}

func matchTestType(_ *universe, s spec) (func(*item) bool, *problem) {
	if !slices.Contains(testTypes, s.value) {
		return nil, unknownValue(s, testTypes)
	}
	return func(it *item) bool {
		switch s.value {
		case "unit":
			return it.unit != nil
		case "singular":
			return it.test != nil && it.test.Kind == "singular"
		case "generic", "schema":
			return it.test != nil && it.test.Kind != "singular"
		}
		return it.test != nil
	}, nil
}

func matchTestName(u *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool { n := testName(u, it); return n != "" && fnmatch(s.value, n) }, nil
}

// testName is the kind of a generic test, without that of its package, and the name of a unit
// test.
func testName(u *universe, it *item) string {
	switch {
	case it.unit != nil:
		return u.name(it)
	case it.test == nil || it.test.Kind == "singular":
		return ""
	}
	_, kind := it.test.DBTKind()
	return kind
}

func matchGroup(_ *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool { g := groupOf(it); return g != "" && fnmatch(s.value, g) }, nil
}

func groupOf(it *item) string {
	if it.node == nil {
		return ""
	}
	return it.node.Config.Group
}

func matchAccess(_ *universe, s spec) (func(*item) bool, *problem) {
	if !wild(s.value) && !slices.Contains(accesses, s.value) {
		return nil, unknownValue(s, accesses)
	}
	return func(it *item) bool {
		if it.id.Kind != addr.Model {
			return false
		}
		access := it.node.Config.Access
		if access == "" {
			access = "protected"
		}
		return fnmatch(s.value, access)
	}, nil
}

func matchOwner(_ *universe, s spec) (func(*item) bool, *problem) {
	return func(it *item) bool { return anyMatch(s.value, ownersOf(it)) }, nil
}

func ownersOf(it *item) []string {
	var out []string
	switch {
	case it.node != nil:
		out = []string{it.node.Config.Owner}
	case it.exp != nil && it.exp.Props != nil:
		out = []string{it.exp.Props.OwnerName, it.exp.Props.OwnerEmail}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func anyMatch(pattern string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return fnmatch(pattern, w) })
}

// wordsOf collects the words of all items, sorted and without repetition.
func wordsOf(of func(*universe, *item) []string) func(*universe, spec) []string {
	return func(u *universe, _ spec) []string {
		var out []string
		for i := range u.items {
			out = append(out, of(u, &u.items[i])...)
		}
		slices.Sort(out)
		return slices.DeleteFunc(slices.Compact(out), func(w string) bool { return w == "" || w == "." })
	}
}
