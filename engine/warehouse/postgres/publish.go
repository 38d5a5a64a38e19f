package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// quickWait is how long a quick try waits for one lock, quickTries how many there are, and
	// quickPause bounds the pause after each, which differs so that tries and queries do not
	// keep step.
	quickWait  = 5 * time.Millisecond
	quickTries = 150
	quickPause = 20 * time.Millisecond
)

// Lock takes ACCESS EXCLUSIVE locks. A reader that waits for one of two relations while it
// holds the other, which we wait for, would be ended by the server after deadlock_timeout,
// one second unless it is set: so it is we who give up before that.
//
// Queries that follow each other without a pause, and name relations in another order than
// ours, would make us give up each time. So first all locks are asked for in one message,
// many times, and let go as soon as one of them is not to be had at once: sooner or later
// that meets a moment between two queries, and nobody has waited. Only where queries are
// longer than that we queue.
func (t *tx) Lock(ctx context.Context, relations []warehouse.Relation, d time.Duration) error {
	if len(relations) == 0 {
		return t.lockTimeout(ctx, d)
	}
	p := performer{session: t.session}
	var dialect Dialect
	locks := make([]string, len(relations))
	for i, r := range relations {
		if locks[i] = "lock table " + dialect.Quote(r.Name) + " in access exclusive mode"; r.Kind != warehouse.Table {
			var err error
			if locks[i], err = p.viewLock(ctx, r.Kind, r.Name); err != nil {
				return err
			}
		}
	}
	all := strings.Join(locks, ";\n")
	for range quickTries {
		err := t.tryLocks(ctx, p, all)
		if err == nil {
			return t.lockTimeout(ctx, d)
		}
		if Classify(err) != Conflict || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond + rand.N(quickPause)):
		}
	}
	end := time.Now().Add(d)
	for _, lock := range locks {
		if err := t.lockTimeout(ctx, time.Until(end)); err != nil {
			return err
		}
		if err := p.exec(ctx, lock); err != nil {
			return err
		}
	}
	return t.lockTimeout(ctx, d)
}

// tryLocks takes all locks, or leaves the transaction as it was.
func (t *tx) tryLocks(ctx context.Context, p performer, all string) error {
	if err := t.lockTimeout(ctx, quickWait); err != nil {
		return err
	}
	if err := p.exec(ctx, "savepoint engine_locks"); err != nil {
		return err
	}
	_, err := t.session.Exec(ctx, warehouse.Statement{SQL: all, BodyEnd: len(all)})
	if err != nil {
		return errors.Join(err, p.exec(context.WithoutCancel(ctx), "rollback to savepoint engine_locks"))
	}
	return p.exec(ctx, "release savepoint engine_locks")
}

// lockTimeout sets lock_timeout until the end of the transaction.
func (t *tx) lockTimeout(ctx context.Context, d time.Duration) error {
	return t.ask(ctx, "select set_config('lock_timeout', $1, true)", [][]byte{[]byte(strconv.FormatInt(max(d.Milliseconds(), 1), 10))}, func([][]byte) {})
}

// Definition is the query of a view with all schemas spelled out.
func (s session) Definition(ctx context.Context, rel addr.Relation) (string, error) {
	var d Dialect
	was, text := "", ""
	if s.own != nil {
		if err := s.ask(ctx, "select current_setting('search_path')", nil, func(v [][]byte) { was = string(v[0]) }); err != nil {
			return "", err
		}
	}
	const query = `with spelled as materialized (select set_config('search_path', '', true))
select pg_catalog.pg_get_viewdef(c.oid) from spelled, pg_catalog.pg_class as c where c.oid = to_regclass($1) and c.relkind in ('v', 'm')`
	err := s.ask(ctx, query, [][]byte{[]byte(d.Quote(rel))}, func(v [][]byte) { text = string(v[0]) })
	if s.own != nil && err == nil {
		err = s.ask(ctx, "select set_config('search_path', $1, true)", [][]byte{[]byte(was)}, func([][]byte) {})
	}
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", &Error{Kind: Catalog, Message: rel.String() + " is no view", Offset: -1, Err: errors.New("no view")}
	}
	for len(text) > 0 && (text[len(text)-1] == ';' || text[len(text)-1] == '\n') {
		text = text[:len(text)-1]
	}
	return text, nil
}

