package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/engine-build/engine/engine/warehouse"
)

// Driver opens databases of PostgreSQL servers.
type Driver struct{}

// Name is «postgres».
func (Driver) Name() string { return "postgres" }

// Dialect of PostgreSQL.
func (Driver) Dialect() warehouse.Dialect { return Dialect{} }

// Analyzer is not there: only a server binds PostgreSQL's own SQL.
func (Driver) Analyzer(context.Context) (warehouse.Analyzer, error) {
	return nil, warehouse.ErrUnsupported
}

// Reserved are the schemas of the server itself.
func (Driver) Reserved(warehouse.Config) map[string]string {
	const reason = "PostgreSQL keeps its own catalog there"
	return map[string]string{"pg_catalog": reason, "information_schema": reason, "pg_toast": reason}
}

const (
	defaultPort        = "5432"
	defaultTimeout     = "10"
	defaultConnections = 64
	defaultApplication = "engine"
)

// Fields are the keys of a target with type postgres. Nothing is taken from the environment
// but by ${NAME} in engine.yml.
func (Driver) Fields() []warehouse.Field {
	return []warehouse.Field{
		{Name: "url", Help: "postgres://user:password@host:port/dbname?sslmode=require, instead of the single keys; a key that is set as well wins", Secret: true},
		{Name: "host", Help: "name or address of the server, or the directory of its socket; several, separated by commas, are tried in order", Default: "localhost"},
		{Name: "port", Help: "port of the server", Default: defaultPort},
		{Name: "user", Help: "role to log in as", Default: "the user of the operating system"},
		{Name: "password", Help: "password of the role; better ${NAME} than the word itself", Secret: true},
		{Name: "passfile", Help: "file of passwords in the form of .pgpass, relative to the project directory"},
		{Name: "dbname", Help: "database to connect to", Default: "the name of the user"},
		{Name: "sslmode", Help: "disable, allow, prefer, require, verify-ca or verify-full", Default: "prefer"},
		{Name: "sslrootcert", Help: "file with the certificates of authorities to believe, relative to the project directory"},
		{Name: "sslcert", Help: "file with the client's certificate, relative to the project directory"},
		{Name: "sslkey", Help: "file with the client's private key, relative to the project directory"},
		{Name: "connect_timeout", Help: "seconds to wait for a connection", Default: defaultTimeout},
		{Name: "statement_timeout", Help: "longest time of one statement: milliseconds, or with a unit as in 5min", Default: "the server's"},
		{Name: "lock_timeout", Help: "longest wait for a lock: milliseconds, or with a unit as in 10s", Default: "the server's"},
		{Name: "role", Help: "role to act as after the login (SET ROLE): it owns what is built"},
		{Name: "search_path", Help: "schemas of names without one, as in SET search_path", Default: "the role's"},
		{Name: "keepalives", Help: "seconds between TCP keep-alive probes; 0 sends none", Default: "15"},
		{Name: "application_name", Help: "name of the connections in pg_stat_activity", Default: defaultApplication},
		{Name: "connections", Help: "most connections that are open at once", Default: strconv.Itoa(defaultConnections)},
	}
}

// options are a target's fields, read.
type options struct {
	settings    map[string]string // libpq's keywords
	session     []string          // SET statements
	keys        []string          // the fields they came from
	connections int
	keepalives  time.Duration
	ledger      *ledger // of the pool's connections
}

