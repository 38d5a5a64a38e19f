// Command testcount reads the stream of «go test -json» and says in the end what it was:
// one line per package, the output of everything that failed, the skips with their
// reasons, and a closing line «N passed, N failed, N skipped». It fails when a test
// failed, when a package did not build and when there was nothing to count. With -strict a
// skip is a failure, too, unless no machine of ours could have run the test.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	strict := flag.Bool("strict", false, "fail when a test was skipped for want of something that can be installed")
	flag.Parse()
	c := newCounter(os.Stdout)
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); value != "" {
			c.given[name] = true
		}
	}
	c.strict = *strict
	if err := c.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(2)
	}
	if !c.close() {
		os.Exit(1)
	}
}

// event is one line of the stream; see «go doc test2json».
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
	Elapsed                                                float64
}

type key struct{ pkg, test string }

// excused are reasons to skip that installing something does not remove: a switch that a
// developer sets by hand, what the system allows its user or not, the suites of others,
// which are no part of the repository, and what the conformance suite of warehouses excepts
// by name, with a reason in the driver's own test.
var excused = regexp.MustCompile(`^needs (ENGINE_[A-Z_]+\b|a user other than root\b|leave to |the conformance data beside the repository\b)|^(duckdb|postgres|bigquery): `)

// wants is the variable that a skipped test asks for. Where it is set, the test has no excuse.
var wants = regexp.MustCompile(`^needs (ENGINE_[A-Z_]+)`)

func (c *counter) excuse(reason string) bool {
	if m := wants.FindStringSubmatch(reason); m != nil && c.given[m[1]] {
		return false
	}
	return excused.MatchString(reason)
}

type skip struct {
	key
	reason string
}

type counter struct {
	out                     io.Writer
	strict                  bool
	given                   map[string]bool // names of variables that are set
	passed, failed, skipped int
	packages, broken        int
	output                  map[key][]string
	build                   map[string][]string // compiler output by import path
	parents                 map[key]bool        // tests that have subtests do not count themselves
	skips                   []skip
	failures                []key
}

func newCounter(out io.Writer) *counter {
	return &counter{out: out, output: map[key][]string{}, given: map[string]bool{}, build: map[string][]string{}, parents: map[key]bool{}}
}

func (c *counter) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if text := strings.TrimSpace(line); text != "" {
			var e event
			if json.Unmarshal([]byte(text), &e) != nil {
				fmt.Fprintln(c.out, text) // go's own words, not a test's
			} else {
				c.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *counter) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		c.build[e.ImportPath] = append(c.build[e.ImportPath], e.Output)
	case "output":
		c.output[k] = append(c.output[k], e.Output)
	case "run":
		if parent, _, ok := cutLast(e.Test); ok {
			c.parents[key{e.Package, parent}] = true
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			c.endPackage(e)
			return
		}
		c.endTest(k, e.Action)
	}
}

func (c *counter) endTest(k key, action string) {
	defer func() {
		if action != "fail" {
			delete(c.output, k)
		}
	}()
	if action == "fail" {
		c.failures = append(c.failures, k)
	}
	if c.parents[k] && action == "pass" {
		return // its subtests count; one that was skipped after some of them left something out
	}
	switch action {
	case "pass":
		c.passed++
	case "fail":
		if !c.parents[k] || !c.failedBelow(k) {
			c.failed++
		}
	case "skip":
		c.skipped++
		c.skips = append(c.skips, skip{k, reason(c.output[k])})
	}
}

// failedBelow reports whether a subtest of k failed: then k failed because of it.
func (c *counter) failedBelow(k key) bool {
	return slices.ContainsFunc(c.failures, func(f key) bool { return f.pkg == k.pkg && strings.HasPrefix(f.test, k.test+"/") })
}

func (c *counter) endPackage(e event) {
	words := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "?   "}
	c.packages++
	own := c.output[key{e.Package, ""}]
	if e.Action == "fail" {
		if e.FailedBuild != "" {
			c.broken++
			fmt.Fprint(c.out, strings.Join(c.build[e.FailedBuild], ""))
		} else if !slices.ContainsFunc(c.failures, func(f key) bool { return f.pkg == e.Package }) {
			c.broken++ // a crash, a timeout or a broken TestMain
		}
		for _, k := range c.failures {
			if k.pkg == e.Package {
				fmt.Fprint(c.out, strings.Join(c.output[k], ""))
			}
		}
		// A crash cuts tests off: what they said last is the trace.
		for _, k := range slices.SortedFunc(keysOf(c.output), byName) {
			if k.pkg == e.Package && k.test != "" && !slices.Contains(c.failures, k) {
				fmt.Fprint(c.out, strings.Join(c.output[k], ""))
			}
		}
		fmt.Fprint(c.out, strings.Join(own, ""))
	}
	note := ""
	if e.Action == "skip" {
		note = "\t[no test files]"
	}
	fmt.Fprintf(c.out, "%s\t%s\t%.3fs%s\n", words[e.Action], e.Package, e.Elapsed, note)
	for k := range c.output {
		if k.pkg == e.Package {
			delete(c.output, k)
		}
	}
}

// close prints the summary and reports whether all is well.
func (c *counter) close() bool {
	if len(c.skips) > 0 {
		fmt.Fprintln(c.out, "\nskipped:")
		for _, s := range c.skips {
			fmt.Fprintf(c.out, "  %s %s: %s\n", s.pkg, s.test, s.reason)
		}
	}
	if len(c.failures) > 0 {
		fmt.Fprintln(c.out, "\nfailed:")
		for _, k := range c.failures {
			fmt.Fprintf(c.out, "  %s %s\n", k.pkg, k.test)
		}
	}
	if c.packages == 0 {
		fmt.Fprintln(c.out, "no package was tested")
	}
	missing := 0
	for _, s := range c.skips {
		if c.strict && !c.excuse(s.reason) {
			fmt.Fprintf(c.out, "\n%s %s was skipped, which must not happen here: %s\n", s.pkg, s.test, s.reason)
			missing++
		}
	}
	fmt.Fprintf(c.out, "\n%d passed, %d failed, %d skipped\n", c.passed, c.failed+c.broken, c.skipped)
	return missing == 0 && c.packages > 0 && c.passed > 0 && c.failed+c.broken == 0 && len(c.failures) == 0
}

// reason is what a skipped test said, without the place.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, text, ok := strings.Cut(line, ": "); ok && strings.Contains(line, ".go:") {
			return text
		}
		return line
	}
	return "no reason given"
}

func cutLast(test string) (parent, name string, ok bool) {
	if i := strings.LastIndexByte(test, '/'); i >= 0 {
		return test[:i], test[i+1:], true
	}
	return "", "", false
}

func keysOf(m map[key][]string) func(func(key) bool) {
	return func(yield func(key) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func byName(a, b key) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test)) }
