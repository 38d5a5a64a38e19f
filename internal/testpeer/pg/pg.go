package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// User is the superuser of the servers. Every login from the socket is believed.
const User = "engine"

// Find gives the folder of a server's programs: that on the search path, or the newest
// where Debian puts them.
func Find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if _, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("a PostgreSQL server: initdb and postgres are neither on the search path nor below /usr/lib/postgresql")
	}
	newest, best := "", -1
	for _, f := range found {
		dir := filepath.Dir(f)
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && n > best {
			newest, best = dir, n
		}
	}
	if newest == "" {
		newest = filepath.Dir(found[len(found)-1])
	}
	return newest, nil
}

// watch makes a cluster and runs a server on it until its standard input ends, which it
// does when the process that holds the other end is no more, however it ended.
const watch = `set -e
dir="$1" bin="$2"
"$bin/initdb" -D "$dir/data" -U ` + User + ` -A trust -E UTF8 --locale=C -N >"$dir/initdb.log" 2>&1
[ ! -f "$dir/environment" ] || . "$dir/environment"
cat "$dir/settings.conf" >>"$dir/data/postgresql.conf"
[ ! -f "$dir/pg_hba.conf" ] || cp "$dir/pg_hba.conf" "$dir/data/pg_hba.conf"
[ ! -f "$dir/server.key" ] || { cp "$dir/server.key" "$dir/server.crt" "$dir/data/"; chmod 600 "$dir/data/server.key"; }
"$bin/postgres" -D "$dir/data" -k "$dir" >"$dir/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null || true
wait $server || true
cd / && rm -rf "$dir"
`

// settings are those of every server: quick rather than safe against a loss of power.
var settings = []string{"listen_addresses=''", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off", "shared_buffers='32MB'", "max_connections=100", "autovacuum=off"}

// Options change how a server is started.
type Options struct {
	// Settings are of postgresql.conf, for example «ssl=on».
	Settings []string
	// Access is the text of pg_hba.conf; empty lets everyone in.
	Access string
	// Certificate and Key are of TLS, in PEM form: server.crt and server.key in the server's
	// own folder.
	Certificate, Key []byte
	// Environment are variables of the server's processes.
	Environment map[string]string
	// Port is the number that the socket is called after, 0 for 5432. A server with a port
	// setting of its own needs it.
	Port int
}

// Server is a running server.
type Server struct {
	// Host is the folder of its socket.
	Host  string
	port  string
	alive io.WriteCloser
	cmd   *exec.Cmd
	made  atomic.Int64 // databases
}

// Start starts a server, which takes about a second. The error names what is missing.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := Find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a PostgreSQL server: %w", err)
	}
	conf := strings.Join(append(slices.Clone(settings), o.Settings...), "\n") + "\n"
	var environment strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.Environment)) {
		fmt.Fprintf(&environment, "export %s='%s'\n", name, strings.ReplaceAll(o.Environment[name], "'", `'\''`))
	}
	for name, text := range map[string][]byte{"environment": []byte(environment.String()), "settings.conf": []byte(conf), "pg_hba.conf": []byte(o.Access), "server.crt": o.Certificate, "server.key": o.Key} {
		if len(text) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return nil, fmt.Errorf("start a PostgreSQL server: %w", err)
		}
	}
	args := []string{"-c", watch, "sh", dir, bin}
	name, err := account(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{Host: dir, port: "5432", cmd: exec.Command("sh", args...)}
	if name != "" {
		s.cmd = exec.Command("su", append([]string{"-s", "/bin/sh", name}, args...)...)
	}
	s.cmd.Dir = dir
	if o.Port != 0 {
		s.port = strconv.Itoa(o.Port)
	}
	if s.alive, err = s.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a PostgreSQL server: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a PostgreSQL server: %w", err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		c, err := s.Dial(ctx, "postgres")
		if err == nil {
			return s, c.Close(ctx)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			made, _ := os.ReadFile(filepath.Join(dir, "initdb.log"))
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return nil, errors.Join(fmt.Errorf("start a PostgreSQL server: %w\n%s%s", err, made, log), s.Stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// account is the user to run the server as, empty for the process's own: a server does
// not run as root.
func account(dir string) (string, error) {
	if os.Geteuid() != 0 {
		return "", nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && os.Chown(dir, uid, gid) == nil {
			return name, nil
		}
	}
	return "", errors.New("a user postgres or nobody: a PostgreSQL server does not run as root")
}

// Dial connects to a database as User, without the engine's driver.
func (s *Server) Dial(ctx context.Context, database string) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, "host="+s.Host+" port="+s.port+" user="+User+" dbname="+database+" sslmode=disable")
}

// Exec runs statements in a database as User.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	c, err := s.Dial(ctx, database)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, sql).ReadAll()
	return err
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	s.alive.Close()
	_ = s.cmd.Wait()
	return os.RemoveAll(s.Host)
}

// Database makes an empty database, which goes with the test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("test%d", s.made.Add(1))
	if err := s.Exec(ctx, "postgres", "create database "+name+" template template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Exec(ctx, "postgres", "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	return name
}

// Fields are the keys of a target of type postgres for a database of the server.
func (s *Server) Fields(database string) map[string]string {
	return map[string]string{"host": s.Host, "port": s.port, "user": User, "dbname": database, "sslmode": "disable"}
}

var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background(), Options{}) })

// Shared is the one server of the test binary. Without the programs the test is skipped.
func Shared(t testing.TB) *Server {
	t.Helper()
	if _, err := Find(); err != nil {
		t.Skipf("needs %v", err)
	}
	s, err := shared()
	if err != nil && strings.HasPrefix(err.Error(), "a user ") {
		t.Skipf("needs %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
