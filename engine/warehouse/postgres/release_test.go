package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// outlet is a database with customers, as the engine's role, which is no superuser.
type outlet struct {
	*testing.T
	super, c *conn
	prefix   string // of roles, which all databases of the server share
	workshop addr.Relation
	left     string // by the last release
}

func newOutlet(t *testing.T) *outlet {
	t.Helper()
	server := pg.Shared(t)
	database := server.Database(t)
	o := &outlet{T: t, super: connect(t, server.Fields(database)), prefix: database + "_"}
	t.Cleanup(func() { o.super.Close() })
	engine := o.role("engine")
	o.exec(o.super, "grant create on database "+Dialect{}.Ident(database)+" to "+engine)
	fields := server.Fields(database)
	fields["role"] = o.prefix + "engine"
	o.c = connect(t, fields)
	t.Cleanup(func() { o.c.Close() })
	o.exec(o.c, "create schema dw")
	o.exec(o.c, "create table dw.secret as select 'top' as word")
	var err error
	if o.workshop, err = o.c.Workshop(context.Background(), "shop", "dw__publish"); err != nil {
		t.Fatal(err)
	}
	return o
}

// role makes a role and gives its quoted name.
func (o *outlet) role(name string) string {
	o.Helper()
	quoted := Dialect{}.Ident(o.prefix + name)
	o.exec(o.super, "create role "+quoted)
	o.Cleanup(func() {
		o.exec(o.super, "drop owned by "+quoted+" cascade")
		o.exec(o.super, "drop role "+quoted)
	})
	return quoted
}

func (o *outlet) exec(c *conn, sql string) {
	o.Helper()
	if err := o.try(c, sql); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
}

func (o *outlet) try(c *conn, sql string) error {
	_, err := c.Exec(context.Background(), warehouse.Statement{SQL: sql, BodyEnd: len(sql)})
	return err
}

// as runs a query as a role and gives its rows, or its error.
func (o *outlet) as(role, sql string) string {
	o.Helper()
	ctx := context.Background()
	tx, err := o.super.Begin(ctx)
	if err != nil {
		o.Fatal(err)
	}
	defer tx.Close()
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "set local role " + Dialect{}.Ident(o.prefix+role)}); err != nil {
		o.Fatal(err)
	}
	rows, err := tx.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return err.Error()
		}
		out = append(out, fmt.Sprint(v...))
	}
	if err := rows.Err(); err != nil {
		return err.Error()
	}
	return strings.Join(out, " ")
}

func (o *outlet) spec(customer string) warehouse.ReleaseSpec {
	return warehouse.ReleaseSpec{Owner: "shop", Customer: customer, Schemas: []string{"dw_" + customer}, Workspace: "ws_" + customer, Workshop: o.workshop}
}

// release publishes tables made of queries.
func (o *outlet) release(customer string, tables map[string]string, p warehouse.Handover) error {
	o.Helper()
	ctx := context.Background()
	r, err := o.c.OpenRelease(ctx, o.spec(customer))
	if err != nil {
		return err
	}
	defer r.Close(ctx)
	p.Run, p.At = "r1", time.Unix(0, 0)
	for name, query := range tables {
		final := addr.Relation{Schema: "dw_" + customer, Name: name}
		p.Tables = append(p.Tables, final)
		if err := o.try(o.c, "create table "+Dialect{}.Quote(r.Staged(final))+" as "+query); err != nil {
			return err
		}
	}
	slices.SortFunc(p.Tables, addr.Relation.Compare)
	_, err = r.Publish(ctx, p)
	o.left = strings.Join(r.(warehouse.Leaver).Left(), "; ")
	return err
}

func (o *outlet) must(customer string, tables map[string]string, p warehouse.Handover) {
	o.Helper()
	if err := o.release(customer, tables, p); err != nil {
		o.Fatal(err)
	}
}

func (o *outlet) readers(names ...string) []string {
	for i := range names {
		names[i] = o.prefix + names[i]
	}
	return names
}

func (o *outlet) equal(what, want, got string) {
	o.Helper()
	if d := cmp.Diff(want, got); d != "" {
		o.Errorf("%s:\n%s", what, d)
	}
}

func (o *outlet) denied(what, got string) {
	o.Helper()
	if !strings.Contains(got, "42501") {
		o.Errorf("%s gives %q, which is no refusal", what, got)
	}
}

// TestReleaseAsCustomer: a customer reads what is its own, makes things in its workspace, and
// gets at nothing else.
func TestReleaseAsCustomer(t *testing.T) {
	o := newOutlet(t)
	o.role("acme")
	o.role("globex")
	// Rights by default of the engine's role must not reach customers' tables.
	o.role("nosy")
	o.exec(o.c, "alter default privileges grant select on tables to "+Dialect{}.Ident(o.prefix+"nosy"))
	o.exec(o.c, "alter default privileges grant usage on schemas to "+Dialect{}.Ident(o.prefix+"nosy"))
	acme := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select word from dw.secret", Barrier: true, Reads: []addr.Relation{{Schema: "dw", Name: "secret"}}}}}
	o.must("acme", map[string]string{"t": "select 'acme' as word"}, acme)
	o.must("globex", map[string]string{"t": "select 'globex' as word"}, warehouse.Handover{Readers: o.readers("globex")})
	for range 2 {
		o.equal("own table", "acme", o.as("acme", "select word from dw_acme.t"))
		o.equal("own view", "top", o.as("acme", "select word from dw_acme.v"))
		o.equal("own release", "shop", o.as("acme", "select owner from dw_acme._engine_release"))
		o.denied("the warehouse", o.as("acme", "select * from dw.secret"))
		o.denied("another customer's", o.as("acme", "select * from dw_globex.t"))
		o.denied("the workshop", o.as("acme", "create table dw__publish.x (i int)"))
		o.denied("writing", o.as("acme", "delete from dw_acme.t"))
		o.denied("own schema", o.as("acme", "create table dw_acme.x (i int)"))
		o.denied("default privileges", o.as("nosy", "select * from dw_acme.t"))
		o.equal("workspace", "", o.as("acme", "create view ws_acme.x as select * from dw_acme.t"))
		// Again, with a new table beside.
		o.must("acme", map[string]string{"t": "select 'acme' as word", "u": "select 1 as n"}, acme)
		o.equal("new table", "1", o.as("acme", "select n from dw_acme.u"))
	}
	_, err := o.c.OpenRelease(context.Background(), o.spec("acme"))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.release("acme", nil, warehouse.Handover{Readers: []string{"no such role"}}); !isPrincipal(err, "no such role") {
		t.Errorf("a role that does not exist gives %v", err)
	}
}

