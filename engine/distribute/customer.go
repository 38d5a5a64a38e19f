package distribute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// errBudget ends a customer that was not begun.
var errBudget = errors.New("the budget of the run is used up")

// publication is the work for one customer.
type publication struct {
	*runner
	c       *Customer
	out     *Outcome
	release warehouse.Release
	staged  []staged
	// views are all that the customer has, and lists the tables that they read of their own.
	views []warehouse.SliceView
	lists []addr.Relation
	lent  tenant.Frozen // where views that are not published yet find the lists
	at    time.Time     // of the last record
	// staying are those who share as long as they have nothing of their own; access is what
	// strangers have given. partly: not everybody got what is due.
	staying []*tenant.Customer
	access  []string
	partly  bool
	// wanted are the names of all that it has afterwards.
	wanted map[addr.Relation]bool
	own    []warehouse.Relation
}

// staged is a pair that was made aside.
type staged struct {
	pair *Pair
	at   addr.Relation
}

// customer publishes to one customer; its outcome says whether that went well.
func (r *runner) customer(ctx context.Context, c *Customer) (out *Outcome) {
	out = &Outcome{Customer: c.Name, Start: r.options.Now(), Status: Failed, Kept: c.Kept}
	own, staying := r.now(c)
	p := &publication{runner: r, c: own, staying: staying, out: out, wanted: map[addr.Relation]bool{}}
	var err error
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the engine stumbled: %v", v)
			out.Status = Failed
		}
		if p.release != nil {
			cleanup, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
			if failed := p.release.Close(cleanup); failed != nil && err == nil && ctx.Err() == nil {
				out.Diags.Add(cleanupFailed(c, failed))
			}
			stop()
		}
		out.End = r.options.Now()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			out.Status = Canceled
		default:
			out.Diags.Add(failures(c, out.Phase, err)...)
		}
	}()
	if err = ctx.Err(); err == nil {
		err = p.publish(ctx)
	}
	return out
}

func (p *publication) phase(name string) {
	p.out.Phase = name
	p.tell(Event{Kind: CustomerPhase, Customer: p.c.Name, Phase: name})
}

