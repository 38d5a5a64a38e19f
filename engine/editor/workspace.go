package editor

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// Options say which project is edited.
type Options struct {
	// Options are those of loading and compiling: target, variables, environment, drivers.
	// Dir is given to Open. Jobs are the workers of whole checks; 0 leaves one core to whoever
	// types.
	Options engine.Options
	// Published is called when the diagnostics of files may have changed, with their paths,
	// sorted: for each Set whose text is still the newest once, and after each whole check. It
	// is never called twice at a time, and must not call Settled or Close. nil: nobody is told.
	Published func(paths []string)
	// Pause is how long nothing must have changed before the whole project is checked; 0: a
	// quarter of a second.
	Pause time.Duration
}

// Workspace is a project that is being edited. Safe for concurrent use.
//
// Two goroutines work for it: one looks at files that have changed, one by one, the other at
// the whole project once nothing changes for a while. What changes meanwhile ends the latter's
// work, which begins anew.
type Workspace struct {
	options Options
	desk    *engine.Desk
	dir     string

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	view    atomic.Pointer[View]
	telling sync.Mutex // held while Published is called

	mu      sync.Mutex
	buffers map[string][]byte
	changes int // so far
	checked int // changes that the last whole check has seen
	queue   []string
	busy    int // quick looks and tellings under way
	base    *compile.Base
	whole   *compile.Base    // base of the last whole check, which holds what both need
	loaded  *project.Project // read by a check that is not done; before the first one is
	stop    context.CancelFunc
	quick   chan struct{} // there is something in queue
	begin   chan struct{} // there is something to check
	idle    sync.Cond
}

// Open begins to edit the project in dir. The first View has no Program until the first whole
// check has ended. The caller must Close it.
func Open(ctx context.Context, dir string, o Options) (*Workspace, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	o.Options.Dir = abs
	if o.Pause <= 0 {
		o.Pause = 250 * time.Millisecond
	}
	w := &Workspace{
		options: o, dir: abs, desk: engine.NewDesk(o.Options), buffers: map[string][]byte{}, changes: 1,
		quick: make(chan struct{}, 1), begin: make(chan struct{}, 1),
	}
	w.idle.L = &w.mu
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.view.Store(&View{})
	w.begin <- struct{}{}
	w.work.Go(w.desk.Warm)
	w.work.Go(w.lookQuickly)
	w.work.Go(w.lookAtAll)
	return w, nil
}

// Set gives a file the text of its buffer, saved or not. The View has it when Set returns, its
// diagnostics follow. The text must not be changed afterwards.
func (w *Workspace) Set(path string, text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")) // as in files
	w.buffers[path] = text
	f := source.NewFile(path, text)
	v := w.view.Load()
	s := v.since[path]
	s.file = f
	w.view.Store(v.with(path, s))
	w.changed()
	w.look(path)
}

// Drop takes the text of a buffer back: the file on disk counts again, and is read at once.
func (w *Workspace) Drop(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, open := w.buffers[path]; !open {
		return
	}
	delete(w.buffers, path)
	w.desk.Forget(path)
	s := since{}
	if text, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(path))); err == nil {
		s.file = source.NewFile(path, bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")))
	}
	w.view.Store(w.view.Load().with(path, s))
	w.changed()
	w.look(path)
}

// Touched says that files are new, changed or gone on disk; none: any may be.
func (w *Workspace) Touched(paths ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.desk.Forget(paths...)
	w.changed()
}

// changed ends the whole check that is under way, and asks for another.
func (w *Workspace) changed() {
	w.changes++
	if w.stop != nil {
		w.stop()
	}
	signal(w.begin)
}

func (w *Workspace) look(path string) {
	if !slices.Contains(w.queue, path) {
		w.queue = append(w.queue, path)
	}
	signal(w.quick)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// View is the project as it is now.
func (w *Workspace) View() *View { return w.view.Load() }

// Settled waits until the View is that of a whole check of all that was said before, and
// everybody has been told. It ends with an error when ctx does, or when the Workspace is closed.
func (w *Workspace) Settled(ctx context.Context) error {
	return w.until(ctx, func() bool { return w.checked >= w.changes && len(w.queue) == 0 && w.busy == 0 })
}

// Known waits until the View has a Program, or the first whole check has ended without one. It
// ends with an error when ctx does, or when the Workspace is closed.
func (w *Workspace) Known(ctx context.Context) error {
	return w.until(ctx, func() bool { return w.checked > 0 || w.view.Load().Program != nil })
}

// until waits until ok, which is asked with the lock held.
func (w *Workspace) until(ctx context.Context, ok func() bool) error {
	defer context.AfterFunc(ctx, w.wake)()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !ok() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		w.idle.Wait()
	}
	return nil
}

