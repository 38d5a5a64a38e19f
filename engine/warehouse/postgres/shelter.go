package postgres

import (
	"context"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Sheltered = (*conn)(nil)

// shelterQuery lists what could have statements of this session call something of others', in the
// schemas that it looks names up in: a function or operator of theirs that fits the arguments better
// than the server's own is taken, in whatever order the schemas come (PostgreSQL's manual, 10.2 and
// 10.3). Trusted are the session's role, those that it is a member of, superusers, the owners of the
// schema and of the database, and whom one of these has let create there by name. No name in it is
// looked up itself.
const shelterQuery = `with path as (
  select n.oid, n.nspname, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) as acl
  from pg_catalog.pg_namespace as n where n.nspname OPERATOR(pg_catalog.=) any (pg_catalog.current_schemas(false))
), me as (
  select r.oid, r.rolsuper from pg_catalog.pg_roles as r where r.rolname OPERATOR(pg_catalog.=) current_user
), trusted as (
  select p.oid as schema, r.oid as role from path as p cross join pg_catalog.pg_roles as r cross join me
  where r.oid OPERATOR(pg_catalog.=) me.oid or r.rolsuper or r.oid OPERATOR(pg_catalog.=) p.nspowner
    or r.oid OPERATOR(pg_catalog.=) (select d.datdba from pg_catalog.pg_database as d where d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
    or not me.rolsuper and pg_catalog.pg_has_role(me.oid, r.oid, 'member')
    or exists (select from pg_catalog.pg_auth_members as m where m.member OPERATOR(pg_catalog.=) me.oid and m.roleid OPERATOR(pg_catalog.=) r.oid)
    or exists (select from pg_catalog.aclexplode(p.acl) as a where a.grantee OPERATOR(pg_catalog.=) r.oid and a.privilege_type OPERATOR(pg_catalog.=) 'CREATE')
)
select pg_catalog.format('everybody may create in schema %I', p.nspname) as what from path as p cross join lateral pg_catalog.aclexplode(p.acl) as a
where a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid and a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
union all
select pg_catalog.format('function %s of %s', f.oid::pg_catalog.regprocedure, pg_catalog.pg_get_userbyid(f.proowner)) from path as p join pg_catalog.pg_proc as f on f.pronamespace OPERATOR(pg_catalog.=) p.oid
where not exists (select from trusted as t where t.schema OPERATOR(pg_catalog.=) p.oid and t.role OPERATOR(pg_catalog.=) f.proowner)
union all
select pg_catalog.format('operator %s of %s', o.oid::pg_catalog.regoperator, pg_catalog.pg_get_userbyid(o.oprowner)) from path as p join pg_catalog.pg_operator as o on o.oprnamespace OPERATOR(pg_catalog.=) p.oid
where not exists (select from trusted as t where t.schema OPERATOR(pg_catalog.=) p.oid and t.role OPERATOR(pg_catalog.=) o.oprowner)
order by 1 limit 5`

// Sheltered implements warehouse.Sheltered.
func (c *conn) Sheltered(ctx context.Context) error {
	var found []string
	if err := c.ask(ctx, shelterQuery, nil, func(v [][]byte) { found = append(found, string(v[0])) }); err != nil || len(found) == 0 {
		return err
	}
	return &warehouse.OpenError{Reason: "functions of others could run with the engine's rights, and read the rows of all customers: " + strings.Join(found, ", "),
		Help: "revoke create on these schemas from public, and drop what does not belong there; or set the target's search_path to a schema that only the engine writes, or to pg_catalog"}
}

// lurkQuery says which principals ($1) have functions or operators, or may make some, in the
// schemas of shelterQuery: as themselves, or as a role that SET ROLE makes them. Left out are those
// who can become a superuser or the session's role, see fitQuery. No name in it is looked up
// itself.
const lurkQuery = `with path as (
  select n.oid, n.nspname, n.nspowner, n.nspacl from pg_catalog.pg_namespace as n
  where n.nspname OPERATOR(pg_catalog.=) any (pg_catalog.current_schemas(false))
), held as (
  select p.nspname, p.nspowner as role, pg_catalog.format('may create functions in schema %1$I, which is its own: make another role the owner of schema %1$I', p.nspname) as what from path as p
  union all
  select p.nspname, a.grantee, pg_catalog.format('may create functions in schema %1$I: revoke create on schema %1$I from %2$I', p.nspname, pg_catalog.pg_get_userbyid(a.grantee))
  from path as p cross join lateral pg_catalog.aclexplode(p.nspacl) as a
  where a.privilege_type OPERATOR(pg_catalog.=) 'CREATE' and a.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid and a.grantee OPERATOR(pg_catalog.<>) p.nspowner
  union all
  select p.nspname, f.proowner, pg_catalog.format('owns function %s in schema %I: drop it, or give it to another owner', f.oid::pg_catalog.regprocedure, p.nspname)
  from path as p join pg_catalog.pg_proc as f on f.pronamespace OPERATOR(pg_catalog.=) p.oid
  union all
  select p.nspname, o.oprowner, pg_catalog.format('owns operator %s in schema %I: drop it, or give it to another owner', o.oid::pg_catalog.regoperator, p.nspname)
  from path as p join pg_catalog.pg_operator as o on o.oprnamespace OPERATOR(pg_catalog.=) p.oid
), asked as (
  select r.oid, r.rolname from pg_catalog.pg_roles as r
  where r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) any ($1::pg_catalog.text[])
    and not exists (select from pg_catalog.pg_roles as s where (s.rolsuper or s.rolname OPERATOR(pg_catalog.=) current_user) and pg_catalog.pg_has_role(r.oid, s.oid, 'member'))
)
select distinct pg_catalog.format('principal %I%s %s', r.rolname, case when h.role OPERATOR(pg_catalog.<>) r.oid then pg_catalog.format(', a member of %I, which', pg_catalog.pg_get_userbyid(h.role)) end, h.what) as what
from asked as r join held as h on pg_catalog.pg_has_role(r.oid, h.role, 'member')
order by 1 limit 5`

// ShelteredFrom implements warehouse.Sheltered.
func (c *conn) ShelteredFrom(ctx context.Context, principals []string) error {
	if len(principals) == 0 {
		return nil
	}
	var found []string
	if err := c.ask(ctx, lurkQuery, [][]byte{textArray(principals)}, func(v [][]byte) { found = append(found, string(v[0])) }); err != nil || len(found) == 0 {
		return err
	}
	return &warehouse.OpenError{Reason: "functions of customers' principals could run with the engine's rights, and read the rows of all customers: " + strings.Join(found, "; "),
		Help: "mend that, or set the target's search_path to a schema that only the engine writes, or to pg_catalog"}
}
