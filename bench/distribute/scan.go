package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// sampled is how many customers' statements are explained.
const sampled = 20

// scan explains, with numbers of what was really read, the statements that engine publish sends
// for a model, and those of the naive script: rows on DuckDB, which leaves out groups of rows that
// cannot have any, and blocks of 8 KiB on PostgreSQL. Only what reads the model and what was split of
// it counts, not the catalog, which both read to make tables.
func (o *options) scan(ctx context.Context, open func() (warehouse.Conn, error)) error {
	conn, err := open()
	if err != nil {
		return err
	}
	defer conn.Close()
	d, err := tenant.For(conn.Dialect())
	if err != nil {
		return err
	}
	dist, err := warehouse.Distribute(conn)
	if err != nil {
		return err
	}
	at, err := dist.Workshop(ctx, "bench", "dw__scan")
	if err != nil {
		return err
	}
	defer dist.CloseWorkshop(context.WithoutCancel(ctx), at)
	do := func(op warehouse.Op) error {
		statements, err := conn.Dialect().Render(op)
		for _, s := range statements {
			if err == nil {
				_, err = conn.Exec(ctx, s)
			}
		}
		return err
	}
	in := func(name string) addr.Relation { r := at; r.Name = name; return r }
	frozen := tenant.Frozen{Tenants: in("tenants"), Links: in("links"), Transfers: in("transfers")}
	text := d.Words().Text()
	keys := []warehouse.Column{{Name: "customer", Type: text}, {Name: "key_int", Type: "BIGINT"}, {Name: "key_text", Type: text}}
	if err := do(warehouse.CreateTable{Target: frozen.Tenants, Columns: keys}); err != nil {
		return err
	}
	var rows [][]any
	customers := make([]tenant.Customer, o.customers)
	for c := range customers {
		key := tenant.Key{Number: true, Int: int64(c), Text: fmt.Sprint(c)}
		customers[c] = tenant.Customer{Name: fmt.Sprintf("c%d", c), Tenants: []tenant.Key{key}}
		rows = append(rows, []any{customers[c].Name, key.Int, key.Text})
	}
	for some := range slices.Chunk(rows, 500) {
		if err := do(warehouse.InsertValues{Target: frozen.Tenants, Columns: keys, Rows: some}); err != nil {
			return err
		}
	}
	model := addr.Relation{Schema: "dw", Name: "m00"}
	found, err := conn.Inspect(ctx, []addr.Relation{model})
	if err != nil || len(found) != 1 {
		return fmt.Errorf("inspect %s: %d found, %w", model, len(found), err)
	}
	rule := tenant.Rule{Relation: model, As: "m00", Tenant: "tenant_id"}
	for _, c := range found[0].Columns {
		rule.Columns = append(rule.Columns, tenant.Column{Name: c.Name, Type: c.Type, Number: c.Name != "name", Text: c.Name == "name"})
	}
	read := func(query string) (float64, error) { return explained(ctx, conn, o.on, query) }
	split := tenant.Split(d, rule, frozen, nil)
	splitting, err := read(split.Query)
	if err != nil {
		return err
	}
	table := warehouse.CreateTableAs{Target: in("split"), Query: split.Query}
	if len(split.Index) > 0 {
		table.Layout = &warehouse.Layout{Indexes: []warehouse.Index{{Columns: split.Index}}, Unlogged: true}
	}
	if err := do(table); err != nil {
		return err
	}
	counting, err := read(tenant.Expected(d, rule, frozen, nil))
	if err != nil {
		return err
	}
	one, err := read(tenant.Expected(d, rule, frozen, []string{"c0"}))
	if err != nil {
		return err
	}
	var slices, direct, naive float64
	n := min(sampled, o.customers)
	for i := range n {
		c := customers[i*o.customers/n]
		for query, sum := range map[string]*float64{
			first(tenant.Slice(d, rule, c, frozen, tenant.From{Split: in("split"), Inline: 500})): &slices,
			first(tenant.Slice(d, rule, c, frozen, tenant.From{Inline: 500})):                     &direct,
			"select * from dw.m00 where tenant_id in (" + c.Tenants[0].Text + ")":                 &naive,
		} {
			got, err := read(query)
			if err != nil {
				return err
			}
			*sum += got / float64(n)
		}
	}
	unit, all := "rows", float64(o.models)
	if o.on == "postgres" {
		unit, all = "MB", float64(o.models)*8192/1e6
	}
	each := float64(o.customers)
	total := (splitting + counting + slices*each) * all
	fmt.Printf("scanned by all customers, %s: split %.0f, counts %.0f, slices %.0f; together %.0f; naive script %.0f, %.1f times that\n",
		unit, splitting*all, counting*all, slices*each*all, total, naive*each*all, naive*each*all/total)
	fmt.Printf("scanned by one customer, %s: slices %.0f, counts %.0f; of all customers 1/%.0f\n", unit, direct*all, one*all, total/(direct+one)/all)
	return nil
}

func first[A, B any](a A, _ B) A { return a }

// explained runs a query and gives what it has read.
func explained(ctx context.Context, conn warehouse.Conn, on, query string) (float64, error) {
	options := "(analyze, format json) "
	if on == "postgres" {
		options = "(analyze, buffers, timing off, format json) "
	}
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: "explain " + options + query})
	if err != nil {
		return 0, fmt.Errorf("explain %s: %w", query, err)
	}
	defer rows.Close()
	var out float64
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return 0, err
		}
		b := []byte(fmt.Sprint(v[len(v)-1]))
		if on == "postgres" {
			var plans []struct {
				Plan struct {
					Hit  float64 `json:"Shared Hit Blocks"`
					Read float64 `json:"Shared Read Blocks"`
				}
			}
			if err := json.Unmarshal(b, &plans); err != nil || len(plans) != 1 {
				return 0, fmt.Errorf("read the plan of %s: %w", query, err)
			}
			out = plans[0].Plan.Hit + plans[0].Plan.Read
			continue
		}
		var plan struct {
			Rows float64 `json:"cumulative_rows_scanned"`
		}
		if err := json.Unmarshal(b, &plan); err != nil {
			return 0, fmt.Errorf("read the plan of %s: %w", query, err)
		}
		out = plan.Rows
	}
	return out, rows.Err()
}
