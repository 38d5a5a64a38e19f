package project

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Version says which version of which model a file is.
type Version struct {
	Model string        // name of the model, without version
	V     Value[string] // as written
	// Latest is the version that readers get who name none.
	Latest string
	// Age compares with Latest: less than 0 for old versions, 0 for the latest one, more
	// than 0 for those that are newer.
	Age int
	// All are the versions of the model, oldest first.
	All []string
}

// NodeName is the name of a version's node: «orders.v1».
func NodeName(model, v string) string { return model + ".v" + v }

// FlatName is how a version is called where dots are not possible, its relation for example:
// «orders_v1».
func FlatName(model, v string) string { return model + "_v" + strings.ReplaceAll(v, ".", "_") }

// NodeName is the name of the version's node: «orders.v1».
func (v *Version) NodeName() string { return NodeName(v.Model, v.V.V) }

// FlatName is the version's name without dots: «orders_v1».
func (v *Version) FlatName() string { return FlatName(v.Model, v.V.V) }

// Call is how a template reads the version: «{{ ref "orders" 1 }}».
func (v *Version) Call() string {
	if _, err := strconv.ParseUint(v.V.V, 10, 31); err == nil {
		return fmt.Sprintf("{{ ref %q %s }}", v.Model, v.V.V)
	}
	return fmt.Sprintf("{{ ref %q \"v\" %q }}", v.Model, v.V.V)
}

// SameVersion reports whether two spellings mean one version: numbers by value, others by text.
func SameVersion(a, b string) bool {
	x, okX := number(a)
	y, okY := number(b)
	return a == b || okX && okY && x == y
}

func number(v string) (float64, bool) {
	n, err := strconv.ParseFloat(v, 64)
	return n, err == nil && n-n == 0 // neither infinite nor not a number
}

// versionOrder compares versions of one model: as numbers where all of them are, else as text.
func versionOrder(all []versionEntry) func(a, b string) int {
	for _, e := range all {
		if _, ok := number(e.v.V); !ok {
			return strings.Compare
		}
	}
	return func(a, b string) int {
		x, _ := number(a)
		y, _ := number(b)
		return cmp.Compare(x, y)
	}
}

// versionEntry is an item of versions, as written. What is not set is the model's.
type versionEntry struct {
	v, definedIn Value[string]
	description  *Value[string] // where it is, because docs blocks are filled in later
	docs         map[string]Value[any]
	deprecation  Value[time.Time]
	access       Value[string]
	config       Config
	columns      []*Column
	pick         columnPick
	constraints  []Constraint
	tests        []*Test
	// ownConstraints and ownTests say that the lists are written here, be they empty.
	ownConstraints, ownTests bool
	at                       source.Span
}

// columnPick says which columns of the model a version has: include and exclude. The zero
// value takes all.
type columnPick struct {
	some             bool // include is a list
	include, exclude []Value[string]
}

func readVersions(o *object) []versionEntry {
	if !o.has("versions") {
		return nil
	}
	items := o.items("versions")
	if n := o.get("versions"); n == nil || n.Kind == yaml.SequenceNode && len(items) == 0 {
		o.list.Add(valueInvalid(o.keyAt("versions"), fmt.Sprintf("%q of %s is empty", "versions", o.what), `list the versions, "- v: 1", or remove the key`))
	}
	var out []versionEntry
	for _, n := range items {
		if e, ok := readVersion(o, n); ok {
			if why := versionProblem(e.v.V); why != "" {
				o.list.Add(valueInvalid(e.v.At, fmt.Sprintf("%q cannot be a version: %s", e.v.V, why), "number the versions: 1, 2, 3"))
				continue
			}
			if i := slices.IndexFunc(out, func(x versionEntry) bool { return SameVersion(x.v.V, e.v.V) }); i >= 0 {
				o.list.Add(nameDuplicate(e.v.At, "version", e.v.V, out[i].v.At, "version", "give it another number, or remove one of the entries"))
				continue
			}
			out = append(out, e)
		}
	}
	return out
}

