//go:build !windows

package main

import (
	"errors"
	"syscall"
)

// pipeClosed reports whether a write failed because nobody reads the pipe.
func pipeClosed(err error) bool { return errors.Is(err, syscall.EPIPE) }
