package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) cloneCommand() *cobra.Command {
	r := &runFlags{}
	cmd := &cobra.Command{
		Use:   "clone [selector…] --state TARGET",
		Short: "take over relations of another target without building them",
		Long: text(`
Makes the selected seeds, models and snapshots from what the target of --state has: a clone
without a copy of the data where the warehouse has such a thing, else a view of it, or with
--copy (and between DuckDB files) a table. What is there already stays, unless --full-refresh is given. Views are left
to the build where tables are cloned or copied: they hold no rows.

What was cloned or copied counts as built where the project says the same as the other
target: the next build keeps it and builds only what differs. A view shows the other
target's rows as they are at any moment, so what reads it is always built again. Nothing is
ever written to the other target.`),
		Example: `  engine clone --state prod
  engine clone +orders --state prod --copy`,
	}
	sel := a.selectFlags(cmd, true)
	a.deferToFlag(cmd)
	r.refresh(cmd)
	r.common(cmd)
	r.tenure.register(cmd)
	must(cmd.Flags().MarkHidden("no-catalog")) // there never is one
	copied := cmd.Flags().Bool("copy", false, "copy the rows of tables where the warehouse cannot clone them")
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, builtKinds...)
		if err != nil {
			return err
		}
		if a.compare.state == "" {
			return mistake(wrongArguments(cmd, "clone does not say what to clone: --state is missing"))
		}
		ctx := cmd.Context()
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		return s.clone(ctx, chosen.Nodes, *copied, order{which: "clone", selects: selectedBy(q, chosen), excludes: q.Exclude, failFast: r.failFast, noCatalog: true, timing: r.timing, budget: r.budget, tenure: r.tenure, deadline: r.deadline, junit: r.junit,
			selection: plan.Selection{Nodes: chosen.Nodes, FullRefresh: r.fullRefresh}})
	}
	return cmd
}

