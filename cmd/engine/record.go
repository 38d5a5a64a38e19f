package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// place is something that a command has left behind and where.
type place struct{ what, path string }

type places []place

// record writes what programs and people read after a run: the artifacts and the catalog.
// It may close conn; nothing reads it afterwards.
func (s *session) record(ctx context.Context, conn warehouse.Conn, r *run.Result, o order) (places, error) {
	// The run is over: writing its record must not stop because the run was interrupted.
	ctx = context.WithoutCancel(ctx)
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: r.RunID, Project: r.Plan.Project, Target: r.Plan.Target})
	var out places
	if path := s.databaseFile(); path != "" {
		out = append(out, place{"database", path})
	}
	meta := s.meta(r.RunID, o)
	meta.StartedAt = r.Start
	if err := artifact.WriteTo(s.target(), "run_results.json", func(out io.Writer) error {
		return artifact.RunResults(out, r, s.program, o.selection, o.exposures, meta)
	}); err != nil {
		return out, err
	}
	set, hash, err := s.writeState()
	if err != nil {
		return out, err
	}
	if o.which != "test" && s.options.Limit == nil { // a part of the rows is no state that others compare with
		if err := s.publishState(ctx, conn, r, set, hash, s.current(r, o)); err != nil {
			return out, err
		}
	}
	if o.noCatalog || r.Canceled {
		return out, s.writeManifest(meta)
	}
	// A run that had nothing to do has left the target as its plan found it.
	held := s.asPlanned
	if p := r.Plan; len(p.Actions)+len(p.OnRunStart)+len(p.OnRunEnd) > 0 || p.LateEnd {
		held = nil
	}
	known, err := s.learn(ctx, conn, held)
	if err != nil {
		return out, err
	}
	// Closing an embedded database writes its log into the file, which takes a while: the
	// pages are written meanwhile.
	closed := make(chan error, 1)
	go func() { closed <- conn.Close() }()
	err = s.writeDocs(ctx, known, r, meta, nil)
	if failed := <-closed; failed != nil && err == nil {
		err = fmt.Errorf("close target %s: %w", s.program.Target.Name, failed)
	}
	if err != nil {
		return out, err
	}
	return append(out, place{"catalog", s.catalogPage()}), nil
}

// current says of which nodes the target has what the project says now: those that were
// selected and did not fail, tests that were selected, and the rest where all was.
func (s *session) current(r *run.Result, o order) func(addr.Node) bool {
	failed := map[addr.Node]bool{}
	for _, n := range r.Nodes {
		failed[n.Node] = n.Status != run.Done && n.Status != run.Kept
	}
	whole := o.which == "build" && len(o.selects)+len(o.excludes) == 0
	return func(id addr.Node) bool {
		switch id.Kind {
		case addr.Source, addr.Exposure:
			return whole
		case addr.Test, addr.UnitTest:
			return o.selection.Tests[id]
		}
		return o.selection.Nodes[id] && !failed[id]
	}
}

func (s *session) catalogPage() string { return filepath.Join(s.target(), "catalog", "index.html") }

// meta is what artifacts say about this command.
func (s *session) meta(id string, o order) artifact.Meta {
	args := map[string]any{"which": o.which, "target": s.program.Target.Name}
	if len(o.selects) > 0 {
		args["select"] = o.selects
	}
	if len(o.excludes) > 0 {
		args["exclude"] = o.excludes
	}
	if o.selection.FullRefresh {
		args["full_refresh"] = true
	}
	for name, on := range map[string]bool{"fail_fast": o.failFast, "store_failures": o.store, "defer": s.app.compare.defers || s.app.compare.favor, "favor_state": s.app.compare.favor} {
		if on {
			args[name] = true
		}
	}
	for name, word := range map[string]string{"state": s.app.compare.state, "defer_state": s.app.compare.deferTo} {
		if word != "" {
			args[name] = s.stateWord(word)
		}
	}
	if l := s.options.Limit; l != nil {
		args["empty"] = l.Empty
		if !l.Empty {
			args["sample"] = map[string]string{"start": l.Start.Format(time.RFC3339Nano), "end": l.End.Format(time.RFC3339Nano)}
		}
	}
	if len(s.options.Vars) > 0 {
		args["vars"] = s.options.Vars
	}
	if s.app.dbt != nil {
		for name, value := range s.app.dbt.arguments() {
			if _, has := args[name]; !has || name == "which" {
				args[name] = value
			}
		}
	}
	return artifact.Meta{
		InvocationID: id, GeneratedAt: s.app.now(), Args: args, AdapterType: s.program.Target.Type, Database: s.databaseName(), Env: s.customEnv(),
	}
}

// stateWord is a word of --state that means the same in every folder.
func (s *session) stateWord(word string) string {
	if slices.Contains(s.targets(), word) {
		return word
	}
	return s.app.absolute(word)
}

// databaseName is what the connection calls its database: of an embedded one, the name of its
// file; empty where only the server knows.
func (s *session) databaseName() string {
	if path := s.databaseFile(); path != "" {
		return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	cfg, ok := s.targetConfig()
	if !ok {
		return ""
	}
	if path := cfg.Fields["path"]; strings.HasPrefix(path, ":") {
		return strings.Trim(path, ":") // as DuckDB calls what is kept in memory
	}
	return cfg.Fields["dbname"]
}

// customEnv are the variables that dbt passes on to readers of artifacts.
func (s *session) customEnv() map[string]string {
	out := map[string]string{}
	for _, entry := range s.app.environ() {
		name, value, _ := strings.Cut(entry, "=")
		if rest, ok := strings.CutPrefix(name, "DBT_ENV_CUSTOM_ENV_"); ok {
			out[rest] = value
		}
	}
	return out
}

func (s *session) writeManifest(meta artifact.Meta) error {
	return artifact.WriteTo(s.target(), "manifest.json", func(out io.Writer) error { return artifact.Manifest(out, s.program, meta) })
}

// inspect gives what exists of the program's relations, asking the warehouse about those
// that are not known: a snapshot knows all but the sources.
func (s *session) inspect(ctx context.Context, conn warehouse.Conn, snapshot map[addr.Relation]warehouse.Relation) (map[addr.Node]warehouse.Relation, error) {
	known := make(map[addr.Relation]warehouse.Relation, len(s.program.Order))
	var rest []addr.Relation
	for _, id := range s.program.Order {
		rel := s.program.Nodes[id].Relation
		if r, ok := snapshot[rel]; ok {
			known[rel] = r
		} else if !rel.IsZero() {
			rest = append(rest, rel)
		}
	}
	if len(rest) > 0 {
		found, err := conn.Inspect(ctx, rest)
		if err != nil {
			return nil, fmt.Errorf("inspect the relations of target %s: %w", s.program.Target.Name, err)
		}
		for _, r := range found {
			known[r.Name] = r
		}
	}
	facts := make(map[addr.Node]warehouse.Relation, len(known))
	for _, id := range s.program.Order {
		if r, ok := known[s.program.Nodes[id].Relation]; ok {
			facts[id] = r
		}
	}
	return facts, nil
}

// databaseFile is the file of an embedded warehouse, "" for others.
func (s *session) databaseFile() string {
	cfg, ok := s.targetConfig()
	if !ok || s.scratch {
		return ""
	}
	path := cfg.Fields["path"]
	if path == "" || strings.HasPrefix(path, ":") {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, filepath.FromSlash(path))
	}
	return path
}

// mistakeList makes any error a list of diagnostics.
func mistakeList(err error) diag.List {
	return diag.List{plainError(err)}
}
