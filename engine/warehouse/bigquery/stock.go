package bigquery

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// Stock implements warehouse.Stocktaker: it lists the customers' datasets, which takes no job and
// is free of charge. To read which run a ReleaseTable names would be a job for each customer.
func (c *conn) Stock(ctx context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	found := make([]map[addr.Relation]bool, len(specs))
	err := side(len(specs), func(i int) error {
		marked, have := false, map[addr.Relation]bool{}
		for _, schema := range specs[i].Schemas {
			in, err := c.listed(ctx, &trail{}, schema)
			if err != nil {
				return err
			}
			for _, one := range in {
				switch ours, _ := whose(one.labels, specs[i].Owner); {
				case one.Name.Name == warehouse.ReleaseTable:
					marked = true
				case ours:
					have[one.Name] = true
				}
			}
		}
		if marked {
			found[i] = have
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]warehouse.Stock, len(specs))
	for i, s := range specs {
		if found[i] != nil {
			out[s.Customer] = warehouse.Stock{Relations: found[i]}
		}
	}
	return out, nil
}
