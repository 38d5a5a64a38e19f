package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// seedRows are the rows of a seed of the reference project by column.
func seedRows(t *testing.T, dir, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "seeds", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, column := range all[0] {
			row[column] = record[i]
		}
		out = append(out, row)
	}
	return out
}

// company is the reference project in a folder of its own, and what its customers have to
// have: worked out of the files of the app, by nothing that the engine uses.
type company struct {
	t      *testing.T
	dir    string
	target string
	open   func(customer string) warehouse.Conn
	// shares are the customers who share tables, where the warehouse has that.
	shares  []string
	tenants map[string][]string // by customer
	owners  map[string][]string // by tenant
}

func newReference(t *testing.T, target, fields string) *company {
	t.Helper()
	r := &company{t: t, dir: t.TempDir(), target: target}
	root := filepath.Join("..", "..")
	for _, name := range []string{"models", "macros", "seeds", "snapshots", "tests"} {
		if err := os.CopyFS(filepath.Join(r.dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join(root, "engine.yml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(settings), "\ntargets:\n", "\ntargets:\n"+fields, 1)
	if err := os.WriteFile(filepath.Join(r.dir, "engine.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *company) learn() {
	accounts := map[string]string{}
	for _, row := range seedRows(r.t, r.dir, "app/app_account.csv") {
		if row["enabled"] == "true" {
			accounts[row["id"]] = row["slug"]
		}
	}
	r.tenants, r.owners = map[string][]string{}, map[string][]string{}
	for _, row := range seedRows(r.t, r.dir, "app/app_account_tenant.csv") {
		if slug := accounts[row["account_id"]]; slug != "" {
			r.tenants[slug] = append(r.tenants[slug], row["tenant_id"])
			r.owners[row["tenant_id"]] = append(r.owners[row["tenant_id"]], slug)
		}
	}
}

func (r *company) engine(args []string, want ...string) {
	r.t.Helper()
	a, out, errs := world(r.t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return r.dir, nil }
	a.now = time.Now
	code := a.execute(append(args, "--target", r.target, "--no-color"))
	text := out.String() + errs.String()
	for _, w := range want {
		if code != exitDone || !strings.Contains(text, w) {
			r.t.Fatalf("engine %s: exit code %d, want %q in\n%s", strings.Join(args, " "), code, w, text)
		}
	}
}

// rows are those of a query at a customer's, a text each, sorted.
func (r *company) rows(customer, query string) []string {
	r.t.Helper()
	c := r.open(customer)
	defer c.Close()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		r.t.Fatalf("%s: %s: %v", customer, query, err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			r.t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			if words[i] = "NULL"; v != nil {
				words[i] = fmt.Sprint(v)
			}
		}
		out = append(out, strings.Join(words, ","))
	}
	if err := rows.Err(); err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// compare is about one customer.
func (r *company) compare(what, customer, query string, want []string) {
	r.t.Helper()
	slices.Sort(want)
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, r.rows(customer, query)); diff != "" {
		r.t.Errorf("%s of %s (-want +got):\n%.1500s", what, customer, diff)
	}
}

// check compares everything that every customer has of some relations with the app's files.
func (r *company) check() {
	r.t.Helper()
	older := map[string]bool{"backwoods": true, "customer_06": true, "customer_08": true}
	links := map[string][]string{"cascade": {"1030", "1050"}}
	materials := seedRows(r.t, r.dir, "app/app_material.csv")
	transfers := seedRows(r.t, r.dir, "app/app_transfer.csv")
	for customer, tenants := range r.tenants {
		whole, part := map[string]bool{}, map[string]bool{}
		var wantMaterials, wantTransfers, wantLake, wantLocations []string
		for _, m := range materials {
			if slices.Contains(tenants, m["tenant_id"]) || slices.Contains(links[customer], m["id"]) {
				whole[m["id"]] = true
			}
		}
		for _, tr := range transfers {
			switch received := slices.Contains(tenants, tr["to_tenant_id"]) && tr["status"] != "rejected"; {
			case slices.Contains(tenants, tr["tenant_id"]):
				wantTransfers = append(wantTransfers, tr["id"]+",true")
			case received:
				wantTransfers = append(wantTransfers, tr["id"]+",false")
			}
			if slices.Contains(tenants, tr["to_tenant_id"]) && tr["status"] != "rejected" && !whole[tr["material_id"]] {
				part[tr["material_id"]] = true
			}
		}
		for id := range whole {
			wantMaterials = append(wantMaterials, id+",true")
		}
		for id := range part {
			wantMaterials = append(wantMaterials, id+",false")
		}
		for _, row := range seedRows(r.t, r.dir, "trackntrace/tnt_package.csv") {
			if slices.Contains(tenants, row["tenant_id"]) {
				wantLake = append(wantLake, row["tag"])
			}
		}
		for _, row := range seedRows(r.t, r.dir, "app/app_location.csv") {
			if slices.Contains(tenants, row["tenant_id"]) {
				wantLocations = append(wantLocations, row["id"])
			}
		}
		schema, lake, whose := "dw_"+customer, "dl_"+customer+"_trackntrace", " where true"
		shares := slices.Contains(r.shares, customer)
		if shares {
			schema, lake, whose = "dw__rows", "dl__rows_trackntrace", " where _engine_customer = '"+customer+"'"
		}
		r.compare("material", customer, "select material_id, status <> 'sent' from "+schema+".material"+whose, wantMaterials)
		r.compare("masked material", customer, "select count(*) from "+schema+".material"+whose+" and status = 'sent' and (unit_cost is not null or location_id is not null or length(material_code) <> 64 or ancestor_ids is not null)", []string{"0"})
		r.compare("transfers", customer, "select transfer_id, product_id is not null from "+schema+".fct_transfers"+whose, wantTransfers)
		r.compare("lake", customer, "select tag from "+lake+".package"+whose, wantLake)
		r.compare("locations", customer, "select location_id from "+schema+".dim_location"+whose, wantLocations)
		relations := r.rows(customer, "select table_name from information_schema.tables where table_schema = '"+schema+"'")
		columns := r.rows(customer, "select column_name from information_schema.columns where table_schema = '"+schema+"' and table_name = 'material'")
		has := func(list []string, name string) bool { return slices.Contains(list, name) }
		if old := has(columns, "quantity") && has(columns, "expiration_date") && has(columns, "legacy_code") && !has(columns, "quantity_g") && !has(relations, "report_traceability"); old != older[customer] {
			r.t.Errorf("%s: under contract 1 %v, want %v: %v", customer, old, older[customer], columns)
		}
		if has(columns, "custom_fields") {
			r.t.Errorf("%s has the JSON of all custom fields", customer)
		}
		if got := has(relations, "customer_06_yield"); got != (customer == "customer_06") {
			r.t.Errorf("%s has customer_06_yield: %v", customer, got)
		}
		for _, name := range []string{"report_recall", "material_edge", "int_account_overview", "cfg_customers"} {
			if has(relations, name) {
				r.t.Errorf("%s has %s", customer, name)
			}
		}
		if customer == "acme" {
			for _, c := range []string{"cf_expiration_date", "cf_shelf", "cf_shelf_shelf_2", "cf_grosse", "cf_box_count", "cf_thc"} {
				if !has(columns, c) {
					r.t.Errorf("acme has no column %s: %v", c, columns)
				}
			}
			if n := r.rows(customer, "select count(*) from dw_acme.material where cf_organic"); n[0] == "0" {
				r.t.Error("no material of acme is organic")
			}
		}
	}
}

// TestReferenceCustomers publishes the reference project's customers: of several tenants and
// with tenants of several, with links, transfers, custom fields, lakes, two contracts, all
// tiers, a canary and one that is disabled. What each has is compared with the app's files.
// Then a new one is added by two lines of data.
func TestReferenceCustomers(t *testing.T) {
	t.Run("duckdb", func(t *testing.T) {
		r := newReference(t, "dev", "")
		r.open = func(customer string) warehouse.Conn {
			return opened(t, duckdb.Driver{}, warehouse.Config{Dir: r.dir, Fields: map[string]string{"path": "target/customers/" + customer + ".duckdb", "read_only": "true"}})
		}
		publishReference(t, r)
		if _, err := os.Stat(filepath.Join(r.dir, "target", "customers", "customer_09.duckdb")); err == nil {
			t.Error("customer_09 is disabled, and has a file")
		}
	})
	t.Run("postgres", func(t *testing.T) {
		server := pg.Shared(t)
		fields := server.Fields(server.Database(t))
		target := "  server:\n    type: postgres\n    schema: dev\n"
		for _, k := range slices.Sorted(maps.Keys(fields)) {
			target += fmt.Sprintf("    %s: %q\n", k, fields[k])
		}
		r := newReference(t, "server", target)
		r.shares = []string{"cascade", "customer_04", "customer_07", "customer_10"}
		r.open = func(string) warehouse.Conn {
			return opened(t, postgres.Driver{}, warehouse.Config{Dir: r.dir, Fields: fields})
		}
		publishReference(t, r)
		r.compare("schemas", "customer_09", "select schema_name from information_schema.schemata where schema_name like '%customer_09%'", nil)
	})
}

func opened(t *testing.T, d warehouse.Driver, cfg warehouse.Config) warehouse.Conn {
	t.Helper()
	c, err := d.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func publishReference(t *testing.T, r *company) {
	r.learn()
	if len(r.tenants) < 8 {
		t.Fatalf("%d customers", len(r.tenants))
	}
	r.engine([]string{"build", "--no-catalog"}, "done")
	published := len(r.tenants)
	if len(r.shares) > 0 {
		published -= len(r.shares) - 1 // they are published together
	}
	r.engine([]string{"publish"}, fmt.Sprintf("done: %d customers published", published))
	r.check()
	r.engine([]string{"publish"}, "done: nothing to publish")

	// A new customer is a row of the app's accounts, and one for each of its tenants.
	for name, line := range map[string]string{
		"app_account.csv":        "12,newcomer,New Co.,2,2,true,2026-01-01 00:00:00,2026-01-01 00:00:00\n",
		"app_account_tenant.csv": "1014,12,440,2026-01-01 00:00:00,2026-01-01 00:00:00\n",
	} {
		f, err := os.OpenFile(filepath.Join(r.dir, "seeds", "app", name), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(line)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.learn()
	r.engine([]string{"build", "--no-catalog"}, "done")
	r.engine([]string{"publish"}, "done: 1 customer published")
	r.check()
}
