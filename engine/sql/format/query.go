package format

// element is a part of a list: an item with its comma, or an action or comment that stands
// alone.
type element struct {
	nodes    []*node
	comments []*token // at the end of the item's line
	before   *token   // a comma that stands before the item and belongs to it, as in a branch
	after    *token   // the comma behind the item
	alone    bool
}

func (e *element) start() *token {
	if e.before != nil {
		return e.before
	}
	return e.nodes[0].t
}

// elements splits nodes at commas. A comma joins the item before it, across comments, but not
// across actions: it may be that only a branch has it.
func (l *layout) elements(nodes []*node) []*element {
	var out []*element
	var item *element
	reach := func() *element { // the item that a comma or comment may still join
		for i := len(out) - 1; i >= 0; i-- {
			switch e := out[i]; {
			case !e.alone:
				return e
			case e.nodes[0].t.kind == kindControl:
				return nil
			}
		}
		return nil
	}
	shut := func() {
		if item != nil {
			out = append(out, item)
		}
		item = nil
	}
	for i, n := range nodes {
		switch {
		case n.stands() && (n.t.kind == kindControl || item == nil || endsItem(nodes[i+1:])):
			shut()
			out = append(out, &element{nodes: []*node{n}, alone: true})
		case n.t.kind == kindComment && n.t.text[0] != '/' && item == nil && len(out) > 0 && !out[len(out)-1].alone:
			e := out[len(out)-1]
			e.comments = append(e.comments, n.t)
		case n.t.kind == kindComment && n.t.text[0] != '/' && item != nil && len(item.nodes) > 0 && endsItem(nodes[i+1:]):
			item.comments = append(item.comments, n.t)
		case n.isLeaf() && n.t.kind == kindComma:
			shut()
			if e := reach(); e != nil && e.after == nil {
				e.after = n.t
			} else {
				item = &element{before: n.t}
			}
		default:
			if item == nil {
				item = &element{}
			}
			item.nodes = append(item.nodes, n)
		}
	}
	shut()
	return out
}

// endsItem reports whether an item of a list ends before nodes.
func endsItem(nodes []*node) bool {
	for _, n := range nodes {
		switch {
		case n.t.kind == kindComment:
		case n.isLeaf() && n.t.kind == kindComma, n.t.kind == kindControl && n.t.own:
			return true
		default:
			return false
		}
	}
	return true
}

// list puts elements on lines of their own, or all on one.
func (l *layout) list(els []*element) *doc {
	var parts []*doc
	var carried *token // a comma for the beginning of the next item
	for i, e := range els {
		if e.alone {
			parts = append(parts, standing(e.nodes[0].t))
			continue
		}
		led := e.before != nil || carried != nil
		if i > 0 {
			sep := begin(e.start())
			if e.start().newlines > 1 {
				parts = append(parts, blank)
			}
			if led && sep == line {
				sep, led = comma, false
			}
			parts = append(parts, sep)
		}
		if led {
			parts = append(parts, text(","), space)
		}
		carried = nil
		if len(e.nodes) > 0 {
			parts = append(parts, l.expression(e.nodes))
		}
		if e.after != nil {
			if l.leading && joinsNext(els[i+1:]) {
				carried = e.after
			} else {
				parts = append(parts, leaf(e.after))
			}
		}
		for _, c := range e.comments {
			parts = append(parts, suffix(c.text))
		}
	}
	return concat(parts...)
}

// joinsNext reports whether a comma may go to the item behind it.
func joinsNext(els []*element) bool {
	for _, e := range els {
		if !e.alone {
			return e.before == nil
		}
		if e.nodes[0].t.kind == kindControl {
			return false
		}
	}
	return false
}

// plain reports whether all elements are names, literals and directions.
func plain(els []*element) bool {
	for _, e := range els {
		if e.alone || e.before != nil || len(e.comments) > 0 || len(e.nodes) == 0 {
			return false
		}
		for _, n := range e.nodes {
			if !n.isLeaf() || n.t.action || n.t.broken || n.t.binary || n.t.kind == kindComment || n.t.newlines > 1 {
				return false
			}
			switch n.t.kind {
			case kindWord, kindQuoted, kindNumber, kindString, kindParameter, kindDot, kindOperator:
			default:
				return false
			}
		}
	}
	return true
}

