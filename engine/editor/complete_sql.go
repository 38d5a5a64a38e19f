package editor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/sql"
)

// sql completes SQL outside of actions.
func (c *completer) sql() {
	lexis := c.view.lexisOf(c.path)
	types := typeNames
	if lexis == sql.Standard {
		types = nativeTypes
		defer func() {
			for i := range c.list {
				if k := c.list[i].Kind; k == CompleteColumn || k == CompleteField || k == CompleteCTE || k == CompleteRelation {
					c.list[i].Insert = strings.ReplaceAll(c.list[i].Insert, "`", `"`)
				}
			}
		}()
	}
	inside := func(k tok) bool { return k.start < c.at && c.at <= k.end }
	t := tokenize(c.text, lexis, func(k tok) bool {
		if !inside(k) || k.act != 0 || k.kind != sql.Word && !(k.kind == sql.Quoted && k.open) && k.kind != sql.Parameter {
			return false
		}
		c.from, c.to = k.start, k.end
		return true
	})
	for _, l := range t.literals {
		if l.kind == sql.Comment && l.start < c.at && (c.at < l.end || c.at == l.end && !strings.HasPrefix(t.masked[l.start:], "/*")) {
			return
		}
		if l.kind == sql.String && l.start < c.at && (c.at < l.end || c.at == l.end && l.open) {
			c.literal(scan(c.book, t), l)
			return
		}
	}
	for _, k := range t.list {
		if k.kind == sql.Number && k.start < c.at && c.at <= k.end {
			return
		}
	}
	s := scan(c.book, t)
	c.letters(s)
	p := s.before(c.from)
	sel := s.at(c.from)
	if sel == nil && len(s.selections) > 0 {
		// Behind the text of the last query.
		if last := s.selections[len(s.selections)-1]; p >= 0 && last.lo <= p && last.hi >= p {
			sel = last
		}
	}
	switch {
	case s.punct(p) == '.':
		c.members(s, sel, p)
	case s.is(p, "AS") && s.castAt(p):
		for i, name := range types {
			c.add(Completion{Label: name, Kind: CompleteType, Insert: strings.Replace(name, "…", "", 1), rank: i})
		}
	case s.is(p, "AS") && !s.is(p-1, "SELECT"):
		c.aliases(s, p)
	case s.is(p, "OVER"):
		c.add(Completion{Label: "over (…)", Kind: CompleteKeyword, Insert: "(partition by ${1} order by ${2})", Snippet: true, Filter: "("})
	case sel == nil:
		c.beginning(s, p)
	default:
		c.inside(s, sel, p, lexis)
	}
}

// letters finds out how keywords are written: as those of the text are, else as engine fmt would.
func (c *completer) letters(s *scopes) {
	typed := c.typed()
	c.shouted = len(typed) > 1 && typed == strings.ToUpper(typed) && typed != strings.ToLower(typed)
	capital, small := 0, 0
	for i := range s.list {
		if !s.is(i, "SELECT", "FROM", "WHERE", "JOIN", "AS", "AND", "ON", "BY", "WITH") {
			continue
		}
		if w := s.in(i); w == strings.ToUpper(w) {
			capital++
		} else {
			small++
		}
	}
	c.upper = capital > small
	if capital == small {
		c.upper = c.shouted || c.book.project.Settings.Format.Keywords.V == "upper"
	}
}

// before is the last token that ends at an offset or in front of it, -1: none.
func (s *scopes) before(offset int) int {
	p := -1
	for i, k := range s.list {
		if k.end > offset {
			break
		}
		p = i
	}
	return p
}

// castAt reports whether the AS at token p is that of a CAST.
func (s *scopes) castAt(p int) bool {
	open := s.opening(0, p)
	return open > 0 && s.is(open-1, "CAST", "SAFE_CAST")
}

// opening is the innermost parenthesis or bracket that is opened in [lo, p] and not closed up
// to p; -1: none.
func (s *scopes) opening(lo, p int) int {
	open := -1
	for i := lo; i <= p && i < len(s.list); i++ {
		if (s.punct(i) == '(' || s.punct(i) == '[') && s.partner[i] > p {
			open = i
		}
	}
	return open
}

// beginning completes where there is no SELECT yet.
func (c *completer) beginning(s *scopes, p int) {
	word := func(label, insert string, rank int) {
		c.add(Completion{Label: label, Kind: CompleteKeyword, Insert: insert, Snippet: true, rank: rank})
	}
	word("select", "select\n    ${0}\nfrom ", 0)
	if p < 0 {
		word("select … from ref", "select\n    ${0}\nfrom {{ ref \"${1}\" }}", 1)
		word("with", "with ${1:name} as (\n    select\n        ${2}\n    from {{ ref \"${3}\" }}\n)\nselect\n    ${0}\nfrom ${1:name}", 2)
		word("config", "{{ config \"materialized\" \"${1:table}\" }}\n$0", 3)
	}
	if s.is(p, "WITH") {
		c.list = nil
		c.seen = nil
		word("recursive", "recursive ", 0)
	}
}

