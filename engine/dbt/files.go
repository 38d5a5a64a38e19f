package dbt

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
)

// convert writes the files of the project, or of a package, whose files get a folder of its name.
func (im *importer) convert(name string, dir fs.FS, paths map[string][]string, below string) {
	prefix := ""
	if name != "" {
		prefix = path.Join(im.installed(), name)
	}
	place := func(p string) string {
		if below == "" {
			return p
		}
		for key, to := range map[string]string{"model-paths": "model-paths", "seed-paths": "seed-paths", "macro-paths": "macro-paths", "test-paths": "test-paths", "snapshot-paths": "snapshot-paths", "analysis-paths": "analysis-paths"} {
			for _, folder := range paths[key] {
				if rest, ok := strings.CutPrefix(p, folder+"/"); ok && len(im.paths[to]) > 0 {
					return path.Join(im.paths[to][0], below, rest)
				}
			}
		}
		return path.Join(below, p)
	}
	each := func(folders []string, endings []string, f func(*source.File, string)) {
		for _, p := range files(dir, folders, endings...) {
			file, err := read(dir, prefix, p)
			if err != nil {
				im.note(source.NewFile(path.Join(prefix, p), nil).Whole(), "the file cannot be read: %v", errors.Unwrap(err))
				continue
			}
			if bad := notText(file.Data); bad >= 0 && !slices.Contains(endings, ".csv") {
				im.note(file.Span(bad, bad+1), "the file is no UTF-8 text, and dbt cannot read it, either: save it as UTF-8")
				continue
			}
			f(file, place(p))
		}
	}
	sql, yml := []string{".sql"}, []string{".yml", ".yaml"}
	each(paths["macro-paths"], sql, func(f *source.File, to string) { im.macroFile(name, f, to) })
	each(paths["model-paths"], sql, func(f *source.File, to string) { im.query(name, f, to, addr.Model); im.out.Models++ })
	each(paths["model-paths"], []string{".py"}, func(f *source.File, _ string) {
		im.note(f.Whole(), "a model in Python: there is nothing here that runs it")
	})
	each(paths["snapshot-paths"], sql, func(f *source.File, to string) { im.snapshotFile(name, f, to) })
	fixture := func(to string) bool { return strings.Contains("/"+to, "/fixtures/") }
	each(paths["test-paths"], sql, func(f *source.File, to string) {
		if fixture(to) { // rows of unit tests, which dbt does not render
			im.out.Files[to] = f.Data
			return
		}
		im.testFile(name, f, to)
	})
	each(paths["test-paths"], []string{".csv"}, func(f *source.File, to string) {
		if fixture(to) {
			im.out.Files[to] = f.Data
		}
	})
	each(paths["seed-paths"], []string{".csv"}, func(f *source.File, to string) {
		im.out.Files[to] = f.Data
		im.out.Seeds++
	})
	var all []string
	for _, key := range []string{"model-paths", "seed-paths", "snapshot-paths", "test-paths", "macro-paths", "analysis-paths"} {
		all = append(all, paths[key]...)
	}
	each(all, yml, func(f *source.File, to string) { im.properties(f, to) })
	each(all, []string{".md"}, func(f *source.File, to string) { im.docs(f, to) })
	each(paths["analysis-paths"], sql, func(f *source.File, to string) { im.query(name, f, to, addr.Analysis) })
	if name != "" {
		return
	}
	if data, err := fs.ReadFile(dir, "selectors.yml"); err == nil {
		im.properties(source.NewFile("selectors.yml", data), "selectors.yml")
	}
}

// notText is the place of the first byte that is no UTF-8, or a null; -1 where all are.
func notText(data []byte) int {
	if utf8.Valid(data) {
		return bytes.IndexByte(data, 0)
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n < 2 {
			return i
		}
		i += n
	}
	return -1
}

// parsed reads a template; mistakes of it are notes, and the file is left out.
func (im *importer) parsed(f *source.File) *jinja.Template {
	t, list := jinja.Parse(f)
	for _, d := range list {
		d.Severity = diag.Warning
		im.out.Notes.Add(d)
	}
	return t
}

