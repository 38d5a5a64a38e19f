package view

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// DBTNode is what events say of a node, as the manifest has it.
type DBTNode struct {
	UniqueID, Name, Path, File, Kind, Materialized string
	Checksum, Attached, Compiled                   string
	Database, Schema, Alias, Relation              string
	Meta                                           map[string]any
	// Label is a unit test's name behind its model's: orders::adds_up.
	Label string
	// Group is whom it belongs to, nil for nobody.
	Group map[string]any
	// Config is its configuration, each value as text: events of snapshots have it.
	Config map[string]string
}

// Info is node_info of an event.
func (n DBTNode) Info(status string, start, end time.Time) map[string]any {
	meta := n.Meta
	if meta == nil {
		meta = map[string]any{}
	}
	return map[string]any{
		"materialized": n.Materialized, "meta": meta, "node_checksum": n.Checksum, "node_name": n.Name, "node_path": n.Path,
		"node_started_at": moment(start), "node_finished_at": moment(end), "node_status": status, "resource_type": n.Kind, "unique_id": n.UniqueID,
		"node_relation": map[string]any{"alias": n.Alias, "database": n.Database, "relation_name": n.Relation, "schema": n.Schema},
	}
}

// real is a number that JSON has with a point, as Python writes it.
type real float64

// MarshalJSON writes 0 as 0.0.
func (r real) MarshalJSON() ([]byte, error) {
	s := strconv.FormatFloat(float64(r), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return []byte(s), nil
}

// moment is a time as node_info has it: in UTC, without saying so.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000")
}

// place is schema and name, as lines have them.
func (n DBTNode) place() string { return n.Schema + "." + n.Alias }

// words describe a node at its start.
func (n DBTNode) words() string {
	switch n.Kind {
	case "seed":
		return "seed file " + n.place()
	case "snapshot":
		return "snapshot " + n.place()
	case "test":
		return "test " + n.Name
	case "unit_test":
		return "unit_test " + n.Label
	}
	return "sql " + n.Materialized + " model " + n.place()
}

// DBTExposure is an exposure and what it reads.
type DBTExposure struct {
	Node    addr.Node
	Parents []addr.Node
}

// DBTRunOptions is what the view of a run in dbt's words needs to know.
type DBTRunOptions struct {
	Node        func(addr.Node) DBTNode
	Outcome     func(*run.NodeResult) artifact.Outcome
	TestOutcome func(run.TestResult, int) artifact.Outcome
	Project     string
	Target      string
	// Database and Schema are those of the target.
	Database, Schema string
	Jobs             int
	// Reused counts what is unchanged, where that is not built.
	Reused int
	// Exposures are those of a build: nothing is done for them.
	Exposures []DBTExposure
	// Frame shows diagnostics with their places, without colour.
	Frame func(diag.List) string
}

// DBTRun shows a run as dbt does.
type DBTRun struct {
	log *DBTLog
	o   DBTRunOptions

	mu       sync.Mutex
	total    int
	index    int
	numbers  map[addr.Node]int
	told     map[addr.Node]bool
	workers  map[addr.Node]int
	busy     []bool
	hooks    bool // the last line was of a hook
	begun    bool
	builds   bool // there is something besides tests
	noted    bool // exposures were told of
	bad      map[addr.Node]bool
	outcomes []artifact.Outcome // of exposures
	kinds    map[string]int
}

var _ Run = (*DBTRun)(nil)

