package tmpl

import (
	"cmp"
	"slices"
	"strconv"
	"text/template/parse"
	"unsafe"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// unit is one parsed file: its trees, rewritten for execution, and the calls in them.
// It does not change after newUnit.
type unit struct {
	file    *source.File
	scan    *scan
	root    *parse.Tree
	defines []*define // in order of appearance
	sites   []Call    // in order of appearance
	marks   []mark    // of the sites, by their index
	edges   []edge    // in order of appearance
}

// define is a named template inside a file.
type define struct {
	name string
	tree *parse.Tree
	at   source.Span // the name where it is defined
}

// mark says more of a site: a call of an engine function in the tree. When the tree runs,
// the call passes its number, which is how a running function knows where it was called.
type mark struct {
	owner *parse.Tree
	bad   bool // reported while parsing
}

// edge is the use of a macro or a local definition whose name is written down.
type edge struct {
	name  string
	span  source.Span // the call
	at    source.Span // the name
	owner *parse.Tree
}

// rootName is the name of a template's own tree, followed by a number in macro files. No
// definition can have it by accident.
const rootName = "\x00file"

// newUnit parses f under a name that error messages give back. Its sites are numbered
// from base. It is nil when the syntax is
// broken; other mistakes leave a unit whose good calls can be listed.
func newUnit(f *source.File, name string, base int) (*unit, diag.List) {
	u := &unit{file: f, scan: scanActions(f.Data)}
	var ds diag.List
	trees := map[string]*parse.Tree{}
	root := parse.New(name)
	root.Mode = parse.SkipFuncCheck
	// The file's data are never modified, so the parser can read them in place.
	tree, err := root.Parse(unsafe.String(unsafe.SliceData(f.Data), len(f.Data)), "", "", trees)
	ds.Add(jinjaTags(u)...)
	if err != nil || len(u.scan.faults) > 0 {
		ds.Add(u.checkSyntax(err)...)
		return nil, ds
	}
	u.root = tree
	ds.Add(u.findDefines(trees)...)
	w := &walker{unit: u, base: base, owner: u.root}
	// Most actions are one call.
	u.sites, u.marks = make([]Call, 0, len(u.scan.acts)), make([]mark, 0, len(u.scan.acts))
	w.list(u.root.Root)
	for _, d := range u.defines {
		w.owner = d.tree
		w.list(d.tree.Root)
	}
	ds.Add(w.diags...)
	u.sortEdges()
	u.scan.forget()
	return u, ds
}

// findDefines matches definitions with their places. Defining a name twice is a mistake
// even where text/template lets an empty definition pass.
func (u *unit) findDefines(trees map[string]*parse.Tree) diag.List {
	var ds diag.List
	seen := map[string]source.Span{}
	for i := range u.scan.acts {
		name, at, ok := u.definition(&u.scan.acts[i])
		if !ok {
			continue
		}
		if first, again := seen[name]; again {
			ds.Add(definedTwice(name, at, first))
			continue
		}
		seen[name] = at
		if tree := trees[name]; tree != nil && tree.Root != nil {
			u.defines = append(u.defines, &define{name: name, tree: tree, at: at})
		}
	}
	return ds
}

// definition is the name that a {{ define }} or {{ block }} gives.
func (u *unit) definition(a *action) (string, source.Span, bool) {
	if a.to-a.from < 2 {
		return "", source.Span{}, false
	}
	word, name := u.scan.toks[a.from], u.scan.toks[a.from+1]
	if k := u.text(word); word.kind != kindKeyword || k != "define" && k != "block" {
		return "", source.Span{}, false
	}
	s, ok := unquote(u.text(name))
	return s, u.file.Span(name.start, name.end), ok && (name.kind == kindString || name.kind == kindRaw)
}

func (u *unit) text(t token) string { return string(u.file.Data[t.start:t.end]) }

// sortEdges puts edges into the order of the text. Sites stay where their number is;
// they are sorted when listed.
func (u *unit) sortEdges() {
	slices.SortStableFunc(u.edges, func(a, b edge) int { return a.span.Compare(b.span) })
}

// ordered lists the well-formed sites of the trees that own accepts, as the text has them.
// The caller must not change the list.
func (u *unit) ordered(own func(*parse.Tree) bool) []Call {
	inText := func(a, b Call) int { return cmp.Compare(a.Span.Start, b.Span.Start) }
	calls := u.sites
	if slices.ContainsFunc(u.marks, func(m mark) bool { return m.bad || !own(m.owner) }) {
		calls = make([]Call, 0, len(u.sites))
		for i, m := range u.marks {
			if !m.bad && own(m.owner) {
				calls = append(calls, u.sites[i])
			}
		}
	}
	if !slices.IsSortedFunc(calls, inText) {
		calls = slices.Clone(calls)
		slices.SortStableFunc(calls, inText)
	}
	return slices.Clip(calls)
}

// tree finds a local definition.
func (u *unit) tree(name string) *parse.Tree {
	for _, d := range u.defines {
		if d.name == name {
			return d.tree
		}
	}
	return nil
}

// checkSyntax words what is wrong with a file that did not parse. The scanner's view of
// the file gives exact places and all mistakes; the parser's own message is only used
// when the two disagree.
func (u *unit) checkSyntax(err error) diag.List {
	c := &checker{unit: u}
	ds := c.check()
	if len(ds) == 0 && err != nil {
		ds.Add(syntaxUnclear(u, err))
	}
	return ds
}

// number makes the node that passes a site's number to its function.
func number(pos parse.Pos, n int) *parse.NumberNode {
	return &parse.NumberNode{NodeType: parse.NodeNumber, Pos: pos, IsInt: true, Int64: int64(n), Text: strconv.Itoa(n)}
}

// callNode is a parenthesized call: a command of its own.
func callNode(pos parse.Pos, args ...parse.Node) *parse.PipeNode {
	return &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Cmds: []*parse.CommandNode{
		{NodeType: parse.NodeCommand, Pos: pos, Args: args},
	}}
}
