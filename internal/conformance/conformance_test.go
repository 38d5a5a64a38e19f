package conformance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asWorker makes the test binary a worker process of TestOutside.
var asWorker = flag.Bool("conformance.worker", false, "serve as a worker process")

func TestMain(m *testing.M) {
	flag.Parse()
	if *asWorker {
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func pool() *Pool {
	return &Pool{Command: Self("-conformance.worker"), Workers: runtime.NumCPU(), Patience: time.Minute, Lifetime: 40}
}

// runAll runs the suites of a folder on a target.
func runAll(t *testing.T, dir, target string) *Report {
	t.Helper()
	files, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []Job
	for _, f := range files {
		jobs = append(jobs, Job{Dir: dir, Path: f.Path, Target: target})
	}
	r := &Report{Target: target}
	if err := pool().Run(t.Context(), jobs, func(res Result) { r.Results = append(r.Results, res) }); err != nil {
		t.Fatal(err)
	}
	r.Sort()
	return r
}

// Every shape of a case ends in the verdict it should.
func TestSample(t *testing.T) {
	dir, err := filepath.Abs("testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Verdict{
		"column_that_is_left_out": Excluded, "feature_that_is_left_out": Excluded, "unstable": Excluded, "geography": Excluded,
		"not_this_value": Wrong, "not_an_error": Wrong,
		"a script": Passed,
	}
	r := runAll(t, dir, "duckdb")
	if len(r.Results) == 0 {
		t.Fatal("no case ran")
	}
	for _, res := range r.Results {
		v, ok := want[res.Name]
		if !ok {
			v = Passed
		}
		if res.Verdict != v {
			t.Errorf("%s:%d %s: %s (%s), want %s\n%s\ngot %s", res.File, res.Line, res.Name, res.Verdict, res.Reason, v, res.Generated, res.Got)
		}
	}
}

// A case that kills its worker is noted, and the cases after it run.
func TestPoolSurvivesCrash(t *testing.T) {
	dir := t.TempDir()
	text := "[name=a]\nSELECT 1\n--\nARRAY<STRUCT<INT64>>[{1}]\n==\n[name=b]\nSELECT 2\n--\nARRAY<STRUCT<INT64>>[{2}]\n==\n[name=c]\nSELECT 3\n--\nARRAY<STRUCT<INT64>>[{3}]\n"
	if err := os.WriteFile(filepath.Join(dir, "x.test"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	// A worker in shell: it dies in the second case and says nothing of the third.
	script := `read job; case "$job" in
*'"from":0'*) echo '{"start":0}'; echo '{"index":0,"result":{"name":"a","verdict":"passed"}}'; echo '{"start":1}'; echo 'panic: boom' >&2; exit 2;;
*) echo '{"start":2}'; echo '{"index":2,"result":{"name":"c","verdict":"passed"}}'; echo '{"end":true}'; read rest;;
esac`
	p := &Pool{Command: shell(script), Workers: 1, Patience: time.Minute}
	got := map[string]string{}
	err := p.Run(t.Context(), []Job{{Dir: dir, Path: "x.test", Target: "duckdb"}}, func(r Result) { got[r.Name] = string(r.Verdict) + " " + r.Reason })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "passed ", "b": "failed crash: panic: boom", "c": "passed "}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

// outside is the folder of the suites, beside the repository.
const outside = "../../../shared/conformance"

// No file of the outside suites passes fewer cases, or gives more wrong results, than the
// baseline says.
func TestOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("the suites take minutes")
	}
	dir, err := filepath.Abs(outside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("needs the conformance data beside the repository, see docs/conformance.md")
	}
	r := runAll(t, dir, "duckdb")
	var b strings.Builder
	if err := r.WriteSuites(&b); err != nil {
		t.Fatal(err)
	}
	t.Log(b.String())
	if err := CheckBaseline("testdata/baseline.json", []*Report{r}); err != nil {
		t.Error(err)
	}
}

// All files of the outside suites are read, every expected value included.
func TestOutsideParses(t *testing.T) {
	if _, err := os.Stat(outside); err != nil {
		t.Skip("needs the conformance data beside the repository, see docs/conformance.md")
	}
	files, err := Load(outside)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, p := range f.Prepare {
			if strings.HasPrefix(p.Want, "ARRAY<") {
				if _, err := ParseValue(p.Want); err != nil {
					t.Errorf("%s:%d: %v", f.Path, p.Line, err)
				}
			}
		}
		for _, c := range f.Cases {
			if c.Name == "" {
				t.Errorf("%s:%d: a case without a name", f.Path, c.Line)
			}
			if c.Want.Error != "" || c.External {
				continue
			}
			if _, err := ParseValue(c.Want.Text); err != nil {
				t.Errorf("%s:%d %s: %v", f.Path, c.Line, c.Name, err)
			}
		}
	}
}

func TestBaseline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "baseline.json")
	report := func(verdicts ...Verdict) []*Report {
		r := &Report{Target: "duckdb"}
		for _, v := range verdicts {
			r.Results = append(r.Results, Result{Suite: "googlesql", File: "a.test", Verdict: v})
		}
		return []*Report{r}
	}
	if err := WriteBaseline(path, report(Passed, Passed, Refused)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		now  []*Report
		ok   bool
	}{
		{"same", report(Passed, Passed, Refused), true},
		{"better", report(Passed, Passed, Passed), true},
		{"fewer passed", report(Passed, Refused, Refused), false},
		{"more wrong", report(Passed, Passed, Wrong), false},
		{"not run", []*Report{{Target: "duckdb"}}, true},
		{"another target", []*Report{{Target: "postgres", Results: report(Wrong)[0].Results}}, true},
	} {
		if err := CheckBaseline(path, tt.now); (err == nil) != tt.ok {
			t.Errorf("%s: CheckBaseline = %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

// shell is a command that runs a script.
func shell(script string) func() *exec.Cmd {
	return func() *exec.Cmd { return exec.Command("sh", "-c", script) }
}
