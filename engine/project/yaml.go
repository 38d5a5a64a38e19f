package project

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// document is one parsed YAML file. Its tree has been checked: keys are scalars and
// unique within their mapping, and no alias contains itself.
type document struct {
	file  *source.File
	lines []int // byte offset of each line as YAML counts them
	root  *yaml.Node
}

// parseYAML parses the file's only document. After a syntax error there is no tree.
func parseYAML(f *source.File) (*document, diag.List) {
	d := &document{file: f, lines: yamlLines(f.Data)}
	if root, ok := simpleYAML(f.Data); ok {
		d.root = root
		c := treeCheck{doc: d}
		c.node(d.root)
		return d, c.list
	}
	return parseAnyYAML(d)
}

// parseAnyYAML is parseYAML for documents of all kinds.
func parseAnyYAML(d *document) (*document, diag.List) {
	f := d.file
	loader, err := yaml.NewLoader(bytes.NewReader(f.Data))
	if err != nil {
		return d, diag.List{yamlBroken(d, err)}
	}
	var list diag.List
	for n := 0; ; n++ {
		var doc yaml.Node
		err := loader.Load(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			d.root = nil
			return d, append(list, yamlBroken(d, err))
		}
		if n == 1 {
			list.Add(yamlDocuments(d.point(&doc)))
		}
		if n == 0 && doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
			d.root = doc.Content[0]
		}
	}
	if d.root != nil {
		c := treeCheck{doc: d, open: map[*yaml.Node]bool{}}
		c.node(d.root)
		list.Add(c.list...)
		if c.loop {
			d.root = nil
		}
	}
	return d, list
}

// yamlLines finds the lines as YAML counts them: it breaks at more characters than
// editors do, and its positions are of no use otherwise.
func yamlLines(data []byte) []int {
	out := append(make([]int, 0, bytes.Count(data, []byte("\n"))+1), 0)
	for i := 0; i < len(data); i++ {
		switch b := data[i]; {
		case b == '\n',
			b == '\r' && (i+1 == len(data) || data[i+1] != '\n'),
			b == 0x85 && i > 0 && data[i-1] == 0xC2,
			(b == 0xA8 || b == 0xA9) && i > 1 && data[i-1] == 0x80 && data[i-2] == 0xE2:
			out = append(out, i+1)
		}
	}
	return out
}

// offset converts a position as the parser gives it: from 1, columns in runes.
func (d *document) offset(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(d.lines) {
		return len(d.file.Data)
	}
	off := d.lines[line-1]
	for c := 1; c < column && off < len(d.file.Data); c++ {
		_, size := utf8.DecodeRune(d.file.Data[off:])
		off += size
	}
	return off
}

func (d *document) start(n *yaml.Node) int { return d.offset(n.Line, n.Column) }

// point is the first character of a node.
func (d *document) point(n *yaml.Node) source.Span {
	off := d.start(n)
	return d.file.Span(off, off+1)
}

// span is the text of a node without its anchor and tag. An empty value has an empty span.
func (d *document) span(n *yaml.Node) source.Span {
	start, end := d.extent(n)
	return d.file.Span(start, end)
}

func (d *document) extent(n *yaml.Node) (start, end int) {
	start = d.skipProperties(n, d.start(n))
	switch n.Kind {
	case yaml.AliasNode:
		return start, start + 1 + len(n.Value)
	case yaml.ScalarNode:
		return start, d.scalarEnd(n, start)
	}
	end = start
	if k := len(n.Content); k > 0 {
		_, end = d.extent(n.Content[k-1])
		if n.Kind == yaml.MappingNode {
			// An empty last value ends where it should have been; its key may end behind it.
			_, key := d.extent(n.Content[k-2])
			end = max(end, key)
		}
	}
	if n.Style&yaml.FlowStyle != 0 {
		end = d.closing(n, max(end, start+1))
	}
	return start, end
}

// skipProperties moves behind the anchor and the tag of a node: no value starts with
// their signs.
func (d *document) skipProperties(n *yaml.Node, off int) int {
	if n.Kind == yaml.AliasNode {
		return off
	}
	data := d.file.Data
	for off < len(data) && (data[off] == '&' || data[off] == '!') {
		if anchor := "&" + n.Anchor; n.Anchor != "" && bytes.HasPrefix(data[off:], []byte(anchor)) {
			off = d.skipBlank(off + len(anchor))
			continue
		}
		for off < len(data) && !isBlank(data[off]) && data[off] != ',' {
			off++
		}
		off = d.skipBlank(off)
	}
	return off
}

// wideBreak is the length of a line break beyond ASCII that b starts with, or 0.
func wideBreak(b []byte) int {
	for _, br := range []string{"\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(b, []byte(br)) {
			return len(br)
		}
	}
	return 0
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