// base is the name of a file without its ending.
func base(p string) string { return strings.TrimSuffix(path.Base(p), path.Ext(p)) }

// query writes a model or an analysis.
func (im *importer) query(pkg string, f *source.File, to string, kind addr.Kind) {
	t := im.parsed(f)
	if t == nil {
		return
	}
	c := im.context(pkg, base(to))
	c.Kind = kind
	text, notes := c.Template(t)
	im.out.Notes.Add(notes...)
	im.out.Files[to] = []byte(text)
}

// ownRules are macros of dbt that projects override, and what has their place here.
var ownRules = map[string]string{
	"generate_alias_name":    `names of relations are decided by "alias"`,
	"generate_database_name": `databases are decided by "database"`,
	"ref":                    "ref is the engine's own", "source": "source is the engine's own",
}

func (im *importer) macroFile(pkg string, f *source.File, to string) {
	t := im.parsed(f)
	if t == nil {
		return
	}
	var kept []jinja.Node
	for _, n := range t.Body {
		switch n := n.(type) {
		case *jinja.Macro:
			name := n.Name.Name
			switch {
			case n.Kind != "macro":
				im.generic(pkg, f, n)
				continue
			case isTest(n):
				n.Name.Name = strings.TrimPrefix(name, "test_")
				im.generic(pkg, f, n)
				continue
			case name == "generate_schema_name":
				if pkg == "" {
					im.schemaRule = n
				}
				continue
			case ownRules[name] != "":
				im.note(n.Head, "%s is overridden: %s", name, ownRules[name])
				continue
			}
			im.out.Macros++
		case *jinja.Materialization:
			im.note(n.Head, "an own materialization %q: materializations are part of the engine", n.Name.Name)
			continue
		}
		kept = append(kept, n)
	}
	text, notes := im.context(pkg, "").macros(pkg, f, kept, t)
	if text == "" {
		return
	}
	im.out.Notes.Add(notes...)
	im.out.Files[strings.TrimSuffix(to, ".sql")+".tmpl"] = []byte(text)
}

// isTest says whether a macro is a generic test of old: test_ in front, and a model to test.
func isTest(n *jinja.Macro) bool {
	return strings.HasPrefix(n.Name.Name, "test_") && slices.ContainsFunc(n.Params, func(p jinja.Param) bool { return p.Name.Name == "model" })
}

// macros writes those of a file that are kept. A file with nothing else than white space is empty.
func (c *Context) macros(pkg string, f *source.File, kept []jinja.Node, t *jinja.Template) (string, diag.List) {
	any := false
	var b strings.Builder
	w := &writer{Context: c, file: f, macros: true}
	w.scope = newScope(nil, nil)
	at := 0
	for _, n := range t.Body {
		text, isText := n.(*jinja.Text)
		if isText && !text.Raw {
			continue
		}
		b.WriteString(onlySpace(w.raw(at, n.Span().Start)))
		at = n.Span().End
		if !slices.Contains(kept, n) {
			continue
		}
		if _, ok := n.(*jinja.Macro); ok {
			any = true
		}
		b.WriteString(w.node(n))
	}
	b.WriteString(onlySpace(w.raw(at, len(f.Data))))
	if !any {
		return "", nil
	}
	return strings.Trim(b.String(), "\n") + "\n" + w.defines.String(), w.notes
}

// onlySpace keeps the white space of what stands between macros, and no words: in the engine's
// files of macros they would make one more.
func onlySpace(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == ' ' || r == '\t' {
			return r
		}
		return -1
	}, s)
}