// connectionKeys are fields that are libpq's keywords, and query parameters of a URL.
var connectionKeys = []string{"host", "port", "user", "password", "passfile", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name"}

// fileKeys are relative to the project directory.
var fileKeys = []string{"passfile", "sslrootcert", "sslcert", "sslkey"}

func readOptions(c warehouse.Config) (options, error) {
	o := options{settings: map[string]string{}, connections: defaultConnections, keepalives: 15 * time.Second, ledger: &ledger{wrote: map[uint32]bool{}}}
	if text := c.Fields["url"]; text != "" {
		if err := o.readURL(text); err != nil {
			return o, err
		}
	}
	for _, k := range connectionKeys {
		if v := c.Fields[k]; v != "" {
			o.settings[k] = v
		}
	}
	for _, k := range fileKeys {
		// «system» is libpq's word for the machine's own authorities.
		if v := o.settings[k]; v != "" && !filepath.IsAbs(v) && (k != "sslrootcert" || v != "system") {
			o.settings[k] = filepath.Join(c.Dir, filepath.FromSlash(v))
		}
	}
	if o.settings["user"] == "" {
		if u, err := user.Current(); err == nil {
			o.settings["user"] = u.Username
		}
	}
	for k, v := range map[string]string{"host": "localhost", "port": defaultPort, "dbname": o.settings["user"], "sslmode": "prefer", "connect_timeout": defaultTimeout, "application_name": defaultApplication} {
		if o.settings[k] == "" {
			o.settings[k] = v
		}
	}
	if err := o.check(); err != nil {
		return o, err
	}
	return o, o.readSession(c)
}

// readURL reads a connection URL. What it does not name stays open for the single keys.
func (o *options) readURL(text string) error {
	bad := func(reason string) error {
		// The text may hold a password, and errors of net/url quote it.
		return &warehouse.OpenError{Reason: "the url of the target " + reason, Help: "write it as postgres://user:password@host:port/dbname, with %-escapes for signs such as @ and / in the password, or use the single keys"}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return bad("is not a postgres:// URL")
	}
	if u.User != nil {
		o.settings["user"] = u.User.Username()
		if p, ok := u.User.Password(); ok {
			o.settings["password"] = p
		}
	}
	o.settings["host"], o.settings["port"] = u.Hostname(), u.Port()
	o.settings["dbname"] = strings.TrimPrefix(u.Path, "/")
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bad("has parameters that cannot be read")
	}
	for k, v := range query {
		if !slices.Contains(connectionKeys, k) {
			return bad(fmt.Sprintf("has the parameter %q, which is not known", k))
		}
		o.settings[k] = v[len(v)-1]
	}
	return nil
}

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

func (o *options) check() error {
	if !slices.Contains(sslModes, o.settings["sslmode"]) {
		return wrongField("sslmode", o.settings["sslmode"], "write one of "+strings.Join(sslModes, ", "), nil)
	}
	if n, err := strconv.Atoi(o.settings["connect_timeout"]); err != nil || n < 1 {
		return wrongField("connect_timeout", o.settings["connect_timeout"], "write a number of seconds from 1", err)
	}
	for _, port := range strings.Split(o.settings["port"], ",") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return wrongField("port", port, "write a number from 1 to 65535", err)
		}
	}
	for k, v := range o.settings {
		if strings.IndexByte(v, 0) >= 0 {
			return &warehouse.OpenError{Reason: k + " contains a zero byte", Help: "mend the target's " + k}
		}
	}
	return nil
}

func wrongField(name, value, help string, err error) error {
	return &warehouse.OpenError{Reason: fmt.Sprintf("%s is %q", name, value), Help: help, Err: err}
}

// sessionSQL makes all sessions alike, whatever the server's and the role's own settings:
// times in UTC, texts in the forms that rows.go reads, literals as dialect.go writes them.
const sessionSQL = "set client_encoding = 'UTF8'; set standard_conforming_strings = on; set timezone = 'UTC'; set datestyle = 'ISO, YMD'; " +
	"set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; set default_transaction_isolation = 'read committed'; " +
	"set client_min_messages = 'warning'; " + noticeDeath

// noticeDeath makes the server end what it runs for a client that is gone. PostgreSQL 13 and
// some systems cannot: there it runs to its end, in vain.
const noticeDeath = "do $engine$begin perform set_config('client_connection_check_interval', '2s', false); exception when others then null; end$engine$"

