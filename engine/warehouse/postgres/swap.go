package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Perform does what depends on what the catalog says at the moment: a Swap and a change of
// columns keep the views that depend on the relation, a schema that exists needs no right
// to make one, and a materialized view is refreshed beside its readers where it can be.
func (t *tx) Perform(ctx context.Context, op warehouse.Op) (warehouse.JobStats, warehouse.Statement, bool, error) {
	p := performer{session: t.session, rows: -1}
	start := time.Now()
	done, err := p.perform(ctx, op)
	if err == nil {
		p.stmt = warehouse.Statement{}
	}
	return warehouse.JobStats{Rows: p.rows, Bytes: -1, Duration: time.Since(start)}, p.stmt, done || err != nil, err
}

// Perform does op in a transaction of its own, so that it takes effect as a whole.
func (c *conn) Perform(ctx context.Context, op warehouse.Op) (warehouse.JobStats, warehouse.Statement, bool, error) {
	switch op.(type) {
	case warehouse.CreateTableAs:
		if o := op.(warehouse.CreateTableAs); o.Layout == nil {
			return warehouse.JobStats{}, warehouse.Statement{}, false, nil
		}
	case warehouse.CloneTable:
		if !op.(warehouse.CloneTable).Whole {
			return warehouse.JobStats{}, warehouse.Statement{}, false, nil
		}
	case warehouse.Swap, warehouse.CreateSchema, warehouse.DropColumns, warehouse.RetypeColumns, warehouse.RefreshMaterializedView:
	default:
		return warehouse.JobStats{}, warehouse.Statement{}, false, nil
	}
	own, err := c.Begin(ctx)
	if err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, true, err
	}
	defer own.Close()
	stats, stmt, done, err := own.(*tx).Perform(ctx, op)
	if err != nil || !done {
		return stats, stmt, done, err
	}
	return stats, warehouse.Statement{}, true, own.Commit(ctx)
}

// performer runs the statements of one operation.
type performer struct {
	session
	stmt warehouse.Statement // the last one sent
	rows int64               // written, -1 where that is not asked
}

func (p *performer) perform(ctx context.Context, op warehouse.Op) (bool, error) {
	switch o := op.(type) {
	case warehouse.CreateTableAs:
		return p.create(ctx, o)
	case warehouse.CreateSchema:
		return p.schemaExists(ctx, o.Schema)
	case warehouse.RefreshMaterializedView:
		return p.refresh(ctx, o.Target)
	case warehouse.CloneTable:
		if !o.Whole {
			return false, nil
		}
		return true, p.copyWhole(ctx, o)
	case warehouse.Swap:
		if o.Old == warehouse.None {
			return false, nil
		}
		return true, p.swap(ctx, o)
	case warehouse.DropColumns:
		return p.change(ctx, o.Target, op)
	case warehouse.RetypeColumns:
		return p.change(ctx, o.Target, op)
	}
	return false, nil
}

func (p *performer) exec(ctx context.Context, sql string) error {
	p.stmt = warehouse.Statement{SQL: sql}
	_, err := p.Exec(ctx, p.stmt)
	return err
}

// create makes a table with its indexes and constraints. The rows are those of the first
// statement.
func (p *performer) create(ctx context.Context, o warehouse.CreateTableAs) (bool, error) {
	if o.Layout == nil {
		return false, nil
	}
	stmts, err := Dialect{}.Render(o)
	if err != nil {
		return false, err
	}
	for i, s := range stmts {
		p.stmt = s
		stats, err := p.Exec(ctx, s)
		if err != nil {
			return false, err
		}
		if i == 0 {
			p.rows = stats.Rows
		}
	}
	return true, nil
}

// schemaExists: CREATE SCHEMA IF NOT EXISTS wants the right to make one all the same.
func (p *performer) schemaExists(ctx context.Context, schema string) (bool, error) {
	found := false
	err := p.ask(ctx, "select 1 from pg_catalog.pg_namespace where nspname = $1", [][]byte{[]byte(schema)}, func([][]byte) { found = true })
	return found, err
}

