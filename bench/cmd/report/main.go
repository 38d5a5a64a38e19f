// Command report measures the engine against its budgets, a line for each:
//
//	go run ./bench/cmd/report                       all
//	go run ./bench/cmd/report -runs 9 -only start,load
//	go run ./bench/cmd/report -only scale           the curve from 1,000 to 50,000 models
//	go run ./bench/cmd/report -list                 what there is
//
// Every measurement of a command is a process of its own; contestants take turns. A line has the
// median with the least and the most, the budget, and whether it holds or by how much it is
// exceeded. An exceeded budget is reported, not an error: the command fails where something
// could not be measured. With -cpu it is CPU time that is held against budgets of processes,
// for machines on which other programs run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/bench/page"
)

func main() {
	var o options
	var only, sizes, child string
	var list bool
	flag.IntVar(&o.runs, "runs", 5, "runs of each measurement")
	flag.StringVar(&only, "only", "", "names of what is measured (-list), with commas between; empty: all but scale")
	flag.IntVar(&o.models, "models", 10_000, "models of the large project")
	flag.StringVar(&sizes, "sizes", "1000,2000,5000,10000,20000,50000", "numbers of models of the curve (-only scale)")
	flag.BoolVar(&o.cpu, "cpu", false, "hold CPU time of processes against budgets, not the time on the clock")
	flag.StringVar(&o.docs, "docs", "", "a page to put the table into, between its comments")
	flag.BoolVar(&list, "list", false, "name what can be measured")
	flag.StringVar(&child, "child", "", "what a measured process does (load, phases, statements, bare)")
	flag.Parse()
	if child != "" {
		exit(runChild(context.Background(), child, flag.Args()))
	}
	if list {
		for _, m := range measurements {
			fmt.Printf("%-10s %s\n", m.name, m.about)
		}
		return
	}
	exit(report(o, only, sizes))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options of a report.
type options struct {
	runs   int
	models int
	cpu    bool
	docs   string // page
	sizes  []int
}

// bench is where a report works.
type bench struct {
	options
	dir   string
	self  string // this program
	built string // the command, once it is built
	made  map[string]bool
}

func report(o options, only, sizes string) error {
	for _, word := range strings.Split(sizes, ",") {
		var n int
		if _, err := fmt.Sscan(word, &n); err != nil || n < 10 {
			return fmt.Errorf("-sizes %q is no list of numbers of models", sizes)
		}
		o.sizes = append(o.sizes, n)
	}
	var chosen []measurement
	for _, m := range measurements {
		if only == "" && !m.extra {
			chosen = append(chosen, m)
		}
	}
	if only != "" {
		for _, word := range strings.Split(only, ",") {
			i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == strings.TrimSpace(word) })
			if i < 0 {
				return fmt.Errorf("nothing is called %q (see -list)", word)
			}
			chosen = append(chosen, measurements[i])
		}
	}
	dir, err := os.MkdirTemp("", "engine-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if o.docs != "" {
		if err := page.Check(o.docs, "budgets"); err != nil { // before all the work
			return err
		}
	}
	o.runs = max(o.runs, 1)
	var said strings.Builder
	say := func(format string, args ...any) {
		fmt.Printf(format, args...)
		fmt.Fprintf(&said, format, args...)
	}
	b := &bench{options: o, dir: dir, self: self, made: map[string]bool{}}
	say("%s, median of %d runs (least–most); calibration loop %s\n\n", machine(), b.runs, calibrate())
	say("| what | measured | budget | |\n|---|---:|---:|---|\n")
	var missing []string
	var after []string
	for _, m := range chosen {
		lines, more, err := m.measure(b)
		for _, l := range lines {
			say("%s\n", l.row())
		}
		if more != "" {
			after = append(after, more)
		}
		if err != nil {
			say("| %s | not measured | | %s |\n", m.about, firstLine(err.Error()))
			fmt.Fprintf(os.Stderr, "report: %s: %v\n", m.name, err)
			missing = append(missing, m.name)
		}
	}
	for _, text := range after {
		say("\n%s\n", text)
	}
	say("\nCalibration loop afterwards: %s.\n", calibrate())
	if o.docs != "" {
		if err := page.Write(o.docs, "budgets", said.String()); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not measured: %s", strings.Join(missing, ", "))
	}
	return nil
}

// engine is the built command.
func (b *bench) engine() (string, error) {
	if b.built != "" {
		return b.built, nil
	}
	path := filepath.Join(b.dir, "engine")
	build := exec.Command("go", "build", "-o", path, "./cmd/engine")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the engine (run this at the module's root): %w", err)
	}
	b.built = path
	return path, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.ReplaceAll(s, "|", "/")
}

// machine is what it is measured on.
func machine() string {
	return fmt.Sprintf("%s/%s, %d cores%s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version())
}

// processor is the machine's, as the system names it.
func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return " (" + strings.TrimSpace(value) + ")"
		}
	}
	return ""
}

// calibrate times work that never changes, so that figures of two days can be compared: 100
// million steps of a generator of numbers, the fastest of three.
func calibrate() time.Duration {
	best := time.Hour
	for range 3 {
		begin := time.Now()
		x := uint64(88172645463325252)
		for range 100_000_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if x == 0 { // never: but then the loop must run
			panic("the generator stands still")
		}
		best = min(best, time.Since(begin))
	}
	return best.Round(time.Millisecond)
}
