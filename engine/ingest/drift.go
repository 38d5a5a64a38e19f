package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// ChangeKind is what has happened to a remote.
type ChangeKind string

const (
	NewTable      ChangeKind = "new_table"
	RemovedTable  ChangeKind = "removed_table"
	NewColumn     ChangeKind = "new_column"
	RemovedColumn ChangeKind = "removed_column"
	TypeChanged   ChangeKind = "type_change"
)

// Level is what a change means for the run.
type Level string

const (
	// Note: nothing that is ingested is concerned.
	Note Level = "note"
	// Warning: it is ingested all the same, and said again until somebody accepts the change.
	Warning Level = "warning"
	// Refusal: nothing of the source is ingested, so that its tables stay those of one moment.
	Refusal Level = "refusal"
)

// Change is one difference between a remote as somebody agreed to it and as it is.
type Change struct {
	Kind  ChangeKind `json:"change"`
	Level Level      `json:"level"`
	// Source is the table in the project, «source.table», or the source alone for a table that
	// the project does not have. Table is the remote's name.
	Source string `json:"source"`
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	// Was and Is are types, of columns.
	Was string `json:"was,omitempty"`
	Is  string `json:"is,omitempty"`
	// Renamed is a new column that may be the removed one, or the other way about.
	Renamed string `json:"renamed,omitempty"`
	// Taken says that the column is one of those that are ingested.
	Taken bool `json:"taken,omitempty"`
	// Outcome says in words what the run does about it.
	Outcome string `json:"outcome"`
}

// String is the change in one sentence without its outcome.
func (c Change) String() string {
	switch c.Kind {
	case NewTable:
		return fmt.Sprintf("table %q is new", c.Table)
	case RemovedTable:
		return fmt.Sprintf("table %q is gone", c.Table)
	case NewColumn:
		s := fmt.Sprintf("column %q (%s) is new", c.Column, c.Is)
		if c.Renamed != "" {
			s += fmt.Sprintf(", maybe %q renamed", c.Renamed)
		}
		return s
	case RemovedColumn:
		s := fmt.Sprintf("column %q (%s) is gone", c.Column, c.Was)
		if c.Renamed != "" {
			s += fmt.Sprintf(", maybe renamed to %q", c.Renamed)
		}
		return s
	}
	return fmt.Sprintf("column %q was %s and is %s", c.Column, c.Was, c.Is)
}

// Compared is one table to compare.
type Compared struct {
	// Source is «source.table».
	Source string
	// Was is what somebody agreed to; nil where nobody has been asked yet, and then nothing is
	// a change.
	Was *project.LockedTable
	// Is are the remote's columns as they are, in their order; of each Name, Type and Base count.
	// Gone says that there is no such table any more.
	Is   []project.RemoteColumn
	Gone bool
	// Wanted says whether the project takes a column of that name, should there be one.
	Wanted func(name string) bool
	// Named says whether the project takes a column by its name, and not by «*»: whoever wrote
	// the name has agreed to the column. Nil: none is.
	Named func(name string) bool
	// Needed are columns without which nothing can be ingested: keys and watermarks.
	Needed []string
	// Lands is the type with which a wanted column lands that is of such a name, Type and Base,
	// transforms counted.
	Lands    func(project.RemoteColumn) string
	Policies project.Drift
}

// Drift compares a table with what was agreed to. Changes are in the order of the columns as
// they were, new columns after them.
func Drift(c Compared) []Change {
	if c.Was == nil {
		return nil
	}
	if c.Gone {
		return []Change{{Kind: RemovedTable, Level: Refusal, Source: c.Source, Table: c.Was.Name, Taken: true, Outcome: "there is nothing to ingest: take the table out of the source, or give it its new name with \"table\""}}
	}
	is := map[string]int{}
	for i, col := range c.Is {
		is[col.Name] = i
	}
	was := map[string]bool{}
	var out []Change
	for _, old := range c.Was.Columns {
		was[old.Name] = true
		i, there := is[old.Name]
		taken := old.Taken && c.Wanted(old.Name)
		ch := Change{Source: c.Source, Table: c.Was.Name, Column: old.Name, Was: old.Type, Taken: taken}
		switch {
		case !there:
			ch.Kind = RemovedColumn
			ch.Level, ch.Outcome = c.removed(old.Name, taken)
		case !sameType(old, c.Is[i]):
			ch.Kind, ch.Is = TypeChanged, c.Is[i].Type
			if ch.Is == ch.Was {
				ch.Was, ch.Is = spelled(old), spelled(c.Is[i])
			}
			ch.Level, ch.Outcome = c.retyped(old, c.Is[i], taken)
		default:
			continue
		}
		out = append(out, ch)
	}
	for _, col := range c.Is {
		if was[col.Name] {
			continue
		}
		ch := Change{Kind: NewColumn, Source: c.Source, Table: c.Was.Name, Column: col.Name, Is: col.Type}
		if ch.Taken = c.Named != nil && c.Named(col.Name); ch.Taken {
			ch.Level, ch.Outcome = Note, "it is taken, since the project names it"
		} else {
			ch.Level, ch.Outcome = fresh(c.Policies.NewColumn.V, "it is not taken")
		}
		out = append(out, ch)
	}
	c.renamed(out)
	return out
}

