package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) freshnessCommand() *cobra.Command {
	return a.freshnessNamed("freshness", "engine freshness")
}

// sourceCommand is the name that dbt's users know: source freshness.
func (a *app) sourceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "source",
		Short:   "what can be done with sources: freshness, lock",
		Long:    "engine source freshness is engine freshness; engine source lock writes down the columns of sources.",
		Example: "  engine source freshness\n  engine source lock",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return mistake(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(a.freshnessNamed("freshness", "engine source freshness"), a.lockCommand())
	return cmd
}

func (a *app) freshnessNamed(use, call string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " [selector…]",
		Short: "check how old sources are",
		Long: text(`
Asks the target for the newest loaded_at_field of every selected source table that has
limits (freshness: warn_after, error_after) and compares its age with them; loaded_at_query
asks with a query of its own. Without either the time counts at which engine ingest last landed rows in the table; of
a source that is not ingested, the time at which the warehouse says that the table was
last modified, which BigQuery does. Writes target/sources.json. Exit code 1 if a source is
older than error_after, or its age cannot be told.`),
		Example: "  " + call + "\n  " + call + " source:app",
	}
	sel := a.selectFlags(cmd, false)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, addr.Source)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		s.warn()
		return s.freshness(ctx, chosen.Sources)
	}
	return cmd
}

