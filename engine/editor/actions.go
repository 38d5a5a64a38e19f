package editor

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// ActionKind says what an Action is for, in the words of editors.
type ActionKind string

// The kinds of actions.
const (
	QuickFix        ActionKind = "quickfix"
	RefactorExtract ActionKind = "refactor.extract"
	RefactorInline  ActionKind = "refactor.inline"
	RefactorRewrite ActionKind = "refactor.rewrite"
)

// Action is a change that is offered at a place.
type Action struct {
	Title string
	Kind  ActionKind
	Edits Edits
	// Fixes is the diagnostic that the change settles, nil if there is none. Preferred: it is
	// the one that most people would take.
	Fixes     *diag.Diagnostic
	Preferred bool
}

// Actions are the changes that are offered for the bytes [from, to) of a file: what settles the
// diagnostics there, and what can be done with the text itself.
func (v *View) Actions(p string, from, to int) []Action {
	f, ok := v.File(p)
	found := v.Diagnostics(p)
	if !ok && len(found) > 0 && found[0].At.File != nil {
		f, ok = found[0].At.File, true // a file of data
	}
	if !ok || from < 0 || to > len(f.Data) || from > to {
		return nil
	}
	var out []Action
	for i := range found {
		if d := &found[i]; d.At.File != nil && d.At.Start <= to && d.At.End >= from {
			out = append(out, v.fixes(f, d)...)
		}
	}
	if isTemplate(p) && strings.HasSuffix(p, ".sql") {
		d := v.read(f)
		out = append(out, d.extract(from, to)...)
		out = append(out, d.inline(from)...)
		out = append(out, v.describe(d)...)
	}
	return out
}

var meant = regexp.MustCompile(`did you mean (?:"((?:[^"\\]|\\.)*)"|\{\{ ref "([^"]*)" \}\}|([^\s?"]+))\?`)

// fixes are the changes that settle a diagnostic.
func (v *View) fixes(f *source.File, d *diag.Diagnostic) []Action {
	var out []Action
	add := func(title string, preferred bool, e Edits) {
		out = append(out, Action{Title: title, Kind: QuickFix, Edits: e, Fixes: d, Preferred: preferred})
	}
	if now := d.At.File; now != f && !bytes.Equal(now.Data, f.Data) {
		return nil // it is about an older text
	}
	switch {
	case len(d.Edits) > 0:
		title := d.Help
		if len(d.Edits) == 1 && (title == "" || strings.HasPrefix(title, "did you mean")) {
			if title = "Replace with " + strconv.Quote(d.Edits[0].New); d.Edits[0].New == "" {
				title = "Remove " + strconv.Quote(brief(d.Edits[0].At.Text()))
			}
		}
		if title == "" {
			title = "Fix: " + d.Message
		}
		add(capital(brief(title)), true, Edits{Edits: slices.Clone(d.Edits)})
	default:
		if e, near, ok := suggested(d); ok {
			add("Replace with "+strconv.Quote(near), true, Edits{Edits: []source.Edit{e}})
		}
	}
	switch d.Code {
	case "ref-unknown":
		if m := quotedName.FindStringSubmatch(d.Message); m != nil && plainName(m[1]) && strings.HasSuffix(f.Path, ".sql") {
			if dir, ok := v.modelFolder(path.Dir(f.Path)); ok {
				to := path.Join(dir, m[1]+".sql")
				if _, ok := v.File(to); !ok {
					add("Create "+to, false, Edits{Creates: []Create{{to, "select\n    1 as id\n"}}})
				}
			}
		}
	case "include-unknown", "macro-unknown":
		if m := quotedName.FindStringSubmatch(d.Message); m != nil && plainName(m[1]) && v.Project != nil && len(v.Project.Settings.MacroPaths) > 0 {
			to := path.Join(v.Project.Settings.MacroPaths[0], m[1]+".tmpl")
			if _, ok := v.File(to); !ok {
				add("Create "+to, false, Edits{Creates: []Create{{to, "{{ . }}\n"}}})
			}
		}
	}
	if _, rule := diag.Lookup(check.Codes, d.Code); rule && isRule(d.Code) {
		out = append(out, v.undocumented(d)...)
		out = append(out, allow(f, d))
	}
	return out
}

