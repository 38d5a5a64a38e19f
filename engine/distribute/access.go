package distribute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Access is taken back before anything else is done, whatever becomes of the rest. It is the
// other way round for a customer that changes from shared tables to its own, or back: what it
// reads so far goes when it has what it reads from now on, and stays until then.

// turns is how many turns a run takes: customers of one are begun when those before have ended.
const turns = 3

// turn is when a customer has its turn: those who have tables of their own, then the shared
// ones that some of them leave, then what those had who share from now on.
func (c *Customer) turn() int {
	switch {
	case c.joins:
		return 2
	case len(c.leaving) > 0:
		return 1
	}
	return 0
}

// names are those whose rows may be needed.
func (c *Customer) names() []string {
	var out []string
	for _, r := range slices.Concat(c.readers(), c.leaving) {
		out = append(out, r.Name)
	}
	return out
}

// leaving are those who have shared tables so far, and shall have their own.
func (m *maker) leaving() (out []*tenant.Customer) {
	past := m.in.Past[SharedRows]
	if !m.in.Setting.Accounts || len(past.Granted) == 0 {
		return nil
	}
	for i := range m.in.Config.Customers {
		c := &m.in.Config.Customers[i]
		own := m.in.Past[c.Name]
		if c.Enabled && c.Mode != tenant.Rows && slices.Contains(past.Members, c.Name) && slices.ContainsFunc(c.Principals, func(p string) bool {
			return slices.Contains(past.Granted, p) && (own.Begun || !slices.Contains(own.Granted, p))
		}) {
			out = append(out, c)
		}
	}
	return out
}

// staying are those of c.leaving who do not have their own yet.
func (r *runner) staying(c *Customer) (out []*tenant.Customer) {
	for _, one := range c.leaving {
		if o, _ := r.outcome(one.Name); o == nil || o.Status != Published {
			out = append(out, one)
		}
	}
	return out
}