// refresh keeps readers going where the view has rows and a unique index on plain columns.
func (p *performer) refresh(ctx context.Context, target addr.Relation) (bool, error) {
	var d Dialect
	found := false
	err := p.ask(ctx, `select 1 from pg_catalog.pg_class as c join pg_catalog.pg_index as i on i.indrelid = c.oid
where c.oid = to_regclass($1) and c.relispopulated and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null`, [][]byte{[]byte(d.Quote(target))}, func([][]byte) { found = true })
	if err != nil || !found {
		return false, err
	}
	return true, p.exec(ctx, "refresh materialized view concurrently "+d.Quote(target))
}

// change runs an operation on a table's columns while the views that read it are away.
func (p *performer) change(ctx context.Context, rel addr.Relation, op warehouse.Op) (bool, error) {
	views, err := p.lockViews(ctx, rel, false)
	if err != nil || len(views) == 0 {
		return false, err
	}
	stmts, err := Dialect{}.Render(op)
	if err != nil {
		return false, err
	}
	return true, p.without(ctx, views, p.refill(ctx), func() error {
		for _, s := range stmts {
			if err := p.exec(ctx, s.SQL); err != nil {
				return err
			}
		}
		return nil
	})
}

// swap replaces a relation and keeps what others put on it: owner, privileges, comments
// that the new one has none for, and the views that read it.
//
// Locks are taken in the order of readers, views before what they read, so that a reader
// and a swap do not wait for each other. Swaps of relations that have dependents take
// turns: two that drop the same view would wait for each other's table.
func (p *performer) swap(ctx context.Context, o warehouse.Swap) error {
	var d Dialect
	stmts, err := d.Render(o)
	if err != nil {
		return err
	}
	if stmts, err = p.named(ctx, o, stmts); err != nil {
		return err
	}
	// Nearly always nothing hangs on a relation: two short questions, before and under its
	// lock, save the long ones.
	first, err := p.glance(ctx, "", o)
	if err != nil {
		return err
	}
	if first.depends {
		return p.swapWithCare(ctx, o, stmts)
	}
	if first.owner != "" {
		lock := "lock table " + d.Quote(o.Target) + " in access exclusive mode"
		if o.Old != warehouse.Table {
			lock = "alter " + kindWord(o.Old) + " " + d.Quote(o.Target) + " owner to " + first.owner
		}
		now, err := p.glance(ctx, lock, o)
		if err != nil {
			return err
		}
		if now.depends || now.inherits {
			return p.swapWithCare(ctx, o, stmts)
		}
	}
	return p.together(ctx, stmts)
}

// together sends statements of the engine's own at once.
func (p *performer) together(ctx context.Context, stmts []warehouse.Statement) error {
	texts := make([]string, len(stmts))
	for i, s := range stmts {
		texts[i] = s.SQL
	}
	p.stmt = warehouse.Statement{SQL: strings.Join(texts, ";\n")}
	if err := checkText(p.stmt); err != nil {
		return err
	}
	_, err := p.own.Conn().PgConn().Exec(ctx, p.stmt.SQL).ReadAll()
	return wrap(ctx, p.stmt, err)
}

