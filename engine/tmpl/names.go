package tmpl

import "slices"

// Functions lists the names of all functions that templates have, sorted: the engine's, those
// of Go templates and the pure ones of sprig.
func Functions() []string { return slices.Clone(funcNames()) }