// readSession reads the fields that are settings of the session.
func (o *options) readSession(c warehouse.Config) error {
	var d Dialect
	for _, f := range (Driver{}).Fields() {
		value := c.Fields[f.Name]
		if value == "" {
			continue
		}
		switch f.Name {
		case "statement_timeout", "lock_timeout":
			o.set(f.Name, "set "+f.Name+" = "+d.Literal(value))
		case "search_path":
			parts, ok := searchPath(value)
			if !ok {
				return wrongField(f.Name, value, "write the names of schemas, separated by commas", nil)
			}
			o.set(f.Name, "set search_path = "+strings.Join(parts, ", "))
		case "role":
			o.set(f.Name, "set role "+d.Ident(value))
		case "connections":
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil || n < 2 {
				return wrongField(f.Name, value, "write a number from 2", err)
			}
			o.connections = int(n)
		case "keepalives":
			n, err := strconv.ParseUint(value, 10, 20)
			if err != nil {
				return wrongField(f.Name, value, "write a number of seconds, or 0", err)
			}
			o.keepalives = time.Duration(n) * time.Second
		}
	}
	return nil
}

// searchPath quotes a list of schemas; those that are in quotes may hold commas.
func searchPath(value string) (parts []string, ok bool) {
	for rest := strings.TrimSpace(value); ; {
		end := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			end = identEnd(rest, 0)
			parts = append(parts, rest[:end])
			ok = end > 2 && rest[end-1] == '"'
		} else {
			if end < 0 {
				end = len(rest)
			}
			name := strings.TrimSpace(rest[:end])
			parts = append(parts, Dialect{}.Ident(name))
			ok = name != ""
		}
		rest = strings.TrimSpace(rest[end:])
		if !ok || rest == "" {
			return parts, ok
		}
		if rest[0] != ',' {
			return parts, false
		}
		rest = strings.TrimSpace(rest[1:])
	}
}

func (o *options) set(key, sql string) {
	o.session = append(o.session, sql)
	o.keys = append(o.keys, key)
}

// pool is the configuration of the pool. Everything that the client library would
// otherwise take from the environment is said.
func (o options) pool() (*pgxpool.Config, error) {
	settings := map[string]string{"password": "", "passfile": "", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslpassword": "", "sslsni": "1", "target_session_attrs": "any"}
	for k, v := range o.settings {
		settings[k] = v
	}
	var dsn []string
	for _, k := range slices.Sorted(mapKeys(settings)) {
		if settings[k] == "" && strings.HasPrefix(k, "ssl") {
			continue
		}
		dsn = append(dsn, k+"='"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(settings[k])+"'")
	}
	cfg, err := pgxpool.ParseConfig(strings.Join(dsn, " "))
	if err != nil {
		return nil, o.openError(err)
	}
	cfg.ConnConfig.RuntimeParams = map[string]string{"application_name": settings["application_name"]}
	cfg.ConnConfig.StatementCacheCapacity, cfg.ConnConfig.DescriptionCacheCapacity = 0, 0
	seconds, err := strconv.Atoi(settings["connect_timeout"])
	if err != nil {
		return nil, wrongField("connect_timeout", settings["connect_timeout"], "write a number of seconds from 1", err)
	}
	keepalives := o.keepalives
	if keepalives == 0 {
		keepalives = -1
	}
	cfg.ConnConfig.DialFunc = (&net.Dialer{Timeout: time.Duration(seconds) * time.Second, KeepAlive: keepalives}).DialContext
	// A canceled context ends the statement on the server; the connection lives on.
	cfg.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelTime}
	}
	cfg.MaxConns = int32(o.connections)
	cfg.MinConns, cfg.MinIdleConns = 0, 0
	cfg.MaxConnIdleTime, cfg.MaxConnLifetime = 5*time.Minute, time.Hour
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		o.ledger.note(c.PgConn(), false)
		return o.configure(ctx, c.PgConn())
	}
	cfg.BeforeClose = o.ledger.forget
	return cfg, nil
}

