package article

import (
	"strings"

	"github.com/engine-build/engine/catalog/words"
)

// facts lists what is known about a node, beside its article.
func (p *page) facts() {
	n := p.node
	from := p.Len()
	p.Raw(`<section class="card"><h2>About</h2><dl>`)
	start := p.Len()
	p.fact("Materialized", n.Materialized)
	p.fact("One row per", n.Grain)
	if n.Owner != "" {
		p.Raw("<dt>Owner</dt><dd>")
		p.Link(p.to(p.links.Owner(n.Owner)), "", n.Owner)
		p.Raw("</dd>")
	}
	p.group()
	if n.Tier != "" {
		p.Raw("<dt>Tier</dt><dd>")
		p.Link(p.to(p.links.Tier(n.Tier)), "", n.Tier)
		p.Raw("</dd>")
	}
	if len(n.Tags) > 0 {
		p.Raw("<dt>Tags</dt><dd>")
		for i, t := range n.Tags {
			if i > 0 {
				p.Raw(", ")
			}
			p.Link(p.to(p.links.Tag(t)), "", t)
		}
		p.Raw("</dd>")
	}
	p.fact("Access", n.Access)
	if n.Contract {
		p.fact("Contract", "columns and types are promised")
	}
	if !n.Deprecated.IsZero() {
		p.fact("Deprecated", words.Day(n.Deprecated))
	}
	p.source()
	if s := n.Seed; s != nil {
		p.fact("Format", s.Format)
		p.fact("File size", words.Size(s.Size))
	}
	p.exposure()
	p.fact("Partitioned by", n.Data.Partitioned)
	p.fact("Clustered by", strings.Join(n.Data.Clustered, ", "))
	for _, f := range n.Facts {
		if f.Value == "" {
			continue
		}
		p.Raw("<dt>")
		p.Text(f.Name)
		p.Raw("</dt><dd>")
		p.Outside(f.Link, f.Value)
		p.Raw("</dd>")
	}
	p.path("File", n.File)
	if n.YAML != "" && n.YAML != n.File {
		p.path("Properties", p.yaml())
	}
	if p.Len() == start {
		p.Truncate(from)
	} else {
		p.Raw("</dl></section>\n")
	}
	if len(n.Meta) > 0 {
		p.Raw(`<section class="card"><h2>Meta</h2><dl>`)
		for _, m := range n.Meta {
			p.fact(m.Name, m.Value)
		}
		p.Raw("</dl></section>\n")
	}
}

func (p *page) fact(name, value string) {
	if value == "" {
		return
	}
	p.Element("dt", "", name)
	p.Element("dd", "", value)
}

// path writes the place of a file, which may go on in a new line after each folder. Sites for others
// have no paths; should one come through, it stands there whole, so that a search for it finds it.
func (p *page) path(name, place string) {
	if place == "" || !p.open() {
		p.fact(name, place)
		return
	}
	p.Raw("<dt>", name, "</dt><dd>")
	for {
		i := strings.IndexByte(place, '/') + 1
		p.Text(place[:max(i, 0)])
		if i == 0 {
			break
		}
		p.Raw("<wbr>")
		place = place[i:]
	}
	p.Text(place)
	p.Raw("</dd>")
}

func (p *page) group() {
	name := p.node.Group
	if name == "" {
		return
	}
	p.Raw("<dt>Group</dt><dd>")
	p.Link(p.to(p.links.Group(name)), "", name)
	for _, g := range p.c.Groups {
		if g.Name != name {
			continue
		}
		if g.OwnerName != "" {
			p.Raw(" · ")
			p.Text(g.OwnerName)
		}
		if g.OwnerEmail != "" && g.OwnerEmail != p.node.Owner {
			p.Raw(" · ")
			p.Outside("mailto:"+g.OwnerEmail, g.OwnerEmail)
		}
	}
	p.Raw("</dd>")
}

func (p *page) source() {
	s := p.node.Source
	if s == nil {
		return
	}
	p.fact("Source", s.Name)
	p.fact("Loader", s.Loader)
	p.fact("Loaded at", s.LoadedAt)
	p.fact("Warn after", words.Period(s.WarnAfter))
	p.fact("Error after", words.Period(s.ErrorAfter))
}

func (p *page) exposure() {
	x := p.node.Exposure
	if x == nil {
		return
	}
	p.fact("Type", x.Type)
	p.fact("Maturity", x.Maturity)
	if x.URL != "" {
		p.Raw("<dt>Address</dt><dd>")
		p.Outside(x.URL, x.URL)
		p.Raw("</dd>")
	}
	if x.OwnerName != "" && x.OwnerName != p.node.Owner {
		p.fact("Owner", x.OwnerName)
	}
	if x.Email != "" {
		p.Raw("<dt>E-mail</dt><dd>")
		p.Outside("mailto:"+x.Email, x.Email)
		p.Raw("</dd>")
	}
}

// maxCustomers and maxMacros limit their lists.
const maxCustomers, maxMacros = 30, 30

// customers lists who receives the node.
func (p *page) customers() {
	n := p.node
	if len(n.Customers) == 0 && !n.ForAll && n.Offer == nil {
		return
	}
	p.Raw(`<section class="card"><h2>Customers`)
	if len(n.Customers) > 0 {
		p.Raw(" <small>", words.Count(len(n.Customers)), "</small>")
	}
	p.Raw("</h2>\n")
	if n.ForAll {
		p.Raw(`<p class="said">Every customer receives it.</p>`)
	}
	if n.Offer != nil && n.Offer.As != "" {
		p.Raw(`<p class="said">Customers read it as `)
		p.Element("code", "", n.Offer.As)
		p.Raw(".</p>")
	}
	p.Raw(`<ul class="links plain">`)
	for i, x := range n.Customers {
		if i == maxCustomers {
			break
		}
		c := p.c.Customers[x]
		title := c.Title
		if title == "" {
			title = c.Name
		}
		p.Raw("<li>")
		p.Link(p.to(p.links.Customer(x)), "", title)
		if c.Mode != "" {
			p.Raw(" ")
			p.Element("small", "", c.Mode)
		}
		p.Raw("</li>")
	}
	p.Raw("</ul>")
	if more := len(n.Customers) - maxCustomers; more > 0 {
		p.Raw(`<p class="more">and `, words.Count(more), " more</p>")
	}
	p.Raw("</section>\n")
}

// macros lists what the node's text uses.
func (p *page) macros() {
	if len(p.node.Macros) == 0 {
		return
	}
	p.Raw(`<section class="card"><h2>Macros <small>`, words.Count(len(p.node.Macros)), "</small></h2>\n", `<ul class="links">`)
	for i, m := range p.node.Macros {
		if i == maxMacros {
			break
		}
		p.Raw("<li>")
		p.Link(p.to(p.links.Macro(m)), "", p.c.Macros[m].Name)
		p.Raw("</li>")
	}
	p.Raw("</ul>")
	if more := len(p.node.Macros) - maxMacros; more > 0 {
		p.Raw(`<p class="more">and `, words.Count(more), " more</p>")
	}
	p.Raw("</section>\n")
}
