package artifact

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

type timing struct {
	Name        string  `json:"name"`
	StartedAt   *string `json:"started_at"`
	CompletedAt *string `json:"completed_at"`
}

type result struct {
	Status          string         `json:"status"`
	Timing          []timing       `json:"timing"`
	ThreadID        string         `json:"thread_id"`
	ExecutionTime   float64        `json:"execution_time"`
	AdapterResponse map[string]any `json:"adapter_response"`
	Message         *string        `json:"message"`
	Failures        *int64         `json:"failures"`
	UniqueID        string         `json:"unique_id"`
	Compiled        *bool          `json:"compiled"`
	CompiledCode    *string        `json:"compiled_code"`
	RelationName    *string        `json:"relation_name"`
	BatchResults    any            `json:"batch_results"`

	relation addr.Relation // of RelationName
}

// RunResults writes run_results.json (v6) of a run: one line per selected node and test, those
// that failed, were skipped or needed nothing included, in the order of the plan; what needed
// nothing comes after what ran, by id. exposures are the selected ones.
func RunResults(out io.Writer, r *run.Result, p *compile.Program, selected plan.Selection, exposures []addr.Node, m Meta) error {
	results := resultRows(r, p)
	ended := len(results)
	for ended > 0 && strings.HasPrefix(results[ended-1].UniqueID, "operation.") {
		ended--
	}
	if !r.Canceled {
		results = slices.Insert(results, ended, unchanged(results[:ended], r, p, selected, exposures)...)
	}
	for i := range results {
		if !results[i].relation.IsZero() {
			results[i].RelationName = text(m.quote(p, results[i].relation))
		}
	}
	args := map[string]any{"which": "build", "select": []string{}, "exclude": []string{}, "vars": struct{}{}, "project_dir": p.Project.Dir, "profiles_dir": p.Project.Dir}
	maps.Copy(args, m.Args)
	return file(out, func(o *object) {
		o.put("metadata", m.header("run-results/v6"))
		o.list("results", len(results), func(i int) any { return results[i] })
		o.put("elapsed_time", r.End.Sub(r.Start).Seconds())
		o.put("args", args)
	})
}

// unchanged are the lines of what was selected and needed nothing: what the build found in place
// is as if it had been built, and tests are as they were when they last looked at it.
func unchanged(ran []result, r *run.Result, p *compile.Program, selected plan.Selection, exposures []addr.Node) []result {
	told := make(map[string]bool, len(ran))
	for i := range ran {
		told[ran[i].UniqueID] = true
	}
	warned := map[addr.Node]int64{}
	if r.Plan != nil {
		for _, w := range r.Plan.Warnings {
			warned[w.Test] = w.Failures
		}
	}
	var out []result
	add := func(id addr.Node, line result) {
		line.UniqueID = UniqueID(p, id)
		if told[line.UniqueID] {
			return
		}
		line.Timing, line.ThreadID, line.AdapterResponse = []timing{}, thread(0), map[string]any{}
		out = append(out, line)
	}
	yes := true
	for _, id := range p.Order {
		n := p.Nodes[id]
		if selected.TestsOnly || !selected.Nodes[id] || id.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
			continue
		}
		line := result{Status: "success", Message: text("unchanged")}
		if id.Kind != addr.Seed {
			line.Compiled, line.CompiledCode, line.relation = &yes, text(n.SQL), n.Relation
		}
		add(id, line)
	}
	test := func(id addr.Node, sql string) {
		if !selected.Tests[id] {
			return
		}
		failures := warned[id]
		line := result{Status: "pass", Failures: &failures, Compiled: &yes, CompiledCode: text(sql)}
		if _, found := warned[id]; found {
			line.Status = "warn"
			line.Message = text(fmt.Sprintf("Got %s, configured to warn if %s", count(failures, "result"), limitOf(p, run.TestResult{ID: id}, "warn")))
		}
		add(id, line)
	}
	w := &writer{p: p}
	for _, t := range p.Tests {
		test(t.ID, w.testSQL(t))
	}
	for _, u := range p.UnitTests {
		test(u.ID, u.SQL)
	}
	for _, e := range exposures {
		var none int64
		add(e, result{Status: "no-op", Message: text("NO-OP"), Failures: &none})
	}
	return out
}