// versionProblem says why a version cannot be part of a name, or nothing.
func versionProblem(v string) string {
	switch {
	case len(v) > 50:
		return fmt.Sprintf("it has %d bytes", len(v))
	case strings.ContainsFunc(v, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.' || r == '-')
	}):
		return "it has other characters than letters, digits, dots, dashes and underscores"
	}
	return ""
}

func readVersion(parent *object, n *yaml.Node) (versionEntry, bool) {
	o, ok := parent.object(n, "the version")
	if !ok {
		return versionEntry{}, false
	}
	e := versionEntry{at: o.at, description: &Value[string]{}}
	e.v, ok = o.required("v")
	if ok {
		o.what = "version " + e.v.V + " of " + parent.what
	}
	e.definedIn = o.str("defined_in")
	e.description.At = o.description(&e.description.V)
	e.docs = readDocsShow(o)
	e.deprecation = o.date("deprecation_date")
	e.access = o.checked("access", addr.Model)
	e.pick, e.columns = readVersionColumns(o)
	e.ownConstraints, e.ownTests = o.has("constraints"), o.has("data_tests") || o.has("tests")
	e.constraints, e.tests = readConstraints(o, true), readTests(o, "")
	e.config, _ = o.config(addr.Model)
	o.finish(func(key string) string {
		switch key {
		case "name":
			return `a version has no name of its own: write "v", and "defined_in" for the name of its file`
		case "include", "exclude":
			return `put it into an item of "columns": columns: [{include: all, exclude: [a]}]`
		case "latest_version":
			return "it belongs to the model, beside versions"
		case "group", "owner", "tier", "tags", "meta":
			return fmt.Sprintf("put it under \"config\": config: {%s: …}", key)
		}
		return besideConfig(key, addr.Model)
	}, foreignRelation)
	return e, ok
}