// NewDBTRun makes the view of a plan.
func NewDBTRun(l *DBTLog, o DBTRunOptions, p *plan.Plan) *DBTRun {
	v := &DBTRun{log: l, o: o, numbers: map[addr.Node]int{}, told: map[addr.Node]bool{}, workers: map[addr.Node]int{}, kinds: map[string]int{}, bad: map[addr.Node]bool{}}
	for _, a := range p.Actions {
		v.total += len(a.Tests) + len(a.UnitTests)
		v.kinds["test"] += len(a.Tests)
		v.kinds["unit_test"] += len(a.UnitTests)
		if a.Verb == plan.Check {
			continue
		}
		v.total++
		v.builds = true
		n := o.Node(a.Node)
		if n.Kind == "model" {
			v.kinds[n.Materialized+" model"]++
		} else {
			v.kinds[n.Kind]++
		}
	}
	v.kinds["project hook"] = len(p.OnRunStart) + len(p.OnRunEnd)
	if v.total > 0 {
		v.total += len(o.Exposures)
		v.kinds["exposure"] = len(o.Exposures)
		l.Blank()
		l.Fire(DBTEvent{Name: "ConcurrencyLine", Code: "Q027", Level: "info", Msg: fmt.Sprintf("Concurrency: %d threads (target='%s')", o.Jobs, o.Target),
			Data: map[string]any{"node_count": v.total, "num_threads": o.Jobs, "target_name": o.Target}})
		l.Blank()
	}
	return v
}

// Event shows one event.
func (v *DBTRun) Event(e run.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e.Kind {
	case run.NodeStarted:
		v.apart()
		v.enter(e.Node)
		if e.Action == nil || e.Action.Verb != plan.Check {
			v.start(e.Node, e.At)
		}
	case run.NodeEnded:
		if e.Result != nil {
			v.apart()
			v.node(e)
			v.leave(e.Node)
		}
	case run.TestEnded:
		if e.Test != nil {
			v.apart()
			v.test(*e.Test, v.workers[e.Of])
		}
	case run.HookStarted, run.HookEnded:
		if e.Hook != nil {
			v.hook(*e.Hook, e.Kind == run.HookStarted)
		}
	case run.RunStarted, run.RunEnded:
	}
}

// apart parts lines of hooks from those of nodes.
func (v *DBTRun) apart() {
	if v.hooks {
		v.log.Blank()
	}
	v.hooks, v.begun = false, true
}

// enter gives an action the first worker that is free: events do not say which has it.
func (v *DBTRun) enter(id addr.Node) {
	w := slices.Index(v.busy, false)
	if w < 0 {
		w = len(v.busy)
		v.busy = append(v.busy, false)
	}
	v.busy[w], v.workers[id] = true, w
}

func (v *DBTRun) leave(id addr.Node) {
	if w, ok := v.workers[id]; ok {
		v.busy[w] = false
	}
}

func worker(n int) string { return fmt.Sprintf("Thread-%d (worker)", n+1) }

// number is the running number of a node or test.
func (v *DBTRun) number(id addr.Node) int {
	n, ok := v.numbers[id]
	if !ok {
		v.index++
		n = v.index
		v.numbers[id] = n
	}
	return n
}

// fire adds to the data of an event what events of nodes have.
func (v *DBTRun) fire(n DBTNode, e DBTEvent) {
	if n.Group != nil {
		e.Data["group"] = n.Group
	}
	v.log.Fire(e)
}

// start is the beginning of a node or test.
func (v *DBTRun) start(id addr.Node, at time.Time) {
	n := v.o.Node(id)
	i := v.number(id)
	thread := worker(v.workers[id])
	debug := func(name, code, msg, status string) {
		v.log.Fire(DBTEvent{Name: name, Code: code, Level: "debug", Msg: msg + n.UniqueID, Thread: thread, Data: map[string]any{"node_info": n.Info(status, at, time.Time{})}})
	}
	v.began(n, at, thread)
	v.fire(n, DBTEvent{Name: "LogStartLine", Code: "Q011", Level: "info", Thread: thread, Msg: v.log.Row("START "+n.words(), "RUN", i, v.total, -1, false),
		Data: map[string]any{"description": n.words(), "index": i, "total": v.total, "node_info": n.Info("started", at, time.Time{})}})
	debug("NodeCompiling", "Q030", "Began compiling node ", "compiling")
	debug("NodeExecuting", "Q031", "Began executing node ", "executing")
}

