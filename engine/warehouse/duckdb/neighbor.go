package duckdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// attachedName is what the database file of another target is called in a connection. A
// view that reads it finds it under the same name next time.
const attachedName = "engine_state"

// Reach attaches the other target's file, for reading only.
func (Driver) Reach(own, other warehouse.Config) (warehouse.Reach, error) {
	here, err := readOptions(own)
	if err != nil {
		return warehouse.Reach{}, err
	}
	there, err := readOptions(other)
	if err != nil {
		return warehouse.Reach{}, err
	}
	switch {
	case there.path == memory:
		return warehouse.Reach{}, &warehouse.OpenError{Reason: "a database in memory cannot be read from another target", Help: "give the other target a path"}
	case sameFile(here.path, there.path):
		return warehouse.Reach{}, nil
	}
	name := attachedName
	for strings.EqualFold(name, databaseName(here.path)) {
		name += "_"
	}
	return warehouse.Reach{Database: name, Attach: &warehouse.Attached{Name: name, Fields: other.Fields}}, nil
}

// databaseName is what DuckDB calls a database file.
func databaseName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// attach lists the statements that attach what a connection is opened with.
func (o *options) attach(c warehouse.Config) error {
	for _, a := range c.Attach {
		there, err := readOptions(warehouse.Config{Type: c.Type, Dir: c.Dir, Fields: a.Fields})
		if err != nil {
			return err
		}
		there.readOnly = true
		if err := there.prepare(); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return &warehouse.OpenError{Reason: fmt.Sprintf("the database file %s of the other target does not exist", there.shown), Help: "build that target first", Err: err}
			}
			return err
		}
		var d Dialect
		o.attached = append(o.attached, attachment{there, "attach if not exists " + d.Literal(there.path) + " as " + d.Ident(a.Name) + " (read_only)"})
	}
	return nil
}

// attachment is a file to attach, and the statement that does it.
type attachment struct {
	file options
	sql  string
}