// copyQuery says how a table ($1) is stored, what of it no copy has, and its columns.
const copyQuery = `select
  case c.relpersistence when 'u' then 'unlogged ' else '' end,
  coalesce((select format(' using %I', m.amname) from pg_catalog.pg_am as m where m.oid = c.relam and m.amname <> current_setting('default_table_access_method')), '')
    || coalesce(' with (' || (select string_agg(split_part(r, '=', 1) || '=' || quote_literal(substr(r, strpos(r, '=') + 1)), ', ') from unnest(c.reloptions) as r) || ')', '')
    || coalesce((select format(' tablespace %I', t.spcname) from pg_catalog.pg_tablespace as t where t.oid = c.reltablespace), ''),
  case when c.relkind <> 'r' then 'it is divided into tables of their own, or stands on another server'
    when exists (select from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attidentity <> '' and not a.attisdropped) then 'it has an identity column'
    when exists (select from pg_catalog.pg_depend as d join pg_catalog.pg_class as q on q.oid = d.objid and q.relkind = 'S' where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid) then 'it owns a sequence'
    else '' end,
  coalesce((select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '')
from pg_catalog.pg_class as c where c.oid = to_regclass($1)`

// referencesQuery writes the foreign keys of a table ($1).
const referencesQuery = `select format('%I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)) from pg_catalog.pg_constraint as k
where k.conrelid = to_regclass($1) and k.contype = 'f' order by k.conname`

// copyWhole copies a table with all that it is made of. Rights, owner and what others built
// on it stay with the original: a Swap hands them on.
func (p *performer) copyWhole(ctx context.Context, o warehouse.CloneTable) error {
	var d Dialect
	from, to := d.Quote(o.From), d.Quote(o.To)
	var word, storage, refused, columns string
	found := false
	err := p.ask(ctx, copyQuery, [][]byte{[]byte(from)}, func(v [][]byte) {
		word, storage, refused, columns, found = string(v[0]), string(v[1]), string(v[2]), string(v[3]), true
	})
	switch {
	case err != nil:
		return err
	case !found:
		return &Error{Kind: Catalog, Message: o.From.String() + " does not exist", Offset: -1, Err: errors.New("no such table")}
	case refused != "":
		return &Error{Kind: Other, Message: fmt.Sprintf("%s cannot be copied as it is: %s; change that, or publish node by node", o.From, refused), Offset: -1, Err: errors.New("not copied")}
	}
	var references []string
	if err := p.ask(ctx, referencesQuery, [][]byte{[]byte(from)}, func(v [][]byte) { references = append(references, string(v[0])) }); err != nil {
		return err
	}
	if err := p.exec(ctx, "create "+word+"table "+to+" (like "+from+" including all)"+storage); err != nil {
		return err
	}
	if columns != "" {
		if err := p.exec(ctx, "insert into "+to+" ("+columns+") select "+columns+" from "+from); err != nil {
			return err
		}
	}
	for _, definition := range references {
		if err := p.exec(ctx, "alter table "+to+" add constraint "+definition); err != nil {
			return err
		}
	}
	return nil
}

// index is an index with what it is besides its name.
type index struct{ name, what string }

// indexesOf lists the indexes of a relation. Those of its constraints are among them; they
// have the constraints' names.
func (p *performer) indexesOf(ctx context.Context, rel addr.Relation) ([]index, error) {
	var d Dialect
	var out []index
	err := p.ask(ctx, `select x.relname, format('%s %s %s %s', i.indisunique, i.indisprimary, i.indisexclusion, substring(pg_catalog.pg_get_indexdef(i.indexrelid) from ' USING .*$'))
from pg_catalog.pg_index as i join pg_catalog.pg_class as x on x.oid = i.indexrelid where i.indrelid = to_regclass($1) order by x.relname`,
		[][]byte{[]byte(d.Quote(rel))}, func(v [][]byte) { out = append(out, index{string(v[0]), string(v[1])}) })
	return out, err
}

// named adds to the statements of a swap what gives indexes their names: a schema has each
// name once, so those of a table that is kept make room, and those of a copy take over.
func (p *performer) named(ctx context.Context, o warehouse.Swap, stmts []warehouse.Statement) ([]warehouse.Statement, error) {
	if o.Keep.IsZero() && !o.Copied {
		return stmts, nil
	}
	had, err := p.indexesOf(ctx, o.Target)
	if err != nil {
		return nil, err
	}
	var d Dialect
	rename := func(from, to string) warehouse.Statement {
		return warehouse.Statement{SQL: "alter index " + d.Quote(addr.Relation{Schema: o.Target.Schema, Name: from}) + " rename to " + d.Ident(to)}
	}
	var out []warehouse.Statement
	if !o.Keep.IsZero() {
		for _, i := range had {
			out = append(out, rename(i.name, fitted(o.Keep.Name+"_"+i.name, i.what)))
		}
	}
	out = append(out, stmts...)
	if !o.Copied {
		return out, nil
	}
	have, err := p.indexesOf(ctx, o.New)
	if err != nil {
		return nil, err
	}
	taken := make([]bool, len(had))
	for _, i := range have {
		for j, old := range had {
			if !taken[j] && old.what == i.what {
				taken[j] = true
				if old.name != i.name {
					out = append(out, rename(i.name, old.name))
				}
				break
			}
		}
	}
	return out, nil
}
