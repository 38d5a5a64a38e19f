package conformance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	pgsql "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// Postgres runs cases on a PostgreSQL server of its own: it starts one, in a folder for
// temporary files and without a network port, when it is first opened, and ends it when
// the process ends. Every database it opens is a schema of that server.
type Postgres struct {
	mu     sync.Mutex
	server *postgresServer
	opened int
}

// Name implements Target.
func (*Postgres) Name() string { return "postgres" }

// Open implements Target. It fails if the programs of a PostgreSQL server are not there.
func (p *Postgres) Open(ctx context.Context) (Database, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		s, err := startPostgres(ctx)
		if err != nil {
			return nil, fmt.Errorf("start postgres: %w", err)
		}
		p.server = s
	}
	p.opened++
	d := &postgresDatabase{server: p.server, schema: fmt.Sprintf("db%d", p.opened), values: map[string]string{}}
	if err := d.connect(ctx); err != nil {
		return nil, err
	}
	if _, err := d.conn.Exec(ctx, "create schema "+d.schema).ReadAll(); err != nil {
		d.conn.Close(ctx)
		return nil, fmt.Errorf("create a schema: %w", err)
	}
	return d, nil
}

// Close ends the server; Open starts another one.
func (p *Postgres) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	err := p.server.stop()
	p.server = nil
	return err
}

// postgresServer is a running server.
type postgresServer struct {
	peer  *pg.Server
	dir   string // of its socket
	admin *pgconn.PgConn
	made  map[string]bool // functions and types that exist, by their SQL
}

func startPostgres(ctx context.Context) (*postgresServer, error) {
	peer, err := pg.Start(ctx, pg.Options{Settings: []string{"timezone='UTC'"}})
	if err != nil {
		return nil, err
	}
	s := &postgresServer{peer: peer, dir: peer.Host, made: map[string]bool{}}
	if s.admin, err = s.dial(ctx); err == nil {
		_, err = s.admin.Exec(ctx, "create schema "+pgsql.Schema).ReadAll()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *postgresServer) dial(ctx context.Context) (*pgconn.PgConn, error) {
	return s.peer.Dial(ctx, "postgres")
}

func (s *postgresServer) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.admin != nil {
		s.admin.Close(ctx)
	}
	return s.peer.Stop()
}

// prepare makes the functions and types a statement needs, outside of its transaction.
func (s *postgresServer) prepare(ctx context.Context, needs []string) error {
	for _, f := range pgsql.Close(needs) {
		if s.made[f.SQL] {
			continue
		}
		if _, err := s.admin.Exec(ctx, f.SQL).ReadAll(); err != nil {
			return fmt.Errorf("create %s: %w", f.Name, err)
		}
		s.made[f.SQL] = true
	}
	return nil
}

type postgresDatabase struct {
	server *postgresServer
	schema string
	conn   *pgconn.PgConn
	values map[string]string // SQL of parameters
	inside bool              // a transaction
}

func (d *postgresDatabase) connect(ctx context.Context) error {
	conn, err := d.server.dial(ctx)
	if err != nil {
		return err
	}
	d.conn = conn
	if _, err := conn.Exec(ctx, "set search_path to "+d.schema+"; set statement_timeout to 8000").ReadAll(); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	return nil
}

func (d *postgresDatabase) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d.conn.Close(ctx)
	_, err := d.server.admin.Exec(ctx, "drop schema "+d.schema+" cascade").ReadAll()
	return err
}

func (d *postgresDatabase) Transpile(stmt ir.Stmt, zone string) (transpile.Result, error) {
	return pgsql.Statement(stmt, transpile.Options{
		Zone: zone,
		Table: func(t *ir.Table) (string, error) {
			if strings.Contains(strings.ToUpper(t.Name), "INFORMATION_SCHEMA.") {
				return "", &transpile.Refusal{Target: "postgres", What: "INFORMATION_SCHEMA", Why: "its tables differ there", At: t.At()}
			}
			// A dotted name stays one identifier: projects and datasets need no schemas.
			return `"` + strings.ReplaceAll(strings.ReplaceAll(t.Name, "`", ""), `"`, `""`) + `"`, nil
		},
	})
}

