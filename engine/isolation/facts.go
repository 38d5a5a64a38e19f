package isolation

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// State says whose rows a relation holds.
type State uint8

// The states.
const (
	// Clean: no tenant's rows.
	Clean State = iota
	// Tenant: every row follows from the rows of a single tenant.
	Tenant
	// Mixed: rows follow from those of several tenants, or it is not known from whose.
	Mixed
)

// String is the state in lower case.
func (s State) String() string { return [...]string{"clean", "tenant", "mixed"}[min(s, Mixed)] }

// Facts are what is known of a relation. The zero value is a clean one.
type Facts struct {
	State State
	// Only is the one tenant whose rows there are, in decimal digits if it is a number; empty: it is not one.
	Only string
	// Columns hold, in each row, the tenant it belongs to or NULL; sorted by name. Without any, no
	// column tells whose a row is. Of a mixed relation they are those that would if it were not.
	Columns []Column
	// Blurred: rows in which no column names a tenant may come of those of several tenants. Otherwise
	// they follow from rows that belong to nobody.
	Blurred bool
	// Tainted are the columns whose values depend on rows of other tenants, in lower case, sorted.
	Tainted []string
}

// Column is a column with tenants.
type Column struct {
	Name string // in lower case
	// Exact: where it is NULL, the row belongs to nobody. A column that an outer join brings may be
	// NULL in a row that another column gives to a tenant.
	Exact bool
	// Filled: it is never NULL.
	Filled bool
}

// By is a relation whose rows belong to the tenant in a column.
func By(column string) Facts {
	return Facts{State: Tenant, Columns: []Column{{Name: fold(column), Exact: true}}}
}

// Has reports whether a column holds the tenants of the rows, or would.
func (f Facts) Has(column string) bool {
	return slices.ContainsFunc(f.Columns, func(c Column) bool { return c.Name == fold(column) })
}

// Equal reports whether two relations are known to be the same.
func (f Facts) Equal(g Facts) bool {
	return f.State == g.State && f.Only == g.Only && f.Blurred == g.Blurred && slices.Equal(f.Columns, g.Columns) && slices.Equal(f.Tainted, g.Tainted)
}

// Or is what is known of a relation that holds rows of both.
func (f Facts) Or(g Facts) Facts {
	out := Facts{State: max(f.State, g.State), Blurred: f.Blurred || g.Blurred, Tainted: slices.Compact(slices.Sorted(slices.Values(slices.Concat(f.Tainted, g.Tainted))))}
	switch {
	case out.State == Mixed:
		both := slices.Clone(f.Columns)
		if f.State == Clean {
			both = slices.Clone(g.Columns)
		} else if g.State != Clean {
			both = slices.DeleteFunc(both, func(c Column) bool { return !g.Has(c.Name) })
		}
		return Facts{State: Mixed, Columns: both}
	case out.State == Clean:
		return out
	case f.State == Clean || g.State == Clean:
		// Clean rows are given to whom a column names; two columns might name two.
		one := f
		if f.State == Clean {
			one = g
		}
		out.Columns = slices.Clone(one.Columns[:min(1, len(one.Columns))])
	default:
		if f.Only == g.Only {
			out.Only = f.Only
		}
		for _, c := range f.Columns {
			if i := slices.IndexFunc(g.Columns, func(d Column) bool { return d.Name == c.Name }); i >= 0 {
				out.Columns = append(out.Columns, Column{Name: c.Name, Exact: c.Exact && g.Columns[i].Exact, Filled: c.Filled && g.Columns[i].Filled})
			}
		}
	}
	out.Columns = slices.DeleteFunc(out.Columns, func(c Column) bool { return slices.Contains(out.Tainted, c.Name) })
	for i := range out.Columns {
		out.Columns[i].Filled = out.Columns[i].Filled && f.State == g.State
	}
	return out
}

