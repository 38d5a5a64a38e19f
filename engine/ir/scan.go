package ir

// ColumnID identifies a column within one statement. Two columns are the same
// when their IDs are.
type ColumnID int

// Column is a column some scan produces.
type Column struct {
	ID    ColumnID
	Name  string // as the user or the analyzer named it: not unique, may be $col1, $agg1, …
	Table string // the name or alias of what it came from: for people only
	Type  *Type
}

// Span is a range of bytes of the statement's SQL; Start == End == 0 means the
// analyzer gave no location.
type Span struct{ Start, End int }

// A Scan produces rows. Out lists its columns; a parent may read fewer.
type Scan interface {
	Out() []Column
	// Ordered reports whether the order of the rows has meaning: it does for an
	// OrderBy and for what keeps its order.
	Ordered() bool
	At() Span
}

// Base is embedded in every scan.
type Base struct {
	Columns   []Column
	IsOrdered bool
	Span      Span
	Hints     []Option
}

// Out implements Scan.
func (b *Base) Out() []Column { return b.Columns }

// Ordered implements Scan.
func (b *Base) Ordered() bool { return b.IsOrdered }

// At implements Scan.
func (b *Base) At() Span { return b.Span }

// AddHints adds hints to the scan's.
func (b *Base) AddHints(list []Option) { b.Hints = append(b.Hints, list...) }

// HintList are the scan's hints.
func (b *Base) HintList() []Option { return b.Hints }

type (
	// SingleRow produces one row without columns: SELECT without FROM.
	SingleRow struct{ Base }

	// Table reads a table of the catalog. Names[i] is the name in the table of
	// Columns[i]; Columns lists only what the statement reads.
	Table struct {
		Base
		Name       string // the name under which the table was declared to the analyzer
		Alias      string
		Names      []string
		Pseudo     []bool // Columns[i] is a pseudo column such as _PARTITIONTIME
		ValueTable bool
		SystemTime Expr // FOR SYSTEM_TIME AS OF; nil otherwise
	}

	// Join joins two scans. On is nil for a cross join without condition.
	Join struct {
		Base
		Kind        JoinKind
		Left, Right Scan
		On          Expr
		Lateral     bool
		Params      []*ColumnRef // columns of Left that a lateral Right reads
		Using       bool
	}

	// Unnest is the resolved AST's ArrayScan: for every row of Input (nil: one
	// row) the elements of the arrays, zipped when there are several. Outer keeps
	// rows whose arrays are all empty or NULL. On is the condition of
	// JOIN UNNEST … ON.
	Unnest struct {
		Base
		Input    Scan
		Arrays   []Expr
		Elements []Column
		Offset   *Column // zero based
		Outer    bool
		On       Expr
		ZipMode  Expr // nil: PAD is the default of several arrays
	}

	// Filter keeps the rows for which the condition is true.
	Filter struct {
		Base
		Input Scan
		Where Expr
	}

	// Aggregate groups rows. Without Keys it yields one row. Sets, when not nil,
	// lists grouping sets over Keys (ROLLUP and CUBE already expanded).
	Aggregate struct {
		Base
		Input    Scan
		Keys     []Computed
		Aggs     []Computed // Expr is *AggregateCall, or *Deferred side effects around one
		Sets     [][]ColumnID
		Grouping []GroupingCall
		// Collations[i] is the collation of Keys[i], "" by default.
		Collations []string
	}

	// SetOp is UNION, INTERSECT or EXCEPT over scans whose columns match by position.
	SetOp struct {
		Base
		Kind  SetOpKind
		Items []SetItem
		// Collations[i] is the collation by which Columns[i] compares, "" by default; nil
		// if there is none.
		Collations []string
	}

	// OrderBy sorts rows.
	OrderBy struct {
		Base
		Input Scan
		Items []OrderItem
	}

	// Limit keeps a slice of rows.
	Limit struct {
		Base
		Input         Scan
		Limit, Offset Expr // nil if absent
	}

	// With declares common table expressions for Body.
	With struct {
		Base
		Entries   []WithEntry
		Body      Scan
		Recursive bool
	}

	// WithRef reads a common table expression; columns match by position.
	WithRef struct {
		Base
		Name string
	}

	// Recursive is the body of a recursive common table expression.
	Recursive struct {
		Base
		All          bool // UNION ALL, else UNION DISTINCT
		Anchor, Step SetItem
		// Depth is the depth column of WITH DEPTH, nil if absent; Lower and Upper
		// its bounds, nil if unbounded.
		Depth        *Column
		Lower, Upper Expr
		Collations   []string // as those of a SetOp
	}

	// RecursiveRef is the recursive term's reference to itself.
	RecursiveRef struct{ Base }

	// Analytic adds window function results to the columns of Input.
	Analytic struct {
		Base
		Input  Scan
		Groups []WindowGroup
	}

	// Project computes expressions over Input; Columns may also pass columns of
	// Input through.
	Project struct {
		Base
		Input Scan
		Exprs []Computed
	}

	// Sample is TABLESAMPLE.
	Sample struct {
		Base
		Input      Scan
		Method     string
		Size       Expr
		Rows       bool // else percent
		Repeatable Expr
		Weight     *Column
		Partition  []Expr
	}

	// TVF calls a table-valued function.
	TVF struct {
		Base
		Name string
		Args []TVFArg
		// Names are the names of the columns the function yields, "" for one that is
		// not read; Index[i] is the
		// position in them of Columns[i].
		Names []string
		Index []int
	}

	// GroupRows is GROUP_ROWS() inside a WITH GROUP ROWS subquery.
	GroupRows struct {
		Base
		Inputs []Computed
	}

	// Assert is the pipe operator ASSERT.
	Assert struct {
		Base
		Input     Scan
		Condition Expr
		Message   Expr
	}

	// Barrier keeps the optimizer from moving expressions across it; it yields
	// the rows of Input.
	Barrier struct {
		Base
		Input Scan
	}

	// UnsupportedScan stands for a scan the tree has no node for.
	UnsupportedScan struct {
		Base
		What string
	}
)

