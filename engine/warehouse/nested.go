package warehouse

// Struct is a value with named parts in the order of its type, among the values of a row.
// Names and Values are equally long; values are as in Rows, so that they may be nested.
type Struct struct {
	Names  []string
	Values []any
}
