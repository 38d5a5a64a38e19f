package project

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// simpleYAML builds the tree of a document in the YAML that nearly all properties are
// written in: nested blocks of «key: value» and «- item», values on one line. It is several
// times as fast as the parser for all of YAML, and it must be that parser's equal: ok is
// false for whatever could mean anything else (several documents, anchors, tags, texts over
// several lines, odd characters, mistakes), which is then left to the parser.
func simpleYAML(data []byte) (root *yaml.Node, ok bool) {
	p := simpleParser{text: string(data)}
	if !p.ordinary() {
		return nil, false
	}
	p.nodes = make([]yaml.Node, 0, 2*bytes.Count(data, []byte{'\n'})+8)
	if !p.next() || p.indent != 0 {
		return nil, false
	}
	root = p.block(0, 0)
	if p.odd || !p.done {
		return nil, false
	}
	return root, true
}

// simpleParser stands at the first sign of a line, between lines.
type simpleParser struct {
	text   string
	at     int // of the first sign of the line
	end    int // of the line
	indent int // of the line, in bytes: spaces only come before it
	line   int // from 1
	after  int // where the line after this one begins
	done   bool
	odd    bool // something is not simple
	nodes  []yaml.Node
	refs   []*yaml.Node
}

// Beyond these a document is not simple.
const (
	simpleDepth = 32
	simpleKey   = 100 // bytes
)

// ordinary reports whether the text has only characters that YAML gives no other meaning
// than people do: no tabs, no line breaks but one, nothing invisible.
func (p *simpleParser) ordinary() bool {
	for i := 0; i < len(p.text); i++ {
		c := p.text[i]
		if c >= ' ' && c < 0x7f || c == '\n' {
			continue
		}
		if c < utf8.RuneSelf {
			return false
		}
		r, size := utf8.DecodeRuneInString(p.text[i:])
		// Letters and signs up to the Hangul; what is beyond them has joiners, marks of
		// direction and private characters in between.
		if r < 0xA1 || r >= 0x2000 && r < 0x2070 && r != 0x2013 && r != 0x2014 && r != 0x2019 && r != 0x2026 || r > 0xD7A3 {
			return false
		}
		i += size - 1
	}
	return true
}

// next moves to the next line that holds something, if there is one.
func (p *simpleParser) next() bool {
	for p.after < len(p.text) {
		start := p.after
		p.end = len(p.text)
		if n := strings.IndexByte(p.text[start:], '\n'); n >= 0 {
			p.end = start + n
		}
		p.after = p.end + 1
		p.line++
		at := start
		for at < p.end && p.text[at] == ' ' {
			at++
		}
		if at == p.end || p.text[at] == '#' {
			continue
		}
		p.at, p.indent = at, at-start
		return true
	}
	p.done, p.indent = true, -1
	return false
}

// column of a place in the line, from 1 as the parser counts: in characters.
func (p *simpleParser) column(at int) int {
	return p.indent + 1 + utf8.RuneCountInString(p.text[p.at:at])
}

func (p *simpleParser) node(kind yaml.Kind, tag, value string, at int) *yaml.Node {
	if len(p.nodes) == cap(p.nodes) {
		p.nodes = make([]yaml.Node, 0, 256)
	}
	p.nodes = append(p.nodes, yaml.Node{Kind: kind, Tag: tag, Value: value, Line: p.line, Column: p.column(at)})
	return &p.nodes[len(p.nodes)-1]
}

func (p *simpleParser) fail() *yaml.Node {
	p.odd = true
	return nil
}

// block reads the lines of this indent: all of them are keys, or all are items.
func (p *simpleParser) block(indent, depth int) *yaml.Node {
	if depth > simpleDepth {
		return p.fail()
	}
	if p.isItem() {
		return p.sequence(indent, depth)
	}
	return p.mapping(indent, depth)
}

func (p *simpleParser) isItem() bool {
	return p.end-p.at > 2 && p.text[p.at] == '-' && p.text[p.at+1] == ' '
}