// Text is a short form of the facts, equal for equal ones. ParseFacts reads it.
func (f Facts) Text() string {
	var b strings.Builder
	b.WriteByte("ctm"[min(f.State, Mixed)])
	if f.Only != "" {
		b.WriteString("=" + strconv.Quote(f.Only))
	}
	if f.Blurred {
		b.WriteString(`*""`)
	}
	for _, c := range f.Columns {
		b.WriteByte("?!.:"[number(c.Exact)+2*number(c.Filled)])
		b.WriteString(strconv.Quote(c.Name))
	}
	for _, name := range f.Tainted {
		b.WriteString("~" + strconv.Quote(name))
	}
	return b.String()
}

func number(set bool) int {
	if set {
		return 1
	}
	return 0
}

// ParseFacts reads what Text wrote; false for any other text.
func ParseFacts(text string) (Facts, bool) {
	if text == "" || !strings.Contains("ctm", text[:1]) {
		return Facts{}, false
	}
	f := Facts{State: State(strings.IndexByte("ctm", text[0]))}
	for text = text[1:]; text != ""; {
		quoted, err := strconv.QuotedPrefix(text[1:])
		if err != nil {
			return Facts{}, false
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return Facts{}, false
		}
		switch kind := strings.IndexByte("?!.:", text[0]); {
		case kind >= 0:
			f.Columns = append(f.Columns, Column{Name: name, Exact: kind&1 != 0, Filled: kind&2 != 0})
		case text[0] == '~':
			f.Tainted = append(f.Tainted, name)
		case text[0] == '*':
			f.Blurred = true
		case text[0] == '=':
			f.Only = name
		default:
			return Facts{}, false
		}
		text = text[1+len(quoted):]
	}
	return f, true
}

// Why says what brings rows of several tenants together.
type Why uint8

// The reasons.
const (
	// Table: it reads a relation that is mixed, or a column of one that is tainted.
	Table Why = iota
	// Join: rows are joined without an equality of their tenants.
	Join
	// Group: rows of several tenants are grouped, made distinct or added up.
	Group
	// Window: a window is not divided by tenant.
	Window
	// Limit: some of the rows of all tenants are kept.
	Limit
	// Subquery: a subquery in an expression reads rows of other tenants.
	Subquery
	// SetOp: rows are compared with rows of other tenants.
	SetOp
	// Opaque: What is not looked into.
	Opaque
	// Ancestry: things are followed through rows of all tenants. No query does that: it is for
	// relations that are made of a query's result.
	Ancestry
	// Undeclared: it is a table of which nobody says whose its rows are, and Hook: statements beside
	// the query change rows. They are for relations, too.
	Undeclared
	Hook
)

var whyWords = [...]string{"table", "join", "group", "window", "limit", "subquery", "set operation", "opaque", "ancestry", "undeclared", "hook"}

// String is the reason in a word.
func (w Why) String() string { return whyWords[min(w, Hook)] }

// Reason is one place where rows depend on those of several tenants.
type Reason struct {
	Why Why
	// At is the place in the statement; zero where it is not known.
	At ir.Span
	// Table is the relation that is read, for Table; Column its tainted column, empty if all of it is mixed.
	Table, Column string
	// What names what is not looked into. For Join it is the equality that would keep tenants apart,
	// empty where it cannot be said.
	What string
	// own: nothing but the rows that the relation itself held before takes part.
	own bool
}

func (r Reason) compare(o Reason) int {
	return cmp.Or(cmp.Compare(r.At.Start, o.At.Start), cmp.Compare(r.At.End, o.At.End), cmp.Compare(r.Why, o.Why),
		strings.Compare(r.Table, o.Table), strings.Compare(r.Column, o.Column), strings.Compare(r.What, o.What))
}

// Verdict is what a query's result is.
type Verdict struct {
	Facts
	// Reasons say why it is mixed, in order of their places; one at least where it is.
	Reasons []Reason
	// Taints say why a column is tainted; of each of them one.
	Taints map[string]Reason
}

// fold is a name as GoogleSQL compares names of columns.
func fold(name string) string { return strings.ToLower(name) }
