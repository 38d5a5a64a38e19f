package postgres

import (
	"context"
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
// of others that can. left are dependents of which it came out before that they cannot. A policy of
// somebody else's must not be on a table with new rows.
func (r *release) stuck(ctx context.Context, do *performer, replaced []warehouse.Relation, left map[string]bool) (views []dependent, stuck map[addr.Relation]fate, err error) {
	stuck = map[addr.Relation]fate{}
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
			was := stuck[f.Of]
			if stuck[f.Of] = max(was, refilled); strings.HasPrefix(f.What, "policy ") {
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
			if inPlace[o.Name], err = do.tried(ctx, func() error { return r.refillTable(ctx, do, o.Name) }); err != nil {
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
		return false, p.texts(ctx, []string{"rollback to savepoint engine_try", "release savepoint engine_try"})
	}
	return true, p.exec(ctx, "release savepoint engine_try")
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

// refillTable gives a table the columns and rows of the one that was staged for it.
func (r *release) refillTable(ctx context.Context, do *performer, final addr.Relation) error {
	var d Dialect
	staged := r.Staged(final)
	old, err := do.attributes(ctx, final)
	if err != nil {
		return err
	}
	now, err := do.attributes(ctx, staged)
	if err != nil {
		return err
	}
	todo := []string{"truncate table " + d.Quote(final)}
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
		list = append(list, d.Ident(c.name))
	}
	columns := strings.Join(list, ", ")
	todo = append(todo, "insert into "+d.Quote(final)+" ("+columns+") select "+columns+" from "+d.Quote(staged), "drop table "+d.Quote(staged))
	return do.texts(ctx, todo)
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
		todo = append(todo, "truncate table "+d.Quote(o.Name))
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
	return r.strip(ctx, do, []string{d.Quote(left)})
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