func (c Compared) removed(name string, taken bool) (Level, string) {
	switch {
	case !taken:
		return Note, "it was not taken"
	case slices.Contains(c.Needed, name):
		return Refusal, "rows cannot be told apart without it: it is the key or the watermark"
	case c.Policies.RemovedColumn.V == project.DriftNull:
		return Warning, "it is NULL until the change is accepted"
	}
	return Refusal, "drift: removed_column: fail"
}

// sameType reports whether a column is of the type that was agreed to. A domain whose Base was
// not written down is what it is.
func sameType(was, is project.RemoteColumn) bool {
	return was.Type == is.Type && (was.Base == "" || was.Base == is.Base)
}

// spelled is a type with the one under it.
func spelled(c project.RemoteColumn) string {
	if c.Base == "" {
		return c.Type
	}
	return c.Type + " of " + c.Base
}

// agreed is a column as the lock has it.
func agreed(c Column) project.RemoteColumn {
	out := project.RemoteColumn{Name: c.Name, Type: c.Type}
	if c.Base != c.Type {
		out.Base = c.Base
	}
	return out
}

func (c Compared) retyped(was, is project.RemoteColumn, taken bool) (Level, string) {
	switch {
	case !taken:
		return Note, "it is not taken"
	case c.Lands(was) == c.Lands(is):
		return Note, "it lands as before"
	case slices.Contains(c.Needed, is.Name):
		return Refusal, "rows that are there cannot be compared with new ones: it is the key or the watermark"
	case c.Policies.TypeChange.V == project.DriftText:
		return Warning, "it lands as text until the change is accepted"
	}
	return Refusal, "drift: type_change: fail"
}

// fresh is what a policy says of something new.
func fresh(policy, outside string) (Level, string) {
	switch policy {
	case project.DriftIgnore:
		return Note, outside
	case project.DriftFail:
		return Refusal, "it is neither agreed to nor refused"
	}
	return Warning, outside
}

// renamed finds removed columns that a new one of the same type may be: one with the same
// neighbours, or with a name much like it. Each is the other of one at most.
func (c Compared) renamed(changes []Change) {
	var before, now []string
	for _, col := range c.Was.Columns {
		before = append(before, col.Name)
	}
	for _, col := range c.Is {
		now = append(now, col.Name)
	}
	for i := range changes {
		gone := &changes[i]
		if gone.Kind != RemovedColumn {
			continue
		}
		left, right := around(before, gone.Column)
		best, same := -1, []string{}
		for j := range changes {
			come := &changes[j]
			if come.Kind != NewColumn || come.Is != gone.Was || come.Renamed != "" {
				continue
			}
			if l, r := around(now, come.Column); l == left && r == right && best < 0 {
				best = j
			}
			same = append(same, come.Column)
		}
		if best < 0 {
			if name, ok := diag.Suggest(gone.Column, same); ok {
				best = slices.IndexFunc(changes, func(x Change) bool { return x.Kind == NewColumn && x.Column == name })
			}
		}
		if best >= 0 {
			gone.Renamed, changes[best].Renamed = changes[best].Column, gone.Column
		}
	}
}

// around are the neighbours of a name in a list, empty at its ends.
func around(list []string, name string) (left, right string) {
	i := slices.Index(list, name)
	if i > 0 {
		left = list[i-1]
	}
	if i+1 < len(list) {
		right = list[i+1]
	}
	return left, right
}