// JoinKind is the kind of a Join.
type JoinKind uint8

// The kinds of joins.
const (
	Inner JoinKind = iota
	Left
	Right
	Full
)

// SetOpKind is the kind of a SetOp.
type SetOpKind uint8

// The kinds of set operations.
const (
	UnionAll SetOpKind = iota
	UnionDistinct
	IntersectAll
	IntersectDistinct
	ExceptAll
	ExceptDistinct
)

// Computed is an expression that becomes a column.
type Computed struct {
	Column Column
	Expr   Expr
	// Deferred is the column that receives the error of Expr when the analyzer
	// defers side effects; 0 otherwise.
	Deferred ColumnID
}

// SetItem is one input of a set operation: Columns of Scan, in order.
type SetItem struct {
	Scan    Scan
	Columns []Column
}

// OrderItem is one sort key. In GoogleSQL NULLs sort as the smallest value
// unless Nulls says otherwise.
type OrderItem struct {
	Expr      *ColumnRef
	Desc      bool
	Nulls     NullOrder
	Collation string // "" is binary
}

// NullOrder says where NULLs go.
type NullOrder uint8

// The orders of NULLs.
const (
	NullsDefault NullOrder = iota // first when ascending, last when descending
	NullsFirst
	NullsLast
)

// WithEntry is one common table expression.
type WithEntry struct {
	Name string
	Scan Scan
}

// WindowGroup is the window functions of one PARTITION BY and ORDER BY.
type WindowGroup struct {
	Partition  []*ColumnRef
	Collations []string // of Partition, "" by default; may be nil
	Order      []OrderItem
	Calls      []Computed // Expr is *WindowCall
}

// GroupingCall makes Column 1 in rows where the key is not part of the grouping set.
type GroupingCall struct {
	Column Column
	Key    ColumnID
}

// TVFArg is one argument of a table-valued function: an expression, a relation
// (Columns of Scan, in order), a model, a connection or a descriptor.
type TVFArg struct {
	Expr    Expr
	Scan    Scan
	Columns []Column
	Name    string   // of a model or connection
	Names   []string // of a descriptor
}

// Option is a name and a value, of a hint or of OPTIONS.
type Option struct {
	Qualifier, Name string
	Value           Expr
}
