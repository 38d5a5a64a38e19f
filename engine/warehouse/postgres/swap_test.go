package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// sql runs statements of a test on the connection of the superuser.
func sql(t testing.TB, c *conn, text string) {
	t.Helper()
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: text, BodyEnd: len(text)}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// values gives the rows of a query as text, cells separated by «|».
func values(t testing.TB, c warehouse.Conn, query string) []string {
	t.Helper()
	r, err := c.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer r.Close()
	var out []string
	for r.Next() {
		row, err := r.Values()
		if err != nil {
			t.Fatal(err)
		}
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = fmt.Sprint(v)
			if v == nil {
				cells[i] = "NULL"
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func want(t testing.TB, c warehouse.Conn, query string, rows ...string) {
	t.Helper()
	if d := cmp.Diff(rows, values(t, c, query)); d != "" {
		t.Errorf("%s:\n%s", query, d)
	}
}

func rel(name string) addr.Relation { return addr.Relation{Schema: "core", Name: name} }

// swapped replaces core.orders by core._engine_new__orders.
func swapped(c *conn, layout *warehouse.Layout) error {
	_, _, done, err := c.Perform(context.Background(), warehouse.Swap{New: rel("_engine_new__orders"), NewKind: warehouse.Table, Target: rel("orders"), Old: warehouse.Table, Layout: layout})
	if err == nil && !done {
		return errors.New("the swap was not done")
	}
	return err
}

const ordersSQL = `create schema core; create schema mart;
create table core.orders (id bigint, amount numeric, note text);
insert into core.orders values (1, 10, 'old');
create table core._engine_new__orders as select 1::bigint as id, 20::numeric as amount, 'new'::text as note, true as extra;`

// state is what may not change but for the rows: definitions, owners, rights, comments, options.
const state = `select c.oid::regclass::text, c.relkind::text, pg_get_userbyid(c.relowner), coalesce(c.relacl, acldefault('r', c.relowner))::text, coalesce(c.reloptions::text, ''), c.relispopulated,
  coalesce(pg_get_viewdef(c.oid), ''), coalesce(obj_description(c.oid, 'pg_class'), ''),
  (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || coalesce(col_description(c.oid, a.attnum), '') || coalesce(a.attacl::text, '') || coalesce(pg_get_expr(f.adbin, f.adrelid), ''), ', ' order by a.attnum)
   from pg_attribute as a left join pg_attrdef as f on f.adrelid = a.attrelid and f.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  (select string_agg(pg_get_indexdef(i.indexrelid) || i.indisclustered || coalesce(obj_description(i.indexrelid, 'pg_class'), ''), '; ' order by i.indexrelid::regclass::text) from pg_index as i where i.indrelid = c.oid),
  (select string_agg(pg_get_statisticsobjdef(s.oid), '; ') from pg_statistic_ext as s where s.stxrelid = c.oid)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('mart', 'we"ird') and c.relkind in ('v', 'm') order by 1`

// TestSwapKeepsDependents: views of others survive with all that is on them.
func TestSwapKeepsDependents(t *testing.T) {
	c := open(t)
	roles(t, c)
	sql(t, c, ordersSQL+`
create schema "we""ird";
create view mart.plain as select * from core.orders;
create view mart.joined as select o.id, p.amount from core.orders as o join mart.plain as p using (id);
create view mart.barrier with (security_barrier = true, check_option = local) as select id, amount from core.orders where amount > 5;
alter view mart.barrier alter column amount set default 7;
create view "we""ird"."Odd ""name""" ("Column One", "select") as select id, 'it''s; $engine$' || note from core.orders;
create view mart.renamed as select id as number from core.orders;
alter view mart.renamed rename column number to "new number";
create recursive view mart.chain (n) as select id from core.orders union all select n + 1 from chain where n < 5;
create materialized view mart.kept as select id, sum(amount) as amount from mart.joined group by id;
create unique index kept_id on mart.kept (id);
create index "kept amount" on mart.kept (amount desc) where amount > 0;
comment on index mart.kept_id is 'the key';
alter materialized view mart.kept cluster on kept_id;
create statistics mart.kept_stats (dependencies) on id, amount from mart.kept;
create materialized view mart.empty with (fillfactor = 70) as select note from core.orders with no data;
create view mart.on_kept as select * from mart.kept;
comment on view mart.plain is 'it''s plain';
comment on column mart.plain.id is 'a number';
comment on materialized view mart.kept is 'kept';
grant usage on schema core to "Ann";
grant select on core.orders to "Ann";
grant usage on schema mart to bob;
grant select on mart.joined to bob;
alter view mart.plain owner to "Ann";
alter materialized view mart.kept owner to bob;
grant select on mart.plain to bob with grant option;
grant select (id), update (id) on mart.joined to "Ann";
grant select on mart.kept to public;
revoke all on mart.joined from public;
alter default privileges in schema mart grant insert on tables to bob;`)
	before := values(t, c, state)
	if len(before) != 9 {
		t.Fatalf("%d views are there", len(before))
	}
	if err := swapped(c, nil); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, values(t, c, state)); d != "" {
		t.Errorf("the views changed:\n%s", d)
	}
	want(t, c, "select amount, note from mart.plain", "20|new")
	want(t, c, "select id, amount from mart.kept", "1|20")
	want(t, c, "select amount from mart.on_kept", "20")
	want(t, c, "select current_setting('search_path')", `"$user", public`)
	if _, err := c.Query(context.Background(), warehouse.Statement{SQL: "select * from mart.empty"}); Classify(err) != Other && err == nil {
		t.Error("a view without rows has some")
	}
}

// roles makes two roles for the test; the server is shared, so they may be there.
func roles(t testing.TB, c *conn) {
	t.Helper()
	sql(t, c, `do $$ begin perform pg_advisory_xact_lock(1); if not exists (select from pg_roles where rolname = 'Ann') then create role "Ann"; create role bob login; create role builder login; end if; end $$`)
}

// TestSwapKeepsTheTablesOwn: owner, rights and comments go over to the new table.
func TestSwapKeepsTheTablesOwn(t *testing.T) {
	c := open(t)
	roles(t, c)
	sql(t, c, ordersSQL+`
alter table core.orders owner to bob;
grant select on core.orders to "Ann", public;
grant update (amount, note) on core.orders to "Ann";
revoke delete on core.orders from bob;
comment on table core.orders is 'orders';
comment on column core.orders.id is 'old words';
comment on column core.orders.note is 'a note';
comment on column core._engine_new__orders.id is 'new words';
alter table core.orders replica identity full;
alter table core._engine_new__orders drop column note;
alter default privileges in schema core grant insert on tables to "Ann";
create view core.on_orders as select id from core.orders`)
	const own = `select pg_get_userbyid(relowner), relacl::text, relreplident::text, obj_description(oid, 'pg_class') from pg_class where oid = 'core.orders'::regclass`
	before := values(t, c, own)
	if err := swapped(c, nil); err != nil {
		t.Fatal(err)
	}
	want(t, c, own, before...)
	want(t, c, `select attname, attacl::text, col_description(attrelid, attnum) from pg_attribute where attrelid = 'core.orders'::regclass and attnum > 0 and not attisdropped order by attnum`,
		"id|NULL|new words", `amount|{Ann=w/bob}|NULL`, "extra|NULL|NULL")
}

// TestSwapRefuses: what would be lost and cannot be made again stops a swap, with names.
func TestSwapRefuses(t *testing.T) {
	tests := []struct{ name, setup, what, reason string }{
		{"column gone", "create view mart.v as select note from core.orders; alter table core._engine_new__orders drop column note", "view mart.v", "column orders.note does not exist"},
		{"column gone, two views up", "create view mart.a as select id, note from core.orders; create view mart.v as select id from mart.a; alter table core._engine_new__orders drop column note", "view mart.a", "column orders.note does not exist"},
		{"type changed", "create view mart.v as select upper(note) as n from core.orders; alter table core._engine_new__orders drop column note; alter table core._engine_new__orders add column note int", "view mart.v", "function upper(integer) does not exist"},
		{"materialized view fails", "create materialized view mart.v as select 10 / (amount - 20) as n from core.orders", "materialized view mart.v", "division by zero"},
		{"index of a materialized view fails", "create materialized view mart.v as select amount from core.orders; create unique index on mart.v (amount); insert into core._engine_new__orders select * from core._engine_new__orders", "materialized view mart.v", "could not create unique index"},
		{"trigger", "create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger audit after insert on core.orders for each row execute function f()", "trigger audit on table core.orders", "would be lost"},
		{"trigger of a view", "create view mart.v as select id from core.orders; create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger audit instead of insert on mart.v for each row execute function f()", "trigger audit on view mart.v", "would be lost"},
		{"rule", "create rule twice as on insert to core.orders do also select 1", "rule twice on table core.orders", "would be lost"},
		{"foreign key", "alter table core.orders add primary key (id); create table mart.items (order_id bigint references core.orders)", "constraint items_order_id_fkey on table mart.items", "would be lost"},
		{"publication", "create publication feed for table core.orders", "publication of table core.orders in publication feed", "would be lost"},
		{"policy", "create policy own on core.orders using (id = 1)", "policy own on table core.orders", "would be lost"},
		{"row level security", "alter table core.orders enable row level security", "row level security of core.orders", "would be lost"},
		{"child", "create table mart.child () inherits (core.orders)", "table mart.child", "would be lost"},
		{"partition", "create table core.parent (id bigint, amount numeric, note text) partition by list (id); alter table core.parent attach partition core.orders for values in (1)", "inheritance of core.orders from core.parent", "would be lost"},
		{"owned sequence", "create sequence core.numbers owned by core.orders.id; create table mart.uses (id bigint default nextval('core.numbers'))", "sequence core.numbers", "would be lost"},
		{"function on its row type", "create function total(core.orders) returns numeric language sql as 'select $1.amount'", "function total(core.orders)", "would be lost"},
		{"table of its row type", "create table mart.log (at date, was core.orders)", "column was of table mart.log", "would be lost"},
		{"array of its row type", "create table mart.log (was core.orders[])", "column was of table mart.log", "would be lost"},
		{"function with a body", "create function f() returns bigint begin atomic select count(*) from core.orders; end", "function f()", "would be lost"},
		{"replica identity", "create unique index k on core.orders (id); alter table core.orders alter id set not null; alter table core.orders replica identity using index k", "replica identity of core.orders", "would be lost"},
	}
	s := pg.Shared(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, s.Fields(s.Database(t)))
			defer c.Close()
			sql(t, c, ordersSQL+"alter table core.orders owner to engine; "+tt.setup)
			all := values(t, c, "select oid, relname from pg_class where relnamespace::regnamespace::text in ('core', 'mart') order by oid")
			err := swapped(c, nil)
			dependent := (*warehouse.DependentError)(nil)
			if !errors.As(err, &dependent) {
				t.Fatalf("error %v", err)
			}
			if dependent.Dependent.What != tt.what || !strings.Contains(dependent.Reason, tt.reason) || dependent.Dependent.Of != rel("orders") {
				t.Errorf("%+v", dependent)
			}
			if strings.HasPrefix(tt.what, "view") && dependent.Dependent.Owner != "engine" {
				t.Errorf("owner %q", dependent.Dependent.Owner)
			}
			e := warehouse.Explain(Dialect{}, err)
			if !strings.Contains(e.Message, tt.what) || e.Help == "" || strings.Contains(e.Message, "\n") {
				t.Errorf("message %q, help %q", e.Message, e.Help)
			}
			want(t, c, "select id, amount, note from core.orders", "1|10|old")
			want(t, c, "select oid, relname from pg_class where relnamespace::regnamespace::text in ('core', 'mart') order by oid", all...)
			if found, err := c.Dependents(context.Background(), []addr.Relation{rel("orders")}); err != nil || len(found) == 0 {
				t.Errorf("dependents %v, %v", found, err)
			}
		})
	}
}