// clone makes nodes from what the target of --state has.
func (s *session) clone(ctx context.Context, nodes map[addr.Node]bool, copied bool, o order) error {
	e, err := s.elsewhere(ctx, "--state", s.app.compare.state)
	if err != nil {
		return err
	}
	switch {
	case e.target == "":
		return mistake(deferTargetless(e.from()))
	case s.itself(e):
		return mistake(diffItself(e.target))
	}
	reach, err := s.reach(e)
	if err != nil {
		return err
	}
	if !e.read {
		then := e.then
		if err := s.remember(ctx, e); err != nil {
			return err
		}
		if then != nil {
			e.then = then
		}
	}
	from := map[addr.Node]addr.Relation{}
	for id := range nodes {
		if r, ok := e.records[id]; ok && !s.program.Nodes[id].Relation.IsZero() {
			from[id] = r.Relation
		}
	}
	kinds, err := s.kindsThere(ctx, e.target, slices.Collect(maps.Values(from)))
	if err != nil {
		return err
	}
	if reach.Attach != nil {
		s.options.Attach = []warehouse.Attached{*reach.Attach}
	}
	id := newRunID(s.app.now())
	conn, lease, err := s.occupy(ctx, o, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	o.lease = lease
	here, err := s.inspect(s.job(ctx), conn, nil)
	if err != nil {
		return err
	}
	// A view of an attached database could be read only where it is attached.
	copied = copied || reach.Attach != nil
	c := &cloning{s: s, caps: conn.Dialect().Caps(), d: conn.Dialect(), copied: copied, reach: reach}
	p := &plan.Plan{Format: plan.Format, Project: s.project.Settings.Name.V, Target: s.program.Target.Name, Database: s.program.Target.Database, Schema: s.program.Target.Schema, Kept: map[addr.Kind]int{}}
	schemas := map[warehouse.CreateSchema]bool{}
	left := 0
	for _, nodeID := range s.program.Order {
		at, had := from[nodeID]
		there, exists := kinds[at]
		if !nodes[nodeID] || !had || !exists {
			continue
		}
		n := s.program.Nodes[nodeID]
		self := n.Relation
		self.Database = cmp.Or(self.Database, reach.Database)
		if reach.Attach == nil && c.place(at) == self {
			return mistake(cloneOntoItself(n.Relation, e.target))
		}
		if there == warehouse.View && (copied || c.caps.Clone) {
			left++ // over relations of this target: the build makes it, and no row is copied
			continue
		}
		own, built := here[nodeID]
		if built && !o.selection.FullRefresh {
			p.Kept[nodeID.Kind]++
			continue
		}
		p.Actions = append(p.Actions, c.action(n, at, there, own.Kind, e.from()))
		schemas[warehouse.CreateSchema{Database: n.Relation.Database, Schema: n.Relation.Schema}] = true
	}
	p.Schemas = slices.SortedFunc(maps.Keys(schemas), func(a, b warehouse.CreateSchema) int {
		return addr.Relation{Database: a.Database, Schema: a.Schema}.Compare(addr.Relation{Database: b.Database, Schema: b.Schema})
	})
	before, err := state.Read(s.job(ctx), conn, s.scope(), nil)
	if err != nil {
		return err
	}
	plan.Date(p.Actions, before)
	s.warn()
	budget, err := s.budget(conn, o.budget)
	if err != nil {
		return err
	}
	if err := s.afford(ctx, conn, p, budget); err != nil {
		return err
	}
	result, err := s.apply(ctx, p, conn, o, budget, id)
	if result == nil {
		return err
	}
	recorded := s.recordClones(ctx, conn, e, c, result)
	s.vacate(ctx, lease)
	if recorded != nil {
		return recorded
	}
	if o.junit != "" {
		if err := s.writeJUnit(o.junit, result); err != nil {
			return err
		}
	}
	s.answer(result, nil, nil)
	if left > 0 && !s.app.global.quiet && !wantsJSON(s.app.global.output) {
		s.app.say(fmt.Sprintf("%s left to engine build: they hold no rows", view.Number(left, "view")))
	}
	if err == nil && !result.OK() {
		err = reported(exitFailed)
	}
	return err
}

// kindsThere says what the relations of another target are.
func (s *session) kindsThere(ctx context.Context, target string, relations []addr.Relation) (map[addr.Relation]warehouse.Kind, error) {
	out := map[addr.Relation]warehouse.Kind{}
	if len(relations) == 0 {
		return out, nil
	}
	conn, err := s.readOther(ctx, s.other(target))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	slices.SortFunc(relations, addr.Relation.Compare)
	found, err := conn.Inspect(warehouse.WithJob(ctx, warehouse.Job{Project: s.project.Settings.Name.V, Target: target}), relations)
	if err != nil {
		return nil, fmt.Errorf("inspect %d relations of target %s: %w", len(relations), target, err)
	}
	for _, r := range found {
		out[r.Name] = r.Kind
	}
	return out, nil
}

// cloning makes the actions of a clone.
type cloning struct {
	s      *session
	caps   warehouse.Caps
	d      warehouse.Dialect
	copied bool
	reach  warehouse.Reach
	// exact are the nodes whose rows are those of the moment: clones and copies, no views.
	exact map[addr.Node]bool
}

// place is a relation of the other target as this connection names it.
func (c *cloning) place(r addr.Relation) addr.Relation {
	if c.reach.Attach != nil || r.Database == "" {
		r.Database = c.reach.Database
	}
	return r
}

func (c *cloning) action(n *compile.Node, at addr.Relation, there, own warehouse.Kind, from string) *plan.Action {
	staged := materialize.StagedName(n.Relation, c.caps)
	source := c.place(at)
	query := "select * from " + c.d.Quote(source)
	kind := warehouse.View
	var make warehouse.Op = warehouse.CreateViewAs{Target: staged, Query: query}
	switch {
	case there == warehouse.Table && c.caps.Clone:
		kind, make = warehouse.Table, warehouse.CloneTable{From: source, To: staged}
	case c.copied:
		kind, make = warehouse.Table, warehouse.CreateTableAs{Target: staged, Query: query}
	}
	if kind == warehouse.Table {
		if c.exact == nil {
			c.exact = map[addr.Node]bool{}
		}
		c.exact[n.ID] = true
	}
	verb := plan.Create
	if own != warehouse.None {
		verb = plan.Replace
	}
	swap := warehouse.Swap{New: staged, NewKind: kind, Target: n.Relation, Old: own}
	if kind == warehouse.View {
		swap.Query = query
	}
	return &plan.Action{
		Node: n.ID, Verb: verb, Reasons: []string{"it is taken over from " + from}, Materialized: n.Config.Materialized, Kind: kind, Relation: n.Relation, Staged: staged,
		Build: plan.Steps{warehouse.Drop{Relation: staged, Kind: kind}, make}, Publish: plan.Steps{swap}, Cleanup: plan.Steps{warehouse.Drop{Relation: staged, Kind: kind}},
		Origin: plan.Origin{Path: n.Path},
	}
}

// recordClones writes the records of what was cloned: those of the other target, for nodes
// that the project defines in the same way. Of others, and of views, it stays unknown what
// they hold.
func (s *session) recordClones(ctx context.Context, conn warehouse.Conn, e *elsewhere, c *cloning, r *run.Result) error {
	var records []state.Record
	var now *definition.Set
	after := map[addr.Node]time.Time{}
	for _, a := range r.Plan.Actions {
		after[a.Node] = a.After
	}
	for _, n := range r.Nodes {
		if n.Status != run.Done {
			continue
		}
		if now == nil {
			now = s.definitions()
		}
		node := s.program.Nodes[n.Node]
		kind := warehouse.View
		if c.exact[n.Node] {
			kind = warehouse.Table
		}
		record := state.Record{Node: n.Node, Relation: node.Relation, Kind: kind, Materialized: node.Config.Materialized, Version: r.RunID, Rows: -1, Bytes: -1, Billed: -1, At: s.app.now()}
		if own := after[n.Node].Add(time.Second); record.At.Before(own) { // those of the run are just after it
			record.At = own
		}
		past := e.records[n.Node]
		if e.then != nil && past.Fingerprint != "" && !compile.Limited(past.Fingerprint) && alike(e.then.Nodes[n.Node], now.Nodes[n.Node], e.then.Type == now.Type) {
			record.Fingerprint, record.Inputs = node.Fingerprint, past.Inputs
			if c.exact[n.Node] {
				record.Version, record.Content, record.Rows = past.Version, s.holds(e, n.Node, map[addr.Node]bool{}), past.Rows
			}
		}
		records = append(records, record)
	}
	if len(records) == 0 {
		return nil
	}
	scope := state.Scope{Database: s.program.Target.Database, Project: s.project.Settings.Name.V, Schema: s.program.Target.Schema}
	statements, err := conn.Dialect().Render(state.BuiltOp(conn.Dialect(), scope, r.RunID+"-clone", records...))
	if err != nil {
		return fmt.Errorf("record %d clones: %w", len(records), err)
	}
	for _, stmt := range statements {
		if _, err := conn.Exec(s.job(context.WithoutCancel(ctx)), stmt); err != nil {
			return fmt.Errorf("record %d clones: %w", len(records), err)
		}
	}
	return nil
}

// alike reports whether two definitions make the same rows of the same inputs: a stronger
// claim than that nobody has changed one of them, since a text may differ by target.
func alike(old, now definition.Node, sameType bool) bool {
	same := old.Text != "" && old.Text == now.Text || sameType && old.Meaning != "" && old.Meaning == now.Meaning || old.Text == "" && now.Text == "" && old.Raw != "" && old.Raw == now.Raw
	return same && !definition.Compare(old, now, sameType).Any() && old.Materialized == now.Materialized
}

func cloneOntoItself(r addr.Relation, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("%s is the very relation of target %q", r, target), Help: "give this target a schema of its own, or use --schema-suffix"}
}