// generic writes a generic test: a template over .model, .column and its arguments.
func (im *importer) generic(pkg string, f *source.File, n *jinja.Macro) {
	c := im.context(pkg, "")
	w := &writer{Context: c, file: f}
	w.scope = newScope(nil, n.Body)
	var open []string
	for _, p := range n.Params {
		name := p.Name.Name
		arg := ""
		switch name {
		case "model":
			arg = ".model"
		case "column_name":
			arg = ".column"
		default:
			arg = "py_arg . " + quoted(name)
			if p.Default != nil {
				arg += " " + w.expr(p.Default).operand()
			}
		}
		kind := unknown
		if name == "model" || name == "column_name" {
			kind = str
		}
		open = append(open, w.scope.declare(name, kind)+" := "+arg)
	}
	if namesIn(n.Body)["kwargs"] && w.scope.vars["kwargs"] == nil {
		known := `"model" "column"`
		for _, p := range n.Params {
			known += " " + quoted(p.Name.Name)
		}
		open = append(open, w.scope.declare("kwargs", unknown)+" := py_item (py_args (list "+known+`) .) "kwargs"`)
	}
	open = append(open, w.scope.hoist...)
	body := strings.TrimLeft(w.inner(n.Body, n.Head, n.End), "\r\n")
	im.out.Notes.Add(w.notes...)
	to := path.Join(im.paths["test-paths"][0], "generic", n.Name.Name+".sql")
	im.out.Files[to] = []byte(wrapped(false, true, open...) + "\n" + strings.TrimRight(body, " \t\r\n") + "\n" + w.defines.String())
	im.out.Tests++
}

func (im *importer) testFile(pkg string, f *source.File, to string) {
	t := im.parsed(f)
	if t == nil {
		return
	}
	found := false
	for _, n := range t.Body {
		if m, ok := n.(*jinja.Macro); ok && m.Kind != "macro" {
			im.generic(pkg, f, m)
			found = true
		}
	}
	if found {
		return
	}
	c := im.context(pkg, "")
	c.Kind = addr.Test
	text, notes := c.Template(t)
	im.out.Notes.Add(notes...)
	im.out.Files[to] = []byte(text)
	im.out.Tests++
}

// snapshotFile writes each snapshot of a file into one of its own name.
func (im *importer) snapshotFile(pkg string, f *source.File, to string) {
	t := im.parsed(f)
	if t == nil {
		return
	}
	for _, n := range t.Body {
		s, ok := n.(*jinja.Snapshot)
		if !ok {
			continue
		}
		c := im.context(pkg, s.Name.Name)
		c.Kind = addr.Snapshot
		w := &writer{Context: c, file: f, snapshot: true}
		w.scope = newScope(nil, s.Body)
		w.alias = aliasIn(s.Body)
		text := w.hoisted() + strings.TrimLeft(w.inner(s.Body, s.Head, s.End), "\r\n")
		im.out.Notes.Add(w.notes...)
		im.snapshots[to] = append(im.snapshots[to], s.Name.Name)
		im.out.Files[path.Join(path.Dir(to), s.Name.Name+".sql")] = []byte(strings.TrimRight(text, " \t\r\n") + "\n" + w.defines.String())
		im.out.Snapshots++
	}
}

var docsBlock = regexp.MustCompile(`\{%-?\s*docs\s`)

// docs keeps Markdown with docs blocks; other files are for people who read the folder.
func (im *importer) docs(f *source.File, to string) {
	if docsBlock.Match(f.Data) {
		im.out.Files[to] = f.Data
	}
}

// namesTests says whether tests may be named with the project's name, or a package's, in front.
func (im *importer) namesTests(data []byte) bool {
	for pkg := range im.macros {
		if bytes.Contains(data, []byte(cmp.Or(pkg, im.out.Name)+".")) {
			return true
		}
	}
	return false
}

