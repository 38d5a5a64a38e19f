package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Distributor = (*conn)(nil)
	_ warehouse.Vetter      = (*conn)(nil)
)

// A customer has schemas of its own. What it gets is made in the workshop, a schema that
// nobody but the engine may use, and moved in one transaction, with rights and all: readers
// see the old or the new of everything. A schema is the engine's if its comment says so, and its
// owner is the target's role, a role that it is a member of, or a superuser: the owner of a schema
// may put what it likes in the place of what is in it.
//
// A transaction of a reader that is REPEATABLE READ or SERIALIZABLE and began before the tables
// were made finds them empty, as after TRUNCATE (PostgreSQL's manual, 13.6).

// schemaMark begins the comment of a schema of the engine's. The owner follows, and the
// customer.
const schemaMark = "made by engine for "

func markOf(owner, customer string) string {
	if customer == "" {
		return schemaMark + owner
	}
	return schemaMark + owner + ", customer " + customer
}

// schemasQuery reads the wanted schemas ($1) that exist, and those with a mark ($2).
//
// What is in a schema hangs on it, and that has an index: pg_class has none by schema, and grows
// with the number of customers.
const schemasQuery = `select n.nspname, coalesce(d.description, ''),
  exists (select from pg_catalog.pg_depend as x where x.refclassid = 'pg_catalog.pg_namespace'::regclass and x.refobjid = n.oid
    and x.classid in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass)),
  case when o.rolname = current_user or o.rolsuper or exists (select from pg_catalog.pg_roles as me where me.rolname = current_user and not me.rolsuper and pg_catalog.pg_has_role(n.nspowner, 'usage'))
    or exists (select from pg_catalog.pg_auth_members as m join pg_catalog.pg_roles as me on me.oid = m.member where me.rolname = current_user and m.roleid = n.nspowner)
  then '' else coalesce(o.rolname, 'nobody') end
from pg_catalog.pg_namespace as n
left join pg_catalog.pg_roles as o on o.oid = n.nspowner
left join pg_catalog.pg_description as d on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0
where n.nspname = any($1::text[]) or d.description = $2 order by 1`

// holdings are schemas that there are: true are those with the mark. One that has neither a
// mark nor anything in it may become the engine's.
type holdings map[string]bool

// schemas tells which of the wanted schemas are there, and which others have the mark. One
// that is somebody else's is a *warehouse.ForeignError.
func (s session) schemas(ctx context.Context, mark string, wanted []string) (holdings, error) {
	found, foreign, err := s.held(ctx, mark, wanted)
	return found, errors.Join(err, foreign)
}

// held is schemas with what is somebody else's apart.
func (s session) held(ctx context.Context, mark string, wanted []string) (found holdings, foreign, err error) {
	found = holdings{}
	err = s.ask(ctx, schemasQuery, [][]byte{textArray(wanted), []byte(mark)}, func(v [][]byte) {
		name, comment := string(v[0]), string(v[1])
		other, engine := strings.CutPrefix(comment, schemaMark)
		switch {
		case len(v[3]) > 0:
			if slices.Contains(wanted, name) {
				foreign = &warehouse.ForeignError{What: "schema " + name, Owner: "the role " + string(v[3])}
			}
		case comment == mark:
			found[name] = true
		case engine:
			foreign = &warehouse.ForeignError{What: "schema " + name, Owner: other}
		case string(v[2]) == "t":
			foreign = &warehouse.ForeignError{What: "schema " + name}
		default:
			found[name] = false
		}
	})
	return found, foreign, err
}

// claim writes the statements that make a schema the engine's.
func (h holdings) claim(mark, schema string) []string {
	var d Dialect
	marked, there := h[schema]
	if marked {
		return nil
	}
	var out []string
	if !there {
		out = append(out, "create schema "+d.Ident(schema))
	}
	return append(out, "comment on schema "+d.Ident(schema)+" is "+d.Literal(mark))
}

// closeQuery writes what takes from schemas ($1) the rights of all but their owners, PUBLIC's
// and those by default privileges included.
const closeQuery = `select distinct format('revoke all on schema %I from %s', n.nspname, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end)
from pg_catalog.pg_namespace as n cross join lateral pg_catalog.aclexplode(n.nspacl) as x
where n.nspname = any($1::text[]) and x.grantee <> n.nspowner order by 1`

// close makes schemas their owner's alone.
func (p *performer) close(ctx context.Context, schemas []string) error {
	if len(schemas) == 0 {
		return nil
	}
	var todo []string
	err := p.ask(ctx, closeQuery, [][]byte{textArray(schemas)}, func(v [][]byte) { todo = append(todo, string(v[0])) })
	if err != nil {
		return err
	}
	return p.texts(ctx, todo)
}

// dropOrder drops readers before what they read.
var dropOrder = []warehouse.Kind{warehouse.View, warehouse.MaterializedView, warehouse.Table}

// dropAtOnce is how many relations one statement drops: each takes a lock, of which the
// server has a fixed number.
const dropAtOnce = 500

// Workshop makes the schema, or empties it. What others have built on it stands in the way.
func (c *conn) Workshop(ctx context.Context, owner, schema string) (addr.Relation, error) {
	mark := markOf(owner, "")
	found, err := c.schemas(ctx, mark, []string{schema})
	if err != nil {
		return addr.Relation{}, err
	}
	// Whatever rights the relations in it have by default, nobody gets to them.
	err = c.inTx(ctx, func(p *performer) error {
		if err := p.texts(ctx, found.claim(mark, schema)); err != nil {
			return err
		}
		return p.close(ctx, []string{schema})
	})
	if err != nil {
		return addr.Relation{}, fmt.Errorf("make schema %s: %w", schema, err)
	}
	if err := c.CloseWorkshop(ctx, addr.Relation{Schema: schema}); err != nil {
		return addr.Relation{}, err
	}
	return addr.Relation{Schema: schema}, nil
}