// run sends a text, which may hold several statements, and gives the last result.
func (d *postgresDatabase) run(ctx context.Context, sql string, needs []string) (*pgconn.Result, error) {
	if err := d.server.prepare(ctx, needs); err != nil {
		return nil, postgresError(ctx, err)
	}
	if d.conn.IsClosed() {
		if d.inside {
			return nil, &RunError{Class: Limit, Message: "the connection is closed"}
		}
		if err := d.connect(ctx); err != nil {
			return nil, postgresError(ctx, err)
		}
	}
	results, err := d.conn.Exec(ctx, withParameters(sql, d.values)).ReadAll()
	if err != nil {
		return nil, postgresError(ctx, err)
	}
	if len(results) == 0 {
		return &pgconn.Result{}, nil
	}
	last := results[len(results)-1]
	if last.Err != nil {
		return nil, postgresError(ctx, last.Err)
	}
	return last, nil
}

// withParameters puts the values of parameters where a text names them, outside of quotes.
func withParameters(sql string, values map[string]string) string {
	if len(values) == 0 {
		return sql
	}
	var b strings.Builder
	for i := 0; i < len(sql); {
		end := i + 1
		switch c := sql[i]; {
		case c == '\'' || c == '"':
			for end < len(sql) && sql[end] != c {
				end++
			}
			end = min(end+1, len(sql))
		case c == '$':
			if m := parameterMark.FindString(sql[i:]); m != "" && strings.HasPrefix(sql[i:], m) {
				if v, ok := values[strings.ToLower(m[1:])]; ok {
					b.WriteString(v)
					i += len(m)
					continue
				}
			}
		}
		b.WriteString(sql[i:end])
		i = end
	}
	return b.String()
}

func (d *postgresDatabase) Exec(ctx context.Context, r transpile.Result) (int64, error) {
	res, err := d.run(ctx, r.SQL, r.Needs)
	if err != nil {
		return 0, err
	}
	return res.CommandTag.RowsAffected(), nil
}

