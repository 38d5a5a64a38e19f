package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Versioner = (*conn)(nil)
	_ warehouse.Summer    = Dialect{}
)

// ledger says which of the server's sessions are connections of this pool, and whether
// they may have written something since their counters were last flushed.
type ledger struct {
	mu    sync.Mutex
	wrote map[uint32]bool // by process id at the server
}

// note is called when a connection is opened, and whenever it is taken from the pool.
func (l *ledger) note(pg *pgconn.PgConn, writes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrote[pg.PID()] = l.wrote[pg.PID()] || writes
}

// forget is called before a connection is closed: its process id may come again.
func (l *ledger) forget(c *pgx.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wrote, c.PgConn().PID())
}

// flushed is called with a connection that is at rest and has flushed its counters.
func (l *ledger) flushed(pg *pgconn.PgConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ours := l.wrote[pg.PID()]; ours {
		l.wrote[pg.PID()] = false
	}
}

// readers are the sessions of which nothing is left to flush.
func (l *ledger) readers() []uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []uint32
	for pid, wrote := range l.wrote {
		if !wrote {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

const (
	// countsAll is the first server that keeps its counters in shared memory. Older ones send
	// them to a process of their own by datagrams, which get lost under load.
	countsAll = 15
	// settleTries is how often Versions looks for sessions that may still have counters to
	// flush, settleTime the pause in between: sessions of a client that has just gone end
	// within milliseconds, and the pool's own that are being opened are known soon.
	settleTries = 6
	settleTime  = 40 * time.Millisecond
)

// settledQuery asks about the server, and for the roles whose sessions may have committed
// changes that are not counted yet. A session flushes its counters when a transaction has
// ended, at the earliest a second after the last time, otherwise after ten seconds at rest
// or when it ends (PGSTAT_MIN_INTERVAL and PGSTAT_IDLE_INTERVAL in pgstat.c). Thus those count that
// are not at rest for eleven seconds, and those of which this role may not see it. Processes
// without a role (autovacuum) change no rows.
const settledQuery = `select
  pg_catalog.current_setting('track_counts') = 'on' and not exists (
    select from pg_catalog.pg_db_role_setting as s, unnest(s.setconfig) as c(setting) where c.setting like 'track_counts=%'),
  pg_catalog.pg_is_in_recovery(),
  pg_catalog.version() ~ '(-YB-|Greenplum|CockroachDB)',
  coalesce((select string_agg(e.extname, ', ' order by e.extname) from pg_catalog.pg_extension as e where e.extname in ('citus', 'timescaledb')), ''),
  coalesce((select array_agg(a.usesysid order by a.usesysid) from (
    select distinct a.usesysid from pg_catalog.pg_stat_activity as a
    where a.datid = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
      and a.usesysid is not null and a.pid <> pg_catalog.pg_backend_pid() and a.pid <> all ($1::int[])
      and (a.state is distinct from 'idle' or a.state_change is null or a.state_change > pg_catalog.clock_timestamp() - interval '11 seconds')
  ) as a)::text, '{}')`

// versionsQuery reads, for each relation asked for, why it has no version, if so, and what
// makes its version up, both over all its partitions and inheriting tables. A role may
// write with rights of its own, by those of a role that it belongs to, or as the owner.
const versionsQuery = `with recursive wanted as (
  select n.nspname, c.relname, c.oid from unnest($1::text[], $2::text[]) as w(nsp, rel)
  join pg_catalog.pg_namespace as n on n.nspname = w.nsp
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.rel and c.relkind in ('r', 'p', 'f', 'v', 'm')
), tree(root, oid) as (
  select w.oid, w.oid from wanted as w
  union
  select t.root, i.inhrelid from tree as t join pg_catalog.pg_inherits as i on i.inhparent = t.oid
), parts as (
  select t.root, c.oid, case
      when c.relkind = 'v' then 'it is a view'
      when c.relkind = 'f' then case when c.oid = t.root then 'it is a foreign table' else 'a part of it is a foreign table' end
      when c.relkind not in ('r', 'p', 'm') then 'it is no table'
      when c.oid < 16384 then 'it belongs to the system'
      when c.relpersistence = 't' then 'it is temporary'
      when c.relkind <> 'p' and m.amname is distinct from 'heap' then 'its rows are kept by an access method other than heap'
      when pg_catalog.row_security_active(c.oid) then 'row security decides which of its rows are seen'
      when exists (select from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attgenerated not in ('', 's')) then 'it has columns that are computed when it is read'
      when w.rolname is not null then 'a session of role ' || w.rolname || ', which may write it, was at work within the last 11 seconds, or this role may not see when it was'
    end as unknown,
    pg_catalog.concat_ws(' ', c.oid, c.relfilenode, c.relkind,
      pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid),
      (select pg_catalog.md5(string_agg(pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.atttypmod, a.attcollation, pg_catalog.quote_ident(a.attname)), ',' order by a.attnum))
        from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)) as part
  from tree as t join pg_catalog.pg_class as c on c.oid = t.oid left join pg_catalog.pg_am as m on m.oid = c.relam
  left join lateral (
    select r.rolname from pg_catalog.pg_roles as r where r.oid = any ($3::oid[])
      and (pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') or pg_catalog.has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE')
        or pg_catalog.pg_has_role(r.oid, c.relowner, 'MEMBER'))
    order by r.rolname limit 1
  ) as w on true
)
select w.nspname, w.relname, coalesce(min(p.unknown), ''), string_agg(p.part, ';' order by p.oid),
  pg_catalog.concat_ws(' ', extract(epoch from pg_catalog.pg_postmaster_start_time()), extract(epoch from pg_catalog.pg_conf_load_time()),
    extract(epoch from pg_catalog.pg_stat_get_bgwriter_stat_reset_time()),
    extract(epoch from pg_catalog.pg_stat_get_db_stat_reset_time((select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()))))
from wanted as w join parts as p on p.root = w.oid
group by w.oid, w.nspname, w.relname`

// Versions reads the counters of rows inserted, updated and deleted (pg_stat_all_tables), of
// tables, materialized views and all partitions, with what shows changes that are not
// counted: the oid (dropped and made again), the file (TRUNCATE, rewritten), the columns.
// Two calls, whatever the number of relations; no row is read and no lock is waited for.
//
// Why it misses nothing. Every change of a row of a heap is counted, also by COPY, a
// cascade, a trigger or an apply worker, and a rolled back one, which does no harm. Counters
// are lost by a crash, which starts all statistics anew (then the time since when the
// background writer's count is new), and by pg_stat_reset and its like (then the
// database's is). A standby counts nothing of what it replays; whoever becomes the primary, or is it
// again, was started since. So was a server that is the copy of another one.
//
// Counters follow a commit by up to ten seconds, or by a transaction that the session
// has begun since. As long as a session of a role that may write a table can have such
// counters, the table is unknown; one's own sessions are made to flush theirs. For that, roles
// without pg_read_all_stats cannot see enough of sessions of others, so that these count
// whenever they are connected. What a session writes by rights of others (a function with the
// rights of its owner, a cascade) is seen one build late in those seconds at worst, as long
// as the build before fell between two of its commits within one second: the counters come
// later, and nothing is lost.
//
// Unknown are views, foreign tables, tables with row security, of other access methods than
// heap, with virtual columns, and all of them on servers before 15, standbys, where track_counts
// is off for anyone, and beside extensions that keep rows elsewhere. A superuser
// who turns track_counts off for the time of a change hides it.
func (c *conn) Versions(ctx context.Context, relations []addr.Relation) (map[addr.Relation]warehouse.Version, error) {
	wanted := c.here(relations)
	if len(wanted) == 0 {
		return nil, nil
	}
	why, roles, err := c.settled(ctx)
	if err != nil {
		return nil, err
	}
	var schemas, names []string
	asked := map[addr.Relation][]addr.Relation{}
	for _, r := range wanted {
		schemas, names = append(schemas, r.Schema), append(names, r.Name)
		key := addr.Relation{Schema: r.Schema, Name: r.Name}
		asked[key] = append(asked[key], r)
	}
	out := map[addr.Relation]warehouse.Version{}
	err = c.ask(ctx, versionsQuery, [][]byte{textArray(schemas), textArray(names), []byte(roles)}, func(v [][]byte) {
		var version warehouse.Version
		switch {
		case why != "":
			version.Unknown = why
		case len(v[2]) > 0:
			version.Unknown = string(v[2])
		default:
			sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", v[4], v[3]))
			version.Token = "counters " + hex.EncodeToString(sum[:12])
		}
		for _, r := range asked[addr.Relation{Schema: string(v[0]), Name: string(v[1])}] {
			out[r] = version
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// settled says why no table has a version, if so, and which roles may have changes that are
// not counted yet, as an array of oids.
func (c *conn) settled(ctx context.Context) (why, roles string, err error) {
	for try := 1; ; try++ {
		old, err := c.flush(ctx)
		switch {
		case err != nil:
			return "", "", err
		case old != "":
			return "the server is PostgreSQL " + old + ", which counts changes reliably from 15 on only", "{}", nil
		}
		pids := make([]string, 0)
		for _, pid := range c.ledger.readers() {
			pids = append(pids, strconv.FormatUint(uint64(pid), 10))
		}
		why, roles = "", "{}"
		err = c.ask(ctx, settledQuery, [][]byte{[]byte("{" + strings.Join(pids, ",") + "}")}, func(v [][]byte) {
			yes := func(i int) bool { return string(v[i]) == "t" }
			switch {
			case !yes(0):
				why = "track_counts is off"
			case yes(1):
				why = "the server is a standby"
			case yes(2):
				why = "the server is no PostgreSQL"
			case len(v[3]) > 0:
				why = "the database has the extension " + string(v[3]) + ", which keeps rows elsewhere"
			}
			roles = string(v[4])
		})
		if err != nil || why != "" || roles == "{}" || try == settleTries {
			return why, roles, err
		}
		if err := pause(ctx, settleTime); err != nil {
			return "", "", err
		}
	}
}

// flush makes the idle connections of the pool that wrote something flush their counters.
// Old is the server's version if it is older than countsAll.
func (c *conn) flush(ctx context.Context) (old string, err error) {
	one, err := c.acquireFor(ctx, false)
	if err != nil {
		return "", err
	}
	shown := one.Conn().PgConn().ParameterStatus("server_version")
	one.Release()
	major, _, _ := strings.Cut(shown, ".")
	if n, err := strconv.Atoi(strings.TrimFunc(major, func(r rune) bool { return r < '0' || r > '9' })); err == nil && n < countsAll {
		return shown, nil
	}
	idle := c.pool.AcquireAllIdle(ctx)
	var wait sync.WaitGroup
	for _, one := range idle {
		wait.Go(func() {
			defer one.Release()
			pg := one.Conn().PgConn()
			if !c.ledger.mayHave(pg) {
				return
			}
			// At the end of the statement's transaction, before the answer is complete.
			if _, err := pg.Exec(ctx, "select pg_catalog.pg_stat_force_next_flush()").ReadAll(); err == nil {
				c.ledger.flushed(pg)
			}
		})
	}
	wait.Wait()
	return "", ctx.Err()
}

// mayHave reports whether a connection may have counters to flush.
func (l *ledger) mayHave(pg *pgconn.PgConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wrote[pg.PID()]
}

// Checksum adds up two 64-bit hashes, from different seeds, of the binary form of each
// row, beside the number of rows. The binary form has the type of each value and marks NULL; it
// tells -0 from 0 and 1.50 from 1.5, and does not depend on a session's settings. The server's
// version is part of the text, as its hashes may change.
func (d Dialect) Checksum(rel addr.Relation, columns []warehouse.Column) (string, bool) {
	if len(columns) == 0 {
		return "", false
	}
	shape := sha256.New()
	cells := make([]string, len(columns))
	for i, c := range columns {
		if !sendable(c.Type) {
			return "", false
		}
		cells[i] = "engine_of." + d.Ident(c.Name)
		fmt.Fprintf(shape, "%d %s %d %s ", len(c.Name), c.Name, len(c.Type), c.Type)
	}
	hash := func(seed int) string {
		return fmt.Sprintf("coalesce(sum(pg_catalog.hashtextextended(engine_row, %d)), 0)", seed)
	}
	// Without OFFSET the text would be made once for each hash.
	return "select 'postgres ' || pg_catalog.current_setting('server_version_num') || ' " + hex.EncodeToString(shape.Sum(nil)[:12]) +
		" ' || count(*) || ' ' || " + hash(0) + " || ' ' || " + hash(1) +
		" from (select pg_catalog.encode(pg_catalog.record_send(row(" + strings.Join(cells, ", ") + ")), 'hex') collate pg_catalog.\"C\" as engine_row from " +
		d.Quote(rel) + " as engine_of offset 0) as engine_rows", true
}

// exactTypes are the types whose binary form is their value, as format_type writes them
// without a length. Types of others and of extensions may have none.
var exactTypes = map[string]bool{
	"bigint": true, "bit": true, "bit varying": true, "boolean": true, "box": true, "bytea": true, "character": true, "character varying": true, "cidr": true,
	"circle": true, "date": true, "double precision": true, "inet": true, "integer": true, "interval": true, "json": true, "jsonb": true, "line": true,
	"lseg": true, "macaddr": true, "macaddr8": true, "money": true, "name": true, "numeric": true, "oid": true, "path": true, "point": true, "polygon": true,
	"real": true, "smallint": true, "text": true, "time with time zone": true, "time without time zone": true, "timestamp with time zone": true,
	"timestamp without time zone": true, "uuid": true, "xml": true, `"char"`: true,
	"int4range": true, "int8range": true, "numrange": true, "daterange": true, "tsrange": true, "tstzrange": true,
}

// sendable reports whether a type, or that of an array's elements, is one of exactTypes.
func sendable(typ string) bool {
	typ = strings.TrimSuffix(typ, "[]")
	if open := strings.IndexByte(typ, '('); open >= 0 {
		if end := strings.IndexByte(typ, ')'); end > open {
			typ = strings.TrimSpace(typ[:open]) + typ[end+1:]
		}
	}
	return exactTypes[typ]
}
