// Command report measures the engine against its budgets and prints a table:
//
//	go run ./bench/cmd/report            all
//	go run ./bench/cmd/report -runs 9 -only load
//
// Every measurement is a process of its own; contestants take turns, and the table has
// medians. Peak memory is what the system reports for the process.
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
	"time"

	"github.com/engine-build/engine/bench/gen"
)

func main() {
	runs := flag.Int("runs", 5, "runs of each measurement")
	only := flag.String("only", "", "load or build; empty: both")
	models := flag.Int("models", 1000, "models of the build")
	child := flag.String("child", "", "what a measured process does (load, statements, bare)")
	flag.Parse()

	var err error
	switch *child {
	case "load":
		err = childLoad(context.Background(), flag.Arg(0))
	case "statements":
		err = childStatements(context.Background(), flag.Arg(0), flag.Arg(1))
	case "bare":
		err = childBare(context.Background(), flag.Arg(0), flag.Arg(1))
	default:
		err = report(*runs, *models, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// bench is where a report works.
type bench struct {
	dir    string
	self   string // this program
	engine string // the built command
	runs   int
}

func report(runs, models int, only string) error {
	dir, err := os.MkdirTemp("", "engine-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench{dir: dir, self: self, engine: filepath.Join(dir, "engine"), runs: max(runs, 1)}
	build := exec.Command("go", "build", "-o", b.engine, "./cmd/engine")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the engine (run this at the module's root): %w", err)
	}
	fmt.Printf("%s/%s, %d cores, %s, medians of %d runs\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.runs)
	if only == "" || only == "load" {
		if err := b.load(); err != nil {
			return err
		}
	}
	if only == "" || only == "build" {
		if err := b.overhead(models); err != nil {
			return err
		}
	}
	return nil
}

// load measures load + templates + refs + order in a fresh process, and the start-up of
// the command, which is part of it.
func (b *bench) load() error {
	fmt.Println("| load + templates + refs + order | models | wall | spread | CPU | peak memory | budget |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---|")
	medians := map[int]time.Duration{}
	sizes := []int{100, 1000, 10_000}
	for _, n := range sizes {
		project := filepath.Join(b.dir, fmt.Sprint("load", n))
		if err := gen.Write(project, gen.Options{Models: n, Seed: 42}); err != nil {
			return err
		}
		var library, command sample
		for range b.runs {
			if err := library.add(b.self, "-child", "load", project); err != nil {
				return err
			}
			if err := command.add(b.engine, "ls", "--project-dir", project); err != nil {
				return err
			}
		}
		medians[n] = library.cpu()
		budget := ""
		if n == 10_000 {
			budget = "≤ 0.8 s, ≤ 150 MB"
		}
		row("package engine", n, library, budget)
		row("engine ls", n, command, budget)
	}
	var start sample
	for range b.runs {
		if err := start.add(b.engine, "version"); err != nil {
			return err
		}
	}
	row("engine version", 0, start, "≤ 15 ms")
	// What grows with the project: the process itself is taken out.
	grow := float64(medians[10_000]-start.cpu()) / float64(max(medians[1000]-start.cpu(), 1))
	fmt.Printf("\n10,000 models take %.1f× the CPU time of 1,000, process start taken out (linear: 10)\n\n", grow)
	return nil
}

func row(what string, models int, s sample, budget string) {
	size := ""
	if models > 0 {
		size = fmt.Sprint(models)
	}
	fmt.Printf("| %s | %s | %s | %s–%s | %s | %d MB | %s |\n", what, size, ms(s.wall()), ms(slices.Min(s.walls)), ms(slices.Max(s.walls)), ms(s.cpu()), s.memory()>>20, budget)
}

// overhead compares «engine build» with its own statements sent one by one through the
// bare driver, each into a new database file.
func (b *bench) overhead(models int) error {
	project := filepath.Join(b.dir, "build")
	if err := gen.Write(project, gen.Options{Models: models, Seed: 42}); err != nil {
		return err
	}
	statements := filepath.Join(b.dir, "statements.json")
	if err := new(sample).add(b.self, "-child", "statements", project, statements); err != nil {
		return err
	}
	var bare, build, one, again sample
	var ratios []float64
	for i := range b.runs {
		if err := bare.add(b.self, "-child", "bare", statements, filepath.Join(b.dir, fmt.Sprint("bare", i, ".duckdb"))); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(project, "target")); err != nil {
			return err
		}
		if err := build.add(b.engine, "build", "--project-dir", project); err != nil {
			return err
		}
		if err := again.add(b.engine, "build", "--project-dir", project); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(project, "target")); err != nil {
			return err
		}
		if err := one.add(b.engine, "build", "--project-dir", project, "--jobs", "1", "--no-catalog"); err != nil {
			return err
		}
		ratios = append(ratios, float64(build.walls[i])/float64(bare.walls[i]))
	}
	slices.Sort(ratios)
	fmt.Println("| trivial models as tables on DuckDB | models | wall | spread | CPU | peak memory | budget |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---|")
	row("bare driver, one by one", models, bare, "")
	row("engine build", models, build, "≤ 1.2× the bare driver")
	row("engine build --jobs 1 --no-catalog", models, one, "")
	row("engine build again, nothing changed", models, again, "")
	fmt.Printf("\nengine build takes %.2f× the bare driver (median of the pairs; %.2f–%.2f)\n", median(ratios), ratios[0], ratios[len(ratios)-1])
	return nil
}

// sample is a series of runs of one process.
type sample struct {
	walls []time.Duration
	cpus  []time.Duration // user and system
	peaks []int64
}

func (s *sample) add(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	log, err := os.CreateTemp("", "engine-bench-log-")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s %v: %w\n%s", filepath.Base(name), args, err, text)
	}
	s.walls = append(s.walls, wall)
	s.cpus = append(s.cpus, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	s.peaks = append(s.peaks, peakMemory(cmd.ProcessState))
	return nil
}

func (s sample) wall() time.Duration { return median(slices.Sorted(slices.Values(s.walls))) }

func (s sample) cpu() time.Duration { return median(slices.Sorted(slices.Values(s.cpus))) }

func (s sample) memory() int64 { return median(slices.Sorted(slices.Values(s.peaks))) }

func median[T any](sorted []T) T { return sorted[len(sorted)/2] }

func ms(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
