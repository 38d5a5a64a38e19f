package format

// layout makes docs of nodes.
type layout struct {
	x       *lexed
	leading bool // commas stand at the beginning of lines
}

// lead is the blank before the first of nodes, on the same line.
func lead(nodes []*node) *doc {
	if len(nodes) == 0 || !nodes[0].t.gap {
		return nil
	}
	return space
}

// leaf is a token as a text.
func leaf(t *token) *doc {
	if t.broken && !t.begun {
		return concat(fresh, text(t.text))
	}
	return text(t.text)
}

// begin is a break before a token that must or may have one.
func begin(t *token) *doc {
	if t.broken {
		t.begun = true
		return fresh
	}
	return line
}

// standing is an action or comment on a line of its own.
func standing(t *token) *doc {
	parts := []*doc{fresh}
	if t.newlines > 1 {
		parts = append(parts, blank)
	}
	return concat(append(parts, text(t.text), fresh)...)
}

// run joins nodes on one line, as far as comments, actions and brackets allow.
func (l *layout) run(nodes []*node) *doc {
	parts := make([]*doc, 0, 2*len(nodes))
	var p *token // the token before
	for i, n := range nodes {
		t := n.t
		switch {
		case n.stands():
			parts = append(parts, standing(t))
		case t.kind == kindComment && t.text[0] != '/':
			parts = append(parts, suffix(t.text))
		default:
			comment := p != nil && p.kind == kindComment
			switch {
			case comment && (t.action || p.text[0] == '/' && p.own),
				p != nil && p.kind == kindString && t.kind == kindString && t.newlines > 0:
				// Strings on two lines are one string in SQL's standard, on one line they are not.
				parts = append(parts, fresh)
			case i > 0 && t.gap:
				parts = append(parts, space)
			}
			parts = append(parts, l.one(n))
		}
		if p = t; n.end != nil {
			p = n.end
		}
	}
	return concat(parts...)
}

// one is the doc of a node.
func (l *layout) one(n *node) *doc {
	switch {
	case n.isCase():
		return l.caseOf(n)
	case n.isBracket():
		return l.bracket(n)
	}
	return leaf(n.t)
}

// expression breaks before its weakest operators.
func (l *layout) expression(nodes []*node) *doc { return l.level(nodes, 0) }

// level is an expression whose operators weaker than the given level have been dealt with.
func (l *layout) level(nodes []*node, level int) *doc {
	if len(nodes) < 3 {
		return l.run(nodes)
	}
	for ; level < len(operatorLevels); level++ {
		at := splits(nodes, operatorLevels[level])
		if len(at) == 0 {
			continue
		}
		parts := []*doc{}
		rest := []*doc{}
		from := 0
		for i, n := range append(at, len(nodes)) {
			segment, tail := nodes[from:n], []*node(nil)
			if n < len(nodes) {
				// Comments before an operator belong to what it brings.
				segment, tail = standingTail(segment)
			}
			switch {
			case i == 0:
				parts = append(parts, l.level(segment, level+1))
			case level == comparison:
				rest = append(rest, lead(segment), leaf(segment[0].t), lead(segment[1:]), l.level(segment[1:], level+1))
			default:
				rest = append(rest, line, leaf(segment[0].t), lead(segment[1:]), l.level(segment[1:], level+1))
			}
			for _, s := range tail {
				rest = append(rest, standing(s.t))
			}
			from = n
		}
		if level == comparison {
			return concat(append(parts, rest...)...)
		}
		return hug(append(parts, indent(rest...))...)
	}
	return l.run(nodes)
}

// The levels of operators, the weakest first. Lines do not break at comparisons.
const comparison = 2

var operatorLevels = []func(*node) bool{
	func(n *node) bool { return n.word("or") },
	func(n *node) bool { return n.word("and") },
	func(n *node) bool {
		if n.t.kind == kindOperator {
			switch n.t.text {
			case "=", "<", ">", "<=", ">=", "<>", "!=", "==":
				return n.t.binary
			}
		}
		return n.word("in", "like", "ilike", "is", "between")
	},
	func(n *node) bool { return n.t.binary && (n.t.text == "+" || n.t.text == "-" || n.t.text == "||") },
	func(n *node) bool { return n.t.binary && (n.t.text == "*" || n.t.text == "/") },
}