// TestSwapOfOthersViews: without the right to drop a view the swap says whose it is.
func TestSwapOfOthersViews(t *testing.T) {
	s := pg.Shared(t)
	database := s.Database(t)
	c := connect(t, s.Fields(database))
	defer c.Close()
	roles(t, c)
	sql(t, c, ordersSQL+`
grant all on schema core, mart to builder, bob;
alter table core.orders owner to builder;
alter table core._engine_new__orders owner to builder;
grant select on core.orders to bob;
create view mart.v as select id from core.orders;
alter view mart.v owner to bob`)
	fields := s.Fields(database)
	fields["role"] = "builder"
	builder := connect(t, fields)
	defer builder.Close()
	err := swapped(builder, nil)
	dependent := (*warehouse.DependentError)(nil)
	if !errors.As(err, &dependent) || dependent.Dependent.Owner != "bob" || !strings.Contains(dependent.Help, "grant the role bob") {
		t.Fatalf("%v", err)
	}
	sql(t, c, "grant bob to builder")
	defer sql(t, c, "revoke bob from builder")
	if err := swapped(builder, nil); err != nil {
		t.Fatal(err)
	}
	want(t, c, "select viewowner from pg_views where viewname = 'v'", "bob")
	want(t, c, "select id from mart.v", "1")
}