// CloseWorkshop drops everything in the schema.
func (c *conn) CloseWorkshop(ctx context.Context, workshop addr.Relation) error {
	var d Dialect
	var left []warehouse.Relation
	err := c.ask(ctx, relationsOfQuery, [][]byte{textArray([]string{workshop.Schema})}, func(v [][]byte) {
		left = append(left, warehouse.Relation{Name: addr.Relation{Schema: string(v[0]), Name: string(v[1])}, Kind: kindOfRelation(string(v[2]))})
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(left, func(a, b warehouse.Relation) int {
		return slices.Index(dropOrder, a.Kind) - slices.Index(dropOrder, b.Kind)
	})
	for len(left) > 0 {
		n := 1
		for n < len(left) && n < dropAtOnce && left[n].Kind == left[0].Kind {
			n++
		}
		names := make([]string, n)
		for i, r := range left[:n] {
			names[i] = d.Quote(r.Name)
		}
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "drop " + kindWord(left[0].Kind) + " if exists " + strings.Join(names, ", ")}); err != nil {
			return fmt.Errorf("remove what is left in schema %s: %w", workshop.Schema, err)
		}
		left = left[n:]
	}
	return nil
}

// inTx runs statements in a transaction.
func (c *conn) inTx(ctx context.Context, do func(*performer) error) error {
	own, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := do(&performer{session: own.(*tx).session, rows: -1}); err != nil {
		return err
	}
	return own.Commit(ctx)
}

// texts sends statements at once.
func (p *performer) texts(ctx context.Context, list []string) error {
	if len(list) == 0 {
		return nil
	}
	stmts := make([]warehouse.Statement, len(list))
	for i, s := range list {
		stmts[i].SQL = s
	}
	return p.together(ctx, stmts)
}

// release is what a customer has in its schemas.
type release struct {
	c      *conn
	spec   warehouse.ReleaseSpec
	staged map[addr.Relation]addr.Relation // by final name
	// hanging is what cannot follow, by what it hangs on, and left what was left behind.
	hanging map[addr.Relation][]string
	left    []string
}

var _ warehouse.Leaver = (*release)(nil)

// Left implements warehouse.Leaver.
func (r *release) Left() []string { return r.left }

// OpenRelease looks whether the customer's schemas are the engine's.
func (c *conn) OpenRelease(ctx context.Context, spec warehouse.ReleaseSpec) (warehouse.Release, error) {
	if len(spec.Schemas) == 0 {
		return nil, fmt.Errorf("customer %s has no schema", spec.Customer)
	}
	r := &release{c: c, spec: spec, staged: map[addr.Relation]addr.Relation{}}
	found, err := r.find(ctx, c.session)
	if err != nil {
		return nil, err
	}
	if _, err := r.released(ctx, c.session, found); err != nil {
		return nil, err
	}
	return r, nil
}

// schemas are all that the customer shall have, the workspace last.
func (r *release) schemas() []string {
	if r.spec.Workspace == "" {
		return r.spec.Schemas
	}
	return append(slices.Clone(r.spec.Schemas), r.spec.Workspace)
}

func (r *release) find(ctx context.Context, s session) (holdings, error) {
	return s.schemas(ctx, markOf(r.spec.Owner, r.spec.Customer), r.schemas())
}