// aliases completes a relation's alias: the words of its name and their first letters.
func (c *completer) aliases(s *scopes, p int) {
	a := s.action(p - 1)
	if a == nil {
		return
	}
	_, args := a.called(s.text)
	if len(args) == 0 {
		return
	}
	name := args[len(args)-1]
	if fn, _ := a.called(s.text); fn == "ref" {
		name = args[0]
	}
	words := strings.Split(strings.ToLower(name), "_")
	initials := ""
	for _, w := range words {
		if w != "" {
			initials += w[:1]
		}
	}
	for _, ending := range []string{"stg", "base", "int", "eph", "dim", "fct"} {
		if len(words) > 1 && (words[0] == ending || words[len(words)-1] == ending) {
			short := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(name), ending+"_"), "_"+ending)
			c.add(Completion{Label: short, Kind: CompleteRelation, Detail: "alias", rank: 0})
		}
	}
	c.add(Completion{Label: name, Kind: CompleteRelation, Detail: "alias", rank: 1})
	if len(initials) > 1 && !reserved[strings.ToUpper(initials)] {
		c.add(Completion{Label: initials, Kind: CompleteRelation, Detail: "alias", rank: 2})
	}
}

// members completes behind a dot.
func (c *completer) members(s *scopes, sel *selection, p int) {
	var path []string
	for i := p; s.punct(i) == '.'; i -= 2 {
		name, ok := s.name(i - 1)
		if !ok {
			if i-1 >= 0 && s.list[i-1].kind == sql.Word && i < p {
				name = s.in(i - 1)
			} else {
				break
			}
		}
		path = append([]string{name}, path...)
	}
	if len(path) == 0 {
		return
	}
	list := s.below(sel, path)
	kind := CompleteColumn
	if len(path) > 1 || s.find(sel, path[0]) == nil {
		kind = CompleteField
	}
	if len(list) == 0 && len(path) == 1 && s.find(sel, path[0]) == nil {
		kind = CompleteColumn
		// The FROM clause may not be written yet.
		for _, t := range s.ctes {
			if strings.EqualFold(t.name, path[0]) {
				list = t.columns
			}
		}
		if n := c.book.byName()[path[0]]; n != nil && list == nil {
			list = c.book.columnsOf(n)
		}
	}
	for i, col := range list {
		c.column(col, kind, "", i)
	}
	if sel != nil && len(path) == 1 && len(list) == 0 && s.clause(sel, c.from).word == "FROM" {
		// A table of a source by its name.
		from := s.list[p-1].start
		for _, n := range c.book.sources() {
			if strings.EqualFold(n.Source.SourceName.V, path[0]) {
				c.add(Completion{Label: n.ID.Name, Kind: CompleteSource, Detail: columnCount(len(c.book.columnsOf(n))), Doc: shortDoc(n), From: from, To: c.to,
					Insert: `{{ source "` + n.Source.SourceName.V + `" "` + n.Source.Table.V + `" }}`})
			}
		}
		return
	}
	head := strings.ToLower(strings.Join(path, ".")) + "."
	if len(list) == 0 {
		for _, name := range functionNames() {
			if rest, ok := strings.CutPrefix(name, head); ok {
				c.function(functions()[name], rest, rankFunction)
			} else if head == "safe." && !strings.Contains(name, ".") {
				c.function(functions()[name], name, rankFunction)
			}
		}
	}
	if sel != nil && s.find(sel, path[0]) != nil && len(path) == 1 && s.clause(sel, c.from).word == "SELECT" && len(list) > 0 {
		c.add(Completion{Label: "*", Kind: CompleteKeyword, Detail: fmt.Sprintf("%d columns", len(list)), rank: rankKeyword})
	}
}

// column adds a column. qualified is what is written instead of its name.
func (c *completer) column(col column, kind CompletionKind, qualified string, rank int) {
	if col.name == "" {
		return
	}
	insert := quoted(col.name)
	if qualified != "" {
		insert = qualified
	}
	c.add(Completion{Label: col.name, Kind: kind, Detail: col.typ, Doc: columnDoc(col), Insert: insert, rank: rank})
}

// quoted is a name as SQL takes it.
func quoted(name string) string {
	plain := name != "" && !reserved[strings.ToUpper(name)]
	for i := 0; i < len(name) && plain; i++ {
		ch := name[i]
		plain = ch < 0x80 && nameByte(ch) && (i > 0 || ch < '0' || ch > '9')
	}
	if plain {
		return name
	}
	return "`" + name + "`"
}