// modelFolder is the folder in which a model for the files of dir is made: dir itself where SQL
// is models there, or else the first of the project's folders of models.
func (v *View) modelFolder(dir string) (string, bool) {
	if v.Project == nil || len(v.Project.Settings.ModelPaths) == 0 {
		return "", false
	}
	s := v.Project.Settings
	within := func(roots []string) int { // how deep the narrowest root is that has dir
		deepest := -1
		for _, r := range roots {
			if r = path.Clean(r); r == "." {
				deepest = max(deepest, 0)
			} else if dir == r || strings.HasPrefix(dir, r+"/") {
				deepest = max(deepest, len(r))
			}
		}
		return deepest
	}
	others := slices.Concat(s.SeedPaths, s.SnapshotPaths, s.TestPaths, s.MacroPaths, s.FunctionPaths, s.AnalysisPaths)
	if deep := within(s.ModelPaths); deep >= 0 && deep > within(others) {
		return dir, true
	}
	return s.ModelPaths[0], true
}

var quotedName = regexp.MustCompile(`"([^"]+)"`)

func isRule(code diag.Code) bool {
	return slices.ContainsFunc(check.Rules(), func(r check.Rule) bool { return r.ID == code })
}

// suggested is the edit behind «did you mean»: the name at fault is in the text that the
// diagnostic is about.
func suggested(d *diag.Diagnostic) (source.Edit, string, bool) {
	var near string
	for _, text := range append([]string{d.Help, d.AtText, d.Message}, d.Notes...) {
		if m := meant.FindStringSubmatch(text); m != nil {
			near = m[1] + m[2] + m[3]
			if s, err := strconv.Unquote(`"` + m[1] + `"`); err == nil && m[1] != "" {
				near = s
			}
			break
		}
	}
	if near == "" || d.At.File == nil {
		return source.Edit{}, "", false
	}
	text := d.At.Text()
	// The name at fault is in quotes in the message, the last that the text has first.
	for _, m := range slices.Backward(quotedName.FindAllStringSubmatch(d.Message, -1)) {
		name := m[1]
		if name == near {
			continue
		}
		for _, part := range []string{name, name[strings.LastIndex(name, ".")+1:]} {
			if i := strings.Index(text, part); i >= 0 && part != "" && strings.Count(text, part) == 1 {
				at, to := d.At.Sub(i, i+len(part)), near
				if part != name && strings.HasPrefix(near, name[:len(name)-len(part)]) {
					to = near[len(name)-len(part):]
				}
				return source.Edit{At: at, New: to}, near, true
			}
		}
	}
	// A name that the template computes may stand elsewhere in the file, once.
	if m := quotedName.FindStringSubmatch(d.Message); m != nil && !strings.Contains(text, m[1]) {
		all := string(d.At.File.Data)
		var places []tmplToken
		for _, a := range actionsOf(all) {
			for _, t := range a.tokens {
				if t.sort == tmplString && all[t.start:t.end] == strconv.Quote(m[1]) {
					places = append(places, t)
				}
			}
		}
		if len(places) == 1 {
			return source.Edit{At: d.At.File.Span(places[0].start+1, places[0].end-1), New: near}, near, true
		}
	}
	// Else the text itself is the name.
	bare := strings.Trim(text, "\"'`")
	if bare == "" || strings.ContainsAny(bare, " \t\n(){}") {
		if i, word := nearWord(text, near); word != "" {
			return source.Edit{At: d.At.Sub(i, i+len(word)), New: near}, near, true
		}
		return source.Edit{}, "", false
	}
	i := strings.Index(text, bare)
	return source.Edit{At: d.At.Sub(i, i+len(bare)), New: near}, near, true
}