// splits lists where nodes may be split before an operator. The AND of a BETWEEN is none.
func splits(nodes []*node, is func(*node) bool) []int {
	var at []int
	between := 0
	for i, n := range nodes {
		if !n.isLeaf() {
			continue
		}
		if n.word("between") {
			between++
		}
		if n.word("and") && between > 0 {
			between--
			continue
		}
		if i > 0 && i+1 < len(nodes) && is(n) && n.breakable() && !nodes[i-1].word("is", "not") {
			at = append(at, i)
		}
	}
	return at
}

// caseOf is CASE … END: a branch per line unless all fits on one.
func (l *layout) caseOf(n *node) *doc {
	var at []int
	for i, k := range n.kids {
		if k.word("when", "else") {
			if !k.breakable() {
				return l.unbroken(n)
			}
			at = append(at, i)
		}
	}
	if len(at) == 0 || !(n.end.space || n.end.free) {
		return l.unbroken(n)
	}
	parts := []*doc{leaf(n.t)}
	operand, above := standingTail(n.kids[:at[0]])
	if len(operand) > 0 {
		parts = append(parts, lead(operand), l.expression(operand))
	}
	magic := n.kids[at[0]].t.newlines > 0
	var branches []*doc
	for i, from := range at {
		to := len(n.kids)
		if i+1 < len(at) {
			to = at[i+1]
		}
		for _, s := range above {
			branches = append(branches, standing(s.t))
		}
		var body []*node
		body, above = standingTail(n.kids[from:to])
		branches = append(branches, line, l.branch(body))
	}
	for _, s := range above {
		branches = append(branches, standing(s.t))
	}
	if magic {
		branches = append([]*doc{fresh}, branches...)
	}
	return group(concat(parts...), indent(branches...), line, leaf(n.end))
}

// branch is WHEN … THEN … or ELSE ….
func (l *layout) branch(nodes []*node) *doc {
	for i, n := range nodes {
		if i > 0 && n.word("then") && n.breakable() {
			return hug(leaf(nodes[0].t), lead(nodes[1:i]), l.expression(nodes[1:i]),
				indent(line, leaf(n.t), lead(nodes[i+1:]), l.expression(nodes[i+1:])))
		}
	}
	return concat(leaf(nodes[0].t), lead(nodes[1:]), l.expression(nodes[1:]))
}

// unbroken joins brackets or CASE with what is inside by the blanks alone.
func (l *layout) unbroken(n *node) *doc {
	end := leaf(n.end)
	if n.end.gap {
		end = concat(space, end)
	}
	return concat(leaf(n.t), lead(n.kids), l.run(n.kids), end)
}

// standingTail takes the actions and comments that stand alone off the end of nodes.
func standingTail(nodes []*node) (body, tail []*node) {
	n := len(nodes)
	for n > 0 && nodes[n-1].stands() {
		n--
	}
	return nodes[:n], nodes[n:]
}

// bracket is (…), […], {…} or the <…> of a type.
func (l *layout) bracket(n *node) *doc {
	if n.t.text == "{" || len(n.kids) == 0 {
		return l.unbroken(n)
	}
	if len(n.kids) == 1 && n.kids[0].isBracket() && n.kids[0].t.text == "[" && n.kids[0].t.newlines == 0 {
		// A list as the only argument: unnest([…]) opens and closes as one.
		return concat(leaf(n.t), l.bracket(n.kids[0]), leaf(n.end))
	}
	var inner *doc
	magic := n.kids[0].t.newlines > 0
	switch {
	case l.isQuery(n.kids):
		inner = group(l.clauses(n.kids, queryHead, false)...)
	case l.hasHead(n.kids, windowHead):
		inner = concat(l.clauses(n.kids, windowHead, false)...)
	default:
		els := l.elements(n.kids)
		if len(els) > 1 && (n.t.text == "[" || !l.x.called(n.t)) && plain(els) {
			inner = fill(l.fillParts(els))
		} else {
			inner = l.list(els)
		}
	}
	open := soft
	if magic {
		open = fresh
	}
	shut := leaf(n.end)
	return group(leaf(n.t), indent(open, inner), soft, shut)
}

// called reports whether the bracket holds the arguments of a call: a name stands before it.
func (x *lexed) called(open *token) bool {
	i := x.index(open)
	return i > 0 && (operand(&x.tokens[i-1]) || tightCalls[x.tokens[i-1].word])
}
