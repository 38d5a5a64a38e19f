package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/difference"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// diffFlags say how relations are compared.
type diffFlags struct {
	key, columns []string
	where        string
	sample       int
	tolerance    float64
}

func (f *diffFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.key, "key", nil, "`columns` that tell rows apart; default: unique_key, a primary key, or a unique test of the model")
	fs.StringSliceVar(&f.columns, "columns", nil, "compare only these `columns`")
	fs.StringVar(&f.where, "where", "", "compare only rows for which this `condition` holds, in the warehouse's SQL")
	fs.IntVar(&f.sample, "sample", 5, "`number` of differing rows to show of each sort, at most 1000; 0: none")
	fs.Float64Var(&f.tolerance, "tolerance", 0, "`distance` up to which floating and decimal numbers count as equal")
}

func (f *diffFlags) check() error {
	switch {
	case f.sample < 0 || f.sample > 1000:
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--sample %d is out of range", f.sample), Help: "want 0 to 1000"})
	case !(f.tolerance >= 0) || math.IsInf(f.tolerance, 0):
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--tolerance is negative or no number", Help: "want 0 or more"})
	}
	return nil
}

func (a *app) diffCommand() *cobra.Command {
	f := &diffFlags{}
	cmd := &cobra.Command{
		Use:   "diff A B | --state TARGET [selector…]",
		Short: "compare two relations, or models with those of another target",
		Long: text(`
Compares in the warehouse: columns, row counts, rows by a key, and values column by column,
with a few differing rows. Only figures and those rows are read.

With --state each selected model is compared with what the other target has: A is there, B
is here. Without it A and B are two models of this target, or relations (schema.table).

Rows are told apart by the model's unique_key, its primary key or a unique test. Without a
key whole rows are compared and counted. NULL equals NULL. Values of columns that are
marked as personal (meta: {pii: true}, or a tag pii) or have policy tags are never shown.`),
		Example: `  engine diff orders orders_v2
  engine diff orders --state prod
  engine diff -s state:modified --state prod --fail-on-diff
  engine diff raw.orders main.orders --key id --tolerance 0.01`,
	}
	sel := a.selectFlags(cmd, false)
	a.deferToFlag(cmd)
	f.register(cmd)
	fail := cmd.Flags().Bool("fail-on-diff", false, "exit code 1 if anything differs")
	a.outputFlag(cmd, "human", "json", "markdown", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		ctx := cmd.Context()
		var s *session
		var found []view.Difference
		if fromEnvironment := !a.onLine("state"); a.compare.state == "" || fromEnvironment && len(args) == 2 {
			if len(args) != 2 || len(sel.selects)+len(sel.excludes) > 0 || sel.selector != "" {
				return mistake(wrongArguments(cmd, "diff takes two relations, or --state TARGET"))
			}
			var err error
			if s, err = a.compiled(ctx); err != nil {
				return err
			}
			s.warn()
			d, err := s.diffTwo(ctx, args[0], args[1], f)
			if err != nil {
				return err
			}
			found = []view.Difference{d}
		} else {
			q, err := sel.query(args, builtKinds...)
			if err != nil {
				return err
			}
			selected, chosen, err := a.chosen(ctx, q)
			if err != nil {
				return err
			}
			s = selected
			if found, err = s.diffState(ctx, chosen.Nodes, f); err != nil {
				return err
			}
			s.warn()
		}
		if err := a.showDiff(found); err != nil {
			return err
		}
		if *fail && slices.ContainsFunc(found, func(d view.Difference) bool { return d.Result == nil || !d.Result.Same() }) {
			return reported(exitFailed)
		}
		return nil
	}
	return cmd
}

func (a *app) showDiff(found []view.Difference) error {
	var text string
	switch a.global.output {
	case "json":
		return view.DifferencesJSON(a.out, found)
	case "markdown":
		text = view.DifferencesMarkdown(found)
	default:
		if len(found) == 0 && !a.global.quiet {
			text = "nothing to compare\n"
		} else {
			text = a.outScreen().Differences(found)
		}
	}
	_, err := io.WriteString(a.out, text)
	return err
}

// side is a relation to compare and the node that it is of, if any.
type side struct {
	relation addr.Relation
	node     *compile.Node
	label    string
}

