package reading

import (
	"maps"
	"slices"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// sharedRows stands for the customer in the names of schemas whose tables several customers
// share, see package distribute.
const sharedRows = "_rows"

// readOffers says what customers have of each relation: names, columns, types and masks, older
// contracts, schemas and custom fields. Nodes and customers have to be there; cfg is nil where the
// customers are not known. Mistakes in contracts and rules are not told here: publishing does.
func readOffers(c *content.Catalog, p *compile.Program, cfg *tenant.Config) {
	d := p.Project.Settings.Distribution
	if d == nil {
		return
	}
	rules, _ := tenant.Rules(p)
	contracts, _ := tenant.Contracts(p, rules)
	newest := contracts[len(contracts)-1].Version
	number := make(map[addr.Node]int, len(c.Nodes))
	for i, n := range c.Nodes {
		number[n.ID] = i
	}
	words := spelling{text: "text"}
	if x, ok := p.Target.Dialect.(warehouse.Slicer); ok {
		words = spelling{x.FieldColumn(warehouse.FieldText), x.FieldColumn}
	}
	byName := map[string]int{} // node by its name at customers
	var sources []string
	for _, r := range rules {
		n, ok := number[r.Node]
		if !ok {
			continue
		}
		c.Nodes[n].Offer = words.offer(r)
		if r.Source == "" {
			byName[r.As] = n
		} else if !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
	}
	slices.Sort(sources)
	for _, x := range contracts[:len(contracts)-1] {
		c.Contracts = append(c.Contracts, words.contract(x, contracts, rules, byName))
	}
	if cfg == nil {
		return
	}
	byCustomer := make(map[string]*content.Customer, len(c.Customers))
	for _, x := range c.Customers {
		byCustomer[x.Name] = x
	}
	for i := range cfg.Customers {
		from := cfg.Customers[i]
		x := byCustomer[from.Name]
		if x == nil {
			continue
		}
		shared := from.Mode == tenant.Rows
		if x.Contract = from.Contract; shared {
			x.Contract, from.Name = newest, sharedRows
			from.Contract = newest
		}
		schemas := tenant.Schemas(d, from, sources, newest)
		x.Schema = schemas.Main
		for _, source := range slices.Sorted(maps.Keys(schemas.Lakes)) {
			if slices.ContainsFunc(rules, func(r tenant.Rule) bool { return r.Source == source && r.For(cfg.Customers[i].Name) }) {
				x.Lakes = append(x.Lakes, content.Pair{Name: source, Value: schemas.Lakes[source]})
			}
		}
		if shared {
			continue // names of fields would tell one customer of another: nobody has them there
		}
		for _, model := range slices.Sorted(maps.Keys(from.Fields)) {
			n, ok := byName[model]
			if !ok || !slices.Contains(x.Nodes, n) {
				continue
			}
			for _, f := range from.Fields[model] {
				if f.Column != "" {
					x.Fields = append(x.Fields, content.CustomField{Node: n, Name: f.Column, Type: words.field(f.Type), Title: f.Name})
				}
			}
		}
	}
}

// spelling is how the target writes the types of what is made for customers.
type spelling struct {
	text string
	of   func(warehouse.FieldType) string
}

func (s spelling) field(t warehouse.FieldType) string {
	if s.of == nil {
		return string(t)
	}
	return s.of(t)
}

// offer is what customers have of a relation under the newest contract. A column whose value
// may be hidden behind a digest is text for everybody.
func (s spelling) offer(r tenant.Rule) *content.Offer {
	o := &content.Offer{As: r.As, Source: r.Source}
	for _, col := range r.Columns {
		if r.Fields != nil && col.Name == r.Fields.Column && !r.Fields.KeepRaw {
			continue
		}
		x := content.Offered{Column: col.Name, Type: col.Type}
		if len(r.Via) > 0 && !col.Visible {
			if x.Mask = string(col.Mask.Kind); x.Mask == "" {
				x.Mask = string(tenant.MaskNull)
			}
			if col.Mask.Kind == tenant.MaskHash {
				x.Type = s.text
			}
		}
		o.Columns = append(o.Columns, x)
	}
	return o
}

// contract is an older version with all of its relations.
func (s spelling) contract(x tenant.Contract, all []tenant.Contract, rules []tenant.Rule, byName map[string]int) *content.Contract {
	columns := map[string][]tenant.Column{}
	for _, r := range rules {
		if r.Source != "" {
			continue
		}
		var list []tenant.Column
		for _, o := range s.offer(r).Columns {
			list = append(list, tenant.Column{Name: o.Column, Type: o.Type})
		}
		columns[r.As] = list
	}
	out := &content.Contract{Version: x.Version, Sunset: x.Sunset}
	for _, m := range tenant.Older(all, x.Version, columns) {
		rel := content.OldRelation{Node: -1, As: m.Name}
		if n, ok := byName[m.Newest]; ok && m.Newest != "" {
			rel.Node = n
		}
		for _, col := range m.Columns {
			rel.Columns = append(rel.Columns, content.OldColumn{Name: col.Name, Type: col.Type, From: col.From})
		}
		out.Old = append(out.Old, rel)
	}
	return out
}