// glanceQuery says whether anything but the relation's own parts depends on it, and whether
// it has anything to hand on to the relation that takes its place. Both are true rather
// too often than too seldom: dependentsQuery and inheritedQuery know better.
const glanceQuery = `select
  exists (select from pg_catalog.pg_depend as d where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.deptype <> 'i'
      and not exists (select from pg_catalog.pg_class as x where d.classid = 'pg_catalog.pg_class'::regclass and x.oid = d.objid and x.relkind in ('i', 't'))
      and not exists (select from pg_catalog.pg_constraint as x where d.classid = 'pg_catalog.pg_constraint'::regclass and x.oid = d.objid and x.conrelid = c.oid)
      and not exists (select from pg_catalog.pg_rewrite as x where d.classid = 'pg_catalog.pg_rewrite'::regclass and x.oid = d.objid and x.ev_class = c.oid and x.rulename = '_RETURN'))
    or exists (select from pg_catalog.pg_depend as d where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.deptype = 'i' and d.classid not in ('pg_catalog.pg_type'::regclass, 'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_rewrite'::regclass))
    or exists (select from pg_catalog.pg_depend as d join pg_catalog.pg_class as x on x.oid = d.objid and x.relkind = 'S' where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass)
    or exists (select from pg_catalog.pg_depend as d join pg_catalog.pg_type as t on t.oid = c.reltype where d.refclassid = 'pg_catalog.pg_type'::regclass and d.refobjid in (c.reltype, t.typarray) and d.refobjid <> 0 and d.deptype <> 'i')
    or c.relhastriggers or c.relrowsecurity or c.relforcerowsecurity or c.relreplident = 'i' or c.relispartition
    or exists (select from pg_catalog.pg_inherits as i where i.inhrelid = c.oid)
    or exists (select from pg_catalog.pg_seclabel as l where l.classoid = 'pg_catalog.pg_class'::regclass and l.objoid = c.oid),
  c.relacl is not null or w.relacl is not null or c.relowner <> w.relowner or c.relkind in ('r', 'p') and c.relreplident not in ('d', 'i')
    or exists (select from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attacl is not null)
    or exists (select from pg_catalog.pg_description as d where d.classoid = 'pg_catalog.pg_class'::regclass and d.objoid = c.oid),
  c.relowner::regrole
from pg_catalog.pg_class as c, pg_catalog.pg_class as w where c.oid = to_regclass($1) and w.oid = to_regclass($2)`

type glance struct {
	depends, inherits bool
	owner             string // in quotes where it needs them; empty if a relation is missing
}

// glanceName is the prepared statement of glanceQuery: planning it takes longer than
// running it, and every swap asks twice.
const glanceName = "engine_glance"

// glance runs glanceQuery, after what is to come before it, in one go. Relations that are
// missing have nothing: the statements to come say so.
func (p *performer) glance(ctx context.Context, before string, o warehouse.Swap) (glance, error) {
	var d Dialect
	p.stmt = warehouse.Statement{SQL: before}
	pg := p.own.Conn().PgConn()
	if pg.CustomData()[glanceName] == nil {
		if _, err := pg.Prepare(ctx, glanceName, glanceQuery, nil); err != nil {
			return glance{}, wrap(ctx, p.stmt, err)
		}
		pg.CustomData()[glanceName] = true
	}
	line := pg.StartPipeline(ctx)
	if before != "" {
		line.SendQueryParams(before, nil, nil, nil, nil)
	}
	line.SendQueryPrepared(glanceName, [][]byte{[]byte(d.Quote(o.Target)), []byte(d.Quote(o.New))}, nil, nil)
	err := line.Sync()
	var out glance
	for err == nil {
		var results any
		if results, err = line.GetResults(); err != nil || results == nil {
			break
		}
		r, ok := results.(*pgconn.ResultReader)
		if !ok {
			continue
		}
		for r.NextRow() {
			if row := r.Values(); len(row) == 3 {
				out = glance{string(row[0]) == "t", string(row[1]) == "t", string(row[2])}
			}
		}
		_, err = r.Close()
	}
	if cerr := line.Close(); err == nil {
		err = cerr
	}
	return out, wrap(ctx, p.stmt, err)
}

