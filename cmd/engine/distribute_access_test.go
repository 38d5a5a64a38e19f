package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestAccessIsTakenFirst: whoever is configured no more loses access, whatever else is wrong.
func TestAccessIsTakenFirst(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"one", "two", "bee"} {
		x.ask(`create role "` + role(name) + `"`)
		t.Cleanup(func() { x.ask(`drop owned by "` + role(name) + `"; drop role "` + role(name) + `"`) })
	}
	x.write("engine.yml", x.targets+`
distribution:
  targets: [dev]
  customers: {ref: cfg_customers}
  customer_tenants: {csv: config/tenants.csv}
  principals: {csv: config/principals.csv}
seeds: {+distribute: never}
`)
	principals := func(names ...string) {
		rows := "customer,principal\n"
		for _, n := range names {
			rows += "acme," + role(n) + "\n"
		}
		x.write("config/principals.csv", rows+"bmw,"+role("bee")+"\n")
	}
	x.ask("create schema app; create table app.weighing (id bigint, tenant_id bigint); insert into app.weighing values (1, 1)")
	x.write("seeds/cfg_customers.csv", "customer\nacme\nbmw\n")
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nbmw,2\n")
	x.write("seeds/raw.csv", "id,tenant_id,name\n1,1,flour\n2,2,sugar\n")
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/m.yml", `version: 2
sources:
  - name: app
    schema: app
    tables:
      - name: weighing
        config: {distribute: tenant}
        columns: [{name: id, data_type: INT64}, {name: tenant_id, data_type: INT64}]
`)
	const of = "select count(*) from dw_acme.material"
	for _, trouble := range []struct {
		name       string
		code       int
		args       []string
		make, undo func()
		says       []string
	}{
		{"a schema that is somebody else's", exitFailed, []string{"publish"},
			func() {
				x.ask("comment on schema dl_acme_app is 'mine'; create table dl_acme_app.mine (i int)")
			},
			func() { x.ask("drop schema dl_acme_app cascade") }, []string{"schema dl_acme_app was not made by the engine"}},
		{"a model that is not built", exitMistake, []string{"publish"},
			func() {
				x.write("models/more.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id from {{ ref "raw" }}`)
			},
			func() { x.write("models/more.sql", "select 1 as n") }, []string{"more cannot be published", "acme: no access any more for"}},
		{"a change that breaks a contract", exitMistake, []string{"publish"},
			func() {
				x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id from {{ ref "raw" }}`)
				x.engine(exitDone, []string{"build", "--no-catalog", "--no-distribute"})
			},
			func() {
				x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name from {{ ref "raw" }}`)
			}, []string{`"name" is gone`, "acme: no access any more for"}},
		{"a build that fails", exitFailed, []string{"build", "--no-catalog", "--full"},
			func() {
				x.write("models/broken.sql", `{{ config "materialized" "table" "distribute" "never" }}select 1/(id - 1) as n from {{ ref "raw" }}`)
			},
			func() { x.write("models/broken.sql", "select 1 as n") }, []string{"acme: no access any more for"}},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			x := *x
			x.t = t
			principals("one", "two")
			x.engine(exitDone, []string{"build", "--no-catalog"})
			x.want("before", x.as(role("two"), of), "1")
			trouble.make()
			principals("one")
			said := x.engine(trouble.code, trouble.args, trouble.says...)
			x.want("taken", x.as(role("two"), of), "refused 42501")
			x.want("kept", x.as(role("one"), of), "1")
			if strings.Contains(said, "bmw: no access") {
				t.Errorf("bmw lost access:\n%s", said)
			}
			trouble.undo()
		})
	}

	// What says who has access failed itself: nobody loses any.
	principals("one", "two")
	x.engine(exitDone, []string{"build", "--no-catalog"})
	principals("one")
	x.write("seeds/s.yml", "version: 2\nseeds:\n  - name: cfg_customers\n    columns: [{name: customer, tests: [{accepted_values: {values: [acme]}}]}]\n")
	x.engine(exitFailed, []string{"build", "--no-catalog", "--full"}, "the build failed")
	x.want("kept", x.as(role("two"), of), "1")
}

