package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/internal/atomicfile"
)

// glanced is what completion knows of a project: names of files at once, and what stands in
// them if somebody asks. Nothing is compiled, and mistakes are passed over.
type glanced struct {
	project *project.Project
	files   []glancedFile
}

type glancedFile struct {
	path string // slash-separated, relative to the project
	info func() (fs.FileInfo, error)
}

// glance lists the files of the project around the current folder.
func (a *app) glance() (*glanced, bool) {
	dir, err := a.projectDir()
	if err != nil {
		return nil, false
	}
	p, ok := project.Glance(dir, a.env)
	if !ok {
		return nil, false
	}
	g := &glanced{project: p}
	eachFile(p.Dir, rootsOf(p.Settings), p.Settings.TargetPath, nil, func(rel, abs string, item fs.DirEntry) {
		info := item.Info
		if item.Type()&fs.ModeSymlink != 0 {
			info = func() (fs.FileInfo, error) { return os.Stat(abs) }
		}
		g.files = append(g.files, glancedFile{rel, info})
	})
	slices.SortFunc(g.files, func(x, y glancedFile) int { return strings.Compare(x.path, y.path) })
	return g, true
}

// named are the names of the nodes that files below some folders make.
func (g *glanced) named(folders []string, extensions ...string) []string {
	var out []string
	for _, f := range g.files {
		if slices.Contains(extensions, strings.ToLower(path.Ext(f.path))) && slices.ContainsFunc(folders, func(d string) bool { return below(f.path, d) }) {
			out = append(out, strings.TrimSuffix(path.Base(f.path), path.Ext(f.path)))
		}
	}
	return out
}

func below(p, folder string) bool { return folder == "." || strings.HasPrefix(p, folder+"/") }

// nodes are the names of seeds, models and snapshots, sorted.
func (g *glanced) nodes() []string {
	s := g.project.Settings
	out := slices.Concat(g.named(s.ModelPaths, ".sql"), g.named(s.SnapshotPaths, ".sql"), g.named(s.SeedPaths, ".csv", ".parquet"))
	slices.Sort(out)
	return slices.Compact(out)
}

