package tmpl

import (
	"bytes"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// walker goes through a freshly parsed tree once. It checks function names, lists the
// calls of engine functions, and prepares the tree for recording execution:
//
//   - text nodes become slices of the file's own bytes, and an empty slice of the file
//     stands before every action, so that the writer can tell from a slice's address
//     where it is from (see recorder);
//   - calls of engine functions get the number of their site as first argument.
type walker struct {
	*unit
	base  int
	owner *parse.Tree
	diags diag.List
}

func (w *walker) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	size := len(l.Nodes)
	for _, n := range l.Nodes {
		switch n.(type) {
		case *parse.ActionNode, *parse.TemplateNode:
			size++
		}
	}
	nodes := make([]parse.Node, 0, size)
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			w.ground(n)
		case *parse.ActionNode:
			w.pipe(n.Pipe)
			nodes = append(nodes, w.marker(n.Pos))
		case *parse.TemplateNode:
			w.templateCall(n)
			w.pipe(n.Pipe)
			nodes = append(nodes, w.marker(n.Pos))
		case *parse.IfNode:
			w.branch(&n.BranchNode)
		case *parse.WithNode:
			w.branch(&n.BranchNode)
		case *parse.RangeNode:
			w.branch(&n.BranchNode)
			// A step per turn, so that endless loops without output are noticed too.
			n.List.Nodes = slices.Insert(n.List.Nodes, 0, parse.Node(w.marker(n.Pos)))
		}
		nodes = append(nodes, n)
	}
	l.Nodes = nodes
}

func (w *walker) branch(b *parse.BranchNode) {
	w.pipe(b.Pipe)
	w.list(b.List)
	w.list(b.ElseList)
}

// ground makes a text node's text a part of the file. Trimming has already been done by
// the lexer and shows in the node's position and length. A byte order mark is dropped.
func (w *walker) ground(n *parse.TextNode) {
	start, end := int(n.Pos), int(n.Pos)+len(n.Text)
	if end > len(w.file.Data) || !bytes.Equal(w.file.Data[start:end], n.Text) {
		return // then the text counts as generated, which is vague and not wrong
	}
	n.Text = w.file.Data[start:end:end]
	if start == 0 {
		n.Text = bytes.TrimPrefix(n.Text, []byte("\uFEFF"))
	}
}

func (w *walker) marker(pos parse.Pos) *parse.TextNode {
	at := w.scan.actionAt(int(pos)).start
	return &parse.TextNode{NodeType: parse.NodeText, Pos: pos, Text: w.file.Data[at : at : at+1]}
}

func (w *walker) templateCall(n *parse.TemplateNode) {
	i := w.scan.tokenAt(int(n.Pos))
	at := w.file.Span(w.scan.toks[i].start, w.scan.toks[i].end)
	a := w.scan.actionAt(int(n.Pos))
	if w.text(w.scan.toks[a.from]) == "block" {
		return // defined and used in one place
	}
	w.edges = append(w.edges, edge{name: n.Name, span: a.inner(w.file), at: at, owner: w.owner})
}

func (w *walker) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for i, cmd := range p.Cmds {
		w.command(p, i, cmd)
	}
}

func (w *walker) command(p *parse.PipeNode, index int, cmd *parse.CommandNode) {
	// The common commands, a name or a field alone, need no spans.
	at := w.scan.tokenAt(int(cmd.Pos))
	var few [8]extent
	spans := w.scan.operands(at, few[:0])
	if len(spans) != len(cmd.Args) {
		// Cannot happen while scanner and parser agree; the fuzz test watches it.
		spans = slices.Repeat([]extent{{int(cmd.Pos), int(cmd.Pos)}}, len(cmd.Args))
	}
	head, isIdent := cmd.Args[0].(*parse.IdentifierNode)
	if isIdent && w.known(head) && engineFuncs[head.Ident] {
		w.engineCall(p, index, cmd, head, spans)
		return
	}
	for i, arg := range cmd.Args {
		if i == 0 && isIdent {
			continue
		}
		cmd.Args[i] = w.operand(arg, spans[i])
	}
}

// operand checks one operand and rewrites the calls in it.
func (w *walker) operand(n parse.Node, at extent) parse.Node {
	switch n := n.(type) {
	case *parse.PipeNode:
		w.pipe(n)
	case *parse.ChainNode:
		return w.chain(n, at)
	case *parse.IdentifierNode:
		// A name as an operand is a call without arguments.
		if w.known(n) && engineFuncs[n.Ident] {
			id := w.addSite(n.Ident, w.file.Span(at.start, at.end), nil)
			return callNode(n.Pos, n, number(n.Pos, id))
		}
	case *parse.NumberNode:
		if strings.HasPrefix(n.Text, "'") {
			w.diags.Add(singleQuotes(w.file.Span(at.start, at.end)))
		}
	}
	return n
}

