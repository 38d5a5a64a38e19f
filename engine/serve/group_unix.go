//go:build unix && !linux

package serve

import (
	"os/exec"
	"syscall"
)

// apart gives a process a group of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