// tests are the names of singular tests.
func (g *glanced) tests() []string {
	var out []string
	for _, dir := range g.project.Settings.TestPaths {
		for _, f := range g.files {
			rest, ok := strings.CutPrefix(f.path, dir+"/")
			if ok && path.Ext(f.path) == ".sql" && !strings.HasPrefix(rest, "generic/") && !strings.HasPrefix(rest, "fixtures/") {
				out = append(out, strings.TrimSuffix(path.Base(f.path), ".sql"))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// folders are those with files, with all above them.
func (g *glanced) folders() []string {
	seen := map[string]bool{}
	for _, f := range g.files {
		for d := path.Dir(f.path); d != "." && !seen[d]; d = path.Dir(d) {
			seen[d] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// text is the text of the model or snapshot with a name; empty if there is none.
func (g *glanced) text(name string) string {
	s := g.project.Settings
	for _, f := range g.files {
		if path.Base(f.path) == name+".sql" && slices.ContainsFunc(slices.Concat(s.ModelPaths, s.SnapshotPaths), func(d string) bool { return below(f.path, d) }) {
			data, err := os.ReadFile(filepath.Join(g.project.Dir, filepath.FromSlash(f.path)))
			if err == nil {
				return string(data)
			}
		}
	}
	return ""
}

// ctes are the common table expressions of a model that can be shown.
func (g *glanced) ctes(name string) []string {
	var out []string
	for _, c := range g.lexis().Commons(templateless(g.text(name))) {
		if !c.InSubquery {
			out = append(out, c.Path)
		}
	}
	return out
}

func (g *glanced) lexis() sql.Lexis {
	if d := g.project.Settings.Dialect.V; d == project.GoogleSQL || d == "bigquery" {
		return sql.GoogleSQL
	}
	return sql.Standard
}

var action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

// templateless is a text with a name in the place of each action, so that it can be read as SQL.
func templateless(text string) string {
	return action.ReplaceAllStringFunc(text, func(a string) string {
		word := strings.Trim(a, "{}- \t\r\n")
		if strings.HasPrefix(word, "$") && strings.Contains(word, "=") {
			return " "
		}
		for _, control := range []string{"config", "if", "else", "end", "range", "with", "define", "/*"} {
			if strings.HasPrefix(word, control) {
				return " "
			}
		}
		return " _t "
	})
}

// columns are those of a node that its text or YAML name; a star of another model gives those of
// that one.
func (g *glanced) columns(name string, facts *facts) []string {
	seen := map[string]bool{}
	g.addColumns(name, facts, seen, map[string]bool{})
	return slices.Sorted(maps.Keys(seen))
}

var refName = regexp.MustCompile(`\{\{-?\s*ref\s+"([^"]+)"`)

func (g *glanced) addColumns(name string, facts *facts, seen, open map[string]bool) {
	if open[name] {
		return
	}
	open[name] = true
	for _, c := range facts.Columns[name] {
		seen[c] = true
	}
	text := g.text(name)
	if text == "" {
		g.addHeader(name, seen)
		return
	}
	l, plain := g.lexis(), templateless(text)
	star := len(l.Stars(plain)) > 0
	for _, span := range l.Items(plain) {
		if c := outputName(plain[span[0]:span[1]]); c != "" {
			seen[c] = true
		}
	}
	if star {
		for _, m := range refName.FindAllStringSubmatch(text, -1) {
			g.addColumns(m[1], facts, seen, open)
		}
	}
}

// addHeader adds the columns of a seed in CSV.
func (g *glanced) addHeader(name string, seen map[string]bool) {
	for _, f := range g.files {
		if path.Base(f.path) != name+".csv" {
			continue
		}
		file, err := os.Open(filepath.Join(g.project.Dir, filepath.FromSlash(f.path)))
		if err != nil {
			return
		}
		defer file.Close()
		head := make([]byte, 16<<10)
		n, _ := file.Read(head)
		line, _, _ := bytes.Cut(head[:n], []byte("\n"))
		for _, word := range strings.FieldsFunc(string(line), func(r rune) bool { return r == ',' || r == ';' || r == '\t' || r == '|' }) {
			if word = strings.Trim(word, "\" \r\ufeff"); bareName.MatchString(word) {
				seen[word] = true
			}
		}
		return
	}
}

var bareName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// outputName is the name of an item of a select list, as far as its last word says.
func outputName(item string) string {
	words := strings.FieldsFunc(item, func(r rune) bool { return strings.ContainsRune(" \t\r\n.`\"()", r) })
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	if strings.HasSuffix(strings.TrimSpace(item), ")") || !bareName.MatchString(last) || strings.EqualFold(last, "end") {
		return ""
	}
	return last
}

// facts are the words that stand in the files of a project.
type facts struct {
	Tags      []string `json:"t,omitempty"`
	Owners    []string `json:"o,omitempty"`
	Groups    []string `json:"g,omitempty"`
	Sources   []string `json:"s,omitempty"` // source and source.table
	Exposures []string `json:"e,omitempty"`
	UnitTests []string `json:"u,omitempty"`
	Macros    []string `json:"m,omitempty"`
	// Ancestries are the models that are said to be materialized so.
	Ancestries []string            `json:"a,omitempty"`
	Columns    map[string][]string `json:"c,omitempty"` // by node
}

func (f *facts) add(g facts) {
	f.Tags, f.Owners, f.Groups = append(f.Tags, g.Tags...), append(f.Owners, g.Owners...), append(f.Groups, g.Groups...)
	f.Sources, f.Exposures, f.UnitTests = append(f.Sources, g.Sources...), append(f.Exposures, g.Exposures...), append(f.UnitTests, g.UnitTests...)
	f.Macros, f.Ancestries = append(f.Macros, g.Macros...), append(f.Ancestries, g.Ancestries...)
	for name, columns := range g.Columns {
		if f.Columns == nil {
			f.Columns = map[string][]string{}
		}
		f.Columns[name] = append(f.Columns[name], columns...)
	}
}

func (f *facts) empty() bool {
	return len(f.Tags)+len(f.Owners)+len(f.Groups)+len(f.Sources)+len(f.Exposures)+len(f.UnitTests)+len(f.Macros)+len(f.Ancestries)+len(f.Columns) == 0
}

// factsVersion changes with what factsOf finds.
const factsVersion = "engine names 1\n"

// facts reads what stands in the files. What earlier calls have read of files that are as they
// were is kept in the target folder; losing it costs time only.
func (g *glanced) facts() *facts {
	kept := filepath.Join(g.project.Dir, filepath.FromSlash(g.project.Settings.TargetPath), "names.kept")
	if filepath.IsAbs(g.project.Settings.TargetPath) {
		kept = filepath.Join(g.project.Settings.TargetPath, "names.kept")
	}
	known := readNames(kept)
	type entry struct{ stamp, facts string }
	entries := make([]entry, len(g.files))
	var wg sync.WaitGroup
	var mu sync.Mutex
	changed := false
	jobs := max(runtime.GOMAXPROCS(0), 1)
	for j := range jobs {
		wg.Go(func() {
			for i := j; i < len(g.files); i += jobs {
				f := g.files[i]
				ext := strings.ToLower(path.Ext(f.path))
				if ext != ".sql" && ext != ".tmpl" && ext != ".yml" && ext != ".yaml" {
					continue
				}
				info, err := f.info()
				if err != nil {
					continue
				}
				stamp := strconv.FormatInt(info.Size(), 36) + "." + strconv.FormatInt(info.ModTime().UnixNano(), 36)
				if was, ok := known[f.path]; ok && was[0] == stamp {
					entries[i] = entry{stamp, was[1]}
					continue
				}
				found := factsOf(filepath.Join(g.project.Dir, filepath.FromSlash(f.path)), ext)
				text := ""
				if !found.empty() {
					b, err := json.Marshal(found)
					if err != nil {
						continue
					}
					text = string(b)
				}
				entries[i] = entry{stamp, text}
				mu.Lock()
				changed = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	out := &facts{}
	var b strings.Builder
	b.WriteString(factsVersion)
	for i, e := range entries {
		if e.stamp == "" {
			continue
		}
		b.WriteString(g.files[i].path + "\t" + e.stamp + "\t" + e.facts + "\n")
		if e.facts != "" {
			var one facts
			if json.Unmarshal([]byte(e.facts), &one) == nil {
				out.add(one)
			}
		}
	}
	out.Tags = append(out.Tags, folderTags(g.project)...)
	if _, err := os.Stat(filepath.Dir(kept)); err == nil && (changed || len(known) != strings.Count(b.String(), "\n")-1) {
		_ = atomicfile.Write(kept, []byte(b.String())) // worth nothing but time
	}
	for _, list := range []*[]string{&out.Tags, &out.Owners, &out.Groups, &out.Sources, &out.Exposures, &out.UnitTests, &out.Macros, &out.Ancestries} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return out
}

// readNames reads what is kept: by path the stamp and the facts.
func readNames(file string) map[string][2]string {
	out := map[string][2]string{}
	data, err := os.ReadFile(file)
	rest, ok := strings.CutPrefix(string(data), factsVersion)
	if err != nil || !ok {
		return out
	}
	for line := range strings.Lines(rest) {
		p, more, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		stamp, text, ok2 := strings.Cut(more, "\t")
		if ok && ok2 && strings.HasSuffix(line, "\n") {
			out[p] = [2]string{stamp, text}
		}
	}
	return out
}

var (
	defines     = regexp.MustCompile(`\{\{-?\s*define\s+"([^"]+)"`)
	ancestral   = regexp.MustCompile(`"materialized"\s+"ancestry"`)
	ofThings    = regexp.MustCompile(`"result"\s+"things"`) // lists of whole groups, which nothing can be traced in
	configWords = regexp.MustCompile(`"(tags|owner|group)"\s+(\(\s*list\b[^)]*\)|"[^"]*")`)
	quotedWord  = regexp.MustCompile(`"([^"]+)"`)
)

// factsOf reads one file.
func factsOf(file, ext string) (f facts) {
	data, err := os.ReadFile(file)
	if err != nil {
		return f
	}
	if ext == ".tmpl" {
		for _, m := range defines.FindAllSubmatch(data, -1) {
			f.Macros = append(f.Macros, string(m[1]))
		}
		return f
	}
	if ext == ".sql" {
		if !bytes.Contains(data, []byte("config")) {
			return f
		}
		if ancestral.Match(data) && !ofThings.Match(data) {
			f.Ancestries = append(f.Ancestries, strings.TrimSuffix(filepath.Base(file), ".sql"))
		}
		for _, m := range configWords.FindAllStringSubmatch(string(data), -1) {
			var words []string
			for _, w := range quotedWord.FindAllStringSubmatch(m[2], -1) {
				words = append(words, w[1])
			}
			switch m[1] {
			case "tags":
				f.Tags = append(f.Tags, words...)
			case "owner":
				f.Owners = append(f.Owners, words...)
			case "group":
				f.Groups = append(f.Groups, words...)
			}
		}
		return f
	}
	var doc map[string]any
	if yaml.Unmarshal(data, &doc) != nil {
		return f
	}
	f.yaml(doc)
	return f
}

// yaml takes the names out of a file of properties.
func (f *facts) yaml(doc map[string]any) {
	for _, key := range []string{"models", "seeds", "snapshots"} {
		for _, x := range mappings(doc[key]) {
			f.properties(x)
			name := fmt.Sprint(x["name"])
			config, _ := x["config"].(map[string]any)
			closure, _ := config["ancestry"].(map[string]any)
			if config["materialized"] == "ancestry" && closure["result"] != "things" {
				f.Ancestries = append(f.Ancestries, name)
			}
			for _, c := range mappings(x["columns"]) {
				if column, ok := c["name"].(string); ok {
					if f.Columns == nil {
						f.Columns = map[string][]string{}
					}
					f.Columns[name] = append(f.Columns[name], column)
				}
			}
		}
	}
	for _, x := range mappings(doc["sources"]) {
		f.properties(x)
		source := fmt.Sprint(x["name"])
		f.Sources = append(f.Sources, source)
		for _, t := range mappings(x["tables"]) {
			f.properties(t)
			f.Sources = append(f.Sources, source+"."+fmt.Sprint(t["name"]))
		}
	}
	for key, to := range map[string]*[]string{"exposures": &f.Exposures, "unit_tests": &f.UnitTests, "groups": &f.Groups} {
		for _, x := range mappings(doc[key]) {
			if name, ok := x["name"].(string); ok {
				*to = append(*to, name)
			}
			if key == "exposures" {
				f.properties(x)
			}
		}
	}
}

// properties takes tags, owner and group of one entry.
func (f *facts) properties(x map[string]any) {
	config, _ := x["config"].(map[string]any)
	for _, m := range []map[string]any{x, config} {
		f.Tags = append(f.Tags, texts(m["tags"])...)
		if owner, ok := m["owner"].(string); ok {
			f.Owners = append(f.Owners, owner)
		}
		if group, ok := m["group"].(string); ok {
			f.Groups = append(f.Groups, group)
		}
	}
}

func mappings(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// folderTags are the tags that engine.yml gives to folders.
func folderTags(p *project.Project) []string {
	data, err := os.ReadFile(filepath.Join(p.Dir, settingsFile))
	var doc any
	if err != nil || yaml.Unmarshal(data, &doc) != nil {
		return nil
	}
	var out []string
	var visit func(v any)
	visit = func(v any) {
		m, _ := v.(map[string]any)
		for key, value := range m {
			if key == "+tags" {
				out = append(out, texts(value)...)
			}
			visit(value)
		}
	}
	m, _ := doc.(map[string]any)
	for _, key := range []string{"models", "seeds", "snapshots", "sources"} {
		visit(m[key])
	}
	slices.Sort(out)
	return slices.Compact(out)
}