// swapWithCare looks at everything that hangs on the old relation.
func (p *performer) swapWithCare(ctx context.Context, o warehouse.Swap, stmts []warehouse.Statement) error {
	var d Dialect
	if done, err := p.refilled(ctx, o); done || err != nil {
		return err
	}
	views, err := p.lockViews(ctx, o.Target, true)
	if err != nil {
		return err
	}
	if o.Old == warehouse.Table {
		err = p.exec(ctx, "lock table "+d.Quote(o.Target)+" in access exclusive mode")
	} else {
		err = p.lockView(ctx, o.Old, o.Target)
	}
	if err != nil {
		return err
	}
	// What came while the lock was waited for, triggers and the like, is seen only now.
	if err := p.unblocked(ctx, o.Target, true); err != nil {
		return err
	}
	restore, err := p.inherited(ctx, o)
	if err != nil {
		return err
	}
	return p.without(ctx, views, p.refill(ctx), func() error {
		if err := p.together(ctx, stmts); err != nil {
			return err
		}
		for _, sql := range restore {
			if err := p.exec(ctx, sql); err != nil {
				return fmt.Errorf("keep what was granted and said on %s: %w", o.Target, err)
			}
		}
		return nil
	})
}

// swapLock is the key of the advisory lock under which relations with dependents are
// swapped: «engine» in ASCII.
const swapLock = "111516266295909"

// lockViews locks the views that read a relation, those first that nobody reads, and gives
// them by depth. own says that the relation itself goes, too.
func (p *performer) lockViews(ctx context.Context, rel addr.Relation, own bool) ([]dependent, error) {
	const tries = 10
	locked := map[string]bool{}
	for range tries {
		found, err := p.dependents(ctx, []addr.Relation{rel})
		if err != nil {
			return nil, err
		}
		if err := blocked(found, own); err != nil {
			return nil, err
		}
		found = slices.DeleteFunc(found, func(d dependent) bool { return d.Blocks })
		if len(found) == 0 {
			return nil, nil
		}
		if len(locked) == 0 {
			if err := p.exec(ctx, "select pg_advisory_xact_lock("+swapLock+")"); err != nil {
				return nil, err
			}
			locked["0"] = true
			continue
		}
		fresh := false
		for _, v := range slices.Backward(found) {
			if locked[v.oid] {
				continue
			}
			if err := p.lockView(ctx, v.Kind, v.Relation); err != nil {
				if Classify(err) == Catalog {
					fresh = true // it was dropped meanwhile; look again
					break
				}
				return nil, p.atView(v, err)
			}
			locked[v.oid], fresh = true, true
		}
		if !fresh {
			return found, nil
		}
	}
	return nil, &Error{Kind: Conflict, Message: "the views on " + rel.String() + " keep changing", Offset: -1, Err: errors.New("views keep changing")}
}

// lockView takes the lock of ALTER on a view without changing it. LOCK TABLE would lock what
// the view reads as well, and does not take materialized views.
func (p *performer) lockView(ctx context.Context, kind warehouse.Kind, rel addr.Relation) error {
	lock, err := p.viewLock(ctx, kind, rel)
	if err != nil {
		return err
	}
	return p.exec(ctx, lock)
}

// viewLock is the statement of lockView.
func (p *performer) viewLock(ctx context.Context, kind warehouse.Kind, rel addr.Relation) (string, error) {
	var d Dialect
	owner := ""
	err := p.ask(ctx, "select pg_catalog.pg_get_userbyid(relowner) from pg_catalog.pg_class where oid = to_regclass($1)", [][]byte{[]byte(d.Quote(rel))}, func(v [][]byte) { owner = string(v[0]) })
	if err != nil {
		return "", err
	}
	if owner == "" {
		return "", &Error{Kind: Catalog, Message: rel.String() + " does not exist", Offset: -1, Err: errors.New("no such view")}
	}
	return "alter " + kindWord(kind) + " " + d.Quote(rel) + " owner to " + d.Ident(owner), nil
}

// unblocked looks once more for what keeps a relation from being replaced.
func (p *performer) unblocked(ctx context.Context, rel addr.Relation, own bool) error {
	found, err := p.dependents(ctx, []addr.Relation{rel})
	if err != nil {
		return err
	}
	return blocked(found, own)
}