// began is the first event of everything that has a line.
func (v *DBTRun) began(n DBTNode, at time.Time, thread string) {
	v.log.Fire(DBTEvent{Name: "NodeStart", Code: "Q024", Level: "debug", Msg: "Began running node " + n.UniqueID, Thread: thread, Data: map[string]any{"node_info": n.Info("started", at, time.Time{})}})
}

// ANSI colours.
const (
	red    = 31
	green  = 32
	yellow = 33
)

func (v *DBTRun) node(e run.Event) {
	r := e.Result
	defer v.untold(r)
	if r.Verb == plan.Check {
		return
	}
	n, out := v.o.Node(r.Node), v.o.Outcome(r)
	v.bad[r.Node] = out.Status != "success"
	i, thread := v.number(r.Node), worker(v.workers[r.Node])
	if out.Status == "skipped" {
		v.skip(n, i, thread, r.Start, out)
		return
	}
	info := n.Info(out.Status, r.Start, r.End)
	ok := out.Status != "error"
	data := map[string]any{"execution_time": real(out.Seconds), "index": i, "total": v.total, "node_info": info, "status": out.Status}
	ev := DBTEvent{Level: "info", Thread: thread, Data: data, Paint: out.Message, Color: green}
	what := n.words()
	verbs := [2]string{"OK created", "ERROR creating"}
	switch n.Kind {
	case "seed":
		ev.Name, ev.Code, verbs = "LogSeedResult", "Q016", [2]string{"OK loaded", "ERROR loading"}
		data["result_message"], data["relation"], data["schema"] = out.Message, n.Alias, n.Schema
	case "snapshot":
		ev.Name, ev.Code, verbs = "LogSnapshotResult", "Q015", [2]string{"OK snapshotted", "ERROR snapshotting"}
		what = n.place()
		data["result_message"], data["description"], data["cfg"] = out.Message, what, n.Config
	default:
		ev.Name, ev.Code = "LogModelResult", "Q012"
		data["description"] = what
		if ok {
			data["status"] = out.Message
		}
	}
	verb := verbs[0]
	if !ok {
		verb, ev.Level, ev.Paint, ev.Color = verbs[1], "error", "ERROR", red
	}
	ev.Msg = v.log.Row(verb+" "+what, ev.Paint, i, v.total, out.Seconds, false)
	v.fire(n, ev)
	v.finished(n, out, info, thread)
}

// untold tells of tests that no event was about: those that were skipped with their node.
func (v *DBTRun) untold(r *run.NodeResult) {
	for _, t := range r.Tests {
		if !v.told[t.ID] && (t.Status == run.Skipped || t.Status == run.Canceled) {
			v.test(t, v.workers[r.Node])
		}
	}
}

func (v *DBTRun) test(t run.TestResult, on int) {
	v.told[t.ID] = true
	v.workers[t.ID] = on
	n, out := v.o.Node(t.ID), v.o.TestOutcome(t, on)
	thread := worker(on)
	if out.Status == "skipped" {
		v.skip(n, v.number(t.ID), thread, t.Start, out)
		return
	}
	v.start(t.ID, t.Start)
	i := v.number(t.ID)
	name := n.Name
	if n.Kind == "unit_test" {
		name = n.Label
	}
	info := n.Info(out.Status, t.Start, t.End)
	word, level, color := "PASS", "info", green
	switch out.Status {
	case "warn":
		word, level, color = fmt.Sprintf("WARN %d", out.Failures), "warn", yellow
	case "fail":
		word, level, color = fmt.Sprintf("FAIL %d", out.Failures), "error", red
	case "error":
		word, level, color = "ERROR", "error", red
	}
	v.fire(n, DBTEvent{Name: "LogTestResult", Code: "Q007", Level: level, Thread: thread, Paint: word, Color: color,
		Msg: v.log.Row(word+" "+name, word, i, v.total, out.Seconds, false),
		Data: map[string]any{"attached_node": n.Attached, "execution_time": real(out.Seconds), "index": i, "name": name, "node_info": info, "num_failures": out.Failures,
			"num_models": v.total, "status": out.Status}})
	v.finished(n, out, info, thread)
}

