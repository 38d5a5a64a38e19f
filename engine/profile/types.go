package profile

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// Table is what one scan found in a relation.
type Table struct {
	Node addr.Node `json:"node"`
	// Rows were read; Sampled says that they are not all rows of the relation.
	Rows    int64     `json:"rows"`
	Sampled bool      `json:"sampled,omitempty"`
	At      time.Time `json:"at"`
	Columns []Column  `json:"columns"`
}

// Column is what was found in one column.
type Column struct {
	Name string `json:"name"`
	// Nulls of the rows are NULL. Distinct is about how many values there are, -1 where nobody
	// counted.
	Nulls    int64 `json:"nulls"`
	Distinct int64 `json:"distinct"`
	// Min and Max are text, empty where values have no order. Top are the most frequent values,
	// the most frequent first.
	Min string  `json:"min,omitempty"`
	Max string  `json:"max,omitempty"`
	Top []Value `json:"top,omitempty"`
}

// Value is a value as text, with the rows that have it.
type Value struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}