// readVersionColumns reads what columns of a version may be: one item that says which of the
// model's columns it has, and columns of its own.
func readVersionColumns(o *object) (columnPick, []*Column) {
	var pick columnPick
	var own []*yaml.Node
	var first source.Span
	for _, n := range o.items("columns") {
		if m := resolve(n); m.Kind != yaml.MappingNode || !hasKey(m, "include") && !hasKey(m, "exclude") {
			own = append(own, n)
			continue
		}
		in, ok := o.object(n, "the choice of columns of "+o.what)
		if !ok {
			continue
		}
		if !first.IsZero() {
			o.list.Add(yamlDuplicate(in.at, "include", first))
		}
		first = in.at
		include := in.get("include")
		if include != nil && include.Kind == yaml.ScalarNode && (include.Value == "all" || include.Value == "*") {
			include = nil
		}
		if include != nil {
			pick.some = true
			if include.Kind == yaml.ScalarNode {
				o.list.Add(valueUnknown(in.span(include), in.key("include"), include.Value, []string{"all"}))
			} else {
				pick.include = in.strs("include")
			}
		}
		pick.exclude = in.strs("exclude")
		if pick.some && len(pick.exclude) > 0 {
			o.list.Add(valueInvalid(in.keyAt("exclude"), "exclude beside a list of columns to include takes away nothing", `leave the column out of "include", or write "include: all"`))
		}
		in.finish(func(key string) string {
			if key == "name" {
				return "a column of its own is another item of the list"
			}
			return ""
		}, nil)
	}
	return pick, readColumnItems(o, own)
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// dateForms are those in which a day, or a time of a day, is written.
var dateForms = []string{time.DateOnly, time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"}

// date takes a day, or a time; without a zone it is UTC.
func (o *object) date(name string) Value[time.Time] {
	v := o.str(name)
	if !v.IsSet() {
		return Value[time.Time]{}
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, strings.TrimSpace(v.V)); err == nil {
			return Value[time.Time]{t.UTC(), v.At}
		}
	}
	o.list.Add(valueInvalid(v.At, fmt.Sprintf("%q is not a date", v.V), "write a day: 2026-12-31"))
	return Value[time.Time]{}
}

// latest finds out which version is the latest one, and puts the entries in order.
func (p *Props) latest(list *diag.List) string {
	order := versionOrder(p.versions)
	slices.SortStableFunc(p.versions, func(a, b versionEntry) int { return order(a.v.V, b.v.V) })
	highest := p.versions[len(p.versions)-1].v.V
	if !p.latestVersion.IsSet() {
		return highest
	}
	var known []string
	for _, e := range p.versions {
		if SameVersion(e.v.V, p.latestVersion.V) {
			return e.v.V
		}
		known = append(known, e.v.V)
	}
	list.Add(valueUnknown(p.latestVersion.At, fmt.Sprintf("%q of model %q", "latest_version", p.Name.V), p.latestVersion.V, known))
	return highest
}

// splitVersions makes each version of a model a model of its own: its file and its
// properties get the version's name. It comes once names are known to be unique.
func splitVersions(p *Project) diag.List {
	var list diag.List
	if !slices.ContainsFunc(p.Props, func(x *Props) bool { return len(x.versions) > 0 || x.latestVersion.IsSet() }) {
		return nil
	}
	s := versionSplit{project: p, list: &list, files: make(map[string]*File, len(p.Models)), versions: map[string][]*Version{}}
	for _, f := range p.Models {
		s.files[f.Name] = f
	}
	var props []*Props
	for _, x := range p.Props {
		switch {
		case len(x.versions) == 0 && x.latestVersion.IsSet():
			list.Add(valueInvalid(x.latestVersion.At, fmt.Sprintf("model %q has a latest version and no versions", x.Name.V), "list them under versions, or remove the key"))
			props = append(props, x)
		case len(x.versions) == 0:
			props = append(props, x)
		default:
			props = append(props, s.split(x)...)
		}
	}
	p.Props = slices.DeleteFunc(props, func(x *Props) bool {
		if x.Version != nil || x.Kind != addr.Model {
			return false
		}
		f := s.files[x.Name.V]
		if f == nil || f.Version == nil {
			return false
		}
		list.Add(versionProps(x, f.Version))
		return true
	})
	s.strays()
	p.UnitTests = s.unitTests()
	return list
}

type versionSplit struct {
	project  *Project
	list     *diag.List
	files    map[string]*File
	versions map[string][]*Version // by name of the model
}

// split is the properties of each version of x.
func (s *versionSplit) split(x *Props) []*Props {
	latest := x.latest(s.list)
	order := versionOrder(x.versions)
	var all []string
	for _, e := range x.versions {
		all = append(all, e.v.V)
	}
	const one = "rename one of them: ref finds models, seeds and snapshots by name alone"
	for _, other := range s.project.Seeds {
		if other.Name == x.Name.V {
			s.list.Add(nameDuplicate(x.Name.At, "model", x.Name.V, other.At, "seed", one))
		}
	}
	for _, other := range s.project.Snapshots {
		if other.Name == x.Name.V {
			s.list.Add(nameDuplicate(x.Name.At, "model", x.Name.V, fileName(other.Source), "snapshot", one))
		}
	}
	plain := s.plainFile(x, latest)
	var out []*Props
	for i := range x.versions {
		e := &x.versions[i]
		v := &Version{Model: x.Name.V, V: e.v, Latest: latest, Age: order(e.v.V, latest), All: all}
		f := s.fileOf(x, e, plain)
		if f == nil {
			continue
		}
		if f.Version != nil {
			s.list.Add(versionFileTwice(e, x, f))
			continue
		}
		f.Version = v
		s.versions[x.Name.V] = append(s.versions[x.Name.V], v)
		out = append(out, x.version(e, v, s.list))
	}
	// The files go on under the names of their nodes once all entries have found theirs.
	for _, f := range s.project.Models {
		if f.Version != nil && f.Version.Model == x.Name.V {
			f.Name = f.Version.NodeName()
		}
	}
	return out
}

// plainFile is the version that the file of the model's plain name is, if there is such a
// file and it is not said otherwise: the latest one if it has no file, else the only one
// that has none.
func (s *versionSplit) plainFile(x *Props, latest string) string {
	if s.files[x.Name.V] == nil {
		return ""
	}
	var without []string
	for _, e := range x.versions {
		if e.definedIn.IsSet() {
			if e.definedIn.V == x.Name.V {
				return e.v.V
			}
			continue
		}
		if s.files[FlatName(x.Name.V, e.v.V)] == nil {
			without = append(without, e.v.V)
		}
	}
	switch {
	case slices.Contains(without, latest):
		return latest
	case len(without) == 1:
		return without[0]
	}
	return ""
}

// fileOf is the file of a version; nil after reporting that there is none.
func (s *versionSplit) fileOf(x *Props, e *versionEntry, plain string) *File {
	name := FlatName(x.Name.V, e.v.V)
	at := e.v.At
	switch {
	case e.definedIn.IsSet():
		name, at = e.definedIn.V, e.definedIn.At
	case plain == e.v.V:
		name = x.Name.V
	}
	if f := s.files[name]; f != nil {
		return f
	}
	d := diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("version %s of model %q has no file", e.v.V, x.Name.V), At: at,
		Help: fmt.Sprintf("write %s, name another file with defined_in, or remove the entry", path.Join("models", name+".sql"))}
	if e.definedIn.IsSet() {
		d.Message = fmt.Sprintf("version %s of model %q is defined in %q, which does not exist", e.v.V, x.Name.V, name)
		d.Help = fmt.Sprintf("write %s, or name another file", path.Join("models", name+".sql"))
		var names []string
		for known := range s.files {
			names = append(names, known)
		}
		slices.Sort(names)
		if bare, ok := strings.CutSuffix(path.Base(name), ".sql"); ok && s.files[bare] != nil {
			d.Help = fmt.Sprintf("write the name of the file without folder and ending: %q", bare)
		} else if near, ok := diag.Suggest(name, names); ok {
			d.Help = fmt.Sprintf("did you mean %q? (%s)", near, s.files[near].Source.Path)
		}
	}
	s.list.Add(d)
	return nil
}

