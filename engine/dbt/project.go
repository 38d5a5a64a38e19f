package dbt

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
)

// Options say what is read beside the project's own folder.
type Options struct {
	// Profiles is profiles.yml, nil where there is none.
	Profiles *source.File
	// Target is the output of the profile whose type and name decide; empty: the profile's own choice.
	Target string
}

// Project is what an import makes: files by their slash-separated paths, and what has no
// counterpart, by place.
type Project struct {
	Name string
	// Profile is the profile that the project asks for, Target the output that decides, and
	// Schema that output's.
	Profile, Target, Schema string
	Files                   map[string][]byte
	Notes                   diag.List
	// Counts of what was read: models, macros, seeds, snapshots, tests, packages.
	Models, Macros, Seeds, Snapshots, Tests, Packages int
}

// importer is one import.
type importer struct {
	dir   fs.FS
	o     Options
	out   *Project
	conf  *yaml.Node
	file  *source.File
	vars  map[string]any
	names *constants
	// macros by package (empty: the project's own) and name.
	macros map[string]map[string]Macro
	// from is the text of macros, by the engine's name of each: the library is written only where
	// it is used.
	adapter string
	target  map[string]any
	// connecting: the profile is read for a connection, which needs its secrets.
	connecting bool
	paths      map[string][]string
	// schemaRule is the project's own generate_schema_name, nil where it has none.
	schemaRule *jinja.Macro
	// outputs are the targets of the profile, by name, as Jinja sees them.
	outputs map[string]map[string]any
	used    map[string]bool
	// uses are what the pass before has found out of calls of macros, found what this one does.
	uses, found map[string]*Use
	// snapshots are the snapshots that a file defines, by the path it had.
	snapshots map[string][]string
}

const projectFile = "dbt_project.yml"

// BrokenError is a dbt_project.yml that is not to be read.
type BrokenError struct {
	At  source.Span
	Err error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("read %s: %v", projectFile, e.Err) }

func (e *BrokenError) Unwrap() error { return e.Err }

// passes is how often a project is converted at most: each pass knows of the one before what calls
// give to macros, so that these need fewer of Python's functions.
const passes = 3

// Import reads a dbt project and converts it. It is an error only where there is none.
func Import(dir fs.FS, o Options) (*Project, error) {
	var uses map[string]*Use
	for n := 1; ; n++ {
		out, found, err := importOnce(dir, o, uses)
		if err != nil || n == passes || len(found) == 0 || reflect.DeepEqual(found, uses) {
			return out, err
		}
		uses = found
	}
}

func importOnce(dir fs.FS, o Options, uses map[string]*Use) (*Project, map[string]*Use, error) {
	data, err := fs.ReadFile(dir, projectFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", projectFile, err)
	}
	im := &importer{uses: uses, found: map[string]*Use{}, dir: dir, o: o, out: &Project{Files: map[string][]byte{}}, macros: map[string]map[string]Macro{}, used: map[string]bool{}, snapshots: map[string][]string{}}
	im.file = source.NewFile(projectFile, data)
	if im.conf, err = mapping(data); err != nil {
		return nil, nil, &BrokenError{At: yamlPlace(im.file, err), Err: err}
	}
	im.out.Name = scalar(get(im.conf, "name"))
	if im.out.Name == "" {
		im.out.Name = "imported"
		im.note(im.file.Whole(), "the project has no name")
	}
	im.readVars()
	im.readPaths()
	profile := im.readProfile()
	im.out.Target, im.out.Schema = fmt.Sprint(im.target["name"]), fmt.Sprint(im.target["schema"])
	if v := im.target["dataset"]; v != nil {
		im.out.Schema = fmt.Sprint(v)
	}
	im.names = &constants{vars: im.vars, target: im.target}
	packages := im.packages()
	im.signatures("", im.dir, im.paths["macro-paths"])
	for _, p := range packages {
		im.signatures(p.name, p.dir, p.paths["macro-paths"])
	}
	im.forward()
	im.convert("", im.dir, im.paths, "")
	for _, p := range packages {
		im.convert(p.name, p.dir, p.paths, p.name)
		im.out.Packages++
	}
	im.library()
	im.settings(profile)
	im.out.Notes = im.out.Notes.Sorted()
	return im.out, im.found, nil
}

func (im *importer) note(at source.Span, format string, args ...any) {
	im.out.Notes.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeUnconverted, Message: fmt.Sprintf(format, args...), At: at})
}

// mapping reads a YAML file whose top is a mapping; an empty file is an empty one.
func mapping(data []byte) (*yaml.Node, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		return nil, err
	}
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = *n.Content[0]
	}
	if n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Value == "" {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("the file holds no mapping")
	}
	return &n, nil
}

func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

