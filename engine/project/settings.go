package project

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const settingsFile = "engine.yml"

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// foreignSettings are keys of dbt_project.yml that engine.yml does not have.
var foreignSettings = hints{
	"profile":               `connections stand under "targets"`,
	"config-version":        "remove it",
	"require-dbt-version":   "remove it",
	"flags":                 "give flags on the command line",
	"dispatch":              "there are no packages; remove it",
	"quoting":               "names are always quoted where they need it; remove it",
	"query-comment":         "remove it",
	"clean-targets":         `"engine clean" removes the target path; remove it`,
	"packages-install-path": "there are no packages; remove it",
	"docs-paths":            "docs blocks are found below all paths; remove it",
	"asset-paths":           "remove it",
	"log-path":              "remove it",
	"restrict-access":       "remove it",
	"sources":               "configure sources in their properties files",
	"exposures":             "configure exposures in their properties files",
	"unit_tests":            "configure unit tests in their properties files",
	"metrics":               "there is no semantic layer; remove it",
	"semantic-models":       "there is no semantic layer; remove it",
	"saved-queries":         "there is no semantic layer; remove it",
	"functions":             "create functions in on-run-start",
	"packages":              "there are no packages; remove it",
	"outputs":               `connections stand under "targets"`,
}

// settings is engine.yml while the folders it configures are not known yet.
type settings struct {
	Settings
	reader *reader
	roots  []root
	trees  []tree
}

// tree is a folder configuration as written.
type tree struct {
	kind addr.Kind
	key  string // «models»
	node *yaml.Node
}

// readSettings reads engine.yml. found is false when there is none. When it cannot be
// parsed the defaults hold, so that the mistakes of other files are found as well.
func readSettings(dir, shown string, env func(string) (string, bool), from *reading) (*settings, bool, diag.List) {
	s := &settings{}
	s.TargetPath, s.Dialect.V = "target", GoogleSQL
	if from.missing(dir, settingsFile) {
		return s, false, diag.List{settingsMissing(shown, lookalike(dir))}
	}
	f, ok, list := from.named(dir, settingsFile)
	s.File = f
	doc := &document{file: f}
	if ok {
		var more diag.List
		doc, more = parseYAML(f)
		list.Add(more...)
	}
	s.reader = &reader{doc: doc}
	broken := !ok || list.HasErrors() && doc.root == nil
	s.decode(doc.root, broken, env)
	s.readCustomers(dir, from)
	return s, true, append(list, s.reader.list...)
}

// lookalike is a file that could have been meant to be engine.yml.
func lookalike(dir string) string {
	for _, name := range []string{"engine.yaml", "Engine.yml", ".engine.yml", "dbt_project.yml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return name
		}
	}
	return ""
}

func (s *settings) decode(root *yaml.Node, broken bool, env func(string) (string, bool)) {
	if root == nil {
		root = &yaml.Node{Line: 1, Column: 1}
	}
	o, ok := s.reader.object(root, settingsFile)
	if !ok {
		broken = true
		o = &object{reader: s.reader, what: settingsFile, at: s.File.Whole()}
	}
	if !broken {
		s.decodeName(o)
	}
	s.Version = o.str("version").V
	s.decodeDialect(o)
	s.decodeFormat(o)
	s.decodeRules(o)
	s.decodePaths(o)
	s.Vars = scopedVars(o.values("vars"), s.Name.V)
	s.OnRunStart, s.OnRunEnd = o.strs("on-run-start"), o.strs("on-run-end")
	s.decodePublication(o)
	s.decodeTargets(o, env)
	s.decodeConnections(o)
	s.decodeDistribution(o)
	s.decodeMetabase(o)
	s.decodeSchedules(o)
	s.decodeLookML(o)
	s.decodeCatalog(o)
	for _, key := range []string{"models", "seeds", "snapshots", "data_tests", "tests"} {
		kind := addr.Kind(strings.TrimSuffix(strings.TrimPrefix(key, "data_"), "s"))
		if n := o.get(key); n != nil {
			s.trees = append(s.trees, tree{kind, key, n})
		}
	}
	if n := o.get("analyses"); n != nil {
		s.trees = append(s.trees, tree{addr.Analysis, "analyses", n})
	}
	if o.has("data_tests") && o.has("tests") {
		o.list.Add(configTwice(o.keyAt("tests"), "data_tests", o.keyAt("data_tests")))
	}
	o.finish(misplacedSetting, foreignSettings)
}