// version is what the properties of a model are for one version of it.
func (p *Props) version(e *versionEntry, v *Version, list *diag.List) *Props {
	out := *p
	out.Version, out.versions, out.latestVersion = v, nil, Value[string]{}
	out.Name, out.At = Value[string]{v.NodeName(), e.v.At}, e.at
	out.VersionConfig = e.config
	if e.description.IsSet() {
		out.Description = *e.description
	}
	if e.docs != nil {
		out.Docs = e.docs
	}
	if e.deprecation.IsSet() {
		out.DeprecationDate = e.deprecation
	}
	if e.access.IsSet() {
		out.Access = e.access
	}
	if e.ownConstraints {
		out.Constraints = e.constraints
	}
	if e.ownTests {
		out.Tests = e.tests
	}
	out.Columns = e.pickColumns(p, list)
	return &out
}

// pickColumns are the model's columns that the version has, each replaced where the version
// has an entry of that name, then the version's own.
func (e *versionEntry) pickColumns(p *Props, list *diag.List) []*Column {
	var names []string
	for _, c := range p.Columns {
		names = append(names, c.Name.V)
	}
	has := func(in []Value[string], name string) bool {
		return slices.ContainsFunc(in, func(v Value[string]) bool { return strings.EqualFold(v.V, name) })
	}
	for _, v := range slices.Concat(e.pick.include, e.pick.exclude) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, v.V) }) {
			d := valueUnknown(v.At, fmt.Sprintf("the columns that version %s takes from model %q", e.v.V, p.Name.V), v.V, names)
			if len(names) == 0 {
				d.Help = "declare the model's columns beside versions"
			}
			list.Add(d)
		}
	}
	taken := map[*Column]bool{}
	var out []*Column
	for _, c := range p.Columns {
		if e.pick.some && !has(e.pick.include, c.Name.V) || has(e.pick.exclude, c.Name.V) {
			continue
		}
		for _, own := range e.columns {
			if strings.EqualFold(own.Name.V, c.Name.V) {
				c, taken[own] = own, true
				break
			}
		}
		out = append(out, c)
	}
	for _, own := range e.columns {
		if !taken[own] {
			out = append(out, own)
		}
	}
	return out
}

