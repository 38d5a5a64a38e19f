package warehouse

// Comparer is the optional power of a Dialect to compare values of types that have no
// equality of their own.
type Comparer interface {
	// Comparable writes an expression of a column's type so that it can be compared, grouped
	// and ordered: itself, or a text that is equal exactly where the values are.
	Comparable(expr, typ string) string
}

// Comparable asks a dialect that has the power; elsewhere every value can be compared.
func Comparable(d Dialect, expr, typ string) string {
	if c, ok := d.(Comparer); ok {
		return c.Comparable(expr, typ)
	}
	return expr
}
