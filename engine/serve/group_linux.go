package serve

import (
	"os/exec"
	"syscall"
)

// apart gives a process a group of its own, and lets the system interrupt it when the thread
// that began it ends: when this process is killed. Who begins it keeps the thread.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}
