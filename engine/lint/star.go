package lint

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// stars finds a * in the outermost SELECT that stands for the columns of a table, or
// passes on one that does: the result then has whatever columns the table has.
func (l *linter) stars() {
	if l.query.ValueTable {
		return
	}
	var outer []*block
	for _, b := range l.blocks {
		if b.depth == 0 {
			outer = append(outer, b)
		}
	}
	for _, b := range outer {
		items := l.listOf(b)
		for k, item := range items {
			star, ok := l.star(item)
			if !ok || !l.openItem(b, item, star, 0) {
				continue
			}
			f := Finding{Rule: SelectStar, At: ir.Span{Start: l.tokens[item[0]].Start, End: l.tokens[star].End},
				Message: "the columns are whatever the table has",
				Help:    "list the columns, so that the result changes only when this text does"}
			if len(outer) == 1 && !l.replaces(item) {
				f.Edits = l.spelled(b, items, k, star)
			}
			l.add(f)
		}
	}
}

// star is the token of a star item: *, o.*, o.* except (…).
func (l *linter) star(item [2]int) (int, bool) {
	i := item[0]
	for l.name(i) != "" && l.punct(i+1, '.') {
		i += 2
	}
	if i < item[1] && l.punct(i, '*') && (i+1 == item[1] || l.is(i+1, "except", "replace")) {
		return i, true
	}
	return 0, false
}

func (l *linter) replaces(item [2]int) bool {
	for i := item[0]; i < item[1]; i++ {
		if l.is(i, "replace") {
			return true
		}
	}
	return false
}

// maxNesting bounds how far a star is followed.
const maxNesting = 30

// openItem reports whether a star stands for columns that no text lists.
func (l *linter) openItem(b *block, item [2]int, star, depth int) bool {
	qualifier := ""
	if star > item[0] {
		qualifier = l.name(star - 2)
	}
	for _, from := range l.fromItems(b) {
		if qualifier != "" && !strings.EqualFold(from.alias, qualifier) {
			continue
		}
		if l.open(from, depth) {
			return true
		}
	}
	return false
}

// fromItem is one thing that FROM reads: a name, or the tokens of a subquery.
type fromItem struct {
	name     string // the only part of a path, else ""
	alias    string
	from, to int // of a subquery, without its parentheses
	table    bool
}

func (l *linter) fromItems(b *block) []fromItem {
	var out []fromItem
	starts := false
	for i := b.from; i < b.tail; i++ {
		if i == b.from || l.is(i, "join") || l.punct(i, ',') && l.depth[i] == b.depth {
			starts = true
			continue
		}
		if !starts {
			continue
		}
		switch {
		case l.punct(i, '(') && l.is(i+1, "select", "with"):
			end := l.closes(i)
			item := fromItem{from: i + 1, to: end}
			if end < len(l.tokens) {
				item.alias = l.alias(l.tokens[end].End)
			}
			out = append(out, item)
			i = end
		case l.punct(i, '('):
			continue // joins in parentheses begin
		case l.is(i, "unnest", "lateral"):
		case l.name(i) != "":
			first := i
			for l.punct(i+1, '.') && l.name(i+2) != "" {
				i += 2
			}
			if l.punct(i+1, '(') {
				break // a table function
			}
			item := fromItem{alias: l.alias(l.tokens[i].End)}
			if parts := strings.Split(l.name(i), "."); item.alias == "" {
				item.alias = parts[len(parts)-1]
			}
			if i == first {
				item.name = l.name(i)
			}
			item.table = !l.correlatedPath(out, first, i)
			out = append(out, item)
		}
		starts = false
	}
	return out
}

// correlatedPath reports whether a path begins with what FROM has named before: an array.
func (l *linter) correlatedPath(before []fromItem, first, last int) bool {
	for _, b := range before {
		if last > first && strings.EqualFold(b.alias, l.name(first)) {
			return true
		}
	}
	return false
}

// open reports whether the columns of what FROM reads are listed nowhere.
func (l *linter) open(from fromItem, depth int) bool {
	if depth > maxNesting {
		return false
	}
	if from.to == 0 {
		name := strings.ToLower(from.name)
		e, ok := l.ctes[name]
		if name == "" || !ok {
			return from.table
		}
		open, known := l.opened[name]
		if !known && e.At().End > e.At().Start {
			l.opened[name] = false // for those that read themselves
			from.from, from.to = l.inside(e.At())
			open = l.openText(from, depth)
			l.opened[name] = open
		}
		return open
	}
	return l.openText(from, depth)
}

// openText reports whether a query in parentheses passes on a star.
func (l *linter) openText(from fromItem, depth int) bool {
	if from.from >= from.to {
		return false
	}
	for _, b := range l.blocks {
		if b.first < from.from || b.first >= from.to || b.depth != l.depth[from.from] {
			continue
		}
		for _, item := range l.listOf(b) {
			if star, ok := l.star(item); ok && l.openItem(b, item, star, depth+1) {
				return true
			}
		}
	}
	return false
}

// spelled replaces the star, the only one of a list over one relation, by the columns.
func (l *linter) spelled(b *block, items [][2]int, k, star int) []Edit {
	for i, item := range items {
		if _, ok := l.star(item); ok && i != k {
			return nil
		}
	}
	if len(l.fromItems(b)) != 1 {
		return nil
	}
	n := len(l.query.Output) - (len(items) - 1)
	if n < 1 {
		return nil
	}
	prefix := l.text[l.tokens[items[k][0]].Start:l.tokens[star].Start]
	between := ", "
	if start := l.tokens[items[k][0]].Start; strings.TrimSpace(l.text[strings.LastIndexByte(l.text[:start], '\n')+1:start]) == "" {
		between = ",\n" + l.text[strings.LastIndexByte(l.text[:start], '\n')+1:start]
	}
	var out strings.Builder
	for i, o := range l.query.Output[k : k+n] {
		if o.Name == "" || strings.HasPrefix(o.Name, "$") {
			return nil
		}
		if i > 0 {
			out.WriteString(between)
		}
		out.WriteString(prefix + quote(o.Name))
	}
	at := ir.Span{Start: l.tokens[items[k][0]].Start, End: l.tokens[items[k][1]-1].End}
	if l.commented(at) {
		return nil
	}
	return []Edit{{At: at, New: out.String()}}
}
