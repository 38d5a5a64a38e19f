package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

// A customer's file is the customer's to write, and so are the texts of views, defaults and
// checks in it. Whatever runs such texts does so in a DuckDB of its own that has nothing but
// the customer's files: neither the warehouse, nor other customers' files, nor the disk, nor
// extensions, nor the network.

// Names of the databases in an isolated DuckDB. They are those of no database in the engine's own.
const (
	isolatedHave = "_engine_have"
	isolatedNext = "_engine_next"
)

// spillName is the folder where an isolated DuckDB puts what does not fit into memory.
const spillName = "spill"

// isolation says what an isolated DuckDB has.
type isolation struct {
	files []isolatedFile
	use   string // the database of names without one
	write string // a folder that it may write into; empty: none
	spill string // an existing folder in which it may make spillName
}

type isolatedFile struct {
	path, name string
	readOnly   bool
}

// isolate opens an isolated DuckDB with the limits that c has. Close ends it.
func (c *conn) isolate(ctx context.Context, o isolation) (*conn, error) {
	var d Dialect
	limits, err := c.leases().Ask(ctx, "select current_setting('memory_limit'), current_setting('threads')")
	if err != nil {
		return nil, err
	}
	setup := []string{"set global memory_limit = " + d.Literal(limits[0][0]), "set global threads = " + limits[0][1],
		"set global temp_directory = " + d.Literal(filepath.Join(o.spill, spillName))}
	var paths, folders, attach []string
	for _, f := range o.files {
		paths = append(paths, d.Literal(f.path))
		for _, end := range []string{logEnd, logEnd + ".checkpoint", logEnd + ".recovery"} { // what DuckDB writes beside
			paths = append(paths, d.Literal(f.path+end))
		}
		text := "attach " + d.Literal(f.path) + " as " + d.Ident(f.name)
		if f.readOnly {
			text += " (read_only)"
		}
		attach = append(attach, text)
	}
	if o.write != "" {
		folders = append(folders, d.Literal(o.write))
	}
	setup = append(setup, "set global allowed_paths = ["+strings.Join(paths, ", ")+"]", "set global allowed_directories = ["+strings.Join(folders, ", ")+"]",
		"set global autoload_known_extensions = false", "set global autoinstall_known_extensions = false",
		"set global enable_external_access = false")
	setup = append(setup, attach...)
	setup = append(setup, "use "+d.Ident(o.use)+".main", "set global lock_configuration = true")
	// It happens once: a second connection would find its configuration locked.
	connector, err := driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
		return execAll(e, append([]string{onConnectSQL}, setup...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	wait, start := firstWait, time.Now()
	for {
		db := sql.OpenDB(connector)
		db.SetMaxOpenConns(1)
		err := db.PingContext(ctx)
		if err == nil {
			return newConn(db), nil
		}
		db.Close()
		if !strings.Contains(err.Error(), "Unique file handle conflict") || ctx.Err() != nil || time.Since(start) > lingering {
			return nil, fileOptions(o.files[0].path).openError(wrap(ctx, warehouse.Statement{}, err))
		}
		if connector, err = driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
			return execAll(e, append([]string{onConnectSQL}, setup...)...)
		}); err != nil {
			return nil, fmt.Errorf("open a database in memory: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

// makePrivate makes a folder that nobody else may enter: DuckDB makes its files, logs and what
// it spills such that all may read them if the process's umask lets them.
func makePrivate(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fileOptions(folder).fileError(err)
	}
	return os.Chmod(folder, 0o700)
}

// likeOld gives a file or folder the rights that another one has: its mode and, where that is
// permitted, its group and owner. Where the group cannot be had, its rights are not given to
// another one.
func likeOld(path string, old os.FileInfo, mask os.FileMode) error {
	mode := old.Mode().Perm() & mask
	if !sameHands(path, old) {
		mode &^= 0o070
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("give %s the rights of the last one: %w", path, err)
	}
	return nil
}
