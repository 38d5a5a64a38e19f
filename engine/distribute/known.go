package distribute

import (
	"context"
	"time"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Known is who the customers of a program are, as its configuration says now, and when each was
// last published. Nothing is decided and nothing is written. The configuration is nil where the
// project has no distribution, and where something is wrong with it: that is in the list.
func Known(ctx context.Context, p *compile.Program, conn warehouse.Conn) (*tenant.Config, map[string]time.Time, diag.List, error) {
	if p.Project.Settings.Distribution == nil {
		return nil, nil, nil, nil
	}
	rules, found := tenant.Rules(p)
	contracts, more := tenant.Contracts(p, rules)
	if found.Add(more...); found.HasErrors() {
		return nil, nil, found.Sorted(), nil
	}
	past, _, err := state.ReadReleases(ctx, conn, state.Scope{Database: p.Target.Database, Project: p.Project.Settings.Name.V, Schema: p.Target.Schema})
	if err != nil {
		return nil, nil, nil, err
	}
	config, _, more, err := Freeze(ctx, conn, p, Reading{Rules: rules, Contracts: contracts, Past: past})
	if found.Add(more...); err != nil || found.HasErrors() || config == nil {
		return nil, nil, found.Sorted(), err
	}
	released := map[string]time.Time{}
	for i := range config.Customers {
		c := &config.Customers[i]
		from := c.Name
		if c.Mode == tenant.Rows {
			from = SharedRows
		}
		if r, ok := past[from]; ok && !r.PublishedAt.IsZero() {
			released[c.Name] = r.PublishedAt
		}
	}
	return config, released, found.Sorted(), nil
}