// cancelTime is how long the server may take to end a canceled statement before the
// connection is thrown away.
const cancelTime = 10 * time.Second

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// configure sends the settings of a new session, all at once, and one by one where that is
// refused, to say which.
func (o options) configure(ctx context.Context, c *pgconn.PgConn) error {
	_, err := c.Exec(ctx, strings.Join(append([]string{sessionSQL}, o.session...), "; ")).ReadAll()
	if err == nil || ctx.Err() != nil {
		return err
	}
	if _, err := c.Exec(ctx, sessionSQL).ReadAll(); err != nil {
		return err
	}
	for i, s := range o.session {
		if _, err := c.Exec(ctx, s).ReadAll(); err != nil {
			return &warehouse.OpenError{Reason: fmt.Sprintf("PostgreSQL refuses %s: %s", o.keys[i], Dialect{}.Explain(err).Message), Help: "mend the target's " + o.keys[i], Err: err}
		}
	}
	return err
}

// oldest is the oldest server that is supported, as server_version_num counts.
const oldest = 130000

// Open connects and makes sure that the server answers and is new enough.
func (Driver) Open(ctx context.Context, c warehouse.Config) (warehouse.Conn, error) {
	o, err := readOptions(c)
	if err != nil {
		return nil, err
	}
	cfg, err := o.pool()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, o.openError(err)
	}
	out := newConn(pool, o)
	one, err := pool.Acquire(ctx)
	if err != nil {
		pool.Close()
		return nil, o.openError(err)
	}
	version, err := one.Conn().PgConn().Exec(ctx, "show server_version_num").ReadAll()
	shown := one.Conn().PgConn().ParameterStatus("server_version")
	one.Release()
	if err != nil {
		pool.Close()
		return nil, o.openError(err)
	}
	if n, err := strconv.Atoi(string(version[0].Rows[0][0])); err != nil || n < oldest {
		pool.Close()
		return nil, &warehouse.OpenError{Reason: fmt.Sprintf("the server is PostgreSQL %s", shown), Help: "use a server from version 13 on", Err: err}
	}
	return out, nil
}

// where names the server for a message.
func (o options) where() string {
	host := o.settings["host"]
	if strings.HasPrefix(host, "/") {
		return "the server at " + host
	}
	if strings.Contains(host, ",") {
		return "the servers " + host
	}
	return "the server " + net.JoinHostPort(host, o.settings["port"])
}

// openError says what a failure to connect means. Errors of the client library may show
// what the user wrote, so their text is not passed on as a whole.
func (o options) openError(err error) error {
	if e := (*warehouse.OpenError)(nil); errors.As(err, &e) {
		return e
	}
	out := &warehouse.OpenError{Err: hidden{err}}
	role, database := strconv.Quote(o.settings["user"]), strconv.Quote(o.settings["dbname"])
	var pg *pgconn.PgError
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var parse *pgconn.ParseConfigError
	text := err.Error()
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &pg):
		o.refused(out, pg, role, database)
	case errors.As(err, &dns):
		out.Reason, out.Help = fmt.Sprintf("there is no server named %q", dns.Name), "mend the target's host"
	case errors.As(err, &unknown):
		out.Reason, out.Help = "the certificate of "+o.where()+" is from an authority that is not known", "set sslrootcert to the file with the authority's certificate"
	case errors.As(err, &wrongName):
		out.Reason, out.Help = "the certificate of "+o.where()+" is for another name", "mend the target's host, or set sslmode: verify-ca if the name does not matter"
	case errors.As(err, &invalid), errors.As(err, &verify):
		out.Reason, out.Help = "the certificate of "+o.where()+" is not valid", "renew it, or set sslrootcert to the authority that signed it"
	case strings.Contains(text, "server refused TLS"):
		out.Reason, out.Help = o.where()+" does not speak TLS", "set sslmode: disable if the network may be trusted, or turn ssl on at the server"
	case errors.As(err, &parse):
		out.Reason, out.Help = o.filesAtFault(text)
		out.Err = nil // it holds the password
	case strings.Contains(text, "connection refused"), strings.Contains(text, "no such file or directory"):
		out.Reason, out.Help = o.where()+" does not answer: no server listens there", "start it, or mend the target's host and port"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(text, "i/o timeout"):
		out.Reason, out.Help = o.where()+" does not answer in time", "mend the target's host, look for a firewall in between, or raise connect_timeout"
	default:
		out.Reason, out.Help = o.where()+" cannot be reached", "mend the target's host, port and sslmode"
		if last := lastCause(err); last != "" {
			out.Reason += ": " + last
		}
	}
	return out
}