func isPrincipal(err error, name string) bool {
	var e *warehouse.PrincipalError
	return errors.As(err, &e) && e.Principal == name
}

// TestReleaseBarrier: a reader's own cheap function sees no row that a barrier view leaves out.
func TestReleaseBarrier(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	o.exec(o.c, "create table dw.rows as select g as id, g % 2 as tenant, 's' || g as word from generate_series(1, 1000) as g; create index on dw.rows (tenant); analyze dw.rows")
	view := func(name string, barrier bool) warehouse.SliceView {
		return warehouse.SliceView{Name: addr.Relation{Schema: "dw_acme", Name: name}, Query: "select word from dw.rows where tenant = 1", Barrier: barrier}
	}
	o.must("acme", nil, warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{view("safe", true), view("leaky", false)}})
	o.exec(o.super, `create schema attack; grant usage on schema attack to `+acme+`; create table attack.seen (word text); grant insert on attack.seen to `+acme+`;
create function attack.look(text) returns boolean language plpgsql cost 0.0000001 as $f$ begin
  if substr($1, 2)::int % 2 = 0 then raise exception 'LEAKED %', $1; end if; return true; end $f$`)
	const attack = "select count(*) from (select word from dw_acme.%s where attack.look(word) offset 0) as x"
	// Without the barrier the attack succeeds, so that it proves something.
	if got := o.as("acme", fmt.Sprintf(attack, "leaky")); !strings.Contains(got, "LEAKED") {
		t.Errorf("a view without barrier gives %q: this is no attack", got)
	}
	o.equal("behind the barrier", "500", o.as("acme", fmt.Sprintf(attack, "safe")))
}

