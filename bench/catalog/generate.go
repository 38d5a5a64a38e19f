package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/lineage/layout"
)

// made is how making a site went: Wall is for the site alone, Before the processor's time that was
// gone when the catalog was there.
type made struct {
	Wall, Before time.Duration
	Err          string
	cpu          time.Duration
	peak         int64
}

// generate makes the site of a catalog of n models in dir.
func generate(n int, dir string) made {
	begin := time.Now()
	c := contenttest.Large(n)
	var m made
	m.Before = time.Since(begin) // one goroutine
	begin = time.Now()
	if err := catalog.Build(c, catalog.Options{}).Write(dir); err != nil {
		m.Err = err.Error()
	}
	m.Wall = time.Since(begin)
	return m
}

// maker gives what makes a site of n models in a folder.
func (b *bench) maker(n int) (func(dir string) (made, error), error) {
	if !b.project {
		return func(dir string) (made, error) { return b.child(n, dir) }, nil
	}
	project := filepath.Join(b.dir, fmt.Sprint("project-", n))
	if err := gen.Write(project, gen.Options{Models: n, Seed: 42, Tests: true}); err != nil {
		return nil, err
	}
	engine := filepath.Join(b.dir, "engine")
	if _, err := os.Stat(engine); err != nil {
		build := exec.Command("go", "build", "-o", engine, "./cmd/engine")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return nil, fmt.Errorf("build the engine (run this at the module's root): %w", err)
		}
	}
	return func(dir string) (made, error) {
		cmd := exec.Command(engine, "docs", "generate", "--project-dir", project, "--output", dir)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
		begin := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return made{}, fmt.Errorf("engine docs generate: %w\n%s", err, out)
		}
		return made{Wall: time.Since(begin), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak: peakMemory(cmd.ProcessState)}, nil
	}, nil
}

// checksum is of the names and bytes of all files in dir.
func checksum(dir string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(p)))
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(sum, "%s\n", p)
		_, err = io.Copy(sum, f)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// layout times the drawing of all nodes of a project of 5,000 models, in one piece.
func (b *bench) layout() {
	c := contenttest.Large(5000)
	in := layout.Input{RankGap: 60, RowGap: 12}
	for n, node := range c.Nodes {
		in.Boxes = append(in.Boxes, layout.Size{W: float64(20 + 8*len(node.ID.Name)), H: 28})
		for _, p := range node.Parents {
			in.Edges = append(in.Edges, [2]int{p, n})
		}
	}
	var walls []float64
	for range b.runs {
		begin := time.Now()
		layout.Layered(in)
		walls = append(walls, time.Since(begin).Seconds())
	}
	b.table.add(fmt.Sprintf("layout of 5,000 models (%d nodes, %d edges)", len(in.Boxes), len(in.Edges)), "s", 1, b.sizes[len(b.sizes)-1], walls)
}
