package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// Stock implements warehouse.Stocktaker: it lists the customers' datasets and reads who has access
// to them, which takes no job and is free of charge. To read which run a ReleaseTable names would be
// a job for each customer.
func (c *conn) Stock(ctx context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	found := make([]*stock, len(specs))
	err := side(len(specs), func(i int) (err error) {
		found[i], err = c.stockOf(ctx, specs[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	self := ""
	out := make(map[string]warehouse.Stock, len(specs))
	for i, s := range specs {
		one := found[i]
		if one == nil {
			continue
		}
		for _, schema := range append(slices.Clone(s.Schemas), s.Workspace) {
			if self == "" && owned(one.strangers[schema]) {
				if self, err = c.self(ctx); err != nil {
					return nil, err
				}
			}
			one.Strangers = append(one.Strangers, others(one.strangers[schema], self, schema)...)
		}
		slices.Sort(one.Strangers)
		one.Strangers = slices.Compact(one.Strangers)
		out[s.Customer] = one.Stock
	}
	return out, nil
}

// stock is what one customer has, and who has access to its datasets and is none of its readers.
type stock struct {
	warehouse.Stock
	strangers map[string][]string
}

// stockOf is nil where nothing of the owner is there.
func (c *conn) stockOf(ctx context.Context, s warehouse.ReleaseSpec) (*stock, error) {
	r := &release{c: c, spec: s}
	out := &stock{Stock: warehouse.Stock{Relations: map[addr.Relation]bool{}, Hidden: map[addr.Relation]bool{}}, strangers: map[string][]string{}}
	marked := false
	for _, schema := range r.schemas() {
		in, err := c.listed(ctx, &trail{}, schema)
		if err != nil {
			return nil, err
		}
		var have []addr.Relation
		for _, one := range in {
			switch ours, _ := whose(one.labels, s.Owner); {
			case schema == s.Workspace:
			case one.Name.Name == warehouse.ReleaseTable:
				marked = true
			case ours:
				have = append(have, one.Name)
			}
		}
		hidden, err := out.access(ctx, r, schema)
		if err != nil {
			return nil, err
		}
		for _, name := range have {
			out.Relations[name] = true
			if hidden {
				out.Hidden[name] = true
			}
		}
	}
	if !marked {
		return nil, nil
	}
	return out, nil
}

// access reads who has access to a dataset, and reports whether one of the readers has not.
func (k *stock) access(ctx context.Context, r *release, schema string) (hidden bool, err error) {
	var dataset resource
	err = r.c.request(ctx, &trail{}, http.MethodGet, r.c.datasetPath("", schema), url.Values{"accessPolicyVersion": {"3"}}, "", nil, &dataset)
	if notFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read dataset %s: %w", schema, err)
	}
	entries, _ := dataset["access"].([]any)
	readers := keysOf(r.spec.Readers)
	_, k.strangers[schema] = r.sorted(schema, entries, readers, nil)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if key, _ := memberOf(entry); key != "" && entry["condition"] == nil && roleOf(entry) == r.role(schema) {
			delete(readers, key)
		}
	}
	return len(readers) > 0, nil
}