func nodeResult(p *compile.Program, n *run.NodeResult) result {
	out := result{
		Status:          nodeStatus(n.Status),
		Timing:          timings(n.Start, n.End),
		ThreadID:        thread(n.Worker),
		ExecutionTime:   seconds(n.Start, n.End),
		AdapterResponse: response(n),
		Message:         text(nodeMessage(n)),
		UniqueID:        UniqueID(p, n.Node),
	}
	if node := p.Nodes[n.Node]; node != nil && n.Node.Kind != addr.Seed {
		yes := true
		out.Compiled, out.CompiledCode = &yes, text(node.SQL)
		out.relation = node.Relation
		out.RelationName = text(p.Target.Dialect.Quote(node.Relation))
	}
	return out
}

// nodeStatus uses the three words that every reader knows. A node whose tests failed was
// not published: for readers that is an error of the node.
func nodeStatus(s run.Status) string {
	switch s {
	case run.Skipped, run.Canceled, run.Unpublished:
		return "skipped"
	case run.Failed, run.Errored:
		return "error"
	}
	return "success"
}

func nodeMessage(n *run.NodeResult) string {
	switch {
	case n.Status == run.Skipped && !n.Because.IsZero():
		return "skipped, because " + n.Because.Name
	case n.Status == run.Unpublished:
		return "built, not published: " + becauseOf(n)
	case n.Status == run.Canceled:
		return "canceled"
	case n.Status == run.Failed && n.Message == "":
		return "not published: its tests failed"
	case len(n.Diags) > 0 && n.Status.Bad():
		return n.Diags[0].Message
	case n.Message == "":
		return "OK"
	}
	return n.Message
}

// becauseOf is why something that was built is not published.
func becauseOf(n *run.NodeResult) string {
	switch {
	case !n.Because.IsZero():
		return "because of " + n.Because.Name
	case n.Message != "":
		return n.Message
	}
	return "the publication was refused"
}

// response is dbt's adapter_response: a message, and what the warehouse said of its jobs in
// the words of dbt-bigquery. retries is an addition.
func response(n *run.NodeResult) map[string]any {
	out := map[string]any{}
	if n.Status == run.Skipped || n.Status == run.Canceled || n.Status == run.Unpublished {
		return out
	}
	out["_message"] = nodeMessage(n)
	if n.Status == run.Done {
		if n.Rows >= 0 {
			out["rows_affected"] = n.Rows
		}
		if n.Usage.Known() && n.Command != "" {
			out["code"] = n.Command
			if n.Message == "" {
				out["_message"] = jobMessage(n)
			}
		}
	}
	usage(out, n.Usage, n.Job)
	return out
}

// jobMessage is dbt-bigquery's: «CREATE TABLE (12.0 rows, 1.2 GiB processed)».
func jobMessage(n *run.NodeResult) string {
	var figures []string
	if n.Rows >= 0 {
		figures = append(figures, dbtNumber(n.Rows)+" rows")
	}
	return n.Command + " (" + strings.Join(append(figures, warehouse.FormatSize(n.Usage.Bytes)+" processed"), ", ") + ")"
}