func (l *layout) fillParts(els []*element) []*doc {
	parts := make([]*doc, len(els))
	for i, e := range els {
		d := []*doc{l.run(e.nodes)}
		if e.after != nil {
			d = append(d, leaf(e.after))
		}
		parts[i] = concat(d...)
	}
	return parts
}

// clause is a keyword like WHERE with what belongs to it. One without a head is the rest of
// another that an action has cut off, or the beginning of something that is no query.
type clause struct {
	style style
	head  []*node
	body  []*node
	alone bool // an action or comment on a line of its own
}

type style uint8

const (
	styleNone   style = iota // all on one line
	styleList                // items
	styleBy                  // items that are short, mostly
	styleChain               // conditions with AND and OR
	styleJoin                // a table and a condition
	styleCTE                 // named queries
	styleTables              // FROM
)

// headAt reads the head of a clause: how many nodes it has, 0 if none begins at i.
type headAt func(nodes []*node, i int, now style) (int, style)

func wordAt(nodes []*node, i int, words ...string) bool {
	return i < len(nodes) && nodes[i].word(words...)
}

func queryHead(nodes []*node, i int, now style) (int, style) {
	n := nodes[i]
	if !n.isLeaf() || !n.breakable() && i > 0 {
		return 0, 0
	}
	if n.t.op("|>") {
		return pipeHead(nodes, i)
	}
	starred := i > 0 && nodes[i-1].t.op("*")
	switch {
	case n.word("select"):
		k := i + 1
		for {
			switch {
			case wordAt(nodes, k, "distinct", "all"):
				if k++; wordAt(nodes, k, "on") && k+1 < len(nodes) && nodes[k+1].isBracket() {
					k += 2
				}
				continue
			case wordAt(nodes, k, "as") && k+1 < len(nodes) && nodes[k+1].isLeaf() && nodes[k+1].t.kind == kindWord && k+2 < len(nodes):
				k += 2
				continue
			}
			return k - i, styleList
		}
	case n.word("with") && leads(nodes, i) && i+1 < len(nodes) && !nodes[i+1].isBracket():
		if wordAt(nodes, i+1, "recursive") && !wordAt(nodes, i+2, "as") {
			return 2, styleCTE
		}
		return 1, styleCTE
	case n.word("values") && leads(nodes, i):
		return 1, styleList
	case n.word("from") && !(i > 0 && nodes[i-1].word("distinct")):
		return 1, styleTables
	case n.word("where", "having"):
		return 1, styleChain
	case n.word("qualify") && n.t.keyword:
		return 1, styleChain
	case n.word("limit"):
		return 1, styleNone
	case n.word("window") && i+2 < len(nodes) && wordAt(nodes, i+2, "as"):
		return 1, styleList
	case n.word("group", "order", "partition", "cluster") && wordAt(nodes, i+1, "by"):
		if n.word("group") && aggregates(nodes[:i]) {
			return 0, 0
		}
		k := 2
		if wordAt(nodes, i+k, "all") && i+k+1 == len(nodes) {
			return k, styleNone
		}
		return k, styleBy
	case setPrefix(nodes, i) > 0:
		k := setPrefix(nodes, i)
		if h, s := queryHead(nodes, i+k, now); h > 0 {
			return k + h, s
		}
	case n.word("union", "intersect", "except") && !starred && i+1 < len(nodes) && (nodes[i+1].word("all", "distinct", "select", "from", "with", "by", "corresponding", "strict", "values") || nodes[i+1].isBracket() || nodes[i+1].t.action):
		k := i + 1
		for wordAt(nodes, k, "all", "distinct", "by", "name", "strict", "corresponding", "on") || k > i+1 && wordAt(nodes, k-1, "on", "by") && nodes[k].isBracket() {
			k++
		}
		return k - i, styleNone
	case now == styleTables || now == styleJoin:
		k := i
		for k < len(nodes) && nodes[k].isLeaf() && joinWords[nodes[k].t.word] && !nodes[k].word("join") {
			k++
		}
		if wordAt(nodes, k, "join") && k-i < 5 {
			return k - i + 1, styleJoin
		}
	}
	return 0, 0
}