func decoded(n *yaml.Node) any {
	var v any
	if n == nil || n.Decode(&v) != nil {
		return nil
	}
	return plainValue(v)
}

// plainValue gives maps with text keys, as templates have them.
func plainValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = plainValue(x)
		}
	case map[any]any:
		out := map[string]any{}
		for k, x := range v {
			out[fmt.Sprint(k)] = plainValue(x)
		}
		return out
	case []any:
		for i, x := range v {
			v[i] = plainValue(x)
		}
	}
	return v
}

func (im *importer) readVars() {
	im.vars = map[string]any{}
	vars, _ := decoded(get(im.conf, "vars")).(map[string]any)
	for k, v := range vars {
		if m, ok := v.(map[string]any); ok && k == im.out.Name {
			continue
		} else if ok && im.isPackage(k) {
			maps.Copy(im.vars, m)
			continue
		}
		im.vars[k] = v
	}
	if own, ok := vars[im.out.Name].(map[string]any); ok {
		maps.Copy(im.vars, own)
	}
}

// installed is where packages are.
func (im *importer) installed() string {
	if p := scalar(get(im.conf, "packages-install-path")); p != "" {
		return path.Clean(p)
	}
	for _, p := range []string{"dbt_packages", "dbt_modules"} {
		if info, err := fs.Stat(im.dir, p); err == nil && info.IsDir() {
			return p
		}
	}
	return "dbt_packages"
}

func (im *importer) isPackage(name string) bool {
	info, err := fs.Stat(im.dir, path.Join(im.installed(), name))
	return err == nil && info.IsDir()
}

// pathKeys are keys of folders with their defaults and older names.
var pathKeys = []struct {
	key, old string
	other    []string
}{
	{"model-paths", "source-paths", []string{"models"}},
	{"seed-paths", "data-paths", []string{"seeds"}},
	{"snapshot-paths", "", []string{"snapshots"}},
	{"test-paths", "", []string{"tests"}},
	{"macro-paths", "", []string{"macros"}},
	{"analysis-paths", "", []string{"analyses"}},
}

func pathsOf(conf *yaml.Node) map[string][]string {
	out := map[string][]string{}
	for _, k := range pathKeys {
		out[k.key] = k.other
		for _, key := range []string{k.old, k.key} {
			if n := get(conf, key); key != "" && n != nil {
				out[k.key] = nil
				for _, x := range n.Content {
					out[k.key] = append(out[k.key], path.Clean(x.Value))
				}
			}
		}
	}
	return out
}

func (im *importer) readPaths() { im.paths = pathsOf(im.conf) }

// ownPackages are those whose macros and tests the engine has itself, or that only help developers.
var ownPackages = []string{"dbt_utils", "dbt_expectations", "dbt_date", "codegen", "audit_helper", "dbt_project_evaluator", "elementary"}

// needed says whether a list of packages has one that the engine has not itself.
func needed(data []byte) bool {
	n, err := mapping(data)
	if err != nil {
		return true
	}
	list, _ := decoded(get(n, "packages")).([]any)
	return slices.ContainsFunc(list, func(x any) bool {
		p, _ := x.(map[string]any)
		name, ok := p["package"].(string)
		return !ok || !slices.Contains(ownPackages, path.Base(name))
	})
}

// pkg is an installed package.
type pkg struct {
	name  string
	dir   fs.FS
	paths map[string][]string
}

func (im *importer) packages() []pkg {
	root := im.installed()
	entries, err := fs.ReadDir(im.dir, root)
	if err != nil {
		for _, f := range []string{"packages.yml", "dependencies.yml"} {
			data, err := fs.ReadFile(im.dir, f)
			if err != nil || !needed(data) {
				continue
			}
			im.note(source.NewFile(f, data).Whole(), "the project has packages, and none is installed: run «dbt deps» first, so that they come along")
		}
		return nil
	}
	var out []pkg
	for _, e := range entries {
		sub, err := fs.Sub(im.dir, path.Join(root, e.Name()))
		if err != nil {
			continue
		}
		data, err := fs.ReadFile(sub, projectFile)
		if err != nil {
			continue
		}
		conf, err := mapping(data)
		if err != nil {
			im.note(source.NewFile(path.Join(root, e.Name(), projectFile), data).Whole(), "%v", err)
			continue
		}
		name := scalar(get(conf, "name"))
		if name == "" || slices.Contains(ownPackages, name) {
			continue
		}
		if vars, ok := decoded(get(conf, "vars")).(map[string]any); ok {
			if own, ok := vars[name].(map[string]any); ok {
				vars = own
			}
			for k, v := range vars {
				if _, has := im.vars[k]; !has {
					im.vars[k] = v
				}
			}
		}
		out = append(out, pkg{name, sub, pathsOf(conf)})
	}
	return out
}

