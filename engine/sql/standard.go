package sql

import "github.com/engine-build/engine/engine/source"

// Statements is Standard.Statements.
func Statements(text string) []int { return Standard.Statements(text) }

// Trim is Standard.Trim.
func Trim(text string, m *source.Map) (string, *source.Map) { return Standard.Trim(text, m) }

// Canonical is Standard.Canonical.
func Canonical(text string) string { return Standard.Canonical(text) }

// Volatile is Standard.Volatile.
func Volatile(text string) []string { return Standard.Volatile(text) }

// AddCTEs is Standard.AddCTEs.
func AddCTEs(text string, m *source.Map, ctes []CTE) (string, *source.Map) {
	return Standard.AddCTEs(text, m, ctes)
}
