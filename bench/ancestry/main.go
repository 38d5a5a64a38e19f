package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

func main() {
	var b bench
	graphs, cases, one := "", "", ""
	flag.StringVar(&graphs, "graphs", "", "names of graphs, with commas between; all")
	flag.StringVar(&cases, "cases", "", "names of cases, with commas between; all")
	flag.StringVar(&one, "child", "", "the task of a process that measures")
	flag.StringVar(&b.profile, "profile", "", "write a CPU profile of each measurement into this folder")
	flag.IntVar(&b.runs, "runs", 3, "how often each is measured")
	flag.IntVar(&b.others, "others", 1, "how often the queries are measured that take much longer than the engine")
	flag.DurationVar(&b.limit, "limit", 10*time.Minute, "how long a measurement may take")
	flag.Parse()
	ctx := context.Background()
	var err error
	if one != "" {
		err = profiled(b.profile, func() error { return child(ctx, one) })
	} else {
		err = b.run(ctx, split(graphs), split(cases))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// profiled writes a profile of f into a file, where one is named.
func profiled(file string, f func() error) (err error) {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

type bench struct {
	runs    int
	others  int // runs of queries
	limit   time.Duration
	profile string
	dir     string
	server  *pg.Server // nil: there is none here
	fresh   int        // databases made there
}

// errLimit says that a measurement was given up.
var errLimit = errors.New("it took longer than the limit")

func (b *bench) run(ctx context.Context, graphs, cases []string) (err error) {
	if b.dir, err = os.MkdirTemp("", "ancestry"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	wanted := func(name string) bool { return len(cases) == 0 || slices.Contains(cases, name) }
	if wanted(casePostgres) {
		s, missing := pg.Start(ctx, pg.Options{Settings: []string{"shared_buffers='1GB'", "work_mem='512MB'", "temp_buffers='256MB'"}})
		if missing != nil {
			fmt.Fprintf(os.Stderr, "PostgreSQL is left out: %v\n", missing)
		} else {
			b.server = s
			defer func() { err = errors.Join(err, s.Stop()) }()
		}
	}
	fmt.Printf("%s/%s, %d cores, %s, medians of %d runs (recursive queries and SQL: %d)\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.runs, b.others)
	if len(graphs) == 0 {
		for _, s := range shapes {
			graphs = append(graphs, s.name)
		}
	}
	limit := []string{"| graph | pairs | copy of the pairs | pairs from a series | engine | CPU | to the copy | to the series | ns per pair | peak memory | 1 % new edges | of closing anew |", "|---|" + strings.Repeat("---:|", 11)}
	queries := []string{"| graph | engine | in SQL, step by step | slower | WITH RECURSIVE DuckDB | slower | CPU | more | peak memory | the same, pairs only | slower | WITH RECURSIVE PostgreSQL | slower |", "|---|" + strings.Repeat("---:|", 12)}
	for _, name := range graphs {
		s, err := shapeOf(name)
		if err != nil {
			return err
		}
		one, other, err := b.graph(ctx, s, wanted)
		if err != nil {
			return err
		}
		limit, queries = append(limit, one), append(queries, other)
	}
	fmt.Println(strings.Join(limit, "\n") + "\n\n" + strings.Join(queries, "\n"))
	return nil
}

// graph measures all cases of a graph and gives its lines of the two tables.
func (b *bench) graph(ctx context.Context, s shape, wanted func(string) bool) (limit, queries string, err error) {
	base, done := filepath.Join(b.dir, s.name+".duckdb"), filepath.Join(b.dir, s.name+"-done.duckdb")
	if _, err := b.child(ctx, task{Case: caseEdges, Graph: s.name, File: base}); err != nil {
		return "", "", err
	}
	defer os.Remove(base)
	defer os.Remove(done)
	found := map[string][]result{}
	given := map[string]bool{} // up
	var truth sums
	for round := range max(b.runs, b.others) {
		for _, name := range []string{caseEngine, caseCopy, caseSeries, caseUpdate, caseSQL, casePairs, caseDepths, casePostgres} {
			query := name == caseSQL || name == casePairs || name == caseDepths || name == casePostgres
			if query && (round >= b.others || s.alone) || !query && round >= b.runs {
				continue
			}
			// The others need what the engine made, and how much it is.
			if name != caseEngine && !wanted(name) || given[name] ||
				name == caseUpdate && !s.update || name == casePostgres && (!s.postgres || b.server == nil) {
				continue
			}
			t := task{Case: name, Graph: s.name, File: filepath.Join(b.dir, "run.duckdb"), Pairs: truth.Pairs}
			from := base
			switch name {
			case caseEngine:
				t.File = done
			case caseCopy, caseUpdate:
				from = done
			case casePostgres:
				b.fresh++
				database := fmt.Sprint("bench", b.fresh)
				if err := b.server.Exec(ctx, "postgres", "create database "+database); err != nil {
					return "", "", err
				}
				t.Fields = b.server.Fields(database)
			}
			for _, f := range []string{t.File, t.File + ".wal"} {
				_ = os.RemoveAll(f)
			}
			if err := copyFile(t.File, from); err != nil {
				return "", "", err
			}
			r, err := b.child(ctx, t)
			if name == casePostgres {
				err = errors.Join(err, b.server.Exec(ctx, "postgres", "drop database "+t.Fields["dbname"]+" with (force)"))
			}
			if errors.Is(err, errLimit) {
				given[name] = true
				fmt.Fprintf(os.Stderr, "%s %s: more than %s\n", s.name, name, b.limit)
				continue
			}
			if err != nil {
				return "", "", err
			}
			fmt.Fprintf(os.Stderr, "%s %s: %s, CPU %s, %d MB, %+v\n", s.name, name, seconds(r.Wall), seconds(r.CPU), r.Memory>>20, r.Sums)
			if name == caseEngine && truth == (sums{}) {
				truth = r.Sums
			}
			if want := truth; name != caseUpdate {
				if name == casePairs || name == caseSeries {
					want.Min, want.Max = 0, 0
				}
				if r.Sums != want {
					return "", "", fmt.Errorf("%s: case %s has %+v, the engine %+v", s.name, name, r.Sums, truth)
				}
			}
			found[name] = append(found[name], r)
		}
	}
	limit, queries = b.lines(s, truth, found, given)
	return limit, queries, nil
}

// lines are the graph's of the two tables: against the limit and against queries.
func (b *bench) lines(s shape, truth sums, found map[string][]result, given map[string]bool) (limit, queries string) {
	wall := func(name string) time.Duration {
		return median(found[name], func(r result) time.Duration { return r.Wall })
	}
	engine := wall(caseEngine)
	show := func(name string) string {
		switch {
		case len(found[name]) > 0:
			return seconds(wall(name))
		case given[name]:
			return "more than " + b.limit.String()
		}
		return "–"
	}
	times := func(name string) string {
		switch {
		case len(found[name]) > 0:
			return fmt.Sprintf("%.1f ×", wall(name).Seconds()/engine.Seconds())
		case given[name]:
			return fmt.Sprintf("> %.0f ×", b.limit.Seconds()/engine.Seconds())
		}
		return "–"
	}
	burnt := func(name string) time.Duration {
		return median(found[name], func(r result) time.Duration { return r.CPU })
	}
	cpu := func(name string) (took, more string) {
		if len(found[name]) == 0 {
			return "–", "–"
		}
		return seconds(burnt(name)), fmt.Sprintf("%.1f ×", burnt(name).Seconds()/burnt(caseEngine).Seconds())
	}
	memory := func(name string) string {
		if len(found[name]) == 0 {
			return "–"
		}
		return fmt.Sprintf("%d MB", int64(median(found[name], func(r result) time.Duration { return time.Duration(r.Memory) }))>>20)
	}
	over := func(name string) string {
		if len(found[name]) == 0 {
			return "–"
		}
		return fmt.Sprintf("%.2f ×", engine.Seconds()/wall(name).Seconds())
	}
	of := "–"
	if len(found[caseUpdate]) > 0 {
		of = fmt.Sprintf("%.0f %%", 100*wall(caseUpdate).Seconds()/median(found[caseUpdate], func(r result) time.Duration { return r.Full }).Seconds())
	}
	line := func(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }
	own, _ := cpu(caseEngine)
	theirs, more := cpu(caseDepths)
	limit = line(s.name, fmt.Sprintf("%.2f M", float64(truth.Pairs)/1e6), show(caseCopy), show(caseSeries), "**"+show(caseEngine)+"**", own, over(caseCopy), over(caseSeries),
		fmt.Sprintf("%.0f", float64(engine.Nanoseconds())/float64(max(truth.Pairs, 1))), memory(caseEngine), show(caseUpdate), of)
	queries = line(s.name, "**"+show(caseEngine)+"**", show(caseSQL), times(caseSQL), show(caseDepths), times(caseDepths), theirs, more, memory(caseDepths), show(casePairs), times(casePairs), show(casePostgres), times(casePostgres))
	return limit, queries
}

func median(rs []result, of func(result) time.Duration) time.Duration {
	var all []time.Duration
	for _, r := range rs {
		all = append(all, of(r))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.*f s", map[bool]int{true: 2, false: 1}[d < 10*time.Second], d.Seconds())
}

// child measures in a process of its own.
func (b *bench) child(ctx context.Context, t task) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	args := []string{"-child", string(text)}
	if b.profile != "" {
		args = append(args, "-profile", filepath.Join(b.profile, t.Graph+"-"+t.Case+".pprof"))
	}
	cmd := exec.CommandContext(ctx, self, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return r, errLimit
		}
		return r, fmt.Errorf("%s of %s: %w", t.Case, t.Graph, err)
	}
	if t.Case == caseEdges {
		return r, nil
	}
	return r, json.Unmarshal(out.Bytes(), &r)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