// TestSharedRowsOfOneFail: of those who share tables, one of whose rows a proof does not hold keeps
// what it has, and the others get what is new.
func TestSharedRowsOfOneFail(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"bi_acme", "bi_bmw"} {
		x.ask(`create role "` + role(name) + `"`)
		t.Cleanup(func() { x.ask(`drop owned by "` + role(name) + `"; drop role "` + role(name) + `"`) })
	}
	x.write("engine.yml", x.targets+`
distribution:
  modes: {1: rows}
  customers: {csv: config/customers.csv}
  customer_tenants: {csv: config/tenants.csv}
seeds: {+distribute: never}
`)
	customers := func(acme int) {
		x.write("config/customers.csv", fmt.Sprintf("customer,tier,principals,canary,markers\nacme,%d,%s,,\nbmw,1,%s,true,BEEHIVE\n", acme, role("bi_acme"), role("bi_bmw")))
	}
	customers(1)
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nbmw,2\n")
	raw := func(flour, sugar string) {
		x.write("seeds/raw.csv", "id,tenant_id,name\n1,1,"+flour+"\n2,2,"+sugar+"\n")
	}
	model := func(columns string) {
		x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name`+columns+` from {{ ref "raw" }}`)
	}
	model("")
	x.write("models/size.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id from {{ ref "raw" }}`)
	raw("flour", "BEEHIVE sugar")
	publish := func(code int, want ...string) {
		t.Helper()
		x.engine(exitDone, []string{"build", "--no-catalog"})
		x.engine(code, []string{"publish"}, want...)
	}
	publish(exitDone)
	const of = "select id, name from dw__rows.material order by id"
	x.want("acme", x.as(role("bi_acme"), of), "1,flour")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	raw("BEEHIVE flour", "BEEHIVE sugar 2")
	publish(exitFailed, `acme gets nothing new: proof "canary" of material failed: 1 rows carry the marker`)
	x.want("acme", x.as(role("bi_acme"), of), "1,flour")
	x.want("bmw", x.as(role("bi_bmw"), of), "2,BEEHIVE sugar 2")
	x.want("all", x.ask(of), "1,flour 2,BEEHIVE sugar 2")

	// It stays due, with a new column, too.
	model(", 7 as more")
	publish(exitFailed, `acme gets nothing new`)
	x.want("acme", x.as(role("bi_acme"), "select id, name, more from dw__rows.material"), "1,flour,NULL")
	x.want("bmw", x.as(role("bi_bmw"), "select id, name, more from dw__rows.material"), "2,BEEHIVE sugar 2,7")
	raw("meal", "BEEHIVE sugar 2")
	publish(exitDone)
	x.want("acme", x.as(role("bi_acme"), "select id, name, more from dw__rows.material"), "1,meal,7")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	// One whose rows fail where it joins keeps its own.
	customers(2)
	publish(exitDone)
	x.want("acme's own", x.as(role("bi_acme"), "select name from dw_acme.material"), "meal")
	customers(1)
	raw("BEEHIVE meal", "BEEHIVE sugar 3")
	publish(exitFailed, "acme keeps the tables of its own")
	x.want("acme's own", x.as(role("bi_acme"), "select name from dw_acme.material"), "meal")
	x.want("bmw", x.as(role("bi_bmw"), of), "2,BEEHIVE sugar 3")
	raw("meal", "BEEHIVE sugar 3")
	publish(exitDone)
	x.want("acme's own", x.as(role("bi_acme"), "select name from dw_acme.material"), "refused 42501")
	x.want("acme", x.as(role("bi_acme"), of), "1,meal")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")
}
