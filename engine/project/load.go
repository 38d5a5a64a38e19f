package project

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Load reads the project in a folder. It always returns a project: what could be read,
// even when the diagnostics have errors. Everything that is wrong is reported at once.
// env answers ${NAME} in default_target; the targets' own values are interpolated by
// Settings.Target.
func Load(dir string, env func(string) (string, bool)) (*Project, diag.List) {
	p := &Project{}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return p, diag.List{projectMissing(dir, err)}
	}
	p.Dir = abs
	info, err := os.Stat(abs)
	if err != nil || !info.IsDir() {
		return p, diag.List{projectMissing(dir, err)}
	}
	settings, found, list := readSettings(abs, dir, env)
	p.Settings = settings.Settings
	if !found {
		return p, list
	}

	w := &walker{dir: abs, skip: map[string]bool{p.Settings.TargetPath: true}, seen: map[string]bool{}, folders: map[trade][]string{}}
	w.roots(settings.roots)
	slices.SortFunc(w.entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	list.Add(w.list...)

	a := assembly{project: p}
	for _, l := range readAll(abs, w.wantedEntries(&list)) {
		a.add(l)
	}
	list.Add(a.list...)
	list.Add(settings.readFolders(w.folders)...)
	p.Settings.Folders = settings.Folders
	list.Add(fillDocs(a.uses, p.Docs)...)
	list.Add(checkNames(p)...)
	list.Add(matchProps(p)...)
	return p, list.Sorted()
}

// wantedEntries drops the files that are not ours, some of them with a word.
func (w *walker) wantedEntries(list *diag.List) []entry {
	var out []entry
	for _, e := range w.entries {
		if wanted(e.trade, e.path) {
			out = append(out, e)
			continue
		}
		switch ext := extension(e.path); {
		case ext == "py" && e.trade == tradeModels:
			list.Add(fileIgnored(pathOnly(e.path), "models are SQL", "write the model as .sql, or move the file out of the folder"))
		case ext == "sql" && e.trade == tradeMacros:
			list.Add(fileIgnored(pathOnly(e.path), "macros are .tmpl files", `write it as a template: {{ define "name" }}…{{ end }}`))
		case ext == "sql" && e.trade == tradeSeeds, (ext == "csv" || ext == "parquet") && e.trade == tradeModels:
			list.Add(fileIgnored(pathOnly(e.path), fmt.Sprintf("it is below a folder of %ss", e.trade), "move it to where files of its kind are"))
		}
	}
	return out
}

// assembly puts what was read from single files together.
type assembly struct {
	project *Project
	uses    []docUse
	list    diag.List
}

func (a *assembly) add(l loaded) {
	a.list.Add(l.list...)
	p := a.project
	if l.seed != nil {
		p.Seeds = append(p.Seeds, l.seed)
		return
	}
	switch extension(l.path) {
	case "sql":
		a.template(l)
	case "tmpl":
		if l.ok {
			p.Macros = append(p.Macros, &File{Name: stem(l.path), Source: l.file})
		}
	case "md":
		p.Docs = append(p.Docs, l.docs...)
	case "yml", "yaml":
		a.list.Add(l.part.list...)
		a.uses = append(a.uses, l.part.docs...)
		p.Props = append(p.Props, l.part.props...)
		p.TestProps = append(p.TestProps, l.part.testProps...)
		p.Sources = append(p.Sources, l.part.sources...)
		p.Exposures = append(p.Exposures, l.part.exposures...)
		p.UnitTests = append(p.UnitTests, l.part.unitTests...)
		p.Groups = append(p.Groups, l.part.groups...)
	}
}

func (a *assembly) template(l loaded) {
	p, f := a.project, &File{Name: stem(l.path), Source: l.file, Broken: !l.ok}
	switch l.trade {
	case tradeModels:
		p.Models = append(p.Models, f)
	case tradeSnapshots:
		p.Snapshots = append(p.Snapshots, f)
	case tradeTests:
		if first, _, below := strings.Cut(l.below, "/"); below && first == "generic" {
			p.Generics = append(p.Generics, f)
		} else {
			p.Tests = append(p.Tests, f)
		}
	}
}

// nameProblem says why a name cannot be part of a node's identity, or nothing.
func nameProblem(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "it is empty"
	case len(name) > 255:
		return fmt.Sprintf("it has %d bytes", len(name))
	case strings.Contains(name, "."):
		return "it has a dot"
	case strings.Contains(name, "/"):
		return "it has a slash"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 }):
		return "it has a control character"
	}
	return ""
}

// namespace finds names given twice. The first one by path keeps the name.
type namespace struct {
	list diag.List
	help string
	seen map[string]named
}

type named struct {
	what string
	at   source.Span
}

func (n *namespace) add(what, key, name string, at source.Span) {
	if first, twice := n.seen[key]; twice {
		n.list.Add(nameDuplicate(at, what, name, first.at, first.what, n.help))
		return
	}
	n.seen[key] = named{what, at}
}

// fileName is where the name of a file's node is written: in its path only.
func fileName(f *source.File) source.Span { return pathOnly(f.Path) }