// former are the customer's schemas that it shall have no more.
func (r *release) former(found holdings) []string {
	var out []string
	for name, marked := range found {
		if marked && !slices.Contains(r.schemas(), name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// mark is the customer's ReleaseTable.
func (r *release) mark() addr.Relation {
	return addr.Relation{Schema: r.spec.Schemas[0], Name: warehouse.ReleaseTable}
}

// released are the names that the last release wrote down.
func (r *release) released(ctx context.Context, s session, found holdings) (warehouse.Released, error) {
	var d Dialect
	var tables []string
	for _, schema := range append([]string{r.spec.Schemas[0]}, slices.Concat(r.spec.Schemas[1:], r.former(found))...) {
		tables = append(tables, d.Quote(addr.Relation{Schema: schema, Name: warehouse.ReleaseTable}))
	}
	from := ""
	err := s.ask(ctx, "select t from unnest($1::text[]) with ordinality as x(t, n) where to_regclass(t) is not null order by n limit 1", [][]byte{textArray(tables)}, func(v [][]byte) { from = string(v[0]) })
	if err != nil || from == "" {
		return nil, err
	}
	owner, names := "", "{}"
	if err := s.ask(ctx, "select owner, relations from "+from, nil, func(v [][]byte) { owner, names = string(v[0]), string(v[1]) }); err != nil {
		return nil, err
	}
	if owner != "" && owner != r.spec.Owner {
		return nil, &warehouse.ForeignError{What: "table " + from, Owner: owner}
	}
	return warehouse.ReadReleased(names)
}

// relationsOfQuery lists the relations in schemas ($1), which are none of the server's own.
const relationsOfQuery = `select n.nspname, c.relname, c.relkind, c.oid from pg_catalog.pg_namespace as n
join pg_catalog.pg_depend as x on x.refclassid = 'pg_catalog.pg_namespace'::regclass and x.refobjid = n.oid and x.classid = 'pg_catalog.pg_class'::regclass
join pg_catalog.pg_class as c on c.oid = x.objid and c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
where n.nspname = any($1::text[])
order by n.nspname, c.relname`

// Have lists the customer's schemas.
func (r *release) Have(ctx context.Context) (own, strangers []warehouse.Relation, err error) {
	found, err := r.find(ctx, r.c.session)
	if err != nil {
		return nil, nil, err
	}
	return r.have(ctx, r.c.session, found)
}

func (r *release) have(ctx context.Context, s session, in holdings) (own, strangers []warehouse.Relation, err error) {
	released, err := r.released(ctx, s, in)
	if err != nil {
		return nil, nil, err
	}
	found, is, err := r.list(ctx, s, slices.Concat(r.spec.Schemas, r.former(in)))
	own, strangers = released.Apart(found, is, false)
	return own, strangers, err
}

// list gives the relations in schemas, and what they are: kind, and of tables the OID. Views
// are made again by whoever replaces what they read.
func (r *release) list(ctx context.Context, s session, schemas []string) (found []warehouse.Relation, is warehouse.Released, err error) {
	is = warehouse.Released{}
	err = s.ask(ctx, relationsOfQuery, [][]byte{textArray(schemas)}, func(v [][]byte) {
		one := warehouse.Relation{Name: addr.Relation{Schema: string(v[0]), Name: string(v[1])}, Kind: kindOfRelation(string(v[2])), Rows: -1, Bytes: -1}
		found = append(found, one)
		if is[one.Name] = string(one.Kind); one.Kind == warehouse.Table {
			is[one.Name] += " " + string(v[3])
		}
	})
	return found, is, err
}

// Staged is a name in the workshop that no other relation of any customer has.
func (r *release) Staged(final addr.Relation) addr.Relation {
	final.Database = ""
	readable := aside + r.spec.Customer + "__" + final.Schema + "__" + final.Name
	out := addr.Relation{Schema: r.spec.Workshop.Schema, Name: fitted(readable, r.spec.Customer+"\x00"+final.Schema+"\x00"+final.Name)}
	r.staged[final] = out
	return out
}

// Published is the name itself.
func (r *release) Published(final addr.Relation) addr.Relation {
	final.Database = ""
	return final
}

// rightsQuery lists who has rights in schemas ($1) and on the relations in some of them ($2),
// owners left out: on a schema, or on relations that are ours to grant.
const rightsQuery = `with ours as (select n.* from pg_catalog.pg_namespace as n where n.nspname = any($1::text[])),
relations as (
  select n.nspname, c.* from ours as n join pg_catalog.pg_depend as x on x.refclassid = 'pg_catalog.pg_namespace'::regclass and x.refobjid = n.oid and x.classid = 'pg_catalog.pg_class'::regclass
  join pg_catalog.pg_class as c on c.oid = x.objid and c.relnamespace = n.oid
  where n.nspname = any($2::text[]) and c.relkind in ('r', 'p', 'f', 'v', 'm') and pg_catalog.pg_has_role(c.relowner, 'usage')
),
held(kind, schema, relation, owner, acl) as (
  select 'schema', nspname, '', nspowner, nspacl from ours
  union all
  select 'table', c.nspname, c.relname, c.relowner, c.relacl from relations as c
  union all
  select 'column', c.nspname, c.relname, c.relowner, a.attacl from relations as c
  join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
)
select distinct h.kind, h.schema, h.relation, case when x.grantee = 0 then '' else pg_catalog.pg_get_userbyid(x.grantee) end, x.privilege_type
from held as h cross join lateral pg_catalog.aclexplode(h.acl) as x where x.grantee <> h.owner order by 1, 2, 3, 4, 5`

type right struct{ kind, schema, relation, grantee, privilege string }

// rights are those in the customer's schemas. What somebody else has made of one of their names
// gives nobody a right of the engine's.
func (r *release) rights(ctx context.Context, s session) ([]right, error) {
	found, _, err := s.held(ctx, markOf(r.spec.Owner, r.spec.Customer), r.schemas())
	if err != nil {
		return nil, err
	}
	var own, published []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !found[name] {
			continue
		}
		own = append(own, name)
		if name != r.spec.Workspace {
			published = append(published, name)
		}
	}
	var out []right
	err = s.ask(ctx, rightsQuery, [][]byte{textArray(own), textArray(published)}, func(v [][]byte) {
		out = append(out, right{string(v[0]), string(v[1]), string(v[2]), string(v[3]), string(v[4])})
	})
	return out, err
}

// usual reports whether a right is one that readers get.
func (r *release) usual(x right) bool {
	switch {
	case x.kind == "schema":
		return x.privilege == "USAGE" || x.privilege == "CREATE" && x.schema == r.spec.Workspace
	default:
		return x.privilege == "SELECT"
	}
}

// Revoke takes rights from principals that the engine gave them to, and from PUBLIC. What
// others have given is reported: roles, and «role (INSERT on dw_acme.material)» of a wanted
// one that may do more than read.
func (c *conn) Revoke(ctx context.Context, spec warehouse.ReleaseSpec, granted, wanted []string) (strangers []string, err error) {
	r := &release{c: c, spec: spec}
	err = r.again(ctx, func() error {
		strangers = nil
		return r.c.inTx(ctx, func(p *performer) (err error) {
			strangers, err = r.revoke(ctx, p, granted, wanted)
			return err
		})
	})
	return strangers, err
}

func (r *release) revoke(ctx context.Context, p *performer, granted, wanted []string) (strangers []string, err error) {
	rights, err := r.rights(ctx, p.session)
	if err != nil {
		return nil, err
	}
	var d Dialect
	var todo []string
	for _, x := range rights {
		what := d.Ident(x.schema)
		shown := x.schema
		if x.kind != "schema" {
			what, shown = d.Quote(addr.Relation{Schema: x.schema, Name: x.relation}), x.schema+"."+x.relation
		}
		who := "public"
		switch {
		case x.grantee == "":
			strangers = append(strangers, "public")
		case slices.Contains(wanted, x.grantee):
			if !r.usual(x) {
				strangers = append(strangers, fmt.Sprintf("%s (%s on %s)", x.grantee, x.privilege, shown))
			}
			continue
		case slices.Contains(granted, x.grantee):
			who = d.Ident(x.grantee)
		default:
			strangers = append(strangers, x.grantee)
			continue
		}
		word := "" // of a table
		if x.kind == "schema" {
			word = "schema "
		}
		todo = append(todo, "revoke all on "+word+what+" from "+who)
	}
	slices.Sort(todo)
	slices.Sort(strangers)
	return slices.Compact(strangers), p.texts(ctx, slices.Compact(todo))
}

// fitQuery says of roles ($1) what lets them read whatever they like: what they are, or can
// become with SET ROLE, or can have the engine do, which calls a function of theirs that fits better
// than the one of the server's that is meant (PostgreSQL's manual, 10.3). BYPASSRLS counts where tables are guarded ($2).
const fitQuery = `select r.rolname, case
  when r.rolsuper then 'it is a superuser'
  when r.rolname = current_user then 'it is the engine''s own role'
  when pg_catalog.pg_has_role(r.oid, current_user, 'member') then 'it is a member of the engine''s role ' || current_user
  when $2::boolean and r.rolbypassrls then 'it has BYPASSRLS, and would see the rows of all customers'
  when s.makes is not null then 'it may make functions in schema ' || s.makes || ', where the engine finds its own: revoke create on schema ' || s.makes || ' from it and from public'
  else coalesce((select case when m.rolsuper then 'it is a member of the superuser ' || m.rolname
      when m.rolname = 'pg_read_all_data' then 'it is a member of pg_read_all_data'
      else 'it is a member of ' || m.rolname || ', which has BYPASSRLS, and could see the rows of all customers' end
    from pg_catalog.pg_roles as m where (m.rolsuper or m.rolname = 'pg_read_all_data' or $2::boolean and m.rolbypassrls) and pg_catalog.pg_has_role(r.oid, m.oid, 'member')
    order by m.rolsuper desc, m.rolname limit 1), '') end
from pg_catalog.pg_roles as r
left join lateral (select min(x) as makes from unnest(pg_catalog.current_schemas(false)) as x where pg_catalog.has_schema_privilege(r.oid, x, 'create')) as s on true
where r.rolname = any($1::text[])`

// unfit are the principals that are not there, or that no grant and no policy keeps from reading
// more.
func (s session) unfit(ctx context.Context, principals []string, guarded bool) ([]*warehouse.PrincipalError, error) {
	if len(principals) == 0 {
		return nil, nil
	}
	found := map[string]string{}
	err := s.ask(ctx, fitQuery, [][]byte{textArray(principals), strconv.AppendBool(nil, guarded)}, func(v [][]byte) { found[string(v[0])] = string(v[1]) })
	if err != nil {
		return nil, err
	}
	var out []*warehouse.PrincipalError
	for _, name := range principals {
		if reason, there := found[name]; !there || reason != "" {
			out = append(out, &warehouse.PrincipalError{Principal: name, Reason: reason})
		}
	}
	return out, nil
}

// Unfit implements warehouse.Vetter.
func (c *conn) Unfit(ctx context.Context, principals []string, guarded bool) ([]*warehouse.PrincipalError, error) {
	return c.unfit(ctx, principals, guarded)
}

const (
	// releaseWait is how long one try waits for one lock, and releaseTries how long tries go
	// on: readers who come later wait behind a try.
	releaseWait  = 2 * time.Second
	releaseTries = 2 * time.Minute
)

// again repeats what lost against another session.
func (r *release) again(ctx context.Context, do func() error) error {
	wait, start := firstWait, time.Now()
	for {
		err := do()
		if err == nil || !warehouse.Conflict(err) || ctx.Err() != nil || time.Since(start) > releaseTries {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return wrap(ctx, warehouse.Statement{}, err)
		}
		wait = min(2*wait, maxWait)
	}
}

// Publish moves everything in one transaction. What others have built on the customer's relations
// follows where it can, and otherwise is left behind, see stuck.go: whether rows come and go is not
// up to them.
func (r *release) Publish(ctx context.Context, p warehouse.Handover) (warehouse.JobStats, error) {
	start := time.Now()
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	left := map[string]bool{}
	once := func() error {
		own, err := r.c.Begin(ctx)
		if err != nil {
			return err
		}
		defer own.Close()
		t := own.(*tx)
		if err := r.publish(ctx, t, p, left); err != nil {
			return err
		}
		return t.Commit(ctx)
	}
	err := r.again(ctx, once)
	for dependent := (*warehouse.DependentError)(nil); errors.As(err, &dependent) && !left[dependent.Dependent.What]; {
		left[dependent.Dependent.What] = true
		err = r.again(ctx, once)
	}
	if err == nil {
		for _, name := range p.Tables {
			name.Database = ""
			delete(r.staged, name)
		}
	}
	stats.Duration = time.Since(start)
	return stats, err
}

// move is what a publication changes.
type move struct {
	p        warehouse.Handover
	all      []warehouse.Relation // that are there afterwards
	replaced []warehouse.Relation
	found    holdings
	// stuck are those of replaced with dependents that cannot follow; inPlace of these are the
	// tables that have the new rows.
	stuck   map[addr.Relation]fate
	inPlace map[addr.Relation]bool
	// guarded are tables whose readers see some rows, with the principals that see any.
	guarded map[addr.Relation][]string
}

// guardedBy are the guarded tables, and who has a policy for them.
func guardedBy(p warehouse.Handover) map[addr.Relation][]string {
	out := map[addr.Relation][]string{}
	for _, t := range p.Guarded {
		out[addr.Relation{Schema: t.Schema, Name: t.Name}] = nil
	}
	for _, y := range p.RowPolicies {
		table := addr.Relation{Schema: y.Table.Schema, Name: y.Table.Name}
		if !slices.Contains(out[table], y.Principal) {
			out[table] = append(out[table], y.Principal)
		}
	}
	return out
}

func (r *release) publish(ctx context.Context, t *tx, p warehouse.Handover, left map[string]bool) error {
	do := &performer{session: t.session, rows: -1}
	m := move{p: p, guarded: guardedBy(p)}
	bad, err := do.unfit(ctx, slices.Concat(p.Readers, policyPrincipals(p)), len(m.guarded) > 0)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return bad[0]
	}
	if m.found, err = r.find(ctx, do.session); err != nil {
		return err
	}
	r.left = nil
	own, strangers, err := r.have(ctx, do.session, m.found)
	if err != nil {
		return err
	}
	var stay []warehouse.Relation
	if m.all, stay, err = p.Outcome(r.spec, own, strangers, false); err != nil {
		return err
	}
	kept := map[addr.Relation]bool{}
	for _, s := range stay {
		kept[s.Name] = true
	}
	for _, o := range own {
		if !kept[o.Name] {
			m.replaced = append(m.replaced, o)
		}
	}
	var views []dependent
	if views, m.stuck, err = r.lock(ctx, t, do, m.replaced, left); err != nil {
		return err
	}
	if err := r.sweep(ctx, do, strangers); err != nil {
		return err
	}
	var again []warehouse.Relation // what is dropped for good has no rights to give
	for _, o := range m.replaced {
		if slices.ContainsFunc(m.all, func(a warehouse.Relation) bool { return a.Name == o.Name }) {
			again = append(again, o)
		}
	}
	given, err := r.given(ctx, do, again)
	if err != nil {
		return err
	}
	var empty []dependent
	refill := func(list []dependent) error {
		empty = list
		return nil
	}
	err = do.without(ctx, views, refill, func() error {
		if err := do.texts(ctx, r.drops(m)); err != nil {
			return err
		}
		if m.inPlace, err = r.unstick(ctx, do, m); err != nil {
			return err
		}
		if err := do.texts(ctx, r.moves(m)); err != nil {
			return err
		}
		var claimed []string
		for _, schema := range r.schemas() {
			if !m.found[schema] {
				claimed = append(claimed, schema)
			}
		}
		if err := do.close(ctx, claimed); err != nil {
			return err
		}
		for _, v := range p.Views {
			if err := r.remakeView(ctx, do, m, v); err != nil {
				return fmt.Errorf("make view %s: %w", v.Name, err)
			}
		}
		if err := r.strip(ctx, do, m.published()); err != nil {
			return err
		}
		return do.texts(ctx, given)
	})
	if err != nil {
		return err
	}
	if err := r.sign(ctx, do, m); err != nil {
		return err
	}
	if err := r.leave(ctx, do, m); err != nil {
		return err
	}
	if err := r.guard(ctx, do, m); err != nil {
		return err
	}
	grants, err := r.grants(ctx, do, m)
	if err != nil {
		return err
	}
	if err := do.texts(ctx, grants); err != nil {
		return err
	}
	return r.refill(ctx, do, empty)
}

// refillTime is how long the rows of one materialized view of somebody else may take: they are
// computed by whatever its owner has written.
const refillTime = time.Minute

// refill gives materialized views of others their rows, computed as their owners, who have their
// rights by now. One for which that fails stays without rows: it is its owner's to mend, and keeps
// nothing from being published.
func (r *release) refill(ctx context.Context, do *performer, empty []dependent) error {
	for _, v := range empty {
		err := do.texts(ctx, []string{"savepoint engine_refill", fmt.Sprintf("set local statement_timeout = %d", refillTime.Milliseconds())})
		if err != nil {
			return err
		}
		filled := do.exec(ctx, "refresh materialized view "+(Dialect{}).Quote(v.Relation))
		if ctx.Err() != nil {
			return wrap(ctx, warehouse.Statement{}, ctx.Err())
		}
		if filled != nil {
			if err := do.texts(ctx, []string{"rollback to savepoint engine_refill", "release savepoint engine_refill"}); err != nil {
				return err
			}
			continue
		}
		if err := do.texts(ctx, []string{"reset statement_timeout", "release savepoint engine_refill"}); err != nil {
			return err
		}
	}
	return nil
}

// lock takes the locks of what is replaced and of the views of others that read it, readers
// first, and gives those views, in the order in which they are made again, and what is stuck.
func (r *release) lock(ctx context.Context, t *tx, do *performer, replaced []warehouse.Relation, left map[string]bool) ([]dependent, map[addr.Relation]fate, error) {
	if len(replaced) == 0 {
		return nil, nil, t.lockTimeout(ctx, releaseWait)
	}
	before, stuck, err := r.stuck(ctx, do, replaced, left)
	if err != nil {
		return nil, nil, err
	}
	var locks []warehouse.Relation
	for _, v := range slices.Backward(before) {
		locks = append(locks, warehouse.Relation{Name: v.Relation, Kind: v.Kind})
	}
	for _, kind := range []bool{false, true} {
		for _, o := range replaced {
			if (o.Kind == warehouse.Table) == kind {
				locks = append(locks, o)
			}
		}
	}
	if err := warehouse.Lock(ctx, t, locks, releaseWait); err != nil {
		return nil, nil, err
	}
	if err := r.unguard(ctx, do, replaced); err != nil {
		return nil, nil, err
	}
	// What came while the locks were waited for is seen only now.
	now, still, err := r.stuck(ctx, do, replaced, left)
	if err != nil {
		return nil, nil, err
	}
	oids := func(list []dependent) []string {
		out := make([]string, len(list))
		for i, v := range list {
			out[i] = v.oid
		}
		slices.Sort(out)
		return out
	}
	if !slices.Equal(oids(before), oids(now)) || !maps.Equal(stuck, still) {
		return nil, nil, &Error{Kind: Conflict, Message: "the views on the tables of " + r.spec.Customer + " keep changing", Offset: -1, Err: errors.New("views keep changing")}
	}
	return now, stuck, nil
}

// readers are views of others, those of them that the target's role may not drop (lacking), and
// what cannot be made again.
type readers struct{ views, lacking, blocks []dependent }

// readers finds what depends on relations, beside themselves.
func (r *release) readers(ctx context.Context, do *performer, names []addr.Relation) (readers, error) {
	if len(names) == 0 {
		return readers{}, nil
	}
	found, err := do.dependents(ctx, names)
	if err != nil {
		return readers{}, err
	}
	var out readers
	deepest := map[string]int{} // index in views
	var owners []string
	for _, f := range found {
		switch {
		case f.Blocks && ours(f):
		case f.Blocks:
			out.blocks = append(out.blocks, f)
		case slices.Contains(names, f.Relation):
		default:
			if i, seen := deepest[f.oid]; seen {
				out.views[i].Depth = max(out.views[i].Depth, f.Depth)
				continue
			}
			deepest[f.oid] = len(out.views)
			out.views = append(out.views, f)
			owners = append(owners, f.Owner)
		}
	}
	slices.SortStableFunc(out.views, func(a, b dependent) int { return a.Depth - b.Depth })
	if len(owners) == 0 {
		return out, nil
	}
	lacking := map[string]bool{}
	err = do.ask(ctx, "select x from unnest($1::text[]) as x where not pg_catalog.pg_has_role(x, 'usage')", [][]byte{textArray(owners)}, func(v [][]byte) { lacking[string(v[0])] = true })
	if err != nil {
		return readers{}, err
	}
	for _, v := range out.views {
		if lacking[v.Owner] {
			out.lacking = append(out.lacking, v)
		}
	}
	return out, nil
}

// policyMark begins the names of the engine's own row policies.
const policyMark = "engine_"

// unguard takes the engine's own row policies from tables that go. Nobody reads them any
// more: they are locked.
func (r *release) unguard(ctx context.Context, do *performer, replaced []warehouse.Relation) error {
	var d Dialect
	var names, todo []string
	for _, o := range replaced {
		if o.Kind == warehouse.Table {
			names = append(names, d.Quote(o.Name))
		}
	}
	err := do.ask(ctx, `select format('drop policy %I on %s', y.polname, y.polrelid::regclass) from pg_catalog.pg_policy as y
where y.polrelid = any(select to_regclass(x) from unnest($1::text[]) as x) and starts_with(y.polname::text, $2)
union all
select format('alter table %s disable row level security, no force row level security', c.oid::regclass) from pg_catalog.pg_class as c
where c.oid = any(select to_regclass(x) from unnest($1::text[]) as x) and c.relrowsecurity
  and not exists (select from pg_catalog.pg_policy as y where y.polrelid = c.oid and not starts_with(y.polname::text, $2))`,
		[][]byte{textArray(names), []byte(policyMark)}, func(v [][]byte) { todo = append(todo, string(v[0])) })
	if err != nil {
		return err
	}
	return do.texts(ctx, todo)
}

// givenQuery writes the rights that others have given on relations ($1), by whom they are
// owned, and PUBLIC's, left out.
const givenQuery = `with o as (
  select c.oid, c.relowner, c.relacl, format('%I.%I', n.nspname, c.relname) as name from unnest($1::text[]) as x
  join pg_catalog.pg_class as c on c.oid = to_regclass(x) join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
)
select o.name, '', x.privilege_type, x.grantee::regrole::text, x.is_grantable from o cross join lateral pg_catalog.aclexplode(o.relacl) as x where x.grantee not in (0, o.relowner)
union all
select o.name, a.attname, x.privilege_type, x.grantee::regrole::text, x.is_grantable from o join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
cross join lateral pg_catalog.aclexplode(a.attacl) as x where x.grantee not in (0, o.relowner)
order by 1, 2, 3, 4`

// given are the statements that give a relation that takes another's place the rights that
// strangers have on the old one. Rights on columns stay behind: what replaces the relation
// may lack them.
func (r *release) given(ctx context.Context, do *performer, replaced []warehouse.Relation) ([]string, error) {
	var d Dialect
	var names []string
	for _, o := range replaced {
		names = append(names, d.Quote(o.Name))
	}
	if len(names) == 0 {
		return nil, nil
	}
	var out []string
	err := do.ask(ctx, givenQuery, [][]byte{textArray(names)}, func(v [][]byte) {
		if len(v[1]) > 0 {
			return
		}
		option := ""
		if string(v[4]) == "t" {
			option = " with grant option"
		}
		out = append(out, fmt.Sprintf("grant %s on %s to %s%s", v[2], v[0], v[3], option))
	})
	return out, err
}

// drops are the statements that make schemas and drop what goes.
func (r *release) drops(m move) []string {
	var d Dialect
	var out []string
	for _, schema := range r.schemas() {
		out = append(out, m.found.claim(markOf(r.spec.Owner, r.spec.Customer), schema)...)
	}
	drop := map[warehouse.Kind][]string{}
	for _, o := range m.replaced {
		if m.stuck[o.Name] == dropped {
			drop[o.Kind] = append(drop[o.Kind], d.Quote(o.Name))
		}
	}
	for _, kind := range dropOrder {
		if len(drop[kind]) > 0 {
			out = append(out, "drop "+kindWord(kind)+" "+strings.Join(drop[kind], ", "))
		}
	}
	return out
}

// moves are the statements that move what was staged.
func (r *release) moves(m move) []string {
	var d Dialect
	var out []string
	for _, final := range m.p.Tables {
		final.Database = ""
		if m.inPlace[final] {
			continue
		}
		staged := r.Staged(final)
		moved := addr.Relation{Schema: final.Schema, Name: staged.Name}
		out = append(out, "alter table "+d.Quote(staged)+" set schema "+d.Ident(final.Schema), "alter table "+d.Quote(moved)+" rename to "+d.Ident(final.Name))
	}
	return out
}

// policyName is the same for the same policy.
func policyName(y warehouse.RowPolicy) string {
	sum := sha256.Sum256([]byte(y.Principal + "\x00" + y.Column + "\x00" + y.Value))
	return policyMark + hex.EncodeToString(sum[:12])
}

// guardsQuery lists tables ($1) with whether they are guarded, and the engine's own policies
// ($2 begins their names) with the only role that each is for.
const guardsQuery = `select n.nspname, c.relname, c.relrowsecurity, coalesce(y.polname, ''),
  case when cardinality(y.polroles) = 1 and y.polpermissive and y.polcmd = 'r' then coalesce((select rolname from pg_catalog.pg_roles where oid = y.polroles[1]), '') else '' end
from unnest($1::text[]) as x join pg_catalog.pg_class as c on c.oid = to_regclass(x) join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_policy as y on y.polrelid = c.oid and starts_with(y.polname::text, $2)
where c.relkind in ('r', 'p') order by 1, 2, 4`

// guard gives each guarded table row level security, policies or not, and the policies that it
// shall have: without one nobody but the owner sees a row. The owner is not bound by it, which
// is how the engine looks at what it has published; whoever can become the owner is no reader,
// see fitQuery. Readers without a policy for a table lose what they had on it.
func (r *release) guard(ctx context.Context, do *performer, m move) error {
	if len(m.guarded) == 0 {
		return nil
	}
	var d Dialect
	var names, todo []string
	for _, t := range slices.SortedFunc(maps.Keys(m.guarded), addr.Relation.Compare) {
		names = append(names, d.Quote(t))
	}
	type policy struct {
		table     addr.Relation
		name, who string
	}
	there, have := map[addr.Relation]bool{}, map[policy]bool{}
	var drop []policy
	err := do.ask(ctx, guardsQuery, [][]byte{textArray(names), []byte(policyMark)}, func(v [][]byte) {
		table := addr.Relation{Schema: string(v[0]), Name: string(v[1])}
		if !there[table] && string(v[2]) != "t" {
			todo = append(todo, "alter table "+d.Quote(table)+" enable row level security")
		}
		there[table] = true
		if len(v[3]) > 0 {
			one := policy{table, string(v[3]), string(v[4])}
			have[one] = true
			drop = append(drop, one)
		}
	})
	if err != nil {
		return err
	}
	wanted := map[policy]bool{}
	var create []string
	for _, y := range m.p.RowPolicies {
		one := policy{addr.Relation{Schema: y.Table.Schema, Name: y.Table.Name}, policyName(y), y.Principal}
		if !wanted[one] && !have[one] {
			create = append(create, fmt.Sprintf("create policy %s on %s for select to %s using (%s = %s)", d.Ident(one.name), d.Quote(one.table), d.Ident(y.Principal), d.Ident(y.Column), d.Literal(y.Value)))
		}
		wanted[one] = true
	}
	for _, one := range drop {
		if !wanted[one] {
			todo = append(todo, "drop policy "+d.Ident(one.name)+" on "+d.Quote(one.table))
		}
	}
	todo = append(todo, create...)
	for _, t := range slices.SortedFunc(maps.Keys(m.guarded), addr.Relation.Compare) {
		if !there[t] {
			return fmt.Errorf("guard %s: there is no such table", t)
		}
		for _, reader := range m.p.Readers {
			if !slices.Contains(m.guarded[t], reader) {
				todo = append(todo, "revoke all on "+d.Quote(t)+" from "+d.Ident(reader))
			}
		}
	}
	return do.texts(ctx, todo)
}

// createBarrier makes a view. Behind a barrier a reader's own functions see only rows that
// the view lets through (PostgreSQL's manual, 41.5).
func createBarrier(v warehouse.SliceView, replace bool) string {
	options, word := "", "create view "
	if replace {
		word = "create or replace view "
	}
	if v.Barrier {
		options = " with (security_barrier = true)"
	}
	return word + Dialect{}.Quote(addr.Relation{Schema: v.Name.Schema, Name: v.Name.Name}) + options + " as\n" + strings.TrimRight(strings.TrimSpace(v.Query), ";")
}

// sign writes ReleaseTable.
func (r *release) sign(ctx context.Context, do *performer, m move) error {
	_, is, err := r.list(ctx, do.session, slices.Concat(r.spec.Schemas, r.former(m.found)))
	if err != nil {
		return err
	}
	names := warehouse.Released{}
	for _, one := range m.all {
		names[one.Name] = is[one.Name]
	}
	var d Dialect
	columns, row := warehouse.ReleaseRow(d, "bigint", r.spec.Owner, m.p, names)
	fields, values := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		fields[i], values[i] = d.Ident(c.Name)+" "+c.Type, d.Literal(row[i])
	}
	err = do.texts(ctx, []string{"create table if not exists " + d.Quote(r.mark()) + " (" + strings.Join(fields, ", ") + ")", "delete from " + d.Quote(r.mark()),
		"insert into " + d.Quote(r.mark()) + " values (" + strings.Join(values, ", ") + ")"})
	if err != nil || m.found[r.spec.Schemas[0]] {
		return err
	}
	return r.strip(ctx, do, []string{d.Quote(r.mark())})
}

