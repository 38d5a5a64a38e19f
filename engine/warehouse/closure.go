package warehouse

import "github.com/engine-build/engine/engine/addr"

// Closure says how edges between things become all pairs of an ancestor and a descendant,
// or one row for each thing with the lists of both.
type Closure struct {
	// Parent and Child are columns of the edges; their values are whole numbers or texts.
	Parent string `json:"parent"`
	Child  string `json:"child"`
	// Partition is a column of the edges that divides the result; empty: it is not divided.
	// An edge says the partition of its child; what is nobody's child has that of its
	// first edge as a parent. A pair has the partition of its descendant.
	Partition string `json:"partition,omitempty"`
	// Quantity is the column with the amount of the parent that an edge took; the share of
	// an edge is its part of all that its parent gave, or of Total, where that column is
	// given. Ratio is the column with the share itself. With neither there are no shares.
	Quantity string `json:"quantity,omitempty"`
	Total    string `json:"total,omitempty"`
	Ratio    string `json:"ratio,omitempty"`
	// Paths asks for the number of paths.
	Paths bool `json:"paths,omitempty"`
	// MaxDepth leaves out pairs with a longer shortest path; 0: none.
	MaxDepth int `json:"max_depth,omitempty"`
	// MaxPairs refuses a result of more rows, before it is computed; 0: no limit.
	MaxPairs int64 `json:"max_pairs,omitempty"`
	// Cycles is warn, error or exclude.
	Cycles string `json:"cycles,omitempty"`
	// Method is memory (the engine computes) or sql (the warehouse does, step by step).
	Method string `json:"method"`
	// Result is what the rows of the result are: empty (pairs) or Things.
	Result string `json:"result,omitempty"`
}

// Words for Closure.Cycles and Closure.Method.
const (
	CyclesWarn    = "warn"
	CyclesError   = "error"
	CyclesExclude = "exclude"

	InMemory = "memory"
	InSQL    = "sql"
)

// Words for Closure.Result; in Closure itself pairs are the empty text.
const (
	Pairs  = "pairs"
	Things = "things"
)

// Names of the columns of a closure by things, in their order. Partition comes behind the
// id, under its own name.
const (
	ThingID         = "thing_id"
	AncestorIDs     = "ancestor_ids"
	DescendantIDs   = "descendant_ids"
	RootIDs         = "root_ids"
	LeafIDs         = "leaf_ids"
	AncestorCount   = "ancestor_count"
	DescendantCount = "descendant_count"
	RootCount       = "root_count"
	LeafCount       = "leaf_count"
	Depth           = "depth"
	Height          = "height"
	IsRoot          = "is_root"
	IsLeaf          = "is_leaf"
)

// Bytewise is the optional power of a Dialect whose texts are not ordered by their bytes.
type Bytewise interface {
	// OrderedByBytes is an expression that orders the texts of expr so.
	OrderedByBytes(expr string) string
}

// Names of the columns of a closure, in their order. Partition comes between the ids and
// the depths, under its own name.
const (
	AncestorID   = "ancestor_id"
	DescendantID = "descendant_id"
	MinDepth     = "min_depth"
	MaxDepth     = "max_depth"
	InCycle      = "in_cycle"
	PathCount    = "path_count"
	Share        = "share"
	DirectShare  = "direct_share"
)

// Shares reports whether the result has the columns Share and DirectShare.
func (c Closure) Shares() bool { return c.Quantity != "" || c.Ratio != "" }

type (
	// CloseEdges makes a new table of all pairs of an ancestor and a descendant that the
	// rows of From lead to, or of all things in them (Closure.Result). The engine does it (package genealogy); a dialect does not
	// render it.
	CloseEdges struct {
		Target  addr.Relation
		From    addr.Relation
		Closure Closure
		// Columns are names and types of the result.
		Columns []Column
		Layout  *Layout
		// Scratch are names for tables in between, for the method sql.
		Scratch []addr.Relation
	}

	// UpdateClosure brings Target, made by an earlier CloseEdges with the same Closure, up
	// to date with the edges From: rows of descendants whose ancestry changed are replaced. Closure.Result is pairs.
	UpdateClosure struct {
		Target  addr.Relation
		From    addr.Relation
		Closure Closure
		Columns []Column
		Layout  *Layout
		// Scratch is a name for a table that the operation makes and drops again.
		Scratch addr.Relation
		// Steps are names for tables in between, should the closure be made anew by the
		// warehouse.
		Steps []addr.Relation
	}
)

func (CloseEdges) op()    {}
func (UpdateClosure) op() {}
