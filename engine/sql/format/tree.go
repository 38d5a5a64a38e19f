package format

// node is a token, or a pair of brackets or CASE … END with what is between.
type node struct {
	t    *token
	kids []*node
	end  *token // nil: a single token
}

// deepest is how far brackets may nest before a file is left untidy: far more than anybody
// writes, and no danger to the stack.
const deepest = 400

func (n *node) isBracket() bool { return n.end != nil && n.t.kind == kindOpen }
func (n *node) isCase() bool    { return n.end != nil && n.t.kind == kindWord }
func (n *node) isLeaf() bool    { return n.end == nil }

// word reports whether the node is one of the keywords.
func (n *node) word(words ...string) bool { return n.end == nil && n.t.is(words...) }

// stands reports whether the node is a line of its own: an action that gives no text, or a
// comment that had a line to itself.
func (n *node) stands() bool {
	return n.end == nil && (n.t.kind == kindControl && n.t.own || n.t.kind == kindComment && n.t.own)
}

// breakable reports whether a line may begin with the node.
func (n *node) breakable() bool { return n.t.space || n.t.free }

// tree nests the tokens. It sets untidy where they do not.
func (x *lexed) tree() []*node {
	for i := range x.tokens {
		t := &x.tokens[i]
		if t.kind == kindComment {
			before := i == 0 || t.newlines > 0
			after := t.text[0] != '/' || i+1 == len(x.tokens) || x.tokens[i+1].newlines > 0
			t.own = before && after
		}
	}
	type frame struct {
		t     *token
		kids  []*node
		block bool
	}
	stack := []frame{{}}
	// dissolve turns a CASE without END back into single tokens.
	dissolve := func() {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		top := &stack[len(stack)-1]
		top.kids = append(append(top.kids, &node{t: f.t}), f.kids...)
	}
	shut := func(end *token) {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		top := &stack[len(stack)-1]
		top.kids = append(top.kids, &node{t: f.t, kids: f.kids, end: end})
	}
	openCase := func() bool {
		f := &stack[len(stack)-1]
		return f.t != nil && f.t.kind == kindWord
	}
	// Blocks of the template: how many frames were open where each began.
	var blocks []int
	for i := range x.tokens {
		t := &x.tokens[i]
		switch {
		case len(stack) > deepest:
			x.untidy = true
			return nil
		case t.role == roleOpen || t.role == roleLoop:
			blocks = append(blocks, len(stack))
		case t.role == roleElse || t.role == roleEnd:
			if len(blocks) == 0 {
				x.untidy = true
				return nil
			}
			depth := blocks[len(blocks)-1]
			for len(stack) > depth && openCase() {
				dissolve()
			}
			if len(stack) != depth {
				x.untidy = true
				return nil
			}
			if t.role == roleEnd {
				blocks = blocks[:len(blocks)-1]
			}
		case t.kind == kindOpen, t.is("case") && t.keyword:
			stack = append(stack, frame{t: t})
			continue
		case t.is("end") && openCase() && (len(blocks) == 0 || blocks[len(blocks)-1] < len(stack)):
			shut(t)
			continue
		case t.kind == kindClose:
			for openCase() {
				dissolve()
			}
			if len(stack) == 1 || !pairs(stack[len(stack)-1].t.text, t.text) || len(blocks) > 0 && blocks[len(blocks)-1] >= len(stack) {
				x.untidy = true
				return nil
			}
			shut(t)
			continue
		case t.kind == kindSemicolon:
			for openCase() {
				dissolve()
			}
		}
		top := &stack[len(stack)-1]
		top.kids = append(top.kids, &node{t: t})
	}
	for openCase() {
		dissolve()
	}
	if len(stack) > 1 || len(blocks) > 0 {
		x.untidy = true
		return nil
	}
	return stack[0].kids
}

func pairs(open, shut string) bool {
	switch open {
	case "(":
		return shut == ")"
	case "[":
		return shut == "]"
	case "{":
		return shut == "}"
	}
	return shut == ">"
}

// first is the first token of nodes.
func first(nodes []*node) *token { return nodes[0].t }