// strays reports files that look like versions of a model with versions, and are none.
func (s *versionSplit) strays() {
	for _, f := range s.project.Models {
		if f.Version != nil {
			continue
		}
		if all := s.versions[f.Name]; all != nil {
			s.list.Add(diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("model %q has versions, and this file is none of them", f.Name), At: fileName(f.Source),
				Labels: []diag.Label{{At: all[0].V.At, Text: "its versions are here"}}, Help: fmt.Sprintf("rename the file, or give a version \"defined_in: %s\"", f.Name)})
			continue
		}
		i := strings.LastIndex(f.Name, "_v")
		if i < 1 {
			continue
		}
		model, v := f.Name[:i], f.Name[i+2:]
		all := s.versions[model]
		if _, isNumber := number(strings.ReplaceAll(v, "_", ".")); all == nil || !isNumber {
			continue
		}
		if j := slices.IndexFunc(all, func(o *Version) bool { return o.FlatName() == f.Name }); j >= 0 {
			s.list.Add(diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("version %s of model %q is defined in another file, and this file is called like it", all[j].V.V, model), At: fileName(f.Source),
				Labels: []diag.Label{{At: all[j].V.At, Text: "the version is here"}}, Help: "remove its defined_in, or rename the file"})
			continue
		}
		s.list.Add(diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("model %q has no version %s, and this file is called like it", model, v), At: fileName(f.Source),
			Labels: []diag.Label{{At: all[0].V.At, Text: "its versions are here"}}, Help: fmt.Sprintf("add \"- v: %s\" to the versions of %q, or rename the file", v, model)})
	}
}

// unitTests gives each version of a model the unit tests of the model.
func (s *versionSplit) unitTests() []*UnitTest {
	out := make([]*UnitTest, 0, len(s.project.UnitTests))
	for _, u := range s.project.UnitTests {
		all := s.versions[u.Model.V]
		if all == nil {
			for _, v := range append(slices.Clip(u.include), u.exclude...) {
				s.list.Add(valueInvalid(v.At, fmt.Sprintf("model %q has no versions", u.Model.V), "remove \"versions\" from the unit test"))
			}
			out = append(out, u)
			continue
		}
		named := func(list []Value[string], v string) bool {
			return slices.ContainsFunc(list, func(n Value[string]) bool { return n.V == v })
		}
		for _, n := range append(slices.Clip(u.include), u.exclude...) {
			if !slices.ContainsFunc(all, func(v *Version) bool { return v.V.V == n.V }) {
				var known []string
				for _, v := range all {
					known = append(known, v.V.V)
				}
				s.list.Add(valueInvalid(n.At, fmt.Sprintf("model %q has no version %s", u.Model.V, n.V), "its versions are "+strings.Join(known, ", ")))
			}
		}
		for _, v := range all {
			if len(u.include) > 0 && !named(u.include, v.V.V) || named(u.exclude, v.V.V) {
				continue
			}
			one := *u
			one.Model.V = v.NodeName()
			one.Name.V = FlatName(u.Name.V, v.V.V)
			out = append(out, &one)
		}
	}
	return out
}

func versionFileTwice(e *versionEntry, x *Props, f *File) diag.Diagnostic {
	at := e.v.At
	if e.definedIn.IsSet() {
		at = e.definedIn.At
	}
	return diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("version %s of model %q has the file of version %s of %q", e.v.V, x.Name.V, f.Version.V.V, f.Version.Model), At: at,
		Labels: []diag.Label{{At: f.Version.V.At, Text: "that version is here"}}, Help: "give every version a file of its own"}
}

func versionProps(x *Props, v *Version) diag.Diagnostic {
	return diag.Diagnostic{Code: codeVersionFile, Message: fmt.Sprintf("%q is version %s of model %q, and has properties of its own", x.Name.V, v.V.V, v.Model), At: x.Name.At,
		Labels: []diag.Label{{At: v.V.At, Text: "the version is here"}}, Help: "move them into the entry of the version"}
}
