package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// explained says why a node would be built, or why it is left as it is.
type explained struct {
	Node         string `json:"node"`
	Path         string `json:"path,omitempty"`
	Relation     string `json:"relation"`
	Materialized string `json:"materialized"`
	// Verdict is «unchanged», «built», or «depends»: it is built unless what it reads comes out
	// as it was.
	Verdict string       `json:"verdict"`
	Verb    plan.Verb    `json:"verb,omitempty"`
	Reasons []string     `json:"reasons"`
	Causes  []plan.Cause `json:"causes"`
	// Change is what differs in its definition; absent if that is the same.
	Change *plan.Change     `json:"change,omitempty"`
	Reads  []explainedInput `json:"reads"`
	// Calls are functions whose value changes from call to call, Volatile the policy.
	Calls     []string        `json:"calls,omitempty"`
	Volatile  string          `json:"volatile,omitempty"`
	Ambiguous []string        `json:"ambiguous,omitempty"`
	Opaque    string          `json:"opaque,omitempty"`
	Last      *explainedBuild `json:"last,omitempty"`
}

// explainedInput is a node that is read.
type explainedInput struct {
	Node string `json:"node"`
	// Columns are those that are read; All: whatever columns there are.
	Columns []string `json:"columns"`
	All     bool     `json:"all,omitempty"`
	// Status is «same», «changes» (by the next build), «changed» (since), «unknown».
	Status string `json:"status"`
	// Changed are the columns among those read that change; Rows: which rows there are.
	Changed []string `json:"changed,omitempty"`
	Rows    bool     `json:"rows,omitempty"`
	// Shape: it gets other columns, and a view names those of what it reads.
	Shape bool `json:"shape,omitempty"`
	// Because says why the node itself is built, or why nobody can tell whether it changed.
	Because []string `json:"because,omitempty"`
	// At and Run say when and by which run it changed.
	At    *time.Time `json:"at,omitempty"`
	Run   string     `json:"run,omitempty"`
	Token string     `json:"token,omitempty"`
}

// explainedBuild is the last build.
type explainedBuild struct {
	At      time.Time `json:"at"`
	Run     string    `json:"run"`
	Rows    int64     `json:"rows"`
	Seconds float64   `json:"seconds"`
	Tests   int64     `json:"tests"`
}

// historyRead is how many builds of a node are looked at to find the one that changed it.
const historyRead = 20

// explainNode answers for one node what plan says of all.
func (a *app) explainNode(ctx context.Context, word string) error {
	s, chosen, err := a.chosen(ctx, lineage.Query{Select: []string{word}, ResourceTypes: builtKinds})
	if err != nil {
		return err
	}
	var nodes []addr.Node
	for n := range chosen.Nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, addr.Node.Compare)
	if len(nodes) != 1 {
		names := make([]string, len(nodes))
		for i, n := range nodes {
			names[i] = n.Name
		}
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q selects %s, and explain takes one", word, view.Number(len(nodes), "node")), Help: "name one of " + few(names)})
	}
	conn, err := s.read(ctx)
	if err != nil {
		// What cannot be read only may be there to be made, as plan makes it.
		if conn, err = s.connect(ctx); err != nil {
			return err
		}
	}
	defer conn.Close()
	made, err := s.survey(ctx, conn, s.wholeSelection())
	if err != nil {
		return err
	}
	s.warn()
	e, err := s.explain(ctx, conn, made, nodes[0])
	if err != nil {
		return err
	}
	if wantsJSON(a.global.output) {
		return view.JSON(a.out, e)
	}
	_, err = io.WriteString(a.out, a.explanation(e))
	return err
}

// wholeSelection is all nodes and tests: whether a node is built depends on what it reads.
func (s *session) wholeSelection() plan.Selection {
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	for _, n := range s.program.Order {
		sel.Nodes[n] = !s.program.Broken[n]
	}
	for _, t := range s.program.Tests {
		sel.Tests[t.ID] = !s.program.Broken[t.ID]
	}
	for _, t := range s.program.UnitTests {
		sel.Tests[t.ID] = !s.program.Broken[t.ID]
	}
	return sel
}

