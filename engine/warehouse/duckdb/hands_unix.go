//go:build unix

package duckdb

import (
	"os"
	"syscall"
)

// sameHands gives a file the owner and group of another one as far as that is permitted, and
// reports whether it has the group.
func sameHands(path string, like os.FileInfo) bool {
	want, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == want.Uid && is.Gid == want.Gid {
		return true
	}
	if os.Lchown(path, int(want.Uid), int(want.Gid)) == nil {
		return true
	}
	return os.Lchown(path, -1, int(want.Gid)) == nil
}
