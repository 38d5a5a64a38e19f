package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// group puts a command into a process group of its own, so that all of it can be killed.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// adopt makes this process the parent of those whose own has ended, so that it hears of them.
func adopt() {
	const setChildSubreaper = 36 // of prctl(2)
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, setChildSubreaper, 1, 0, 0, 0, 0)
}

// orphans ends what a command has left running in its group, and gives the CPU time of all that it
// did not wait for itself.
func orphans(pid int) time.Duration {
	var sum time.Duration
	for {
		var status syscall.WaitStatus
		var used syscall.Rusage
		got, err := syscall.Wait4(-pid, &status, syscall.WNOHANG, &used)
		switch {
		case err == syscall.EINTR:
		case err != nil: // there is none
			return sum
		case got == 0: // it still runs
			_ = syscall.Kill(-pid, syscall.SIGKILL) // its command is over
			time.Sleep(time.Millisecond)
		default:
			sum += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
}

// treeMemory is the resident memory of a process and all that come from it, in bytes. Pages that
// they share count for each.
func treeMemory(pid int) int64 {
	var sum int64
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", at)); err == nil {
			if fields := strings.Fields(string(data)); len(fields) > 1 {
				pages, _ := strconv.ParseInt(fields[1], 10, 64)
				sum += pages * int64(os.Getpagesize())
			}
		}
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", at))
		for _, task := range tasks {
			data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", at, task.Name()))
			for _, child := range bytes.Fields(data) {
				if id, err := strconv.Atoi(string(child)); err == nil {
					todo = append(todo, id)
				}
			}
		}
	}
	return sum
}
