package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// every is how often the memory of a process tree is looked at.
const every = 20 * time.Millisecond

// cost is what a command took.
type cost struct {
	wall, cpu time.Duration // cpu is user and system, of the process and all that come from it
	peak      int64         // bytes in memory of the process and its children together
}

var errTooLong = errors.New("it took too long")

// run measures a command in a folder. Where memory of a tree cannot be read, peak is 0.
func run(dir string, limit time.Duration, env []string, argv ...string) (cost, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = 5 * time.Second
	group(cmd)
	adopt()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("start %s: %w", argv[0], err)
	}
	done := make(chan struct{})
	peaks := make(chan int64, 1)
	go func() {
		var peak int64
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			peak = max(peak, treeMemory(cmd.Process.Pid))
			select {
			case <-done:
				peaks <- peak
				return
			case <-tick.C:
			}
		}
	}()
	err := cmd.Wait()
	c := cost{wall: time.Since(start)}
	close(done)
	c.peak = <-peaks
	left := orphans(cmd.Process.Pid)
	if ctx.Err() != nil {
		return cost{}, errTooLong
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		return cost{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(argv[0]), strings.Join(argv[1:], " "), err, strings.Join(lines[max(len(lines)-12, 0):], "\n"))
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + left
	return c, nil
}

// series are the costs of one command, run several times.
type series []cost

func (s series) wall() time.Duration {
	return middle(s, func(c cost) time.Duration { return c.wall })
}

func (s series) cpu() time.Duration {
	return middle(s, func(c cost) time.Duration { return c.cpu })
}

func (s series) peak() int64 { return middle(s, func(c cost) int64 { return c.peak }) }

// spread are the least and the most wall time.
func (s series) spread() (least, most time.Duration) {
	least, most = s[0].wall, s[0].wall
	for _, c := range s {
		least, most = min(least, c.wall), max(most, c.wall)
	}
	return least, most
}

func middle[T time.Duration | int64](s series, of func(cost) T) T {
	var values []T
	for _, c := range s {
		values = append(values, of(c))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