// columnDoc is what there is to say of a column.
func columnDoc(col column) string {
	var b strings.Builder
	if col.doc != "" {
		b.WriteString(col.doc + "\n\n")
	}
	if col.node != nil {
		b.WriteString("Column ")
		if col.passed != "" && !strings.EqualFold(col.passed, col.name) {
			b.WriteString("`" + col.passed + "` ")
		}
		b.WriteString("of " + string(col.node.ID.Kind) + " `" + label(col.node) + "`.")
	}
	return strings.TrimSpace(b.String())
}

// function adds a function; insert is its name as it is to be written.
func (c *completer) function(f *function, insert string, rank int) {
	o := Completion{Label: insert, Kind: CompleteFunction, Detail: strings.TrimPrefix(f.call, f.name), Doc: functionDoc(f), Filter: insert, rank: rank}
	switch {
	case len(f.params) == 0:
		o.Insert = insert + "()"
	case f.result == "cast":
		o.Insert, o.Snippet = insert+"(${1} as ${2})", true
	case f.result == "extract":
		o.Insert, o.Snippet = insert+"(${1:year} from ${2})", true
	case f.group == "window":
		o.Insert, o.Snippet = insert+"(${1}) over (${2})", true
	default:
		o.Insert, o.Snippet = insert+"(${1})$0", true
	}
	if f.group == "window" && len(f.params) == 0 {
		o.Insert, o.Snippet = insert+"() over (${1})", true
	}
	if strings.HasPrefix(c.text[c.to:], "(") {
		o.Insert, o.Snippet = insert, false
	}
	c.add(o)
}

func functionDoc(f *function) string {
	out := "```sql\n" + f.call + "\n```\n"
	if t := f.resultWord(); t != "" {
		out += "→ `" + t + "`\n\n"
	}
	return out + f.doc
}

// resultWord is the type of a function's result for people, empty where it follows from more
// than one can say in a word.
func (f *function) resultWord() string {
	switch f.result {
	case "", "cast", "sum", "avg", "float", "divide", "range", "extract", "unnest":
		return ""
	}
	arg := func(n int) string { return f.param(n) }
	r := strings.ReplaceAll(f.result, "$1.elem", "element of "+arg(0))
	if r == "$1" || r == "$2" {
		return "type of " + arg(int(r[1]-'1'))
	}
	return strings.ReplaceAll(strings.ReplaceAll(r, "$1", "type of "+arg(0)), "$2", "type of "+arg(1))
}

// literal completes within a text: the values that a column is tested to have.
func (c *completer) literal(s *scopes, l tok) {
	i := -1
	for k, t := range s.list {
		if t.start == l.start {
			i = k
		}
	}
	if i < 0 {
		return
	}
	p := i - 1
	if s.punct(p) == ',' || s.punct(p) == '(' {
		open := s.opening(0, p)
		if open < 1 || !s.is(open-1, "IN") {
			return
		}
		p = open - 1
		if s.is(p-1, "NOT") {
			p--
		}
		p--
	} else {
		for p >= 0 && (s.punct(p) == '=' || s.punct(p) == '!' || s.punct(p) == '<' || s.punct(p) == '>') {
			p--
		}
		if p == i-1 {
			return
		}
	}
	var path []string
	for ; p >= 0; p -= 2 {
		name, ok := s.name(p)
		if !ok {
			return
		}
		path = append([]string{name}, path...)
		if s.punct(p-1) != '.' {
			break
		}
	}
	col, ok := s.path(s.at(l.start), path)
	if !ok || col.node == nil {
		return
	}
	c.from, c.to = l.start+1, l.end
	if !l.open {
		c.to--
	}
	if c.from > c.at {
		return
	}
	for n, value := range c.book.accepted(col.node.ID, col.passed) {
		c.add(Completion{Label: value, Kind: CompleteValue, Detail: "value of " + col.name, rank: n})
	}
}

