package conformance

import (
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"text/tabwriter"
)

// Counts are the cases of a file or suite by verdict.
type Counts map[Verdict]int

// Run is the number of cases that were not excluded.
func (c Counts) Run() int { return c[Passed] + c[Wrong] + c[Failed] + c[Refused] }

// Report collects results of one target.
type Report struct {
	Target  string
	Results []Result
}

// Sort brings the results into the order of suites, files and lines.
func (r *Report) Sort() {
	sort.SliceStable(r.Results, func(i, j int) bool {
		a, b := r.Results[i], r.Results[j]
		if a.Suite != b.Suite {
			return a.Suite < b.Suite
		}
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Line < b.Line
	})
}

// Files gives the counts by suite and file.
func (r *Report) Files() map[string]map[string]Counts {
	out := map[string]map[string]Counts{}
	for _, res := range r.Results {
		suite := out[res.Suite]
		if suite == nil {
			suite = map[string]Counts{}
			out[res.Suite] = suite
		}
		if suite[res.File] == nil {
			suite[res.File] = Counts{}
		}
		suite[res.File][res.Verdict]++
	}
	return out
}

// Suite gives the counts of a suite.
func (r *Report) Suite(name string) Counts {
	c := Counts{}
	for _, res := range r.Results {
		if res.Suite == name {
			c[res.Verdict]++
		}
	}
	return c
}

// WriteFiles writes a table with a line for each file.
func (r *Report) WriteFiles(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "passed\twrong\tfailed\trefused\texcluded\t  file\n")
	files := r.Files()
	for _, suite := range sortedKeys(files) {
		for _, f := range sortedKeys(files[suite]) {
			c := files[suite][f]
			fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t%d\t  %s\n", c[Passed], c[Wrong], c[Failed], c[Refused], c[Excluded], f)
		}
	}
	return tw.Flush()
}

// WriteSuites writes the line for each suite: suite, target, passed/run, wrong,
// refused, excluded, and failed, which together with the first three makes run.
func (r *Report) WriteSuites(w io.Writer) error {
	for _, suite := range sortedKeys(r.Files()) {
		c := r.Suite(suite)
		share := 0.0
		if c.Run() > 0 {
			share = 100 * float64(c[Passed]) / float64(c.Run())
		}
		if _, err := fmt.Fprintf(w, "%s %s %d/%d wrong %d refused %d excluded %d failed %d (%.1f %% passed, %.2f %% wrong)\n",
			suite, r.Target, c[Passed], c.Run(), c[Wrong], c[Refused], c[Excluded], c[Failed], share, 100*float64(c[Wrong])/float64(max(1, c.Run()))); err != nil {
			return err
		}
	}
	return nil
}

var (
	blurQuoted = regexp.MustCompile("'[^']*'|\"[^\"]*\"|`[^`]*`")
	blurNumber = regexp.MustCompile(`-?\b\d[\d.,:-]*`)
	blurColumn = regexp.MustCompile(`\b(c|t|column|_v)#`)
)

// blur takes from a reason what differs from case to case.
func blur(reason string) string {
	if strings.HasPrefix(reason, "panic: ") {
		return firstLine(reason) // it ends in a place
	}
	s := blurQuoted.ReplaceAllString(firstLine(reason), "…")
	s = blurNumber.ReplaceAllString(s, "#")
	s = blurColumn.ReplaceAllString(s, "$1")
	if len(s) > 150 {
		s = strings.ToValidUTF8(s[:150], "") + "…"
	}
	return s
}

// WriteReasons writes how often which reason occurs, by verdict, the commonest first,
// with an example.
func (r *Report) WriteReasons(w io.Writer, verdicts ...Verdict) error {
	for _, v := range verdicts {
		count, example := map[string]int{}, map[string]string{}
		for _, res := range r.Results {
			if res.Verdict != v {
				continue
			}
			key := blur(res.Reason)
			if v == Wrong {
				key = wrongKey(res.Reason)
			}
			count[key]++
			if example[key] == "" {
				example[key] = fmt.Sprintf("%s:%d %s", res.File, res.Line, res.Name)
			}
		}
		keys := sortedKeys(count)
		sort.SliceStable(keys, func(i, j int) bool { return count[keys[i]] > count[keys[j]] })
		if len(keys) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s\n", v)
		for _, k := range keys {
			if _, err := fmt.Fprintf(w, "%6d  %s\n        e.g. %s\n", count[k], k, example[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// wrongKey keeps what sort of a difference it is.
func wrongKey(reason string) string {
	switch {
	case strings.HasPrefix(reason, "rows where"):
		return reason
	case strings.Contains(reason, "want the type"), strings.Contains(reason, "want a field"):
		return blur(reason)
	case strings.Contains(reason, " elements, got "), strings.Contains(reason, " rows, got "):
		return "another number of rows or elements"
	case strings.Contains(reason, "is missing"):
		return "a row or element is missing"
	}
	return "another value"
}

// WriteCases writes the cases of the verdicts; verbose adds statements and results.
func (r *Report) WriteCases(w io.Writer, verbose bool, verdicts ...Verdict) error {
	for _, res := range r.Results {
		for _, v := range verdicts {
			if res.Verdict != v {
				continue
			}
			if _, err := fmt.Fprintf(w, "%s  %s:%d %s\n    %s\n", res.Verdict, res.File, res.Line, res.Name, firstLine(res.Reason)); err != nil {
				return err
			}
			if !verbose {
				continue
			}
			for _, part := range []struct{ name, text string }{{"sql", res.SQL}, {"generated", res.Generated}, {"want", res.Want}, {"got", res.Got}} {
				if part.text != "" {
					fmt.Fprintf(w, "  %s:\n      %s\n", part.name, strings.ReplaceAll(part.text, "\n", "\n      "))
				}
			}
		}
	}
	return nil
}

// WriteSlow writes the n cases that took longest.
func (r *Report) WriteSlow(w io.Writer, n int) error {
	list := append([]Result(nil), r.Results...)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Took > list[j].Took })
	for _, res := range list[:min(n, len(list))] {
		if _, err := fmt.Fprintf(w, "%8s  %s:%d %s\n", res.Took.Round(1e6), res.File, res.Line, res.Name); err != nil {
			return err
		}
	}
	return nil
}