// DriftOfTables compares the tables of a remote schema with those that somebody agreed to.
// listed are the remote names of those that the project ingests: whether they are there is
// Drift's business. A nil was has no changes.
func DriftOfTables(source string, was *project.LockedRemote, is, listed []string, policies project.Drift) []Change {
	if was == nil {
		return nil
	}
	var out []Change
	for _, name := range was.Tables {
		if !slices.Contains(is, name) && !slices.Contains(listed, name) {
			out = append(out, Change{Kind: RemovedTable, Level: Note, Source: source, Table: name, Outcome: "it was not ingested"})
		}
	}
	for _, name := range is {
		if !slices.Contains(was.Tables, name) && !slices.Contains(listed, name) {
			ch := Change{Kind: NewTable, Source: source, Table: name}
			ch.Level, ch.Outcome = fresh(policies.NewTable.V, "it is not ingested")
			out = append(out, ch)
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return out
}

// DriftOfSource compares all that a source is ingested from with what was agreed to. tables
// are all that the project ingests of the source, also those that a run leaves out: they are
// not new. to is the dialect of where they land.
func DriftOfSource(source string, tables []Wanted, remote Remote, was *project.LockedRemote, to warehouse.Dialect) []Change {
	var out []Change
	var listed, is []string
	for i := range tables {
		w := &tables[i]
		in := w.Source.Ingest
		listed = append(listed, in.Table.V)
		if w.Locked == nil || w.Locked.Remote == nil {
			continue
		}
		t := remote.Table(in.Table.V)
		c := Compared{Source: w.Node.Name, Was: w.Locked.Remote, Wanted: in.Takes, Policies: in.Drift, Gone: t == nil}
		if !in.All {
			c.Named = in.Takes
		}
		bare := *w // the types with which files have landed are in the lock
		bare.Locked = nil
		c.Lands = func(col project.RemoteColumn) string {
			return family(take(bare, Column{Name: col.Name, Type: col.Type, Base: cmp.Or(col.Base, col.Type)}, nil, to).Type, to)
		}
		if w.Locked.Remote.Name != in.Table.V {
			continue // the project takes another table now: there is nothing to compare
		}
		for _, k := range in.Key {
			c.Needed = append(c.Needed, k.V)
		}
		if in.Watermark.IsSet() {
			c.Needed = append(c.Needed, in.Watermark.V)
		}
		if t != nil {
			for _, col := range t.Columns {
				c.Is = append(c.Is, agreed(col))
			}
		}
		out = append(out, Drift(c)...)
	}
	for _, t := range remote.Tables {
		is = append(is, t.Name)
	}
	var policies project.Drift
	if len(tables) > 0 {
		policies = tables[0].Source.Ingest.Drift // new_table is the whole source's
	}
	return append(out, DriftOfTables(source, was, is, listed, policies)...)
}

// family is a type, without the length of texts: no model sees it.
func family(typ string, to warehouse.Dialect) string {
	name, _, _ := strings.Cut(strings.ToLower(typ), "(")
	if text := to.Words().Text(); strings.EqualFold(name, text) || name == "character varying" || name == "varchar" {
		return text
	}
	return typ
}

// Agree is what the lock says of a table after a run that takes the columns of a step: of a
// table that nobody agreed to yet, and where everything is accepted, what there is now;
// otherwise what was agreed to, with what the project takes of it now.
func Agree(s *Step, accept bool) *project.LockedTable {
	taken := map[string]Taken{}
	for _, c := range s.Columns {
		taken[c.Name] = c
	}
	if s.Locked != nil && s.Locked.Remote != nil && s.Locked.Remote.Name == s.From.Name && !accept {
		out := &project.LockedTable{Name: s.From.Name, Columns: slices.Clone(s.Locked.Remote.Columns)}
		for i := range out.Columns {
			c := &out.Columns[i]
			if now := s.From.Column(c.Name); now != nil && c.Base == "" && now.Type == c.Type {
				c.Base = agreed(*now).Base
			}
			t, there := taken[c.Name]
			c.Taken, c.Transform = there, t.Transform
			delete(taken, c.Name)
		}
		for _, c := range s.From.Columns { // named by the project since then
			if t, there := taken[c.Name]; there {
				col := agreed(c)
				col.Taken, col.Transform = true, t.Transform
				out.Columns = append(out.Columns, col)
			}
		}
		return out
	}
	out := &project.LockedTable{Name: s.From.Name}
	for _, c := range s.From.Columns {
		t, there := taken[c.Name]
		col := agreed(c)
		col.Taken, col.Transform = there, t.Transform
		out.Columns = append(out.Columns, col)
	}
	return out
}

// Known are the tables of a remote as the lock has them.
func (r *Remote) Known() *project.LockedRemote {
	out := &project.LockedRemote{Tables: []string{}}
	for _, t := range r.Tables {
		out.Tables = append(out.Tables, t.Name)
	}
	slices.Sort(out.Tables)
	return out
}

// Refused are the changes that stop their source.
func Refused(changes []Change) []Change {
	var out []Change
	for _, c := range changes {
		if c.Level == Refusal {
			out = append(out, c)
		}
	}
	return out
}