// accepted are the values that a test says a column has.
func (b *book) accepted(id addr.Node, column string) []string {
	for _, t := range b.tests()[id] {
		if t.Kind != "accepted_values" || !strings.EqualFold(t.Column, column) {
			continue
		}
		var out []string
		values, _ := t.Args["values"].([]any)
		for _, v := range values {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return nil
}

// inside completes in a SELECT.
func (c *completer) inside(s *scopes, sel *selection, p int, lexis sql.Lexis) {
	cl := s.clause(sel, c.from)
	lo := sel.lo
	if cl.word != "" {
		lo = cl.lo
	}
	open := s.opening(lo, p)
	google := lexis == sql.GoogleSQL
	if open >= 0 {
		if c.within(s, sel, cl, open, p, google) {
			return
		}
	} else if cl.word == "FROM" {
		c.fromClause(s, sel, cl, p, google)
		return
	}
	c.expression(s, sel, cl, open, p, google)
}

// within completes what stands in parentheses and is no ordinary expression; false: it is one.
func (c *completer) within(s *scopes, sel *selection, cl clause, open, p int, google bool) bool {
	before := open - 1
	switch {
	case s.is(before, "USING"):
		c.shared(s, sel)
		return true
	case s.is(before, "EXCEPT", "REPLACE") && s.punct(before-1) == '*':
		it := item{lo: before - 1, hi: before}
		for it.lo >= 2 && s.punct(it.lo-1) == '.' {
			it.lo -= 2
		}
		if p == open || s.punct(p) == ',' {
			for i, col := range s.star(sel, it) {
				c.column(col, CompleteColumn, "", i)
			}
			return true
		}
	case s.is(before, "OVER"):
		if p == open {
			c.keywords(0, "partition by", "order by")
			return true
		}
		if !s.is(p, "BY") && s.punct(p) != ',' && s.ends(p) {
			c.keywords(0, "order by", "asc", "desc", "rows between ", "range between ")
			return true
		}
	case cl.word == "FROM" && p == open && (s.is(before, "FROM", "JOIN") || s.punct(before) == ',' || s.punct(before) == '('):
		c.add(Completion{Label: "select", Kind: CompleteKeyword, Insert: "select ", rank: rankExact})
		c.tables(s, sel)
		return true
	}
	if p == open && !s.calls(open) {
		c.add(Completion{Label: "select", Kind: CompleteKeyword, Insert: "select ", rank: rankKeyword})
	}
	if !google {
		return false
	}
	// Arguments of functions that are parts of dates.
	if s.is(before, "EXTRACT") && p == open {
		c.parts()
		return true
	}
	if f := c.book.function(s.calledAt(open)); f != nil {
		n := 0
		for i := open + 1; i <= p; i++ {
			if s.punct(i) == ',' {
				n++
			}
			if s.punct(i) == '(' || s.punct(i) == '[' {
				i = min(s.partner[i], p+1)
			}
		}
		if f.param(n) == "part" && s.punct(p) == ',' {
			c.parts()
			return true
		}
		if f.param(n) == "interval" && s.punct(p) == ',' {
			c.add(Completion{Label: "interval", Kind: CompleteKeyword, Insert: "interval ${1:1} ${2:day}", Snippet: true, rank: rankExact})
		}
	}
	return false
}

// calls reports whether the parenthesis at token open is that of a call.
func (s *scopes) calls(open int) bool { return s.calledAt(open) != "" }

// calledAt is the name of what is called with the parenthesis at token open, «safe.» apart.
func (s *scopes) calledAt(open int) string {
	if s.punct(open) != '(' || open == 0 {
		return ""
	}
	i := open - 1
	k := s.list[i]
	if k.kind != sql.Word || k.act != 0 {
		return ""
	}
	name := strings.ToLower(s.in(i))
	for s.punct(i-1) == '.' && i >= 2 && s.list[i-2].kind == sql.Word && s.list[i-2].act == 0 {
		i -= 2
		name = strings.ToLower(s.in(i)) + "." + name
	}
	if functions()[strings.TrimPrefix(name, "safe.")] == nil && reserved[strings.ToUpper(name)] {
		return ""
	}
	return strings.TrimPrefix(name, "safe.")
}

func (c *completer) parts() {
	for i, part := range partWords {
		c.add(Completion{Label: part, Kind: CompleteValue, Detail: "part", rank: rankExact + i})
	}
}

func (c *completer) keywords(rank int, words ...string) {
	for i, w := range words {
		o := Completion{Label: strings.TrimSpace(w), Kind: CompleteKeyword, Insert: w, rank: rank + i}
		if !strings.HasSuffix(w, " ") && !strings.HasSuffix(w, "(") && !strings.HasPrefix(c.text[c.to:], " ") && strings.ContainsRune(w, ' ') && !strings.Contains(w, "\n") {
			o.Insert = w + " "
		}
		c.add(o)
	}
}

// shared completes the columns that the last relation and those before it have.
func (c *completer) shared(s *scopes, sel *selection) {
	if len(sel.from) < 2 {
		return
	}
	// The relation whose USING it is.
	last := len(sel.from) - 1
	for last > 1 && sel.from[last].at[0] > c.at {
		last--
	}
	for i, col := range sel.from[last].columns {
		for _, r := range sel.from[:last] {
			if _, ok := named(r.columns, col.name); ok {
				rank := i
				if strings.HasSuffix(strings.ToLower(col.name), "id") || strings.HasSuffix(strings.ToLower(col.name), "key") {
					rank -= 1000
				}
				c.column(col, CompleteColumn, "", rank)
			}
		}
	}
}

// fromClause completes in a FROM clause outside of parentheses.
func (c *completer) fromClause(s *scopes, sel *selection, cl clause, p int, google bool) {
	last := cl.key
	for i := cl.lo; i <= p; i++ {
		if s.punct(i) == '(' || s.punct(i) == '[' {
			i = s.partner[i]
			continue
		}
		if s.is(i, "JOIN", "ON", "USING") || s.punct(i) == ',' {
			last = i
		}
	}
	switch {
	case last == p && (s.is(p, "FROM", "JOIN") || s.punct(p) == ','):
		c.tables(s, sel)
	case s.is(p, "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER", "NATURAL"):
		c.keywords(0, "join ", "outer join ")
	case s.is(last, "ON"):
		c.expression(s, sel, cl, -1, p, google)
		if p == last || s.is(p, "AND") {
			c.conditions(s, sel, last, p)
		}
	case s.is(last, "USING") && p == last:
		c.add(Completion{Label: "(…)", Kind: CompleteKeyword, Insert: "(${1})", Snippet: true, Filter: "("})
	default:
		// Behind a relation.
		if s.is(last, "JOIN") && !s.is(last-1, "CROSS") {
			c.keywords(0, "on ", "using (")
		}
		if !s.is(p-1, "AS") && p > last {
			c.keywords(10, "as ")
		}
		c.keywords(20, "left join ", "inner join ", "join ", "cross join ", "full join ", "where ", "group by ", "order by ", "qualify ", "limit ", "union all\n", "right join ", "having ", "tablesample system (")
	}
}

// tables completes what can be read.
func (c *completer) tables(s *scopes, sel *selection) {
	for i := len(sel.ctes) - 1; i >= 0; i-- {
		t := sel.ctes[i]
		c.add(Completion{Label: t.name, Kind: CompleteCTE, Detail: columnCount(len(t.columns)), Insert: quoted(t.name), rank: len(sel.ctes) - i})
	}
	for _, r := range sel.from {
		for _, col := range r.columns {
			if col.google != nil && col.google.Elem != nil && r.alias != "" {
				c.add(Completion{Label: "unnest(" + r.alias + "." + col.name + ")", Kind: CompleteFunction, Detail: col.typ, Insert: "unnest(" + r.alias + "." + quoted(col.name) + ") as ${1:element}", Snippet: true, rank: rankOuter})
			}
		}
	}
	c.nodes(func(n *compile.Node) string {
		if n.Source != nil {
			return `{{ source "` + n.Source.SourceName.V + `" "` + n.Source.Table.V + `" }}`
		}
		return `{{ ref ` + refArgs(n) + ` }}`
	}, true)
	c.add(Completion{Label: "unnest", Kind: CompleteFunction, Detail: "(array)", Insert: "unnest(${1}) as ${2:element}", Snippet: true, rank: rankKeyword})
	if len(s.ctes) == 0 || len(c.list) == 0 {
		c.add(Completion{Label: "(select …)", Kind: CompleteKeyword, Insert: "(\n    select ${1}\n    from ${2}\n) as ${3:name}", Snippet: true, Filter: "(", rank: rankKeyword})
	}
}

// columnCount says how many columns there are, nothing where there are none.
func columnCount(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 column"
	}
	return fmt.Sprintf("%d columns", n)
}

// refArgs are the arguments of a ref to a node.
func refArgs(n *compile.Node) string {
	if n.Version != nil {
		if model, v, ok := strings.Cut(n.ID.Name, ".v"); ok {
			return `"` + model + `" "v" ` + versionWord(v)
		}
	}
	return `"` + n.ID.Name + `"`
}

func versionWord(v string) string {
	if v != "" && strings.Trim(v, "0123456789") == "" {
		return v
	}
	return `"` + v + `"`
}

// nodes adds what can be read: models, seeds and snapshots, with sources too. Those of the
// file's own folder come first, then those that share more of their path with it.
func (c *completer) nodes(insert func(*compile.Node) string, sources bool) {
	own, _ := c.view.Node(c.path)
	typed := wanted(c.typed())
	late := func(o *Completion, n *compile.Node) {
		o.Detail, o.Doc, o.Insert = nodeDetail(n), shortDoc(n), insert(n)
	}
	add := func(n *compile.Node, kind CompletionKind) {
		if own != nil && n.ID == own.ID || n.Path == c.path && n.Source == nil {
			return
		}
		if _, ok := fits(n.ID.Name, typed); !ok {
			return
		}
		rank := rankOuter + 50 - min(50, 5*sharedPath(n.Path, c.path))
		if own != nil && slices.Contains(own.Parents, n.ID) {
			rank -= 20
		}
		if n.Config.Access == "private" && own != nil && n.Config.Group != own.Config.Group {
			rank += rankUnlikely
		}
		// Names are unique, so nothing has to be looked up.
		c.list = append(c.list, Completion{Label: n.ID.Name, Filter: n.ID.Name, Kind: kind, From: c.from, To: c.to, rank: rank, late: late, node: n})
	}
	list := c.book.refs()
	c.list = slices.Grow(c.list, len(list))
	for _, n := range list {
		add(n, CompletionKind(n.ID.Kind))
	}
	if sources {
		for _, n := range c.book.sources() {
			add(n, CompleteSource)
		}
	}
}

// describe fills in what there is to say of a node.
func describe(o *Completion, n *compile.Node) { o.Detail, o.Doc = nodeDetail(n), shortDoc(n) }

// nodeDetail is what a node becomes and where it is.
func nodeDetail(n *compile.Node) string {
	detail := n.Config.Materialized
	if n.Source != nil {
		detail = "source"
	} else if n.ID.Kind != addr.Model {
		detail = string(n.ID.Kind)
	}
	if dir := folder(n.Path); dir != "" {
		detail = strings.TrimPrefix(detail+" · "+dir, " · ")
	}
	return detail
}

// shortDoc is what there is to say of a node in a list.
func shortDoc(n *compile.Node) string {
	doc := n.Description
	if len(n.Columns) > 0 {
		var names []string
		for _, k := range n.Columns[:min(len(n.Columns), 12)] {
			names = append(names, "`"+k.Name+"`")
		}
		if len(n.Columns) > 12 {
			names = append(names, "…")
		}
		doc = strings.TrimSpace(doc + "\n\n" + strings.Join(names, ", "))
	}
	return doc
}

func folder(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		_, rest, ok := strings.Cut(path[:i], "/")
		if ok {
			return rest
		}
	}
	return ""
}