func (p *publication) publish(ctx context.Context) (err error) {
	p.phase(PhaseStage)
	unfit, err := p.vet(ctx)
	if err != nil {
		return err
	}
	joined := !p.c.joins || p.joined(p.c.Name)
	wanted := p.c.config.Principals
	if !joined {
		wanted = p.c.keeps
	}
	if err := p.takeBack(ctx, wanted); err != nil {
		return err
	}
	if slices.Contains(p.c.Reasons, ReasonWithdrawn) {
		p.phase(PhasePublish)
		p.out.Strangers = p.access
		if p.out.Status = Withdrawn; len(p.staying) > 0 {
			p.out.Status = Failed
			p.out.Diags.Add(remaining(p.staying))
		}
		return nil
	}
	if unfit != nil {
		return unfit
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	var strangers []warehouse.Relation
	if p.own, strangers, err = p.release.Have(ctx); err != nil {
		return err
	}
	for _, s := range strangers {
		p.out.Strangers = append(p.out.Strangers, s.Kind.String()+" "+bare(s.Name).String())
	}
	p.out.Strangers = append(p.out.Strangers, p.access...)
	switch {
	case !joined:
		p.out.Diags.Add(unmoved(p.c))
		return nil
	case len(p.staying) > 0:
		p.partly = true
		p.out.Diags.Add(remaining(p.staying))
		p.keep()
	}
	if p.spent() {
		return errBudget
	}
	if err := p.stage(ctx); err != nil {
		return err
	}
	for _, s := range strangers {
		if p.wanted[bare(s.Name)] {
			return &warehouse.ForeignError{What: s.Kind.String() + " " + bare(s.Name).String()}
		}
	}
	p.phase(PhaseProve)
	if err := p.prove(ctx); err != nil {
		var failed *proofError
		if !errors.As(err, &failed) {
			return err
		}
		if others, broken := p.hold(ctx, failed); broken != nil || !others {
			return cmp.Or(broken, err)
		}
	}
	if err := p.unproven(ctx); err != nil {
		return err
	}
	p.phase(PhasePublish)
	if err := p.record(ctx, true); err != nil {
		return err
	}
	if err := p.options.Lease.Confirm(ctx); err != nil {
		return err
	}
	if err := p.show(ctx); err != nil {
		return err
	}
	if l, ok := p.release.(warehouse.Leaver); ok {
		for _, sentence := range l.Left() {
			p.out.Diags.Add(leftBehind(p.c, sentence))
		}
	}
	p.phase(PhaseCheck)
	if err := p.afterwards(ctx); err != nil {
		return err
	}
	if err := p.export(ctx); err != nil {
		return err
	}
	p.out.Status = Published
	if p.partly {
		return nil // what is on record is a publication that goes on
	}
	return p.record(ctx, false)
}

// export writes what is published as files, where the project wants that and the warehouse
// can: last, so that what a check after publication objects to is in no file. Where the project
// wants it no more, what is there of it goes.
func (p *publication) export(ctx context.Context) error {
	e, can := p.release.(warehouse.Exporter)
	if !can {
		return nil
	}
	if p.plan.setting.Export == "" {
		return e.Unexport(filepath.Join(p.plan.setting.Dir, p.c.Name+"."+project.ExportParquet))
	}
	if err := e.Export(ctx, filepath.Join(p.plan.setting.Dir, p.c.Name+"."+p.plan.setting.Export)); err != nil {
		return fmt.Errorf("export as %s: %w", p.plan.setting.Export, err)
	}
	return nil
}

// unproven removes the views that were there for the proofs: they hang on what is published.
func (p *publication) unproven(ctx context.Context) error {
	if p.c.config.Mode != tenant.Views {
		return nil
	}
	for _, s := range p.staged {
		if _, err := p.do(ctx, warehouse.Drop{Relation: s.at, Kind: warehouse.View}, &p.out.Usage); err != nil {
			return err
		}
	}
	return nil
}

// bare is a name without its database.
func bare(r addr.Relation) addr.Relation { return addr.Relation{Schema: r.Schema, Name: r.Name} }

// stage makes aside what is due, and notes all that the customer has afterwards.
func (p *publication) stage(ctx context.Context) error {
	config := *p.c.config
	if config.Mode == tenant.Views {
		if err := p.stageLists(ctx); err != nil {
			return err
		}
	}
	due := map[*Model]*Pair{}
	for i := range p.c.Pairs {
		due[p.c.Pairs[i].model] = &p.c.Pairs[i]
	}
	var models []*Model // of p.staged
	for _, e := range p.c.all {
		final := p.c.places.final(e.model)
		p.wanted[final] = true
		pair := due[e.model]
		if config.Mode == tenant.Views {
			view, _ := tenant.BarrierView(p.d, e.model.rule, config, tenant.ListsIn(addr.Relation{Schema: p.c.places.Serving}), p.from.Inline, final)
			p.views = append(p.views, view)
		}
		if pair == nil {
			continue
		}
		if s := p.shared[e.model]; s.err != nil {
			return fmt.Errorf("%s: %w", e.model.As, s.err)
		}
		models = append(models, e.model)
		p.staged = append(p.staged, staged{pair, p.aside(final)})
	}
	err := p.spread(len(models), func(i int) error {
		m := models[i]
		err := ctx.Err()
		if err == nil && p.spent() {
			return errBudget
		}
		if err == nil {
			err = p.stagePair(p.named(ctx, m.Node), m, p.staged[i].pair, p.shared[m], p.staged[i].at)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.As, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.older()
}

// aside is where a relation is made that will be published, or that is only there for the proofs.
func (p *publication) aside(final addr.Relation) addr.Relation {
	if p.c.config.Mode != tenant.Views {
		return p.release.Staged(final)
	}
	at := p.options.Workshop.At
	at.Name = workshopName(p.c.Name, final, p.conn.Dialect().Caps())
	return at
}

// stagePair makes the slice of one model aside: as a table, or as a view that is only there
// for the proofs. Several are made side by side.
func (p *publication) stagePair(ctx context.Context, m *Model, pair *Pair, s *shared, at addr.Relation) error {
	config := *p.c.config
	if config.Mode == tenant.Views {
		view, _ := tenant.BarrierView(p.d, m.rule, config, p.lent, p.from.Inline, at)
		_, err := p.do(ctx, warehouse.CreateViewAs{Target: at, Query: view.Query}, &p.out.Usage)
		return err
	}
	from := p.from
	from.Split = s.split
	if pair.Way != Split {
		from.Split = addr.Relation{}
	}
	query, _ := tenant.Slice(p.d, m.rule, config, p.options.Workshop.Frozen, from)
	if p.c.members != nil {
		query, _ = tenant.SharedTable(p.d, m.rule, p.members(), p.options.Workshop.Frozen, from)
	}
	var layout *warehouse.Layout
	if p.c.members != nil && !m.rule.All && p.conn.Dialect().Caps().Indexes {
		// Each reader's queries are for the rows of its customer.
		layout = &warehouse.Layout{Indexes: []warehouse.Index{{Columns: []string{tenant.CustomerColumn}}}}
	}
	_, err := p.do(ctx, warehouse.CreateTableAs{Target: at, Query: query, Layout: layout}, &p.out.Usage)
	return err
}

// members are those who share the tables.
func (p *publication) members() []tenant.Customer {
	out := make([]tenant.Customer, len(p.c.members))
	for i, one := range p.c.members {
		out[i] = *one
	}
	return out
}

// workshopName is a name in the workshop for the proofs of one view.
func workshopName(customer string, final addr.Relation, caps warehouse.Caps) string {
	name := "proof__" + customer + "__" + final.Schema + "__" + final.Name
	if limit := caps.MaxIdentifier; limit > 0 && len(name) > limit {
		name = "proof__" + state.ShapeOf([]warehouse.Column{{Name: name}})
	}
	return name
}

// stageLists copies the customer's own part of the configuration, which its views read.
func (p *publication) stageLists(ctx context.Context) error {
	for _, l := range tenant.Lists(p.d, *p.c.config, p.options.Workshop.Frozen) {
		final := addr.Relation{Schema: p.c.places.Serving, Name: l.Name}
		p.wanted[final] = true
		p.lists = append(p.lists, final)
		if _, err := p.do(ctx, warehouse.CreateTableAs{Target: p.release.Staged(final), Query: l.Query}, &p.out.Usage); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	p.lent = p.listed()
	return nil
}

// listed is where views that are not published yet find the lists.
func (p *publication) listed() (f tenant.Frozen) {
	in := tenant.ListsIn(addr.Relation{Schema: p.c.places.Serving})
	f.Tenants, f.Links, f.Transfers = p.release.Staged(in.Tenants), p.release.Staged(in.Links), p.release.Staged(in.Transfers)
	return f
}

// older adds the views of an older contract.
func (p *publication) older() error {
	if p.c.places.Tables == p.c.places.Serving {
		return nil
	}
	models := map[string][]tenant.Column{}
	for _, e := range p.c.all {
		if e.model.Source == "" {
			models[e.model.As] = seen(p.d, e.model.rule, *p.c.config, p.options.Workshop.Frozen, p.from)
		}
	}
	for _, old := range tenant.Older(p.plan.setting.Contracts, p.c.Contract, models) {
		name := addr.Relation{Schema: p.c.places.Serving, Name: old.Name}
		table := addr.Relation{}
		if old.Newest != "" {
			table = addr.Relation{Schema: p.c.places.Tables, Name: old.Newest}
		}
		p.wanted[name] = true
		p.views = append(p.views, tenant.OldView(p.d, name, table, old.Columns))
	}
	return nil
}

// seen are the columns that a customer has of a model, custom fields included.
func seen(d tenant.Dialect, rule tenant.Rule, c tenant.Customer, frozen tenant.Frozen, from tenant.From) []tenant.Column {
	_, columns := tenant.Slice(d, rule, c, frozen, from)
	out := make([]tenant.Column, len(columns))
	for i, col := range columns {
		out[i] = tenant.Column{Name: col.Name, Type: col.Type}
		if j := slices.IndexFunc(rule.Columns, func(c tenant.Column) bool { return c.Name == col.Name }); j >= 0 {
			out[i] = rule.Columns[j]
		}
	}
	return out
}

// handover is what becomes visible.
func (p *publication) handover() warehouse.Handover {
	h := warehouse.Handover{Run: p.options.RunID, At: p.options.Now(), Contract: p.c.Contract, Views: p.views}
	h.Tables = append(h.Tables, p.lists...)
	if p.c.config.Mode != tenant.Views {
		for _, s := range p.staged {
			h.Tables = append(h.Tables, s.pair.As)
		}
	}
	for _, rel := range p.own {
		if !p.wanted[bare(rel.Name)] {
			rel.Name = bare(rel.Name)
			h.Drop = append(h.Drop, rel)
		}
	}
	if p.plan.setting.Accounts {
		h.Readers = p.c.config.Principals
		h.Guarded, h.RowPolicies = p.guards()
	}
	return h
}

// record writes what the customer has: before anything is published what stays as it is, and
// without a fingerprint what it had of what changes or goes; afterwards all of it.
func (p *publication) record(ctx context.Context, begun bool) error {
	rec := state.Release{
		Customer: p.c.Name, Run: p.options.RunID, At: p.c.past.Next(p.options.Now()), Begun: begun, Contract: p.c.Contract, Mode: string(p.c.config.Mode),
		Pairs: map[addr.Node]state.ReleasedPair{}, Views: p.c.views, Members: p.sharing(begun), Published: p.options.RunID, Fields: firstNames(p.c), Markers: p.plan.marks, Bytes: p.out.Usage.Bytes,
	}
	if rec.At.Before(p.at) {
		rec.At = p.at
	}
	p.at = rec.At
	rec.Millis = rec.At.Sub(p.out.Start).Milliseconds()
	rows := map[addr.Node]int64{}
	for _, o := range p.out.Pairs {
		rows[o.Node] = o.Rows
	}
	for _, e := range p.c.all {
		pair := e.pair
		if e.due {
			if begun {
				continue
			}
			pair.Rows = rows[e.model.Node]
		}
		rec.Pairs[e.model.Node] = pair
		rec.Rows += max(pair.Rows, 0)
	}
	rec.PublishedAt = rec.At
	if begun {
		p.unsure(&rec)
		rec.PublishedAt, rec.Rows = p.c.past.PublishedAt, p.c.past.Rows
	}
	if p.plan.setting.Accounts {
		rec.Granted = slices.Clone(p.c.config.Principals)
		if begun {
			rec.Granted = append(rec.Granted, p.c.past.Granted...)
		}
		slices.Sort(rec.Granted)
		rec.Granted = slices.Compact(rec.Granted)
	}
	p.out.Rows = rec.Rows
	if s, ok := p.release.(warehouse.Stamper); ok && !begun {
		rec.Stamp = s.Stamp(ctx)
	}
	if _, err := p.do(ctx, state.ReleaseOp(p.conn.Dialect(), p.plan.scope, rec), &p.out.Usage); err != nil {
		return fmt.Errorf("record the publication: %w", err)
	}
	return nil
}

// sharing are the customers whose rows are in shared tables, or may be.
func (p *publication) sharing(begun bool) []string {
	var out []string
	for _, one := range p.c.members {
		out = append(out, one.Name)
	}
	if begun && p.c.members != nil {
		out = append(out, p.c.past.Members...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unsure adds to a record that is written before a publication what the customer had before:
// its columns are still what the contract is held to, and nobody knows any more what it is.
func (p *publication) unsure(rec *state.Release) {
	past := p.c.past
	for n, pair := range past.Pairs {
		if _, stays := rec.Pairs[n]; !stays {
			pair.Fingerprint = ""
			rec.Pairs[n] = pair
		}
	}
	rec.Views, rec.Published = nil, past.Published
	for name, view := range past.Views {
		if rec.Views == nil {
			rec.Views = map[string]state.ReleasedPair{}
		}
		view.Fingerprint = ""
		rec.Views[name] = view
	}
	if past.Run != "" {
		rec.Contract = past.Contract
	}
}

// firstNames are the columns of all custom fields that the customer ever had: a field that
// comes back gets the column that it had.
func firstNames(c *Customer) map[string]map[string]string {
	out := map[string]map[string]string{}
	add := func(model, id, column string) {
		if out[model] == nil {
			out[model] = map[string]string{}
		}
		if out[model][id] == "" {
			out[model][id] = column
		}
	}
	for _, model := range slices.Sorted(maps.Keys(c.past.Fields)) {
		for id, column := range c.past.Fields[model] {
			add(model, id, column)
		}
	}
	for model, fields := range c.config.Fields {
		for _, f := range fields {
			if f.Column != "" {
				add(model, f.ID, f.Column)
			}
		}
	}
	return out
}
