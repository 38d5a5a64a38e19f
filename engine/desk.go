package engine

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/internal/kept"
)

// Desk is where a project is edited: it keeps from one Load and Compile to the next what they
// have in common, which are files, sessions of the analyzer and what they answered. Safe for
// concurrent use.
type Desk struct {
	options Options
	first   int // workers while nothing is kept
	shelf   *project.Shelf
	pool    *googlesql.Pool
	answers *answers

	working sync.Mutex // held by the compilation of everything that is on: one after another

	mu     sync.Mutex
	closed bool
	last   *compile.Base // of the last compilation, see again; nil: there is none
	of     *project.Project
	// typed are files of which something is known only here, since they were not saved when it was
	// found out. It is nil where that may be all files.
	typed map[string]bool
	quick int // compilations that took most from the one before
}

// NewDesk is a Desk for a project. Jobs of the options are the workers of whole compilations;
// 0 leaves one core to whoever types, but for the first compilation of a project of which nothing
// is kept: it takes long, little can be answered before it, and what is typed ends it. The
// caller must Close it.
func NewDesk(o Options) *Desk {
	first := o.Jobs
	if o.Jobs < 1 {
		first = runtime.GOMAXPROCS(0)
		o.Jobs = max(first-1, 1)
	}
	d := &Desk{options: o, first: first, shelf: project.NewShelf(), answers: &answers{recent: map[string][]byte{}}}
	// One session more than there are workers: a file that is compiled by itself waits for nobody.
	d.pool = newPool(first + 1)
	return d
}

// whole are the options of a whole compilation; cold: nothing is kept.
func (d *Desk) whole(cold bool) Options {
	o := d.options
	if cold {
		o.Jobs = d.first
	}
	return o
}

func newPool(n int) *googlesql.Pool {
	return googlesql.NewPool(n, func() (*googlesql.Session, error) { return googlesql.Open(googlesql.Options{}) })
}

// Warm opens the sessions that the first answers would wait for.
func (d *Desk) Warm() {
	var out []*googlesql.Session
	for range 2 {
		if s, err := d.pool.Get(); err == nil {
			out = append(out, s)
		}
	}
	for _, s := range out {
		d.pool.Put(s)
	}
}

// Close frees the sessions. What is being compiled ends with an error.
func (d *Desk) Close() {
	d.mu.Lock()
	d.closed = true
	last := d.last
	d.last, d.of = nil, nil
	d.mu.Unlock()
	if last != nil {
		last.Close()
	}
	d.pool.Close()
}

// Load is engine.Load with the texts of buffers, by path, in the place of files.
func (d *Desk) Load(buffers map[string][]byte) (*project.Project, diag.List) {
	p, found := project.LoadOver(d.options.Dir, d.options.Env, buffers, d.shelf)
	return p, append(found, checkConnections(p, d.options.Drivers)...)
}

// Files are the texts of templates, properties, macros and docs blocks that the last Load read.
func (d *Desk) Files() map[string]*source.File { return d.shelf.Files() }

// Forget says that files have changed on disk.
func (d *Desk) Forget(paths ...string) { d.shelf.Forget(paths...) }

// Check finds what is wrong in one file of YAML or Markdown by itself.
func (d *Desk) Check(f *source.File) diag.List {
	return project.Check(d.options.Dir, d.options.Env, f)
}

// Compile is engine.Compile that single files can be compiled against. The Base must be
// closed. buffers are those of Load: where there is none that differs from its file, or where
// nothing is written down yet, what is found out is written down for other programs, too. Where
// nothing but a few templates has changed since the last time, the rest is taken from there.
func (d *Desk) Compile(ctx context.Context, p *project.Project, buffers map[string][]byte) (*compile.Program, *compile.Base, diag.List) {
	d.working.Lock()
	defer d.working.Unlock()
	cold := d.Cold(p) // opens the file
	d.answers.through.Store(saved(p.Dir, buffers) || d.answers.isEmpty())
	defer d.answers.through.Store(false)
	program, base, found, ok := d.again(ctx, p)
	if !ok {
		program, base, found = d.whole(cold).compile(ctx, p, d, nil)
		d.mu.Lock()
		if d.typed = nil; d.answers.through.Load() {
			d.typed = map[string]bool{}
		}
		d.mu.Unlock()
	}
	// Without the target's own analyzer the next compilation tries again.
	if off := func(f diag.Diagnostic) bool { return f.Code == codeNoAnalysis }; base != nil && ctx.Err() == nil && !slices.ContainsFunc(found, off) {
		d.remember(base, p)
	}
	return program, base, found
}