// TestReleaseRevoke: whoever is wanted no more loses all, PUBLIC has nothing, and strangers
// are named and keep what they have, through publications as well.
func TestReleaseRevoke(t *testing.T) {
	o := newOutlet(t)
	old, keep, analyst := o.role("old"), o.role("keep"), o.role("analyst")
	ctx := context.Background()
	o.must("acme", map[string]string{"t": "select 1 as n", "u": "select 1 as n"}, warehouse.Handover{Readers: o.readers("old", "keep")})
	o.exec(o.c, "grant usage on schema dw_acme to "+analyst+", public; grant select on dw_acme.t to "+analyst+", public; grant insert on dw_acme.u to "+keep)
	o.equal("before", "1", o.as("old", "select n from dw_acme.t"))
	r, err := o.c.OpenRelease(ctx, o.spec("acme"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(ctx)
	got, err := o.c.Revoke(ctx, o.spec("acme"), append(o.readers("old", "keep"), "gone"), o.readers("keep"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{o.prefix + "analyst", o.prefix + "keep (INSERT on dw_acme.u)", "public"}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("strangers:\n%s", d)
	}
	_ = old
	o.denied("revoked", o.as("old", "select n from dw_acme.t"))
	o.denied("revoked workspace", o.as("old", "create table ws_acme.x (i int)"))
	o.role("anybody")
	o.denied("public", o.as("anybody", "select n from dw_acme.t"))
	o.must("acme", map[string]string{"t": "select 2 as n"}, warehouse.Handover{Readers: o.readers("keep")})
	o.equal("wanted", "2", o.as("keep", "select n from dw_acme.t"))
	o.equal("stranger", "2", o.as("analyst", "select n from dw_acme.t"))
	o.denied("revoked", o.as("old", "select n from dw_acme.t"))
	// That somebody is misspelled keeps nobody else's access up.
	if _, err := o.c.Revoke(ctx, o.spec("acme"), o.readers("keep"), []string{"no such role"}); err != nil {
		t.Errorf("next to a role that does not exist: %v", err)
	}
	o.denied("revoked at last", o.as("keep", "select n from dw_acme.t"))
}

// TestReleaseDependents: views that others have built survive with their rights, and one that
// cannot follow keeps nothing from being published.
func TestReleaseDependents(t *testing.T) {
	o := newOutlet(t)
	acme, friend := o.role("acme"), o.role("friend")
	o.must("acme", map[string]string{"t": "select 1 as n, 2 as gone"}, warehouse.Handover{Readers: o.readers("acme"),
		Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n from dw_acme.t"}}})
	o.exec(o.c, "create schema theirs; create view theirs.x as select n from dw_acme.v; create view theirs.y as select n + 1 as n from theirs.x; grant usage on schema theirs to "+friend+"; grant select on theirs.y to "+friend)
	next := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n, n as m from dw_acme.t"}}}
	o.must("acme", map[string]string{"t": "select 5 as n"}, next)
	o.equal("a friend", "6", o.as("friend", "select n from theirs.y"))
	o.exec(o.c, "create view theirs.z as select m from dw_acme.v")
	last := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n from dw_acme.t"}}}
	o.must("acme", map[string]string{"t": "select 6 as n"}, last)
	o.equal("table", "6", o.as("acme", "select n from dw_acme.t"))
	o.equal("view", "6", o.as("acme", "select n from dw_acme.v"))
	o.equal("columns of the view", "1", o.as("acme", "select count(*) from pg_attribute where attrelid = 'dw_acme.v'::regclass and attnum > 0"))
	o.equal("a view that can follow", "7", o.as("friend", "select n from theirs.y"))
	o.equal("a view that lacks a column", "", o.as("engine", "select m from theirs.z"))
	o.exec(o.c, "drop view theirs.z")
	// What is the customer's own, whose role is not ours: it goes on with what it hangs on.
	o.exec(o.super, "set role "+acme+"; create view ws_acme.mine as select n from dw_acme.t; create view ws_acme.old as select n from dw_acme.v; create table ws_acme.kept (x dw_acme.t)")
	o.must("acme", map[string]string{"t": "select 7 as n"}, last)
	o.equal("the customer's view", "7", o.as("acme", "select n from ws_acme.mine"))
	o.equal("the customer's view", "7", o.as("acme", "select n from ws_acme.old"))
	o.equal("a friend", "8", o.as("friend", "select n from theirs.y"))
	o.must("acme", map[string]string{"t": "select 'x' as word, 8 as n"}, last)
	o.equal("with a new column", "8", o.as("acme", "select n from ws_acme.mine"))
	o.equal("with a new column", "x8", o.as("acme", "select word || n from dw_acme.t"))
	o.must("acme", map[string]string{"t": "select 9 as n"}, last)
	o.equal("without it", "9", o.as("acme", "select n from ws_acme.mine"))
	o.equal("without it", "1", o.as("acme", "select count(*) from pg_attribute where attrelid = 'dw_acme.t'::regclass and attnum > 0 and not attisdropped"))
	// Where the column is gone that it reads, it is left behind, and reads nothing.
	o.must("acme", map[string]string{"t": "select 1 as other"}, warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select other from dw_acme.t"}}})
	o.equal("table", "1", o.as("acme", "select other from dw_acme.t"))
	o.equal("view", "1", o.as("acme", "select other from dw_acme.v"))
	o.denied("left behind", o.as("acme", "select n from ws_acme.mine"))
	o.denied("left behind", o.as("acme", "select n from ws_acme.old"))
	o.equal("rows that are left", "0", o.as("engine", "select sum((xpath('/row/c/text()', query_to_xml('select count(*) as c from dw_acme.' || quote_ident(relname), false, true, '')))[1]::text::int) from pg_class where relnamespace = 'dw_acme'::regnamespace and starts_with(relname, '_engine_replaced_')"))
	// A table that nobody gets any more goes though something hangs on it.
	o.exec(o.super, "set role "+acme+"; create view ws_acme.last as select other from dw_acme.t")
	o.must("acme", nil, warehouse.Handover{Readers: o.readers("acme"), Drop: []warehouse.Relation{
		{Name: addr.Relation{Schema: "dw_acme", Name: "t"}, Kind: warehouse.Table}, {Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Kind: warehouse.View}}})
	o.denied("left behind", o.as("acme", "select other from ws_acme.last"))
	if !strings.HasPrefix(o.left, "view ws_acme.last hangs on what dw_acme.t was until now, which is dw_acme._engine_replaced_") {
		t.Errorf("said: %s", o.left)
	}
	o.exec(o.super, "drop view ws_acme.mine, ws_acme.old, ws_acme.last; drop table ws_acme.kept; drop schema theirs cascade")
	o.must("acme", map[string]string{"t": "select 1 as other"}, warehouse.Handover{Readers: o.readers("acme")})
	o.equal("what was set aside", "0", o.as("engine", "select count(*) from pg_class where relnamespace = 'dw_acme'::regnamespace and starts_with(relname, '_engine_replaced_')"))
	o.equal("said", "", o.left)
	o.must("acme", nil, warehouse.Handover{Readers: o.readers("acme"), Drop: []warehouse.Relation{{Name: addr.Relation{Schema: "dw_acme", Name: "t"}, Kind: warehouse.Table}}})
	o.equal("what is left", "0", o.as("engine", "select count(*) from pg_class where relnamespace = 'dw_acme'::regnamespace and relname in ('t', 'v')"))
}

// TestReleaseRunsNobodysCode: a materialized view that a customer has made is made again with its
// rows, and what it calls has the rights of the customer.
func TestReleaseRunsNobodysCode(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	o.exec(o.super, "grant "+acme+" to "+Dialect{}.Ident(o.prefix+"engine"))
	o.must("acme", map[string]string{"t": "select 1 as n"}, warehouse.Handover{Readers: o.readers("acme")})
	o.exec(o.super, "set role "+acme+`; create table ws_acme.who (name text); grant all on ws_acme.who to public;
create function ws_acme.spy(n integer) returns integer language plpgsql as $$ begin insert into ws_acme.who values (current_user::text); return n; end $$;
create function ws_acme.index_spy(n integer) returns integer immutable language plpgsql as $$ begin if current_user <> '`+o.prefix+`acme' then raise 'run by %', current_user; end if; return n; end $$;
create materialized view ws_acme.mine as select ws_acme.spy(n) as n from dw_acme.t; create index spied on ws_acme.mine (ws_acme.index_spy(n), ws_acme.index_spy(1));
create materialized view ws_acme.bad as select 1 / (n - 2) as n from dw_acme.t`)
	o.must("acme", map[string]string{"t": "select 2 as n"}, warehouse.Handover{Readers: o.readers("acme")})
	o.equal("the rows", "2", o.as("acme", "select n from ws_acme.mine"))
	o.equal("the index", "1", o.as("acme", "select count(*) from pg_index where indexrelid = 'ws_acme.spied'::regclass and indrelid = 'ws_acme.mine'::regclass"))
	o.equal("who has run it", o.prefix+"acme", o.as("acme", "select distinct name from ws_acme.who"))
	o.equal("one that fails has no rows", "f", o.as("acme", "select relispopulated::text from pg_class where oid = 'ws_acme.bad'::regclass")[:1])
	{ // a build that replaces what it reads
		o.exec(o.super, "drop materialized view ws_acme.bad; grant usage on schema dw to "+acme+"; grant select on dw.secret to "+acme+"; set role "+acme+"; truncate ws_acme.who; create materialized view ws_acme.more as select ws_acme.spy(length(word)) as n from dw.secret; truncate ws_acme.who")
		o.exec(o.c, "create table dw.next as select 'new' as word")
		if _, _, _, err := o.c.Perform(context.Background(), warehouse.Swap{New: addr.Relation{Schema: "dw", Name: "next"}, NewKind: warehouse.Table, Target: addr.Relation{Schema: "dw", Name: "secret"}, Old: warehouse.Table}); err != nil {
			t.Fatal(err)
		}
		o.equal("the rows", "3", o.as("acme", "select n from ws_acme.more"))
		o.equal("who has run it", o.prefix+"acme", o.as("acme", "select distinct name from ws_acme.who"))
	}
}

// TestReleaseStuckTrigger: a trigger of a customer's does not run when its table gets new rows, and
// the names of indexes are free for the table that takes the place of one that is set aside.
func TestReleaseStuckTrigger(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	ctx := context.Background()
	release := func(query string) {
		t.Helper()
		r, err := o.c.OpenRelease(ctx, o.spec("acme"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close(ctx)
		final := addr.Relation{Schema: "dw_acme", Name: "t"}
		staged := Dialect{}.Quote(r.Staged(final))
		o.exec(o.c, "create table "+staged+" as "+query+"; create index t_n on "+staged+" (n); alter table "+staged+" add constraint t_key primary key (n)")
		if _, err := r.Publish(ctx, warehouse.Handover{Run: "r1", At: time.Unix(0, 0), Readers: o.readers("acme"), Tables: []addr.Relation{final}}); err != nil {
			t.Fatal(err)
		}
	}
	release("select 1 as n")
	o.exec(o.c, "grant trigger on dw_acme.t to "+acme)
	o.exec(o.super, "set role "+acme+`; create table ws_acme.who (name text); grant all on ws_acme.who to public;
create function ws_acme.spy() returns trigger language plpgsql as $$ begin insert into ws_acme.who values (current_user::text); return null; end $$;
create trigger spied after truncate on dw_acme.t execute function ws_acme.spy(); create trigger spied_too after insert on dw_acme.t execute function ws_acme.spy()`)
	for i, n := range []string{"2", "3"} {
		release("select " + n + " as n")
		o.equal("the rows", n, o.as("acme", "select n from dw_acme.t"))
		o.equal("the indexes", "2", o.as("engine", "select count(*) from pg_index as i join pg_class as x on x.oid = i.indexrelid where indrelid = 'dw_acme.t'::regclass and x.relname in ('t_n', 't_key')"))
		o.equal("who has run it", "", o.as("acme", "select name from ws_acme.who"))
		// The table with the triggers goes with the next release.
		o.equal("what is set aside", []string{"1", "0"}[i], o.as("engine", "select count(*) from pg_class where relnamespace = 'dw_acme'::regnamespace and relkind = 'r' and starts_with(relname, '_engine_replaced_')"))
	}
}

// TestSwapUnderCustomers: a table that a customer's own view reads through the engine's keeps its
// identity when it is built anew. What is to be kept of it is, and so are comments; what would lose
// an index is refused.
func TestSwapUnderCustomers(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	ctx := context.Background()
	dw := func(name string) addr.Relation { return addr.Relation{Schema: "dw", Name: name} }
	o.exec(o.c, "create table dw.orders as select 1 as n")
	o.must("acme", nil, warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n from dw.orders"}}})
	o.exec(o.super, "set role "+acme+"; create view ws_acme.mine as select n from dw_acme.v")
	swap := warehouse.Swap{New: dw("next"), NewKind: warehouse.Table, Target: dw("orders"), Old: warehouse.Table, Keep: dw("before")}
	o.exec(o.c, "create table dw.next (n integer not null, m text); insert into dw.next values (2, 'x'); comment on table dw.next is 'said'; comment on column dw.next.m is 'so'")
	if _, _, _, err := o.c.Perform(ctx, swap); err != nil {
		t.Fatal(err)
	}
	o.equal("the customer's view", "2", o.as("acme", "select n from ws_acme.mine"))
	o.equal("what is kept", "1", o.as("engine", "select n from dw.before"))
	o.equal("the comments", "said so", o.as("engine", "select obj_description('dw.orders'::regclass, 'pg_class') || ' ' || col_description('dw.orders'::regclass, 2)"))
	o.equal("not null", "true", o.as("engine", "select attnotnull from pg_attribute where attrelid = 'dw.orders'::regclass and attname = 'n'"))
	swap.Keep = addr.Relation{}
	o.exec(o.c, "create table dw.next as select 3 as n, 'y' as m; create index orders_n on dw.next (n)")
	if _, _, _, err := o.c.Perform(ctx, swap); err == nil {
		t.Error("a table was filled that lacks an index of the new one")
	}
	o.equal("after a refusal", "2", o.as("acme", "select n from ws_acme.mine"))
	// The index would go with the column that it is on.
	o.exec(o.c, "drop table dw.next; create index orders_m on dw.orders (m); create table dw.next as select 4 as n, 5 as m; create index next_m on dw.next (m)")
	if _, _, _, err := o.c.Perform(ctx, swap); err == nil {
		t.Error("an index was lost with its column")
	}
	o.equal("after a refusal", "2", o.as("acme", "select n from ws_acme.mine"))
}

// TestReleaseOfAnothersSchema: a mark is not enough where somebody else can do what he likes.
func TestReleaseOfAnothersSchema(t *testing.T) {
	o := newOutlet(t)
	evil := o.role("evil")
	o.exec(o.super, "create schema dw_acme authorization "+evil+"; comment on schema dw_acme is 'made by engine for shop, customer acme'")
	var foreign *warehouse.ForeignError
	if err := o.release("acme", map[string]string{"t": "select 2 as n"}, warehouse.Handover{}); !errors.As(err, &foreign) || !strings.Contains(foreign.Owner, "evil") {
		t.Errorf("it gives %v", err)
	}
	// So is a role that makes functions where the engine finds its own.
	o.exec(o.super, "drop schema dw_acme; grant create on schema public to "+evil)
	unfit, err := o.c.Unfit(context.Background(), o.readers("evil"), false)
	if err != nil || len(unfit) != 1 || !strings.Contains(unfit[0].Reason, "schema public") {
		t.Errorf("%v, %v", unfit, err)
	}
	o.exec(o.super, "revoke create on schema public from "+evil)
}

// TestSheltered: nobody makes the engine's sessions call what is his.
func TestSheltered(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	evil := o.role("evil")
	safe := func(what string, want ...string) {
		t.Helper()
		err := o.c.Sheltered(ctx)
		var known *warehouse.OpenError
		if len(want) == 0 && err != nil || len(want) > 0 && !errors.As(err, &known) {
			t.Fatalf("%s: %v", what, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v lacks %q", what, err, w)
			}
		}
	}
	safe("as it is")
	o.exec(o.super, "create function public.fine() returns int language sql as 'select 1'")
	safe("a superuser's function")
	o.exec(o.super, "grant create on schema public to public")
	safe("everybody may", "everybody may create in schema public")
	o.exec(o.super, "set role "+evil+"; create function public.cs(bigint, text) returns bigint language sql as 'select 1::bigint'; create aggregate public.count(text) (sfunc = public.cs, stype = bigint, initcond = '0'); create function public.same(name, text) returns boolean language sql as 'select true'; create operator public.= (function = public.same, leftarg = name, rightarg = text)")
	o.exec(o.super, "revoke create on schema public from public")
	safe("planted", "function count(text) of "+o.prefix+"evil", "operator public.=(name,text) of "+o.prefix+"evil")
	o.exec(o.super, "drop operator public.= (name, text); drop function public.same(name, text); drop aggregate public.count(text); drop function public.cs(bigint, text)")
	safe("gone")

	// Whom the schema's owner lets create there is trusted, unless he is a customer's principal, or
	// a principal can become him.
	plain, maker := o.role("plain"), o.role("maker")
	lurks := func(what string, want ...string) {
		t.Helper()
		safe(what) // as long as nobody says that he is a principal
		err := o.c.ShelteredFrom(ctx, o.readers("plain", "evil"))
		var known *warehouse.OpenError
		if len(want) == 0 && err != nil || len(want) > 0 && !errors.As(err, &known) {
			t.Fatalf("%s: %v", what, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v lacks %q", what, err, w)
			}
		}
	}
	lurks("principals without rights")
	o.exec(o.super, "grant create on schema public to "+evil)
	lurks("by name", "principal "+o.prefix+"evil may create functions in schema public: revoke create on schema public from "+o.prefix+"evil")
	o.exec(o.super, "revoke create on schema public from "+evil+"; grant create on schema public to "+maker+"; alter role "+plain+" noinherit; grant "+maker+" to "+plain)
	lurks("as another", "principal "+o.prefix+"plain, a member of "+o.prefix+"maker, which may create functions in schema public")
	o.exec(o.super, "set role "+maker+"; create function public.planted() returns int language sql as 'select 1'; create operator public.+! (function = pg_catalog.int4pl, leftarg = int, rightarg = int)")
	lurks("another's function", "principal "+o.prefix+"plain, a member of "+o.prefix+"maker, which owns function planted() in schema public", "owns operator +!(integer,integer) in schema public")
	o.exec(o.super, "revoke "+maker+" from "+plain)
	lurks("no member any more")
	o.exec(o.super, "drop function public.planted(); drop operator public.+!(int, int); revoke create on schema public from "+maker+"; create schema own authorization "+evil)
	lurks("a schema in which nothing is looked up")
	if err := o.c.ShelteredFrom(ctx, nil); err != nil {
		t.Error(err)
	}
	// Those who are superusers anyway are what Unfit tells of.
	o.exec(o.super, "drop schema own; grant create on schema public to "+evil+"; alter role "+evil+" superuser")
	lurks("a superuser")
	o.exec(o.super, "alter role "+evil+" nosuperuser; revoke create on schema public from "+evil)
}

// TestReleaseTaken: a table that somebody made under the name of one of ours is a stranger's.
func TestReleaseTaken(t *testing.T) {
	o := newOutlet(t)
	o.must("acme", map[string]string{"t": "select 1 as n", "u": "select 1 as n"}, warehouse.Handover{})
	o.exec(o.c, "drop table dw_acme.t; create table dw_acme.t as select 7 as n")
	var foreign *warehouse.ForeignError
	if err := o.release("acme", map[string]string{"t": "select 2 as n"}, warehouse.Handover{}); !errors.As(err, &foreign) {
		t.Errorf("it gives %v", err)
	}
	o.must("acme", map[string]string{"u": "select 2 as n"}, warehouse.Handover{})
	o.equal("their table", "7", o.as("engine", "select n from dw_acme.t"))
}

// TestReleaseKept: a build that replaces what a customer's view reads makes the view again; it
// stays the engine's, with its barrier and its readers.
func TestReleaseKept(t *testing.T) {
	o := newOutlet(t)
	o.role("acme")
	p := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select word from dw.secret", Barrier: true}}}
	o.must("acme", nil, p)
	o.exec(o.c, "create table dw.next as select 'new' as word")
	if _, _, _, err := o.c.Perform(context.Background(), warehouse.Swap{New: addr.Relation{Schema: "dw", Name: "next"}, NewKind: warehouse.Table, Target: addr.Relation{Schema: "dw", Name: "secret"}, Old: warehouse.Table}); err != nil {
		t.Fatal(err)
	}
	o.equal("after the build", "new", o.as("acme", "select word from dw_acme.v"))
	o.equal("the barrier", "[security_barrier=true]", o.as("acme", "select reloptions from pg_class where oid = 'dw_acme.v'::regclass"))
	o.must("acme", nil, p)
	o.equal("after the next release", "new", o.as("acme", "select word from dw_acme.v"))
}

// TestReleaseKeepsNoBuild: what a customer hangs on a view that reads the warehouse keeps nothing
// from being built.
func TestReleaseKeepsNoBuild(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	p := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select word from dw.secret", Barrier: true}}}
	o.must("acme", nil, p)
	o.exec(o.super, "set role "+acme+"; create view ws_acme.mine as select word from dw_acme.v; create function ws_acme.f(dw_acme.v) returns int language sql as 'select 1'")
	for i, query := range []string{"select 'new' as word", "select 'newer' as word, 2 as n"} {
		o.exec(o.c, "create table dw.next as "+query+"; comment on column dw.next.word is 'it''s a word'")
		if _, _, _, err := o.c.Perform(context.Background(), warehouse.Swap{New: addr.Relation{Schema: "dw", Name: "next"}, NewKind: warehouse.Table, Target: addr.Relation{Schema: "dw", Name: "secret"}, Old: warehouse.Table}); err != nil {
			t.Fatal(err)
		}
		word := []string{"new", "newer"}[i]
		o.equal("the release", word, o.as("acme", "select word from dw_acme.v"))
		o.equal("the customer's view", word, o.as("acme", "select word from ws_acme.mine"))
		o.equal("a comment", "it's a word", o.as("engine", "select col_description('dw.secret'::regclass, 1)"))
		o.equal("what is left", "0", o.as("engine", "select count(*) from pg_class where relnamespace = 'dw'::regnamespace and relname = 'next'"))
	}
}

// TestReleaseRows: principals of one schema see their own rows each, and other tables'
// policies do not stand in the way of the next release.
func TestReleaseRows(t *testing.T) {
	o := newOutlet(t)
	o.role("bi_a")
	o.role("bi_b")
	o.role("bi_c")
	p := warehouse.Handover{Readers: o.readers("bi_a", "bi_b", "bi_c")}
	table := addr.Relation{Schema: "dw_rows", Name: "t"}
	for _, c := range []string{"a", "b"} {
		p.RowPolicies = append(p.RowPolicies, warehouse.RowPolicy{Table: table, Principal: o.prefix + "bi_" + c, Column: "_engine_customer", Value: c})
	}
	for n := range 3 {
		o.must("rows", map[string]string{"t": fmt.Sprintf("select x as _engine_customer, %d as n from unnest(array['a', 'b', 'c', null]) as x", n)}, p)
		o.equal("a", fmt.Sprint("a", n), o.as("bi_a", "select _engine_customer || n from dw_rows.t"))
		o.equal("b", fmt.Sprint("b", n), o.as("bi_b", "select _engine_customer || n from dw_rows.t"))
		o.denied("without a policy", o.as("bi_c", "select _engine_customer || n from dw_rows.t"))
		o.equal("the engine", "4", o.as("engine", "select count(*) from dw_rows.t"))
	}
	o.exec(o.c, "create policy theirs on dw_rows.t using (true)")
	o.must("rows", map[string]string{"t": "select x as _engine_customer, 9 as n from unnest(array['a', 'b']) as x"}, p)
	o.equal("next to a stranger's policy", "a9", o.as("bi_a", "select _engine_customer || n from dw_rows.t"))
	o.equal("policies", "2", o.as("engine", "select count(*) from pg_policy where polrelid = 'dw_rows.t'::regclass"))
}

// TestReleaseGuarded: a table whose rows are for some of those who share it, none of whom has a
// principal, is nobody's; and a table that stays is guarded as one that is new.
func TestReleaseGuarded(t *testing.T) {
	o := newOutlet(t)
	o.role("bi_a")
	o.role("bi_b")
	table := func(name string) addr.Relation { return addr.Relation{Schema: "dw_rows", Name: name} }
	policy := func(name, customer string) warehouse.RowPolicy {
		return warehouse.RowPolicy{Table: table(name), Principal: o.prefix + "bi_" + customer, Column: "_engine_customer", Value: customer}
	}
	rows := "select x as _engine_customer from unnest(array['a', 'b', 'c', null]) as x"
	tables := map[string]string{"t": rows, "bespoke": rows, "unit": "select 'g' as unit"}
	guarded := []addr.Relation{table("t"), table("bespoke")}
	readers := o.readers("bi_a", "bi_b")
	check := func(what, a, b string) {
		t.Helper()
		for name, want := range map[string]string{"bi_a": a, "bi_b": b} {
			if query := "select _engine_customer from dw_rows.bespoke"; want == "" {
				o.denied(what+", bespoke as "+name, o.as(name, query))
			} else {
				o.equal(what+", bespoke as "+name, want, o.as(name, query))
			}
			o.equal(what+", t as "+name, name[3:], o.as(name, "select _engine_customer from dw_rows.t"))
			o.equal(what+", unit as "+name, "g", o.as(name, "select unit from dw_rows.unit"))
		}
		o.equal(what+", guarded", "2", o.as("engine", "select count(*) from pg_class where relnamespace = 'dw_rows'::regnamespace and relrowsecurity"))
		o.equal(what+", as the engine", "4", o.as("engine", "select count(*) from dw_rows.bespoke"))
	}
	both := []warehouse.RowPolicy{policy("t", "a"), policy("t", "b")}
	for range 2 {
		o.must("rows", tables, warehouse.Handover{Readers: readers, Guarded: guarded, RowPolicies: both})
		check("nobody's", "", "")
	}
	// Nothing is new but who sees bespoke.
	o.must("rows", nil, warehouse.Handover{Readers: readers, Guarded: guarded, RowPolicies: append(slices.Clone(both), policy("bespoke", "b"))})
	check("for b", "", "b")
	o.must("rows", nil, warehouse.Handover{Readers: readers, Guarded: guarded, RowPolicies: append(slices.Clone(both), policy("bespoke", "a"))})
	check("for a", "a", "")
	// As a release left it that did not guard what has no policy.
	o.exec(o.c, "drop policy "+Dialect{}.Ident(policyName(policy("bespoke", "a")))+" on dw_rows.bespoke; alter table dw_rows.bespoke disable row level security; grant select on dw_rows.bespoke to "+Dialect{}.Ident(o.prefix+"bi_b"))
	o.must("rows", map[string]string{"t": rows}, warehouse.Handover{Readers: readers, Guarded: guarded, RowPolicies: both})
	check("nobody's again", "", "")
	if err := o.release("rows", nil, warehouse.Handover{Readers: readers, Guarded: append(guarded, table("gone"))}); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a guarded table that is not there gives %v", err)
	}
}

// TestReleaseUnfit: nobody is given access whom no right keeps from what is not the customer's.
func TestReleaseUnfit(t *testing.T) {
	o := newOutlet(t)
	engine := Dialect{}.Ident(o.prefix + "engine")
	bypass, super := o.role("bypass"), o.role("super")
	o.exec(o.super, "alter role "+bypass+" bypassrls; alter role "+super+" superuser")
	for name, grant := range map[string]string{"plain": "", "owns": engine, "climbs": super, "around": bypass} {
		if role := o.role(name); grant != "" {
			o.exec(o.super, "grant "+grant+" to "+role)
		}
	}
	guarded := []addr.Relation{{Schema: "dw_rows", Name: "t"}}
	rows := map[string]string{"t": "select 'a' as _engine_customer"}
	o.must("rows", rows, warehouse.Handover{Readers: o.readers("plain"), Guarded: guarded})
	for _, name := range []string{"super", "owns", "climbs", "engine", "bypass", "around", "nobody"} {
		always := name != "bypass" && name != "around" // others' tables have no policies
		if err := o.release("rows", rows, warehouse.Handover{Readers: o.readers("plain", name), Guarded: guarded}); !isPrincipal(err, o.prefix+name) {
			t.Errorf("%s next to guarded tables gives %v", name, err)
		}
		if err := o.release("acme", nil, warehouse.Handover{Readers: o.readers("plain", name)}); isPrincipal(err, o.prefix+name) != always {
			t.Errorf("%s gives %v", name, err)
		}
		bad, err := o.c.Unfit(context.Background(), o.readers("plain", name), true)
		if err != nil || len(bad) != 1 || bad[0].Principal != o.prefix+name || (bad[0].Reason == "") != (name == "nobody") {
			t.Errorf("%s: %v, %v", name, bad, err)
		}
	}
}

// TestReleaseClaim: what others are given on schemas by default goes when the engine makes one,
// and from the workshop whenever it is opened.
func TestReleaseClaim(t *testing.T) {
	o := newOutlet(t)
	nosy := o.role("nosy")
	o.exec(o.c, "alter default privileges grant all on tables to "+nosy+"; alter default privileges grant all on schemas to "+nosy+"; alter default privileges grant usage on schemas to public")
	o.exec(o.c, "grant all on schema dw__publish to "+nosy)
	if _, err := o.c.Workshop(context.Background(), "shop", "dw__publish"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.c.Workshop(context.Background(), "shop", "dw__other"); err != nil {
		t.Fatal(err)
	}
	o.must("acme", map[string]string{"t": "select 1 as n"}, warehouse.Handover{})
	for _, schema := range []string{"dw__publish", "dw__other", "dw_acme", "ws_acme"} {
		o.exec(o.c, "create table "+schema+".staged as select 1 as n")
		o.denied("a table in "+schema, o.as("nosy", "select n from "+schema+".staged"))
		o.denied("making one in "+schema, o.as("nosy", "create table "+schema+".x (i int)"))
	}
}

// TestAnswers: what is asked as a principal is answered as it sees things.
func TestAnswers(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	o.role("bi_a")
	table := addr.Relation{Schema: "dw_rows", Name: "t"}
	o.must("rows", map[string]string{"t": "select x as _engine_customer from unnest(array['a', 'a', 'b']) as x"}, warehouse.Handover{Readers: o.readers("bi_a"), Guarded: []addr.Relation{table},
		RowPolicies: []warehouse.RowPolicy{{Table: table, Principal: o.prefix + "bi_a", Column: "_engine_customer", Value: "a"}}})
	got, err := o.super.Answers(ctx, o.prefix+"bi_a", []string{"select count(*) from dw_rows.t", "select count(*) from dw_rows.t where _engine_customer <> 'a'"})
	if d := cmp.Diff([]int64{2, 0}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if _, err := o.super.Answers(ctx, o.prefix+"bi_a", []string{"select word from dw.secret"}); err == nil {
		t.Error("what must not be read is read")
	}
}

// TestReleaseMany: customers are published side by side, next to readers that hold several
// tables at once in another order.
func TestReleaseMany(t *testing.T) {
	o := newOutlet(t)
	o.role("all")
	const customers, rounds = 8, 4
	tables := func(n int) map[string]string {
		out := map[string]string{}
		for i := range 5 {
			out[fmt.Sprintf("t%d", i)] = fmt.Sprintf("select %d as n", n)
		}
		return out
	}
	p := warehouse.Handover{Readers: o.readers("all")}
	for c := range customers {
		o.must(fmt.Sprintf("c%d", c), tables(0), p)
	}
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for c := range 4 {
		readers.Go(func() {
			query := fmt.Sprintf("select (select n from dw_c%[1]d.t4) - (select n from dw_c%[1]d.t0), (select n from dw_c%[1]d.t2) - (select n from dw_c%[1]d.t1)", c)
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := o.as("all", query); got != "0 0" {
					t.Errorf("a reader gets %q", got)
					return
				}
			}
		})
	}
	for c := range customers {
		writers.Go(func() {
			for n := range rounds {
				if err := o.release(fmt.Sprintf("c%d", c), tables(n+1), p); err != nil {
					t.Errorf("customer %d: %v", c, err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if left, err := o.c.List(context.Background(), "", "dw__publish"); err != nil || len(left) > 0 {
		t.Errorf("the workshop has %v, %v", left, err)
	}
}

// TestReleaseTerminated: a publication whose session the server ends has happened wholly or
// not at all, and leaves no lock.
func TestReleaseTerminated(t *testing.T) {
	o := newOutlet(t)
	o.role("acme")
	tables := func(n int) map[string]string {
		q := fmt.Sprintf("select %d as n", n)
		return map[string]string{"a": q, "b": q, "c": q}
	}
	p := warehouse.Handover{Readers: o.readers("acme"), Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n from dw_acme.b"}}}
	o.must("acme", tables(0), p)
	begin := time.Now()
	o.must("acme", tables(0), p)
	whole := time.Since(begin) // the moments of the end are spread over one publication
	ended := 0
	for n := 0; n < 25 || n < 200 && ended == 0; n++ {
		done := make(chan error)
		go func() { done <- o.release("acme", tables(n+1), p) }()
		time.Sleep(whole * time.Duration(1+n%25) / 25)
		o.exec(o.super, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'")
		if err := <-done; err != nil {
			ended++
		}
		got := o.as("acme", "select distinct a.n, ' ', b.n, ' ', c.n, ' ', v.n from dw_acme.a, dw_acme.b, dw_acme.c, dw_acme.v")
		if parts := strings.Fields(got); len(parts) != 4 || len(slices.Compact(parts)) != 1 {
			t.Fatalf("after %d: %q", n, got)
		}
	}
	if ended == 0 {
		t.Error("no publication was ended")
	}
	o.must("acme", tables(1000), p)
	o.equal("at last", "1000", o.as("acme", "select n from dw_acme.v"))
}

// TestReleasePrepared: a role that may make no schemas gets empty ones from somebody who may.
func TestReleasePrepared(t *testing.T) {
	o := newOutlet(t)
	acme := o.role("acme")
	engine := Dialect{}.Ident(o.prefix + "engine")
	o.exec(o.super, "create schema dw_acme authorization "+engine+"; create schema ws_acme authorization "+engine+"; grant usage on schema dw_acme to public, "+acme)
	o.exec(o.super, "do $$ begin execute format('revoke create on database %I from "+engine+"', current_database()); end $$")
	o.must("acme", map[string]string{"t": "select 1 as n"}, warehouse.Handover{Readers: o.readers("acme")})
	o.equal("own table", "1", o.as("acme", "select n from dw_acme.t"))
	var foreign *warehouse.ForeignError
	globex := o.spec("globex")
	globex.Schemas = []string{"dw_acme"}
	if _, err := o.c.OpenRelease(context.Background(), globex); !errors.As(err, &foreign) || !strings.Contains(foreign.Owner, "acme") {
		t.Errorf("another customer's schema gives %v", err)
	}
}
