//go:build !unix

package duckdb

import "os"

// sameHands: there are no groups in a file's mode.
func sameHands(string, os.FileInfo) bool { return true }