// setPrefix is how many words like FULL OUTER stand before a set operation at i.
func setPrefix(nodes []*node, i int) int {
	k := i
	for wordAt(nodes, k, "left", "full", "inner", "outer") {
		k++
	}
	if k > i && wordAt(nodes, k, "union", "intersect", "except") {
		return k - i
	}
	return 0
}

// aggregates reports whether nodes end inside of a pipe's AGGREGATE, to which a GROUP BY that
// follows belongs.
func aggregates(nodes []*node) bool {
	for i := len(nodes) - 1; i >= 0; i-- {
		switch n := nodes[i]; {
		case n.t.op("|>"):
			return wordAt(nodes, i+1, "aggregate")
		case n.word("select", "from", "where"):
			return false
		}
	}
	return false
}

var joinWords = wordSet("left right full inner outer cross natural anti semi asof positional join each hash lookup lateral")

// leads reports whether nothing but actions and comments stands before node i, or a set
// operation.
func leads(nodes []*node, i int) bool {
	for i--; i >= 0; i-- {
		n := nodes[i]
		switch {
		case n.t.kind == kindComment || n.t.kind == kindControl:
		case n.word("all", "distinct", "union", "name"):
			return true
		case n.t.kind == kindSemicolon:
			return true
		default:
			return false
		}
	}
	return true
}

func pipeHead(nodes []*node, i int) (int, style) {
	if i+1 >= len(nodes) || !nodes[i+1].isLeaf() || nodes[i+1].t.kind != kindWord {
		return 1, styleNone
	}
	switch n := nodes[i+1]; {
	case n.word("select", "extend", "aggregate", "set", "drop", "rename", "call", "window"):
		if wordAt(nodes, i+2, "distinct") {
			return 3, styleList
		}
		return 2, styleList
	case n.word("where"):
		return 2, styleChain
	case n.word("order") && wordAt(nodes, i+2, "by"):
		return 3, styleBy
	case joinWords[n.t.word]:
		k := i + 1
		for k < len(nodes) && nodes[k].isLeaf() && joinWords[nodes[k].t.word] && !nodes[k].word("join") {
			k++
		}
		if wordAt(nodes, k, "join") {
			return k - i + 1, styleJoin
		}
	}
	return 2, styleNone
}

// windowHead finds the parts of a window, and those behind the arguments of an aggregate.
func windowHead(nodes []*node, i int, _ style) (int, style) {
	n := nodes[i]
	if !n.isLeaf() || !n.breakable() && i > 0 {
		return 0, 0
	}
	switch {
	case n.word("partition", "order", "cluster") && wordAt(nodes, i+1, "by"):
		return 2, styleBy
	case i > 0 && n.word("limit") && n.t.keyword:
		return 1, styleNone
	case i > 0 && n.word("rows", "range", "groups") && wordAt(nodes, i+1, "between", "unbounded", "current"):
		return 1, styleNone
	}
	return 0, 0
}

func (l *layout) hasHead(nodes []*node, head headAt) bool {
	for i := range nodes {
		if n, _ := head(nodes, i, styleNone); n > 0 {
			return true
		}
	}
	return false
}

