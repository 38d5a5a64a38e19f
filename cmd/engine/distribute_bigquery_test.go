package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestCustomersOnBigQuery: customers in datasets of their own, with tables, views and an older
// contract; access as configured; what somebody changes behind the engine's back comes back.
func TestCustomersOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	ctx := context.Background()
	client, err := bigquery.NewClient(ctx, peer.Project, option.WithEndpoint(peer.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ask := func(sql string) string {
		t.Helper()
		q := client.Query(sql)
		q.Location = "EU"
		rows, err := q.Read(ctx)
		if err != nil {
			return err.Error()
		}
		var lines []string
		for {
			var row []bigquery.Value
			if err := rows.Next(&row); errors.Is(err, iterator.Done) {
				return strings.Join(lines, " ")
			} else if err != nil {
				return err.Error()
			}
			words := make([]string, len(row))
			for i, v := range row {
				words[i] = fmt.Sprint(v)
			}
			lines = append(lines, strings.Join(words, ","))
		}
	}
	access := func(dataset string) string {
		t.Helper()
		md, err := client.Dataset(dataset).Metadata(ctx)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, a := range md.Access {
			switch {
			case a.Dataset != nil:
				out = append(out, "dataset "+a.Dataset.Dataset.DatasetID)
			case strings.HasSuffix(a.Entity, "acme.test"):
				out = append(out, a.Entity+" "+string(a.Role))
			}
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	enter := func(dataset string, change func([]*bigquery.AccessEntry) []*bigquery.AccessEntry) {
		t.Helper()
		md, err := client.Dataset(dataset).Metadata(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Dataset(dataset).Update(ctx, bigquery.DatasetMetadataToUpdate{Access: change(md.Access)}, md.ETag); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %s, want %s", what, got, want)
		}
	}

	f := newFolder(t)
	f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: "+onBigQuery(peer, "core")+`}
distribution:
  targets: [dev]
  customers: {ref: cfg_customers}
  customer_tenants: {ref: cfg_tenants}
  principals: {csv: config/principals.csv}
  transfers: [{customer: acme, entity: material, key: 4}]
  contracts:
    - version: 1
      changes: [{model: material, renamed: {amount: quantity}}]
    - version: 2
seeds: {+distribute: never}
`)
	f.write("seeds/cfg_customers.csv", "customer,mode,contract\nacme,table,2\nbmw,view,2\ncascade,table,1\n")
	f.write("seeds/cfg_tenants.csv", "customer,tenant\nacme,1\nacme,2\nbmw,3\ncascade,1\ncascade,3\n")
	principals := func(rows ...string) {
		f.write("config/principals.csv", "customer,principal\n"+strings.Join(rows, "\n")+"\n")
	}
	principals("acme,user:ann@acme.test", "acme,group:bi@acme.test", "bmw,user:bob@acme.test")
	f.write("seeds/raw.csv", "id,tenant_id,name,quantity\n1,1,flour,10\n2,2,sugar,20\n3,3,salt,30\n4,3,pepper,40\n5,,ghost,50\n")
	f.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name, quantity from {{ ref "raw" }}`)
	f.write("models/unit.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit`)
	f.write("models/m.yml", "version: 2\nmodels:\n  - name: material\n    config: {partial: {via: {material: id}, visible: [id, tenant_id, name]}}\n")
	f.done("3 customers published with 6 models", "build", "--no-catalog")
	want("acme", ask("select id, name, quantity from dw_acme.material order by id"), "1,flour,10 2,sugar,20 4,pepper,<nil>")
	want("bmw", ask("select id, name, quantity from dw_bmw.material order by id"), "3,salt,30 4,pepper,40")
	want("cascade", ask("select id, amount from dw_cascade.material order by id"), "1,10 3,30 4,40")
	want("readers of acme", access("dw_acme"), "ann@acme.test READER, bi@acme.test READER")
	want("readers of bmw", access("dw_bmw"), "bob@acme.test READER")
	want("readers of the workshop", access("dw__publish"), "")
	want("the warehouse", access("core"), "dataset dw_bmw")
	f.done("nothing to publish", "publish")
	f.done("published", "customers", "show", "acme")

	// Somebody drops a table, takes an access away, and gives one; a tenant and a principal go.
	want("drop", ask("drop table dw_acme.unit"), "")
	enter("dw_bmw", func(list []*bigquery.AccessEntry) []*bigquery.AccessEntry {
		return slices.DeleteFunc(list, func(a *bigquery.AccessEntry) bool { return a.Entity == "bob@acme.test" })
	})
	enter("dw_cascade", func(list []*bigquery.AccessEntry) []*bigquery.AccessEntry {
		return append(list, &bigquery.AccessEntry{Role: bigquery.WriterRole, EntityType: bigquery.UserEmailEntity, Entity: "eve@acme.test"})
	})
	principals("acme,user:ann@acme.test", "bmw,user:bob@acme.test")
	f.write("seeds/cfg_tenants.csv", "customer,tenant\nacme,1\nbmw,3\nbmw,2\ncascade,1\ncascade,3\n")
	f.done("cascade: not the engine's, left alone: access of user:eve@acme.test (WRITER on dw_cascade)", "build", "--no-catalog")
	want("unit", ask("select u.unit from dw_acme.unit as u"), "g")
	want("acme", ask("select id, name, quantity from dw_acme.material order by id"), "1,flour,10 4,pepper,<nil>")
	want("bmw", ask("select id from dw_bmw.material order by id"), "2 3 4")
	want("readers of acme", access("dw_acme"), "ann@acme.test READER")
	want("readers of bmw", access("dw_bmw"), "bob@acme.test READER")
	want("of cascade", access("dw_cascade"), "eve@acme.test WRITER")
	f.done("nothing to publish", "publish")
}
