package duckdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Leaser  = (*conn)(nil)
	_ warehouse.Guarded = (*conn)(nil)
	_ warehouse.Fencer  = (*tx)(nil)
)

// Guarded: DuckDB locks the file of a database that is open for writing.
func (*conn) Guarded() bool { return true }

// leases is the table as this connection, or transaction, talks to it.
func (s session) leases() warehouse.LeaseTable {
	return warehouse.LeaseTable{
		Speller: Dialect{},
		Clock:   Dialect{}.Words().Now(),
		Ask: func(ctx context.Context, sql string) ([][]string, error) {
			r, err := s.Query(ctx, warehouse.Statement{SQL: sql})
			if err != nil {
				return nil, err
			}
			defer r.Close()
			var out [][]string
			for r.Next() {
				values, err := r.Values()
				if err != nil {
					return nil, err
				}
				row := make([]string, len(values))
				for i, v := range values {
					if v != nil {
						row[i] = fmt.Sprint(v)
					}
				}
				out = append(out, row)
			}
			return out, r.Err()
		},
		Do: func(ctx context.Context, sql string) error {
			_, err := s.Exec(ctx, warehouse.Statement{SQL: sql})
			return err
		},
		Missing: func(err error) bool { return Classify(err) == Catalog },
		// Two connections of this process that insert the first row at once: one is told of the key.
		Again: func(err error) bool {
			var e *Error
			return errors.As(err, &e) && (e.Kind == Conflict || e.Kind == Constraint || e.Kind == Transaction)
		},
	}
}

// Acquire is that of warehouse.Leaser.
func (c *conn) Acquire(ctx context.Context, claim warehouse.Claim) (*warehouse.Lease, error) {
	before, err := c.leases().Acquire(ctx, claim)
	return before, unwritable(err)
}

// logFile is the log of a database in an error of DuckDB.
var logFile = regexp.MustCompile(`"([^"]+)\.wal"`)

// unwritable words the error of a file that was opened and cannot be written: the lease is the
// first thing that is.
func unwritable(err error) error {
	if err == nil {
		return nil
	}
	text, where := err.Error(), "the target's file"
	if m := logFile.FindStringSubmatch(text); m != nil {
		where = m[1]
	}
	switch {
	case Classify(err) == Disk:
		return &warehouse.OpenError{Reason: "the disk of " + where + " is full", Help: "make room, or set path to a file on another disk", Err: err}
	case strings.Contains(text, "Permission denied"):
		return &warehouse.OpenError{Reason: "the folder of " + where + " may not be written", Help: "change its permissions, or set path to a place that is yours: the database's log is made beside it", Err: err}
	case strings.Contains(text, "Read-only file system"):
		return &warehouse.OpenError{Reason: where + " is on a disk that is mounted read-only", Help: "set path to a file on another disk", Err: err}
	}
	return err
}

// Renew is that of warehouse.Leaser.
func (c *conn) Renew(ctx context.Context, claim warehouse.Claim) error {
	return c.leases().Renew(ctx, claim)
}

// Release is that of warehouse.Leaser.
func (c *conn) Release(ctx context.Context, claim warehouse.Claim) error {
	return c.leases().Release(ctx, claim)
}

// Holding is that of warehouse.Leaser.
func (c *conn) Holding(ctx context.Context, claim warehouse.Claim) (*warehouse.Lease, error) {
	return c.leases().Holding(ctx, claim)
}

// Fence looks at the lease. The transaction sees what was committed when it began, and no
// more is needed: no other process can take the lease (see Guarded), and a build of this
// process that took it has ended the other's context.
func (t *tx) Fence(ctx context.Context, claim warehouse.Claim) error {
	rows, err := t.leases().Ask(ctx, t.leases().Mine(claim))
	return t.leases().Fence(ctx, claim, len(rows) > 0, err)
}