// sharedPath counts the folders that two paths share.
func sharedPath(a, b string) int {
	n := 0
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '/' {
			n++
		}
	}
	return n
}

// conditions completes the condition of a join: the columns that both sides have. Those that
// stand between ON and token p are left out.
func (c *completer) conditions(s *scopes, sel *selection, on, p int) {
	written := clean(s.text[s.list[on].end:s.list[p].end])
	last := -1
	for i, r := range sel.from {
		if r.at[0] < s.list[on].start {
			last = i
		}
	}
	if last < 1 {
		return
	}
	r := sel.from[last]
	if r.alias == "" {
		return
	}
	condition := func(pairs [][2]string, of *relation, rank int) {
		var parts []string
		for _, p := range pairs {
			left, right := of.alias+"."+quoted(p[1]), r.alias+"."+quoted(p[0])
			if strings.Contains(written, left+" = "+right) || strings.Contains(written, right+" = "+left) {
				continue
			}
			parts = append(parts, left+" = "+right)
		}
		if len(parts) == 0 {
			return
		}
		text := strings.Join(parts, " and ")
		c.add(Completion{Label: text, Kind: CompleteCondition, Detail: "join", Insert: text, rank: rank})
	}
	for k := last - 1; k >= 0; k-- {
		of := sel.from[k]
		if of.alias == "" {
			continue
		}
		far := (last - 1 - k) * 20
		for _, key := range c.book.keys(r, of) {
			var pairs [][2]string
			for _, name := range key {
				if _, ok := named(of.columns, name); ok {
					pairs = append(pairs, [2]string{name, name})
				}
			}
			if len(pairs) == len(key) && len(key) > 0 {
				condition(pairs, of, rankExact*3+far-len(key))
			}
		}
		for _, p := range c.book.references(r, of) {
			condition([][2]string{p}, of, rankExact*2+far)
		}
		for _, col := range r.columns {
			if _, ok := named(of.columns, col.name); !ok {
				continue
			}
			low := strings.ToLower(col.name)
			if strings.HasSuffix(low, "id") || strings.HasSuffix(low, "key") || strings.HasSuffix(low, "_code") {
				condition([][2]string{{col.name, col.name}}, of, rankExact+far)
			}
		}
	}
}

