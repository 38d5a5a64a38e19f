package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// phase is what a part of the work took, in seconds.
type phase struct{ Wall, CPU float64 }

// phases are the parts of the work on a project, one after another in one process.
type phases struct {
	Load  phase   // files, templates, refs, order
	Again phase   // the same once more
	Cold  phase   // static check with nothing kept: analysis, lineage, translation
	Warm  phase   // with all kept
	Plan  phase   // of all models, on an empty database
	Edits []phase // check after an edit of one file, all being read again
	Open  []phase // the same where the project is kept open, as the editor keeps it
	// Heap is what stays in memory of a checked program, in MB.
	Heap float64
}

// edits is how many edits are measured in one process.
const edits = 3

// childPhases measures the phases of a project and prints them as JSON. It edits the first of its
// models and puts it back.
func childPhases(ctx context.Context, dir string) (err error) {
	var out phases
	kept := filepath.Join(dir, "target", "analysis.kept")
	if err := os.RemoveAll(filepath.Join(dir, "target")); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	measure := func(into *phase, f func() error) error {
		runtime.GC() // what the phase before left is not this one's
		wall, cpu := time.Now(), cpuTime()
		err := f()
		*into = phase{time.Since(wall).Seconds(), (cpuTime() - cpu).Seconds()}
		return err
	}
	for _, into := range []*phase{&out.Load, &out.Again} {
		if err := measure(into, func() error { _, err := load(ctx, dir, false); return err }); err != nil {
			return err
		}
	}
	o := engine.Options{
		Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Version: "bench",
	}
	var program *compile.Program
	check := func() error {
		p, ds := engine.Load(o)
		if !ds.HasErrors() {
			program, ds = engine.Compile(ctx, p, o)
		}
		if ds.HasErrors() {
			return ds[0]
		}
		return nil
	}
	for _, into := range []*phase{&out.Cold, &out.Warm} {
		program = nil
		if err := measure(into, check); err != nil {
			return err
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Heap = float64(m.HeapAlloc >> 20)

	conn, err := engine.Open(ctx, program, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	selection := plan.Selection{Nodes: map[addr.Node]bool{}}
	edited := ""
	for _, id := range program.Order {
		selection.Nodes[id] = true
		if n := program.Nodes[id]; n.File != nil && (edited == "" || n.Path < edited) {
			edited = n.Path
		}
	}
	if err := measure(&out.Plan, func() error {
		_, ds, err := engine.Plan(ctx, program, conn, selection)
		if err == nil && ds.HasErrors() {
			err = ds[0]
		}
		return err
	}); err != nil {
		return err
	}

	path := filepath.Join(dir, filepath.FromSlash(edited))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, text, 0o644)) }()
	var base *compile.Base
	o.Jobs = runtime.GOMAXPROCS(0)
	desk := engine.NewDesk(o)
	defer desk.Close()
	open := func() error {
		if base != nil {
			base.Close()
		}
		p, ds := desk.Load(nil)
		if !ds.HasErrors() {
			program, base, ds = desk.Compile(ctx, p, nil)
		}
		if ds.HasErrors() {
			return ds[0]
		}
		return nil
	}
	defer func() {
		if base != nil {
			base.Close()
		}
	}()
	if err := open(); err != nil {
		return err
	}
	for i := range edits {
		for _, way := range []struct {
			name  string
			into  *[]phase
			check func() error
		}{{"all is read again", &out.Edits, check}, {"open", &out.Open, open}} {
			program = nil
			if err := os.WriteFile(path, fmt.Appendf(nil, "%s\n-- edit %d, %s\n", text, i, way.name), 0o644); err != nil {
				return err
			}
			*way.into = append(*way.into, phase{})
			if err := measure(&(*way.into)[i], way.check); err != nil {
				return err
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// project writes a project of n models once and gives its folder.
func (b *bench) project(n int) (string, error) {
	dir := filepath.Join(b.dir, fmt.Sprint("project", n))
	if b.made[dir] {
		return dir, nil
	}
	b.made[dir] = true
	return dir, write(dir, n)
}

// measured are the phases of a project of n models in a process for each run, and what those
// took as processes.
func (b *bench) measured(n, runs int) (all []phases, s sample, err error) {
	dir, err := b.project(n)
	if err != nil {
		return nil, s, err
	}
	for range runs {
		text, err := s.add("", b.self, "-child", "phases", dir)
		if err != nil {
			return nil, s, err
		}
		var p phases
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			return nil, s, err
		}
		all = append(all, p)
	}
	return all, s, nil
}

// each takes one phase out of all runs.
func each(all []phases, of func(phases) []phase) (walls, cpus []float64) {
	for _, p := range all {
		for _, x := range of(p) {
			walls, cpus = append(walls, x.Wall), append(cpus, x.CPU)
		}
	}
	return walls, cpus
}
