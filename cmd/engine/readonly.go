package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/warehouse"
)

// targetConfig is what the chosen target is opened with, for people: with defaults.
func (s *session) targetConfig() (warehouse.Config, bool) {
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return cfg, false
	}
	withDefaults(&cfg, driver)
	return cfg, true
}

// withDefaults fills in what the driver takes where nothing is written. The words are for
// people; only those that are values may be used as such, as the path is.
func withDefaults(cfg *warehouse.Config, driver warehouse.Driver) {
	for _, f := range driver.Fields() {
		if cfg.Fields[f.Name] == "" && f.Default != "" {
			cfg.Fields[f.Name] = f.Default
		}
	}
}

// read opens the target for reading only, where its driver can: readers do not disturb
// each other, and nothing is made by looking.
func (s *session) read(ctx context.Context) (warehouse.Conn, error) {
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return nil, &mistakes{found, exitMistake}
	}
	if slices.ContainsFunc(driver.Fields(), func(f warehouse.Field) bool { return f.Name == "read_only" }) && cfg.Fields["path"] != ":memory:" {
		cfg.Fields["read_only"] = "true"
	}
	conn, err := driver.Open(ctx, cfg)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure(nothingBuilt(s.program.Target.Name, err))
	}
	return nil, failure(openRefused(s.program.Target.Name, err))
}

// readWith is read for a query that needs functions of the engine's own in the warehouse.
// A build has made them; where it was of another version, or needed none, they are made now.
func (s *session) readWith(ctx context.Context, needs []string) (warehouse.Conn, error) {
	conn, err := s.read(ctx)
	if err != nil || warehouse.Prepare(ctx, conn, needs) == nil {
		return conn, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	writer, err := engine.Open(ctx, s.program, s.options)
	if err != nil {
		return nil, failure(openRefused(s.program.Target.Name, err))
	}
	err = warehouse.Prepare(ctx, writer, needs)
	if closeErr := writer.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the warehouse: %w", err)
	}
	return s.read(ctx)
}
