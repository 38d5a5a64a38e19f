package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/warehouse"
)

// targetConfig is what the chosen target is opened with.
func (s *session) targetConfig() (warehouse.Config, bool) {
	cfg, _, found := engine.TargetConfig(s.project, s.options)
	return cfg, !found.HasErrors()
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