// chain rewrites target.name to a call that knows which names there are.
func (w *walker) chain(n *parse.ChainNode, at extent) parse.Node {
	span := w.file.Span(at.start, at.end)
	switch inner := n.Node.(type) {
	case *parse.PipeNode:
		if name := loneName(inner); name != "target" {
			w.pipe(inner)
			return n
		}
	case *parse.IdentifierNode:
		if !w.known(inner) {
			return n
		}
		if inner.Ident != "target" {
			if engineFuncs[inner.Ident] {
				w.diags.Add(fieldOfText(inner.Ident, n.Field[0], span))
			}
			return n
		}
	default:
		return n
	}
	name := n.Field[0]
	dot := at.start + bytes.IndexByte(w.file.Data[at.start:at.end], '.')
	field := w.file.Span(dot+1, dot+1+len(name))
	id := w.addSite("target", span, []Arg{{Value: name, Known: true, Span: field}})
	pos := n.Pos
	call := callNode(pos, parse.NewIdentifier("target").SetPos(pos), number(pos, id),
		&parse.StringNode{NodeType: parse.NodeString, Pos: pos, Quoted: `"` + name + `"`, Text: name})
	if len(n.Field) == 1 {
		return call
	}
	n.Node, n.Field = call, n.Field[1:]
	return n
}

// loneName is the name in «(name)», without arguments.
func loneName(p *parse.PipeNode) string {
	if len(p.Cmds) == 1 && len(p.Decl) == 0 && len(p.Cmds[0].Args) == 1 {
		if id, ok := p.Cmds[0].Args[0].(*parse.IdentifierNode); ok {
			return id.Ident
		}
	}
	return ""
}

// known reports a function that does not exist.
func (w *walker) known(n *parse.IdentifierNode) bool {
	if isFunc(n.Ident) {
		return true
	}
	start := int(n.Pos)
	w.diags.Add(unknownFunc(n.Ident, w.file.Span(start, start+len(n.Ident))))
	return false
}

// engineCall lists a call of an engine function. What comes through the pipe is its
// last argument.
func (w *walker) engineCall(p *parse.PipeNode, index int, cmd *parse.CommandNode, head *parse.IdentifierNode, spans []extent) {
	args := make([]Arg, 0, max(len(cmd.Args)-1, 1))
	for i := 1; i < len(cmd.Args); i++ {
		v, known := w.literal(cmd.Args[i])
		args = append(args, Arg{Value: v, Known: known, Span: w.file.Span(spans[i].start, spans[i].end)})
	}
	span := w.file.Span(spans[0].start, spans[len(spans)-1].end)
	if index > 0 {
		v, known := w.literal(&parse.PipeNode{NodeType: parse.NodePipe, Cmds: p.Cmds[:index]})
		piped := w.before(p, span.Start)
		args = append(args, Arg{Value: v, Known: known, Span: piped})
	}
	id := w.addSite(head.Ident, span, args)
	if head.Ident == "include" && !w.marks[id-w.base].bad {
		if name, ok := args[0].Value.(string); ok {
			w.edges = append(w.edges, edge{name: name, span: span, at: args[0].Span, owner: w.owner})
		}
	}
	for i := 1; i < len(cmd.Args); i++ {
		cmd.Args[i] = w.operand(cmd.Args[i], spans[i])
	}
	cmd.Args = slices.Insert(cmd.Args, 1, parse.Node(number(head.Pos, id)))
}

// before is the span of the commands of a pipeline in front of the one that ends at end.
func (w *walker) before(p *parse.PipeNode, end int) source.Span {
	i := w.scan.tokenAt(end) - 2 // the pipe character stands between
	return w.file.Span(int(p.Cmds[0].Pos), w.scan.toks[max(i, 0)].end)
}

// addSite checks the arguments of a call and gives its number.
func (w *walker) addSite(fn string, span source.Span, args []Arg) int {
	s, m := Call{Fn: fn, Args: args, Span: span, Static: true}, mark{owner: w.owner}
	for _, a := range args {
		s.Static = s.Static && a.Known
	}
	if d, bad := checkArgs(s); bad {
		m.bad = true
		w.diags.Add(d)
	}
	w.sites, w.marks = append(w.sites, s), append(w.marks, m)
	return w.base + len(w.sites) - 1
}