// nearWord is the word of a text that a suggestion was most likely made for.
func nearWord(text, near string) (int, string) {
	best, at := "", -1
	for i := 0; i < len(text); {
		if !wordByte(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && (wordByte(text[end]) || text[end] == '-') {
			end++
		}
		if w := text[i:end]; w != near {
			if _, ok := diag.Suggest(w, []string{near}); ok {
				if best != "" {
					return -1, "" // which one is not clear
				}
				best, at = w, i
			}
		}
		i = end
	}
	return at, best
}

func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// allow is the comment that allows a finding where it is. Its reason is left to be written:
// until then a diagnostic asks for it.
func allow(f *source.File, d *diag.Diagnostic) Action {
	a := Action{Title: fmt.Sprintf("Allow %s here, and say why", d.Code), Kind: QuickFix, Fixes: d}
	line := d.At.Position().Line
	start := f.Offset(line, 1)
	text := strings.TrimRight(f.Line(line), "\r")
	comment := "engine: allow " + string(d.Code) + " because "
	end := start + len(text)
	switch {
	case isYAML(f.Path):
		a.Edits.Edits = []source.Edit{{At: f.Span(end, end), New: " # " + comment}}
	case len(bytes.TrimSpace(f.Data[:start])) == 0 && !strings.Contains(text, "--"):
		// A comment in front of all code would hold for the whole file.
		a.Edits.Edits = []source.Edit{{At: f.Span(end, end), New: " -- " + comment}}
	default:
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		a.Edits.Edits = []source.Edit{{At: f.Span(start, start), New: indent + "-- " + comment + "\n"}}
	}
	return a
}

// undocumented adds what a rule misses in YAML.
func (v *View) undocumented(d *diag.Diagnostic) []Action {
	n := v.node(d.Model)
	if n == nil || !strings.Contains(string(d.Code), "descri") && !strings.Contains(string(d.Code), "document") && !strings.Contains(string(d.Code), "undeclared") {
		return nil
	}
	return v.entries(n, d)
}

// describe offers to write what YAML does not say of a model.
func (v *View) describe(d *document) []Action {
	n := v.node(d.node)
	if n == nil || v.Program == nil || n.Source != nil {
		return nil
	}
	return v.entries(n, nil)
}

// entries add a node, or its columns that are missing, to a properties file.
func (v *View) entries(n *compile.Node, fixes *diag.Diagnostic) []Action {
	kind := QuickFix
	if fixes == nil {
		kind = RefactorRewrite
	}
	if n.Props == nil {
		var b strings.Builder
		fmt.Fprintf(&b, "  - name: %s\n    description: \"\"\n", oldName(n))
		if len(n.Columns) > 0 {
			b.WriteString("    columns:\n")
			for _, c := range n.Columns {
				fmt.Fprintf(&b, "      - name: %s\n        description: \"\"\n", yamlText(c.Name))
			}
		}
		title := fmt.Sprintf("Describe %s in YAML", n.ID.Name)
		list := string(n.ID.Kind) + "s"
		if n.ID.Kind == addr.Analysis {
			list = "analyses"
		}
		if f, at, ok := v.listIn(path.Dir(n.Path), n.ID.Kind); ok {
			text := b.String()
			if at > 0 && f.Data[at-1] != '\n' {
				text = "\n" + text
			}
			return []Action{{Title: title, Kind: kind, Fixes: fixes, Edits: Edits{Edits: []source.Edit{{At: f.Span(at, at), New: text}}}}}
		}
		to := path.Join(path.Dir(n.Path), oldName(n)+".yml")
		if _, ok := v.File(to); ok {
			return nil
		}
		return []Action{{Title: title, Kind: kind, Fixes: fixes, Edits: Edits{Creates: []Create{{to, "version: 2\n\n" + list + ":\n" + b.String()}}}}}
	}
	var missing []string
	for _, c := range n.Columns {
		if !c.Declared {
			missing = append(missing, c.Name)
		}
	}
	if len(missing) == 0 || n.Props.At.File == nil {
		return nil
	}
	e, ok := columnEntries(n, missing)
	if !ok {
		return nil
	}
	title := fmt.Sprintf("Add %d columns to YAML", len(missing))
	if len(missing) == 1 {
		title = fmt.Sprintf("Add column %s to YAML", missing[0])
	}
	return []Action{{Title: title, Kind: kind, Fixes: fixes, Edits: Edits{Edits: []source.Edit{e}}}}
}

// columnEntries adds columns behind those that an entry has.
func columnEntries(n *compile.Node, names []string) (source.Edit, bool) {
	f := n.Props.At.File
	if k := len(n.Props.Columns); k > 0 {
		first, last := n.Props.Columns[0], n.Props.Columns[k-1]
		line := f.Position(first.At.Start).Line
		text := f.Line(line)
		dash := strings.Index(text, "-")
		if dash < 0 || strings.TrimSpace(text[:dash]) != "" || last.At.File != f {
			return source.Edit{}, false
		}
		at := lineEnd(f, last.At.End)
		return source.Edit{At: f.Span(at, at), New: "\n" + strings.TrimRight(columnLines(names, dash), "\n")}, true
	}
	// Behind the name, at its indentation.
	line := f.Position(n.Props.Name.At.Start).Line
	text := f.Line(line)
	i := strings.Index(text, "name:")
	if i < 0 || strings.Contains(text[:i], "{") || bytes.Contains(n.Props.At.File.Data[n.Props.At.Start:n.Props.At.End], []byte("columns:")) {
		return source.Edit{}, false
	}
	at := lineEnd(f, n.Props.At.End)
	return source.Edit{At: f.Span(at, at), New: "\n" + strings.Repeat(" ", i) + "columns:\n" + strings.TrimRight(columnLines(names, i+2), "\n")}, true
}

func lineEnd(f *source.File, at int) int {
	if at > 0 && at <= len(f.Data) && f.Data[at-1] == '\n' {
		at--
	}
	if i := bytes.IndexByte(f.Data[at:], '\n'); i >= 0 {
		at += i
	} else {
		at = len(f.Data)
	}
	if at > 0 && f.Data[at-1] == '\r' {
		at--
	}
	return at
}

func columnLines(names []string, indent int) string {
	var b strings.Builder
	pad := strings.Repeat(" ", indent)
	for _, n := range names {
		fmt.Fprintf(&b, "%s- name: %s\n%s  description: \"\"\n", pad, yamlText(n), pad)
	}
	return b.String()
}

// yamlText is a text as YAML has to write it.
func yamlText(s string) string {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "":
		return strconv.Quote(s)
	}
	if plainName(s) {
		return s
	}
	return strconv.Quote(s)
}

