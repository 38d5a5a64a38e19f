package duckdb

import (
	"bytes"
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

// Driver opens DuckDB database files.
type Driver struct{}

// defaultPath is the database file of a project that names none.
const defaultPath = "target/engine.duckdb"

// memory is the path of a database that lives as long as its connection.
const memory = ":memory:"

// Name is «duckdb».
func (Driver) Name() string { return "duckdb" }

// Dialect of DuckDB.
func (Driver) Dialect() warehouse.Dialect { return Dialect{} }

// Fields are the keys of a target with type duckdb.
func (Driver) Fields() []warehouse.Field {
	return []warehouse.Field{
		{Name: "path", Help: "database file, relative to the project directory; «:memory:» keeps nothing", Default: defaultPath},
		{Name: "read_only", Help: "true opens the file for reading, next to other readers", Default: "false"},
		{Name: "memory_limit", Help: "most memory that DuckDB takes, for example 4GB; the rest goes to temp_directory", Default: "80 % of the machine's"},
		{Name: "query_threads", Help: "most threads that DuckDB uses for all queries together", Default: "the machine's"},
		{Name: "temp_directory", Help: "where DuckDB puts what does not fit into memory, relative to the project directory", Default: "beside the database file"},
	}
}

// Open opens or creates the database file; the directory it stands in is made, too.
func (Driver) Open(ctx context.Context, c warehouse.Config) (warehouse.Conn, error) {
	o, err := readOptions(c)
	if err != nil {
		return nil, err
	}
	if err := o.prepare(); err != nil {
		return nil, err
	}
	if err := o.attach(c); err != nil {
		return nil, err
	}
	connector, err := o.connector()
	if err != nil {
		return nil, o.openError(err)
	}
	db := sql.OpenDB(connector)
	// Idle connections are kept: making one costs more than a small statement.
	db.SetMaxIdleConns(64)
	if err := o.configure(ctx, db); err != nil {
		db.Close()
		return nil, o.openError(err)
	}
	out := newConn(db)
	if out.fills, err = registerFills(ctx, db, out.q); err != nil {
		db.Close()
		return nil, o.openError(err)
	}
	return out, nil
}

// options are a target's fields, read.
type options struct {
	shown    string // the path as the user wrote it
	path     string // absolute, or memory
	readOnly bool
	settings []string // SET statements
	keys     []string // the fields they came from
	attached []attachment
}

func readOptions(c warehouse.Config) (options, error) {
	o := options{shown: c.Fields["path"]}
	if o.shown == "" {
		o.shown = defaultPath
	}
	o.path = o.shown
	if o.path != memory && !filepath.IsAbs(o.path) {
		o.path = filepath.Join(c.Dir, filepath.FromSlash(o.path))
	}
	var d Dialect
	for _, f := range (Driver{}).Fields() {
		value, ok := c.Fields[f.Name]
		if !ok || value == "" {
			continue
		}
		switch f.Name {
		case "read_only":
			b, err := strconv.ParseBool(value)
			if err != nil {
				return o, &warehouse.OpenError{Reason: fmt.Sprintf("read_only is %q", value), Help: "write true or false", Err: err}
			}
			o.readOnly = b
		case "query_threads":
			if n, err := strconv.Atoi(value); err != nil || n < 1 {
				return o, &warehouse.OpenError{Reason: fmt.Sprintf("query_threads is %q", value), Help: "write a number from 1", Err: err}
			}
			o.set("threads", value)
		case "temp_directory":
			if !filepath.IsAbs(value) {
				value = filepath.Join(c.Dir, filepath.FromSlash(value))
			}
			o.set(f.Name, d.Literal(value))
		case "memory_limit":
			o.set(f.Name, d.Literal(value))
		}
	}
	return o, nil
}

func (o *options) set(key, value string) {
	o.settings = append(o.settings, "set global "+key+" = "+value)
	o.keys = append(o.keys, key)
}

// prepare makes the parent directory and looks at the file before DuckDB does: DuckDB
// would take some foreign files for databases of an extension, and load that.
func (o options) prepare() error {
	if o.path == memory {
		return nil
	}
	if strings.Contains(o.path, "?") {
		// DuckDB takes what follows for options and puts its log elsewhere.
		return &warehouse.OpenError{Reason: fmt.Sprintf("the path of the database file %s has a «?»", o.shown), Help: "set path to a file without it, or move the project: DuckDB cannot handle such names"}
	}
	info, err := os.Stat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.readOnly:
		return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s does not exist", o.shown), Help: "build it first, or remove read_only from the target", Err: err}
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(o.path), 0o777); err != nil {
			return o.fileError(err)
		}
		return nil
	case err != nil:
		return o.fileError(err)
	case info.Size() == 0 && info.Mode().IsRegular() && !o.readOnly:
		// What a process leaves that is killed while it makes the file. There is nothing in it.
		if err := os.Remove(o.path); err != nil {
			return o.fileError(err)
		}
		return nil
	case info.IsDir():
		return &warehouse.OpenError{Reason: fmt.Sprintf("%s is a directory, not a database file", o.shown), Help: "set path to a file in it, for example " + filepath.ToSlash(filepath.Join(o.shown, "engine.duckdb"))}
	}
	f, err := os.Open(o.path)
	if err != nil {
		return o.fileError(err)
	}
	defer f.Close()
	head := make([]byte, 20)
	if _, err := io.ReadFull(f, head); err != nil || !bytes.Equal(head[8:12], []byte("DUCK")) {
		return o.notDatabase(err)
	}
	if version := binary.LittleEndian.Uint64(head[12:]); version > newestStorage {
		return o.newer(fmt.Sprint(version))
	}
	return nil
}