func (d *postgresDatabase) Query(ctx context.Context, r transpile.Result, out []ir.Output) ([][]Value, error) {
	res, err := d.run(ctx, r.SQL, r.Needs)
	if err != nil {
		return nil, err
	}
	// A result without rows comes without the descriptions of its columns.
	if len(res.Rows) > 0 && len(res.FieldDescriptions) != len(out) {
		return nil, &RunError{Class: Engine, Message: fmt.Sprintf("the query yields %d columns instead of %d", len(res.FieldDescriptions), len(out))}
	}
	var rows [][]Value
	for _, cells := range res.Rows {
		row := make([]Value, len(cells))
		for i, c := range cells {
			if row[i], err = postgresValue(c, out[i].Column.Type); err != nil {
				return nil, &RunError{Class: Engine, Message: err.Error(), Err: err}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Bind implements Database.
func (d *postgresDatabase) Bind(ctx context.Context, name string, query transpile.Result) error {
	res, err := d.run(ctx, query.SQL, query.Needs)
	if err != nil {
		return err
	}
	if len(res.Rows) != 1 || len(res.Rows[0]) != 1 {
		return &RunError{Class: Engine, Message: "the value of the parameter " + name + " is not one cell"}
	}
	text := "NULL"
	if cell := res.Rows[0][0]; cell != nil {
		text = "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(string(cell)) + "'"
	}
	d.values[strings.ToLower(name)] = text
	return nil
}

// Isolated implements Database by a transaction that is rolled back.
func (d *postgresDatabase) Isolated(ctx context.Context, f func(Database) error) error {
	if _, err := d.run(ctx, "begin", nil); err != nil {
		return err
	}
	err := f(&postgresDatabase{server: d.server, schema: d.schema, conn: d.conn, values: map[string]string{}, inside: true})
	if !d.conn.IsClosed() {
		if _, e := d.conn.Exec(context.WithoutCancel(ctx), "rollback").ReadAll(); e != nil && err == nil {
			err = postgresError(ctx, e)
		}
	}
	return err
}

// postgresError sorts an error of the server by its SQLSTATE.
func postgresError(ctx context.Context, err error) error {
	e := &RunError{Class: Engine, Message: err.Error(), Err: err}
	if ctx.Err() != nil {
		e.Class, e.Message = Limit, "the statement took too long"
		return e
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return e
	}
	e.Message = pg.Message
	switch {
	case strings.HasPrefix(pg.Code, "22"), strings.HasPrefix(pg.Code, "23"), pg.Code == "21000":
		e.Class = Evaluation
	case strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "54"), pg.Code == "57014":
		e.Class = Limit
	}
	return e
}

// postgresValue reads a cell in PostgreSQL's text form; nil is NULL.
func postgresValue(cell []byte, t *ir.Type) (Value, error) {
	out := Value{Type: t}
	if cell == nil {
		out.Null = true
		return out, nil
	}
	s := string(cell)
	bad := func() (Value, error) {
		return out, fmt.Errorf("the text %q came for a column of type %s", clip(s), t)
	}
	switch t.Kind {
	case ir.Bool:
		if s != "t" && s != "f" {
			return bad()
		}
		out.Text = strconv.FormatBool(s == "t")
	case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64:
		if _, ok := new(big.Int).SetString(s, 10); !ok {
			return bad()
		}
		out.Text = s
	case ir.Float64, ir.Float32:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return bad()
		}
		out.Float = f
	case ir.Numeric, ir.BigNumeric:
		out.Text = trimNumeric(s)
	case ir.String, ir.JSON, ir.UUID:
		out.Text = s
	case ir.Bytes:
		b, err := hex.DecodeString(strings.TrimPrefix(s, `\x`))
		if err != nil {
			return bad()
		}
		out.Text = string(b)
	case ir.Date:
		if len(s) != len("2006-01-02") {
			return bad()
		}
		out.Text = s
	case ir.Datetime, ir.Time:
		if strings.ContainsAny(s, "BCin+") {
			return bad()
		}
		out.Text = trimFraction(s, "")
	case ir.Timestamp:
		if !strings.HasSuffix(s, "+00") {
			return bad()
		}
		out.Text = trimFraction(s, "+00")
	case ir.Interval:
		i, ok := readInterval(s)
		if !ok {
			return bad()
		}
		out.Text = i
	case ir.Array:
		parts, ok := postgresParts(s, '{', '}')
		if !ok {
			return bad()
		}
		for _, p := range parts {
			if p.text == "NULL" && !p.quoted {
				p.null = true
			}
			v, err := postgresValue(p.bytes(), t.Elem)
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, v)
		}
	case ir.Struct:
		parts, ok := postgresParts(s, '(', ')')
		if !ok || len(parts) != len(t.Fields) {
			return bad()
		}
		for i, p := range parts {
			p.null = p.text == "" && !p.quoted
			v, err := postgresValue(p.bytes(), t.Fields[i].Type)
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, v)
		}
	case ir.Range:
		if !strings.HasSuffix(s, ")") || s[0] != '[' && s[0] != '(' {
			return bad()
		}
		parts, ok := postgresParts(s, s[0], ')')
		if !ok || len(parts) != 2 {
			return bad()
		}
		for _, p := range parts {
			p.null = p.text == "" && !p.quoted
			v, err := postgresValue(p.bytes(), t.Elem)
			if err != nil {
				return out, err
			}
			out.Elems = append(out.Elems, v)
		}
	default:
		return bad()
	}
	return out, nil
}

type postgresPart struct {
	text         string
	quoted, null bool
}

func (p postgresPart) bytes() []byte {
	if p.null {
		return nil
	}
	return []byte(p.text)
}

// postgresParts splits the text of an array, a row or a range. In quotes a backslash
// escapes the next character, and a quote doubled is one.
func postgresParts(s string, open, shut byte) ([]postgresPart, bool) {
	if len(s) < 2 || s[0] != open || s[len(s)-1] != shut {
		return nil, false
	}
	s = s[1 : len(s)-1]
	if s == "" && open == '{' {
		return nil, true
	}
	var out []postgresPart
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = true
			for i++; i < len(s); i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				} else if s[i] == '"' {
					if i+1 < len(s) && s[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(s[i])
			}
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == ',':
			out = append(out, postgresPart{text: b.String(), quoted: quoted})
			b.Reset()
			quoted = false
		default:
			b.WriteByte(c)
		}
	}
	return append(out, postgresPart{text: b.String(), quoted: quoted}), true
}
