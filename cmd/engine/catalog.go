package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/content"
	material "github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/catalog/reading"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// pastRuns is how many builds of a node, and outcomes of a test, the catalog shows.
const pastRuns = 30

// knowledge is what the target tells for the catalog. It is read while the target is open; the
// catalog is made of it afterwards.
type knowledge struct {
	relations map[addr.Node]warehouse.Relation
	snapshot  state.Snapshot
	past      state.Past
	ingests   map[addr.Node]state.Ingest
	tenants   *tenant.Config
	released  map[string]time.Time
	// at is the time of the clock.
	at time.Time
	// materials are the lots of the internal site; nil: it has no pages of them.
	materials *material.Graph
	// immaterial is why it has none that were asked for.
	immaterial error
}

// learn asks the target for all that the catalog shows. held is its state where that is known.
func (s *session) learn(ctx context.Context, conn warehouse.Conn, held *state.Snapshot) (knowledge, error) {
	k := knowledge{at: s.app.now()}
	var snapshotErr, pastErr, ingestsErr, tenantsErr error
	var wait sync.WaitGroup
	wait.Go(func() {
		if held != nil {
			k.snapshot = *held
		} else {
			k.snapshot, snapshotErr = engine.Snapshot(ctx, s.program, conn)
		}
		if snapshotErr == nil {
			k.relations, snapshotErr = s.inspect(ctx, conn, k.snapshot.Relations)
		}
	})
	wait.Go(func() { k.past, pastErr = engine.Past(ctx, s.program, conn, pastRuns) })
	wait.Go(func() { k.ingests, ingestsErr = s.ingests(ctx, conn) })
	wait.Wait()
	if err := cmp.Or(snapshotErr, pastErr, ingestsErr); err != nil {
		return knowledge{}, err
	}
	if s.profile {
		if err := s.profiled(ctx, conn, &k); err != nil {
			return knowledge{}, err
		}
	}
	// What is wrong with the customers is for engine customers to say: the catalog is made without them.
	k.tenants, k.released, _, tenantsErr = distribute.Known(ctx, s.program, conn)
	if ctx.Err() != nil {
		return knowledge{}, ctx.Err()
	}
	if tenantsErr != nil {
		k.tenants, k.released = nil, nil
	}
	k.materials, k.immaterial = s.readMaterials(ctx, conn)
	return k, ctx.Err()
}

