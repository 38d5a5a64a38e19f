package contenttest

import (
	"strings"

	"github.com/engine-build/engine/catalog/content"
)

// Offer makes every node that a customer of c receives one that customers can have: under its
// own name, with all columns but sensitive ones, of which rows seen in part show a hash. Each
// customer has a schema. It changes c and gives it.
func Offer(c *content.Catalog) *content.Catalog {
	for _, x := range c.Customers {
		if x.Schema == "" {
			x.Schema = "dw_" + x.Name
		}
		for _, i := range x.Nodes {
			n := c.Nodes[i]
			if n.Offer != nil {
				continue
			}
			n.Offer = &content.Offer{As: n.ID.Name}
			if n.Source != nil {
				source, table, _ := strings.Cut(n.ID.Name, ".")
				n.Offer.As, n.Offer.Source = table, source
				lake(x, source)
			}
			for _, col := range n.Columns {
				if col.Sensitive {
					continue
				}
				o := content.Offered{Column: col.Name, Type: col.Type}
				if len(n.Offer.Columns)%3 == 2 {
					o.Mask = "hash"
				}
				n.Offer.Columns = append(n.Offer.Columns, o)
			}
		}
		for _, i := range x.Nodes {
			if s := c.Nodes[i].Offer.Source; s != "" {
				lake(x, s)
			}
		}
	}
	return c
}

func lake(x *content.Customer, source string) {
	for _, l := range x.Lakes {
		if l.Name == source {
			return
		}
	}
	x.Lakes = append(x.Lakes, content.Pair{Name: source, Value: "dl_" + x.Name + "_" + source})
}