func (s *session) explain(ctx context.Context, conn warehouse.Conn, made surveyed, id addr.Node) (explained, error) {
	n := s.program.Nodes[id]
	e := explained{
		Node: id.String(), Path: n.Path, Relation: n.Relation.String(), Materialized: n.Config.Materialized, Verdict: "unchanged",
		Reasons: []string{}, Causes: []plan.Cause{}, Reads: []explainedInput{}, Calls: n.Volatile, Ambiguous: n.Ambiguous, Opaque: n.Opaque,
	}
	if len(n.Volatile) > 0 {
		e.Volatile = n.Config.Volatile
	}
	actions := map[addr.Node]*plan.Action{}
	for _, a := range made.plan.Actions {
		if a.Verb != plan.Check {
			actions[a.Node] = a
		}
	}
	record, recorded := made.snapshot.Nodes[id]
	inputs := slices.SortedFunc(maps.Keys(record.Inputs), addr.Node.Compare)
	reads := n.Reads
	a := actions[id]
	if a != nil {
		e.Verdict, e.Verb, e.Reasons, e.Causes = "built", a.Verb, a.Reasons, a.Causes
		if len(a.Unless) > 0 {
			e.Verdict = "depends"
		}
		inputs, reads = a.Parents, a.Reads
		if c := made.plan.Review.Of(id); c != nil && c.How == plan.Direct {
			e.Change = c
		}
	}
	if recorded && record.Fingerprint != "" {
		e.Last = &explainedBuild{At: record.At, Run: record.Version, Rows: record.Rows, Seconds: float64(record.Millis) / 1000, Tests: record.Tests}
	}
	var causes map[addr.Node]plan.Cause
	var newer []addr.Node
	causes = map[addr.Node]plan.Cause{}
	for _, c := range e.Causes {
		if c.Node != nil {
			causes[*c.Node] = c
			if !c.Built && !c.Unknown && c.Node.Kind != addr.Source {
				newer = append(newer, *c.Node)
			}
		}
	}
	history, err := state.History(ctx, conn, s.scope(), newer, historyRead)
	if err != nil {
		return e, err
	}
	for _, p := range inputs {
		in := explainedInput{Node: p.String(), Columns: []string{}, Status: "same", Token: made.snapshot.Sources[p]}
		r, ok := reads[p]
		if in.All = r.All || !ok; !in.All {
			in.Columns = append(in.Columns, r.Columns...)
		} else {
			r = compile.Reading{All: true}
		}
		if c, differs := causes[p]; differs {
			in.Status, in.Changed, in.Rows, in.Shape = "changed", c.Columns, c.Rows, c.Shape
			switch {
			case c.Unknown:
				in.Status, in.Rows = "unknown", false
				if why := made.snapshot.Unversioned[p]; why != "" {
					in.Because = []string{why}
				}
			case c.Built:
				in.Status = "changes"
				if of := actions[p]; of != nil {
					in.Because = of.Reasons
				}
			default:
				in.since(history[p], r, record)
			}
		}
		e.Reads = append(e.Reads, in)
	}
	return e, nil
}

// since finds the build that changed what is read of an input.
func (in *explainedInput) since(history []state.Record, r compile.Reading, reader state.Record) {
	id, err := addr.ParseNode(in.Node)
	if err != nil || len(history) == 0 {
		return
	}
	want, _, _ := strings.Cut(reader.Inputs[id], "@")
	by := history[0]
	for i, h := range history {
		if i > 0 && h.Content.Of(r) == want {
			now := history[i-1].Content
			if h.Content.Rows == now.Rows {
				names := r.Columns
				if r.All {
					names = slices.Sorted(maps.Keys(now.Columns))
				}
				in.Changed = nil
				for _, name := range names {
					if h.Content.Columns[name] != now.Columns[name] {
						in.Changed = append(in.Changed, name)
					}
				}
				in.Rows = len(in.Changed) == 0
			}
			by = history[i-1]
			break
		}
	}
	in.At, in.Run = &by.At, by.Version
}