// blocked is an error for the first object that would be lost. Without own only those of
// the views count: the relation itself stays.
func blocked(found []dependent, own bool) error {
	for _, d := range found {
		if d.Blocks && (own || d.Depth > 0) {
			return &warehouse.DependentError{Dependent: d.Dependent, Reason: "it would be lost with what it stands on, and cannot be made again",
				Help: "drop it, or move it to a relation that is not built anew, and build again; nothing was changed"}
		}
	}
	return nil
}

// atView words a failure with a view.
func (p *performer) atView(v dependent, err error) error {
	e := (*Error)(nil)
	if !errors.As(err, &e) || e.Kind == Interrupted || e.Kind == Lost || e.Kind == Conflict || e.Kind == TimedOut {
		return err
	}
	out := &warehouse.DependentError{Dependent: v.Dependent, Reason: e.Message, Err: err,
		Help: "change or drop the view, or keep the columns that it reads; nothing was changed"}
	if e.Kind == Permission {
		out.Help = fmt.Sprintf("grant the role %s to the target's role, or have the view dropped; nothing was changed", v.Owner)
	}
	return out
}

// without drops views, does what is to be done, and makes the views again. refill is called with
// the materialized ones that had rows.
func (p *performer) without(ctx context.Context, views []dependent, refill func(empty []dependent) error, do func() error) error {
	var d Dialect
	var empty []dependent
	again := make([]remake, len(views))
	if len(views) > 0 {
		was, err := p.qualify(ctx)
		if err != nil {
			return err
		}
		for i, v := range views {
			if again[i], err = p.definition(ctx, v.oid); err != nil {
				return p.atView(v, err)
			}
		}
		if err := was(); err != nil {
			return err
		}
	}
	for _, v := range slices.Backward(views) {
		if err := p.exec(ctx, "drop "+kindWord(v.Kind)+" "+d.Quote(v.Relation)); err != nil {
			return p.atView(v, err)
		}
	}
	if err := do(); err != nil {
		return err
	}
	for i, v := range views {
		for _, sql := range again[i].make {
			if err := p.exec(ctx, sql); err != nil {
				return p.atView(v, err)
			}
		}
		if again[i].rows {
			empty = append(empty, v)
		}
	}
	return refill(empty)
}

// refill gives materialized views their rows, computed as their owners.
func (p *performer) refill(ctx context.Context) func([]dependent) error {
	return func(empty []dependent) error {
		for _, v := range empty {
			if err := p.exec(ctx, "refresh materialized view "+(Dialect{}).Quote(v.Relation)); err != nil {
				if Classify(err) == Permission {
					return &warehouse.DependentError{Dependent: v.Dependent, Reason: "its owner " + v.Owner + " may not read what it reads: " + err.Error(), Err: err,
						Help: "grant that to its owner, or have the view dropped; nothing was changed"}
				}
				return p.atView(v, err)
			}
		}
		return nil
	}
}

// qualify makes the server write definitions with all schemas spelled out, and gives the
// function that puts the session's own search path back.
func (p *performer) qualify(ctx context.Context) (back func() error, err error) {
	was := ""
	err = p.ask(ctx, "select current_setting('search_path'), set_config('search_path', '', true)", nil, func(v [][]byte) { was = string(v[0]) })
	return func() error {
		return p.exec(ctx, "select set_config('search_path', "+text(was)+", true)")
	}, err
}

// grants writes the privileges of $1 anew: all that the new relation has by default go,
// owner's included, and those of the old one come. It follows the change of the owner.
// REL is replaced by the relation whose privileges are read.
const privilegeSteps = `
  select 30, 0, format($do$do $engine$
declare
  _grantee text;
begin
  for _grantee in select distinct case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
    from pg_catalog.pg_class as c cross join lateral pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) as a where c.oid = %L::regclass order by 1
  loop
    execute 'revoke all on ' || %L || ' from ' || _grantee;
  end loop;
end
$engine$$do$, o.name, o.name) from o where o.relacl is not null or exists (select from pg_catalog.pg_default_acl where defaclobjtype = 'r')
  union all
  select 31, a.ord::int, format('grant %s on %s to %s%s', a.privilege_type, o.name, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, case when a.is_grantable and a.grantee <> 0 and a.grantee <> o.relowner then ' with grant option' else '' end)
  from o cross join lateral pg_catalog.aclexplode(coalesce(o.relacl, pg_catalog.acldefault('r', o.relowner))) with ordinality as a(grantor, grantee, privilege_type, is_grantable, ord)
  where o.relacl is not null or exists (select from pg_catalog.pg_default_acl where defaclobjtype = 'r')`