func (s *session) freshness(ctx context.Context, chosen map[addr.Node]bool) error {
	var asked []*compile.Node
	for _, id := range s.program.Order {
		if n := s.program.Nodes[id]; chosen[id] && n.Source != nil && n.Source.Freshness != nil && (n.Source.Freshness.WarnAfter.Count > 0 || n.Source.Freshness.ErrorAfter.Count > 0) {
			asked = append(asked, n)
		}
	}
	results := make([]artifact.FreshnessResult, len(asked))
	started := s.app.now()
	if len(asked) > 0 {
		conn, err := s.read(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		accounts := s.modified(ctx, conn, asked)
		s.each(len(asked), func(worker, i int) {
			if asked[i].Source.LoadedAt.V == "" && asked[i].LoadedAtQuery == "" {
				results[i] = accounts.age(asked[i], worker)
				return
			}
			results[i] = s.age(ctx, conn, asked[i], worker)
		})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	meta := s.meta(newRunID(started), order{which: "freshness"})
	meta.StartedAt = started
	if err := artifact.WriteTo(s.target(), "sources.json", func(out io.Writer) error { return artifact.Sources(out, s.program, results, meta) }); err != nil {
		return failure(plainError(err))
	}
	return s.app.showFreshness(asked, results)
}

// each calls f for every index on the session's workers.
func (s *session) each(n int, f func(worker, i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for worker := range min(s.jobs(), n) {
		wg.Go(func() {
			for i := range next {
				f(worker, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// age asks how old one source is.
func (s *session) age(ctx context.Context, conn warehouse.Conn, n *compile.Node, worker int) artifact.FreshnessResult {
	src := n.Source
	out := artifact.FreshnessResult{Source: n.ID, Limits: *src.Freshness, Start: s.app.now(), Worker: worker}
	d := conn.Dialect()
	words := d.Words()
	query := "select " + words.Cast("max("+src.LoadedAt.V+")", words.Timestamp()) + ", " + words.Now() + "\nfrom " + d.Quote(n.Relation)
	switch {
	case n.LoadedAtQuery != "": // it filters by itself
		query = "select " + words.Cast("(\n"+n.LoadedAtQuery+"\n)", words.Timestamp()) + ", " + words.Now()
	case src.Freshness.Filter != "":
		query += "\nwhere " + src.Freshness.Filter
	}
	rows, err := readRows(ctx, conn, warehouse.Statement{SQL: query}, 1)
	out.End = s.app.now()
	if err != nil {
		out.Error = err.Error()
		return out
	}
	newest, ok := rows.Values[0][0].(time.Time)
	out.SnapshotAt, _ = rows.Values[0][1].(time.Time)
	if !ok {
		// Nothing was ever loaded: as in dbt, it is as old as can be.
		out.MaxLoadedAt = time.Time{}
		out.Status = staleness(math.MaxInt64, *src.Freshness)
		return out
	}
	out.MaxLoadedAt = newest
	out.Status = staleness(out.SnapshotAt.Sub(newest), *src.Freshness)
	return out
}

// accounts are what a warehouse keeps of when the rows of tables last changed.
type accounts struct {
	tables map[addr.Relation]warehouse.Relation
	// ingested is when rows were last landed in those that are ingested.
	ingested   map[addr.Relation]state.Ingest
	now        time.Time // the warehouse's
	start, end time.Time
	err        error
}

// modified asks for the sources without a loaded_at_field, all at once.
func (s *session) modified(ctx context.Context, conn warehouse.Conn, asked []*compile.Node) accounts {
	out := accounts{tables: map[addr.Relation]warehouse.Relation{}, start: s.app.now()}
	var relations, ingested []addr.Relation
	for _, n := range asked {
		if n.Source.LoadedAt.V != "" || n.LoadedAtQuery != "" {
			continue
		}
		relations = append(relations, n.Relation)
		if n.Source.Ingest != nil {
			ingested = append(ingested, n.Relation)
		}
	}
	if len(relations) == 0 {
		return out
	}
	found, err := conn.Inspect(ctx, relations)
	for _, r := range found {
		out.tables[r.Name] = r
	}
	if err == nil && len(ingested) > 0 {
		out.ingested, err = state.ReadIngests(ctx, conn, s.program.Target.Database, ingested)
	}
	if err == nil {
		var rows view.Rows
		if rows, err = readRows(ctx, conn, warehouse.Statement{SQL: "select " + conn.Dialect().Words().Now()}, 1); err == nil {
			out.now, _ = rows.Values[0][0].(time.Time)
		}
	}
	out.err, out.end = err, s.app.now()
	return out
}

// age of one source by the warehouse's account.
func (a accounts) age(n *compile.Node, worker int) artifact.FreshnessResult {
	out := artifact.FreshnessResult{Source: n.ID, Limits: *n.Source.Freshness, Start: a.start, End: a.end, Worker: worker, SnapshotAt: a.now}
	r, there := a.tables[n.Relation]
	in, landed := a.ingested[n.Relation]
	switch {
	case a.err != nil:
		out.Error = a.err.Error()
	case !there && n.Source.Ingest != nil:
		out.Error = "it has not been ingested yet: run engine ingest"
	case !there:
		out.Error = "it does not exist"
	case landed && r.Kind == warehouse.Table && n.Source.Freshness.Filter == "" && !a.now.IsZero():
		out.MaxLoadedAt = in.At
		out.Status = staleness(a.now.Sub(in.At), *n.Source.Freshness)
	case r.Kind != warehouse.Table:
		out.Error = "it is a " + r.Kind.String() + " and has no loaded_at_field"
	case r.Modified.IsZero() || a.now.IsZero():
		out.Error = "it has no loaded_at_field, and the warehouse does not say when its rows last changed"
	case n.Source.Freshness.Filter != "":
		out.Error = "its freshness has a filter, but it has no loaded_at_field to look for"
	default:
		out.MaxLoadedAt = r.Modified
		out.Status = staleness(a.now.Sub(r.Modified), *n.Source.Freshness)
	}
	return out
}

// staleness compares an age with the limits.
func staleness(age time.Duration, limits project.Freshness) string {
	over := func(p project.Period) bool { return p.Count > 0 && age > duration(p) }
	switch {
	case over(limits.ErrorAfter):
		return "error"
	case over(limits.WarnAfter):
		return "warn"
	}
	return "pass"
}

func duration(p project.Period) time.Duration {
	unit := time.Minute
	switch p.Unit {
	case "hour":
		unit = time.Hour
	case "day":
		unit = 24 * time.Hour
	}
	return time.Duration(p.Count) * unit
}

// freshSource is one source of freshness --output json.
type freshSource struct {
	Source      addr.Node `json:"source"`
	Status      string    `json:"status"`
	MaxLoadedAt string    `json:"max_loaded_at,omitempty"`
	AgeSeconds  float64   `json:"age_seconds,omitempty"`
	Error       string    `json:"error,omitempty"`
}

func (a *app) showFreshness(nodes []*compile.Node, results []artifact.FreshnessResult) error {
	if a.dbt != nil {
		return a.dbt.showFreshness(nodes, results)
	}
	var outcome error
	var found diag.List
	list := []freshSource{}
	table := view.Table{Columns: []string{"source", "status", "newest", "age"}}
	for i, r := range results {
		f := freshSource{Source: r.Source, Status: r.Status, Error: r.Error}
		newest, age := view.Cell{Null: true}, view.Cell{Null: true}
		switch {
		case r.Error == "" && r.MaxLoadedAt.IsZero():
			newest, age = view.Cell{Text: "never"}, view.Cell{Null: true}
		case r.Error == "":
			old := r.SnapshotAt.Sub(r.MaxLoadedAt)
			f.MaxLoadedAt, f.AgeSeconds = r.MaxLoadedAt.UTC().Format(time.RFC3339), old.Seconds()
			newest, age = view.Cell{Text: r.MaxLoadedAt.UTC().Format(time.DateTime)}, view.Cell{Text: view.Age(old)}
		default:
			f.Status = "error"
		}
		list = append(list, f)
		table.Rows = append(table.Rows, []view.Cell{{Text: r.Source.Name}, {Text: f.Status}, newest, age})
		if f.Status != "pass" {
			found.Add(stale(nodes[i], r))
		}
		if f.Status == "error" {
			outcome = reported(exitFailed)
		}
	}
	switch {
	case wantsJSON(a.global.output):
		if err := view.JSON(a.out, list); err != nil {
			return err
		}
	case len(results) == 0:
		if !a.global.quiet {
			_, _ = fmt.Fprintln(a.out, "no selected source has limits")
		}
	default:
		a.report(found, false)
		if !a.global.quiet && a.global.output != "github" {
			s := a.outScreen()
			_, _ = fmt.Fprint(a.out, s.Table(table, ""))
		}
	}
	return outcome
}

func stale(n *compile.Node, r artifact.FreshnessResult) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFreshness, Model: n.ID, At: n.Source.Freshness.At}
	switch {
	case r.Error != "":
		d.Message = fmt.Sprintf("the age of source %q cannot be told", n.ID.Name)
		d.Notes = []string{r.Error}
		if n.Source.LoadedAt.V == "" && n.LoadedAtQuery == "" {
			d.Help = "set loaded_at_field, or switch its limits off with freshness: null"
		}
	case r.MaxLoadedAt.IsZero():
		d.Message = fmt.Sprintf("source %q was never loaded: no row has a value of %s", n.ID.Name, n.Source.LoadedAt.V)
		if n.LoadedAtQuery != "" {
			d.Message = fmt.Sprintf("source %q was never loaded: its loaded_at_query gives no time", n.ID.Name)
		}
		if r.Status == "warn" {
			d.Severity = diag.Warning
		}
	case r.Status == "warn":
		d.Severity = diag.Warning
		d.Message = fmt.Sprintf("source %q is %s old, more than %s", n.ID.Name, view.Age(r.SnapshotAt.Sub(r.MaxLoadedAt)), period(r.Limits.WarnAfter))
	default:
		d.Message = fmt.Sprintf("source %q is %s old, more than %s", n.ID.Name, view.Age(r.SnapshotAt.Sub(r.MaxLoadedAt)), period(r.Limits.ErrorAfter))
	}
	return d
}

func period(p project.Period) string { return view.Number(int(p.Count), p.Unit) }