func (w *Workspace) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle.Broadcast()
}

// Close stops all work, waits for its end and frees what it holds. It may be called twice.
func (w *Workspace) Close() error {
	w.cancel()
	w.wake()
	w.work.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.whole != nil {
		w.whole.Close()
	}
	w.whole, w.base = nil, nil
	w.desk.Close()
	return nil
}

// lookQuickly looks at files that have changed, one by one, until the Workspace is closed.
func (w *Workspace) lookQuickly() {
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.quick:
		}
		for w.lookAtNext() {
		}
	}
}

// lookAtNext looks at the file that waits longest.
func (w *Workspace) lookAtNext() bool {
	w.mu.Lock()
	if len(w.queue) == 0 || w.ctx.Err() != nil {
		w.mu.Unlock()
		return false
	}
	path := w.queue[0]
	w.queue = w.queue[1:]
	w.busy++
	v, base, loaded := w.view.Load(), w.base, w.loaded
	f := v.since[path].file
	w.mu.Unlock()

	var q quick
	if f != nil {
		q = w.quickly(v, base, loaded, f)
	}
	w.mu.Lock()
	now := w.view.Load()
	s, there := now.since[path]
	tell := !there || f == nil // the whole check was faster
	if there && f != nil && s.file == f {
		tell = true
		if base == w.base && q.checked {
			s.checked, s.found = true, q.found
			if q.node != nil {
				last, _ := now.LastGood(path)
				if s.node, s.good = q.node, q.node; q.broken {
					s.good = last
				}
			}
			w.view.Store(now.with(path, s))
			if q.base != nil {
				w.base = q.base
			}
		}
	}
	w.mu.Unlock()
	if tell {
		w.tell([]string{path})
	}
	w.mu.Lock()
	w.busy--
	w.idle.Broadcast()
	w.mu.Unlock()
	return true
}

func (w *Workspace) tell(paths []string) {
	if w.options.Published == nil || len(paths) == 0 {
		return
	}
	w.telling.Lock()
	defer w.telling.Unlock()
	if w.ctx.Err() == nil {
		w.options.Published(paths)
	}
}

// lookAtAll checks the whole project whenever something has changed and then nothing for a
// while, until the Workspace is closed.
func (w *Workspace) lookAtAll() {
	first := true
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.begin:
		}
		if !first && !w.quiet() {
			return
		}
		first = false
		w.checkAll()
	}
}

// quiet waits until nothing has changed for a while. It is false when the Workspace is closed.
func (w *Workspace) quiet() bool {
	t := time.NewTimer(w.options.Pause)
	defer t.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return false
		case <-w.begin:
			t.Reset(w.options.Pause)
		case <-t.C:
			return true
		}
	}
}

// checkAll checks the whole project, unless something changes meanwhile.
func (w *Workspace) checkAll() {
	w.mu.Lock()
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	w.stop = stop
	changes, buffers := w.changes, maps.Clone(w.buffers)
	w.mu.Unlock()

	r := w.load(ctx, buffers)
	if r == nil {
		return
	}
	w.mu.Lock()
	if w.changes != changes || w.ctx.Err() != nil {
		w.mu.Unlock()
		if r.base != nil {
			r.base.Close()
		}
		return
	}
	before := w.view.Load()
	program := r.program
	if program == nil && before.Program != nil {
		program = before.Program // a target that cannot be: what was known still helps
	}
	after := newView(r.project, program, w.desk.Files(), r.found, before)
	for path := range w.buffers {
		if after.files[path] == nil { // not of the project: known nevertheless
			if s, ok := before.since[path]; ok && s.file != nil {
				after = after.with(path, since{file: s.file})
			}
		}
	}
	old := w.whole
	w.base, w.whole, w.loaded = r.base, r.base, nil
	if r.base == nil {
		w.loaded = r.project
	}
	w.view.Store(after)
	w.busy++
	w.checked = changes
	w.mu.Unlock()
	if old != nil {
		old.Close()
	}
	w.tell(differing(before, after))
	w.mu.Lock()
	w.busy--
	w.idle.Broadcast()
	w.mu.Unlock()
}