// named finds what a word means: a node of the project, or a relation of the target.
func (s *session) named(word string) (side, error) {
	n, err := s.node(word)
	if err == nil {
		if n.Relation.IsZero() {
			return side{}, mistake(diffNoRelation(word))
		}
		return side{relation: n.Relation, node: n, label: word}, nil
	}
	parts := strings.Split(word, ".")
	switch len(parts) {
	case 2:
		return side{relation: addr.Relation{Database: s.program.Target.Database, Schema: parts[0], Name: parts[1]}, label: word}, nil
	case 3:
		return side{relation: addr.Relation{Database: parts[0], Schema: parts[1], Name: parts[2]}, label: word}, nil
	}
	return side{}, err
}

// diffTwo compares two relations of the target.
func (s *session) diffTwo(ctx context.Context, wordA, wordB string, f *diffFlags) (view.Difference, error) {
	var d view.Difference
	a, err := s.named(wordA)
	if err != nil {
		return d, err
	}
	b, err := s.named(wordB)
	if err != nil {
		return d, err
	}
	conn, err := s.read(ctx)
	if err != nil {
		return d, err
	}
	defer conn.Close()
	ctx = s.job(ctx)
	known, err := columnsOf(ctx, conn, a.relation, b.relation)
	if err != nil {
		return d, err
	}
	for _, x := range []side{a, b} {
		if _, ok := known[x.relation]; !ok {
			return d, failure(diffMissing(x.label, s.program.Target.Name))
		}
	}
	o := s.diffOptions(f, a.node, b.node)
	if len(f.key) == 0 {
		// A key of one of them is one of both only if both have its columns.
		o.Key = sharedKey(o.Key, known[a.relation], known[b.relation])
	}
	d.Result, err = difference.Run(ctx, conn, difference.Side{Label: a.label, Relation: a.relation, Columns: known[a.relation].Columns}, difference.Side{Label: b.label, Relation: b.relation, Columns: known[b.relation].Columns}, o)
	return d, s.diffRefused(ctx, conn, f, err)
}

func sharedKey(key []string, a, b warehouse.Relation) []string {
	has := func(r warehouse.Relation, name string) bool {
		return slices.ContainsFunc(r.Columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) })
	}
	for _, k := range key {
		if !has(a, k) || !has(b, k) {
			return nil
		}
	}
	return key
}

// job says whose statements are sent.
func (s *session) job(ctx context.Context) context.Context {
	return warehouse.WithJob(ctx, warehouse.Job{Project: s.project.Settings.Name.V, Target: s.program.Target.Name})
}

