// Package meaning makes hashes of what a query means. Two texts that mean the same
// by the rules below have one hash: comments, formatting and the case of keywords, names of
// common table expressions, of aliases and of columns on the way, the order of operands of AND, OR,
// comparisons and lists of IN, a subquery in the place of a common table expression, a
// condition in WHERE or in the ON of an inner join do not matter.
//
// Beside the hash of the whole there are facets: one of the rows, and one of each output
// column. A column on its way through the query is known by what defines it, relative to
// the row it stands in: a column of a table by its name, one of a join by its side, a
// computed one by its expression over such columns. What looks at more than one row — an aggregate, a
// window, a subquery — holds the hash of the rows it looks at. So the hash of the final
// rows and that of a column, together, say what the column holds in which rows.
//
// Whatever the room has no rule for goes into the hashes field by field, so that a change of it is a
// change of the meaning. A query with something that the tree itself does not know has none.
//
// It is a pure function of engine/ir; that room's tables and functions get their names in
// the hashes from the caller. It knows no models, files or warehouses.
package meaning
