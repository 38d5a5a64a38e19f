package format

import "strings"

// A doc is a text that knows where its lines may break. It is printed flat or broken; a hard
// doc has a break in it that is always there. The measures are in characters and known as soon
// as the doc is made, so that printing is linear.
type doc struct {
	op    op
	text  string
	parts []*doc
	hug   bool // of a group: breaks inside of inner groups do not break it
	hard  bool // has a break that is always there
	near  bool // has one outside of inner groups
	lines bool // has a line, which breaks in broken docs
	// flat is the width on one line; head and tail are the widths before the first and behind
	// the last break of a hard doc; first and last those of a broken doc with lines.
	flat, head, tail, first, last int
}

type op uint8

const (
	opText   op = iota
	opRaw       // a text with line breaks of its own
	opLine      // a blank, or a break
	opSoft      // nothing, or a break
	opComma     // a comma and a blank, or a break and both
	opFresh     // a break unless the line is empty
	opBlank     // one empty line before the next text, if a break is there
	opSuffix    // a comment for the end of the line
	opConcat
	opGroup
	opIndent
	opFill // parts that share lines, with a blank between
)

var (
	line  = &doc{op: opLine, lines: true, flat: 1}
	soft  = &doc{op: opSoft, lines: true}
	comma = &doc{op: opComma, lines: true, flat: 2, last: 2}
	fresh = &doc{op: opFresh, hard: true, near: true, lines: true}
	blank = &doc{op: opBlank}
	space = &doc{op: opText, text: " ", flat: 1, head: 1, tail: 1, first: 1, last: 1}
)

func text(s string) *doc {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		d := &doc{op: opRaw, text: s, hard: true, near: true, lines: true, flat: width(s)}
		d.head, d.tail = width(s[:i]), width(s[strings.LastIndexByte(s, '\n')+1:])
		d.first, d.last = d.head, d.tail
		return d
	}
	w := width(s)
	return &doc{op: opText, text: s, flat: w, head: w, tail: w, first: w, last: w}
}

func suffix(s string) *doc { return &doc{op: opSuffix, text: s, hard: true, near: true} }

func concat(parts ...*doc) *doc {
	d := &doc{op: opConcat, parts: parts[:0:0]}
	for _, p := range parts {
		if p != nil {
			d.parts = append(d.parts, p)
		}
	}
	if len(d.parts) == 1 {
		return d.parts[0]
	}
	d.measure()
	return d
}

func indent(parts ...*doc) *doc {
	d := &doc{op: opIndent, parts: []*doc{concat(parts...)}}
	d.measure()
	return d
}

// group is printed on one line if it fits.
func group(parts ...*doc) *doc { return grouped(false, parts) }

// hug is a group that stays together although groups inside of it break, as long as what is
// left of its own on the first and the last line fits.
func hug(parts ...*doc) *doc { return grouped(true, parts) }

func grouped(hug bool, parts []*doc) *doc {
	d := &doc{op: opGroup, hug: hug, parts: []*doc{concat(parts...)}}
	d.measure()
	if d.forced() {
		// It will be broken, so its own lines are breaks.
		if d.lines {
			d.head, d.tail = d.first, d.last
		}
	}
	d.near = false
	return d
}

// forced reports whether a group is broken in any case.
func (d *doc) forced() bool {
	if d.hug {
		return d.parts[0].near
	}
	return d.parts[0].hard
}

func fill(parts []*doc) *doc {
	d := &doc{op: opFill, parts: parts, lines: true}
	for i, p := range parts {
		d.flat += p.flat
		if i > 0 {
			d.flat++
		}
	}
	if len(parts) > 0 {
		d.first, d.last = parts[0].flat, parts[len(parts)-1].flat
	}
	d.head, d.tail = d.first, d.last
	return d
}

