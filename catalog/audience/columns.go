package audience

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
)

// columnsOf are the columns of a node as the audience has them.
func (v *view) columnsOf(old int) columns {
	if v.customer >= 0 {
		return v.columnsOfCustomer(old)
	}
	was := v.s.c.Nodes[old]
	out := columns{to: map[int]int{}, name: map[string]string{}}
	for i, c := range was.Columns {
		out.add(v.column(c), i, c.Name)
	}
	return out
}

func (c *columns) add(made *content.Column, old int, name string) {
	if old >= 0 {
		c.to[old] = len(c.made)
		c.name[strings.ToLower(name)] = made.Name
	}
	c.old = append(c.old, old)
	c.made = append(c.made, made)
}

// column is a column as it is in the project, its texts still to come.
func (v *view) column(was *content.Column) *content.Column {
	c := &content.Column{Name: was.Name, Type: was.Type, Sensitive: was.Sensitive, Written: true}
	if v.shows(Paths) {
		c.Written = was.Written
	}
	if v.shows(Tags) {
		c.Tags = slices.Clone(was.Tags)
	}
	if v.shows(Profile) && was.Profile != nil && !was.Sensitive {
		p := *was.Profile
		p.Top = slices.Clone(p.Top)
		c.Profile = &p
	}
	return c
}

// describe adds the texts of a column, when it is known what of them is hidden.
func (v *view) describe(n *content.Node, was, c *content.Column, names map[string]string) {
	at := func(part string) place {
		return place{node: n.ID, part: part + " column " + was.Name, columns: names}
	}
	c.Description = v.prose(was.Description, at("the description of"))
	var promised []string
	for _, text := range was.Constraints {
		if text, hidden := v.words(text, at("a constraint of"), true); !hidden {
			promised = append(promised, text)
		}
	}
	c.Constraints = append(promised, c.Constraints...)
	if v.shows(Meta) {
		c.Meta = v.pairs(was.Meta, at("meta of"))
	}
}

// masks are how values are hidden in rows that a customer sees in part, in words.
var masks = map[string]string{
	"null":     "NULL in rows that you see in part",
	"hash":     "a hash in rows that you see in part",
	"constant": "a constant in rows that you see in part",
}

// columnsOfCustomer are those of its own contract, and its custom fields.
func (v *view) columnsOfCustomer(old int) columns {
	x, was, o := v.s.c.Customers[v.customer], v.s.c.Nodes[old], v.offered(old)
	out := columns{to: map[int]int{}, name: map[string]string{}}
	position := map[string]int{}
	for i, c := range was.Columns {
		position[strings.ToLower(c.Name)] = i
		out.name[strings.ToLower(c.Name)] = "" // until it is seen
	}
	add := func(name, typ, from string) {
		i, ok := position[strings.ToLower(from)]
		if !ok || from == "" {
			out.add(&content.Column{Name: name, Type: typ, Constraints: []string{"always NULL: newer contracts do not have it"}, Written: true}, -1, "")
			return
		}
		c := v.column(was.Columns[i])
		c.Name, c.Type = name, cmp.Or(typ, c.Type)
		if k := slices.IndexFunc(o.Columns, func(y content.Offered) bool { return strings.EqualFold(y.Column, from) }); k >= 0 && o.Columns[k].Mask != "" {
			c.Constraints = append(c.Constraints, cmp.Or(masks[o.Columns[k].Mask], masks["null"]))
		}
		out.add(c, i, was.Columns[i].Name)
	}
	if r := v.older(old); r != nil {
		for _, c := range r.Columns {
			add(c.Name, c.Type, c.From)
		}
	} else {
		for _, c := range o.Columns {
			if _, ok := position[strings.ToLower(c.Column)]; ok {
				add(c.Column, c.Type, c.Column)
			}
		}
	}
	for _, f := range x.Fields {
		if f.Node == old {
			out.add(&content.Column{Name: f.Name, Type: f.Type, Description: escape(f.Title), Tags: []string{"custom field"}, Written: true}, -1, "")
		}
	}
	return out
}

// escape makes Markdown of plain text.
func escape(text string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune("\\`*_{}[]()#+-.!|<>~&:", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// offered is what the customer has of a node; nil: nothing.
func (v *view) offered(old int) *content.Offer {
	o := v.s.c.Nodes[old].Offer
	if o == nil {
		return nil
	}
	if c := v.contract(); c != nil && o.Source == "" && v.older(old) == nil {
		return nil // a contract without it
	}
	return o
}

// contract is the older version that the customer reads, nil for the newest.
func (v *view) contract() *content.Contract {
	for _, c := range v.s.c.Contracts {
		if c.Version == v.s.c.Customers[v.customer].Contract {
			return c
		}
	}
	return nil
}

// older is a node as the customer's contract has it, nil under the newest.
func (v *view) older(old int) *content.OldRelation {
	c := v.contract()
	if c == nil || v.s.c.Nodes[old].Offer == nil || v.s.c.Nodes[old].Offer.Source != "" {
		return nil
	}
	for i := range c.Old {
		if c.Old[i].Node == old {
			return &c.Old[i]
		}
	}
	return nil
}