// keys are the sets of columns that are tested, or configured, to be unique in one of two
// relations.
func (b *book) keys(list ...*relation) [][]string {
	var out [][]string
	for _, r := range list {
		if r.node == nil {
			continue
		}
		if k := r.node.Config.UniqueKey; len(k) > 0 {
			out = append(out, k)
		}
		for _, t := range b.tests()[r.node.ID] {
			switch t.Kind {
			case "unique":
				if t.Column != "" {
					out = append(out, []string{t.Column})
				}
			case "unique_combination":
				if names, _ := t.Args["combination_of_columns"].([]string); len(names) > 0 {
					out = append(out, names)
				}
			}
		}
	}
	return out
}

// references are the pairs of columns, of r and of another relation, that a test says refer to
// each other.
func (b *book) references(r, of *relation) [][2]string {
	var out [][2]string
	look := func(from, to *relation, swap bool) {
		if from.node == nil || to.node == nil {
			return
		}
		for _, t := range b.tests()[from.node.ID] {
			if t.Kind != "relationships" || t.Column == "" {
				continue
			}
			target, _ := t.Args["to"].(addr.Node)
			field, _ := t.Args["field"].(string)
			if target != to.node.ID || field == "" {
				continue
			}
			if swap {
				out = append(out, [2]string{field, t.Column})
			} else {
				out = append(out, [2]string{t.Column, field})
			}
		}
	}
	look(r, of, false)
	look(of, r, true)
	return out
}