// upwards says that a link leads to a folder that it is itself in.
func upwards(dir fs.FS, p string) bool {
	to, err := fs.ReadLink(dir, p)
	if err != nil || path.IsAbs(to) {
		return err != nil
	}
	to = path.Join(path.Dir(p), to)
	return to == "." || strings.HasPrefix(p, to+"/") || strings.Trim(to, "./") == ""
}

// mostLinks is how many links to folders are followed in one path.
const mostLinks = 4

// besideModels are folders that belong to no kind of file where a project has its models at the top.
var besideModels = []string{"target", "dbt_packages", "dbt_modules", "logs", "macros", "seeds", "snapshots", "tests", "analyses"}

// otherYAML are files of dbt's that are no properties, wherever they lie.
var otherYAML = []string{"dbt_project.yml", "profiles.yml", "packages.yml", "dependencies.yml", "package-lock.yml", "selectors.yml", "dbt_cloud.yml", "engine.yml"}

// files lists those below folders with one of the endings, sorted. Generic tests are given where
// they are asked for.
func files(dir fs.FS, folders []string, endings ...string) []string {
	var out []string
	ignored := func(string) bool { return false }
	if data, err := fs.ReadFile(dir, ".dbtignore"); err == nil {
		ignored = ignoredBy(data)
	}
	var walk func(folder string, links int)
	walk = func(folder string, links int) {
		_ = fs.WalkDir(dir, folder, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // a folder that is not there has no files
			case d.IsDir() && p != folder && (strings.HasPrefix(d.Name(), ".") || folder == "." && slices.Contains(besideModels, d.Name())):
				return fs.SkipDir
			case d.IsDir():
				return nil
			case d.Type()&fs.ModeSymlink != 0: // dbt follows links; a circle ends
				if info, err := fs.Stat(dir, p); err == nil && info.IsDir() {
					if links < mostLinks && !upwards(dir, p) {
						walk(p, links+1)
					}
					return nil
				}
			}
			if slices.Contains(endings, strings.ToLower(path.Ext(p))) && !ignored(p) && !slices.Contains(otherYAML, path.Base(p)) {
				out = append(out, p)
			}
			return nil
		})
	}
	for _, folder := range folders {
		if fs.ValidPath(folder) {
			walk(folder, 0)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func read(dir fs.FS, prefix, p string) (*source.File, error) {
	data, err := fs.ReadFile(dir, p)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	return source.NewFile(path.Join(prefix, p), bytes.TrimPrefix(data, []byte("\ufeff"))), nil
}

// signatures reads what macros there are, so that calls can name their arguments.
func (im *importer) signatures(name string, dir fs.FS, folders []string) {
	own := map[string]Macro{}
	for _, p := range files(dir, folders, ".sql") {
		f, err := read(dir, "", p)
		if err != nil {
			continue
		}
		if t, list := jinja.Parse(f); list == nil {
			maps.Copy(own, Signatures(name, t))
		}
	}
	for rule := range ownRules {
		delete(own, rule) // what is overridden is the engine's own
	}
	im.macros[name] = own
}

// macro finds what a call names: an own macro, one of the package it stands in, the named
// package's, or one of the library.
func (im *importer) macro(inside string) func(owner, name string) (Macro, bool) {
	return func(owner, name string) (Macro, bool) {
		try := []string{owner}
		if owner == "" {
			try = []string{"", inside}
		}
		if owner == im.out.Name {
			try = []string{""}
		}
		for _, p := range try {
			if m, ok := im.macros[p][name]; ok {
				return m, true
			}
		}
		return im.fromLibrary(owner, name)
	}
}

func (im *importer) context(inside, model string) *Context {
	return &Context{Package: inside, Project: im.out.Name, Adapter: im.adapter, Model: model, Vars: im.vars, Macro: im.macro(inside), Uses: im.uses, Called: im.called}
}

func (im *importer) called(macro string, given map[string]typ) {
	if im.found[macro] == nil {
		im.found[macro] = &Use{Passed: map[string]int{}, types: map[string]typ{}}
	}
	im.found[macro].add(given)
}

// forward finds the macros that only dispatch to one that writes text: they write it, too.
func (im *importer) forward() {
	for changed := true; changed; {
		changed = false
		for pkg, macros := range im.macros {
			w := &writer{Context: im.context(pkg, "")}
			for name, m := range macros {
				if m.forwards == nil || !m.Value {
					continue
				}
				if to, ok := w.dispatch(m.forwards); ok && !to.Value {
					m.Value = false
					macros[name], changed = m, true
				}
			}
		}
	}
	im.used = map[string]bool{} // what was only looked up is not used
}
