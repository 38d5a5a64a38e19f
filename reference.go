// Package reference is the reference project at the module root as a file system: the
// text of the manufacturing company's warehouse, without its seeds, which engine/example
// generates at any scale. It holds nothing else.
package reference

import "embed"

// Project has engine.yml, models, macros, snapshots and tests.
//
//go:embed engine.yml all:models all:macros all:snapshots all:tests
var Project embed.FS