// expression completes where a value stands, or what follows one.
func (c *completer) expression(s *scopes, sel *selection, cl clause, open, p int, google bool) {
	start := p < 0 || p < cl.lo || s.punct(p) == ',' && open < 0
	star := p >= 0 && s.punct(p) == '*' && (p-1 < cl.lo || s.punct(p-1) == ',' || s.punct(p-1) == '.' || s.is(p-1, "DISTINCT"))
	switch {
	case star && open < 0 && cl.word == "SELECT":
		c.keywords(0, "except (", "replace (", "from ")
		return
	case p >= 1 && s.is(p-1, "INTERVAL") && s.list[p].kind != sql.Punct, p >= 2 && s.is(p-2, "INTERVAL") && s.punct(p-1) == '-':
		c.parts()
		return
	case p >= cl.lo && p != open && s.ends(p):
		c.following(s, cl, open, p)
		return
	case s.is(p, "IS"):
		c.keywords(0, "null", "not null", "true", "false", "distinct from ", "not distinct from ")
		return
	}
	aggregate := cl.word == "HAVING" || cl.word == "SELECT" || cl.word == "ORDER" || cl.word == "QUALIFY"
	switch cl.word {
	case "GROUP":
		if open < 0 {
			c.grouping(s, sel)
		}
	case "ORDER", "QUALIFY", "HAVING":
		for i, it := range sel.items {
			if it.name != "" {
				c.add(Completion{Label: it.name, Kind: CompleteColumn, Detail: "of this select", rank: rankExact + min(i, 9)})
			}
		}
	}
	// Columns, the nearest first.
	depth := 0
	for q := sel; q != nil && depth < 10; q = q.outer {
		c.columnsIn(s, q, depth*rankOuter)
		depth++
	}
	if cl.word == "SELECT" && start {
		if all := s.all(sel); len(all) > 1 {
			var names []string
			counts := c.names(sel)
			for _, r := range sel.from {
				for _, col := range r.columns {
					if col.name != "" && len(names) < 500 {
						names = append(names, counts.written(r, col.name, len(sel.from) > 1))
					}
				}
			}
			c.add(Completion{Label: "all columns", Kind: CompleteColumn, Detail: columnCount(len(names)), Insert: strings.Join(slices.Compact(names), ",\n"), rank: rankRelation + 50})
		}
		if cl.lo == p+1 {
			c.keywords(rankKeyword+5, "distinct ", "as struct ")
		}
	}
	if google {
		low := strings.ToLower(c.typed())
		for _, name := range functionNames() {
			if name == "unnest" || strings.Contains(name, ".") && !strings.HasPrefix(name, low) {
				continue
			}
			f := functions()[name]
			if !aggregate && open < 0 && (f.group == "aggregate" || f.group == "window") {
				continue
			}
			c.function(f, name, rankFunction)
		}
	}
	for _, f := range c.book.routines() {
		c.function(f, f.name, rankFunction-50)
	}
	for _, m := range c.book.sortedMacros() {
		c.add(Completion{Label: m.name, Kind: CompleteMacro, Detail: strings.Join(m.params, ", "), Doc: macroDoc(m), Insert: "{{ " + macroSnippet(m) + " }}", Snippet: true, rank: rankFunction + 40})
	}
	c.add(Completion{Label: "case", Kind: CompleteKeyword, Insert: "case\n    when ${1} then ${2}\n    else ${3}\nend", Snippet: true, rank: rankKeyword})
	words := []string{"null", "true", "false", "not ", "exists (", "interval "}
	if open >= 0 && p == open {
		words = append(words, "distinct ")
	}
	c.keywords(rankKeyword+10, words...)
}

// sortedMacros are the macros by name.
func (b *book) sortedMacros() []*macro {
	all := b.macros()
	out := make([]*macro, 0, len(all))
	for _, m := range all {
		out = append(out, m)
	}
	slices.SortFunc(out, func(x, y *macro) int { return strings.Compare(x.name, y.name) })
	return out
}

// nameCounts says which names of a SELECT several relations have.
type nameCounts map[string]int

func (c *completer) names(sel *selection) nameCounts {
	out := nameCounts{}
	for _, r := range sel.from {
		for _, col := range r.columns {
			out[strings.ToLower(col.name)]++
		}
		for _, u := range r.using {
			out[strings.ToLower(u)] = -1 << 20
		}
	}
	return out
}

// written is how a column is named: with its relation where others have the name, or always.
func (n nameCounts) written(r *relation, name string, always bool) string {
	if k := n[strings.ToLower(name)]; r.alias != "" && (k > 1 || always && k > 0) && r.what != "unnest" {
		return quoted(r.alias) + "." + quoted(name)
	}
	return quoted(name)
}

