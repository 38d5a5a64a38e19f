package duckdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// TestJobLimit: a job's time limit ends one statement, and is not taken for an interrupt.
func TestJobLimit(t *testing.T) {
	c, err := Driver{}.Open(t.Context(), warehouse.Config{Fields: map[string]string{"path": memory}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := warehouse.WithJob(t.Context(), warehouse.Job{Timeout: 150 * time.Millisecond})
	const slow = "select count(*) from range(100000) a, range(100000) b, range(1000) c where hash(a.range, b.range, c.range) % 7 = 1"
	for name, send := range map[string]func() error{
		"exec": func() error {
			_, err := c.Exec(ctx, warehouse.Statement{SQL: "create table t as " + slow})
			return err
		},
		"query": func() error {
			r, err := c.Query(ctx, warehouse.Statement{SQL: slow})
			if err != nil {
				return err
			}
			defer r.Close()
			for r.Next() {
			}
			return r.Err()
		},
	} {
		start := time.Now()
		err := send()
		if Classify(err) != TimedOut || errors.Is(err, context.DeadlineExceeded) || warehouse.Explain(c.Dialect(), err).Help == "" {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s ended after %v", name, took)
		}
	}
	// A caller's own end stays one.
	short, stop := context.WithTimeout(warehouse.WithJob(t.Context(), warehouse.Job{Timeout: time.Minute}), 100*time.Millisecond)
	defer stop()
	if _, err := c.Exec(short, warehouse.Statement{SQL: "create table t as " + slow}); Classify(err) != Interrupted {
		t.Errorf("%v", err)
	}
	// What is within the limit gives its rows.
	r, err := c.Query(ctx, warehouse.Statement{SQL: "select 1"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !r.Next() {
		t.Error("no row", r.Err())
	}
}