// definitionQuery writes the statements that make a view again as it is. The text of a view is its
// owner's, and so are the functions that it calls: none of them runs with the rights of the target's
// role. A materialized view is made without rows and given to its owner; then its indexes come,
// whose expressions are computed as the owner (PostgreSQL's manual, REFRESH MATERIALIZED VIEW and
// CREATE INDEX), and its rows last, see refill.
const definitionQuery = `with o as (
  select c.*, format('%I.%I', n.nspname, c.relname) as name, case c.relkind when 'm' then 'materialized view' else 'view' end as word
  from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid = $1::oid
), steps(step, ord, sql) as (
  select 10, 0, 'create ' || o.word || ' ' || o.name
    || case when o.relkind = 'm' then coalesce((select format(' using %I', m.amname) from pg_catalog.pg_am as m where m.oid = o.relam), '') else '' end
    || coalesce(' with (' || (select string_agg(split_part(r, '=', 1) || '=' || quote_literal(substr(r, strpos(r, '=') + 1)), ', ') from unnest(o.reloptions) as r) || ')', '')
    || coalesce((select format(' tablespace %I', t.spcname) from pg_catalog.pg_tablespace as t where t.oid = o.reltablespace), '')
    || ' as ' || rtrim(pg_catalog.pg_get_viewdef(o.oid), ';') || case when o.relkind = 'm' then ' with no data' else '' end from o
  union all
  select 15, a.attnum, format('alter view %s alter column %I set default %s', o.name, a.attname, pg_catalog.pg_get_expr(f.adbin, f.adrelid))
  from o join pg_catalog.pg_attribute as a on a.attrelid = o.oid join pg_catalog.pg_attrdef as f on f.adrelid = o.oid and f.adnum = a.attnum where o.relkind = 'v'
  union all
  select 21, row_number() over (order by i.indexrelid)::int, pg_catalog.pg_get_indexdef(i.indexrelid) from o join pg_catalog.pg_index as i on i.indrelid = o.oid where i.indisvalid
  union all
  select 22, row_number() over (order by i.indexrelid)::int, format('comment on index %s is %L', i.indexrelid::regclass, pg_catalog.obj_description(i.indexrelid, 'pg_class'))
  from o join pg_catalog.pg_index as i on i.indrelid = o.oid where pg_catalog.obj_description(i.indexrelid, 'pg_class') is not null
  union all
  select 23, 0, format('alter materialized view %s cluster on %I', o.name, x.relname) from o join pg_catalog.pg_index as i on i.indrelid = o.oid and i.indisclustered join pg_catalog.pg_class as x on x.oid = i.indexrelid
  union all
  select 24, row_number() over (order by s.oid)::int, pg_catalog.pg_get_statisticsobjdef(s.oid) from o join pg_catalog.pg_statistic_ext as s on s.stxrelid = o.oid
  union all
  select 20, 0, format('alter %s %s owner to %s', o.word, o.name, o.relowner::regrole) from o where o.relowner <> (select oid from pg_catalog.pg_roles where rolname = current_user)
  union all` + privilegeSteps + `
  union all
  select 32, a.attnum, format('grant %s (%I) on %s to %s%s', x.privilege_type, a.attname, o.name, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end, case when x.is_grantable then ' with grant option' else '' end)
  from o join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped cross join lateral pg_catalog.aclexplode(a.attacl) as x
  union all
  select 40, t.objsubid, case when t.objsubid = 0 then format('comment on %s %s is %L', o.word, o.name, t.description) else format('comment on column %s.%I is %L', o.name, a.attname, t.description) end
  from o join pg_catalog.pg_description as t on t.classoid = 'pg_catalog.pg_class'::regclass and t.objoid = o.oid left join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum = t.objsubid and t.objsubid > 0
)
select sql, (select relkind = 'm' and relispopulated from o) from steps order by step, ord, sql`