// ingests are when rows were last landed in the sources that are ingested.
func (s *session) ingests(ctx context.Context, conn warehouse.Conn) (map[addr.Node]state.Ingest, error) {
	at := map[addr.Relation]addr.Node{}
	var asked []addr.Relation
	for _, id := range s.program.Order {
		if n := s.program.Nodes[id]; n.Source != nil && n.Source.Ingest != nil && !n.Relation.IsZero() {
			at[n.Relation] = id
			asked = append(asked, n.Relation)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	found, err := state.ReadIngests(ctx, conn, s.program.Target.Database, asked)
	if err != nil {
		return nil, err
	}
	out := map[addr.Node]state.Ingest{}
	for rel, in := range found {
		out[at[rel]] = in
	}
	return out, nil
}

// content is the catalog of the project. There is no result when nothing has run (engine docs
// generate).
func (s *session) content(k knowledge, r *run.Result, meta artifact.Meta) (*content.Catalog, error) {
	in := reading.In{
		Program: s.program, Graph: lineage.From(s.program), Columns: columnGraph(s.program), Result: r, Passed: k.snapshot.Passed, Past: k.past,
		Ingests: k.ingests, Profiles: k.past.Profiles, Tenants: k.tenants, Released: k.released, Facts: map[addr.Node]reading.Facts{}, Hidden: s.hidden(),
		GeneratedAt: meta.GeneratedAt, EngineVersion: versionText(), Title: s.project.Settings.CatalogOf().Title.V,
	}
	for id, f := range k.relations {
		in.Facts[id] = reading.Facts{Rows: f.Rows, Bytes: f.Bytes, Columns: f.Columns, BuiltAt: k.snapshot.Nodes[id].At, Layout: f.Layout}
	}
	var err error
	if in.Fresh, err = s.fresh(k); err != nil {
		return nil, err
	}
	return reading.Read(in), nil
}

// hidden are the texts of this machine that no reader is to be told.
func (s *session) hidden() map[string]string {
	out := map[string]string{}
	if s.environment != nil {
		s.environment.mu.Lock()
		for name, v := range s.environment.asked {
			out[v] = "${" + name + "}"
		}
		s.environment.mu.Unlock()
	}
	out[s.dir] = "."
	if real, err := filepath.EvalSymlinks(s.dir); err == nil {
		out[real] = "."
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		out[home] = "~"
	}
	return out
}

// fresh is how old the sources were when engine freshness looked last, or when rows were landed
// by engine ingest since.
func (s *session) fresh(k knowledge) (map[addr.Node]reading.Freshness, error) {
	out := map[addr.Node]reading.Freshness{}
	read, err := s.checkedFreshness()
	if err != nil {
		return nil, err
	}
	maps.Copy(out, read)
	for id, in := range k.ingests {
		n := s.program.Nodes[id]
		if had := out[id]; had.Checked.After(in.At) || n.Source.LoadedAt.V != "" && !had.Checked.IsZero() {
			continue
		}
		f := reading.Freshness{Loaded: in.At, Checked: k.at}
		if limits := n.Source.Freshness; limits != nil && (limits.WarnAfter.Count > 0 || limits.ErrorAfter.Count > 0) {
			f.Status = staleness(k.at.Sub(in.At), *limits)
		}
		out[id] = f
	}
	return out, nil
}

// checkedFreshness reads sources.json of this target. What another program wrote there is left alone.
func (s *session) checkedFreshness() (map[addr.Node]reading.Freshness, error) {
	data, err := os.ReadFile(filepath.Join(s.target(), "sources.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read sources.json: %w", rootCause(err))
	}
	var file struct {
		Metadata struct {
			Args struct {
				Target string `json:"target"`
			} `json:"args"`
		} `json:"metadata"`
		Results []struct {
			ID      string    `json:"unique_id"`
			Loaded  time.Time `json:"max_loaded_at"`
			Checked time.Time `json:"snapshotted_at"`
			Status  string    `json:"status"`
		} `json:"results"`
	}
	if json.Unmarshal(data, &file) != nil {
		return nil, nil
	}
	if t := file.Metadata.Args.Target; t != "" && t != s.program.Target.Name {
		return nil, nil
	}
	out := map[addr.Node]reading.Freshness{}
	for _, r := range file.Results {
		id, ok := artifact.Find(s.program, r.ID)
		if n := s.program.Nodes[id]; !ok || n == nil || n.Source == nil || n.Source.Freshness == nil || r.Checked.IsZero() {
			continue
		}
		out[id] = reading.Freshness{Loaded: r.Loaded, Checked: r.Checked, Status: staleness(r.Checked.Sub(r.Loaded), *s.program.Nodes[id].Source.Freshness)}
	}
	return out, nil
}

// writeDocs writes manifest.json, catalog.json and the site, with what has changed if f is set.
// Without f it is the end of a build, which leaves the pages of a sound site that stay as they are.
func (s *session) writeDocs(ctx context.Context, k knowledge, r *run.Result, meta artifact.Meta, f *audienceFlags) error {
	if k.immaterial != nil {
		return k.immaterial
	}
	if err := s.writeManifest(meta); err != nil {
		return err
	}
	if err := artifact.WriteTo(s.target(), "catalog.json", func(out io.Writer) error { return artifact.Catalog(out, s.program, k.relations, meta) }); err != nil {
		return err
	}
	c, err := s.content(k, r, meta)
	if err != nil {
		return err
	}
	options := materialPages(k.materials)
	if f != nil {
		if options.Changes, err = s.since(ctx, &edition{name: internalAudience}, c, c, f); err != nil {
			return err
		}
	}
	options.Maker = identity()
	site, dir := catalog.Build(c, options), filepath.Join(s.target(), "catalog")
	if f == nil {
		return site.Refresh(dir)
	}
	return site.Write(dir)
}