// leave drops the customer's former schemas that are empty now.
func (r *release) leave(ctx context.Context, do *performer, m move) error {
	former := r.former(m.found)
	if len(former) == 0 {
		return nil
	}
	var d Dialect
	var todo []string
	for _, schema := range former {
		todo = append(todo, "drop table if exists "+d.Quote(addr.Relation{Schema: schema, Name: warehouse.ReleaseTable}))
	}
	if err := do.texts(ctx, todo); err != nil {
		return err
	}
	todo = nil
	err := do.ask(ctx, schemasQuery, [][]byte{textArray(former), nil}, func(v [][]byte) {
		if string(v[2]) == "f" {
			todo = append(todo, "drop schema "+d.Ident(string(v[0])))
		}
	})
	if err != nil {
		return err
	}
	return do.texts(ctx, todo)
}

// published are the quoted names of the relations that are new.
func (m move) published() []string {
	var d Dialect
	var names []string
	for _, t := range m.p.Tables {
		names = append(names, d.Quote(addr.Relation{Schema: t.Schema, Name: t.Name}))
	}
	for _, v := range m.p.Views {
		names = append(names, d.Quote(addr.Relation{Schema: v.Name.Schema, Name: v.Name.Name}))
	}
	return names
}

// strip takes from relations what default privileges gave to others than the owner.
func (r *release) strip(ctx context.Context, do *performer, names []string) error {
	var todo []string
	err := do.ask(ctx, `select distinct format('revoke all on %s from %s', c.oid::regclass, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end)
from unnest($1::text[]) as n join pg_catalog.pg_class as c on c.oid = to_regclass(n) cross join lateral pg_catalog.aclexplode(c.relacl) as x where x.grantee <> c.relowner`,
		[][]byte{textArray(names)}, func(v [][]byte) { todo = append(todo, string(v[0])) })
	if err != nil {
		return err
	}
	slices.Sort(todo)
	return do.texts(ctx, todo)
}

