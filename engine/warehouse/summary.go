package warehouse

// Summary are the words of a dialect in which columns are summarized. {table}, {percent},
// {column}, {text}, {top} and {length} stand for what they name.
type Summary struct {
	// Sample reads about {percent} percent of the rows of {table}, whole blocks at a time, in a
	// FROM clause.
	Sample string
	// Distinct is an aggregate: how many values {column} has, or about how many.
	Distinct string
	// Top is an aggregate: JSON text with a list of objects with value and rows (or count). Where
	// Once is set it finds the {top} most frequent of {text}; otherwise it writes the values v
	// with the numbers c in the order of k.
	Top string
	// Prefix is the first {length} characters of {text}.
	Prefix string
	// Once: nothing is put aside, and the rows are read once all the same. Otherwise the columns
	// that are asked for are put aside first, and their values are counted there.
	Once bool
	// Array begins a list of rows of seven values (four integers and three texts); only where
	// Once is set.
	Array string
	// Unordered are types, in upper case, that have no least value although they have values.
	Unordered []string
}

// Summarizer is the optional power of a Dialect to summarize the columns of a relation in one
// statement.
type Summarizer interface {
	Summary() Summary
}