// columnsIn adds the columns and relations of one SELECT.
func (c *completer) columnsIn(s *scopes, sel *selection, rank int) {
	counts := c.names(sel)
	written := 0
	for i, r := range sel.from {
		// What stands nearer to the place in a FROM clause matters more there.
		near := rank + i*rankOfMembers
		for _, col := range r.columns {
			if col.name == "" {
				continue
			}
			insert := counts.written(r, col.name, false)
			o := Completion{Label: col.name, Kind: CompleteColumn, Detail: col.typ, Doc: columnDoc(col), Insert: insert, rank: near}
			if len(sel.from) > 1 && r.alias != "" {
				o.Detail = strings.TrimSpace(col.typ + " · " + r.alias)
			}
			if insert != quoted(col.name) {
				o.Label, o.Filter = insert, col.name
			}
			if written++; written > 20_000 {
				return
			}
			c.add(o)
		}
		if r.alias != "" {
			detail := r.what
			if r.node != nil {
				detail = string(r.node.ID.Kind) + " " + label(r.node)
			}
			c.add(Completion{Label: r.alias, Kind: CompleteRelation, Detail: detail, Insert: quoted(r.alias), rank: rank + rankRelation})
		}
	}
}

// grouping completes GROUP BY: what the select list has that is no aggregate.
func (c *completer) grouping(s *scopes, sel *selection) {
	var names []string
	for _, it := range sel.items {
		if it.star || it.lo >= it.hi || s.aggregates(it.lo, it.hi) {
			continue
		}
		text := strings.TrimSpace(s.text[s.list[it.lo].start:s.list[it.hi-1].end])
		if it.name != "" && it.hi != it.end {
			text = it.name
		}
		names = append(names, text)
		c.add(Completion{Label: text, Kind: CompleteColumn, Detail: "of this select", rank: rankExact})
	}
	if len(names) > 1 {
		all := strings.Join(names, ", ")
		o := Completion{Label: all, Kind: CompleteColumn, Detail: "all that is no aggregate", Insert: all, rank: rankExact - 1}
		if len(names) > 3 {
			o.Label = fmt.Sprintf("%s, %s, … (%d)", names[0], names[1], len(names))
		}
		c.add(o)
	}
	c.keywords(rankKeyword, "all", "rollup (", "grouping sets (")
}

// aggregates reports whether an expression has an aggregate in it that is no window function.
func (s *scopes) aggregates(lo, hi int) bool {
	for i := lo; i < hi; i++ {
		if s.punct(i) != '(' {
			continue
		}
		if f := functions()[s.calledAt(i)]; f != nil && f.group == "aggregate" && !s.is(s.partner[i]+1, "OVER") {
			return true
		}
	}
	return false
}

// following completes behind a value.
func (c *completer) following(s *scopes, cl clause, open, p int) {
	if open >= 0 {
		if s.is(open-1, "CAST", "SAFE_CAST") {
			c.keywords(0, "as ")
			return
		}
		if s.is(open-1, "EXTRACT") && p == open+1 {
			c.keywords(0, "from ")
			return
		}
		if f := functions()[s.calledAt(open)]; f != nil && f.group == "aggregate" {
			c.keywords(0, "order by ", "ignore nulls", "limit ")
		}
		c.keywords(10, "and ", "or ", "is null", "is not null", "in (", "between ", "like ", "not in (", "then ", "when ", "else ", "end")
		return
	}
	in := false
	for i := cl.lo; i <= p; i++ {
		if s.is(i, "CASE") {
			in = true
		}
		if s.is(i, "END") {
			in = false
		}
	}
	if in {
		c.keywords(0, "when ", "then ", "else ", "end")
	}
	if s.punct(p) == ')' && s.partner[p] < len(s.list) {
		if f := functions()[s.calledAt(s.partner[p])]; f != nil && (f.group == "aggregate" || f.group == "window") {
			c.add(Completion{Label: "over", Kind: CompleteKeyword, Insert: "over (${1})", Snippet: true, rank: 5})
		}
	}
	switch cl.word {
	case "SELECT":
		c.keywords(0, "as ", "from ", "and ", "or ", "is null", "is not null", "in (", "like ", "between ")
	case "ORDER":
		c.keywords(0, "desc", "asc", "nulls last", "nulls first", "limit ")
	case "GROUP":
		c.keywords(0, "having ", "order by ", "qualify ", "limit ", "union all\n")
	case "LIMIT":
		c.keywords(0, "offset ")
	case "HAVING", "QUALIFY":
		c.keywords(0, "and ", "or ", "is null", "is not null", "in (", "between ", "order by ", "limit ", "qualify ")
	default:
		c.keywords(0, "and ", "or ", "is null", "is not null", "in (", "not in (", "like ", "between ", "group by ", "order by ", "qualify ", "limit ", "union all\n", "left join ", "join ")
	}
}