// grantsQuery lists which of the readers ($1) lack the right to use which schema ($2), to make
// something in the workspace ($3), or to read which relation ($4); and of guarded tables ($6)
// those that have a policy ($5).
const grantsQuery = `with readers as (select r from unnest($1::text[]) as r)
select format('grant usage on schema %I to %I', s, r) from readers, unnest($2::text[]) as s where not pg_catalog.has_schema_privilege(r, s, 'usage')
union all
select format('grant create on schema %I to %I', s, r) from readers, unnest($3::text[]) as s where not pg_catalog.has_schema_privilege(r, s, 'create')
union all
select format('grant select on %s to %s', string_agg(n, ', ' order by n), format('%I', r))
from (select r, n from readers, unnest($4::text[]) as n union all select r, n from unnest($5::text[], $6::text[]) as guarded(r, n)) as x
where not pg_catalog.has_table_privilege(r, n, 'select') group by r`

// grants are the statements that give readers what they lack.
func (r *release) grants(ctx context.Context, do *performer, m move) ([]string, error) {
	if len(m.p.Readers) == 0 {
		return nil, nil
	}
	var d Dialect
	names := []string{d.Quote(r.mark())}
	var some, guarded []string
	for _, n := range m.all {
		seers, only := m.guarded[addr.Relation{Schema: n.Name.Schema, Name: n.Name.Name}]
		if !only {
			names = append(names, d.Quote(n.Name))
		}
		for _, one := range seers {
			if slices.Contains(m.p.Readers, one) {
				some, guarded = append(some, one), append(guarded, d.Quote(n.Name))
			}
		}
	}
	var workspace []string
	if r.spec.Workspace != "" {
		workspace = []string{r.spec.Workspace}
	}
	var out []string
	err := do.ask(ctx, grantsQuery, [][]byte{textArray(m.p.Readers), textArray(r.schemas()), textArray(workspace), textArray(names), textArray(some), textArray(guarded)}, func(v [][]byte) {
		out = append(out, string(v[0]))
	})
	slices.SortFunc(out, func(a, b string) int { return -strings.Compare(a, b) })
	return out, err
}

func policyPrincipals(p warehouse.Handover) []string {
	var out []string
	for _, y := range p.RowPolicies {
		out = append(out, y.Principal)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Close drops what was staged and not published. What views of the workshop read stays until
// it is emptied.
func (r *release) Close(ctx context.Context) error {
	if len(r.staged) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	var d Dialect
	names := make([]string, 0, len(r.staged))
	for _, s := range r.staged {
		names = append(names, d.Quote(s))
	}
	slices.Sort(names)
	for list := range slices.Chunk(names, dropAtOnce) {
		if _, err := r.c.Exec(ctx, warehouse.Statement{SQL: "drop table if exists " + strings.Join(list, ", ")}); err != nil && Classify(err) != Dependency {
			return err
		}
	}
	clear(r.staged)
	return nil
}