// remake are the statements that make a view again; rows: it is a materialized one that has some.
type remake struct {
	make []string
	rows bool
}

// definition gives the statements that make a view again, with rights and comments.
func (p *performer) definition(ctx context.Context, oid string) (remake, error) {
	var out remake
	err := p.ask(ctx, definitionQuery, [][]byte{[]byte(oid)}, func(v [][]byte) {
		out.make = append(out.make, string(v[0]))
		out.rows = string(v[1]) == "t"
	})
	if err == nil && len(out.make) == 0 {
		err = &Error{Kind: Catalog, Message: "the view was dropped meanwhile", Offset: -1, Err: errors.New("no such view")}
	}
	return out, err
}

// inheritedQuery writes the statements that give a new relation ($2, to be called as $1) what
// the old one ($1) has beside its rows. Comments of its own stay; columns that it lacks
// are left out.
const inheritedQuery = `with o as (
  select c.*, format('%I.%I', n.nspname, c.relname) as name, w.oid as new, w.relowner as newowner,
    case w.relkind when 'm' then 'materialized view' when 'v' then 'view' else 'table' end as word
  from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace cross join pg_catalog.pg_class as w
  where c.oid = to_regclass($1) and w.oid = to_regclass($2)
), steps(step, ord, sql) as (
  select 10, 0, format('alter table %s replica identity %s', o.name, case o.relreplident when 'f' then 'full' else 'nothing' end) from o where o.relkind in ('r', 'p') and o.word = 'table' and o.relreplident in ('f', 'n')
  union all
  select 20, 0, format('alter %s %s owner to %s', o.word, o.name, o.relowner::regrole) from o where o.relowner <> o.newowner
  union all` + privilegeSteps + `
  union all
  select 32, b.attnum, format('grant %s (%I) on %s to %s%s', x.privilege_type, a.attname, o.name, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end, case when x.is_grantable then ' with grant option' else '' end)
  from o join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped join pg_catalog.pg_attribute as b on b.attrelid = o.new and b.attname = a.attname and b.attnum > 0 and not b.attisdropped
  cross join lateral pg_catalog.aclexplode(a.attacl) as x
  union all
  select 40, 0, format('comment on %s %s is %L', o.word, o.name, pg_catalog.obj_description(o.oid, 'pg_class')) from o
  where pg_catalog.obj_description(o.oid, 'pg_class') is not null and pg_catalog.obj_description(o.new, 'pg_class') is null
  union all
  select 41, b.attnum, format('comment on column %s.%I is %L', o.name, a.attname, pg_catalog.col_description(o.oid, a.attnum))
  from o join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped join pg_catalog.pg_attribute as b on b.attrelid = o.new and b.attname = a.attname and b.attnum > 0 and not b.attisdropped
  where pg_catalog.col_description(o.oid, a.attnum) is not null and pg_catalog.col_description(o.new, b.attnum) is null
)
select sql from steps order by step, ord, sql`

// inherited gives the statements that hand on owner, privileges and comments.
func (p *performer) inherited(ctx context.Context, o warehouse.Swap) ([]string, error) {
	var d Dialect
	var out []string
	err := p.ask(ctx, inheritedQuery, [][]byte{[]byte(d.Quote(o.Target)), []byte(d.Quote(o.New))}, func(v [][]byte) {
		out = append(out, strings.TrimSpace(string(v[0])))
	})
	return out, err
}