// explanation is explained for people.
func (a *app) explanation(e explained) string {
	s := a.outScreen()
	var b strings.Builder
	name := e.Node[strings.Index(e.Node, ".")+1:]
	fmt.Fprintf(&b, "%s  %s %s\n", s.Paint(view.Bold, e.Node), e.Materialized, e.Relation)
	switch e.Verdict {
	case "unchanged":
		b.WriteString("is up to date: what it is built from is what it was\n")
		if e.Last == nil {
			b.Reset()
			fmt.Fprintf(&b, "%s  %s\nis never built: what reads it contains it\n", s.Paint(view.Bold, e.Node), e.Materialized)
		}
	case "built":
		fmt.Fprintf(&b, "would be %s:\n", done(e.Verb))
	case "depends":
		fmt.Fprintf(&b, "would be %s, unless what it reads comes out as it is:\n", done(e.Verb))
	}
	for _, r := range e.Reasons {
		b.WriteString("  " + r + "\n")
	}
	if c := e.Change; c != nil {
		for _, k := range slices.Concat(c.Config, c.Storage, c.Promises) {
			fmt.Fprintf(&b, "    %s: %s\n", k.Key, fromTo(k.From, k.To))
		}
		for _, diff := range []string{c.Diff, c.IncrementalDiff} {
			for line := range strings.Lines(diff) {
				line = strings.TrimSuffix(line, "\n")
				style := view.Dim
				switch {
				case strings.HasPrefix(line, "+"):
					style = view.Green
				case strings.HasPrefix(line, "-"):
					style = view.Red
				}
				b.WriteString("    " + s.Paint(style, line) + "\n")
			}
		}
	}
	if len(e.Reads) > 0 {
		b.WriteString("\nreads\n")
		width := 0
		for _, in := range e.Reads {
			width = max(width, len(in.Node))
		}
		for _, in := range e.Reads {
			what := "everything"
			switch {
			case in.All:
			case len(in.Columns) == 0:
				what = "only its rows"
			default:
				what = strings.Join(in.Columns, ", ")
			}
			fmt.Fprintf(&b, "  %-*s  %s\n  %-*s  %s\n", width, in.Node, s.Paint(view.Dim, what), width, "", in.status(name))
		}
	}
	if len(e.Calls) > 0 {
		fmt.Fprintf(&b, "\ncalls %s, which changes from call to call; volatile: %s\n", strings.Join(e.Calls, ", "), e.Volatile)
	}
	if len(e.Ambiguous) > 0 {
		fmt.Fprintf(&b, "\nmay come out differently although nothing has changed: %s\n", strings.Join(e.Ambiguous, ", "))
	}
	if l := e.Last; l != nil {
		fmt.Fprintf(&b, "\nlast built %s by run %s", l.At.UTC().Format("2006-01-02 15:04:05 UTC"), l.Run)
		var facts []string
		if l.Rows >= 0 {
			facts = append(facts, view.Number(int(l.Rows), "row"))
		}
		facts = append(facts, view.Seconds(time.Duration(l.Seconds*float64(time.Second))), view.Number(int(l.Tests), "test")+" passed")
		b.WriteString(": " + strings.Join(facts, ", ") + "\n")
	}
	return b.String()
}

// status words what became of an input.
func (in explainedInput) status(reader string) string {
	what := "its rows"
	if in.Shape {
		what = "which columns it has"
	}
	if len(in.Changed) > 0 {
		what = strings.Join(in.Changed, ", ")
	}
	because := ""
	if len(in.Because) > 0 {
		because = ": " + strings.Join(in.Because, "; ")
	}
	switch in.Status {
	case "same":
		return "as it was when " + reader + " was built"
	case "changes":
		return what + " may change" + because
	case "unknown":
		return "nobody can tell whether it has changed" + because
	}
	if in.At == nil {
		return what + " changed since"
	}
	return fmt.Sprintf("%s changed %s, by run %s", what, in.At.UTC().Format("2006-01-02 15:04:05 UTC"), in.Run)
}

func done(v plan.Verb) string {
	return cmp.Or(map[plan.Verb]string{plan.Create: "created", plan.Replace: "replaced", plan.Update: "updated"}[v], string(v))
}

func fromTo(from, to string) string {
	switch {
	case from == "":
		return to + " (new)"
	case to == "":
		return from + " (gone)"
	}
	return from + " -> " + to
}

// few names the first of many.
func few(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + " …"
	}
	return strings.Join(names, ", ")
}
