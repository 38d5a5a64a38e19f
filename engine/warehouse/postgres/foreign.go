package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Attacher = (*tx)(nil)

// Attach makes foreign tables of postgres_fdw:
// https://www.postgresql.org/docs/current/postgres-fdw.html
func (t *tx) Attach(ctx context.Context, a warehouse.Attachment) error {
	o, err := readOptions(a.Remote)
	if err != nil {
		return err
	}
	server, err := o.foreignServer(a.FetchRows)
	if err != nil {
		return err
	}
	p := performer{session: t.session, rows: -1}
	if err := p.ownServer(ctx, a.Server); err != nil {
		return err
	}
	for _, rel := range a.Replaces {
		if err := p.ownTable(ctx, a.Server, rel); err != nil {
			return err
		}
	}
	if err := p.extension(ctx); err != nil {
		return err
	}
	if err := p.server(ctx, a.Server, server); err != nil {
		return err
	}
	if err := p.mapping(ctx, a.Server, o.settings["user"], o.settings["password"]); err != nil {
		return err
	}
	var d Dialect
	for _, table := range a.Tables {
		columns := make([]string, len(table.Columns))
		for i, c := range table.Columns {
			typ, err := p.portable(ctx, c.Type)
			if err != nil {
				return err
			}
			columns[i] = d.Ident(c.Name) + " " + typ + " options (column_name " + d.Literal(c.Name) + ")"
		}
		err := p.exec(ctx, fmt.Sprintf("create foreign table %s (%s) server %s options (schema_name %s, table_name %s)",
			d.Quote(table.Name), strings.Join(columns, ", "), d.Ident(a.Server), d.Literal(table.Schema), d.Literal(table.Table)))
		if err != nil {
			return fmt.Errorf("attach %s.%s: %w", table.Schema, table.Table, err)
		}
	}
	return nil
}

// portable is the type itself if it is one of the server's own, and otherwise text. Names of
// objects are texts, too: they mean something in their own database only.
func (p *performer) portable(ctx context.Context, typ string) (string, error) {
	own := false
	err := p.ask(ctx, "select 1 from pg_catalog.pg_type as t where t.oid = pg_catalog.to_regtype($1) and t.typnamespace = 'pg_catalog'::regnamespace and t.typname !~ '^_?reg'", [][]byte{[]byte(typ)}, func([][]byte) { own = true })
	if err != nil || !own {
		return "text", err
	}
	return typ, nil
}