// skipBlank moves over white space and comments.
func (d *document) skipBlank(off int) int {
	data := d.file.Data
	for off < len(data) {
		switch {
		case isBlank(data[off]):
			off++
		case wideBreak(data[off:]) > 0:
			off += wideBreak(data[off:])
		case data[off] == '#' && (off == 0 || isBlank(data[off-1])):
			off = d.lineEnd(off)
		default:
			return off
		}
	}
	return off
}

func (d *document) lineEnd(off int) int {
	if i := bytes.IndexAny(d.file.Data[off:], "\r\n"); i >= 0 {
		return off + i
	}
	return len(d.file.Data)
}

func (d *document) closing(n *yaml.Node, off int) int {
	want := byte(']')
	if n.Kind == yaml.MappingNode {
		want = '}'
	}
	data := d.file.Data
	for off = d.skipBlank(off); off < len(data); off = d.skipBlank(off + 1) {
		if data[off] == want {
			return off + 1
		}
	}
	return min(off, len(data))
}

func (d *document) scalarEnd(n *yaml.Node, start int) int {
	data := d.file.Data
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := start + 1; i < len(data); i++ {
			switch data[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(data)
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := start + 1; i < len(data); i++ {
			if data[i] != '\'' {
				continue
			}
			if i+1 < len(data) && data[i+1] == '\'' {
				i++
				continue
			}
			return i + 1
		}
		return len(data)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.blockEnd(start)
	}
	return plainEnd(data, n.Value, start)
}

// plainEnd finds the end of an unquoted scalar by reading along: its line breaks were
// folded, everything else is as written.
func plainEnd(data []byte, value string, start int) int {
	if bytes.HasPrefix(data[min(start, len(data)):], []byte(value)) {
		return start + len(value)
	}
	off := start
	for i := 0; i < len(value); i++ {
		if isBlank(value[i]) {
			for off < len(data) && isBlank(data[off]) {
				off++
			}
			continue
		}
		if off >= len(data) || data[off] != value[i] {
			return off
		}
		off++
	}
	return off
}

// blockEnd finds the end of a | or > scalar: the last line that is indented like its first.
func (d *document) blockEnd(start int) int {
	data := d.file.Data
	end := d.lineEnd(start)
	indent := -1
	for off := end + 1; off < len(data); {
		stop := d.lineEnd(off)
		line := data[off:stop]
		depth := len(line) - len(bytes.TrimLeft(line, " "))
		if blank := len(bytes.TrimSpace(line)) == 0; !blank {
			if indent < 0 {
				indent = depth
			}
			if depth < indent || depth == 0 {
				break
			}
			end = stop
		}
		off = stop + 1
	}
	return end
}

// treeCheck looks at every node once for mistakes that the parser lets pass.
type treeCheck struct {
	doc  *document
	list diag.List
	open map[*yaml.Node]bool // anchored nodes that contain the current one
	loop bool
}

func (c *treeCheck) node(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle != 0 && !strings.HasPrefix(n.ShortTag(), "!!") {
		c.list.Add(yamlTag(c.doc.point(n), n.ShortTag()))
	}
	if n.Kind == yaml.AliasNode {
		if c.open[n.Alias] {
			c.loop = true
			c.list.Add(yamlAliasLoop(c.doc.span(n), n.Value, c.doc.point(n.Alias)))
		}
		return
	}
	if n.Anchor != "" {
		c.open[n] = true
		defer delete(c.open, n)
	}
	if n.Kind == yaml.MappingNode {
		c.keys(n)
	}
	for _, child := range n.Content {
		c.node(child)
	}
}

func (c *treeCheck) keys(n *yaml.Node) {
	var few [8]*yaml.Node // keys of a common mapping; no map is made for them
	first := func(i int) *yaml.Node {
		for _, k := range few[:i/2] {
			if k != nil && resolve(k).Value == resolve(n.Content[i]).Value {
				return k
			}
		}
		return nil
	}
	seen := map[string]*yaml.Node(nil)
	if len(n.Content)/2 > len(few) {
		seen = make(map[string]*yaml.Node, len(n.Content)/2)
		first = func(i int) *yaml.Node { return seen[resolve(n.Content[i]).Value] }
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := resolve(n.Content[i])
		if k.Kind != yaml.ScalarNode {
			c.list.Add(yamlKey(c.doc, n, k))
			continue
		}
		if first := first(i); first != nil {
			c.list.Add(yamlDuplicate(c.doc.span(n.Content[i]), k.Value, c.doc.span(first)))
			continue
		}
		if seen != nil {
			seen[k.Value] = n.Content[i]
		} else {
			few[i/2] = n.Content[i]
		}
	}
}

// resolve follows aliases.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}