// skip tells of what is not done because something else went wrong.
func (v *DBTRun) skip(n DBTNode, i int, thread string, at time.Time, out artifact.Outcome) {
	what := "relation " + n.place()
	if n.Kind == "test" || n.Kind == "unit_test" || n.Kind == "exposure" {
		what = n.Kind + " " + n.Name
	}
	info := n.Info("skipped", at, time.Time{})
	v.began(n, at, thread)
	v.fire(n, DBTEvent{Name: "SkippingDetails", Code: "Q034", Level: "info", Thread: thread, Paint: "SKIP", Color: yellow,
		Msg:  v.log.Row("SKIP "+what, "SKIP", i, v.total, -1, false),
		Data: map[string]any{"index": i, "total": v.total, "node_info": info, "node_name": n.Name, "resource_type": n.Kind, "schema": n.Schema}})
	v.finished(n, out, info, thread)
}

// finished is what programs wait for: a node or test that is done with.
func (v *DBTRun) finished(n DBTNode, out artifact.Outcome, info map[string]any, thread string) {
	result := result(out)
	v.log.Fire(DBTEvent{Name: "NodeFinished", Code: "Q025", Level: "debug", Msg: "Finished running node " + n.UniqueID, Thread: thread,
		Data: map[string]any{"node_info": info, "run_result": result}})
	if v.builds && slices.Contains([]string{"error", "fail", "skipped"}, out.Status) {
		msg := fmt.Sprintf("Marking all children of '%s' to be skipped because of status '%s'. ", n.UniqueID, out.Status)
		if out.Message != "" {
			msg += " Reason: " + out.Message + "."
		}
		v.log.Fire(DBTEvent{Name: "MarkSkippedChildren", Code: "Z033", Level: "debug", Msg: msg, Data: map[string]any{"run_result": result, "status": out.Status, "unique_id": n.UniqueID}})
	}
}

// result is a line of run_results.json as events have it.
func result(out artifact.Outcome) map[string]any {
	timing := out.Phases
	if timing == nil {
		timing = []map[string]string{}
	}
	response := out.Response
	if response == nil {
		response = map[string]any{}
	}
	return map[string]any{"adapter_response": response, "execution_time": real(out.Seconds), "message": out.Message, "num_failures": out.Failures, "status": out.Status,
		"thread": out.Thread, "timing_info": timing}
}

// hook is a statement of on-run-start or on-run-end.
func (v *DBTRun) hook(h run.HookResult, start bool) {
	if h.When == run.OnRunEnd {
		v.expose(h.Start)
	}
	if !v.hooks && v.begun {
		v.log.Blank()
	}
	v.hooks, v.begun = true, true
	statement := fmt.Sprintf("%s.%s.%d", v.o.Project, h.When, h.Index)
	name := strings.ReplaceAll(statement, ".", "-")
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(h.SQL), " ")))
	n := DBTNode{UniqueID: "operation." + v.o.Project + "." + name, Name: name, Path: "hooks/" + name + ".sql", Kind: "operation", Materialized: "view", Alias: name,
		Database: v.o.Database, Schema: v.o.Schema, Checksum: hex.EncodeToString(sum[:])}
	data := map[string]any{"index": h.Index + 1, "total": h.Total, "statement": statement}
	if start {
		data["node_info"] = n.Info("started", h.Start, time.Time{})
		v.log.Fire(DBTEvent{Name: "LogHookStartLine", Code: "Q032", Level: "info", Data: data, Msg: v.log.Row("START hook: "+statement, "RUN", h.Index+1, h.Total, -1, true)})
		return
	}
	word, status, color := "OK", "success", green
	switch h.Status {
	case run.Skipped:
		word, status, color = "SKIP", "skipped", yellow
	case run.Errored, run.Failed, run.Canceled:
		word, status, color = "ERROR", "error", red
	}
	took := h.End.Sub(h.Start).Seconds()
	data["status"], data["execution_time"], data["node_info"] = status, real(took), n.Info(status, h.Start, h.End)
	v.log.Fire(DBTEvent{Name: "LogHookEndLine", Code: "Q033", Level: "info", Data: data, Paint: word, Color: color,
		Msg: v.log.Row(word+" hook: "+statement, word, h.Index+1, h.Total, took, true)})
}