func (p *simpleParser) sequence(indent, depth int) *yaml.Node {
	n := p.node(yaml.SequenceNode, "!!seq", "", p.at)
	mark := len(p.refs)
	for !p.odd && !p.done && p.indent == indent && p.isItem() {
		at := p.at + 1
		for at < p.end && p.text[at] == ' ' {
			at++
		}
		if at == p.end || p.text[at] == '#' {
			return p.fail()
		}
		var item *yaml.Node
		if _, _, isKey := p.key(at); isKey {
			// The mapping begins within the line, as deep as its first key stands.
			p.indent += at - p.at
			p.at = at
			item = p.mapping(p.indent, depth+1)
		} else {
			item = p.value(at)
			p.next()
			if p.indent > indent {
				return p.fail() // the value goes on
			}
		}
		p.refs = append(p.refs, item)
	}
	return p.close(n, mark)
}

// close gives a collection what was read since mark.
func (p *simpleParser) close(n *yaml.Node, mark int) *yaml.Node {
	if p.odd {
		return nil
	}
	if len(p.refs) > mark {
		n.Content = append(make([]*yaml.Node, 0, len(p.refs)-mark), p.refs[mark:]...)
		p.refs = p.refs[:mark]
	}
	return n
}

func (p *simpleParser) mapping(indent, depth int) *yaml.Node {
	n := p.node(yaml.MappingNode, "!!map", "", p.at)
	mark := len(p.refs)
	for !p.odd && !p.done && p.indent == indent && depth <= simpleDepth {
		end, at, isKey := p.key(p.at)
		if !isKey {
			return p.fail()
		}
		name := p.text[p.at:end]
		key := p.node(yaml.ScalarNode, simpleTag(name), name, p.at)
		if key.Tag == "" {
			return p.fail()
		}
		p.refs = append(p.refs, key)
		if at < p.end && p.text[at] != '#' {
			p.refs = append(p.refs, p.value(at))
			p.next()
			if p.indent > indent {
				return p.fail() // the value goes on
			}
			continue
		}
		// Nothing, unless the next line says more.
		empty := p.node(yaml.ScalarNode, "!!null", "", end+1)
		switch p.next(); {
		case p.indent > indent:
			p.refs = append(p.refs, p.block(p.indent, depth+1))
		case p.indent == indent && p.isItem():
			p.refs = append(p.refs, p.sequence(indent, depth+1))
		default:
			p.refs = append(p.refs, empty)
		}
	}
	if p.indent > indent || depth > simpleDepth {
		return p.fail()
	}
	return p.close(n, mark)
}

