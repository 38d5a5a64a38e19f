package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// The columns that a snapshot adds to the columns of its query. The names are dbt's:
// dashboards and packages know them.
const (
	SnapshotID        = "dbt_scd_id"
	SnapshotUpdatedAt = "dbt_updated_at"
	SnapshotFrom      = "dbt_valid_from"
	SnapshotTo        = "dbt_valid_to"
	SnapshotDeleted   = "dbt_is_deleted"
)

// SnapshotNames are the names of these columns in one snapshot. Empty ones are dbt's.
type SnapshotNames struct {
	ID        string `json:"id,omitempty"`
	UpdatedAt string `json:"updated_at,omitempty"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
	Deleted   string `json:"deleted,omitempty"`
}

// Full is n with dbt's names in place of the empty ones.
func (n SnapshotNames) Full() SnapshotNames {
	or := func(name, otherwise string) string {
		if name == "" {
			return otherwise
		}
		return name
	}
	return SnapshotNames{
		ID: or(n.ID, SnapshotID), UpdatedAt: or(n.UpdatedAt, SnapshotUpdatedAt),
		From: or(n.From, SnapshotFrom), To: or(n.To, SnapshotTo), Deleted: or(n.Deleted, SnapshotDeleted),
	}
}

// List is all five names, in the order in which they follow the query's columns.
func (n SnapshotNames) List() []string {
	n = n.Full()
	return []string{n.ID, n.UpdatedAt, n.From, n.To, n.Deleted}
}

// Composite is an operation that a Dialect need not know: Ops says it in simpler ones.
// A dialect renders it by rendering those in order.
type Composite interface {
	Op
	Ops(Dialect) []Op
}

type (
	// Require stops the action with an error when Query has a row; the text of the
	// row's only column, message, is the error's message.
	Require struct{ Query string }

	// StageSnapshot compares the current rows of a snapshot with From, the rows of its
	// query together with the snapshot columns, and makes two tables: Fresh, the rows to
	// insert, and Closing, with the dbt_scd_id of the rows to end and, as dbt_valid_to,
	// when. It is Late (Expand fills the columns) and Composite.
	StageSnapshot struct {
		Target  addr.Relation
		From    addr.Relation
		Fresh   addr.Relation
		Closing addr.Relation
		Key     []string
		// Check lists the columns whose change makes a new row; CheckAll means all
		// columns of the query. With neither a later dbt_updated_at does.
		Check    []string
		CheckAll bool
		// Deletes says what becomes of rows that left the query: ignore, invalidate
		// (their row ends) or new_record (it ends and a row that says so begins).
		Deletes string
		// Names are those of the snapshot's own columns.
		Names SnapshotNames
		// Current is the value, an expression of the target, that rows which are valid now have
		// as the end of their time, beside NULL. Empty: NULL alone.
		Current string
		// TargetColumns and FromColumns are filled by Expand.
		TargetColumns []Column
		FromColumns   []Column
	}
)

func (Require) op()       {}
func (StageSnapshot) op() {}

// Expand looks up the columns of both relations.
func (o StageSnapshot) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	target, from, err := both(inspect, o.Target, o.From)
	if err != nil {
		return nil, err
	}
	o.TargetColumns, o.FromColumns = target.Columns, from.Columns
	for _, name := range append(slices.Clone(o.Key), o.Check...) {
		for _, r := range []Relation{from, target} {
			if _, ok := find(r.Columns, name); !ok {
				return nil, &ColumnError{Relation: r.Name, Column: name, Have: names(r.Columns)}
			}
		}
	}
	for _, name := range o.Names.List()[:4] {
		if _, ok := find(o.TargetColumns, name); !ok {
			return nil, &ColumnError{Relation: o.Target, Column: name, Have: names(o.TargetColumns)}
		}
	}
	return []Op{o}, nil
}

// Ops makes the two tables.
func (o StageSnapshot) Ops(d Dialect) []Op {
	o.Names = o.Names.Full()
	s := snapshotSQL{StageSnapshot: o, d: d, w: d.Words()}
	_, s.marks = find(o.TargetColumns, o.Names.Deleted)
	from, _ := find(o.TargetColumns, o.Names.From)
	s.now = s.w.Cast(s.w.Now(), from.Type)
	if o.Current != "" {
		to, _ := find(o.TargetColumns, o.Names.To)
		s.forever = s.w.Cast("("+o.Current+"\n)", to.Type)
	}
	return []Op{
		CreateTableAs{Target: o.Fresh, Query: s.fresh()},
		CreateTableAs{Target: o.Closing, Query: s.closing()},
	}
}

// snapshotSQL writes the queries of StageSnapshot. In them s is a staged row, t a current
// row of the snapshot, h the history of a key, c a changed row.
type snapshotSQL struct {
	StageSnapshot
	d   Dialect
	w   Words
	now string // the current time in the type of dbt_valid_from
	// forever is the end of rows that are valid now, in the type of dbt_valid_to; empty: NULL.
	forever string
	marks   bool // the snapshot keeps rows that say «deleted»
}

// Names of helper columns; they never reach the snapshot because InsertSelect takes only
// the columns that the target has.
const (
	colCloses = "_engine_closes" // dbt_scd_id of the row that this one follows
	colStart  = "_engine_start"  // dbt_valid_from to be
	colLast   = "_engine_last"   // the last instant that the history of the key knows
)

func (s snapshotSQL) col(alias, name string) string { return alias + "." + s.d.Ident(name) }

// valid is true for rows of the snapshot that are valid now.
func (s snapshotSQL) valid(alias string) string {
	return stillValid(s.col(alias, s.Names.To), s.forever)
}

// stillValid is true where to, the end of a row's time, is not known: NULL or the value that
// stands for it.
func stillValid(to, forever string) string {
	if forever == "" {
		return to + " is null"
	}
	return "(" + to + " is null or " + to + " = " + forever + ")"
}

// Open is true for rows that CloseRows may end, whose end is to.
func (o CloseRows) Open(to string) string {
	if o.Current == "" {
		return stillValid(to, "")
	}
	return stillValid(to, "("+o.Current+"\n)")
}

// ended is the end of a row's time, NULL for rows that are valid now.
func (s snapshotSQL) ended(alias string) string {
	if s.forever == "" {
		return s.col(alias, s.Names.To)
	}
	return "nullif(" + s.col(alias, s.Names.To) + ", " + s.forever + ")"
}

// open is the end that a row begins with.
func (s snapshotSQL) open(kind string) string {
	if s.forever == "" {
		return s.w.Cast("null", kind)
	}
	return s.forever
}

func (s snapshotSQL) keysEqual(a, b string) string {
	conds := make([]string, len(s.Key))
	for i, k := range s.Key {
		conds[i] = s.col(a, k) + " = " + s.col(b, k)
	}
	return strings.Join(conds, " and ")
}

func (s snapshotSQL) keys(alias string) []string {
	out := make([]string, len(s.Key))
	for i, k := range s.Key {
		out[i] = s.col(alias, k)
	}
	return out
}

// typed is a column of the staged rows in the type that the snapshot keeps it in: a query
// may come to return another type, if only because all its values are NULL today.
func (s snapshotSQL) typed(alias, name string) string {
	from, _ := find(s.FromColumns, name)
	if to, ok := find(s.TargetColumns, name); ok && !sameType(from.Type, to.Type) {
		return s.w.Cast(s.col(alias, from.Name), to.Type)
	}
	return s.col(alias, from.Name)
}

// fresh is the query for the rows to insert. A row begins when its source says
// (dbt_updated_at), unless the history of its key already knows something later: a row
// that comes back begins now, so that no two rows of a key overlap.
func (s snapshotSQL) fresh() string {
	var b strings.Builder
	start, last := s.d.Ident(colStart), s.d.Ident(colLast)
	fmt.Fprintf(&b, "select\n  %s\nfrom (\n", strings.Join(s.freshColumns(), ",\n  "))
	fmt.Fprintf(&b, "  select s.*, %s as %s,\n", s.col("t", s.Names.ID), s.d.Ident(colCloses))
	fmt.Fprintf(&b, "    case when h.%s is null or %s > h.%s then %s else %s end as %s\n",
		last, s.col("s", s.Names.From), last, s.col("s", s.Names.From), s.now, start)
	fmt.Fprintf(&b, "  from %s as s\n", s.d.Quote(s.From))
	fmt.Fprintf(&b, "  left join %s as t on %s and %s\n", s.d.Quote(s.Target), s.keysEqual("s", "t"), s.valid("t"))
	keys := strings.Join(s.keys("k"), ", ")
	fmt.Fprintf(&b, "  left join (select %s, max(coalesce(%s, %s)) as %s from %s as k group by %s) as h on %s\n",
		keys, s.ended("k"), s.col("k", s.Names.From), last, s.d.Quote(s.Target), keys, s.keysEqual("s", "h"))
	fmt.Fprintf(&b, "  where %s is null\n     or %s\n) as c", s.col("t", s.Names.ID), s.changed())
	if s.Deletes == "new_record" && s.marks {
		fmt.Fprintf(&b, "\nunion all\nselect\n  %s\n%s", strings.Join(s.markColumns(), ",\n  "), s.gone())
	}
	return b.String()
}

func (s snapshotSQL) freshColumns() []string {
	var out []string
	for _, c := range s.TargetColumns {
		name, expr := s.d.Ident(c.Name), ""
		switch strings.ToLower(c.Name) {
		case strings.ToLower(s.Names.ID):
			expr = s.w.Hash(append(s.keys("c"), s.col("c", colStart)))
		case strings.ToLower(s.Names.From):
			expr = s.col("c", colStart)
		case strings.ToLower(s.Names.To):
			expr = s.open(c.Type)
		case strings.ToLower(s.Names.Deleted):
			expr = s.d.Literal("False")
		default:
			expr = s.w.Cast("null", c.Type)
			if _, ok := find(s.FromColumns, c.Name); ok {
				expr = s.typed("c", c.Name)
			}
		}
		out = append(out, expr+" as "+name)
	}
	return append(out, s.col("c", colCloses)+" as "+s.d.Ident(colCloses))
}

// markColumns are the columns of the row that says «deleted»: the last known values.
func (s snapshotSQL) markColumns() []string {
	var out []string
	for _, c := range s.TargetColumns {
		expr := s.col("t", c.Name)
		switch strings.ToLower(c.Name) {
		case strings.ToLower(s.Names.ID):
			expr = s.w.Hash(append(s.keys("t"), s.now))
		case strings.ToLower(s.Names.From):
			expr = s.now
		case strings.ToLower(s.Names.UpdatedAt):
			expr = s.w.Cast(s.w.Now(), c.Type)
		case strings.ToLower(s.Names.To):
			expr = s.open(c.Type)
		case strings.ToLower(s.Names.Deleted):
			expr = s.d.Literal("True")
		}
		out = append(out, expr)
	}
	return append(out, s.col("t", s.Names.ID))
}

// changed is true for a staged row s that differs from its current row t.
func (s snapshotSQL) changed() string {
	var conds []string
	if s.marks {
		conds = append(conds, s.col("t", s.Names.Deleted)+" = "+s.d.Literal("True"))
	}
	for _, name := range s.compared() {
		conds = append(conds, s.w.Distinct(s.typed("s", name), s.col("t", name)))
	}
	if !s.CheckAll && len(s.Check) == 0 {
		was, is := s.col("t", s.Names.UpdatedAt), s.col("s", s.Names.UpdatedAt)
		conds = append(conds, was+" < "+is, "("+was+" is null and "+is+" is not null)")
	}
	if len(conds) == 0 {
		return "1 = 0"
	}
	return strings.Join(conds, "\n     or ")
}

func (s snapshotSQL) compared() []string {
	if !s.CheckAll {
		return s.Check
	}
	var out []string
	for _, c := range s.FromColumns {
		if s.own(c.Name) {
			continue
		}
		if _, ok := find(s.TargetColumns, c.Name); ok {
			out = append(out, c.Name)
		}
	}
	return out
}

// gone is the from clause over current rows t whose key left the query.
func (s snapshotSQL) gone() string {
	from := fmt.Sprintf("from %s as t\nleft join %s as s on %s\nwhere %s and %s is null",
		s.d.Quote(s.Target), s.d.Quote(s.From), s.keysEqual("s", "t"), s.valid("t"), s.col("s", s.Key[0]))
	if s.marks {
		from += fmt.Sprintf(" and coalesce(%s, %s) <> %s", s.col("t", s.Names.Deleted), s.d.Literal("False"), s.d.Literal("True"))
	}
	return from
}

func (s snapshotSQL) closing() string {
	q := fmt.Sprintf("select %s as %s, %s as %s\nfrom %s\nwhere %s is not null",
		s.d.Ident(colCloses), s.d.Ident(s.Names.ID), s.d.Ident(s.Names.From), s.d.Ident(s.Names.To), s.d.Quote(s.Fresh), s.d.Ident(colCloses))
	if s.Deletes == "invalidate" {
		q += fmt.Sprintf("\nunion all\nselect %s, %s\n%s", s.col("t", s.Names.ID), s.now, s.gone())
	}
	return q
}

// own reports whether a column is the snapshot's, not the query's.
func (s snapshotSQL) own(name string) bool {
	return slices.ContainsFunc(s.Names.List(), func(c string) bool { return strings.EqualFold(c, name) })
}

// find looks a column up by name; letter case decides only when several differ in nothing else.
func find(cols []Column, name string) (Column, bool) {
	for _, c := range cols {
		if c.Name == name {
			return c, true
		}
	}
	for _, c := range cols {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Column{}, false
}
