package main

import (
	"fmt"
	"testing"
)

// TestGuardedOnPostgres: of what customers with mode rows share, nobody sees what is another's:
// not where the other has no account, and not with an account that policies do not bind.
func TestGuardedOnPostgres(t *testing.T) {
	x := newTenants(t)
	role := func(name string) string { return name + "_" + x.database }
	for _, name := range []string{"bi_acme", "bi_bmw", "bi_old"} {
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
	customers := func(acme, old string) {
		x.write("config/customers.csv", fmt.Sprintf("customer,tier,mode,principals\nacme,1,,%s\nbmw,1,,%s\ncascade,2%s\n", acme, role("bi_bmw"), old))
	}
	customers("", ",,"+role("bi_old"))
	x.write("config/tenants.csv", "customer,tenant\nacme,1\nbmw,2\nbmw,3\ncascade,1\n")
	x.write("seeds/raw.csv", "id,tenant_id,name\n1,1,flour\n2,2,sugar\n3,3,salt\n4,,ghost\n")
	x.write("models/material.sql", `{{ config "materialized" "table" "distribute" "tenant" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/bespoke.sql", `{{ config "materialized" "table" }}select id, tenant_id, name from {{ ref "raw" }}`)
	x.write("models/m.yml", "version: 2\nmodels:\n  - name: bespoke\n    config: {distribute: {only: [acme]}}\n")
	x.engine(exitDone, []string{"build", "--no-catalog"})
	x.engine(exitDone, []string{"publish"}, "2 customers published")
	const material, bespoke = "select id from dw__rows.material order by id", "select id from dw__rows.bespoke order by id"
	x.want("bmw", x.as(role("bi_bmw"), material), "2 3")
	x.want("bmw reads what is for acme", x.as(role("bi_bmw"), bespoke), "refused 42501")
	x.want("guarded", x.ask("select count(*) from pg_class where relnamespace = 'dw__rows'::regnamespace and relrowsecurity"), "2")

	x.engine(exitDone, []string{"publish"}, "nothing to publish")

	// Who switches the guard off finds it on again.
	for _, off := range []string{"alter table dw__rows.bespoke disable row level security", "create policy all_of_it on dw__rows.bespoke using (true)"} {
		x.ask(off)
		x.engine(exitDone, []string{"publish", "--dry-run"}, "1 model (somebody has removed it)")
		x.ask("drop policy if exists all_of_it on dw__rows.bespoke")
		x.engine(exitDone, []string{"publish"})
		x.want("guarded", x.ask("select count(*) from pg_class where relnamespace = 'dw__rows'::regnamespace and relrowsecurity"), "2")
	}

	// acme gets an account, bmw one that is bound by none of it.
	customers(role("bi_acme"), ",,"+role("bi_old"))
	x.ask(`alter role "` + role("bi_bmw") + `" bypassrls`)
	x.engine(exitFailed, []string{"publish"}, "bmw gets nothing new", "BYPASSRLS", "its access to what customers share is taken back")
	x.want("acme", x.as(role("bi_acme"), bespoke), "1")
	x.want("acme", x.as(role("bi_acme"), material), "1")
	x.want("around all policies", x.as(role("bi_bmw"), material), "refused 42501")
	x.ask(`alter role "` + role("bi_bmw") + `" nobypassrls`)
	x.engine(exitDone, []string{"publish"})
	x.want("bmw", x.as(role("bi_bmw"), material), "2 3")
	x.want("bmw reads what is for acme", x.as(role("bi_bmw"), bespoke), "refused 42501")

	// An account that sees the rows of another customer is found by what it sees.
	x.ask(`grant "` + role("bi_acme") + `" to "` + role("bi_bmw") + `"`)
	x.engine(exitFailed, []string{"publish", "--force"}, role("bi_bmw")+" of bmw sees rows of other customers in dw__rows.material", "can read dw__rows.bespoke, which is for other customers")
	x.ask(`revoke "` + role("bi_acme") + `" from "` + role("bi_bmw") + `"`)
	x.engine(exitDone, []string{"publish"})

	// A view that is no barrier any more. What somebody does to it is undone by the publication,
	// so it has to be done by the warehouse itself, while that goes on.
	customers(role("bi_acme"), ",view,"+role("bi_old"))
	x.ask(`create function public.unbar() returns event_trigger language plpgsql as $f$ declare r record; begin
  for r in select * from pg_event_trigger_ddl_commands() where object_type = 'view' and schema_name = 'dw_cascade' loop
    execute 'alter view ' || r.object_identity || ' set (security_barrier = false)'; end loop; end $f$;
create event trigger unbar on ddl_command_end when tag in ('CREATE VIEW') execute function public.unbar()`)
	x.engine(exitFailed, []string{"publish"}, "view dw_cascade.material of customer cascade lets functions of a reader's query look at rows before its own filter")
	x.ask("drop event trigger unbar")
	x.engine(exitDone, []string{"publish", "--force"})
}
