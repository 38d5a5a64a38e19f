package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// marksAtOnce is how many customers' ReleaseTables one statement reads: each takes a lock, of
// which the server has a fixed number.
const marksAtOnce = 200

// hiddenQuery lists relations in schemas that principals ($1, $2: pairs) cannot read. A role that
// is not there reads nothing.
const hiddenQuery = `select distinct n.nspname, c.relname from unnest($1::text[], $2::text[]) as w(schema, principal)
join pg_catalog.pg_namespace as n on n.nspname = w.schema
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'v', 'm')
left join pg_catalog.pg_roles as r on r.rolname = w.principal
where r.oid is null or not pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') or not pg_catalog.has_table_privilege(r.oid, c.oid, 'select')`

// guardedQuery lists tables in schemas ($1) with row level security, and no policy that is not the
// engine's ($2 begins the names of those) and lets more rows through.
const guardedQuery = `select n.nspname, c.relname from pg_catalog.pg_namespace as n join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relrowsecurity
where n.nspname = any($1::text[]) and not exists (select from pg_catalog.pg_policy as y where y.polrelid = c.oid and y.polpermissive and not starts_with(y.polname::text, $2))`

// strangersQuery lists who has which right in customers' schemas ($1 schemas, $2 customers, $3
// whether it is the workspace, of whose relations nothing is asked), but for owners and what
// readers ($4 customers, $5 principals) are granted.
const strangersQuery = `with w as (
  select n.oid, n.nspname, n.nspowner, n.nspacl, x.customer, x.workspace::boolean as workspace
  from unnest($1::text[], $2::text[], $3::text[]) as x(schema, customer, workspace) join pg_catalog.pg_namespace as n on n.nspname = x.schema
),
held(customer, workspace, kind, schema, relation, owner, acl) as (
  select customer, workspace, 'schema', nspname, '', nspowner, nspacl from w
  union all
  select w.customer, false, 'table', w.nspname, c.relname, c.relowner, c.relacl from w join pg_catalog.pg_class as c on c.relnamespace = w.oid
  where not w.workspace and c.relkind in ('r', 'p', 'f', 'v', 'm') and c.relacl is not null and pg_catalog.pg_has_role(c.relowner, 'usage')
  union all
  select w.customer, false, 'column', w.nspname, c.relname, c.relowner, a.attacl from w join pg_catalog.pg_class as c on c.relnamespace = w.oid
  join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
  where not w.workspace and c.relkind in ('r', 'p', 'f', 'v', 'm') and pg_catalog.pg_has_role(c.relowner, 'usage')
)
select distinct h.customer, case when x.grantee = 0 then 'public' when r.principal is null then g.rolname
  else format('%s (%s on %s)', g.rolname, x.privilege_type, h.schema || case when h.kind = 'schema' then '' else '.' || h.relation end) end
from held as h cross join lateral pg_catalog.aclexplode(h.acl) as x
left join pg_catalog.pg_roles as g on g.oid = x.grantee
left join unnest($4::text[], $5::text[]) as r(customer, principal) on r.customer = h.customer and r.principal = g.rolname
where x.grantee <> h.owner and (x.grantee = 0 or g.oid is not null) and not (r.principal is not null and case h.kind when 'schema' then x.privilege_type = 'USAGE' or h.workspace and x.privilege_type = 'CREATE' else x.privilege_type = 'SELECT' end)
order by 1, 2`

// Stock implements warehouse.Stocktaker with a look or two at the catalog, two at the privileges,
// and one at every marksAtOnce customers' ReleaseTables.
func (c *conn) Stock(ctx context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	out := make(map[string]warehouse.Stock, len(specs))
	owner := map[string]string{} // of schemas
	var schemas, readable, principals []string
	for _, s := range specs {
		for _, schema := range s.Schemas {
			owner[schema] = s.Customer
			schemas = append(schemas, schema)
			for _, principal := range s.Readers {
				readable, principals = append(readable, schema), append(principals, principal)
			}
		}
	}
	if len(schemas) == 0 {
		return out, nil
	}
	found := map[string][]warehouse.Relation{} // by customer
	is := warehouse.Released{}
	marked := map[addr.Relation]bool{}
	stamps, err := c.stamps(ctx, stampAllQuery, schemas)
	if err != nil {
		return nil, err
	}
	same := map[string]bool{} // customers
	var changed []string      // schemas of the others
	for _, s := range specs {
		if same[s.Customer] = s.Stamp != "" && stampOf(s, stamps) == s.Stamp; !same[s.Customer] {
			changed = append(changed, s.Schemas...)
		}
	}
	err = c.ask(ctx, relationsOfQuery, [][]byte{textArray(changed)}, func(v [][]byte) {
		one := warehouse.Relation{Name: addr.Relation{Schema: string(v[0]), Name: string(v[1])}, Kind: kindOfRelation(string(v[2])), Rows: -1, Bytes: -1}
		customer := owner[one.Name.Schema]
		found[customer] = append(found[customer], one)
		if is[one.Name] = string(one.Kind); one.Kind == warehouse.Table {
			is[one.Name] += " " + string(v[3])
		}
		if k := string(v[2]); one.Name.Name == warehouse.ReleaseTable && (k == "r" || k == "p") {
			marked[one.Name] = true
		}
	})
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(specs, marksAtOnce) {
		if err := c.marks(ctx, some, same, marked, func(s warehouse.ReleaseSpec, run string, released warehouse.Released) {
			have := warehouse.Stock{Run: &run, Hidden: map[addr.Relation]bool{}, Stamp: stampOf(s, stamps)}
			if same[s.Customer] {
				out[s.Customer] = have
				return
			}
			have.Relations = map[addr.Relation]bool{}
			own, _ := released.Apart(found[s.Customer], is, false)
			for _, o := range own {
				have.Relations[o.Name] = true
			}
			out[s.Customer] = have
		}); err != nil {
			return nil, err
		}
	}
	for customer, have := range out {
		have.Guarded = map[addr.Relation]bool{}
		out[customer] = have
	}
	err = c.ask(ctx, guardedQuery, [][]byte{textArray(schemas), []byte(policyMark)}, func(v [][]byte) {
		if have, there := out[owner[string(v[0])]]; there {
			have.Guarded[addr.Relation{Schema: string(v[0]), Name: string(v[1])}] = true
		}
	})
	if err != nil {
		return nil, err
	}
	if err := c.strangers(ctx, specs, out); err != nil || len(principals) == 0 {
		return out, err
	}
	err = c.ask(ctx, hiddenQuery, [][]byte{textArray(readable), textArray(principals)}, func(v [][]byte) {
		if have, there := out[owner[string(v[0])]]; there {
			have.Hidden[addr.Relation{Schema: string(v[0]), Name: string(v[1])}] = true
		}
	})
	return out, err
}

