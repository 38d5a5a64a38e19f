package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// dependentsQuery lists views that read the wanted relations, through others, too, and
// everything else that would go when the relations and those views are dropped. The
// latter is what pg_depend knows, minus what belongs to the relations themselves or is
// made again: a kind of object that nobody thought of is listed.
const dependentsQuery = `with recursive asked as (
  select c.oid from unnest($1::text[], $2::text[]) as wanted(nsp, rel)
  join pg_catalog.pg_namespace as n on n.nspname = wanted.nsp
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = wanted.rel and c.relkind in ('r', 'p', 'f', 'v', 'm')
), reading(root, oid, depth) as (
  select oid, oid, 0 from asked
  union
  select g.root, r.ev_class, g.depth + 1
  from reading as g
  join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = g.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass and d.deptype = 'n'
  join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.rulename = '_RETURN' and r.ev_class <> g.oid
), held as (
  select g.root, g.oid, max(g.depth) as depth from reading as g group by g.root, g.oid
), relations as (
  select h.root, h.depth, c.*, t.typarray from held as h join pg_catalog.pg_class as c on c.oid = h.oid left join pg_catalog.pg_type as t on t.oid = c.reltype
), depending as (
  select h.root, h.depth, h.oid, d.classid, d.objid, d.objsubid, d.deptype from relations as h
  join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = h.oid
  union
  select h.root, h.depth, h.oid, d.classid, d.objid, d.objsubid, d.deptype from relations as h
  join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_type'::regclass and d.refobjid in (h.reltype, h.typarray) and d.refobjid <> 0
), lost as (
  select d.root, d.depth, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) as what, 0::oid as owner
  from depending as d
  left join pg_catalog.pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
  left join pg_catalog.pg_class as c on d.classid = 'pg_catalog.pg_class'::regclass and c.oid = d.objid
  left join pg_catalog.pg_constraint as k on d.classid = 'pg_catalog.pg_constraint'::regclass and k.oid = d.objid
  left join pg_catalog.pg_attrdef as f on d.classid = 'pg_catalog.pg_attrdef'::regclass and f.oid = d.objid
  left join pg_catalog.pg_trigger as t on d.classid = 'pg_catalog.pg_trigger'::regclass and t.oid = d.objid
  where case d.classid
    when 'pg_catalog.pg_rewrite'::regclass then r.rulename <> '_RETURN'
    when 'pg_catalog.pg_class'::regclass then c.relkind not in ('i', 'I', 't') and not exists (select from held as h where h.root = d.root and h.oid = c.oid)
    when 'pg_catalog.pg_constraint'::regclass then k.conrelid <> d.oid
    when 'pg_catalog.pg_attrdef'::regclass then f.adrelid <> d.oid
    when 'pg_catalog.pg_trigger'::regclass then not t.tgisinternal
    when 'pg_catalog.pg_type'::regclass then d.deptype <> 'i'
    when 'pg_catalog.pg_statistic_ext'::regclass then false
    else true end
  union
  select h.root, h.depth, 'row level security of ' || h.oid::regclass, h.relowner from relations as h where h.relrowsecurity or h.relforcerowsecurity
  union
  select h.root, h.depth, 'replica identity of ' || h.oid::regclass, h.relowner from relations as h where h.relkind in ('r', 'p') and h.relreplident = 'i'
  union
  select h.root, h.depth, 'security label of ' || h.oid::regclass, h.relowner from relations as h
  where exists (select from pg_catalog.pg_seclabel as l where l.classoid = 'pg_catalog.pg_class'::regclass and l.objoid = h.oid)
  union
  select h.root, h.depth, 'temporary view ' || h.relname || ' of another session', h.relowner from relations as h where h.depth > 0 and h.relpersistence = 't' and h.relnamespace <> pg_catalog.pg_my_temp_schema()
  union
  select h.root, h.depth, 'inheritance of ' || h.oid::regclass || ' from ' || i.inhparent::regclass, h.relowner from relations as h join pg_catalog.pg_inherits as i on i.inhrelid = h.oid
)
select rn.nspname, rc.relname, n.nspname, h.relname, h.relkind, pg_catalog.pg_get_userbyid(h.relowner), h.depth, '', h.oid
from relations as h join pg_catalog.pg_namespace as n on n.oid = h.relnamespace
join pg_catalog.pg_class as rc on rc.oid = h.root join pg_catalog.pg_namespace as rn on rn.oid = rc.relnamespace where h.depth > 0
union all
select rn.nspname, rc.relname, '', '', '', coalesce(pg_catalog.pg_get_userbyid(nullif(l.owner, 0)), ''), l.depth, l.what, 0
from lost as l join pg_catalog.pg_class as rc on rc.oid = l.root join pg_catalog.pg_namespace as rn on rn.oid = rc.relnamespace`