// result is that of a whole check.
type result struct {
	project *project.Project
	program *compile.Program
	base    *compile.Base
	found   diag.List
}

// load loads, compiles and applies the rules; nil when ctx ends. A panic of ours becomes a
// diagnostic.
func (w *Workspace) load(ctx context.Context, buffers map[string][]byte) (r *result) {
	r = &result{}
	defer func() {
		if p := recover(); p != nil {
			r.found.Add(fault(source.Span{}, "checking the project", p))
			r.found = r.found.Sorted()
		}
	}()
	r.project, r.found = w.desk.Load(buffers)
	if ctx.Err() != nil {
		return nil
	}
	if r.project.Settings.File == nil {
		return r // no project
	}
	w.mu.Lock()
	first := w.base == nil
	if first {
		w.loaded = r.project
		for path := range w.buffers {
			w.look(path)
		}
	}
	w.mu.Unlock()
	if first && w.desk.Cold(r.project) {
		w.lookAtOpen(ctx, r, buffers)
	}
	var found diag.List
	r.program, r.base, found = w.desk.Compile(ctx, r.project, buffers)
	if ctx.Err() != nil {
		if r.base != nil {
			r.base.Close()
		}
		return nil
	}
	r.found.Add(found...)
	if r.program != nil {
		r.found.Add(check.Run(r.program, check.Options{Partial: r.found.HasErrors()})...)
	}
	r.found = r.found.Sorted()
	return r
}

// lookAtOpen compiles what stands in open files and what that reads, where the whole project
// will take long: names, references and these files are known then.
func (w *Workspace) lookAtOpen(ctx context.Context, r *result, buffers map[string][]byte) {
	program, base, found := w.desk.Near(ctx, r.project, slices.Collect(maps.Keys(buffers)))
	if base == nil {
		return
	}
	list := slices.Clone(r.found)
	for _, d := range found {
		if _, open := buffers[pathOf(d)]; open {
			list.Add(d)
		}
	}
	w.mu.Lock()
	if ctx.Err() != nil {
		w.mu.Unlock()
		base.Close()
		return
	}
	before, old := w.view.Load(), w.whole
	after := newView(r.project, program, w.desk.Files(), list.Sorted(), before)
	w.base, w.whole = base, base
	w.view.Store(after)
	w.busy++
	w.mu.Unlock()
	if old != nil {
		old.Close()
	}
	w.tell(differing(before, after))
	w.mu.Lock()
	w.busy--
	w.idle.Broadcast()
	w.mu.Unlock()
}

// differing are the files whose diagnostics differ between two Views, sorted.
func differing(a, b *View) []string {
	paths := map[string]bool{}
	for _, v := range []*View{a, b} {
		for _, p := range v.Paths() {
			paths[p] = true
		}
	}
	for p := range paths {
		if slices.EqualFunc(a.Diagnostics(p), b.Diagnostics(p), equal) {
			delete(paths, p)
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// equal reports whether two diagnostics say the same of the same place.
func equal(a, b diag.Diagnostic) bool {
	place := func(s source.Span) [2]int { return [2]int{s.Start, s.End} }
	if pathOf(a) != pathOf(b) || place(a.At) != place(b.At) || len(a.Labels) != len(b.Labels) || len(a.Edits) != len(b.Edits) {
		return false
	}
	for i := range a.Labels {
		if place(a.Labels[i].At) != place(b.Labels[i].At) || a.Labels[i].Text != b.Labels[i].Text {
			return false
		}
	}
	for i := range a.Edits {
		if place(a.Edits[i].At) != place(b.Edits[i].At) || a.Edits[i].New != b.Edits[i].New {
			return false
		}
	}
	return a.Severity == b.Severity && a.Code == b.Code && a.Message == b.Message && a.AtText == b.AtText && a.Help == b.Help && reflect.DeepEqual(a.Notes, b.Notes)
}