// listIn is the end of the list of models (or seeds …) of a properties file in a folder.
func (v *View) listIn(dir string, kind addr.Kind) (*source.File, int, bool) {
	if v.Project == nil {
		return nil, 0, false
	}
	for _, p := range v.Project.Props {
		if p.Kind != kind || p.At.File == nil || path.Dir(p.At.File.Path) != dir || p.Version != nil {
			continue
		}
		f := p.At.File
		now, ok := v.File(f.Path)
		if !ok || now != f && !bytes.Equal(now.Data, f.Data) {
			continue
		}
		last := p
		for _, o := range v.Project.Props {
			if o.Kind == kind && o.At.File == f && o.At.End > last.At.End {
				last = o
			}
		}
		line := f.Line(f.Position(last.At.Start).Line)
		if !strings.HasPrefix(line, "  - ") {
			continue // written another way
		}
		at := lineEnd(f, last.At.End)
		if at < len(f.Data) {
			at++
			if f.Data[at-1] == '\r' {
				at++
			}
		}
		return f, at, true
	}
	return nil, 0, false
}

// whole reports whether the blocks of a template in the bytes [from, to) begin and end there.
func (d *document) whole(from, to int) bool {
	depth := 0
	for _, a := range d.template.actions {
		if a.end <= from || a.start >= to {
			continue
		}
		if a.start < from || a.end > to {
			return false
		}
		switch a.keyword {
		case "if", "range", "with", "block":
			depth++
		case "else":
			if depth == 0 {
				return false
			}
		case "end":
			if depth--; depth < 0 {
				return false
			}
		case "define":
			return false
		}
		if a.assigns {
			return false
		}
	}
	return depth == 0
}

// extract makes a common table expression of the subquery in a list of tables around a place.
func (d *document) extract(from, to int) []Action {
	var best *sqlRelation
	for _, q := range d.outline.queries {
		for _, a := range q.arms {
			for _, r := range a.relations {
				if r.kind == ofQuery && r.start <= from && r.end >= to && len(r.columns) == 0 && !r.shaped && (best == nil || r.start > best.start) {
					best = r
				}
			}
		}
	}
	root := d.outline.root
	if best == nil || root == nil || best.alias == nil || len(d.outline.queries) == 0 {
		return nil
	}
	text := d.template.text
	open := strings.IndexByte(text[best.start:best.end], '(')
	closing := best.query.end
	if open != 0 || closing >= len(text) || text[closing] != ')' || !d.whole(best.start, best.end) || !d.whole(0, root.start) && len(root.ctes) == 0 {
		return nil
	}
	// A query that reads what is around it, or a name that only its own place knows, stays.
	inner := d.below(best.query)
	for _, q := range inner {
		for _, a := range q.arms {
			for _, r := range a.relations {
				if r.kind == ofCTE && !slices.Contains(root.ctes, r.cte) && !slices.ContainsFunc(inner, func(i *sqlQuery) bool { return slices.Contains(i.ctes, r.cte) }) {
					return nil
				}
				if r.kind == ofArray && len(r.path) > 1 && d.relation(a, r.path[0].name) == nil {
					return nil
				}
			}
			for _, u := range a.uses {
				_, list := d.resolve(u)
				if len(list) == 0 && len(u.parts) > 1 {
					if r := d.visible(a, u.parts[0].name); r != nil && !slices.Contains(inner, r.arm.query) {
						return nil
					}
				}
				for _, f := range list {
					if f.rel != nil && !slices.Contains(inner, f.rel.arm.query) {
						return nil
					}
				}
			}
		}
	}
	name := best.alias.name
	for _, c := range root.ctes {
		if c.name.is(name) {
			return nil
		}
		if best.start >= c.start && best.end <= c.end {
			return nil // it would have to stand before that one
		}
	}
	if d.readsTable(name) {
		return nil
	}
	body := strings.Trim(text[best.start+1:closing], "\n")
	written := spelled(name, d.template.lexis)
	indent := "    "
	if pad := body[:len(body)-len(strings.TrimLeft(body, " \t"))]; pad != "" {
		indent = ""
	}
	cte := written + " as (\n" + indent + strings.TrimSpace(body) + "\n)"
	if indent == "" {
		cte = written + " as (\n" + strings.TrimRight(body, " \t\n") + "\n)"
	}
	replace := source.Edit{At: d.file.Span(best.start, best.end), New: written}
	insert := source.Edit{}
	if n := len(root.ctes); n > 0 {
		at := root.ctes[n-1].end
		insert = source.Edit{At: d.file.Span(at, at), New: ",\n\n" + cte}
	} else {
		insert = source.Edit{At: d.file.Span(root.start, root.start), New: "with " + cte + "\n\n"}
	}
	return []Action{{Title: fmt.Sprintf("Extract %s into a common table expression", name), Kind: RefactorExtract, Edits: Edits{Edits: []source.Edit{insert, replace}}}}
}

