package view

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Classname string        `xml:"classname,attr"`
	File      string        `xml:"file,attr,omitempty"`
	Line      int           `xml:"line,attr,omitempty"`
	Time      string        `xml:"time,attr"`
	Failure   *junitTrouble `xml:"failure"`
	Error     *junitTrouble `xml:"error"`
	Skipped   *junitTrouble `xml:"skipped"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitTrouble struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit is a finished run in the XML that CI servers read: one suite of what was built, one
// of its tests. What was kept is not in it. Characters that XML cannot have are replaced.
func JUnit(r *run.Result) ([]byte, error) {
	build, tests := junitSuite{Name: "build"}, junitSuite{Name: "tests"}
	for _, n := range r.Nodes {
		if n.Verb != "check" {
			build.add(n.Node.Name, string(n.Node.Kind), n.Status, n.Because, n.Start, n.End, n.Diags, false)
		}
		for _, t := range n.Tests {
			tests.add(t.ID.Name, n.Node.Name, t.Status, t.Because, t.Start, t.End, t.Diags, true)
		}
	}
	for _, d := range r.Diags {
		build.add(string(d.Code), "run", run.Errored, addr.Node{}, time.Time{}, time.Time{}, diag.List{d}, false)
	}
	all := junitSuites{Name: r.Plan.Project, Time: junitTime(r.End.Sub(r.Start))}
	for _, s := range []junitSuite{build, tests} {
		s.Tests = len(s.Cases)
		s.Time, s.Timestamp = junitTime(r.End.Sub(r.Start)), r.Start.UTC().Format("2006-01-02T15:04:05")
		all.Suites = append(all.Suites, s)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	e := xml.NewEncoder(&out)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return nil, fmt.Errorf("encode junit: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (s *junitSuite) add(name, class string, status run.Status, because addr.Node, start, end time.Time, ds diag.List, isTest bool) {
	c := junitCase{Name: name, Classname: class, Time: junitTime(end.Sub(start))}
	var lines []string
	message := ""
	for _, d := range ds {
		if message == "" {
			message = d.Message
		}
		if c.File == "" && d.At.File != nil {
			c.File, c.Line = d.At.File.Path, d.At.Position().Line
		}
		lines = append(lines, d.Line())
		lines = append(lines, d.Notes...)
		if d.Help != "" {
			lines = append(lines, "help: "+d.Help)
		}
	}
	trouble := &junitTrouble{Message: message, Type: string(status), Text: strings.Join(lines, "\n")}
	switch status {
	case run.Failed:
		c.Failure = trouble
		if !isTest && message == "" {
			trouble.Message = "its tests failed, so it was not published"
		}
		s.Failures++
	case run.Errored:
		c.Error = trouble
		s.Errors++
	case run.Skipped, run.Canceled, run.Unpublished:
		if trouble.Message == "" && !because.IsZero() {
			trouble.Message = "because of " + because.Name
		}
		trouble.Type = ""
		c.Skipped = trouble
		s.Skipped++
	default:
		c.Out = strings.Join(lines, "\n")
	}
	s.Cases = append(s.Cases, c)
}

// junitTime is a duration in seconds.
func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", max(d, 0).Seconds()) }