// properties keeps a YAML file as it is, but for Jinja in its values, which is computed.
func (im *importer) properties(f *source.File, to string) {
	jinjaIn := bytes.Contains(f.Data, []byte("{{")) || bytes.Contains(f.Data, []byte("{%"))
	if !jinjaIn && !bytes.Contains(f.Data, []byte("snapshots:")) && !bytes.Contains(f.Data, []byte("schema:")) && !im.namesTests(f.Data) {
		im.out.Files[to] = f.Data
		return
	}
	var root yaml.Node
	if err := yaml.Unmarshal(f.Data, &root); err != nil {
		im.note(yamlPlace(f, err), "%v: the file was left out; mend it and import again", err)
		return
	}
	lines := lineStarts(f.Data)
	var edits []edit
	owner, alias := "", "" // the node whose entry it is
	var walk func(n *yaml.Node, key string)
	walk = func(n *yaml.Node, key string) {
		switch n.Kind {
		case yaml.MappingNode:
			if config := get(n, "config"); config != nil && get(n, "name") != nil {
				owner, alias = scalar(get(n, "name")), scalar(get(config, "alias"))
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				inside := n.Content[i].Value
				if inside == "sql" && isHook(key) {
					inside = key
				}
				walk(n.Content[i+1], inside)
			}
			return
		case yaml.ScalarNode:
		default:
			for _, c := range n.Content {
				walk(c, key)
			}
			return
		}
		if key == "store_failures_as" && n.Value == "view" { // here a view would show what is published
			if start := lines[min(n.Line-1, len(lines)-1)] + n.Column - 1; bytes.HasPrefix(f.Data[start:], []byte("view")) {
				edits = append(edits, edit{start, start + len("view"), "table"})
			}
			return
		}
		if !strings.Contains(n.Value, "{{") && !strings.Contains(n.Value, "{%") || key == "description" || strings.Contains(n.Value, "doc(") {
			return
		}
		start := lines[min(n.Line-1, len(lines)-1)] + n.Column - 1
		at := f.Span(start, start+1)
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			im.note(at, "Jinja in a text of several lines")
			return
		}
		end, ok := scalarEnd(f.Data, start)
		if !ok {
			im.note(at, "Jinja that could not be found in the file again")
			return
		}
		at = f.Span(start, end)
		if isHook(key) || key == "loaded_at_query" {
			if text, ok := im.hook(n, func(*yaml.Node) source.Span { return at }, owner, alias); ok {
				edits = append(edits, edit{start, end, strconv.Quote(text)})
			}
			return
		}
		v, err := im.names.text(n.Value)
		if err != nil {
			im.note(at, "%v", err)
			return
		}
		data, err := yaml.Marshal(v)
		if err != nil {
			im.note(at, "%v", err)
			return
		}
		edits = append(edits, edit{start, end, strings.TrimSpace(string(data))})
	}
	if jinjaIn {
		walk(&root, "")
	}
	edits = append(edits, im.entriesOf(f, &root, to, lines)...)
	im.out.Files[to] = applied(f.Data, edits)
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// yamlPlace is the line that an error of the YAML reader names.
func yamlPlace(f *source.File, err error) source.Span {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return f.Whole()
	}
	line, _ := strconv.Atoi(found[1]) // digits; one that is too large is the last line
	at := f.Offset(max(min(line, f.LineCount()), 1), 1)
	return f.Span(at, at)
}

// ownTests takes the names of packages, and the project's own, from names of tests: they are one
// project here.
func (im *importer) ownTests(n *yaml.Node, offset func(*yaml.Node) int) (edits []edit) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			if (key != "tests" && key != "data_tests") || value.Kind != yaml.SequenceNode {
				edits = append(edits, im.ownTests(value, offset)...)
				continue
			}
			for _, item := range value.Content {
				if item.Kind == yaml.MappingNode && len(item.Content) > 0 {
					edits = append(edits, im.ownTests(item, offset)...)
					item = item.Content[0]
				}
				pkg, _, ok := strings.Cut(item.Value, ".")
				if item.Kind != yaml.ScalarNode || !ok || item.Style != 0 || pkg != im.out.Name && im.macros[pkg] == nil {
					continue
				}
				start := offset(item)
				edits = append(edits, edit{start, start + len(pkg) + 1, ""})
			}
		}
		return edits
	}
	if n.Kind != yaml.AliasNode {
		for _, c := range n.Content {
			edits = append(edits, im.ownTests(c, offset)...)
		}
	}
	return edits
}