func misplacedSetting(key string) string {
	switch key {
	case "type", "database", "threads", "tag_limits", "custom_schema", "path", "deadline":
		return `put it into an entry of "targets"`
	case "schedule", "cron":
		return `schedules stand in a list: schedules: [{name: nightly, cron: "0 3 * * *"}]`
	case "columns", "description":
		return "it belongs in a properties file below models/"
	}
	if k, ok := LookupKey(strings.TrimPrefix(key, "+"), addr.Model); ok {
		return fmt.Sprintf("put it under \"models\": models: {+%s: …}", k.Name)
	}
	return ""
}

func (s *settings) decodeName(o *object) {
	name, ok := o.required("name")
	if ok && !identifier.MatchString(name.V) {
		o.list.Add(valueInvalid(name.At, fmt.Sprintf("%q cannot be the name of a project", name.V), "use letters, digits and underscores, beginning with a letter"))
	}
	s.Name = name
}

// decodeDialect reads the language that SQL is written in unless a node says otherwise.
func (s *settings) decodeDialect(o *object) {
	s.Dialect = Value[string]{V: GoogleSQL}
	written := o.str("dialect")
	if !written.IsSet() {
		return
	}
	if !slices.Contains(Dialects, written.V) {
		o.list.Add(valueInvalid(written.At, fmt.Sprintf("there is no dialect %q", written.V), dialectHelp(written.V)))
		return
	}
	s.Dialect = written
}

func dialectHelp(written string) string {
	if near, ok := diag.Suggest(written, Dialects); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(Dialects, ", ")
}

// scopedVars lets vars be grouped under the project's name, as dbt allows.
func scopedVars(vars map[string]Value[any], project string) map[string]Value[any] {
	if vars == nil {
		vars = map[string]Value[any]{}
	}
	own, ok := vars[project]
	scope, isMap := own.V.(map[string]any)
	if !ok || !isMap {
		return vars
	}
	delete(vars, project)
	for name, v := range scope {
		vars[name] = Value[any]{v, own.At}
	}
	return vars
}

func (s *settings) decodePaths(o *object) {
	paths := func(key string, t trade, def string) []string {
		out := []string{}
		if !o.has(key) {
			s.roots = append(s.roots, root{trade: t, path: def, key: key})
			return []string{def}
		}
		for _, v := range o.strs(key) {
			p, why := inside(v.V)
			if why != "" {
				o.list.Add(pathInvalid(v.At, v.V, why))
				continue
			}
			if slices.Contains(out, p) {
				o.list.Add(pathInvalid(v.At, v.V, "given twice"))
				continue
			}
			out = append(out, p)
			s.roots = append(s.roots, root{trade: t, path: p, key: key, at: v.At})
		}
		return out
	}
	s.ModelPaths = paths("model-paths", tradeModels, "models")
	s.SeedPaths = paths("seed-paths", tradeSeeds, "seeds")
	s.SnapshotPaths = paths("snapshot-paths", tradeSnapshots, "snapshots")
	s.TestPaths = paths("test-paths", tradeTests, "tests")
	s.MacroPaths = paths("macro-paths", tradeMacros, "macros")
	s.FunctionPaths = paths("function-paths", tradeFunctions, "functions")
	s.AnalysisPaths = paths("analysis-paths", tradeAnalyses, "analyses")
	if v := o.str("target-path"); v.IsSet() {
		p, why := inside(v.V)
		if why == "" && p == "." {
			why = "this is the project itself"
		}
		if i := slices.IndexFunc(s.roots, func(r root) bool { return r.path == p }); why == "" && i >= 0 {
			why = fmt.Sprintf("this is a folder of %q", s.roots[i].key)
		}
		if why != "" {
			o.list.Add(pathInvalid(v.At, v.V, why))
			return
		}
		s.TargetPath = p
	}
}

// inside cleans a path and says why it is not below the project.
func inside(p string) (clean, why string) {
	clean = path.Clean(filepath.ToSlash(p))
	switch {
	case strings.TrimSpace(p) == "":
		return "", "the path is empty"
	case path.IsAbs(clean) || filepath.IsAbs(p):
		return "", "the path is absolute"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "", "the path leads out of the project"
	}
	return clean, ""
}