// diffState compares nodes with what the target of --state has.
func (s *session) diffState(ctx context.Context, nodes map[addr.Node]bool, f *diffFlags) ([]view.Difference, error) {
	e, err := s.elsewhere(ctx, "--state", s.app.compare.state)
	if err != nil {
		return nil, err
	}
	switch {
	case e.target == "":
		return nil, mistake(deferTargetless(e.from()))
	case s.itself(e):
		return nil, mistake(diffItself(e.target))
	}
	reach, err := s.reach(e)
	if err != nil {
		return nil, err
	}
	if !e.read {
		then := e.then
		if err := s.remember(ctx, e); err != nil {
			return nil, err
		}
		e.then = cmp.Or(then, e.then)
	}
	there := map[addr.Node]addr.Relation{}
	for id := range nodes {
		if r, ok := e.records[id]; ok {
			there[id] = r.Relation
		} else if e.then != nil && !e.then.Nodes[id].Relation.IsZero() {
			there[id] = e.then.Nodes[id].Relation
		}
	}
	exists, err := s.existing(ctx, s.other(e.target), slices.Collect(maps.Values(there)))
	if err != nil {
		return nil, err
	}
	o := s.options
	if reach.Attach != nil && len(exists) > 0 {
		o.Attach = []warehouse.Attached{*reach.Attach}
	}
	conn, err := s.readOther(ctx, o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx = s.job(ctx)
	var out []view.Difference
	for _, id := range s.program.Order {
		n := s.program.Nodes[id]
		if !nodes[id] || n.Relation.IsZero() {
			continue
		}
		d := view.Difference{Node: id}
		r, had := there[id]
		if !had || !exists[r] {
			d.Missing = "new: not in " + e.from()
			out = append(out, d)
			continue
		}
		if reach.Attach != nil {
			r.Database = reach.Database
		} else {
			r.Database = cmp.Or(r.Database, reach.Database)
		}
		known, err := columnsOf(ctx, conn, r, n.Relation)
		if err != nil {
			return nil, err
		}
		if _, ok := known[n.Relation]; !ok {
			d.Missing = "not built on target " + s.program.Target.Name
			out = append(out, d)
			continue
		}
		opts := s.diffOptions(f, n)
		if len(f.key) == 0 {
			opts.Key = sharedKey(opts.Key, known[r], known[n.Relation])
		}
		d.Result, err = difference.Run(ctx, conn, difference.Side{Label: e.target, Relation: r, Columns: known[r].Columns}, difference.Side{Label: s.here(e), Relation: n.Relation, Columns: known[n.Relation].Columns}, opts)
		if err != nil {
			return nil, s.diffRefused(ctx, conn, f, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func columnsOf(ctx context.Context, conn warehouse.Conn, relations ...addr.Relation) (map[addr.Relation]warehouse.Relation, error) {
	found, err := conn.Inspect(ctx, relations)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", relations[0], err)
	}
	out := map[addr.Relation]warehouse.Relation{}
	for _, r := range found {
		out[r.Name] = r
	}
	return out, nil
}

// diffOptions are those of the flags, filled in from what the project says of the nodes.
func (s *session) diffOptions(f *diffFlags, nodes ...*compile.Node) difference.Options {
	o := difference.Options{Key: f.key, Columns: f.columns, Where: f.where, Sample: f.sample, Tolerance: f.tolerance, Hidden: map[string]bool{}}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		if len(o.Key) == 0 {
			o.Key = s.keyOf(n)
		}
		for _, c := range n.Columns {
			if n.Sensitive(c.Name) {
				o.Hidden[strings.ToLower(c.Name)] = true
			}
		}
	}
	return o
}

// keyOf is what tells the rows of a node apart, as far as the project says: unique_key, a
// primary key, a test of uniqueness without a condition.
func (s *session) keyOf(n *compile.Node) []string {
	plain := func(names []string) bool {
		return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool {
			return !slices.ContainsFunc(n.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) })
		})
	}
	if n.ID.Kind != addr.Snapshot && plain(n.Config.UniqueKey) {
		return n.Config.UniqueKey
	}
	for _, c := range n.Constraints {
		if c.Type == "primary_key" && plain(c.Columns) {
			return c.Columns
		}
	}
	var combined []string
	for _, t := range s.program.Tests { // sorted by name
		if t.Node != n.ID || t.Config.Where != "" {
			continue
		}
		switch {
		case t.Kind == "unique" && plain([]string{t.Column}):
			return []string{t.Column}
		case strings.HasSuffix(t.Kind, "unique_combination_of_columns") && combined == nil:
			combined = words(t.Args["combination_of_columns"])
			if !plain(combined) {
				combined = nil
			}
		}
	}
	if combined == nil && n.ID.Kind == addr.Snapshot && plain([]string{n.Config.SnapshotNames.Full().ID}) {
		return []string{n.Config.SnapshotNames.Full().ID}
	}
	return combined
}

// words are the names in an argument of a test.
func words(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, x := range v {
			text, ok := x.(string)
			if !ok {
				return nil
			}
			out = append(out, text)
		}
		return out
	}
	return nil
}

// diffRefused words what is wrong with the question, or what the warehouse says to it.
func (s *session) diffRefused(ctx context.Context, conn warehouse.Conn, f *diffFlags, err error) error {
	var unknown *difference.NoColumn
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &unknown):
		d := diag.Diagnostic{Code: codeDiff, Message: fmt.Sprintf("no column %q in both relations", unknown.Column), Help: "both have " + someOf(unknown.Known), Cause: err}
		if near, ok := diag.Suggest(unknown.Column, unknown.Known); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		}
		return mistake(d)
	}
	at := source.Span{}
	if f.where != "" {
		file := source.NewFile("--where", []byte(f.where))
		at = file.Span(0, len(f.where))
	}
	return failure(warehouse.Trace(conn.Dialect(), warehouse.Statement{}, nil, at, err))
}

func diffMissing(what, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDiff, Message: fmt.Sprintf("%s is not in target %q", what, target), Help: "build it first, or choose another --target"}
}

func diffNoRelation(name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDiff, Message: fmt.Sprintf("%s is ephemeral: it has no relation to compare", name), Help: "compare what reads it"}
}

func diffItself(target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDiff, Message: fmt.Sprintf("target %q would be compared with itself", target), Help: "choose the target to compare with --target, and the other one with --state"}
}
