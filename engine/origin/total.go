package origin

import "github.com/engine-build/engine/engine/ir"

// Totals answers for any scan of one statement which sets of columns no two of its rows
// agree in. It is not safe for concurrent use.
type Totals struct {
	within ir.Node
	keys   Keys
	g      *grainer
}

// NewTotals is for the scans below a node; keys may be nil.
func NewTotals(within ir.Node, keys Keys) *Totals {
	if keys == nil {
		keys = func(string) [][]string { return nil }
	}
	return &Totals{within: within, keys: keys}
}

// Unique reports whether no two rows of a scan agree in all of the columns by, NULL
// counting as a value, so that sorting by them leaves no ties. Without columns it reports
// whether there is at most one row. It follows from the statement and the keys alone: false
// says nothing.
func (t *Totals) Unique(s ir.Scan, by []ir.ColumnID) bool {
	if t.g == nil {
		t.g = &grainer{keys: t.keys, ctes: map[string][]set{}}
		// The analyzer gives every common table expression of a statement a name of its own.
		seen := map[string]bool{}
		ir.Inspect(t.within, func(n ir.Node) bool {
			if w, ok := n.(*ir.With); ok {
				for _, e := range w.Entries {
					if seen[e.Name] {
						delete(t.g.ctes, e.Name)
						continue
					}
					seen[e.Name] = true
					t.g.ctes[e.Name] = t.g.entry(e)
				}
			}
			return true
		})
	}
	have := setOf(by...)
	for _, k := range t.g.scan(s) {
		if k.within(have) {
			return true
		}
	}
	return false
}