// expose tells of the exposures, once: nothing is done for them, and for what reads something
// that failed not even that.
func (v *DBTRun) expose(at time.Time) {
	if v.noted {
		return
	}
	v.noted = true
	for _, e := range v.o.Exposures {
		n, i := v.o.Node(e.Node), v.number(e.Node)
		thread := worker(0)
		info := n.Info("no-op", at, at)
		out := artifact.Outcome{Status: "no-op", Message: "NO-OP", Thread: thread}
		if slices.ContainsFunc(e.Parents, func(p addr.Node) bool { return v.bad[p] }) {
			out = artifact.Outcome{Status: "skipped", Thread: thread}
			v.outcomes = append(v.outcomes, out)
			v.skip(n, i, thread, at, out)
			continue
		}
		v.outcomes = append(v.outcomes, out)
		v.began(n, at, thread)
		data := func(status string) map[string]any {
			return map[string]any{"node_info": n.Info(status, at, time.Time{})}
		}
		v.log.Fire(DBTEvent{Name: "NodeCompiling", Code: "Q030", Level: "debug", Msg: "Began compiling node " + n.UniqueID, Thread: thread, Data: data("compiling")})
		v.log.Fire(DBTEvent{Name: "NodeExecuting", Code: "Q031", Level: "debug", Msg: "Began executing node " + n.UniqueID, Thread: thread, Data: data("executing")})
		v.log.Fire(DBTEvent{Name: "LogNodeNoOpResult", Code: "Q019", Level: "info", Thread: thread, Paint: "NO-OP", Color: yellow, Msg: v.log.Row("NO-OP exposure "+n.Name, "NO-OP", i, v.total, 0, false),
			Data: map[string]any{"description": "exposure " + n.Name, "execution_time": real(0), "index": i, "total": v.total, "status": "", "node_info": info}})
		v.finished(n, out, info, thread)
	}
}

// Tick does nothing: lines are not redrawn.
func (v *DBTRun) Tick() {}

// Abandon does nothing: the command reports why there is no outcome.
func (v *DBTRun) Abandon() {}

// Note shows a word of the program.
func (v *DBTRun) Note(text string) { v.log.Note(text) }

// Note shows a word of the program.
func (l *DBTLog) Note(text string) {
	l.Fire(DBTEvent{Name: "Note", Code: "Z050", Level: "info", Msg: text, Data: map[string]any{"msg": text}})
}

// trouble is one outcome that the end of a run says more about.
type trouble struct {
	node    DBTNode
	out     artifact.Outcome
	details string
	stored  string
}

// EmptyResult is dbt's result of a command that there was nothing to do for.
func EmptyResult(at time.Time) DBTEvent {
	return DBTEvent{Name: "EndRunResult", Code: "Q037", Level: "debug", Msg: "Command end result",
		Data: map[string]any{"elapsed_time": real(0), "generated_at": at.UTC().Format("2006-01-02T15:04:05Z"), "results": []map[string]any{}, "success": true}}
}

