package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// tenants is a project with customers on a PostgreSQL server.
type tenants struct {
	t        *testing.T
	server   *pg.Server
	database string
	dir      string
	targets  string
}

func newTenants(t *testing.T) *tenants {
	t.Helper()
	server := pg.Shared(t)
	x := &tenants{t: t, server: server, database: server.Database(t), dir: t.TempDir()}
	var fields strings.Builder
	for name, value := range server.Fields(x.database) {
		fmt.Fprintf(&fields, ", %s: %q", name, value)
	}
	x.targets = "name: shop\ntarget: dev\ntargets:\n  dev: {type: postgres, schema: dw" + fields.String() + "}\n"
	return x
}

func (x *tenants) write(name, text string) {
	x.t.Helper()
	path := filepath.Join(x.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		x.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

// engine runs a command, which has to end with the code and say all of want.
func (x *tenants) engine(code int, args []string, want ...string) string {
	x.t.Helper()
	a, out, errs := world(x.t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return x.dir, nil }
	a.now = time.Now
	got := a.execute(append(args, "--no-color"))
	text := out.String() + errs.String()
	if got != code {
		x.t.Fatalf("engine %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, text)
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			x.t.Fatalf("engine %s: want %q in\n%s", strings.Join(args, " "), w, text)
		}
	}
	return text
}

// ask gives the rows of a query, or the SQLSTATE why not. A connection that stays open may have
// counters to flush, and then nobody can tell whether tables have changed.
func (x *tenants) ask(sql string) string {
	x.t.Helper()
	ctx := context.Background()
	conn, err := x.server.Dial(ctx, x.database)
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return "refused " + refused.Code
	}
	if err != nil {
		x.t.Fatalf("%s: %v", sql, err)
	}
	var lines []string
	for _, r := range results {
		for _, row := range r.Rows {
			words := make([]string, len(row))
			for i, v := range row {
				if words[i] = "NULL"; v != nil {
					words[i] = string(v)
				}
			}
			lines = append(lines, strings.Join(words, ","))
		}
	}
	return strings.Join(lines, " ")
}

// as asks in the place of a role.
func (x *tenants) as(role, sql string) string {
	x.t.Helper()
	return x.ask(`set role "` + role + `"; ` + sql)
}

func (x *tenants) want(what, got, want string) {
	x.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		x.t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

// TestCustomersOnPostgres publishes to customers who are configured in models, with access,
// views, an older contract and a lake.
func TestCustomersOnPostgres(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"acme_reader", "acme_second", "bmw_reader", "eve"} {
		x.ask(`create role "` + role(name) + `"`)
		t.Cleanup(func() { x.ask(`drop owned by "` + role(name) + `"; drop role "` + role(name) + `"`) })
	}
	x.ask("create schema app; create table app.weighing (id bigint, tenant_id bigint, grams bigint); insert into app.weighing values (1, 1, 10), (2, 3, 20), (3, null, 30)")
	distribution := `
distribution:
  targets: [dev]
  customers: {ref: cfg_customers, columns: {customer: slug}}
  customer_tenants: {ref: cfg_tenants}
  principals: {ref: cfg_principals}
  links: {ref: cfg_links}
  transfers: [{customer: acme, entity: material, key: 4}]
  custom_fields: {ref: cfg_fields}
  contracts:
    - version: 1
      changes: [{model: material, renamed: {amount: quantity}, removed: {legacy: STRING}}]
    - version: 2
seeds: {+distribute: never}
`
	x.write("engine.yml", x.targets+distribution)
	x.write("seeds/cfg_customers.csv", "slug,title,mode,contract\nacme,Acme,table,2\nbmw,Bee,view,2\ncascade,Old,table,1\n")
	x.write("seeds/cfg_tenants.csv", "customer,tenant\nacme,1\nacme,2\nbmw,3\ncascade,1\ncascade,2\ncascade,3\n")
	principals := func(rows ...string) {
		x.write("seeds/cfg_principals.csv", "customer,principal\n"+strings.Join(rows, "\n")+"\n")
	}
	principals("acme,"+role("acme_reader"), "acme,"+role("acme_second"), "bmw,"+role("bmw_reader"))
	x.write("seeds/cfg_links.csv", "customer,entity,key\nbmw,material,2\n")
	x.write("seeds/cfg_fields.csv", "customer,model,id,name,type\nacme,material,best_before,Best before,date\nacme,material,shelf,Shelf,string\n")
	raw := func(rows ...string) {
		x.write("seeds/raw.csv", "id,tenant_id,name,quantity,custom\n"+strings.Join(rows, "\n")+"\n")
	}
	rows := []string{`1,1,flour,10,"{""best_before"": ""2026-12-01"", ""shelf"": ""A""}"`, `2,2,sugar,20,"{""best_before"": ""soon""}"`, "3,3,salt,30,{}", "4,3,pepper,40,", "5,,ghost,50,"}
	raw(rows...)
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name, quantity, custom from {{ ref "raw" }}`)
	x.write("models/unit.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit, 1 as grams union all select 'kg', 1000`)
	x.write("models/m.yml", `version: 2
models:
  - name: material
    config:
      links: {material: id}
      partial: {via: {material: id}, visible: [id, tenant_id, name], masks: {custom: null}}
      custom_fields: {column: custom}
sources:
  - name: app
    schema: app
    tables:
      - name: weighing
        config: {distribute: tenant}
        columns: [{name: id, data_type: INT64}, {name: tenant_id, data_type: INT64}, {name: grams, data_type: INT64}]
`)
	x.engine(exitDone, []string{"build", "--no-catalog"}, "3 customers published with 9 models", "custom")

	x.want("acme", x.ask("select id, name, quantity, cf_best_before, cf_shelf from dw_acme.material order by id"), "1,flour,10,2026-12-01,A 2,sugar,20,NULL,NULL 4,pepper,NULL,NULL,NULL")
	x.want("lake", x.ask("select id, grams from dl_acme_app.weighing"), "1,10")
	x.want("view", x.as(role("bmw_reader"), "select id, name, quantity from dw_bmw.material order by id"), "2,sugar,20 3,salt,30 4,pepper,40")
	x.want("kind of bmw", x.ask("select relkind from pg_class where oid = 'dw_bmw.material'::regclass"), "v")
	x.want("old contract", x.ask("select id, amount, legacy from dw_cascade.material order by id"), "1,10,NULL 2,20,NULL 3,30,NULL 4,40,NULL")
	x.want("old contract, newest", x.ask("select id, quantity from dw_cascade_v2.material where id = 3"), "3,30")
	x.want("acme reads", x.as(role("acme_reader"), "select count(*) from dw_acme.material"), "3")
	x.want("acme reads all", x.as(role("acme_reader"), "select count(*) from dw.material"), "refused 42501")
	x.want("acme reads bmw", x.as(role("acme_reader"), "select count(*) from dw_bmw.material"), "refused 42501")
	x.want("acme reads the workshop", x.as(role("acme_reader"), "select count(*) from dw__publish.frozen_customer_tenants"), "refused 42501")
	x.engine(exitDone, []string{"customers"}, "cascade   2     table  3        1 ", "ago  3       8     -")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	// What somebody drops comes back.
	x.ask("drop table dw_acme.unit")
	x.engine(exitDone, []string{"publish", "--dry-run"}, "acme", "1 model (somebody has removed it)")
	x.engine(exitDone, []string{"publish"}, "1 customer published with 1 model")
	x.want("units", x.ask("select count(*) from dw_acme.unit"), "2")

	// A tenant and a principal go: rows and access are gone, and a view follows at once.
	x.write("seeds/cfg_tenants.csv", "customer,tenant\nacme,1\nbmw,1\ncascade,1\ncascade,2\ncascade,3\n")
	principals("acme,"+role("acme_reader"), "bmw,"+role("bmw_reader"))
	x.engine(exitDone, []string{"build", "--no-catalog", "--no-distribute"})
	x.engine(exitDone, []string{"publish", "--dry-run"}, "acme", "no access any more for "+role("acme_second"), "the customer's configuration changed")
	x.engine(exitDone, []string{"publish"}, "2 customers published", "1 unchanged")
	x.want("acme", x.ask("select id from dw_acme.material order by id"), "1 4")
	x.want("second", x.as(role("acme_second"), "select count(*) from dw_acme.material"), "refused 42501")
	x.want("view", x.as(role("bmw_reader"), "select id from dw_bmw.material order by id"), "1 2")

	// A principal that does not exist, a stranger's table in the way: those customers keep
	// what they have, the third one gets what is new.
	principals("acme,"+role("acme_reader"), "acme,nobody_at_all", "bmw,"+role("bmw_reader"))
	x.ask("create table dw_bmw.size (mine integer); insert into dw_bmw.size values (7)")
	x.write("models/size.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'small' as size`)
	rows[0] = `1,1,meal,11,{}`
	raw(rows...)
	x.write("models/unit.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit, 1 as grams union all select 'kg', 1000 union all select 't', 1000000`)
	x.engine(exitDone, []string{"build", "--no-catalog", "--no-distribute"})
	x.engine(exitFailed, []string{"publish", "--force"}, `there is no principal "nobody_at_all"`, "table dw_bmw.size was not made by the engine", "2 customers failed", "1 customer published")
	x.want("acme", x.ask("select name from dw_acme.material where id = 1"), "flour")
	x.want("a stranger's table", x.ask("select mine from dw_bmw.size"), "7")
	x.want("cascade", x.ask("select name, amount from dw_cascade.material where id = 1"), "meal,11")
	principals("acme,"+role("acme_reader"), "bmw,"+role("bmw_reader"))
	x.ask("drop table dw_bmw.size")
	x.engine(exitDone, []string{"build", "--no-catalog"}, "2 customers published", "1 unchanged")
	x.want("acme", x.ask("select name from dw_acme.material where id = 1"), "meal")
	x.want("bmw", x.as(role("bmw_reader"), "select count(*) from dw_bmw.unit"), "3")

	// A grant that somebody gave behind the engine's back is found.
	x.ask(`grant usage on schema dw to "` + role("acme_reader") + `"; grant select on dw.material to "` + role("acme_reader") + `"; grant select on dw_acme.material to "` + role("eve") + `"`)
	x.engine(exitFailed, []string{"publish", "--force", "--customer", "acme"}, "can read dw.material")
	x.engine(exitFailed, []string{"publish"}, "can read dw.material")
	x.ask(`revoke all on dw.material from "` + role("acme_reader") + `"; revoke usage on schema dw from "` + role("acme_reader") + `"`)
	x.engine(exitDone, []string{"publish"}, "1 customer published", "2 unchanged")
	x.ask(`grant usage on schema dw_bmw to "` + role("acme_reader") + `"; grant select on dw_bmw.unit to "` + role("acme_reader") + `"`)
	x.engine(exitFailed, []string{"publish", "--force", "--customer", "acme"}, "can read dw_bmw.unit, which is another's")
	x.ask(`revoke all on dw_bmw.unit from "` + role("acme_reader") + `"; revoke usage on schema dw_bmw from "` + role("acme_reader") + `"`)
	x.engine(exitDone, []string{"publish"}, "1 customer published", "2 unchanged")

	// A right that somebody has taken comes back, and a view that somebody has dropped.
	x.ask(`revoke select on dw_acme.material from "` + role("acme_reader") + `"; drop view dw_cascade.material`)
	x.engine(exitDone, []string{"publish", "--dry-run"}, "2 customers to publish")
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	x.want("acme reads again", x.as(role("acme_reader"), "select count(*) from dw_acme.material"), "2")
	x.want("cascade's view", x.ask("select name, amount from dw_cascade.material where id = 1"), "meal,11")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	// A column that a view reads cannot go. One that is gone breaks the newest contract; with a
	// contract more it does not.
	x.write("seeds/cfg_customers.csv", "slug,title,mode,contract\nacme,Acme,table,2\nbmw,Bee,table,2\ncascade,Old,table,1\n")
	x.engine(exitDone, []string{"build", "--no-catalog"}, "1 customer published")
	x.want("kind of bmw", x.ask("select relkind from pg_class where oid = 'dw_bmw.material'::regclass"), "r")
	x.want("lists of the views", x.ask("select count(*) from pg_class where relname like '\\_engine\\_%s' and relnamespace = 'dw_bmw'::regnamespace"), "0")
	x.write("models/unit.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit`)
	x.engine(exitDone, []string{"build", "--no-catalog", "--no-distribute"})
	x.engine(exitMistake, []string{"publish"}, "customer-contract-breaks", `"grams" is gone`, "acme and bmw")
	x.write("engine.yml", x.targets+strings.Replace(distribution, "    - version: 2\n", "    - version: 2\n      changes: [{model: unit, removed: {grams: INT64}}]\n    - version: 3\n", 1))
	x.engine(exitDone, []string{"publish"}, "3 customers published")
	x.want("acme", x.ask("select unit, grams from dw_acme.unit"), "g,NULL")
	x.want("kind of acme", x.ask("select relkind from pg_class where oid = 'dw_acme.unit'::regclass"), "v")
	x.want("acme reads on", x.as(role("acme_reader"), "select count(*) from dw_acme.material"), "2")
	x.want("no table is left over", x.ask("select count(*) from pg_namespace where nspname = 'dw_cascade_v2'"), "0")

	// A customer that is not configured any more loses access, and nothing else.
	x.write("seeds/cfg_customers.csv", "slug,title,mode,contract\nbmw,Bee,table,2\ncascade,Old,table,1\n")
	x.write("seeds/cfg_tenants.csv", "customer,tenant\nbmw,1\ncascade,1\n")
	x.write("seeds/cfg_fields.csv", "customer,model,id,name,type\n")
	principals("bmw," + role("bmw_reader"))
	x.write("engine.yml", strings.ReplaceAll(x.targets+strings.Replace(distribution, "    - version: 2\n", "    - version: 2\n      changes: [{model: unit, removed: {grams: INT64}}]\n    - version: 3\n", 1), "  transfers: [{customer: acme, entity: material, key: 4}]\n", ""))
	x.engine(exitDone, []string{"build", "--no-catalog"}, "customer acme is not configured any more", "1 lost access")
	x.want("acme reads", x.as(role("acme_reader"), "select count(*) from dw_acme.material"), "refused 42501")
	x.want("acme's rows", x.ask("select count(*) from dw_acme.material"), "2")
}

// TestSharedRowsOnPostgres: customers with mode rows share tables, and each account sees the
// rows of its customer.
func TestSharedRowsOnPostgres(t *testing.T) {
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
  transfers: [{customer: acme, entity: material, key: 3}]
seeds: {+distribute: never}
`)
	customers := func(acme, bmw int) {
		x.write("config/customers.csv", fmt.Sprintf("customer,tier,principals\nacme,%d,%s\nbmw,%d,%s\ncascade,2,\n", acme, role("bi_acme"), bmw, role("bi_bmw")))
	}
	customers(1, 1)
	var many strings.Builder // so many that they are written in bulk
	for n := range 1000 {
		fmt.Fprintf(&many, "cascade,%d\n", 1000+n)
	}
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nbmw,2\nbmw,3\ncascade,1\n"+many.String())
	x.write("seeds/raw.csv", "id,tenant_id,name\n1,1,flour\n2,2,sugar\n3,3,salt\n4,,ghost\n")
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/unit.sql", `{{ config "materialized" "table" "distribute" "shared" }}select 'g' as unit`)
	x.write("models/m.yml", "version: 2\nmodels:\n  - name: material\n    config: {partial: {via: {material: id}, visible: [id, tenant_id]}}\n")
	x.engine(exitDone, []string{"build", "--no-catalog"})
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	of := "select id, name from dw__rows.material order by id"
	x.want("acme", x.as(role("bi_acme"), of), "1,flour 3,NULL")
	x.want("bmw", x.as(role("bi_bmw"), of), "2,sugar 3,salt")
	x.want("acme's units", x.as(role("bi_acme"), "select unit from dw__rows.unit"), "g")
	x.want("acme reads cascade", x.as(role("bi_acme"), "select id from dw_cascade.material"), "refused 42501")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")
	x.engine(exitDone, []string{"customers"}, "acme      1     rows", "cascade   2     table")
	x.engine(exitDone, []string{"customers", "show", "acme"}, "dw__rows", "in tables that share 5 rows")
	x.engine(exitMistake, []string{"customers", "show", "_rows"}, `there is no customer "_rows"`)

	// A tenant goes from one to the other; a customer gets tables of its own, and back.
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nacme,2\nbmw,3\ncascade,1\n"+many.String())
	x.engine(exitDone, []string{"publish", "--customer", "bmw"}, "1 customer published")
	x.want("acme", x.as(role("bi_acme"), of), "1,flour 2,sugar 3,NULL")
	x.want("bmw", x.as(role("bi_bmw"), of), "3,salt")
	customers(1, 2)
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	x.want("bmw has its own", x.as(role("bi_bmw"), "select id from dw_bmw.material"), "3")
	x.want("bmw shares no more", x.as(role("bi_bmw"), of), "refused 42501")
	x.want("acme", x.as(role("bi_acme"), of), "1,flour 2,sugar 3,NULL")
	customers(1, 1)
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	x.want("bmw shares again", x.as(role("bi_bmw"), of), "3,salt")
	x.want("bmw's own is gone", x.ask("select count(*) from pg_class where relname = 'material' and relnamespace = to_regnamespace('dw_bmw')"), "0")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")
}

// TestModesChangeOnPostgres: who changes from its own tables to shared ones, or back, has the
// old until it has the new, and one with a principal that does not exist is alone with that.
func TestModesChangeOnPostgres(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"bi_acme", "bi_bmw", "bi_cub"} {
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
	customers := func(acme, bmw, cub int, bi string) {
		x.write("config/customers.csv", fmt.Sprintf("customer,tier,principals\nacme,%d,%s\nbmw,%d,%s\ncub,%d,%s\n", acme, role("bi_acme"), bmw, bi, cub, role("bi_cub")))
	}
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nbmw,2\ncub,3\n")
	x.write("seeds/raw.csv", "id,tenant_id,name\n1,1,flour\n2,2,sugar\n3,3,salt\n")
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/bespoke.sql", `{{ config "materialized" "table" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/m.yml", "version: 2\nmodels:\n  - name: bespoke\n    config: {distribute: {only: [bmw]}}\n")
	own := func(name string) string {
		return x.as(role("bi_"+name), "select name from dw_"+name+".material")
	}
	shared := func(name string) string {
		return x.as(role("bi_"+name), "select name from dw__rows.material order by 1")
	}
	customers(2, 1, 1, role("bi_bmw"))
	x.engine(exitDone, []string{"build", "--no-catalog"})
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	x.want("acme", own("acme"), "flour")
	x.want("bmw", shared("bmw"), "sugar")

	// acme joins, with all of the shared tables in the way of a stranger: it keeps its own.
	x.ask("alter table dw__rows.material rename to ours; create table dw__rows.material as select 7 as mine")
	customers(1, 1, 1, role("bi_bmw"))
	x.engine(exitFailed, []string{"publish", "--force"}, "dw__rows.material was not made by the engine", "acme keeps the tables of its own")
	x.want("acme keeps its own", own("acme"), "flour")
	x.ask("drop table dw__rows.material; alter table dw__rows.ours rename to material")

	// bmw's principal does not exist any more by that name: acme and cub go on.
	customers(1, 1, 1, "nobody_at_all")
	x.engine(exitFailed, []string{"publish"}, `there is no principal "nobody_at_all"`)
	x.want("acme shares", shared("acme"), "flour")
	x.want("acme's own is gone", own("acme"), "refused 42501")
	x.want("cub shares", shared("cub"), "salt")
	x.want("bmw has lost access", shared("bmw"), "refused 42501")
	customers(1, 1, 1, role("bi_bmw"))
	x.engine(exitDone, []string{"publish"})
	x.want("bmw is back", shared("bmw"), "sugar")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	// bmw gets tables of its own, and something is in the way there: it shares until it has them.
	x.ask("create schema dw_bmw; create table dw_bmw.mine (i integer)")
	customers(1, 2, 1, role("bi_bmw"))
	x.engine(exitFailed, []string{"publish"}, "was not made by the engine", "bmw: shared rows stay")
	x.want("bmw shares on", shared("bmw"), "sugar")
	x.want("its own model, too", x.as(role("bi_bmw"), "select count(*) from dw__rows.bespoke"), "1")
	x.want("acme shares on", shared("acme"), "flour")
	x.ask("drop schema dw_bmw cascade")
	x.engine(exitDone, []string{"publish"})
	x.want("bmw has its own", own("bmw"), "sugar")
	x.want("bmw shares no more", shared("bmw"), "refused 42501")
	x.want("the rows are gone, too", x.ask("select name from dw__rows.material order by 1"), "flour salt")
	x.engine(exitDone, []string{"publish"}, "nothing to publish")
}

// TestRevocationOnPostgres: access is taken back whatever else goes wrong for the customer, and
// that is on record.
func TestRevocationOnPostgres(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"one", "two", "three"} {
		x.ask(`create role "` + role(name) + `"`)
		t.Cleanup(func() { x.ask(`drop owned by "` + role(name) + `"; drop role "` + role(name) + `"`) })
	}
	principals := func(list ...string) {
		x.write("engine.yml", x.targets+`
distribution:
  customers: [{customer: acme, principals: "`+strings.Join(list, ";")+`"}]
  customer_tenants: [{customer: acme, tenant: 1}]
seeds: {+distribute: never}
`)
	}
	principals(role("one"), role("two"), role("three"))
	x.write("seeds/raw.csv", "id,tenant_id\n1,1\n2,2\n")
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id from {{ ref "raw" }}`)
	x.engine(exitDone, []string{"build", "--no-catalog"})
	x.engine(exitDone, []string{"publish"}, "1 customer published")
	read := func(name string) string { return x.as(role(name), "select id from dw_acme.material") }
	granted := func() string {
		return x.ask("select granted from _engine.customer_releases order by at desc, run_id desc limit 1")
	}
	x.want("three", read("three"), "1")

	// A principal that does not exist ends the publication, and not the revocation.
	principals(role("one"), role("two"), "nobody_at_all")
	x.engine(exitFailed, []string{"publish"}, `there is no principal "nobody_at_all"`)
	x.want("three", read("three"), "refused 42501")
	x.want("two", read("two"), "1")

	// So does what cannot be read any more: nothing is staged, nothing proven.
	principals(role("one"))
	x.ask("create table dw_acme.stock (mine integer)")
	x.write("models/stock.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id from {{ ref "raw" }}`)
	x.engine(exitDone, []string{"build", "--no-catalog"})
	x.engine(exitFailed, []string{"publish"}, "table dw_acme.stock was not made by the engine")
	x.want("two", read("two"), "refused 42501")
	x.want("one", read("one"), "1")
	if got := granted(); strings.Contains(got, role("two")) || !strings.Contains(got, role("one")) {
		t.Errorf("on record is %s", got)
	}
}
