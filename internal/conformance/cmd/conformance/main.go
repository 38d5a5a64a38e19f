// Command conformance measures the GoogleSQL compiler against suites that others wrote.
//
//	conformance [-dir DIR] [-targets duckdb] [-file GLOB] [-case REGEXP] [-v] [-reasons] [-list wrong,failed]
//
// It prints a table of files and ends with one line per suite and target.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/engine-build/engine/internal/conformance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "conformance:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	dir := flags.String("dir", "../shared/conformance", "folder of the suites: *.test and *.yaml in any depth")
	targets := flags.String("targets", "duckdb", "comma separated targets")
	file := flags.String("file", "", "only files whose path, or its end, matches the glob")
	pattern := flags.String("case", "", "only cases whose name matches the regular expression")
	verbose := flags.Bool("v", false, "show statements, generated SQL and results of the cases listed (default: wrong, failed and refused)")
	list := flags.String("list", "", "list the cases of these verdicts: wrong, failed, refused, excluded, passed")
	reasons := flags.Bool("reasons", false, "count the reasons of wrong, failed, refused and excluded cases")
	slow := flags.Int("slow", 0, "list the slowest cases")
	workers := flags.Int("j", runtime.NumCPU(), "worker processes")
	docs := flags.String("docs", "", "write the figures to this Markdown file")
	baseline := flags.String("baseline", "", "compare with the counts in this file; fewer passed or more wrong cases are an error")
	update := flags.Bool("update", false, "write the counts to the -baseline file")
	worker := flags.Bool("worker", false, "serve as a worker process")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *worker {
		return conformance.Serve(ctx, in, out)
	}
	if _, err := os.Stat(*dir); err != nil {
		return fmt.Errorf("the suites are not there: %w", err)
	}
	files, err := conformance.Load(*dir)
	if err != nil {
		return err
	}
	verdicts, err := parseVerdicts(*list)
	if err != nil {
		return err
	}
	if *verbose && len(verdicts) == 0 {
		verdicts = []conformance.Verdict{conformance.Wrong, conformance.Failed, conformance.Refused}
	}
	pool := &conformance.Pool{Command: conformance.Self("-worker"), Workers: *workers, Patience: 60 * time.Second, Lifetime: 40}
	var reports []*conformance.Report
	for _, name := range strings.Split(*targets, ",") {
		if _, err := conformance.FindTarget(name); err != nil {
			return err
		}
		var jobs []conformance.Job
		for _, f := range files {
			if matches(*file, f.Path) {
				jobs = append(jobs, conformance.Job{Dir: *dir, Path: f.Path, Target: name, Case: *pattern})
			}
		}
		report := &conformance.Report{Target: name}
		if err := pool.Run(ctx, jobs, func(r conformance.Result) { report.Results = append(report.Results, r) }); err != nil {
			return err
		}
		report.Sort()
		reports = append(reports, report)
	}
	for _, r := range reports {
		if err := r.WriteCases(out, *verbose, verdicts...); err != nil {
			return err
		}
		if *reasons {
			if err := r.WriteReasons(out, conformance.Wrong, conformance.Failed, conformance.Refused, conformance.Excluded); err != nil {
				return err
			}
		}
		if err := r.WriteSlow(out, *slow); err != nil {
			return err
		}
		if !*verbose && !*reasons {
			if err := r.WriteFiles(out); err != nil {
				return err
			}
		}
	}
	for _, r := range reports {
		if err := r.WriteSuites(out); err != nil {
			return err
		}
	}
	if *docs != "" {
		if err := conformance.WriteDocs(*docs, reports); err != nil {
			return err
		}
	}
	if *baseline == "" {
		return nil
	}
	if *update {
		return conformance.WriteBaseline(*baseline, reports)
	}
	return conformance.CheckBaseline(*baseline, reports)
}

// matches reports whether the glob matches the path or its last elements.
func matches(glob, p string) bool {
	if glob == "" {
		return true
	}
	for rest := p; ; {
		if ok, err := path.Match(glob, rest); ok && err == nil {
			return true
		}
		_, after, found := strings.Cut(rest, "/")
		if !found {
			return false
		}
		rest = after
	}
}

func parseVerdicts(list string) ([]conformance.Verdict, error) {
	var out []conformance.Verdict
	if list == "" {
		return nil, nil
	}
words:
	for _, w := range strings.Split(list, ",") {
		for _, v := range conformance.Verdicts() {
			if string(v) == w {
				out = append(out, v)
				continue words
			}
		}
		return nil, fmt.Errorf("there is no verdict %q", w)
	}
	return out, nil
}
