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

// Stock implements warehouse.Stocktaker with a look at the catalog, one at the privileges, and
// one at every marksAtOnce customers' ReleaseTables.
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
	err := c.ask(ctx, relationsOfQuery, [][]byte{textArray(schemas)}, func(v [][]byte) {
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
		if err := c.marks(ctx, some, marked, func(s warehouse.ReleaseSpec, run string, released warehouse.Released) {
			own, _ := released.Apart(found[s.Customer], is, false)
			have := warehouse.Stock{Run: &run, Relations: map[addr.Relation]bool{}, Hidden: map[addr.Relation]bool{}}
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
	if err != nil || len(principals) == 0 {
		return out, err
	}
	err = c.ask(ctx, hiddenQuery, [][]byte{textArray(readable), textArray(principals)}, func(v [][]byte) {
		if have, there := out[owner[string(v[0])]]; there {
			have.Hidden[addr.Relation{Schema: string(v[0]), Name: string(v[1])}] = true
		}
	})
	return out, err
}

// marks reads the ReleaseTables of some customers that the owner made. What one of them has that
// is no ReleaseTable counts as nothing there.
func (c *conn) marks(ctx context.Context, specs []warehouse.ReleaseSpec, marked map[addr.Relation]bool, take func(s warehouse.ReleaseSpec, run string, released warehouse.Released)) error {
	var d Dialect
	var parts []string
	by := map[string]warehouse.ReleaseSpec{}
	for _, s := range specs {
		mark := addr.Relation{Schema: s.Schemas[0], Name: warehouse.ReleaseTable}
		if len(s.Schemas) > 0 && marked[mark] {
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
		if released, err := warehouse.ReadReleased(string(v[3])); err == nil && string(v[1]) == s.Owner {
			take(s, string(v[2]), released)
		}
	})
}

// beyondQuery lists what a role ($1) can read in schemas of the engine's ($2) but for those that
// it shall read ($3).
const beyondQuery = `select n.nspname, c.relname from pg_catalog.pg_namespace as n
join pg_catalog.pg_description as d on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0 and (d.description = $2 or starts_with(d.description, $2 || ', customer '))
join pg_catalog.pg_roles as r on r.rolname = $1
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p', 'f', 'v', 'm')
where not n.nspname = any($3::text[]) and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'select')
order by 1, 2 limit 20`

// ReadsBeyond implements warehouse.Impersonator: it takes nobody's place, the catalog says it.
func (c *conn) ReadsBeyond(ctx context.Context, principal, owner string, schemas []string) ([]addr.Relation, error) {
	var out []addr.Relation
	err := c.ask(ctx, beyondQuery, [][]byte{[]byte(principal), []byte(markOf(owner, "")), textArray(schemas)}, func(v [][]byte) {
		out = append(out, addr.Relation{Schema: string(v[0]), Name: string(v[1])})
	})
	return out, err
}
