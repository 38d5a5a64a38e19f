package view

import (
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// kindOrder is the order in which numbers of things are told.
var kindOrder = []addr.Kind{addr.Model, addr.Seed, addr.Snapshot, addr.Source, addr.Test, addr.UnitTest, addr.Exposure}

// Kinds writes numbers of things: «45 models, 14 seeds, 214 tests».
func Kinds(counts map[string]int) string {
	var parts []string
	for _, k := range kindOrder {
		if n := counts[string(k)]; n > 0 {
			parts = append(parts, plural(int64(n), strings.ReplaceAll(string(k), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "an empty project"
	}
	return strings.Join(parts, ", ")
}
