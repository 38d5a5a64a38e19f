//go:build linux || darwin

package main

import "golang.org/x/sys/unix"

// freeSpace is how many bytes may still be written below a folder; ok is false where the system
// does not say.
func freeSpace(dir string) (free uint64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}
