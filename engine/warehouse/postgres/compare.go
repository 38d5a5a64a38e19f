package postgres

import (
	"slices"
	"strings"
)

// unequal are types without an operator «=», or without an order.
var unequal = []string{"json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"}

// Comparable makes texts of values that PostgreSQL cannot compare.
func (Dialect) Comparable(expr, typ string) string {
	base := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(typ)), "[]")
	if slices.Contains(unequal, base) {
		return "cast(" + expr + " as text)"
	}
	return expr
}