func (d *doc) measure() {
	for _, p := range d.parts {
		d.flat += p.flat
		switch {
		case p.hard && !d.hard:
			d.head, d.tail = d.head+p.head, p.tail
		case p.hard:
			d.tail = p.tail
		case d.hard:
			d.tail += p.flat
		default:
			d.head += p.flat
			d.tail += p.flat
		}
		switch {
		case p.lines && !d.lines:
			d.first, d.last = d.first+p.first, p.last
		case p.lines:
			d.last = p.last
		case d.lines:
			d.last += p.flat
		default:
			d.first += p.flat
			d.last += p.flat
		}
		d.hard, d.near, d.lines = d.hard || p.hard, d.near || p.near, d.lines || p.lines
	}
}

// printer writes docs.
type printer struct {
	out     []byte
	limit   int
	unit    string
	level   int  // indentation of the line that is being written
	column  int  // characters on it
	empty   bool // nothing is on it
	blank   bool // an empty line comes before the next text
	pending string
}

func (p *printer) indentation(level int) int { return level * len(p.unit) }

func (p *printer) newline(level int) {
	if p.pending != "" {
		s, blank := p.pending, p.blank
		p.pending, p.blank = "", p.blank && p.empty
		if p.empty {
			p.write(s)
		} else {
			p.write(" " + s)
			p.blank = blank
		}
	}
	if !p.empty {
		p.out = append(p.out, '\n')
	}
	p.level, p.empty, p.column = level, true, p.indentation(level)
}

func (p *printer) write(s string) {
	if s == "" {
		return
	}
	if p.empty {
		if s == " " {
			return
		}
		if p.blank && len(p.out) > 0 && !opensLine(p.out) {
			p.out = append(p.out, '\n')
		}
		for range p.level {
			p.out = append(p.out, p.unit...)
		}
	}
	p.blank, p.empty = false, false
	p.out = append(p.out, s...)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		p.column = width(s[i+1:])
	} else {
		p.column += width(s)
	}
}

// opensLine reports whether the last line written ends with an open bracket.
func opensLine(out []byte) bool {
	if n := len(out); n > 1 {
		c := out[n-2]
		return c == '(' || c == '['
	}
	return false
}

// print writes a doc. broken says whether its own lines are breaks; rest is the width of what
// follows on the same line.
func (p *printer) print(d *doc, level int, broken bool, rest int) {
	switch d.op {
	case opText:
		p.write(d.text)
	case opRaw:
		p.write(d.text)
	case opLine, opSoft:
		switch {
		case broken:
			p.newline(level)
		case d.op == opLine:
			if !p.empty {
				p.write(" ")
			}
		}
	case opComma:
		if broken {
			p.newline(level)
		}
		p.write(", ")
	case opFresh:
		p.newline(level)
	case opBlank:
		p.blank = true
	case opSuffix:
		if p.pending != "" {
			p.newline(level)
		}
		p.pending = d.text
	case opIndent:
		p.print(d.parts[0], level+1, broken, rest)
	case opGroup:
		p.print(d.parts[0], level, d.forced() || !p.fits(d, level, rest), rest)
	case opFill:
		for i, part := range d.parts {
			after := 0
			if i+1 == len(d.parts) {
				after = rest
			}
			if i > 0 {
				if p.column+1+part.flat+after > p.limit {
					p.newline(level)
				} else {
					p.write(" ")
				}
			}
			p.print(part, level, false, after)
		}
	case opConcat:
		rests := make([]int, len(d.parts))
		for i := len(d.parts) - 1; i >= 0; i-- {
			rests[i] = rest
			rest = d.parts[i].ahead(broken, rest)
		}
		for i, part := range d.parts {
			p.print(part, level, broken, rests[i])
		}
	}
}

// ahead is the width up to the first break that d can have, or its width and what follows.
func (d *doc) ahead(broken bool, rest int) int {
	switch d.op {
	case opLine, opSoft, opComma:
		if broken {
			return 0
		}
	case opGroup, opFill:
		if d.lines {
			return d.first
		}
	case opConcat, opIndent:
		if !broken && !d.hard {
			break
		}
		if broken && d.lines {
			return d.first
		}
	}
	if d.hard {
		return d.head
	}
	return d.flat + rest
}

func (p *printer) fits(d *doc, level, rest int) bool {
	if !d.hard {
		return p.column+d.flat+rest <= p.limit
	}
	return p.column+d.head <= p.limit && p.indentation(level)+d.tail+rest <= p.limit
}