// key finds the end of a plain key that begins at a place, and where its value begins: at
// the end of the line if there is none in it.
func (p *simpleParser) key(from int) (end, value int, ok bool) {
	end = from
	for end < p.end && isKeyByte(p.text[end]) {
		end++
	}
	if end == from || end-from > simpleKey || !isLetter(p.text[from]) || end == p.end || p.text[end] != ':' {
		return 0, 0, false
	}
	value = end + 1
	if value < p.end && p.text[value] != ' ' {
		return 0, 0, false
	}
	for value < p.end && p.text[value] == ' ' {
		value++
	}
	return end, value, true
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isKeyByte(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+'
}

// value reads the scalar or the braces that the rest of the line is.
func (p *simpleParser) value(at int) *yaml.Node {
	var n *yaml.Node
	var end int
	switch c := p.text[at]; c {
	case '[', '{':
		n, end = p.flow(at, 0)
	case '"', '\'':
		n, end = p.quoted(at)
	default:
		n, end = p.plain(at)
	}
	if p.odd {
		return nil
	}
	// Only a comment may follow.
	rest := end
	for rest < p.end && p.text[rest] == ' ' {
		rest++
	}
	if rest < p.end && (p.text[rest] != '#' || rest == end) {
		return p.fail()
	}
	return n
}

// plain reads an unquoted scalar up to the end of the line or a comment.
func (p *simpleParser) plain(at int) (*yaml.Node, int) {
	if c := p.text[at]; !isLetter(c) && !(c >= '0' && c <= '9') && c != '/' && c != '(' && c != '$' && c < utf8.RuneSelf {
		return p.fail(), 0
	}
	end := at
	for end < p.end {
		c := p.text[end]
		if c == ':' && (end+1 == p.end || p.text[end+1] == ' ') {
			return p.fail(), 0
		}
		if c == '#' && p.text[end-1] == ' ' {
			break
		}
		end++
	}
	for p.text[end-1] == ' ' {
		end--
	}
	return p.scalar(at, end)
}

func (p *simpleParser) scalar(at, end int) (*yaml.Node, int) {
	value := p.text[at:end]
	tag := simpleTag(value)
	if tag == "" {
		return p.fail(), 0
	}
	return p.node(yaml.ScalarNode, tag, value, at), end
}

// quoted reads a scalar in quotes without escapes.
func (p *simpleParser) quoted(at int) (*yaml.Node, int) {
	quote := p.text[at]
	n := strings.IndexByte(p.text[at+1:p.end], quote)
	if n < 0 {
		return p.fail(), 0
	}
	end := at + 1 + n
	style := yaml.SingleQuotedStyle
	if quote == '"' {
		style = yaml.DoubleQuotedStyle
		if strings.IndexByte(p.text[at:end], '\\') >= 0 {
			return p.fail(), 0
		}
	} else if end+1 < p.end && p.text[end+1] == '\'' {
		return p.fail(), 0
	}
	node := p.node(yaml.ScalarNode, "!!str", p.text[at+1:end], at)
	node.Style = style
	return node, end + 1
}

// flow reads a list in brackets, a mapping in braces, or a value in one of them.
func (p *simpleParser) flow(at, depth int) (n *yaml.Node, end int) {
	if at >= p.end || depth > simpleDepth {
		return p.fail(), 0
	}
	closing := byte(']')
	switch c := p.text[at]; c {
	case '"', '\'':
		return p.quoted(at)
	case '[':
		n = p.node(yaml.SequenceNode, "!!seq", "", at)
	case '{':
		n = p.node(yaml.MappingNode, "!!map", "", at)
		closing = '}'
	default:
		return p.flowPlain(at)
	}
	n.Style = yaml.FlowStyle
	mark := len(p.refs)
	at = p.spaces(at + 1)
	for first := true; ; first = false {
		if at >= p.end {
			return p.fail(), 0
		}
		if p.text[at] == closing && first {
			break
		}
		if closing == '}' {
			keyEnd, value, ok := p.key(at)
			if !ok || value == keyEnd+1 {
				return p.fail(), 0
			}
			key, _ := p.scalar(at, keyEnd)
			p.refs = append(p.refs, key)
			at = value
		}
		item, itemEnd := p.flow(at, depth+1)
		if p.odd {
			return nil, 0
		}
		p.refs = append(p.refs, item)
		at = p.spaces(itemEnd)
		if at >= p.end || p.text[at] != ',' && p.text[at] != closing {
			return p.fail(), 0
		}
		if p.text[at] == closing {
			break
		}
		at = p.spaces(at + 1)
		if at < p.end && p.text[at] == closing {
			return p.fail(), 0
		}
	}
	return p.close(n, mark), at + 1
}

func (p *simpleParser) spaces(at int) int {
	for at < p.end && p.text[at] == ' ' {
		at++
	}
	return at
}

// flowPlain reads an unquoted scalar within braces: words of signs that mean nothing there.
func (p *simpleParser) flowPlain(at int) (*yaml.Node, int) {
	end := at
	for end < p.end {
		c := p.text[end]
		if !isKeyByte(c) && c != ' ' && c != '_' && c != '(' && c != ')' && c != '\'' && c != '/' && c != '<' && c != '>' && c != '=' && c != '$' {
			break
		}
		end++
	}
	if end == at || !isLetter(p.text[at]) && !(p.text[at] >= '0' && p.text[at] <= '9') {
		return p.fail(), 0
	}
	for p.text[end-1] == ' ' {
		end--
	}
	return p.scalar(at, end)
}

// simpleTag is the type of an unquoted scalar, "" where it takes more than a look.
func simpleTag(s string) string {
	c := s[0]
	if c >= '0' && c <= '9' || c == '.' || c == '+' || c == '-' {
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			digits++
		}
		switch {
		case digits == 0 || digits > 15 || c == '0' && digits > 1:
			return ""
		case digits == len(s):
			return "!!int"
		case s[digits] == '.' && len(s) < 30 && digits+1 < len(s) && strings.Trim(s[digits+1:], "0123456789") == "":
			return "!!float"
		case c == '0' || digits == 4 && s[digits] == '-' || strings.Trim(s, "0123456789_.eE+-") == "":
			return "" // another base, a day, an exponent
		}
		return "!!str"
	}
	switch s {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return "!!bool"
	case "null", "Null", "NULL":
		return "!!null"
	}
	if c == '~' || c == '<' {
		return ""
	}
	return "!!str"
}