// TestDependents: one question for many relations, in a fixed order.
func TestDependents(t *testing.T) {
	c := open(t)
	sql(t, c, ordersSQL+`create table core.items (id bigint);
create view mart.b as select o.id from core.orders as o join core.items as i using (id);
create view mart.a as select * from mart.b;
create materialized view mart.c as select * from core.items;
create view mart.own as select 1 as id;`)
	found, err := c.Dependents(context.Background(), []addr.Relation{rel("orders"), rel("missing"), rel("items"), {Database: "elsewhere", Schema: "core", Name: "items"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range found {
		got = append(got, fmt.Sprintf("%s: %s (%v, %d, %s)", d.Of, d.What, d.Kind == warehouse.MaterializedView, d.Depth, d.Owner))
	}
	if d := cmp.Diff([]string{
		"core.items: materialized view mart.c (true, 1, engine)",
		"core.items: view mart.b (false, 1, engine)",
		"core.items: view mart.a (false, 2, engine)",
		"core.orders: view mart.b (false, 1, engine)",
		"core.orders: view mart.a (false, 2, engine)",
	}, got); d != "" {
		t.Error(d)
	}
}

// TestSwapsOfJoinedTables: tables that one view joins are swapped at the same time, with
// readers of the view.
func TestSwapsOfJoinedTables(t *testing.T) {
	c := open(t)
	ctx := context.Background()
	sql(t, c, `create schema core; create schema mart;
create table core.t0 as select 0 as n; create table core.t1 as select 0 as n; create table core.t2 as select 0 as n;
create view mart.all as select a.n as a, b.n as b, c.n as c from core.t0 as a, core.t1 as b, core.t2 as c;
create view mart.top as select a + b + c as n from mart.all`)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := c.Query(ctx, warehouse.Statement{SQL: "select n from mart.top"})
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				n := 0
				for r.Next() {
					n++
				}
				if r.Err() != nil || n != 1 {
					t.Errorf("%d rows, %v", n, r.Err())
				}
				r.Close()
			}
		})
	}
	var writers sync.WaitGroup
	for i := range 3 {
		writers.Go(func() {
			target, staged := rel(fmt.Sprintf("t%d", i)), rel(fmt.Sprintf("_engine_new__t%d", i))
			for n := 1; n <= 8; n++ {
				made, err := c.d().Render(warehouse.CreateTableAs{Target: staged, Query: fmt.Sprintf("select %d as n", n)})
				if err == nil {
					_, err = c.Exec(ctx, made[0])
				}
				if err == nil {
					_, _, _, err = c.Perform(ctx, warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: target, Old: warehouse.Table})
				}
				if err != nil {
					t.Errorf("swap %d of %s: %v", n, target, err)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
	want(t, c, "select n from mart.top", "24")
}

func (c *conn) d() Dialect { return Dialect{} }

// TestSwapNames: indexes and constraints have the names of the table they end on, however
// often it is built, and the words of the user.
func TestSwapNames(t *testing.T) {
	c := open(t)
	ctx := context.Background()
	long := strings.Repeat("ünï", 12)[:45]
	sql(t, c, `create schema core; create table core.customers (id bigint primary key)`)
	layout := &warehouse.Layout{
		Unlogged: true,
		Indexes:  []warehouse.Index{{Columns: []string{"id", long}}, {Columns: []string{"id"}, Unique: true}, {Columns: []string{long}, Type: "hash"}},
		Constraints: []warehouse.Constraint{
			{Type: "not_null", Columns: []string{"id"}, Enforced: true},
			{Type: "primary_key", Name: "orders_pk", Columns: []string{"id"}, Enforced: true},
			{Type: "unique", Columns: []string{long}, Enforced: true},
			{Type: "check", Name: "positive", Expression: "id > 0 -- always", Enforced: true},
			{Type: "check", Expression: "id < 100", Enforced: true},
			{Type: "foreign_key", Columns: []string{"id"}, To: rel("customers"), ToColumns: []string{"id"}, Enforced: true},
			{Type: "check", Expression: "false"}, // informs only
		},
	}
	var names []string
	for n := range 3 {
		kind := warehouse.Table
		if n == 0 {
			kind = warehouse.None
		}
		create := warehouse.CreateTableAs{Target: rel("_engine_new__orders"), Query: "select 1::bigint as id, 'x'::text as " + c.d().Ident(long) + " where false", Layout: layout}
		if stats, _, done, err := c.Perform(ctx, create); err != nil || !done || stats.Rows != 0 {
			t.Fatal(stats, done, err)
		}
		swap := warehouse.Swap{New: rel("_engine_new__orders"), NewKind: warehouse.Table, Target: rel("orders"), Old: kind, Layout: layout}
		_, _, done, err := c.Perform(ctx, swap)
		if err == nil && !done {
			var stmts []warehouse.Statement
			stmts, err = c.d().Render(swap)
			for _, s := range stmts {
				if err == nil {
					_, err = c.Exec(ctx, s)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		got := values(t, c, `select relname from pg_class join pg_index on indexrelid = oid where indrelid = 'core.orders'::regclass
union select conname from pg_constraint where conrelid = 'core.orders'::regclass and contype <> 'n' order by 1`)
		if n > 0 {
			if d := cmp.Diff(names, got); d != "" {
				t.Errorf("the names changed:\n%s", d)
			}
		}
		names = got
		for _, name := range got {
			if strings.Contains(name, "_engine_") || len(name) > 63 {
				t.Errorf("name %q", name)
			}
		}
	}
	if len(names) != 8 || !strings.Contains(strings.Join(names, " "), "orders_pk") || !strings.Contains(strings.Join(names, " "), "positive") {
		t.Errorf("names %q", names)
	}
	want(t, c, "select relpersistence::text from pg_class where oid = 'core.orders'::regclass", "u")
	for query, code := range map[string]string{"insert into core.orders values (-1, 'a')": "23514", "insert into core.orders values (null, 'a')": "23502", "insert into core.orders values (5, 'a')": "23503"} {
		e := (*Error)(nil)
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: query}); !errors.As(err, &e) || e.Code != code || e.Kind != Constraint {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestChangeKeepsViews: columns are changed below views; a view on a column that goes stops it.
func TestChangeKeepsViews(t *testing.T) {
	c := open(t)
	ctx := context.Background()
	sql(t, c, ordersSQL+"create view mart.v as select id, amount from core.orders; create view mart.w as select amount from mart.v; create materialized view mart.m as select id from mart.v")
	if _, _, done, err := c.Perform(ctx, warehouse.RetypeColumns{Target: rel("orders"), Columns: []warehouse.Column{{Name: "amount", Type: "bigint"}}}); err != nil || !done {
		t.Fatal(done, err)
	}
	want(t, c, "select data_type from information_schema.columns where table_schema = 'mart' and table_name = 'w'", "bigint")
	want(t, c, "select id from mart.m", "1")
	dependent := (*warehouse.DependentError)(nil)
	if _, _, _, err := c.Perform(ctx, warehouse.DropColumns{Target: rel("orders"), Columns: []string{"amount"}}); !errors.As(err, &dependent) || dependent.Dependent.What != "view mart.v" {
		t.Errorf("%v", err)
	}
	if _, _, done, err := c.Perform(ctx, warehouse.DropColumns{Target: rel("orders"), Columns: []string{"note"}}); err != nil || !done {
		t.Errorf("%v, %v", done, err)
	}
	want(t, c, "select * from core.orders", "1|10")
}

// TestCrashWithinSwap: a swap whose process dies before the end never was.
func TestCrashWithinSwap(t *testing.T) {
	c, killer := open(t), open(t)
	ctx := context.Background()
	sql(t, c, ordersSQL+"create view mart.v as select amount from core.orders; create materialized view mart.m as select * from mart.v")
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	swap := warehouse.Swap{New: rel("_engine_new__orders"), NewKind: warehouse.Table, Target: rel("orders"), Old: warehouse.Table}
	if _, _, done, err := tx.(warehouse.Performer).Perform(ctx, swap); err != nil || !done {
		t.Fatal(done, err)
	}
	want(t, tx, "select amount from mart.m", "20")
	sql(t, killer, "select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+c.o.settings["dbname"]+"'")
	if err := tx.Commit(ctx); Classify(err) != Lost {
		t.Errorf("commit: %v", err)
	}
	for n := 0; ; n++ {
		// Connections that were idle are gone as well.
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "select 1"}); err == nil || n == 5 {
			break
		}
	}
	want(t, c, "select amount from mart.v", "10")
	want(t, c, "select amount from mart.m", "10")
	want(t, c, "select amount from core._engine_new__orders", "20")
}
