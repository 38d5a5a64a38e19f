//go:build linux || darwin

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// eachKey makes a terminal give each key as it is typed, unseen, and leaves all else as it is:
// Ctrl-C interrupts, lines end as ever. Nothing is done, and ok is false, where the process
// does not have the terminal: reading would stop it.
func eachKey(f *os.File) (restore func(), ok bool) {
	fd := int(f.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return func() {}, false
	}
	before, err := unix.IoctlGetTermios(fd, getMode)
	if err != nil {
		return func() {}, false
	}
	mode := *before
	mode.Lflag &^= unix.ICANON | unix.ECHO
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, setMode, &mode); err != nil {
		return func() {}, false
	}
	return func() { _ = unix.IoctlSetTermios(fd, setMode, before) }, true
}