// dependent is a warehouse.Dependent with its OID, empty for what is no relation.
type dependent struct {
	warehouse.Dependent
	oid string
}

// Dependents lists what depends on relations in one query: views and materialized views
// of anyone, which a Swap makes again, and what keeps a Swap from being done.
func (s session) Dependents(ctx context.Context, relations []addr.Relation) ([]warehouse.Dependent, error) {
	found, err := s.dependents(ctx, relations)
	if err != nil {
		return nil, err
	}
	theirs, err := s.customers(ctx, found)
	if err != nil {
		return nil, err
	}
	me := ""
	if len(theirs) > 0 {
		if err := s.ask(ctx, "select current_user", nil, func(v [][]byte) { me = string(v[0]) }); err != nil {
			return nil, err
		}
	}
	held := map[addr.Relation]bool{}
	for _, d := range found {
		held[d.Of] = held[d.Of] || theirs[d.oid]
	}
	blocked := map[addr.Relation]bool{}
	for _, d := range found {
		blocked[d.Of] = blocked[d.Of] || d.Blocks && d.Depth == 0
	}
	var out []warehouse.Dependent
	for _, d := range found {
		if d.Blocks && d.Depth > 0 && held[d.Of] && !blocked[d.Of] {
			continue // see refilled: the relation keeps its identity
		}
		if theirs[d.oid] && d.Owner == me {
			continue // the engine's own
		}
		out = append(out, d.Dependent)
	}
	return out, nil
}

// customers are the views that a release has made for a customer, by OID.
func (s session) customers(ctx context.Context, found []dependent) (map[string]bool, error) {
	var oids []string
	for _, d := range found {
		if !d.Blocks {
			oids = append(oids, d.oid)
		}
	}
	if len(oids) == 0 {
		return nil, nil
	}
	theirs := map[string]bool{}
	err := s.ask(ctx, heldQuery, [][]byte{textArray(oids), []byte(schemaMark)}, func(v [][]byte) { theirs[string(v[0])] = true })
	return theirs, err
}

func (s session) dependents(ctx context.Context, relations []addr.Relation) ([]dependent, error) {
	wanted := s.here(relations)
	if len(wanted) == 0 {
		return nil, nil
	}
	var schemas, names []string
	asked := map[addr.Relation]addr.Relation{}
	for _, r := range wanted {
		schemas, names = append(schemas, r.Schema), append(names, r.Name)
		asked[addr.Relation{Schema: r.Schema, Name: r.Name}] = r
	}
	var out []dependent
	err := s.ask(ctx, dependentsQuery, [][]byte{textArray(schemas), textArray(names)}, func(v [][]byte) {
		d := dependent{oid: string(v[8])}
		d.Of = asked[addr.Relation{Schema: string(v[0]), Name: string(v[1])}]
		d.Owner, d.What = string(v[5]), string(v[7])
		if depth, err := strconv.Atoi(string(v[6])); err == nil {
			d.Depth = depth
		}
		if d.What == "" {
			d.Relation = addr.Relation{Database: d.Of.Database, Schema: string(v[2]), Name: string(v[3])}
			d.Kind = kindOfRelation(string(v[4]))
			d.What = kindWord(d.Kind) + " " + d.Relation.String()
		} else {
			d.Blocks, d.oid = true, ""
		}
		out = append(out, d)
	})
	slices.SortFunc(out, func(a, b dependent) int {
		return cmp.Or(a.Of.Compare(b.Of), cmp.Compare(a.Depth, b.Depth), cmp.Compare(a.What, b.What))
	})
	return out, err
}
