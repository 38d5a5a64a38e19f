package format

import (
	"bytes"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// Commas says on which side of a line break the commas of a list stand.
type Commas string

// The sides.
const (
	Trailing Commas = "trailing"
	Leading  Commas = "leading"
)

// Options are the few things that projects disagree on.
type Options struct {
	LineLength int // characters; longer lines remain where nothing can break
	Indent     int // blanks per level
	Keywords   Case
	Commas     Commas
	Lexis      sql.Lexis
}

// Defaults are the options of a project that says nothing.
func Defaults() Options {
	return Options{LineLength: 100, Indent: 4, Keywords: Lower, Commas: Trailing, Lexis: sql.GoogleSQL}
}

// File lays a file out. The result is the file's own data if it is in order already. With
// errors — a template or quote that is broken, or a result that would not be the same SQL —
// there is no result. Formatting a result changes nothing. Several files may be formatted at
// the same time.
func File(f *source.File, o Options) ([]byte, diag.List) {
	crlf := bytes.Contains(f.Data, []byte("\r\n")) && bytes.Count(f.Data, []byte("\n")) == bytes.Count(f.Data, []byte("\r\n"))
	in := f
	if crlf {
		in = source.NewFile(f.Path, bytes.ReplaceAll(f.Data, []byte("\r\n"), []byte("\n")))
	}
	x, ds := lex(in, o.Lexis)
	if ds.HasErrors() {
		return nil, ds
	}
	out := x.settle(o)
	if bytes.Equal(out, in.Data) {
		return f.Data, nil
	}
	if why := same(in, out, o.Lexis); why != "" {
		return nil, diag.List{changed(f, why)}
	}
	if crlf {
		out = bytes.ReplaceAll(out, []byte("\n"), []byte("\r\n"))
	}
	return out, nil
}

// passes is how often a layout is laid out again until it stays the same. Breaks that the
// author made are kept, so that those of one pass are those of the author in the next.
const passes = 4

// settle lays a file out until it stays as it is. A layout that never does is given up for
// one that keeps all line breaks.
func (x *lexed) settle(o Options) []byte {
	now := x
	out := now.print(o)
	for range passes {
		if bytes.Equal(out, now.file.Data) {
			return out
		}
		next, ds := lex(source.NewFile(x.file.Path, out), o.Lexis)
		if ds.HasErrors() {
			return out // which the comparison will refuse
		}
		now, out = next, next.print(o)
	}
	if bytes.Equal(out, now.file.Data) {
		return out
	}
	x.fold(o.Keywords)
	return x.verbatim(0, len(x.tokens), true)
}

// print lays the tokens out once.
func (x *lexed) print(o Options) []byte {
	x.fold(o.Keywords)
	nodes := x.tree()
	if x.untidy {
		return x.verbatim(0, len(x.tokens), true)
	}
	if len(nodes) == 0 {
		return nil
	}
	l := &layout{x: x, leading: o.Commas == Leading}
	p := &printer{limit: o.LineLength, unit: strings.Repeat(" ", o.Indent), empty: true, out: make([]byte, 0, len(x.text)+len(x.text)/4)}
	for len(nodes) > 0 {
		n := 0
		for n < len(nodes) && !(nodes[n].isLeaf() && nodes[n].t.kind == kindSemicolon) {
			n++
		}
		end := min(n+1, len(nodes))
		p.print(l.statement(nodes[:n], nodes[n:end]), 0, true, 0)
		nodes = nodes[end:]
		// A comment at the end of the statement's line stays there.
		for len(nodes) > 0 && nodes[0].t.kind == kindComment && nodes[0].t.newlines == 0 && nodes[0].t.text[0] != '/' {
			p.print(suffix(nodes[0].t.text), 0, true, 0)
			nodes = nodes[1:]
		}
		if len(nodes) > 0 && (nodes[0].t.space || nodes[0].t.free) {
			p.newline(0)
			p.blank = nodes[0].t.newlines > 1
		}
	}
	p.newline(0)
	return p.out
}

// statement lays out a query; what is no query keeps its lines.
func (l *layout) statement(nodes, semicolon []*node) *doc {
	var end *doc
	if len(semicolon) > 0 {
		end = leaf(semicolon[0].t)
	}
	if len(nodes) == 0 {
		return concat(end)
	}
	for _, n := range nodes {
		if n.t.kind == kindComment || n.t.kind == kindControl {
			continue
		}
		if l.x.isGraph(nodes) {
			return l.keep(nodes, end)
		}
		if n.t.action || n.isBracket() && l.isQuery(n.kids) || n.word("select", "with", "from") || n.word("values") && n.t.keyword {
			break
		}
		return l.keep(nodes, end)
	}
	return concat(group(l.clauses(nodes, queryHead, true)...), end)
}

// keep gives the lines of a statement as they are.
func (l *layout) keep(nodes []*node, end *doc) *doc {
	from, to := l.x.index(nodes[0].t), l.x.index(nodes[len(nodes)-1].t)
	if e := nodes[len(nodes)-1].end; e != nil {
		to = l.x.index(e)
	}
	raw := text(strings.TrimRight(string(l.x.verbatim(from, to+1, false)), "\n"))
	if nodes[len(nodes)-1].t.kind == kindComment {
		return concat(raw, fresh, end)
	}
	return concat(raw, end)
}

// isGraph reports whether a statement has graph patterns, where < - [ is one arrow.
func (x *lexed) isGraph(nodes []*node) bool {
	from, to := x.index(nodes[0].t), x.index(nodes[len(nodes)-1].t)
	if e := nodes[len(nodes)-1].end; e != nil {
		to = x.index(e)
	}
	for i := from; i <= to; i++ {
		if x.tokens[i].is("graph_table") {
			return true
		}
	}
	return false
}

// index is the place of a token in the list.
func (x *lexed) index(t *token) int {
	lo, hi := 0, len(x.tokens)
	for lo < hi {
		if mid := (lo + hi) / 2; x.tokens[mid].start < t.start {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// verbatim keeps the lines of tokens as they are, but for blanks at their ends and more than
// one empty line.
func (x *lexed) verbatim(from, to int, whole bool) []byte {
	var b []byte
	for i := from; i < to; i++ {
		t := &x.tokens[i]
		if i > from {
			gap := x.text[x.tokens[i-1].end:t.start]
			if n := strings.LastIndexByte(gap, '\n'); n >= 0 {
				b = append(b, strings.Repeat("\n", min(t.newlines, 2))...)
				gap = gap[n+1:]
			}
			b = append(b, gap...)
		} else if whole {
			gap := x.text[:t.start]
			b = append(b, gap[strings.LastIndexByte(gap, '\n')+1:]...)
		}
		b = append(b, t.text...)
	}
	if len(b) > 0 {
		b = append(b, '\n')
	}
	return b
}