// dbtNumber is dbt-bigquery's format_rows_number: 12.0, 1.2k, 3.4m.
func dbtNumber(n int64) string {
	v := float64(n)
	for _, unit := range []string{"", "k", "m", "b"} {
		if math.Abs(v) < 1000 {
			return strconv.FormatFloat(v, 'f', 1, 64) + unit
		}
		v /= 1000
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + "t"
}

// usage adds what is known of the jobs behind a result; job is the one that made the rows.
func usage(out map[string]any, u run.Usage, job string) {
	if u.Known() {
		out["bytes_processed"], out["bytes_billed"], out["slot_ms"] = u.Bytes, u.Billed, u.SlotMillis
	}
	if job == "" && len(u.Jobs) > 0 {
		job = u.Jobs[len(u.Jobs)-1]
	}
	for key, value := range map[string]string{"job_id": job, "project_id": u.Project, "location": u.Location} {
		if value != "" {
			out[key] = value
		}
	}
	if len(u.Retries) == 0 {
		return
	}
	retries := make([]any, len(u.Retries))
	for i, r := range u.Retries {
		retries[i] = map[string]any{"at": zulu(r.At), "reason": r.Reason, "wait_seconds": r.Wait.Seconds(), "resubmitted": r.Resubmitted}
	}
	out["retries"] = retries
}

func testResult(p *compile.Program, t run.TestResult, worker int) result {
	out := result{
		Timing:          timings(t.Start, t.End),
		ThreadID:        thread(worker),
		ExecutionTime:   seconds(t.Start, t.End),
		AdapterResponse: map[string]any{},
		UniqueID:        UniqueID(p, t.ID),
		CompiledCode:    text(t.SQL),
	}
	compiled := t.SQL != ""
	out.Compiled = &compiled
	if !t.Stored.IsZero() {
		out.relation = t.Stored
		out.RelationName = text(p.Target.Dialect.Quote(t.Stored))
	}
	switch t.Status {
	case run.Warned:
		out.Status = "warn"
	case run.Failed:
		out.Status = "fail"
	case run.Errored:
		out.Status = "error"
	case run.Skipped, run.Canceled:
		out.Status = "skipped"
	default:
		out.Status = "pass"
	}
	usage(out.AdapterResponse, t.Usage, "")
	switch out.Status {
	case "warn", "fail":
		out.Message = text(fmt.Sprintf("Got %s, configured to %s if %s", count(t.Failures, "result"), out.Status, limitOf(p, t, out.Status)))
		out.Failures = &t.Failures
	case "pass":
		out.Failures = &t.Failures
		out.AdapterResponse["_message"] = "OK"
	case "error":
		if len(t.Diags) > 0 {
			out.Message = text(t.Diags[0].Message)
		}
	case "skipped":
		if !t.Because.IsZero() {
			out.Message = text("skipped, because " + t.Because.Name)
		}
	}
	return out
}

func limitOf(p *compile.Program, t run.TestResult, status string) string {
	limit := ""
	if test := testOf(p, t.ID); test != nil && t.ID.Kind == addr.Test {
		limit = test.Config.ErrorIf
		if status == "warn" {
			limit = test.Config.WarnIf
		}
	}
	return orElse(limit, "!= 0")
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// timings has dbt's two phases. The engine compiles before it runs anything, so the first
// one takes no time of the node's.
func timings(start, end time.Time) []timing {
	if start.IsZero() {
		return []timing{}
	}
	from, to := zulu(start), zulu(end)
	return []timing{{Name: "compile", StartedAt: &from, CompletedAt: &from}, {Name: "execute", StartedAt: &from, CompletedAt: &to}}
}

func seconds(start, end time.Time) float64 {
	if start.IsZero() || end.Before(start) {
		return 0
	}
	return end.Sub(start).Seconds()
}

func thread(worker int) string { return fmt.Sprintf("Thread-%d (worker)", worker+1) }

// Previous is what a run_results.json says about the run that wrote it.
type Previous struct {
	Args    map[string]any `json:"args"`
	Results []PreviousLine `json:"results"`
}

// PreviousLine is the outcome of one node or test.
type PreviousLine struct {
	UniqueID string `json:"unique_id"`
	Status   string `json:"status"`
}

// ReadRunResults reads the file that RunResults made, or one of dbt's.
func ReadRunResults(path string) (*Previous, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read run results: %w", err)
	}
	var out Previous
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("read run results %s: %w", path, err)
	}
	return &out, nil
}

// Unfinished lists the unique ids that a retry runs again: what failed, what went wrong
// and what was skipped because of it.
func (p *Previous) Unfinished() []string {
	var out []string
	for _, r := range p.Results {
		switch r.Status {
		case "error", "fail", "skipped", "runtime error", "partial success":
			out = append(out, r.UniqueID)
		}
	}
	return out
}