// isQuery reports whether the text inside of brackets is a query.
func (l *layout) isQuery(nodes []*node) bool {
	for i, n := range nodes {
		switch {
		case n.t.kind == kindComment || n.t.kind == kindControl:
		case n.word("select", "from"), n.word("values") && n.t.keyword:
			return true
		case n.word("with"):
			return i+1 < len(nodes) && !nodes[i+1].isBracket()
		case n.isBracket() && n.t.text == "(" && l.isQuery(n.kids), n.t.action && n.t.kind == kindWord:
			for j := i + 1; j < len(nodes); j++ {
				if k, _ := queryHead(nodes, j, styleNone); k > 0 && (nodes[j].word("union", "intersect", "except") || nodes[j].t.op("|>")) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}

// clauses lays a query or window out, a clause per line unless all fits on one and was on one.
func (l *layout) clauses(nodes []*node, head headAt, top bool) []*doc {
	cs := l.split(nodes, head, top)
	var parts []*doc
	apart := false // the author gave the clauses lines of their own
	for i, c := range cs {
		if i > 0 && !c.alone && len(c.head) > 0 && c.head[0].t.newlines > 0 {
			apart = true
		}
	}
	for i, c := range cs {
		if c.alone {
			parts = append(parts, standing(c.body[0].t))
			continue
		}
		start := c.start()
		if i > 0 {
			switch {
			case start.newlines == 0 && cs[i-1].alone && cs[i-1].body[0].t.kind != kindComment && !start.free && !start.space:
				// glued to an action
			case !(start.space || start.free):
			case len(c.head) == 0 && c.body[0].t.kind == kindComment:
				// a comment at the end of the line before
			default:
				parts = append(parts, begin(start))
				if start.newlines > 1 {
					parts = append(parts, blank)
				}
			}
		}
		parts = append(parts, l.clause(c, i > 0))
	}
	if apart {
		parts = append(parts, &doc{op: opConcat, hard: true, near: true})
	}
	return parts
}

func (c *clause) start() *token {
	if len(c.head) > 0 {
		return c.head[0].t
	}
	return c.body[0].t
}

// split finds the clauses. Actions and comments that stand alone before a head, and the ends
// of blocks that began there, are between clauses; others are inside of one.
func (l *layout) split(nodes []*node, head headAt, top bool) []*clause {
	var out []*clause
	var now *clause
	var outside []bool // open blocks: whether they began between clauses
	last := styleNone
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if n.stands() {
			between := now == nil || l.headNext(nodes, i+1, head, last, top)
			switch n.t.role {
			case roleOpen, roleLoop:
				outside = append(outside, between)
			case roleElse, roleEnd:
				if k := len(outside); k > 0 {
					between = outside[k-1]
					if n.t.role == roleEnd {
						outside = outside[:k-1]
					}
				}
			}
			if between {
				out = append(out, &clause{alone: true, body: nodes[i : i+1]})
				now = nil
			} else {
				now.body = append(now.body, n)
			}
			continue
		}
		if !n.t.own {
			// Blocks whose actions share their lines count as well.
			switch n.t.role {
			case roleOpen, roleLoop:
				outside = append(outside, false)
			case roleEnd:
				if k := len(outside); k > 0 {
					outside = outside[:k-1]
				}
			}
		}
		if k, s := head(nodes, i, last); k > 0 {
			now = &clause{style: s, head: nodes[i : i+k]}
			out = append(out, now)
			last = s
			i += k - 1
			continue
		}
		if now == nil {
			now = &clause{style: last}
			out = append(out, now)
		}
		now.body = append(now.body, n)
	}
	return out
}

// headNext reports whether the next SQL from i on begins a clause, or there is none.
func (l *layout) headNext(nodes []*node, i int, head headAt, last style, top bool) bool {
	for ; i < len(nodes); i++ {
		if nodes[i].t.kind == kindComment || nodes[i].t.kind == kindControl {
			continue
		}
		k, _ := head(nodes, i, last)
		return k > 0
	}
	return top
}

// clause lays one clause out. rest says that it does not begin the query, so that what has no
// head belongs to the clause before.
func (l *layout) clause(c *clause, rest bool) *doc {
	if len(c.head) == 0 {
		d := l.body(c, nil)
		if rest && c.style != styleNone && c.style != styleCTE {
			return group(indent(d))
		}
		return group(d)
	}
	var head []*doc
	for i, n := range c.head {
		if i > 0 && n.t.gap {
			head = append(head, space)
		}
		head = append(head, l.one(n))
	}
	if len(c.body) == 0 {
		return concat(head...)
	}
	return l.body(c, concat(head...))
}

// body lays out what stands behind a head; head is nil for the rest of a clause.
func (l *layout) body(c *clause, head *doc) *doc {
	start := c.body[0].t
	var gap *doc
	if head != nil {
		gap = lead(c.body)
	}
	breakable := start.space || start.free
	magic := head != nil && start.newlines > 0 && breakable && start.kind != kindComment
	switch c.style {
	case styleList, styleBy, styleTables:
		els := l.elements(c.body)
		var groups *doc
		if len(c.head) > 1 && c.head[1].word("aggregate") {
			els, groups = l.aggregate(c.body)
		}
		var d *doc
		switch {
		case head == nil:
			return concat(l.list(els), groups)
		case len(els) == 1 && !els[0].alone && !(magic && c.style == styleList), !breakable:
			d = hug(head, gap, l.list(els))
		default:
			sep := line
			if magic && c.style != styleTables {
				sep = fresh
			}
			var inner *doc
			if plain(els) && c.style == styleBy {
				inner = fill(l.fillParts(els))
			} else {
				inner = l.list(els)
			}
			// A comment behind the head stays there.
			d = group(head, indent(sep, inner))
		}
		if groups != nil {
			return group(d, groups)
		}
		return d
	case styleCTE:
		els := l.elements(c.body)
		if len(els) > 0 && els[0].alone {
			return concat(head, fresh, l.list(els))
		}
		return concat(head, gap, l.list(els))
	case styleChain:
		first, more := l.chain(c.body, gap)
		if len(more) > 0 {
			return group(head, indent(append(first, more...)...))
		}
		return group(head, concat(first...))
	case styleJoin:
		return l.join(head, gap, c.body)
	}
	return concat(head, gap, l.expression(c.body))
}

// aggregate splits the body of a pipe's AGGREGATE at its GROUP BY.
func (l *layout) aggregate(body []*node) ([]*element, *doc) {
	for i, n := range body {
		if n.word("group") && wordAt(body, i+1, "by") && n.breakable() {
			by := &clause{style: styleBy, head: body[i : i+2], body: body[i+2:]}
			if i == 0 {
				return nil, concat(space, l.clause(by, false))
			}
			return l.elements(body[:i]), indent(line, l.clause(by, false))
		}
	}
	return l.elements(body), nil
}

// chain puts every condition on a line of its own, or all on one.
func (l *layout) chain(nodes []*node, gap *doc) (before, parts []*doc) {
	level := 0
	at := splits(nodes, operatorLevels[level])
	if len(at) == 0 {
		level = 1
		at = splits(nodes, operatorLevels[level])
	}
	if len(at) == 0 {
		level = comparison - 1
	}
	from := 0
	for i, to := range append(at, len(nodes)) {
		segment, tail := standingTail(nodes[from:to])
		if i == 0 && len(segment) > 0 && !segment[0].stands() {
			// The first condition shares its line with the head, so nothing moves in.
			before = append(before, gap, l.level(segment, level+1))
			segment = nil
		}
		if i > 0 {
			if segment[0].t.newlines > 0 {
				parts = append(parts, fresh)
			} else {
				parts = append(parts, line)
			}
			parts = append(parts, leaf(segment[0].t))
			gap = lead(segment[1:])
			segment = segment[1:]
		}
		for len(segment) > 0 && segment[0].stands() {
			parts = append(parts, standing(segment[0].t))
			segment = segment[1:]
		}
		if len(segment) > 0 {
			parts = append(parts, gap, l.level(segment, level+1))
		}
		for _, s := range tail {
			parts = append(parts, standing(s.t))
		}
		from = to
	}
	return before, parts
}

// join is a table, and its condition on the same line or on lines of their own.
func (l *layout) join(head, gap *doc, nodes []*node) *doc {
	at := -1
	for i, n := range nodes {
		if i > 0 && n.word("on", "using") && n.breakable() {
			at = i
			break
		}
	}
	if at < 0 {
		return concat(head, gap, l.run(nodes))
	}
	table, tail := standingTail(nodes[:at])
	parts := []*doc{}
	for _, s := range tail {
		parts = append(parts, standing(s.t))
	}
	sep := line
	if nodes[at].t.newlines > 0 && nodes[at].word("on") {
		sep = fresh
	}
	cond := nodes[at+1:]
	parts = append(parts, sep, leaf(nodes[at].t))
	if len(cond) > 0 {
		// The conditions stand below the ON, not further in.
		first, more := l.chain(cond, lead(cond))
		parts = append(append(parts, first...), more...)
	}
	return hug(head, gap, l.run(table), indent(parts...))
}
