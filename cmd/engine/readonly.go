package main

import (
	"context"
	"errors"
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