// newestStorage is the newest version of the file format that DuckDB 1.5.5 reads.
const newestStorage = 68

// Reserved: DuckDB calls a database after its file, and a schema of the same name makes
// every two-part name ambiguous.
func (Driver) Reserved(cfg warehouse.Config) map[string]string {
	path := cfg.Fields["path"]
	if path == "" {
		path = defaultPath
	}
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return map[string]string{name: "the database file " + path + " has the same name"}
}

// connector opens the file. The driver takes the path for part of a URL: where that
// would go wrong the file is attached to a database in memory instead.
func (o options) connector() (*driver.Connector, error) {
	if o.path == memory {
		return driver.NewConnector(memory, onConnect)
	}
	mode := ""
	if o.readOnly {
		mode = "access_mode=read_only"
	}
	if _, err := url.Parse(o.path); err == nil && !strings.Contains(o.path, "#") {
		dsn := o.path
		if mode != "" {
			dsn += "?" + mode
		}
		return driver.NewConnector(dsn, onConnect)
	}
	var d Dialect
	name := d.Ident(strings.TrimSuffix(filepath.Base(o.path), filepath.Ext(o.path)))
	attach := "attach if not exists " + d.Literal(o.path) + " as " + name
	if o.readOnly {
		attach += " (read_only)"
	}
	return driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
		return execAll(e, attach, "use "+name, onConnectSQL)
	})
}

// onConnectSQL makes every connection alike: times in UTC whatever the machine's zone,
// errors with an exact position. Rows keep the order of their file or query, which is
// DuckDB's default.
const onConnectSQL = "set TimeZone = 'UTC'; set errors_as_json = true"

func onConnect(e sqldriver.ExecerContext) error { return execAll(e, onConnectSQL) }

func execAll(e sqldriver.ExecerContext, statements ...string) error {
	for _, s := range statements {
		if _, err := e.ExecContext(context.Background(), s, nil); err != nil {
			return err
		}
	}
	return nil
}

