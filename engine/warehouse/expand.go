package warehouse

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Words for SyncColumns.Policy, the values of on_schema_change.
const (
	IgnoreChange = "ignore"
	AppendNew    = "append_new_columns"
	SyncAll      = "sync_all_columns"
	FailOnChange = "fail"
)

// SchemaChangeError says how the columns of a new query differ from the table that it
// should be added to, when the policy is fail.
type SchemaChangeError struct {
	Target  addr.Relation
	Added   []Column
	Removed []Column
	Retyped []Retyped
}

// Retyped is a column whose type changed.
type Retyped struct {
	Name, From, To string
}

func (e *SchemaChangeError) Error() string {
	var parts []string
	if len(e.Added) > 0 {
		parts = append(parts, "new: "+columnNames(e.Added))
	}
	if len(e.Removed) > 0 {
		parts = append(parts, "gone: "+columnNames(e.Removed))
	}
	for _, r := range e.Retyped {
		parts = append(parts, fmt.Sprintf("%s was %s, is %s", r.Name, r.From, r.To))
	}
	return fmt.Sprintf("the columns of %s changed: %s", e.Target, strings.Join(parts, "; "))
}

// ColumnError says that an operation needs a column which a relation does not have.
type ColumnError struct {
	Relation addr.Relation
	Column   string
	Have     []string
}

func (e *ColumnError) Error() string {
	return fmt.Sprintf("%s has no column %q", e.Relation, e.Column)
}

// NeedsExpand reports whether the operation must be expanded before it is rendered. Some
// operations are Late by type, but not when everything is spelled out.
func NeedsExpand(o Op) bool {
	switch o := o.(type) {
	case InsertSelect:
		return len(o.Columns) == 0
	case MergeInto:
		return len(o.Columns) == 0
	case ReplacePartitions:
		return len(o.Columns) == 0
	case StageSnapshot:
		return len(o.TargetColumns) == 0 || len(o.FromColumns) == 0
	}
	_, late := o.(Late)
	return late
}

// Expand looks at both relations and says what to change. With ignore and
// append_new_columns columns that are gone stay; with append_new_columns types stay too.
func (o SyncColumns) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	if o.Policy == IgnoreChange {
		return nil, nil
	}
	target, from, err := both(inspect, o.Target, o.From)
	if err != nil {
		return nil, err
	}
	change := o.compare(target.Columns, from.Columns)
	switch o.Policy {
	case AppendNew:
		return changeOps(SchemaChangeError{Target: o.Target, Added: change.Added}), nil
	case SyncAll:
		return changeOps(change), nil
	case FailOnChange:
		if len(change.Added)+len(change.Removed)+len(change.Retyped) > 0 {
			return nil, &change
		}
		return nil, nil
	}
	return nil, fmt.Errorf("%q is not a policy for changed columns", o.Policy)
}

func (o SyncColumns) compare(target, from []Column) SchemaChangeError {
	change := SchemaChangeError{Target: o.Target}
	pairs := pair(target, from)
	for i, c := range target {
		switch j, ok := pairs[i]; {
		case ok && !sameType(c.Type, from[j].Type):
			change.Retyped = append(change.Retyped, Retyped{Name: c.Name, From: c.Type, To: from[j].Type})
		case !ok && !hasFold(o.Keep, c.Name):
			change.Removed = append(change.Removed, c)
		}
	}
	taken := map[int]bool{}
	for _, j := range pairs {
		taken[j] = true
	}
	for j, c := range from {
		if !taken[j] {
			change.Added = append(change.Added, c)
		}
	}
	return change
}

// changeOps adds before it drops, since a table must keep at least one column.
func changeOps(c SchemaChangeError) []Op {
	var out []Op
	if len(c.Added) > 0 {
		out = append(out, AddColumns{Target: c.Target, Columns: c.Added})
	}
	if len(c.Removed) > 0 {
		gone := DropColumns{Target: c.Target}
		for _, col := range c.Removed {
			gone.Columns = append(gone.Columns, col.Name)
		}
		out = append(out, gone)
	}
	if len(c.Retyped) > 0 {
		retype := RetypeColumns{Target: c.Target}
		for _, r := range c.Retyped {
			retype.Columns = append(retype.Columns, Column{Name: r.Name, Type: r.To})
		}
		out = append(out, retype)
	}
	return out
}

// Expand fills Columns with what both relations have.
func (o InsertSelect) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	if !NeedsExpand(o) {
		return []Op{o}, nil
	}
	target, from, err := both(inspect, o.Target, o.From)
	if err != nil {
		return nil, err
	}
	o.Columns, err = shared(target, from)
	return []Op{o}, err
}

// Expand fills Columns with what both relations have; the key must be among them.
func (o MergeInto) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	if !NeedsExpand(o) {
		return []Op{o}, nil
	}
	target, from, err := both(inspect, o.Target, o.From)
	if err != nil {
		return nil, err
	}
	for _, k := range o.Key {
		for _, r := range []Relation{from, target} {
			if _, ok := find(r.Columns, k); !ok {
				return nil, &ColumnError{Relation: r.Name, Column: k, Have: names(r.Columns)}
			}
		}
	}
	o.Columns, err = shared(target, from)
	return []Op{o}, err
}

// UpdateColumns lists the columns that a MergeInto with known Columns writes in matched
// rows: Update, or all but the key and Exclude.
func (o MergeInto) UpdateColumns() []string {
	if o.Update != nil {
		return o.Update
	}
	var out []string
	for _, c := range o.Columns {
		if !hasFold(o.Key, c) && !hasFold(o.Exclude, c) {
			out = append(out, c)
		}
	}
	return out
}

// both inspects two relations that must exist.
func both(inspect func(addr.Relation) (Relation, error), target, from addr.Relation) (t, f Relation, err error) {
	if t, err = inspect(target); err != nil {
		return t, f, err
	}
	if f, err = inspect(from); err != nil {
		return t, f, err
	}
	for _, r := range []struct {
		name addr.Relation
		kind Kind
	}{{target, t.Kind}, {from, f.Kind}} {
		if r.kind == None {
			return t, f, fmt.Errorf("%s does not exist", r.name)
		}
	}
	t.Name, f.Name = target, from
	return t, f, nil
}

func shared(target, from Relation) ([]string, error) {
	pairs := pair(target.Columns, from.Columns)
	var out []string
	for i, c := range target.Columns {
		if _, ok := pairs[i]; ok {
			out = append(out, c.Name)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s and %s have no column in common", target.Name, from.Name)
	}
	return out, nil
}

// pair matches columns by name, exact spelling first and then without regard to case.
// The result leads from an index of a to an index of b.
func pair(a, b []Column) map[int]int {
	out := map[int]int{}
	taken := make([]bool, len(b))
	for _, equal := range []func(x, y string) bool{
		func(x, y string) bool { return x == y }, strings.EqualFold,
	} {
		byName := map[string][]int{}
		for j := range b {
			byName[strings.ToLower(b[j].Name)] = append(byName[strings.ToLower(b[j].Name)], j)
		}
		for i := range a {
			if _, done := out[i]; done {
				continue
			}
			for _, j := range byName[strings.ToLower(a[i].Name)] {
				if !taken[j] && equal(a[i].Name, b[j].Name) {
					out[i], taken[j] = j, true
					break
				}
			}
		}
	}
	return out
}

func names(cols []Column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.Name
	}
	return out
}

func hasFold(list []string, name string) bool {
	for _, s := range list {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// sameType compares spellings of a type without regard to case and space.
func sameType(a, b string) bool {
	strip := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	return strip(a) == strip(b)
}