// Finish shows the end of a run: what failed, and the line that counts.
func (v *DBTRun) Finish(r *run.Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.total == 0 && len(r.Hooks) == 0 {
		v.log.Fire(DBTEvent{Tagged: true, Name: "NothingToDo", Code: "Q035", Level: "warn", Msg: "Nothing to do. Try checking your model configs and model specification args"})
		v.log.Fire(EmptyResult(r.End))
		v.diags(r)
		return
	}
	stats := map[string]int{"error": 0, "noop": 0, "pass": 0, "skip": 0, "warn": 0, "reused": v.o.Reused, "total": v.o.Reused}
	var failed, warned []trouble
	results := []map[string]any{}
	count := func(n DBTNode, out artifact.Outcome, details, stored string) {
		results = append(results, result(out))
		stats["total"]++
		switch out.Status {
		case "success", "pass":
			stats["pass"]++
		case "skipped":
			stats["skip"]++
		case "warn":
			stats["warn"]++
			warned = append(warned, trouble{n, out, details, stored})
		default:
			stats["error"]++
			failed = append(failed, trouble{n, out, details, stored})
		}
	}
	for _, n := range r.Nodes {
		if n.Verb != plan.Check || n.Status == run.Errored {
			count(v.o.Node(n.Node), v.o.Outcome(n), v.o.Frame(n.Diags), "")
		}
		for _, t := range n.Tests {
			stored := ""
			if !t.Stored.IsZero() {
				stored = t.Stored.String()
			}
			count(v.o.Node(t.ID), v.o.TestOutcome(t, n.Worker), v.o.Frame(t.Diags), stored)
		}
	}
	v.expose(r.End)
	for _, out := range v.outcomes {
		results = append(results, result(out))
		stats["total"]++
		if out.Status == "skipped" {
			stats["skip"]++
		} else {
			stats["noop"]++
		}
	}
	for _, h := range r.Hooks {
		stats["total"]++
		switch h.Status {
		case run.Done:
			stats["pass"]++
		case run.Skipped:
			stats["skip"]++
		default:
			stats["error"]++
		}
	}
	v.summary(r, failed, warned, stats, results)
}

func (v *DBTRun) summary(r *run.Result, failed, warned []trouble, stats map[string]int, results []map[string]any) {
	took := r.End.Sub(r.Start).Seconds()
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(v.kinds)) {
		if n := v.kinds[kind]; n > 0 {
			word := strings.ReplaceAll(kind, "_", " ")
			if kind == "test" {
				word = "data test"
			}
			parts = append(parts, Counted(n, word))
		}
	}
	line := strings.Join(parts, ", ")
	v.log.Blank()
	v.log.Fire(DBTEvent{Name: "FinishedRunningStats", Code: "E047", Level: "info", Msg: fmt.Sprintf("Finished running %s%s (%.2fs).", line, Took(took), took),
		Data: map[string]any{"execution": Took(took), "execution_time": real(took), "stat_line": line}})
	v.log.Fire(DBTEvent{Name: "EndRunResult", Code: "Q037", Level: "debug", Msg: "Command end result",
		Data: map[string]any{"elapsed_time": real(took), "generated_at": r.End.UTC().Format("2006-01-02T15:04:05Z"), "results": results, "success": r.OK()}})
	hooks := 0
	for _, h := range r.Hooks {
		if h.Status == run.Errored {
			hooks++
		}
	}
	errors := len(failed) + hooks
	summary, color := "Completed successfully", green
	switch {
	case r.Canceled:
		summary, color = "Exited because of keyboard interrupt", yellow
	case errors > 0:
		summary, color = fmt.Sprintf("Completed with %s, 0 partial successes, and %s:", Counted(errors, "error"), Counted(len(warned), "warning")), red
	case len(warned) > 0:
		summary, color = fmt.Sprintf("Completed with %s:", Counted(len(warned), "warning")), yellow
	}
	v.log.Blank()
	v.log.Fire(DBTEvent{Name: "EndOfRunSummary", Code: "Z030", Level: "info", Msg: summary, Paint: summary, Color: color,
		Data: map[string]any{"keyboard_interrupt": r.Canceled, "num_errors": errors, "num_partial_success": 0, "num_warnings": len(warned)}})
	for _, t := range failed {
		v.explain(t, false)
	}
	for _, h := range r.Hooks {
		if h.Status == run.Errored {
			v.log.Blank()
			v.log.Fire(DBTEvent{Name: "RunResultError", Code: "Z024", Level: "error", Msg: "  " + h.Message, Data: map[string]any{"msg": h.Message}})
		}
	}
	for _, t := range warned {
		v.explain(t, true)
	}
	v.diags(r)
	v.log.Blank()
	v.log.Fire(DBTEvent{Name: "StatsLine", Code: "Z023", Level: "info", Data: map[string]any{"stats": stats},
		Msg: fmt.Sprintf("Done. PASS=%d WARN=%d ERROR=%d SKIP=%d NO-OP=%d REUSED=%d TOTAL=%d", stats["pass"], stats["warn"], stats["error"], stats["skip"], stats["noop"], stats["reused"], stats["total"])})
}