// outcome is what became of a customer that had its turn, and whether the plan has it.
func (r *runner) outcome(name string) (*Outcome, bool) {
	i, planned := slices.BinarySearchFunc(r.plan.Customers, name, func(c *Customer, name string) int { return strings.Compare(c.Name, name) })
	if !planned {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.Customers[i], true
}

// joined reports whether a customer reads the shared tables. What the plan does not have is
// there already.
func (r *runner) joined(name string) bool {
	o, planned := r.outcome(SharedRows)
	if !planned {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return o != nil && o.Status == Published && !r.refused[name]
}

// principalsOf are those of customers, sorted.
func principalsOf(lists ...[]*tenant.Customer) []string {
	var out []string
	for _, one := range slices.Concat(lists...) {
		out = append(out, one.Principals...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// now is the customer as things stand at its turn, to be changed at will.
func (r *runner) now(c *Customer) (out *Customer, staying []*tenant.Customer) {
	own := *c
	r.mu.Lock()
	if past, ok := r.past[c.Name]; ok {
		own.past = past
	}
	r.mu.Unlock()
	if c.members == nil && len(c.leaving) == 0 {
		return &own, nil
	}
	staying = r.staying(c)
	config := *c.config
	config.Principals = slices.Concat(config.Principals, principalsOf(staying))
	slices.Sort(config.Principals)
	config.Principals = slices.Compact(config.Principals)
	own.config = &config
	if c.members != nil {
		own.members = nil
		for _, one := range slices.Concat(c.members, staying) {
			member := *one
			own.members = append(own.members, &member)
		}
	}
	return &own, staying
}

// keep leaves the shared tables that only those who stay read as they are.
func (p *publication) keep() {
	if p.c.members == nil {
		return
	}
	p.c.all = slices.Clone(p.c.all)
	for _, m := range p.plan.Models {
		pair, had := p.c.past.Pairs[m.Node]
		final := p.c.places.final(m)
		if had && !m.rule.All && !slices.ContainsFunc(p.c.all, func(e entitled) bool { return e.model == m }) &&
			slices.ContainsFunc(p.staying, func(one *tenant.Customer) bool { return m.rule.For(one.Name) }) &&
			slices.ContainsFunc(p.own, func(rel warehouse.Relation) bool { return bare(rel.Name) == final }) {
			p.c.all = append(p.c.all, entitled{model: m, pair: pair})
		}
	}
}

// Loss is access that a customer's principals have no more.
type Loss struct {
	Customer   string
	Principals []string
	// Err is why they have it still, nil if they have not.
	Err error
}

// losing are the customers with principals who shall not have access any more.
func (p *Plan) losing() (out []*Customer, lost [][]string) {
	if !p.setting.Accounts {
		return nil, nil
	}
	for _, c := range p.Customers {
		if _, all := differing(c.past.Granted, c.wanted()); len(all) > 0 {
			out, lost = append(out, c), append(lost, all)
		}
	}
	return out, lost
}

// wanted are the principals who may have access until the customer's turn.
func (c *Customer) wanted() []string {
	return slices.Concat(c.config.Principals, principalsOf(c.leaving), c.keeps)
}

// first takes access back from whoever shall not have it any more, before any rows are read. A
// customer for whom that fails has it tried again at its turn, and says so then.
func (r *runner) first(ctx context.Context) []Loss {
	losing, lost := r.plan.losing()
	out := make([]Loss, len(losing))
	r.each(len(losing), func(i int) {
		own := *losing[i]
		out[i] = Loss{Customer: own.Name, Principals: lost[i], Err: ctx.Err()}
		p := &publication{runner: r, c: &own, out: &Outcome{Customer: own.Name}}
		defer func() {
			if v := recover(); v != nil {
				out[i].Err = fmt.Errorf("the engine stumbled: %v", v)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.result.Usage.join(p.out.Usage)
		}()
		if out[i].Err == nil {
			out[i].Err = p.takeBack(ctx, own.wanted())
		}
	})
	return out
}

// TakeBack does of a plan only what takes access from principals: for a run that must not publish.
// The plan may be one of Prepare that comes with errors. The error is for what concerns all.
func TakeBack(ctx context.Context, p *Plan, conn warehouse.Conn, o Options) ([]Loss, error) {
	if losing, _ := p.losing(); len(losing) == 0 {
		return nil, nil
	}
	r, err := newRunner(p, conn, o)
	if err != nil {
		return nil, err
	}
	ctx, release := o.Lease.Context(ctx)
	defer release()
	if err := r.records(ctx); err != nil {
		return nil, err
	}
	return r.first(ctx), nil
}

func (p *publication) spec() warehouse.ReleaseSpec {
	return warehouse.ReleaseSpec{
		Owner: p.plan.setting.Owner(), Customer: p.c.Name, Schemas: p.c.places.All(), Workspace: p.c.places.Workspace,
		Workshop: p.options.Workshop.At, Dir: p.plan.setting.Dir,
	}
}

func (p *publication) open(ctx context.Context) (err error) {
	p.release, err = p.dist.OpenRelease(ctx, p.spec())
	return err
}

// takeBack takes access from all but the wanted principals, and writes down at once who has it
// still.
func (p *publication) takeBack(ctx context.Context, wanted []string) error {
	if !p.plan.setting.Accounts {
		return nil
	}
	past := p.c.past
	_, lost := differing(past.Granted, wanted)
	if len(lost) > 0 {
		if err := p.options.Lease.Confirm(ctx); err != nil {
			return err
		}
	}
	strangers, err := p.dist.Revoke(ctx, p.spec(), past.Granted, wanted)
	if err != nil {
		return fmt.Errorf("revoke what principals have no more: %w", err)
	}
	p.access = nil
	for _, s := range strangers {
		p.access = append(p.access, "access of "+s)
	}
	if len(lost) == 0 {
		return nil
	}
	if past.At = past.Next(p.options.Now()); !past.Begun {
		past.Run = p.options.RunID // of one that began and did not end it says what may be there
	}
	past.Granted = slices.DeleteFunc(slices.Clone(past.Granted), func(g string) bool { return slices.Contains(lost, g) })
	if _, err := p.do(ctx, state.ReleaseOp(p.conn.Dialect(), p.plan.scope, past), &p.out.Usage); err != nil {
		return fmt.Errorf("record who has access: %w", err)
	}
	p.c.past = past
	p.mu.Lock()
	defer p.mu.Unlock()
	p.past[p.c.Name] = past
	return nil
}

// show publishes what is staged. Of those who share, one with a principal that cannot be let
// in does without it, and the others have what is new.
func (p *publication) show(ctx context.Context) error {
	for {
		stats, err := p.release.Publish(ctx, p.handover())
		p.charge(&p.out.Usage, stats)
		var principal *warehouse.PrincipalError
		if p.c.members == nil || !errors.As(err, &principal) || !p.refuse(principal) {
			return err
		}
	}
}

// refuse does without a principal, and reports whether there was one.
func (p *publication) refuse(e *warehouse.PrincipalError) bool {
	without := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return one == e.Principal })
	}
	found := false
	for _, one := range p.c.members {
		if !slices.Contains(one.Principals, e.Principal) {
			continue
		}
		found = true
		one.Principals = without(one.Principals)
		for _, d := range failures(&Customer{Name: one.Name}, p.out.Phase, e) {
			if slices.Contains(p.c.past.Granted, e.Principal) {
				d.Message += "; its access to what customers share is taken back"
			}
			p.out.Diags.Add(d)
		}
		p.mu.Lock()
		p.refused[one.Name] = true
		p.mu.Unlock()
	}
	p.c.config.Principals = without(p.c.config.Principals)
	p.partly = p.partly || found
	return found
}

// TakenBack says what became of access that was taken by a run that publishes nothing.
func TakenBack(losses []Loss) (found diag.List) {
	for _, l := range losses {
		d := diag.Diagnostic{Severity: diag.Warning, Code: codeAccess, Message: fmt.Sprintf("%s: no access any more for %s", l.Customer, shortList(l.Principals)), Help: "nothing else was done: access is taken whatever else is wrong"}
		if l.Err != nil {
			list := failures(&Customer{Name: l.Customer}, PhaseStage, l.Err)
			for i := range list {
				list[i].Message += fmt.Sprintf("; %s may still have access", shortList(l.Principals))
			}
			found.Add(list...)
			continue
		}
		found.Add(d)
	}
	return found
}

// unmoved is about a customer that keeps what it reads so far.
func unmoved(c *Customer) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFailed, Message: fmt.Sprintf("%s keeps the tables of its own: those that it shares from now on were not published to it", c.Name), Help: "mend what is said about them; the next engine publish goes on"}
}

// remaining is about customers who share until they have their own.
func remaining(staying []*tenant.Customer) diag.Diagnostic {
	names := make([]string, len(staying))
	for i, one := range staying {
		names[i] = one.Name
	}
	return diag.Diagnostic{Severity: diag.Warning, Code: codeFailed, Message: fmt.Sprintf("%s: shared rows stay until tables of their own are published", shortList(names)), Help: "the next engine publish goes on"}
}