// again compiles what a few edits have changed. ok is false where everything has to be compiled.
func (d *Desk) again(ctx context.Context, p *project.Project) (*compile.Program, *compile.Base, diag.List, bool) {
	d.mu.Lock()
	last, of, typed := d.last, d.of, d.typed
	d.mu.Unlock()
	through := d.answers.through.Load()
	if last == nil || through && typed == nil {
		return nil, nil, nil, false
	}
	files, ok := project.Edited(of, p)
	if !ok {
		return nil, nil, nil, false
	}
	if through {
		// What was found out while they were typed is written down now that they are saved.
		for _, path := range slices.Sorted(maps.Keys(typed)) {
			if f := p.Text(path); f != nil && !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	_, driver, ds := chooseTarget(p, d.options)
	if ds.HasErrors() {
		return nil, nil, nil, false
	}
	program, base, found, ok := last.Again(ctx, p, files)
	if !ok {
		return nil, nil, nil, false
	}
	if ctx.Err() == nil {
		_ = d.answers.Save() // it is worth nothing but time
	}
	d.mu.Lock()
	if d.quick++; d.typed != nil {
		d.typed = map[string]bool{}
		if !through {
			d.typed = maps.Clone(typed)
			for _, path := range base.Anew() {
				d.typed[path] = true
			}
		}
	}
	d.mu.Unlock()
	ds.Add(found...)
	ds.Add(d.options.judge(ctx, p, program, driver)...)
	return program, base, ds.Sorted(), true
}

// remember keeps what the next compilation starts from.
func (d *Desk) remember(base *compile.Base, of *project.Project) {
	base = base.Share()
	d.mu.Lock()
	was := d.last
	if d.closed {
		was = base // nobody would close it any more
	} else {
		d.last, d.of = base, of
	}
	d.mu.Unlock()
	if was != nil {
		was.Close()
	}
}

// Near is Compile that analyzes only what stands in some files and what that reads: tests are
// not looked at, and what is found is true of those files only. It takes a fraction of the time
// where nothing is kept.
func (d *Desk) Near(ctx context.Context, p *project.Project, paths []string) (*compile.Program, *compile.Base, diag.List) {
	return d.options.compile(ctx, p, d, append([]string{}, paths...))
}

// Cold reports whether nothing is kept of earlier compilations.
func (d *Desk) Cold(p *project.Project) bool {
	_, driver, ds := chooseTarget(p, d.options)
	if ds.HasErrors() {
		return false
	}
	d.options.store(p, driver, translator(driver), d)
	return d.answers.none()
}

// saved reports whether all buffers are as their files are; a byte order mark is no part of either.
func saved(dir string, buffers map[string][]byte) bool {
	for path, text := range buffers {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		if err != nil || !bytes.Equal(unmarked(data), unmarked(text)) {
			return false
		}
	}
	return true
}

func unmarked(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\uFEFF")) }

// With compiles one file against a Base, see compile.Base.With: with what Compile adds to it.
func (d *Desk) With(ctx context.Context, b *compile.Base, f *source.File) (compile.Edited, bool) {
	e, ok := b.With(ctx, f)
	if !ok || d.options.SkipAnalysis || b.Partial() {
		return e, ok
	}
	if n := e.Node; n != nil && !e.Program.Broken[n.ID] {
		e.Found.Add(materialize.Check(n, e.Program.Target.Dialect.Caps())...)
	}
	if e.Program.Project.Settings.Distribution != nil {
		for _, found := range tenant.Check(e.Program) {
			if found.At.File == f {
				e.Found.Add(found)
			}
		}
	}
	e.Found = e.Found.Sorted()
	return e, ok
}

// sessions are those that a compilation of p uses, and what to do with them after it. Functions
// of the project stay in the sessions that they were declared in.
func (d *Desk) sessions(p *project.Project) (*googlesql.Pool, func()) {
	if len(p.Functions) == 0 {
		return d.pool, func() {}
	}
	own := newPool(d.first + 1)
	return own, own.Close
}

// recentBytes bounds what is kept of texts that nobody has saved.
const recentBytes = 32 << 20

// answers are those of earlier compilations: of saved texts in the file that the command
// shares, of others in memory, as far as there is room.
type answers struct {
	through atomic.Bool // what comes is of saved texts

	mu     sync.Mutex
	name   [2]string
	store  *kept.Store // nil: nothing is kept on disk
	grown  int         // bytes added to the store since it was opened
	empty  bool        // there was nothing in the file, and there is nothing yet
	recent map[string][]byte
	order  []string // keys of recent, the oldest first
	size   int      // bytes of recent
}

// open makes a file the one that answers are kept in. It is opened again where this process
// has added much: the file is held to its bounds then.
func (a *answers) open(path, version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name := [2]string{path, version}; a.store == nil || a.name != name || a.grown > 2*recentBytes {
		a.store, a.name, a.grown = kept.Open(path, version), name, 0
		a.empty = a.store.Len() == 0
	}
}

// none reports whether nothing is kept.
func (a *answers) none() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.recent) == 0 && (a.store == nil || a.store.Len() == 0)
}

func (a *answers) isEmpty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.empty
}

func (a *answers) Get(key string) ([]byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store != nil {
		if v, ok := a.store.Get(key); ok {
			return v, true
		}
	}
	v, ok := a.recent[key]
	if ok && a.through.Load() && a.store != nil {
		a.store.Put(key, v)
		a.grown += len(key) + len(v)
	}
	return v, ok
}

func (a *answers) Put(key string, value []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.through.Load() && a.store != nil {
		a.store.Put(key, value)
		a.grown += len(key) + len(value)
		return
	}
	if _, known := a.recent[key]; known || len(value) > recentBytes/4 {
		return
	}
	a.recent[key] = value
	a.order = append(a.order, key)
	a.size += len(key) + len(value)
	for a.size > recentBytes {
		oldest := a.order[0]
		a.order = a.order[1:]
		a.size -= len(oldest) + len(a.recent[oldest])
		delete(a.recent, oldest)
	}
}

// Save writes down what is new.
func (a *answers) Save() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store == nil {
		return nil
	}
	a.empty = a.empty && !a.through.Load()
	return a.store.Save()
}

// keeping is a store of what was found before.
type keeping interface {
	compile.Cache
	Save() error
}