// checkNames holds all names to the rules of identities: valid, and unique in their space.
func checkNames(p *Project) diag.List {
	refs := &namespace{help: "rename one of them: ref finds models, seeds and snapshots by name alone", seen: map[string]named{}}
	type item struct {
		what, name string
		at         source.Span
	}
	var items []item
	for _, f := range p.Models {
		items = append(items, item{"model", f.Name, fileName(f.Source)})
	}
	for _, s := range p.Seeds {
		items = append(items, item{"seed", s.Name, s.At})
	}
	for _, f := range p.Snapshots {
		items = append(items, item{"snapshot", f.Name, fileName(f.Source)})
	}
	for _, i := range items {
		checkName(&refs.list, i.at, i.what, i.name)
		refs.add(i.what, i.name, i.name, i.at)
	}
	list := refs.list

	each := func(help string, add func(n *namespace)) {
		n := &namespace{help: help, seen: map[string]named{}}
		add(n)
		list.Add(n.list...)
	}
	files := func(what string, files []*File) {
		each("rename one of the files", func(n *namespace) {
			for _, f := range files {
				checkName(&n.list, fileName(f.Source), what, f.Name)
				n.add(what, f.Name, f.Name, fileName(f.Source))
			}
		})
	}
	files("data test", p.Tests)
	files("generic test", p.Generics)
	props := map[addr.Node]source.Span{}
	for _, x := range slices.Concat(p.Props, p.TestProps) {
		id := addr.Node{Kind: x.Kind, Name: x.Name.V}
		if first, twice := props[id]; twice {
			list.Add(propsDuplicate(x.Name.At, x.Kind, x.Name.V, first))
			continue
		}
		props[id] = x.Name.At
	}
	each("remove one of the entries", func(n *namespace) {
		checked := map[source.Span]bool{}
		for _, s := range p.Sources {
			if !checked[s.SourceName.At] {
				checked[s.SourceName.At] = true
				checkName(&n.list, s.SourceName.At, "source", s.SourceName.V)
			}
			checkName(&n.list, s.Table.At, "source table", s.Table.V)
			key := s.SourceName.V + "." + s.Table.V
			n.add("source table", key, key, s.Table.At)
		}
	})
	each("rename one of them", func(n *namespace) {
		for _, e := range p.Exposures {
			checkName(&n.list, e.Name.At, "exposure", e.Name.V)
			n.add("exposure", e.Name.V, e.Name.V, e.Name.At)
		}
	})
	each("rename one of them", func(n *namespace) {
		for _, u := range p.UnitTests {
			checkName(&n.list, u.Name.At, "unit test", u.Name.V)
			n.add("unit test", u.Model.V+"\x00"+u.Name.V, u.Name.V, u.Name.At)
		}
	})
	each("rename one of them", func(n *namespace) {
		for _, g := range p.Groups {
			n.add("group", g.Name.V, g.Name.V, g.Name.At)
		}
	})
	each("rename one of them", func(n *namespace) {
		for _, d := range p.Docs {
			n.add("docs block", d.Name, d.Name, d.At)
		}
	})
	return list
}

// matchProps reports properties of things that do not exist, which would be ignored.
func matchProps(p *Project) diag.List {
	names := map[addr.Kind]map[string]string{addr.Model: {}, addr.Seed: {}, addr.Snapshot: {}, addr.Test: {}}
	add := func(kind addr.Kind, fs []*File) {
		for _, f := range fs {
			if _, twice := names[kind][f.Name]; !twice {
				names[kind][f.Name] = f.Source.Path
			}
		}
	}
	add(addr.Model, p.Models)
	add(addr.Snapshot, p.Snapshots)
	add(addr.Test, p.Tests)
	for _, s := range p.Seeds {
		names[addr.Seed][s.Name] = s.Path
	}
	var list diag.List
	for _, x := range slices.Concat(p.Props, p.TestProps) {
		if _, ok := names[x.Kind][x.Name.V]; ok {
			continue
		}
		list.Add(propsUnmatched(x.Name.At, x.Kind, x.Name.V, otherHome(x, names)))
	}
	return list
}

// otherHome guesses what the properties were meant for.
func otherHome(x *Props, names map[addr.Kind]map[string]string) string {
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		if file, ok := names[kind][x.Name.V]; ok {
			return fmt.Sprintf("%s makes it a %s: move the entry under \"%ss:\"", file, kind, kind)
		}
	}
	if s, ok := diag.Suggest(x.Name.V, slices.Sorted(maps.Keys(names[x.Kind]))); ok {
		return fmt.Sprintf("did you mean %q? (%s)", s, names[x.Kind][s])
	}
	return cmp.Or(map[addr.Kind]string{
		addr.Model: "write " + path.Join("models", x.Name.V+".sql") + ", or remove the entry",
		addr.Test:  "write " + path.Join("tests", x.Name.V+".sql") + ", or remove the entry; tests of a model stand in the model's entry",
	}[x.Kind], "add its file, or remove the entry")
}
