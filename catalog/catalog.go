package catalog

import (
	"bytes"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// In is everything the site is made of.
type In struct {
	Program *compile.Program
	// Graph is lineage.From(Program); it is made when nil.
	Graph *lineage.Graph
	// Columns is the graph of columns; without it pages say nothing about where columns come from.
	Columns *lineage.Columns
	// Result is the last run, nil if there was none.
	Result *run.Result
	// Facts are what the warehouse says about built relations. Missing nodes are fine.
	Facts map[addr.Node]Facts
	// Passed is what the state remembers of tests. It speaks where Result has no answer: a
	// run tests only what is due, and there may have been no run. Tests that have changed
	// since do not count; a record with failures warned.
	Passed map[addr.Node]state.TestRecord
	// Title is shown instead of the project's name.
	Title string
	// GeneratedAt and EngineVersion stand in the footer; zero values leave them out.
	GeneratedAt   time.Time
	EngineVersion string
}

// Facts are known about one built relation. Rows and Bytes are -1 when unknown.
type Facts struct {
	Rows, Bytes int64
	Columns     []warehouse.Column
	BuiltAt     time.Time
}

// Site is a finished site: files by their slash-separated path. The same In gives the
// same bytes.
type Site struct{ files map[string][]byte }

// Paths lists the files, sorted.
func (s *Site) Paths() []string { return slices.Sorted(maps.Keys(s.files)) }

// Build makes the site.
func Build(in In) *Site {
	if in.Graph == nil {
		in.Graph = lineage.From(in.Program)
	}
	b := newBook(in)
	site := &Site{files: map[string][]byte{}}
	maps.Copy(site.files, assetFiles())
	maps.Copy(site.files, b.dataFiles())
	b.flowFiles(site.files)
	for _, page := range b.render() {
		site.files[page.path] = page.body
	}
	return site
}

// rendered is one finished page.
type rendered struct {
	path string
	body []byte
}

// render makes all pages on all processors; pages do not depend on each other.
func (b *book) render() []rendered {
	jobs := b.pages()
	out := make([]rendered, len(jobs))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var scratch bytes.Buffer
			for i := range next {
				out[i] = rendered{jobs[i].path, b.page(jobs[i], &scratch)}
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}