// entriesOf looks at the entries of models, seeds and snapshots: schemas of their own, keys of
// snapshots that have other names here, and snapshots that are written in YAML alone, which
// become a file.
func (im *importer) entriesOf(f *source.File, root *yaml.Node, to string, lines []int) (edits []edit) {
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	offset := func(n *yaml.Node) int { return lines[n.Line-1] + column(f.Data[lines[n.Line-1]:], n.Column) }
	edits = im.ownTests(root, offset)
	for _, kind := range []string{"models", "seeds", "snapshots"} {
		list := get(root, kind)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, n := range list.Content {
			if kind != "snapshots" {
				continue
			}
			config := get(n, "config")
			for i := 0; config != nil && i+1 < len(config.Content); i += 2 {
				key, value := config.Content[i], config.Content[i+1]
				start := offset(key)
				switch key.Value {
				case "target_database":
					edits = append(edits, edit{start, start + len(key.Value), "database"})
				case "invalidate_hard_deletes":
					if value.Value == "true" {
						edits = append(edits, edit{start, offset(value) + len(value.Value), "hard_deletes: invalidate"})
					} else {
						edits = append(edits, edit{start, offset(value) + len(value.Value), "hard_deletes: ignore"})
					}
				}
			}
			relation := get(n, "relation")
			if relation == nil {
				continue
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i] != relation && n.Content[i+1] == relation {
					edits = append(edits, im.yamlSnapshot(f, n, n.Content[i], relation, to, lines)...)
				}
			}
		}
	}
	return edits
}

// yamlSnapshot writes the file of a snapshot that has only an entry, and takes its relation out.
func (im *importer) yamlSnapshot(f *source.File, entry, key, relation *yaml.Node, to string, lines []int) []edit {
	name := scalar(get(entry, "name"))
	start := lines[key.Line-1] + column(f.Data[lines[key.Line-1]:], key.Column)
	end := lines[relation.Line-1] + column(f.Data[lines[relation.Line-1]:], relation.Column)
	at := f.Span(start, end)
	end, ok := scalarEnd(f.Data, end)
	if !ok || entry.Style&yaml.FlowStyle != 0 || entry.Content[0] == key || len(im.paths["snapshot-paths"]) == 0 || relation.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		im.note(at, "the snapshot %s is written in a way that is not read: write a file that selects from its relation", name)
		return nil
	}
	t, list := jinja.Parse(source.NewFile(f.Path, []byte("select * from {{ "+strings.Trim(strings.TrimSpace(relation.Value), "{} ")+" }}\n")))
	if list != nil {
		im.note(at, "%s", list[0].Message)
		return nil
	}
	text, notes := im.context("", name).Template(t)
	for _, d := range notes {
		im.note(at, "%s", d.Message)
	}
	im.out.Files[path.Join(im.paths["snapshot-paths"][0], name+".sql")] = []byte(text)
	im.out.Snapshots++
	// The whole line goes.
	line := lines[key.Line-1]
	if strings.TrimSpace(string(f.Data[line:start])) != "" {
		return []edit{{start, end, ""}}
	}
	for end < len(f.Data) && f.Data[end] != '\n' {
		end++
	}
	return []edit{{line, min(end+1, len(f.Data)), ""}}
}

type edit struct {
	start, end int
	text       string
}

func applied(data []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, data[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, data[at:]...)
}

func lineStarts(data []byte) []int {
	out := []int{0}
	for i, b := range data {
		if b == '\n' {
			out = append(out, i+1)
		}
	}
	return out
}

// scalarEnd is the end of a scalar of one line.
func scalarEnd(data []byte, start int) (int, bool) {
	if start >= len(data) {
		return 0, false
	}
	switch mark := data[start]; mark {
	case '"', '\'':
		for i := start + 1; i < len(data); i++ {
			switch {
			case data[i] == '\\' && mark == '"':
				i++
			case data[i] == mark && mark == '\'' && i+1 < len(data) && data[i+1] == mark:
				i++
			case data[i] == mark:
				return i + 1, true
			}
		}
		return 0, false
	}
	end := start
	for end < len(data) && data[end] != '\n' {
		if data[end] == '#' && end > start && data[end-1] == ' ' {
			break
		}
		end++
	}
	return start + len(bytes.TrimRight(data[start:end], " \r\t")), true
}

// isHook says whether a key holds statements that run before or after a node is built.
func isHook(key string) bool {
	key = strings.ReplaceAll(strings.TrimPrefix(key, "+"), "-", "_")
	return key == "pre_hook" || key == "post_hook"
}
