//go:build !windows

package terminal

import "os"

// Prepare makes terminals act on escape sequences, where that has to be asked for, and reports
// whether all of files that are terminals do. Here they all do.
func Prepare(...*os.File) bool { return true }
