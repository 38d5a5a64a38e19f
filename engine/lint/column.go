package lint

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/sql"
)

// references finds columns that are named without saying of what, where more than one
// thing could have them.
func (l *linter) references() {
	for _, ref := range l.refs {
		name := l.bare(ref)
		if name == "" {
			continue
		}
		b := l.blockAt(ref.Span.Start)
		switch {
		case b == nil || b.shared[strings.ToLower(name)]:
		case ref.Correlated:
			// A lambda's body reads the row around it as a subquery would.
			if b.relations > 0 && !b.columns[ref.Column.ID] && l.position(ref) >= b.list && !l.inFrom(b, ref) {
				l.add(Finding{Rule: OuterColumn, At: ref.Span,
					Message: fmt.Sprintf("%q is a column of the outer query, not of this one", name),
					Help:    "write the name of the table in front, so that it stays what is meant"})
			}
		case b.relations > 1 && !l.renamed(b, ref, name):
			for _, t := range l.trees {
				if t.block != b {
					continue
				}
				if i, ok := t.owner[ref.Column.ID]; ok && t.leaves[i].relation {
					l.ambiguous(t, t.leaves[i], name, ref.Span)
				}
			}
		}
	}
}

// position is the index of a reference's first token.
func (l *linter) position(ref *ir.ColumnRef) int { return l.at(ref.Span.Start) }

// inFrom reports whether a reference is an argument of an array or function in FROM.
func (l *linter) inFrom(b *block, ref *ir.ColumnRef) bool {
	i := l.position(ref)
	if i < b.from || i >= b.tail {
		return false
	}
	for j := i; j >= b.from; j-- {
		if l.depth[j] == b.depth && l.is(j, "on") {
			return false
		}
		if l.depth[j] == b.depth && (l.is(j, "from", "join") || l.punct(j, ',')) {
			return true
		}
	}
	return false
}

// bare is the name of a column that is written without the name of a table, "" if it is
// written with one.
func (l *linter) bare(ref *ir.ColumnRef) string {
	path := l.path(ref.Span)
	if len(path) == 0 || l.isAlias(path[0]) {
		return ""
	}
	if t := ref.Column.Type; len(path) == 1 || strings.EqualFold(path[0], ref.Column.Name) && t != nil && (t.Kind == ir.Struct || t.Kind == ir.JSON) {
		return path[0]
	}
	return ""
}

func (l *linter) isAlias(name string) bool {
	for _, t := range l.trees {
		for _, leaf := range t.leaves {
			if strings.EqualFold(leaf.alias, name) {
				return true
			}
		}
	}
	return false
}

// renamed reports whether a name behind WHERE may be that of an output column.
func (l *linter) renamed(b *block, ref *ir.ColumnRef, name string) bool {
	i := l.position(ref)
	if i < b.tail || !l.behindWhere(b, i) {
		return false
	}
	for j := b.list; j < b.from; j++ {
		if l.depth[j] == b.depth && l.is(j, "as") && strings.EqualFold(l.name(j+1), name) {
			return true
		}
	}
	return false
}

func (l *linter) behindWhere(b *block, i int) bool {
	for j := b.tail; j <= i; j++ {
		if l.depth[j] == b.depth && l.is(j, "group", "having", "qualify", "window", "order") {
			return true
		}
	}
	return false
}

func (l *linter) ambiguous(t *tree, of leaf, name string, at ir.Span) {
	relations := 0
	for _, leaf := range t.leaves {
		if leaf.relation {
			relations++
		}
	}
	if relations < 2 {
		return
	}
	f := Finding{Rule: AmbiguousColumn, At: at,
		Message: fmt.Sprintf("%q does not say which of the joined tables it is of", name),
		Help:    "write the name of the table in front: a column of that name in another one would break the query"}
	if plain(of.alias) && l.aliases(t, of.alias) == 1 {
		f.Help = fmt.Sprintf("write %s.%s: a column of that name in another table would break the query", of.alias, quote(name))
		f.Edits = []Edit{{At: ir.Span{Start: at.Start, End: at.Start}, New: of.alias + "."}}
	}
	l.add(f)
}

// aliases is how many leaves go by a name.
func (l *linter) aliases(t *tree, name string) int {
	n := 0
	for _, leaf := range t.leaves {
		if strings.EqualFold(leaf.alias, name) {
			n++
		}
	}
	return n
}

// items finds the bare columns that SELECT lists pass on, of which the tree knows no place.
func (l *linter) items() {
	for _, t := range l.trees {
		b := t.block
		if b == nil || b.relations < 2 {
			continue
		}
		owner := t.named()
		for _, item := range l.listOf(b) {
			i, n := item[0], item[1]-item[0]
			alone := n == 1 || n == 3 && l.is(i+1, "as") || n == 2 && l.name(i+1) != ""
			name := l.name(i)
			if !alone || name == "" || b.shared[strings.ToLower(name)] || l.tokens[i].Kind == sql.Word && reserved(name) {
				continue
			}
			if i, ok := owner[strings.ToLower(name)]; ok && i >= 0 {
				l.ambiguous(t, t.leaves[i], name, ir.Span{Start: l.tokens[item[0]].Start, End: l.tokens[item[0]].End})
			}
		}
	}
}

// named are the leaves by the names of their columns in lower case; -1 where several have it.
func (t *tree) named() map[string]int {
	out := map[string]int{}
	for i, leaf := range t.leaves {
		for _, c := range columnsOf(leaf.scan) {
			name := strings.ToLower(c)
			if other, twice := out[name]; twice && other != i {
				out[name] = -1
				continue
			}
			out[name] = i
		}
	}
	return out
}

// columnsOf are the names by which a SELECT knows the columns of a scan, as far as the tree
// tells: a subquery's columns go by the names they have inside of it.
func columnsOf(s ir.Scan) []string {
	switch s := s.(type) {
	case *ir.Table:
		return s.Names
	case *ir.WithRef:
		out := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			out[i] = c.Name
		}
		return out
	}
	return nil
}

// listOf are the items of a SELECT list, as ranges of tokens.
func (l *linter) listOf(b *block) [][2]int {
	var out [][2]int
	start := b.list
	for i := b.list; i <= b.from; i++ {
		if i == b.from || l.depth[i] == b.depth && l.punct(i, ',') {
			if i > start {
				out = append(out, [2]int{start, i})
			}
			start = i + 1
		}
	}
	return out
}
