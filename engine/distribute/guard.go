package distribute

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// guards are the shared tables of which a reader sees the rows of its customer only, those that
// stay as they are included, and the policies that let it. A table may have none: those who get
// it have no principals, or none that can be let in, and the readers of others have no access.
func (p *publication) guards() (guarded []addr.Relation, policies []warehouse.RowPolicy) {
	if p.c.members == nil {
		return nil, nil
	}
	for _, e := range p.c.all {
		if e.model.rule.All {
			continue
		}
		table := p.c.places.final(e.model)
		guarded = append(guarded, table)
		for _, one := range p.c.members {
			if !e.model.rule.For(one.Name) {
				continue
			}
			for _, principal := range one.Principals {
				policies = append(policies, warehouse.RowPolicy{Table: table, Principal: principal, Column: tenant.CustomerColumn, Value: one.Name})
			}
		}
	}
	return guarded, policies
}

// vet looks for principals that no right keeps from other customers' rows, some of whom may have
// been let in before they were that, and for those that are not there. Of those who share, a
// customer with such a principal does without it: what it has of the shared tables is taken back,
// since it would see all rows of them. A customer of its own gets nothing new, for the reason
// returned, and keeps what it has.
func (p *publication) vet(ctx context.Context) (unfit *warehouse.PrincipalError, err error) {
	vetter, ok := p.conn.(warehouse.Vetter)
	if !ok || !p.plan.setting.Accounts || len(p.c.config.Principals) == 0 {
		return nil, nil
	}
	bad, err := vetter.Unfit(ctx, p.c.config.Principals, p.c.members != nil)
	if err != nil {
		return nil, fmt.Errorf("look at the principals: %w", err)
	}
	for _, e := range bad {
		if p.c.members != nil {
			p.refuse(e)
		} else if unfit == nil {
			unfit = e
		}
	}
	return unfit, nil
}

// sights are the guarded tables, with the customers whose rows a principal sees there: none,
// and it has no access.
func (p *publication) sights(principal string) map[addr.Relation][]string {
	guarded, policies := p.guards()
	out := make(map[addr.Relation][]string, len(guarded))
	for _, t := range guarded {
		out[t] = nil
	}
	for _, y := range policies {
		if y.Principal == principal {
			out[y.Table] = append(out[y.Table], y.Value)
		}
	}
	return out
}

// rows asks as a principal whether it sees rows in guarded tables that are none of its
// customers'. What it sees of its own is read with an index, the rest is nothing.
func (p *publication) rows(ctx context.Context, reader warehouse.Impersonator, principal string, sights map[addr.Relation][]string, found *diag.List) error {
	var tables []addr.Relation
	var queries []string
	for _, e := range p.c.all {
		table := p.c.places.final(e.model)
		customers := sights[table]
		if len(customers) == 0 {
			continue // not guarded, or without access, which Reads has found out
		}
		column := p.d.Ident(tenant.CustomerColumn)
		values := make([]string, len(customers))
		for i, c := range customers {
			values[i] = p.d.Literal(c)
		}
		tables = append(tables, table)
		queries = append(queries, "SELECT count(*) FROM (SELECT 1 FROM "+p.d.Quote(p.release.Published(table))+" WHERE "+column+" IS NULL OR "+column+" NOT IN ("+strings.Join(values, ", ")+") LIMIT 1) AS _engine_foreign")
	}
	answers, err := reader.Answers(ctx, principal, queries)
	if err != nil {
		return fmt.Errorf("count rows of others: %w", err)
	}
	for i, n := range answers {
		if n != 0 {
			found.Add(othersRows(p.c, principal, tables[i], sights[tables[i]]))
		}
	}
	return nil
}

// barriers asks the warehouse whether the views that were published keep a reader's query from
// rows that they leave out.
func (p *publication) barriers(ctx context.Context, found *diag.List) error {
	for _, v := range p.views {
		if !v.Barrier {
			continue
		}
		query := p.d.Unguarded(p.release.Published(v.Name))
		if query == "" {
			continue
		}
		rows, err := p.query(ctx, query, &p.out.Usage)
		if err != nil {
			return fmt.Errorf("look at the barrier of %s: %w", v.Name, err)
		}
		if len(rows) != 1 || len(rows[0]) != 1 {
			return fmt.Errorf("look at the barrier of %s: there is no answer", v.Name)
		}
		if n, whole := rows[0][0].(int64); !whole || n != 0 {
			found.Add(unbarred(p.c, v.Name))
		}
	}
	return nil
}

func othersRows(c *Customer, principal string, rel addr.Relation, customers []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAccess, Message: fmt.Sprintf("%s of %s sees rows of other customers in %s of customer %s", principal, shortList(slices.Compact(slices.Sorted(slices.Values(customers)))), rel, c.Name),
		Help: "somebody has given it a policy, or membership in the role of another customer: take that back"}
}

func unbarred(c *Customer, view addr.Relation) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAccess, Message: fmt.Sprintf("view %s of customer %s lets functions of a reader's query look at rows before its own filter", view, c.Name),
		Help: "somebody has changed it: engine publish --force --customer " + c.Name}
}