// below are a query and those in it.
func (d *document) below(q *sqlQuery) []*sqlQuery {
	var out []*sqlQuery
	for _, o := range d.outline.queries {
		if o.start >= q.start && o.end <= q.end {
			out = append(out, o)
		}
	}
	return out
}

// readsTable reports whether a table of a name is read, which a common table expression of
// that name would hide.
func (d *document) readsTable(name string) bool {
	for _, q := range d.outline.queries {
		for _, a := range q.arms {
			for _, r := range a.relations {
				if r.kind == ofOther && len(r.path) == 1 && r.path[0].is(name) {
					return true
				}
			}
		}
	}
	return false
}

// inline puts a common table expression that is read once where it is read.
func (d *document) inline(at int) []Action {
	t := d.atSQL(at)
	if t.thing != cteThing || t.cte == nil || t.cte.recursive || len(t.cte.columns) > 0 {
		return nil
	}
	c := t.cte
	var owner *sqlQuery
	var reads []*sqlRelation
	for _, q := range d.outline.queries {
		if slices.Contains(q.ctes, c) {
			owner = q
		}
		for _, a := range q.arms {
			for _, r := range a.relations {
				if r.cte == c {
					reads = append(reads, r)
				}
			}
		}
	}
	if owner == nil || len(reads) != 1 || !d.whole(c.start, c.end) {
		return nil
	}
	r := reads[0]
	// What it reads must mean the same where it goes to.
	for _, q := range d.below(c.query) {
		for _, a := range q.arms {
			for _, in := range a.relations {
				if in.kind == ofCTE && lookCTE(r.arm.query, in.cte.name.name, r.start) != in.cte && !slices.ContainsFunc(d.below(c.query), func(q *sqlQuery) bool { return slices.Contains(q.ctes, in.cte) }) {
					return nil
				}
			}
		}
	}
	i := slices.Index(owner.ctes, c)
	text := d.template.text
	from, to := c.start, c.end
	switch {
	case len(owner.ctes) == 1:
		from = owner.start
		rest := strings.TrimLeft(text[to:], " \t\r\n")
		to = len(text) - len(rest)
	case i+1 < len(owner.ctes):
		to = owner.ctes[i+1].start
	default:
		from = owner.ctes[i-1].end
	}
	if !d.whole(from, to) || strings.Contains(text[from:c.start], "--") || strings.Contains(text[c.end:to], "--") {
		return nil
	}
	body := strings.TrimSpace(text[c.open:c.close])
	with := "(\n" + body + "\n)"
	if r.alias == nil {
		with += " as " + spelled(c.name.name, d.template.lexis)
	}
	edits := []source.Edit{
		{At: d.file.Span(from, to)},
		{At: d.file.Span(r.path[0].start, r.path[0].end), New: with},
	}
	if r.path[0].start >= from && r.path[0].end <= to {
		return nil
	}
	slices.SortFunc(edits, func(a, b source.Edit) int { return cmp.Compare(a.At.Start, b.At.Start) })
	return []Action{{Title: fmt.Sprintf("Inline %s", c.name.name), Kind: RefactorInline, Edits: Edits{Edits: edits}}}
}
