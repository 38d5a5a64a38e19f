package ir

// An Expr yields one value for each row.
type Expr interface {
	T() *Type
	At() Span
}

// Of is embedded in every expression: its type and its place.
type Of struct {
	Type *Type
	Span Span
	// Collation is the collation annotation of a STRING valued expression, that of an array
	// in the form of a resolved collation: "[und:ci]"; "" by default.
	Collation string
}

// T implements Expr.
func (o *Of) T() *Type { return o.Type }

// At implements Expr.
func (o *Of) At() Span { return o.Span }

type (
	// Literal is a constant. Typed says the user wrote its type (DATE '…', a cast).
	Literal struct {
		Of
		Value Value
		Typed bool
	}

	// Parameter is a query parameter, by name (lower case) or by position (one based).
	Parameter struct {
		Of
		Name     string
		Position int
	}

	// ColumnRef reads a column of the row, or of an outer query's row if Correlated.
	ColumnRef struct {
		Of
		Column     Column
		Correlated bool
	}

	// Constant is a named constant of the catalog, SystemVariable an @@variable.
	Constant struct {
		Of
		Name string
	}
	// SystemVariable is an @@variable.
	SystemVariable struct {
		Of
		Name string
	}

	// Call calls a scalar function. Name is the analyzer's, lower case: operators
	// begin with $ ($add, $equal, $case_no_value, $in_array …), a path joins with
	// dots (net.host, safe.…​ does not appear: see Safe).
	Call struct {
		Of
		Name       string
		Group      string // "GoogleSQL" for built-in functions, else where it was declared
		Args       []Arg
		Sig        Signature
		Safe       bool     // SAFE.f(…): errors become NULL
		Collations []string // of the operation, for comparisons of strings; nil by default
		Hints      []Option
	}

	// AggregateCall calls an aggregate function within Aggregate.Aggs.
	AggregateCall struct {
		Call
		Distinct    bool
		Nulls       NullHandling
		Having      *Having
		Order       []OrderItem
		Limit       Expr
		Where       Expr       // WHERE modifier: the rows to aggregate
		Filter      Expr       // HAVING modifier of a multi-level aggregation: the groups to aggregate
		GroupBy     []Computed // multi-level aggregation
		Nested      []Computed
		GroupByRows Scan // WITH GROUP ROWS
	}

	// WindowCall calls a window function within WindowGroup.Calls.
	WindowCall struct {
		Call
		Distinct bool
		Nulls    NullHandling
		Where    Expr
		Order    []OrderItem // inside the call, for aggregates
		Frame    *Frame      // nil where the function takes none
	}

	// Cast converts. Safe turns failures into NULL. Format and Zone are the
	// FORMAT and AT TIME ZONE clauses.
	Cast struct {
		Of
		Arg      Expr
		Safe     bool
		Format   Expr
		Zone     Expr
		Params   Params
		Implicit bool
		// Extended says that the conversion is one the catalog defines, which no pass knows.
		Extended bool
	}

	// MakeStruct builds a struct; Args match Type.Fields.
	MakeStruct struct {
		Of
		Args []Expr
	}

	// GetField reads a struct field by position. Unnamed says the field was read by offset.
	GetField struct {
		Of
		Arg   Expr
		Index int
	}

	// GetJSONField is dotted access to a JSON value.
	GetJSONField struct {
		Of
		Arg  Expr
		Name string
	}

	// Flatten is FLATTEN(a.b.c): Path applies to each element in turn, reading it as FlattenedArg.
	Flatten struct {
		Of
		Arg  Expr
		Path []Expr
	}
	// FlattenedArg is the element a Flatten path reads.
	FlattenedArg struct{ Of }

	// ReplaceField is REPLACE_FIELDS over structs.
	ReplaceField struct {
		Of
		Arg   Expr
		Items []ReplaceItem
	}

	// Subquery is a subquery in an expression. Params are the outer columns it reads.
	Subquery struct {
		Of
		Kind      SubqueryKind
		Params    []*ColumnRef
		In        Expr // left side of IN and LIKE ANY/ALL
		Scan      Scan
		Collation string
	}

	// WithExpr is WITH(a AS …, b AS …, result): columns computed once.
	WithExpr struct {
		Of
		Assign []Computed
		Expr   Expr
	}

	// ArgumentRef reads an argument of the function being defined, or of a lambda.
	ArgumentRef struct {
		Of
		Name string
	}

	// Lambda is an argument of a function such as ARRAY_FILTER; Args are columns of its body.
	Lambda struct {
		Of
		Args   []Column
		Params []*ColumnRef
		Body   Expr
	}

	// Default is DEFAULT in DML.
	Default struct{ Of }

	// ArrayAggregate is an aggregate over the elements of one array expression.
	ArrayAggregate struct {
		Of
		Array   Expr
		Element Column
		Pre     []Computed
		Agg     *AggregateCall
	}

	// UnsupportedExpr stands for an expression the tree has no node for.
	UnsupportedExpr struct {
		Of
		What string
	}
)

// Arg is one argument of a call. Exactly one field but Alias is set.
type Arg struct {
	Expr       Expr
	Lambda     *Lambda
	Sequence   string
	Model      string
	Connection string
	Descriptor []string
	Scan       Scan
	Alias      string // the AS alias some functions take (STRUCT-like)
}

// Signature is the concrete signature a call resolved to.
type Signature struct {
	Args   []*Type // nil for an argument that has no type, such as a lambda
	Result *Type
	// Named[i] is the argument's name where the signature has one: optional
	// arguments that were left out appear as their default literals or as NULL.
	Named []string
}

// NullHandling is IGNORE NULLS or RESPECT NULLS.
type NullHandling uint8

// The modifiers.
const (
	NullsUnsaid NullHandling = iota
	IgnoreNulls
	RespectNulls
)

// Having is HAVING MAX or HAVING MIN within an aggregate call.
type Having struct {
	Max  bool
	Expr Expr
}

// Frame is a window frame.
type Frame struct {
	Unit       FrameUnit
	Start, End Bound
}

// FrameUnit is ROWS or RANGE.
type FrameUnit uint8

// The units.
const (
	Rows FrameUnit = iota
	RangeUnit
)

// Bound is one end of a frame; Offset is set for OffsetPreceding and OffsetFollowing.
type Bound struct {
	Kind   BoundKind
	Offset Expr
}

// BoundKind is the kind of a frame bound.
type BoundKind uint8

// The kinds of bounds.
const (
	UnboundedPreceding BoundKind = iota
	OffsetPreceding
	CurrentRow
	OffsetFollowing
	UnboundedFollowing
)

// SubqueryKind is the kind of a Subquery.
type SubqueryKind uint8

// The kinds of subqueries.
const (
	Scalar SubqueryKind = iota
	ArrayOf
	Exists
	In
	LikeAny
	LikeAll
	NotLikeAny
	NotLikeAll
)

// ReplaceItem sets the field at Path (positions) to Expr.
type ReplaceItem struct {
	Path []int
	Expr Expr
}