// strangers adds who holds what the engine did not grant.
func (c *conn) strangers(ctx context.Context, specs []warehouse.ReleaseSpec, out map[string]warehouse.Stock) error {
	var schemas, of, workspace, customers, principals []string
	for _, s := range specs {
		if _, there := out[s.Customer]; !there {
			continue
		}
		for _, schema := range s.Schemas {
			schemas, of, workspace = append(schemas, schema), append(of, s.Customer), append(workspace, "false")
		}
		if s.Workspace != "" {
			schemas, of, workspace = append(schemas, s.Workspace), append(of, s.Customer), append(workspace, "true")
		}
		for _, p := range s.Readers {
			customers, principals = append(customers, s.Customer), append(principals, p)
		}
	}
	return c.ask(ctx, strangersQuery, [][]byte{textArray(schemas), textArray(of), textArray(workspace), textArray(customers), textArray(principals)}, func(v [][]byte) {
		have := out[string(v[0])]
		have.Strangers = append(have.Strangers, string(v[1]))
		out[string(v[0])] = have
	})
}

// marks reads the ReleaseTables of some customers that the owner made; of those that are the same
// as before only which run they name. What one of them has that is no ReleaseTable counts as nothing
// there.
func (c *conn) marks(ctx context.Context, specs []warehouse.ReleaseSpec, same map[string]bool, marked map[addr.Relation]bool, take func(s warehouse.ReleaseSpec, run string, released warehouse.Released)) error {
	var d Dialect
	var parts []string
	by := map[string]warehouse.ReleaseSpec{}
	for _, s := range specs {
		mark := addr.Relation{Schema: s.Schemas[0], Name: warehouse.ReleaseTable}
		switch {
		case same[s.Customer]:
			by[s.Customer] = s
			parts = append(parts, fmt.Sprintf("select %s, null, to_jsonb(t)->>'run_id', null from %s as t", d.Literal(s.Customer), d.Quote(mark)))
		case marked[mark]:
			by[s.Customer] = s
			// As JSON, since a table that somebody has made of the name may lack columns.
			parts = append(parts, fmt.Sprintf("select %s, j->>'owner', j->>'run_id', j->>'relations' from (select to_jsonb(t) as j from %s as t) as x", d.Literal(s.Customer), d.Quote(mark)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return c.ask(ctx, strings.Join(parts, "\nunion all "), nil, func(v [][]byte) {
		s := by[string(v[0])]
		if same[s.Customer] {
			take(s, string(v[2]), nil)
		} else if released, err := warehouse.ReadReleased(string(v[3])); err == nil && string(v[1]) == s.Owner {
			take(s, string(v[2]), released)
		}
	})
}

// beyondQuery lists what a role ($1) can read in schemas of the engine's ($2) but for those of
// the customers that it reads for ($3: their marks).
const beyondQuery = `select n.nspname, c.relname from pg_catalog.pg_namespace as n
join pg_catalog.pg_description as d on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0 and (d.description = $2 or starts_with(d.description, $2 || ', customer '))
join pg_catalog.pg_roles as r on r.rolname = $1
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
where not d.description = any($3::text[]) and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
order by 1, 2 limit 20`

// ReadsBeyond implements warehouse.Impersonator: it takes nobody's place, the catalog says it.
func (c *conn) ReadsBeyond(ctx context.Context, principal, owner string, customers []string) ([]addr.Relation, error) {
	var out []addr.Relation
	marks := make([]string, len(customers))
	for i, name := range customers {
		marks[i] = markOf(owner, name)
	}
	err := c.ask(ctx, beyondQuery, [][]byte{[]byte(principal), []byte(markOf(owner, "")), textArray(marks)}, func(v [][]byte) {
		out = append(out, addr.Relation{Schema: string(v[0]), Name: string(v[1])})
	})
	return out, err
}