// foreignServer are the options of a server of postgres_fdw. What the connection says of
// files and roles is not for the server of another machine, and refused where it would be
// lost silently.
func (o options) foreignServer(rows int) (map[string]string, error) {
	out := map[string]string{"fetch_size": strconv.Itoa(rows)}
	for _, k := range []string{"host", "port", "dbname", "sslmode", "connect_timeout"} {
		out[k] = o.settings[k]
	}
	for _, k := range []string{"passfile", "sslcert", "sslkey"} {
		if o.settings[k] != "" {
			return nil, &warehouse.OpenError{Reason: k + " is a file of this machine, and foreign tables are read by the server", Help: "give the role a password, or copy the tables: ingest: {kind: copy}"}
		}
	}
	if v := o.settings["sslrootcert"]; v != "" && v != "system" {
		return nil, &warehouse.OpenError{Reason: "sslrootcert is a file of this machine, and foreign tables are read by the server", Help: `write sslrootcert: system, or copy the tables: ingest: {kind: copy}`}
	} else if v != "" {
		out["sslrootcert"] = v
	}
	var start []string
	for _, set := range o.session {
		name, value, ok := strings.Cut(strings.TrimPrefix(set, "set "), " = ")
		if role, is := strings.CutPrefix(set, "set role "); is {
			name, value, ok = "role", role, true
		}
		if !ok || name == "search_path" { // postgres_fdw names schemas, and sets its own
			continue
		}
		if unquoted := strings.Trim(value, `'"`); unquoted != "" && !strings.ContainsAny(unquoted, `'"`) {
			start = append(start, "-c "+name+"="+strings.NewReplacer(`\`, `\\`, " ", `\ `).Replace(unquoted))
			continue
		}
		return nil, &warehouse.OpenError{Reason: name + " of the connection cannot be handed on to a foreign server", Help: "use a plainer name"}
	}
	if len(start) > 0 {
		out["options"] = strings.Join(start, " ")
	}
	return out, nil
}

// extension makes sure that postgres_fdw is there.
func (p *performer) extension(ctx context.Context) error {
	found := false
	if err := p.ask(ctx, "select 1 from pg_catalog.pg_foreign_data_wrapper where fdwname = 'postgres_fdw'", nil, func([][]byte) { found = true }); err != nil || found {
		return err
	}
	if err := p.exec(ctx, "create extension postgres_fdw"); err != nil {
		return &warehouse.OpenError{Reason: "the target has no postgres_fdw: " + warehouse.Explain(Dialect{}, err).Message, Help: "have a superuser run CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO the role of the target. On Debian it is in the package of the server itself", Err: err}
	}
	return nil
}

// serverComment is on every foreign server that was made here: by it they are known, since
// anybody may have made one of that name.
const serverComment = "made by engine ingest"

// ownServer refuses a foreign server that was not made here.
func (p *performer) ownServer(ctx context.Context, name string) error {
	own := true
	err := p.ask(ctx, "select coalesce(pg_catalog.obj_description(s.oid, 'pg_foreign_server') = $2, false) and w.fdwname = 'postgres_fdw' from pg_catalog.pg_foreign_server as s join pg_catalog.pg_foreign_data_wrapper as w on w.oid = s.srvfdw where s.srvname = $1",
		[][]byte{[]byte(name), []byte(serverComment)}, func(v [][]byte) { own = string(v[0]) == "t" })
	if err != nil || own {
		return err
	}
	var d Dialect
	return &warehouse.NotOwnError{Object: "foreign server " + d.Ident(name), Help: "rename it; if it is engine ingest's after all, and somebody has changed its comment: comment on server " + d.Ident(name) + " is " + d.Literal(serverComment)}
}

// ownTable refuses a relation that is not a foreign table of the server.
func (p *performer) ownTable(ctx context.Context, server string, rel addr.Relation) error {
	own, kind := true, "relation"
	err := p.ask(ctx, `select case c.relkind when 'f' then 'foreign table' when 'v' then 'view' when 'm' then 'materialized view' when 'r' then 'table' when 'p' then 'table' else 'relation' end, coalesce(s.srvname = $3, false)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace left join pg_catalog.pg_foreign_table as f on f.ftrelid = c.oid left join pg_catalog.pg_foreign_server as s on s.oid = f.ftserver
where n.nspname = $1 and c.relname = $2`, [][]byte{[]byte(rel.Schema), []byte(rel.Name), []byte(server)}, func(v [][]byte) { kind, own = string(v[0]), string(v[1]) == "t" })
	if err != nil || own {
		return err
	}
	return &warehouse.NotOwnError{Object: kind + " " + rel.String(), Help: `drop or rename it if nobody needs it, or give the source another schema with "schema"`}
}

// server makes a foreign server, or gives one that is there these options and no others.
func (p *performer) server(ctx context.Context, name string, options map[string]string) error {
	var d Dialect
	var had []string
	found := false
	err := p.ask(ctx, "select o.option_name from pg_catalog.pg_foreign_server as s left join lateral pg_catalog.pg_options_to_table(s.srvoptions) as o on true where s.srvname = $1", [][]byte{[]byte(name)}, func(v [][]byte) {
		found = true
		if v[0] != nil {
			had = append(had, string(v[0]))
		}
	})
	if err != nil {
		return err
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(options)) {
		word := ""
		if slices.Contains(had, k) {
			word = "set "
		} else if found {
			word = "add "
		}
		list = append(list, word+k+" "+d.Literal(options[k]))
	}
	for _, k := range had {
		if _, keep := options[k]; !keep {
			list = append(list, "drop "+d.Ident(k))
		}
	}
	verb := "create server " + d.Ident(name) + " foreign data wrapper postgres_fdw"
	if found {
		verb = "alter server " + d.Ident(name)
	}
	if err := p.exec(ctx, verb+" options ("+strings.Join(list, ", ")+")"); err != nil {
		return fmt.Errorf("make the foreign server %s: %w", name, err)
	}
	if found {
		return nil
	}
	return p.exec(ctx, "comment on server "+d.Ident(name)+" is "+d.Literal(serverComment))
}

// mappingSQL makes the user mapping of a server out of settings of the transaction, so that
// no text of a statement holds the password, and none of an error.
const mappingSQL = `do $engine$
begin
  execute pg_catalog.format('drop user mapping if exists for current_user server %I', pg_catalog.current_setting('engine_foreign.server'));
  execute pg_catalog.format('create user mapping for current_user server %I options (user %L%s)', pg_catalog.current_setting('engine_foreign.server'), pg_catalog.current_setting('engine_foreign.user'),
    case when pg_catalog.current_setting('engine_foreign.password') <> '' then pg_catalog.format(', password %L', pg_catalog.current_setting('engine_foreign.password')) else '' end);
exception when others then
  raise exception using errcode = sqlstate, message = sqlerrm;
end
$engine$`

// quietSQL keeps statements and their parameters out of the server's log for the rest of the
// transaction, where the role may say so.
const quietSQL = `select pg_catalog.set_config(s.name, s.value, true) from (values ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'), ('log_min_error_statement', 'panic'), ('log_transaction_sample_rate', '0')) as s(name, value)
where pg_catalog.current_setting('is_superuser') = 'on'`

// mapping says who reads the server for the role of the target.
func (p *performer) mapping(ctx context.Context, server, user, password string) error {
	if err := p.ask(ctx, quietSQL, nil, func([][]byte) {}); err != nil {
		return err
	}
	set := `select pg_catalog.set_config('engine_foreign.server', $1, true), pg_catalog.set_config('engine_foreign.user', $2, true), pg_catalog.set_config('engine_foreign.password', $3, true)`
	if err := p.ask(ctx, set, [][]byte{[]byte(server), []byte(user), []byte(password)}, func([][]byte) {}); err != nil {
		return err
	}
	if err := p.exec(ctx, mappingSQL); err != nil {
		return fmt.Errorf("make the user mapping of foreign server %s: %w", server, err)
	}
	return p.ask(ctx, `select pg_catalog.set_config('engine_foreign.password', '', true)`, nil, func([][]byte) {})
}

// Detach drops foreign tables, and the server when nothing is left of it.
func (t *tx) Detach(ctx context.Context, server string, tables []addr.Relation) error {
	p := performer{session: t.session, rows: -1}
	var d Dialect
	for _, rel := range tables {
		if err := p.ownTable(ctx, server, rel); err != nil {
			return err
		}
		if err := p.exec(ctx, "drop foreign table if exists "+d.Quote(rel)+" restrict"); err != nil {
			return err
		}
	}
	there, left := false, false
	err := p.ask(ctx, "select exists (select from pg_catalog.pg_foreign_table as f where f.ftserver = s.oid) from pg_catalog.pg_foreign_server as s where s.srvname = $1", [][]byte{[]byte(server)}, func(v [][]byte) {
		there, left = true, string(v[0]) == "t"
	})
	if err != nil || !there || left {
		return err
	}
	if err := p.ownServer(ctx, server); err != nil {
		return err
	}
	if err := p.exec(ctx, "drop user mapping if exists for current_user server "+d.Ident(server)); err != nil {
		return err
	}
	return p.exec(ctx, "drop server "+d.Ident(server)+" restrict")
}
