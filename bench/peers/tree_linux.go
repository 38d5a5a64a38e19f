package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// group puts a command into a process group of its own, so that all of it can be killed.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
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