// diags shows trouble outside any node that hooks have not told of.
func (v *DBTRun) diags(r *run.Result) {
	for _, d := range r.Diags {
		if slices.ContainsFunc(r.Hooks, func(h run.HookResult) bool { return h.Message == d.Message }) {
			continue
		}
		level := "warn"
		if d.Severity == diag.Error || d.Severity == diag.Internal {
			level = "error"
		}
		text := v.o.Frame(diag.List{d})
		v.log.Fire(DBTEvent{Name: "RunResultError", Code: "Z024", Level: level, Msg: text, Data: map[string]any{"msg": text}})
	}
}

// explain says why something failed or warned, and where its SQL is.
func (v *DBTRun) explain(t trouble, warning bool) {
	n := t.node
	info := n.Info("None", time.Time{}, time.Time{})
	v.log.Blank()
	name, code, level := "RunResultFailure", "Z022", "error"
	if warning {
		name, code, level = "RunResultWarning", "Z021", "warn"
	}
	v.fire(n, DBTEvent{Name: name, Code: code, Level: level, Msg: fmt.Sprintf("in %s %s (%s)", n.Kind, n.Name, n.File), Tagged: true,
		Data: map[string]any{"node_name": n.Name, "path": n.File, "resource_type": n.Kind, "node_info": info}})
	msg := t.out.Message
	if t.out.Status == "error" && t.details != "" {
		msg = fmt.Sprintf("Database Error in %s %s (%s)\n%s", n.Kind, n.Name, n.File, indented(t.details))
	}
	switch {
	case msg == "":
		v.log.Fire(DBTEvent{Name: "RunResultErrorNoMessage", Code: "Z025", Level: "error", Msg: "  Status: " + t.out.Status, Data: map[string]any{"status": t.out.Status, "node_info": info}})
	case warning:
		v.log.Fire(DBTEvent{Name: "RunResultWarningMessage", Code: "Z046", Level: "warn", Msg: msg, Tagged: true, Data: map[string]any{"msg": msg, "node_info": info}})
	default:
		v.fire(n, DBTEvent{Name: "RunResultError", Code: "Z024", Level: "error", Msg: "  " + msg, Data: map[string]any{"msg": msg, "node_info": info}})
	}
	if n.Compiled != "" {
		v.log.Blank()
		v.log.Fire(DBTEvent{Name: "SQLCompiledPath", Code: "Z026", Level: "info", Msg: "  compiled code at " + n.Compiled, Data: map[string]any{"path": n.Compiled, "node_info": info}})
	}
	if t.stored != "" {
		query := "select * from " + t.stored
		border := strings.Repeat("-", len(query))
		v.log.Blank()
		v.log.Fire(DBTEvent{Name: "CheckNodeTestFailure", Code: "Z027", Level: "info", Msg: "  See test failures:\n  " + border + "\n  " + query + "\n  " + border,
			Data: map[string]any{"relation_name": t.stored, "node_info": info}})
	}
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