// refused words what the server itself says to a login.
func (o options) refused(out *warehouse.OpenError, pg *pgconn.PgError, role, database string) {
	switch {
	case pg.Code == "28P01", pg.Code == "28000" && strings.Contains(pg.Message, "authentication failed"):
		out.Reason, out.Help = fmt.Sprintf("%s refuses the password of role %s", o.where(), role), "mend the target's user and password"
		if o.settings["password"] == "" {
			out.Reason, out.Help = fmt.Sprintf("%s wants a password for role %s", o.where(), role), "set the target's password, for example to ${PGPASSWORD}, or its passfile"
		}
	case pg.Code == "28000" && strings.Contains(pg.Message, "pg_hba.conf"):
		out.Reason, out.Help = fmt.Sprintf("%s lets role %s not into database %s from here", o.where(), role, database), "have a line added to its pg_hba.conf, or change sslmode: the server may ask for TLS"
	case pg.Code == "28000":
		out.Reason, out.Help = fmt.Sprintf("%s refuses role %s: %s", o.where(), role, pg.Message), "mend the target's user"
	case pg.Code == "3D000":
		out.Reason, out.Help = fmt.Sprintf("the database %s does not exist on %s", database, o.where()), "create it, or mend the target's dbname"
	case pg.Code == "42501":
		out.Reason, out.Help = fmt.Sprintf("role %s may not connect to database %s: %s", role, database, pg.Message), "have CONNECT granted to it, or mend the target's user, role and dbname"
	case pg.Code == "53300":
		out.Reason, out.Help = o.where()+" has no connection left", "wait, lower the target's threads and connections, or raise max_connections of the server"
	case pg.Code == "57P03":
		out.Reason, out.Help = o.where()+" is starting up or shutting down", "try again in a moment"
	default:
		out.Reason, out.Help = fmt.Sprintf("%s refuses the connection: %s", o.where(), strings.TrimRight(pg.Message, ".")), "mend the target"
	}
}

// filesAtFault words a certificate or key that cannot be read.
func (o options) filesAtFault(text string) (reason, help string) {
	if strings.Contains(text, `both "sslcert" and "sslkey"`) {
		return "sslcert and sslkey belong together, and only one is set", "set both to the two files of one certificate"
	}
	for _, k := range fileKeys {
		// The text holds all settings; what failed stands behind them.
		if f := o.settings[k]; f != "" && strings.Contains(text[strings.LastIndexByte(text, '`')+1:], f) {
			return fmt.Sprintf("the file of %s cannot be read: %s", k, f), "mend the target's " + k
		}
	}
	switch {
	case o.settings["sslcert"] != "":
		return "the client's certificate cannot be used: sslcert and sslkey do not fit each other", "set both to the two files of one certificate"
	case strings.Contains(text, "TLS"):
		return "the certificates of the target cannot be read", "mend sslrootcert, sslcert and sslkey: they are files in PEM form"
	}
	return "the target's connection settings cannot be read", "mend its host, port and sslmode"
}

// lastCause is the text of the innermost error: those around it show the settings.
func lastCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	if _, joined := err.(interface{ Unwrap() []error }); joined {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// hidden keeps an error for errors.Is and errors.As without its text.
type hidden struct{ err error }

func (hidden) Error() string   { return "the connection failed" }
func (h hidden) Unwrap() error { return h.err }