// configure registers the functions and sends the settings; the first statement also
// opens the first connection.
func (o options) configure(ctx context.Context, db *sql.DB) error {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	if err := RegisterFunctions(ctx, db); err != nil {
		return err
	}
	for i, s := range o.settings {
		if _, err := db.ExecContext(ctx, s); err != nil {
			err = wrap(ctx, warehouse.Statement{}, err)
			return &warehouse.OpenError{Reason: fmt.Sprintf("DuckDB refuses %s: %s", o.keys[i], Dialect{}.Explain(err).Message), Help: "mend the target's " + o.keys[i], Err: err}
		}
	}
	for _, a := range o.attached {
		if _, err := db.ExecContext(ctx, a.sql); err != nil {
			return a.file.openError(err)
		}
	}
	return nil
}

var (
	lockPID     = regexp.MustCompile(`\(PID (\d+)\)`)
	lockHolder  = regexp.MustCompile(`held in (.*?) \(PID`)
	fileVersion = regexp.MustCompile(`version number (\d+)`)
)

// openError says what DuckDB's refusal to open a file means.
func (o options) openError(err error) error {
	if e := (*warehouse.OpenError)(nil); errors.As(err, &e) {
		return err
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "Could not set lock"):
		who, busy := "another process", &warehouse.BusyError{}
		if m := lockPID.FindStringSubmatch(text); m != nil {
			who = "process " + m[1]
			busy.PID, _ = strconv.Atoi(m[1])
			if h := lockHolder.FindStringSubmatch(text); h != nil {
				busy.Program = filepath.Base(h[1])
				who = fmt.Sprintf("process %s (%s)", m[1], busy.Program)
			}
		}
		return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s is locked by %s", o.shown, who), Help: "end that program or wait for it; DuckDB lets one process write at a time", Err: busy}
	case fileVersion.MatchString(text):
		e := o.newer(fileVersion.FindStringSubmatch(text)[1])
		e.Err = err
		return e
	case strings.Contains(text, "not a valid DuckDB database file"), strings.Contains(text, "Corrupt database file"), strings.Contains(text, "Could not read enough bytes"):
		if strings.Contains(text, "not a valid") {
			return o.notDatabase(err)
		}
		return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s is damaged", o.shown), Help: "move it away and build again, or restore a copy", Err: err}
	case strings.Contains(text, "different configuration"):
		return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s is already open in this process with another read_only", o.shown), Help: "open it the same way in both places", Err: err}
	case strings.Contains(text, "Permission denied"):
		return o.fileError(&fs.PathError{Op: "open", Path: o.path, Err: fs.ErrPermission})
	}
	switch Classify(err) {
	case Disk:
		return &warehouse.OpenError{Reason: fmt.Sprintf("the disk of %s is full", o.shown), Help: "make room, or set path to a file on another disk", Err: err}
	case Interrupted:
		return err
	}
	return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s cannot be opened: %s", o.shown, explainText(text).Message), Help: "mend the target's path", Err: err}
}

func (o options) notDatabase(err error) error {
	return &warehouse.OpenError{Reason: fmt.Sprintf("%s is not a DuckDB database", o.shown), Help: "set path to another file, or move this one away: a new database is made then", Err: err}
}

func (o options) newer(version string) *warehouse.OpenError {
	return &warehouse.OpenError{
		Reason: fmt.Sprintf("the database file %s was written by a newer DuckDB (its format is %s, this program reads up to %d)", o.shown, version, newestStorage),
		Help:   "use a newer engine, or set path to another file and build again",
	}
}

// fileError words an error of the file system.
func (o options) fileError(err error) error {
	reason, help := "cannot be opened: "+err.Error(), "mend the target's path"
	where := o.shown
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		reason = "cannot be opened: " + p.Err.Error()
		if p.Op == "mkdir" {
			where = p.Path
			reason = "cannot be made: " + p.Err.Error()
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		reason, help = "may not be read and written", "change its permissions, or set path to a place that is yours"
	case strings.Contains(err.Error(), "read-only file system"):
		reason, help = "is on a disk that is mounted read-only", "set path to a file on another disk, or read_only: true"
	case strings.Contains(err.Error(), "not a directory"), strings.Contains(err.Error(), "file exists"):
		reason, help = "cannot be made: a part of its path is a file", "remove that file or set another path"
	}
	return &warehouse.OpenError{Reason: where + " " + reason, Help: help, Err: err}
}
