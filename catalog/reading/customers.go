package reading

import (
	"slices"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/tenant"
)

// readCustomers says who receives what. Without a list of customers only what goes to every
// one is known.
func (r *reader) readCustomers() {
	if r.p.Project.Settings.Distribution == nil {
		return
	}
	rules, _ := tenant.Rules(r.p)
	for i := range rules {
		if n, ok := r.number[rules[i].Node]; ok && rules[i].Only == nil {
			r.c.Nodes[n].ForAll = true
		}
	}
	if r.in.Tenants != nil {
		for i := range r.in.Tenants.Customers {
			r.customer(&r.in.Tenants.Customers[i], rules)
		}
	}
	readOffers(r.c, r.p, r.in.Tenants)
}

func (r *reader) customer(c *tenant.Customer, rules []tenant.Rule) {
	if !c.Enabled {
		return
	}
	out := &content.Customer{Name: c.Name, Title: c.Title, Tier: c.Tier, Tenants: len(c.Tenants), Released: r.in.Released[c.Name]}
	if out.Title == "" {
		out.Title = c.Name
	}
	switch c.Mode {
	case tenant.Tables:
		out.Mode = "tables"
	case tenant.Views:
		out.Mode = "views"
	case tenant.Rows:
		out.Mode = "shared tables"
	}
	number := len(r.c.Customers)
	for i := range rules {
		if !rules[i].For(c.Name) {
			continue
		}
		if n, ok := r.number[rules[i].Node]; ok {
			out.Nodes = append(out.Nodes, n)
		}
	}
	slices.Sort(out.Nodes)
	out.Nodes = slices.Compact(out.Nodes)
	for _, n := range out.Nodes {
		r.c.Nodes[n].Customers = append(r.c.Nodes[n].Customers, number)
	}
	r.c.Customers = append(r.c.Customers, out)
}
