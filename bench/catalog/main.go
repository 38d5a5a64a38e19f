package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/browse"
)

func main() {
	var b bench
	models, child := "", ""
	flag.StringVar(&models, "models", "100,1000,10000", "sizes, with commas between")
	flag.IntVar(&b.runs, "runs", 5, "how often each is measured")
	flag.StringVar(&b.only, "only", "", "size or browser; empty: both")
	flag.BoolVar(&b.project, "project", false, "make the sites with «engine docs generate» of generated projects")
	flag.StringVar(&b.dir, "dir", "", "folder for the sites; default: a temporary one")
	flag.StringVar(&child, "child", "", "folder that a process makes a site in")
	flag.Parse()
	for _, m := range strings.Split(models, ",") {
		n, err := strconv.Atoi(m)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "catalog: -models %q is no list of numbers\n", models)
			os.Exit(2)
		}
		b.sizes = append(b.sizes, n)
	}
	var err error
	if child != "" {
		err = json.NewEncoder(os.Stdout).Encode(generate(b.sizes[0], child))
	} else {
		err = b.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

// bench is where the measurements work.
type bench struct {
	sizes   []int
	runs    int
	only    string
	project bool
	dir     string
	self    string
	table   table
}

func (b *bench) run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.self, b.runs = self, max(b.runs, 1)
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "engine-bench-catalog-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	fmt.Printf("%s/%s, %d cores, %s, medians of %d runs; calibration loop %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.runs, calibrate())
	b.table.sizes = b.sizes
	var sites []string
	for _, n := range b.sizes {
		site, err := b.make(n)
		if err != nil {
			return fmt.Errorf("%d models: %w", n, err)
		}
		sites = append(sites, site)
		if b.only != "browser" {
			if err := b.measureFiles(n, site); err != nil {
				return fmt.Errorf("%d models: %w", n, err)
			}
		}
	}
	if b.only != "browser" {
		b.layout()
	}
	if b.only != "size" {
		if browse.Program() == "" {
			return fmt.Errorf("Chromium is MISSING: install the package chromium, or measure with -only size")
		}
		for i, n := range b.sizes {
			if err := b.measureBrowser(n, sites[i]); err != nil {
				return fmt.Errorf("%d models: %w", n, err)
			}
		}
	}
	b.table.print(os.Stdout)
	fmt.Printf("\ncalibration loop afterwards: %s\n", calibrate())
	if short := b.table.short(); len(short) > 0 {
		return fmt.Errorf("%d budgets are exceeded: %s", len(short), strings.Join(short, "; "))
	}
	return nil
}

// calibrate times work that never changes: 200 million steps of a generator of numbers.
func calibrate() time.Duration {
	var all []time.Duration
	for range 3 {
		begin := time.Now()
		x := uint64(88172645463325252)
		for range 200_000_000 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		if x == 0 { // never: but then the loop must run
			panic("the generator stands still")
		}
		all = append(all, time.Since(begin))
	}
	return slices.Min(all).Round(time.Millisecond)
}

// make makes the site of n models as often as asked for, twice at least, each time into a new
// folder, and compares the folders byte by byte. The last one stays.
func (b *bench) make(n int) (string, error) {
	runs := max(b.runs, 2)
	if b.only == "browser" {
		runs = 1
	}
	maker, err := b.maker(n)
	if err != nil {
		return "", err
	}
	var walls, cpus, peaks []float64
	sum, dir := "", ""
	for i := range runs {
		if dir != "" {
			if err := os.RemoveAll(dir); err != nil {
				return "", err
			}
		}
		dir = filepath.Join(b.dir, fmt.Sprintf("site-%d-%d", n, i))
		made, err := maker(dir)
		if err != nil {
			return "", err
		}
		walls, cpus, peaks = append(walls, made.Wall.Seconds()), append(cpus, made.cpu.Seconds()), append(peaks, float64(made.peak)/1e6)
		now, err := checksum(dir)
		if err != nil {
			return "", err
		}
		if sum != "" && now != sum {
			return "", fmt.Errorf("two runs made different sites")
		}
		sum = now
	}
	b.table.add("making the site, wall, 2 cores", "s", 8, n, walls)
	b.table.add("making the site, CPU", "s", 0, n, cpus)
	b.table.add("making the site, peak memory", "MB", 1000, n, peaks)
	return dir, nil
}

// child runs this program to make a site.
func (b *bench) child(n int, dir string) (made, error) {
	cmd := exec.Command(b.self, "-models", strconv.Itoa(n), "-child", dir)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return made{}, err
	}
	var m made
	if err := json.Unmarshal(out, &m); err != nil {
		return made{}, err
	}
	if m.Err != "" {
		return made{}, fmt.Errorf("%s", m.Err)
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() - m.Before
	m.peak = peakMemory(cmd.ProcessState)
	return m, nil
}