// readFolders decodes the folder configuration once the folders are known.
func (s *settings) readFolders(found map[trade][]string) diag.List {
	if s.reader == nil {
		return nil
	}
	s.reader.list = nil
	s.Folders = map[addr.Kind]*Folder{}
	for _, t := range s.trees {
		f := folders{reader: s.reader, kind: t.kind, known: foldersOf(t.kind, found), project: s.Name.V}
		if _, twice := s.Folders[t.kind]; !twice {
			if tree := f.level(t.node, t.key, ""); tree != nil {
				s.Folders[t.kind] = tree
			}
		}
	}
	return s.reader.list
}

// foldersOf are the folders that a kind's configuration can name. Tests are found in
// folders of their own and beside what they test.
func foldersOf(kind addr.Kind, found map[trade][]string) map[string]bool {
	trades := map[addr.Kind][]trade{
		addr.Model: {tradeModels}, addr.Seed: {tradeSeeds}, addr.Snapshot: {tradeSnapshots}, addr.Analysis: {tradeAnalyses},
		addr.Test: {tradeTests, tradeModels, tradeSeeds, tradeSnapshots},
	}[kind]
	out := map[string]bool{}
	for _, t := range trades {
		for _, f := range found[t] {
			out[f] = true
		}
	}
	return out
}

// folders decodes one tree of folder configuration.
type folders struct {
	*reader
	kind    addr.Kind
	known   map[string]bool // relative to the configured paths
	project string
}

// level decodes the configuration of one folder, "" being all of them.
func (f *folders) level(n *yaml.Node, what, below string) *Folder {
	o, ok := f.object(n, what)
	if !ok {
		return nil
	}
	out := &Folder{Config: Config{}, Folders: map[string]*Folder{}, At: o.at}
	for i := range o.fields {
		fd := &o.fields[i]
		f.entry(o, fd, out, below)
	}
	return out
}

func (f *folders) entry(o *object, fd *field, out *Folder, below string) {
	name := fd.name
	child := path.Join(below, name)
	bare, plus := strings.CutPrefix(name, "+")
	isMap := resolve(fd.val).Kind == yaml.MappingNode
	key, isKey := LookupKey(bare, f.kind)
	switch {
	case plus && !isKey:
		f.list.Add(unknownConfig(bare, f.kind, f.span(fd.key)))
	case !plus && f.known[child] && (isMap || !isKey):
		if sub := f.level(fd.val, fmt.Sprintf("folder %q", child), child); sub != nil {
			out.Folders[name] = sub
		}
	case isKey:
		fd.name = bare
		o.take(out.Config, key, bare, f.kind)
		fd.name = name
	case below == "" && name == f.project && f.project != "":
		f.project = "" // only once
		if sub := f.level(fd.val, fmt.Sprintf("project %q", name), ""); sub != nil {
			f.adopt(out, sub)
		}
	case !isMap && foreignConfig[bare] != "":
		f.list.Add(unknownConfig(bare, f.kind, f.span(fd.key)))
	default:
		f.list.Add(folderUnknown(f.span(fd.key), name, o.what, f.siblings(below), f.kind))
	}
}

// adopt moves what stands below the project's name one level up.
func (f *folders) adopt(out, sub *Folder) {
	for k, v := range sub.Config {
		if first, twice := out.Config[k]; twice {
			f.list.Add(configTwice(v.At, k, first.At))
			continue
		}
		out.Config[k] = v
	}
	for k, v := range sub.Folders {
		if first, twice := out.Folders[k]; twice {
			f.list.Add(configTwice(v.At, k, first.At))
			continue
		}
		out.Folders[k] = v
	}
}

func (f *folders) siblings(below string) []string {
	var out []string
	for name := range f.known {
		if dir := path.Dir(name); dir == below || dir == "." && below == "" {
			out = append(out, path.Base(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fallbackTarget is the target of a project that gives none.
func fallbackTarget() *TargetSettings {
	return &TargetSettings{Name: "dev", Type: Value[string]{V: "duckdb"}, Fields: map[string]Value[string]{}, Vars: map[string]Value[any]{}, At: source.Span{}}
}
