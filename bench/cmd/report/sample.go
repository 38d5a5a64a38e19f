package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// sample is a series of runs of one process.
type sample struct {
	walls, cpus []float64 // seconds; CPU is user and system, of the process and all it waited for
	peaks       []float64 // MB, of the largest process
}

// add runs a command once. What it prints is given back.
func (s *sample) add(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return s.run(cmd)
}

func (s *sample) run(cmd *exec.Cmd) (string, error) {
	log, err := os.CreateTemp("", "engine-bench-log-")
	if err != nil {
		return "", err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	text, _ := os.ReadFile(log.Name())
	if err != nil {
		return "", fmt.Errorf("%s %v: %w\n%s", filepath.Base(cmd.Path), cmd.Args[1:], err, text)
	}
	s.walls = append(s.walls, wall.Seconds())
	s.cpus = append(s.cpus, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	s.peaks = append(s.peaks, float64(peakMemory(cmd.ProcessState)>>20))
	return string(text), nil
}

// took is the line of what a command takes, in seconds.
func (b *bench) took(what string, wall, cpu []float64, budget float64, because string) line {
	l := line{what: what, values: wall, unit: "s", budget: budget, because: because}
	if b.cpu {
		l.values, l.what = cpu, what+", CPU"
	} else if len(cpu) > 0 {
		l.note = "; CPU " + digits(median(cpu))
	}
	if budget < 0.1 {
		l.unit, l.budget = "ms", budget*1000
		l.values = scaled(l.values, 1000)
		if l.note != "" {
			l.note = "; CPU " + digits(median(cpu)*1000)
		}
	}
	return l
}

func scaled(values []float64, by float64) []float64 {
	var out []float64
	for _, v := range values {
		out = append(out, v*by)
	}
	return out
}
