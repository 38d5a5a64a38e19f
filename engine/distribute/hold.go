package distribute

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// hold lets those go on who share tables, but for customers of whose rows a proof did not hold:
// these keep the rows that they have, which were proven when they were published. Of what is staged
// for the others nothing changes, and nothing has to be proven anew. It reports whether anybody is
// left to go on.
func (p *publication) hold(ctx context.Context, e *proofError) (bool, error) {
	if p.c.members == nil || len(e.blamed) == 0 {
		return false, nil
	}
	var held []string
	for _, one := range p.c.members {
		if e.blamed[one.Name] {
			held = append(held, one.Name)
		}
	}
	if len(held) == 0 || len(held) == len(p.c.members) {
		return false, nil
	}
	columns, err := p.columns(ctx)
	if err != nil {
		return false, err
	}
	var finals []addr.Relation
	for _, own := range p.own {
		if own.Kind == warehouse.Table {
			finals = append(finals, p.release.Published(bare(own.Name)))
		}
	}
	published, err := p.inspect(ctx, finals)
	if err != nil {
		return false, err
	}
	for i, s := range p.staged {
		if s.pair.model.rule.All {
			continue
		}
		out := &p.out.Pairs[i]
		for _, name := range held {
			out.Rows -= out.of[name]
		}
		old := p.release.Published(s.pair.As)
		n, err := p.keepRows(ctx, s.at, old, columns[key(p.conn, s.at)], published[key(p.conn, old)], held)
		if err != nil {
			return false, fmt.Errorf("%s: leave %s what they have: %w", s.pair.model.As, shortList(held), err)
		}
		out.Rows += n
	}
	p.partly = true
	p.out.Diags.Add(e.list...)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range held {
		p.refused[name] = true
	}
	return true, nil
}

// keepRows puts the published rows of customers in the place of their staged ones, and gives how
// many these are. A column that was not there before is NULL in them, and so is a value that does
// not fit the type that a column has now.
func (p *publication) keepRows(ctx context.Context, staged, old addr.Relation, columns, had []warehouse.Column, held []string) (int64, error) {
	names := make([]string, len(held))
	for i, name := range held {
		names[i] = p.d.Literal(name)
	}
	whose := p.d.Ident(tenant.CustomerColumn) + " IN (" + strings.Join(names, ", ") + ")"
	exec := func(text string) error {
		stmt := warehouse.Statement{SQL: text}
		stats, err := p.conn.Exec(ctx, stmt)
		p.charge(&p.out.Usage, stats)
		return explained(stmt, err)
	}
	if err := exec("DELETE FROM " + p.d.Quote(staged) + " WHERE " + whose); err != nil {
		return 0, err
	}
	is := func(name string) func(warehouse.Column) bool {
		return func(c warehouse.Column) bool { return c.Name == name }
	}
	if !slices.ContainsFunc(had, is(tenant.CustomerColumn)) {
		return 0, nil // they have none
	}
	var into, from []string
	for _, c := range columns {
		i := slices.IndexFunc(had, is(c.Name))
		if i < 0 {
			continue
		}
		value := p.d.Ident(c.Name)
		if had[i].Type != c.Type {
			value = p.d.SafeCast(value, c.Type)
		}
		into, from = append(into, p.d.Ident(c.Name)), append(from, value)
	}
	if err := exec("INSERT INTO " + p.d.Quote(staged) + " (" + strings.Join(into, ", ") + ") SELECT " + strings.Join(from, ", ") + " FROM " + p.d.Quote(old) + " WHERE " + whose); err != nil {
		return 0, err
	}
	rows, err := p.query(ctx, "SELECT count(*) FROM "+p.d.Quote(staged)+" WHERE "+whose, &p.out.Usage)
	if err != nil {
		return 0, err
	}
	n, whole := rows[0][0].(int64)
	if !whole {
		return 0, fmt.Errorf("%v is no number of rows", rows[0][0])
	}
	return n, nil
}
