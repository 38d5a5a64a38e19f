package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/engine-build/engine/bench/page"
)

// options of a run.
type options struct {
	profile profile
	sizes   []int
	runs    int
	seed    uint64
	tools   string // folder of installed peers
	only    []string
	ops     []string
	limit   time.Duration
	out     string
	docs    string
	builds  int
}

func main() {
	var o options
	var kind, sizes, only, ops string
	flag.StringVar(&kind, "profile", "C", "shape of the graph: A, B, C or D")
	flag.StringVar(&sizes, "models", "100,1000", "numbers of models")
	flag.IntVar(&o.runs, "runs", 5, "runs of each measurement")
	flag.Uint64Var(&o.seed, "seed", 42, "seed of the graph")
	flag.StringVar(&o.tools, "tools", filepath.Join(os.TempDir(), "engine-peers"), "folder that peers are installed in, and kept")
	flag.StringVar(&only, "only", "", "tools to measure: engine,dbt,sqlmesh,dataform; empty: all")
	flag.StringVar(&ops, "ops", "", "what to measure: "+strings.Join(opNames, ",")+"; empty: all")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "the longest that a command may take")
	flag.StringVar(&o.out, "out", "", "a file to write the tables to, too")
	flag.StringVar(&o.docs, "docs", "", "a page to put the tables into, between its markers")
	flag.IntVar(&o.builds, "builds", 2000, "the most models that are built; larger projects are only read and compiled, unless -ops names more")
	flag.Parse()

	o.profile = profile(kind)
	if profiles[o.profile] == "" {
		fail(fmt.Errorf("no profile %q; known are A, B, C and D", kind))
	}
	for _, word := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			fail(fmt.Errorf("%q is no number of models", word))
		}
		o.sizes = append(o.sizes, n)
	}
	words := func(text string, known []string) []string {
		if text == "" {
			return known
		}
		out := strings.Split(text, ",")
		for _, word := range out {
			if !slices.Contains(known, word) {
				fail(fmt.Errorf("nothing is called %q; known are %s", word, strings.Join(known, ", ")))
			}
		}
		return out
	}
	var names []string
	for _, t := range tools() {
		names = append(names, t.name)
	}
	o.only, o.ops = words(only, names), words(ops, opNames)
	if ops != "" {
		o.builds = slices.Max(o.sizes)
	}
	// The first interrupt ends with the round at work, and with a table of what there is; the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	if err := measure(ctx, o); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "peers:", err)
	os.Exit(1)
}

// contestant is a tool that is installed.
type contestant struct {
	tool
	command string
	dir     string // of its project
	took    map[string]series
	failed  map[string]string // what the table says of what was not measured
	why     []string          // the same in the tool's own words
}

func measure(ctx context.Context, o options) error {
	var report strings.Builder
	say := func(format string, args ...any) {
		fmt.Printf(format, args...)
		fmt.Fprintf(&report, format, args...)
	}
	if o.docs != "" {
		if err := page.Check(o.docs, "peers"); err != nil { // before all the work
			return err
		}
	}
	say("%s/%s, %d cores (%s), %s; medians (least–most), the tools in turns, %d threads, DuckDB %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), runtime.Version(), threads, duckDB)
	var ready []*contestant
	for _, t := range tools() {
		if !slices.Contains(o.only, t.name) {
			continue
		}
		command, err := t.installed(o.tools)
		if err != nil {
			say("\n%s could not be installed: %v\n", t.name, err)
			continue
		}
		ready = append(ready, &contestant{tool: t, command: command})
	}
	if len(ready) == 0 {
		return fmt.Errorf("no tool is there")
	}
	for i, n := range o.sizes {
		if i > 0 && ctx.Err() != nil {
			break
		}
		dir, err := os.MkdirTemp("", "engine-peers-")
		if err != nil {
			return err
		}
		sized := o
		if n > o.builds {
			sized.ops = slices.DeleteFunc(slices.Clone(o.ops), func(name string) bool { return strings.HasPrefix(name, "build") || name == "docs" })
		}
		if sized.runs, err = race(ctx, sized, ready, n, dir); err == nil {
			say("\n%s", table(sized, ready, n))
			var same string
			if same, err = agree(ready, graph(o.profile, n, o.seed)); err == nil && same != "" {
				say("\n%s\n", same)
			}
		}
		if removed := os.RemoveAll(dir); err == nil {
			err = removed
		}
		if err != nil {
			return err
		}
	}
	for _, c := range ready {
		say("\n- %s: %s.", c.name, c.notes)
	}
	say("\n")
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(report.String()), 0o644); err != nil {
			return err
		}
	}
	if o.docs != "" {
		return page.Write(o.docs, "peers", report.String())
	}
	return nil
}

