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
	return loadFrom(dir, env, nil)
}

func loadFrom(dir string, env func(string) (string, bool), from *reading) (*Project, diag.List) {
	p := &Project{Lock: &Lock{}}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return p, diag.List{projectMissing(dir, err)}
	}
	p.Dir = abs
	info, err := os.Stat(abs)
	if err != nil || !info.IsDir() {
		return p, diag.List{projectMissing(dir, err)}
	}
	settings, found, list := readSettings(abs, dir, env, from)
	p.Settings = settings.Settings
	if !found {
		return p, list
	}

	lock, more := ReadLock(abs)
	p.Lock = lock
	list.Add(more...)
	p.Selectors, more = readSelectors(abs, from)
	list.Add(more...)

	w := &walker{dir: abs, skip: map[string]bool{p.Settings.TargetPath: true}, seen: map[string]bool{}, folders: map[trade][]string{}}
	w.roots(settings.roots)
	if from != nil {
		w.open(from.buffers, settings.roots)
	}
	slices.SortFunc(w.entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	list.Add(w.list...)

	a := assembly{project: p}
	read := readAll(abs, w.wantedEntries(&list), from)
	for _, l := range read {
		a.add(l)
	}
	if from != nil && from.shelf != nil {
		from.shelf.settle(read, settings.File)
		p.texts = make(map[string]*source.File, len(read)+len(from.byName))
		for i := range read {
			if read[i].ok && read[i].seed == nil {
				p.texts[read[i].path] = read[i].file
			}
		}
		maps.Copy(p.texts, from.byName)
	}
	list.Add(a.list...)
	list.Add(settings.readFolders(w.folders)...)
	p.Settings.Folders = settings.Folders
	list.Add(checkNames(p)...)
	list.Add(fillDocs(a.uses, p.Docs)...)
	list.Add(fillFixtures(p)...)
	list.Add(splitVersions(p)...)
	list.Add(checkConnections(p)...)
	list.Add(matchProps(p)...)
	return p, list.Sorted()
}

// wantedEntries drops the files that are not ours, some of them with a word.
func (w *walker) wantedEntries(list *diag.List) []entry {
	out := make([]entry, 0, len(w.entries))
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
	case "csv":
		if l.ok && isFixture(l.below) {
			p.Fixtures = append(p.Fixtures, &File{Name: stem(l.path), Source: l.file})
		}
	case "tmpl":
		if l.ok {
			p.Macros = append(p.Macros, &File{Name: stem(l.path), Source: l.file})
		}
	case "md":
		p.Docs = append(p.Docs, l.docs...)
	case "yml", "yaml":
		if l.part == nil {
			return // unreadable, which has been reported
		}
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
	case tradeFunctions:
		p.Functions = append(p.Functions, f)
	case tradeSnapshots:
		p.Snapshots = append(p.Snapshots, f)
	case tradeAnalyses:
		p.Analyses = append(p.Analyses, f)
	case tradeTests:
		if first, _, below := strings.Cut(l.below, "/"); below && first == "generic" {
			p.Generics = append(p.Generics, f)
		} else if isFixture(l.below) {
			p.Fixtures = append(p.Fixtures, f)
		} else {
			p.Tests = append(p.Tests, f)
		}
	}
}

// matchProps reports properties of things that do not exist, and drops them.
func matchProps(p *Project) diag.List {
	names := map[addr.Kind]map[string]string{addr.Model: {}, addr.Seed: {}, addr.Snapshot: {}, addr.Test: {}, addr.Analysis: {}}
	add := func(kind addr.Kind, fs []*File) {
		names[kind] = make(map[string]string, len(fs))
		for _, f := range fs {
			names[kind][f.Name] = f.Source.Path
		}
	}
	add(addr.Model, p.Models)
	add(addr.Snapshot, p.Snapshots)
	add(addr.Analysis, p.Analyses)
	add(addr.Test, p.Tests)
	for _, s := range p.Seeds {
		names[addr.Seed][s.Name] = s.Path
	}
	var list diag.List
	unmatched := func(x *Props) bool {
		if _, ok := names[x.Kind][x.Name.V]; ok {
			return false
		}
		list.Add(propsUnmatched(x.Name.At, x.Kind, x.Name.V, otherHome(x, names)))
		return true
	}
	p.Props = slices.DeleteFunc(p.Props, unmatched)
	p.TestProps = slices.DeleteFunc(p.TestProps, unmatched)
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
		addr.Model:    "write " + path.Join("models", x.Name.V+".sql") + ", or remove the entry",
		addr.Analysis: "write " + path.Join("analyses", x.Name.V+".sql") + ", or remove the entry",
		addr.Test:     "write " + path.Join("tests", x.Name.V+".sql") + ", or remove the entry; tests of a model stand in the model's entry",
	}[x.Kind], "add its file, or remove the entry")
}
