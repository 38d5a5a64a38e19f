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
	open := s.opening
	if s.opening = nil; open == nil {
		open = s.open(ctx)
	}
	conn, err := open()
	var worded *mistakes
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case asMistakes(err, &worded):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure(nothingBuilt(s.program.Target.Name, err))
	}
	return nil, failure(openRefused(s.program.Target.Name, err))
}

// ahead begins to open the target while the project is still being compiled. What nobody
// has read from by then is closed by the function that it returns.
func (s *session) ahead(ctx context.Context) (forget func()) {
	s.opening = s.open(ctx)
	return func() {
		if s.opening != nil {
			if conn, err := s.opening(); err == nil {
				_ = conn.Close() // nothing was written
			}
		}
	}
}

// open opens the target for reading, in the background.
func (s *session) open(ctx context.Context) (wait func() (warehouse.Conn, error)) {
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return func() (warehouse.Conn, error) { return nil, &mistakes{found, exitMistake} }
	}
	if slices.ContainsFunc(driver.Fields(), func(f warehouse.Field) bool { return f.Name == "read_only" }) && cfg.Fields["path"] != ":memory:" {
		cfg.Fields["read_only"] = "true"
	}
	var conn warehouse.Conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err = driver.Open(ctx, cfg)
	}()
	return func() (warehouse.Conn, error) {
		<-done
		return conn, err
	}
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
