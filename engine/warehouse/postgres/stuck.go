package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// A customer builds on its relations, in its workspace: views whose owner the target's role must
// not stand in for, functions and columns of a table's row type. None of that can be made again by
// somebody else, and a relation that has such dependents cannot be dropped. They must not decide
// whether a publication takes place: one may take rows away. So such a relation keeps its identity,
// with the new rows and columns in it; and where that cannot be, it is emptied and set aside under
// another name, and what hangs on it reads nothing any more.

// asideMark begins the names of relations that were set aside. Their OID follows.
const asideMark = "_engine_replaced_"

// fate is what becomes of a relation that is replaced.
type fate int

const (
	dropped  fate = iota
	refilled      // it keeps its identity if it can
	setAside
)

// stuck finds, of what is replaced, the relations with dependents that cannot follow, and the views
// of others that can. left are dependents of which it came out before that they cannot. A policy
// of somebody else's must not be on a table with new rows, and neither must a trigger, which would
// run with the rights of the engine's role.
func (r *release) stuck(ctx context.Context, do *performer, replaced []warehouse.Relation, left map[string]bool) (views []dependent, stuck map[addr.Relation]fate, err error) {
	stuck = map[addr.Relation]fate{}
	r.hanging = map[addr.Relation][]string{}
	names := make([]addr.Relation, len(replaced))
	for i, o := range replaced {
		names[i] = o.Name
	}
	all, err := r.readers(ctx, do, names)
	if err != nil {
		return nil, nil, err
	}
	fixed := slices.Concat(all.blocks, all.lacking)
	for _, v := range all.views {
		if left[v.What] {
			fixed = append(fixed, v)
		}
	}
	if len(fixed) == 0 {
		return all.views, stuck, nil
	}
	// Each dependent comes once for each of the relations that it hangs on.
	not := map[string]bool{}
	for _, f := range fixed {
		not[f.What] = true
	}
	found, err := do.dependents(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range found {
		if not[f.What] {
			r.hanging[f.Of] = append(r.hanging[f.Of], f.What)
			was := stuck[f.Of]
			if stuck[f.Of] = max(was, refilled); strings.HasPrefix(f.What, "policy ") || f.Depth == 0 && strings.HasPrefix(f.What, "trigger ") {
				stuck[f.Of] = setAside
			}
		}
	}
	var follow []addr.Relation
	for _, v := range all.views {
		if !not[v.What] {
			follow = append(follow, v.Relation)
		}
	}
	if found, err = do.dependents(ctx, follow); err != nil {
		return nil, nil, err
	}
	behind := map[addr.Relation]bool{} // something that cannot follow hangs on it
	for _, f := range found {
		if not[f.What] || f.Blocks && !ours(f) {
			behind[f.Of] = true
		}
	}
	for _, v := range all.views {
		if !not[v.What] && !behind[v.Relation] {
			views = append(views, v)
		}
	}
	return views, stuck, nil
}

// ours reports whether what hangs on a relation is a guard of the engine's own.
func ours(d dependent) bool {
	return d.Depth == 0 && (strings.HasPrefix(d.What, "row level security of ") || strings.HasPrefix(d.What, "policy "+policyMark))
}

// unstick gives stuck tables their new rows, and sets the other stuck relations aside.
func (r *release) unstick(ctx context.Context, do *performer, m move) (inPlace map[addr.Relation]bool, err error) {
	inPlace = map[addr.Relation]bool{}
	for _, o := range m.replaced {
		if m.stuck[o.Name] == dropped {
			continue
		}
		same := func(n addr.Relation) bool { return bareName(n) == o.Name }
		if o.Kind == warehouse.View && slices.ContainsFunc(m.p.Views, func(v warehouse.SliceView) bool { return same(v.Name) }) {
			continue // see remakeView
		}
		if o.Kind == warehouse.Table && m.stuck[o.Name] == refilled && slices.ContainsFunc(m.p.Tables, same) {
			if inPlace[o.Name], err = do.tried(ctx, func() error { return do.refillTable(ctx, o.Name, r.Staged(o.Name)) }); err != nil {
				return nil, err
			}
		}
		if !inPlace[o.Name] {
			if err := r.aside(ctx, do, o); err != nil {
				return nil, fmt.Errorf("set %s aside: %w", o.Name, err)
			}
		}
	}
	return inPlace, nil
}

func bareName(n addr.Relation) addr.Relation { return addr.Relation{Schema: n.Schema, Name: n.Name} }

// tried does something that the server may refuse, which leaves the transaction as it was.
func (p *performer) tried(ctx context.Context, do func() error) (done bool, err error) {
	if err := p.exec(ctx, "savepoint engine_try"); err != nil {
		return false, err
	}
	refused := do()
	if ctx.Err() != nil {
		return false, wrap(ctx, warehouse.Statement{}, ctx.Err())
	}
	if refused != nil {
		if warehouse.Conflict(refused) {
			return false, refused
		}
		switch Classify(refused) {
		case TimedOut, Disk, Lost, Interrupted:
			return false, refused // that says nothing about what was tried
		}
		return false, p.texts(ctx, []string{"rollback to savepoint engine_try", "release savepoint engine_try"})
	}
	return true, p.exec(ctx, "release savepoint engine_try")
}

// quiet is the statement that keeps triggers of others from running with the rights of the engine's
// role while a table is emptied or filled.
func quiet(table addr.Relation) string {
	return "alter table " + Dialect{}.Quote(table) + " disable trigger user"
}

// formQuery writes what a table ($1) is beside its columns, rows and rights: how it is stored, its
// indexes and its constraints, without the names of these.
const formQuery = `with t as (select * from pg_catalog.pg_class where oid = to_regclass($1)), parts as (
  select format('%s %s %s %s %s', relkind, relpersistence, relam, reltablespace, reloptions) as what from t
  union all
  select format('%s %s %s %s', i.indisunique, i.indisprimary, i.indisexclusion, substring(pg_catalog.pg_get_indexdef(i.indexrelid) from ' USING .*$')) from t join pg_catalog.pg_index as i on i.indrelid = t.oid
  union all
  select format('%s %s', k.contype, pg_catalog.pg_get_constraintdef(k.oid)) from t join pg_catalog.pg_constraint as k on k.conrelid = t.oid where k.contype in ('c', 'f', 'p', 'u', 'x')
)
select string_agg(what, E'\n' order by what collate "C") from parts`

func (p *performer) form(ctx context.Context, table addr.Relation) (form string, err error) {
	err = p.ask(ctx, formQuery, [][]byte{[]byte(Dialect{}.Quote(table))}, func(v [][]byte) { form = string(v[0]) })
	return form, err
}

// nullable are the columns of a table that may be null.
func (p *performer) nullable(ctx context.Context, table addr.Relation) (map[string]bool, error) {
	out := map[string]bool{}
	err := p.ask(ctx, `select attname from pg_catalog.pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and not attnotnull`,
		[][]byte{[]byte(Dialect{}.Quote(table))}, func(v [][]byte) { out[string(v[0])] = true })
	return out, err
}

type attribute struct{ name, typ string }

// attributes are the columns of a relation with their types, in order.
func (p *performer) attributes(ctx context.Context, rel addr.Relation) (out []attribute, err error) {
	err = p.ask(ctx, `select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute as a
where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`, [][]byte{[]byte(Dialect{}.Quote(rel))}, func(v [][]byte) {
		out = append(out, attribute{string(v[0]), string(v[1])})
	})
	return out, err
}

// refillTable gives a table the columns, rows and comments of the one that was staged for it. The
// two must have the same indexes and constraints: those of the table stay.
func (p *performer) refillTable(ctx context.Context, final, staged addr.Relation) error {
	var d Dialect
	old, err := p.attributes(ctx, final)
	if err != nil {
		return err
	}
	now, err := p.attributes(ctx, staged)
	if err != nil {
		return err
	}
	had, err := p.form(ctx, final)
	if err != nil {
		return err
	}
	form, err := p.form(ctx, staged)
	if err != nil {
		return err
	}
	if had != form {
		return fmt.Errorf("fill %s from %s: their indexes, constraints or storage differ", final, staged)
	}
	was, err := p.nullable(ctx, final)
	if err != nil {
		return err
	}
	may, err := p.nullable(ctx, staged)
	if err != nil {
		return err
	}
	todo := []string{quiet(final), "truncate table " + d.Quote(final)}
	for _, c := range old {
		if !slices.Contains(now, c) {
			todo = append(todo, "alter table "+d.Quote(final)+" drop column "+d.Ident(c.name))
		}
	}
	var list []string
	for _, c := range now {
		if !slices.Contains(old, c) {
			todo = append(todo, "alter table "+d.Quote(final)+" add column "+d.Ident(c.name)+" "+c.typ)
		}
		if had := slices.Contains(old, c) && !was[c.name]; had == may[c.name] {
			word := "set"
			if may[c.name] {
				word = "drop"
			}
			todo = append(todo, "alter table "+d.Quote(final)+" alter column "+d.Ident(c.name)+" "+word+" not null")
		}
		list = append(list, d.Ident(c.name))
	}
	columns := strings.Join(list, ", ")
	todo = append(todo, "insert into "+d.Quote(final)+" ("+columns+") select "+columns+" from "+d.Quote(staged))
	err = p.ask(ctx, "select pg_catalog.quote_literal(x) from pg_catalog.obj_description(to_regclass($1), 'pg_class') as x where x is not null", [][]byte{[]byte(d.Quote(staged))}, func(v [][]byte) {
		todo = append(todo, "comment on table "+d.Quote(final)+" is "+string(v[0]))
	})
	if err != nil {
		return err
	}
	for _, c := range now {
		text := "null"
		err := p.ask(ctx, "select pg_catalog.quote_literal(pg_catalog.col_description(a.attrelid, a.attnum)) from pg_catalog.pg_attribute as a where a.attrelid = to_regclass($1) and a.attname = $2 and pg_catalog.col_description(a.attrelid, a.attnum) is not null",
			[][]byte{[]byte(d.Quote(staged)), []byte(c.name)}, func(v [][]byte) { text = string(v[0]) })
		if err != nil {
			return err
		}
		if text != "null" {
			todo = append(todo, "comment on column "+d.Quote(final)+"."+d.Ident(c.name)+" is "+text)
		}
	}
	if err := p.texts(ctx, todo); err != nil {
		return err
	}
	if had, err = p.form(ctx, final); err != nil {
		return err
	}
	if had != form {
		return fmt.Errorf("fill %s from %s: an index or a constraint went with a column", final, staged)
	}
	return p.exec(ctx, "drop table "+d.Quote(staged))
}

// heldQuery lists, of relations ($1, OIDs), those that a release has made for a customer.
const heldQuery = `select c.oid from pg_catalog.pg_class as c join pg_catalog.pg_description as d on d.objoid = c.relnamespace and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0
where c.oid = any($1::oid[]) and starts_with(d.description, $2)`

// refilled gives a table that is to be replaced the rows of the new one, where views of customers
// read it and something hangs on these that cannot follow: a customer does not decide whether the
// warehouse is built. It reports whether that was so.
func (p *performer) refilled(ctx context.Context, o warehouse.Swap) (bool, error) {
	if o.Old != warehouse.Table || o.NewKind != warehouse.Table {
		return false, nil
	}
	found, err := p.dependents(ctx, []addr.Relation{o.Target})
	if err != nil {
		return false, err
	}
	var oids, owners []string
	fixed := false
	for _, f := range found {
		switch {
		case f.Blocks && f.Depth == 0:
			return false, nil
		case f.Blocks:
			fixed = true
		default:
			oids, owners = append(oids, f.oid), append(owners, f.Owner)
		}
	}
	if len(oids) == 0 {
		return false, nil
	}
	held, err := p.customers(ctx, found)
	if err != nil || len(held) == 0 {
		return false, err
	}
	err = p.ask(ctx, "select exists (select from unnest($1::text[]) as x where not pg_catalog.pg_has_role(x, 'usage'))", [][]byte{textArray(owners)}, func(v [][]byte) { fixed = fixed || string(v[0]) == "t" })
	if err != nil || !fixed {
		return false, err
	}
	var d Dialect
	if err := p.exec(ctx, "lock table "+d.Quote(o.Target)+" in access exclusive mode"); err != nil {
		return false, err
	}
	// What came while the lock was waited for is seen only now.
	if found, err = p.dependents(ctx, []addr.Relation{o.Target}); err != nil {
		return false, err
	}
	if slices.ContainsFunc(found, func(f dependent) bool { return f.Blocks && f.Depth == 0 }) {
		return false, nil
	}
	return p.tried(ctx, func() error {
		if !o.Keep.IsZero() {
			// The table keeps its identity, so that a copy is what is kept of it.
			if err := p.copyWhole(ctx, warehouse.CloneTable{From: o.Target, To: o.Keep, Whole: true}); err != nil {
				return err
			}
		}
		return p.refillTable(ctx, o.Target, o.New)
	})
}

// aside leaves a relation without rows under another name, to nobody but its owner.
func (r *release) aside(ctx context.Context, do *performer, o warehouse.Relation) error {
	var d Dialect
	oid := ""
	if err := do.ask(ctx, "select to_regclass($1)::oid", [][]byte{[]byte(d.Quote(o.Name))}, func(v [][]byte) { oid = string(v[0]) }); err != nil {
		return err
	}
	left := addr.Relation{Schema: o.Name.Schema, Name: asideMark + oid}
	var todo []string
	if o.Kind == warehouse.Table {
		todo = append(todo, quiet(o.Name), "truncate table "+d.Quote(o.Name))
		// The names of its indexes are for those of the table that takes its place.
		indexes, err := do.indexesOf(ctx, o.Name)
		if err != nil {
			return err
		}
		for n, i := range indexes {
			todo = append(todo, fmt.Sprintf("alter index %s rename to %s", d.Quote(addr.Relation{Schema: o.Name.Schema, Name: i.name}), d.Ident(fmt.Sprintf("%s_%d", left.Name, n))))
		}
	}
	todo = append(todo, "alter "+kindWord(o.Kind)+" "+d.Quote(o.Name)+" rename to "+d.Ident(left.Name))
	if o.Kind == warehouse.View {
		columns, err := do.attributes(ctx, o.Name)
		if err != nil {
			return err
		}
		list := make([]string, len(columns))
		for i, c := range columns {
			list[i] = "null::" + c.typ + " as " + d.Ident(c.name)
		}
		todo = append(todo, "create or replace view "+d.Quote(left)+" as select "+strings.Join(list, ", ")+" where false")
	}
	todo = append(todo, "comment on "+kindWord(o.Kind)+" "+d.Quote(left)+" is "+d.Literal("was "+o.Name.String()+"; something that hangs on it could not follow to what took its place"))
	if err := do.texts(ctx, todo); err != nil {
		return err
	}
	r.left = append(r.left, fmt.Sprintf("%s hangs on what %s was until now, which is %s and has no rows any more", strings.Join(r.hanging[o.Name], ", "), o.Name, left))
	return r.strip(ctx, do, []string{d.Quote(left)})
}

var errInUse = errors.New("it is in use")

// sweep drops relations that were set aside before, if nothing hangs on them any more.
func (r *release) sweep(ctx context.Context, do *performer, strangers []warehouse.Relation) error {
	for _, s := range strangers {
		if strings.HasPrefix(s.Name.Name, asideMark) && (s.Kind == warehouse.Table || s.Kind == warehouse.View) {
			if _, err := do.tried(ctx, func() error {
				err := do.exec(ctx, "drop "+kindWord(s.Kind)+" "+Dialect{}.Quote(s.Name))
				if Classify(err) == TimedOut {
					return errInUse // somebody reads it, which must not hold up the release
				}
				return err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// remakeView makes a view of the customer's. One that is stuck keeps its identity, if its columns
// allow that.
func (r *release) remakeView(ctx context.Context, do *performer, m move, v warehouse.SliceView) error {
	if name := bareName(v.Name); m.stuck[name] != dropped {
		i := slices.IndexFunc(m.replaced, func(o warehouse.Relation) bool { return o.Name == name })
		if m.replaced[i].Kind == warehouse.View {
			done, err := do.tried(ctx, func() error { return do.exec(ctx, createBarrier(v, true)) })
			if done || err != nil {
				return err
			}
			if err := r.aside(ctx, do, m.replaced[i]); err != nil {
				return err
			}
		}
	}
	return do.exec(ctx, createBarrier(v, false))
}