// race runs all commands of all tools, round by round, and gives how many rounds there were.
func race(ctx context.Context, o options, ready []*contestant, models int, dir string) (rounds int, err error) {
	nodes := graph(o.profile, models, o.seed)
	for _, c := range ready {
		c.dir, c.took, c.failed, c.why = filepath.Join(dir, c.name), map[string]series{}, map[string]string{}, nil
		if err := c.files(nodes, o.seed).write(c.dir); err != nil {
			return rounds, err
		}
		if c.setup != nil {
			if err := c.setup(c.dir, c.command); err != nil {
				return rounds, err
			}
		}
	}
	for i := range o.runs {
		if i > 0 && ctx.Err() != nil {
			break
		}
		// Nobody is always the first, or always behind the same one.
		order := slices.Concat(ready[i%len(ready):], ready[:i%len(ready)])
		for _, c := range order {
			for _, x := range c.ops(c.command, nodes) {
				if !slices.Contains(o.ops, x.name) || c.failed[x.name] != "" {
					continue
				}
				if x.prepare != nil {
					if err := x.prepare(c.dir, i); err != nil {
						return rounds, err
					}
				}
				took, err := run(c.dir, o.limit, c.env, x.argv...)
				switch {
				case err == errTooLong:
					c.failed[x.name] = "> " + clock(o.limit)
				case err != nil:
					c.failed[x.name] = "failed"
					c.why = append(c.why, fmt.Sprintf("%s, %s: %s", c.name, x.name, strings.Join(strings.Fields(strings.NewReplacer(c.dir, ".", dir, "..").Replace(err.Error())), " ")))
					fmt.Fprintf(os.Stderr, "%s, %d models, %s: %v\n", c.name, models, x.name, err)
				default:
					c.took[x.name] = append(c.took[x.name], took)
				}
			}
		}
		rounds++
		fmt.Fprintf(os.Stderr, "%d models: round %d of %d is done\n", models, i+1, o.runs)
	}
	return rounds, nil
}

// table is what was measured, as Markdown: wall time with the least and the most, how often the
// engine's, CPU time and memory.
func table(o options, ready []*contestant, models int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Profile %s (%s), %s models, %d runs:\n\n| |", o.profile, profiles[o.profile], thousands(models), o.runs)
	for _, c := range ready {
		fmt.Fprintf(&b, " %s |", strings.TrimSpace(c.name+" "+strings.TrimPrefix(c.version, "dbt-core ")))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(ready)) + "\n")
	for _, name := range opNames {
		if !slices.Contains(o.ops, name) {
			continue
		}
		fmt.Fprintf(&b, "| **%s**: %s |", name, opAbout[name])
		var own time.Duration
		for _, c := range ready {
			s := c.took[name]
			switch {
			case c.failed[name] != "":
				fmt.Fprintf(&b, " %s |", c.failed[name])
				continue
			case len(s) == 0:
				b.WriteString(" – |")
				continue
			}
			least, most := s.spread()
			fmt.Fprintf(&b, " **%s** (%s–%s)", clock(s.wall()), clock(least), clock(most))
			if c.name == "engine" {
				own = s.wall()
			} else if own > 0 {
				fmt.Fprintf(&b, ", %s×", ratio(float64(s.wall())/float64(own)))
			}
			fmt.Fprintf(&b, "; CPU %s", clock(s.cpu()))
			if p := s.peak(); p > 0 {
				fmt.Fprintf(&b, ", %d MB", p>>20)
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	for _, c := range ready {
		for _, why := range c.why {
			fmt.Fprintf(&b, "\n%s\n", why)
		}
	}
	return b.String()
}

func ratio(f float64) string {
	if f < 10 {
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.0f", f)
}

func clock(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// processor is the machine's, as the system names it.
func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(data), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
