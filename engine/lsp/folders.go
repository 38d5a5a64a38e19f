package lsp

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/editor"
)

// folder is a project: a folder with the settings file. Opening it takes as long as reading
// it, and edits do not wait for that: they are handed on afterwards.
type folder struct {
	dir   string
	ready chan struct{} // closed when the workspace is there, or err
	stop  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	buffers map[string][]byte // set before the workspace was there
	ws      *editor.Workspace
	err     error
}

// project is the folder that has a file, opened if it is not yet; nil: no project has it.
func (s *server) project(file string) *folder {
	dir, ok := s.options.Find(file)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.folders[dir]; f != nil {
		return f
	}
	if s.ended {
		return nil
	}
	ctx, stop := context.WithCancel(s.ctx)
	f := &folder{dir: dir, ready: make(chan struct{}), stop: stop, buffers: map[string][]byte{}}
	s.folders[dir] = f
	s.opening.Go(func() {
		if ws := s.openFolder(ctx, f); ws != nil {
			s.progress(ctx, f.dir, ws)
		}
	})
	return f
}

// openFolder opens a project; nil where that cannot be, or is not wanted any more.
func (s *server) openFolder(ctx context.Context, f *folder) *editor.Workspace {
	defer close(f.ready)
	var ws *editor.Workspace
	start := s.options.Now()
	err := s.dispatcher.guard("open project", func() (err error) {
		ws, err = s.options.Open(ctx, f.dir, func(paths []string) { s.publisher.mark(f, paths...) })
		return err
	})
	s.log("project opened in %s%s", s.options.Now().Sub(start), outcome(err))
	if err != nil {
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
		if ctx.Err() == nil {
			s.show(messageError, "the project in "+f.dir+" cannot be opened: "+err.Error())
		}
		return nil
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		_ = ws.Close()
		return nil
	}
	for path, data := range f.buffers {
		ws.Set(path, data)
	}
	f.ws, f.buffers = ws, nil
	f.mu.Unlock()
	s.publisher.mark(f, ws.View().Paths()...)
	return ws
}

// progress tells the editor that the project is being checked for the first time.
func (s *server) progress(ctx context.Context, dir string, ws *editor.Workspace) {
	if !s.client.Window.WorkDoneProgress {
		return
	}
	token := "engine " + dir
	if s.callback(ctx, "window/workDoneProgress/create", map[string]any{"token": token}) != nil {
		return
	}
	s.send("$/progress", map[string]any{"token": token, "value": map[string]any{"kind": "begin", "title": "engine: checking " + filepath.Base(dir)}})
	_ = ws.Settled(ctx)
	s.send("$/progress", map[string]any{"token": token, "value": map[string]any{"kind": "end"}})
}

func (f *folder) set(path string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ws != nil:
		f.ws.Set(path, data)
	case f.buffers != nil:
		f.buffers[path] = data
	}
}

func (f *folder) drop(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ws != nil {
		f.ws.Drop(path)
	} else {
		delete(f.buffers, path)
	}
}

// touched says that files changed on disk; none: any may have.
func (f *folder) touched(paths ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ws != nil {
		f.ws.Touched(paths...)
	}
}

// workspace is nil while the project is being opened, and where it cannot be.
func (f *folder) workspace() *editor.Workspace {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ws
}

// wait gives the workspace, once it is there.
func (f *folder) wait(ctx context.Context) (*editor.Workspace, error) {
	select {
	case <-f.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ws, f.err
}

// view is the project as it is when the workspace is there and, unless it is nil, wait has
// ended; nil: the project has been closed.
func (f *folder) view(ctx context.Context, wait func(*editor.Workspace, context.Context) error) (*editor.View, error) {
	var ws *editor.Workspace
	if err := aside(ctx, func() (err error) {
		ws, err = f.wait(ctx)
		if err == nil && ws != nil && wait != nil {
			err = wait(ws, ctx)
		}
		return err
	}); err != nil || ws == nil {
		return nil, err
	}
	return ws.View(), nil
}

func (f *folder) close() {
	f.stop()
	f.mu.Lock()
	ws := f.ws
	f.closed, f.ws, f.buffers = true, nil, nil
	f.mu.Unlock()
	if ws != nil {
		_ = ws.Close()
	}
}

// place finds the project of a document.
func (s *server) place(d *document) {
	d.project, d.path = nil, ""
	if d.file == "" {
		return
	}
	f := s.project(d.file)
	if f == nil {
		return
	}
	if path, ok := f.path(d.file); ok {
		d.project, d.path = f, path
	}
}

// path is that of a file within the project.
func (f *folder) path(file string) (string, bool) {
	rel, err := filepath.Rel(f.dir, file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// generated reports whether a path is below the folder that the engine itself writes.
func (f *folder) generated(path string) bool {
	target := "target"
	if ws := f.workspace(); ws != nil {
		if p := ws.View().Project; p != nil {
			target = filepath.ToSlash(filepath.Clean(p.Settings.TargetPath))
		}
	}
	return strings.HasPrefix(path, target+"/")
}

// replace looks again which project has which document: settings files come and go.
func (s *server) replace() {
	s.mu.Lock()
	var all []*document
	for _, d := range s.documents {
		all = append(all, d)
	}
	var dirs []*folder
	for _, f := range s.folders {
		dirs = append(dirs, f)
	}
	s.mu.Unlock()
	for _, f := range dirs {
		if dir, ok := s.options.Find(filepath.Join(f.dir, s.options.Settings)); ok && dir == f.dir && !f.failed() {
			continue
		}
		s.mu.Lock()
		delete(s.folders, f.dir)
		s.mu.Unlock()
		s.publisher.forget(f)
		f.close()
	}
	for _, old := range all {
		d := *old
		if s.place(&d); d.project == old.project {
			continue
		}
		s.mu.Lock()
		current := s.documents[d.uri] == old
		if current {
			s.documents[d.uri] = &d
		}
		s.mu.Unlock()
		if current {
			s.set(&d)
		}
	}
	s.openRoots()
}

func (f *folder) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

// openRoots opens the projects of the workspace folders.
func (s *server) openRoots() {
	s.mu.Lock()
	roots := append([]string(nil), s.roots...)
	s.mu.Unlock()
	for _, root := range roots {
		s.project(filepath.Join(root, s.options.Settings))
	}
}

// changeFolders is workspace/didChangeWorkspaceFolders.
func (s *server) changeFolders(_ context.Context, p didChangeWorkspaceFoldersParams) error {
	s.mu.Lock()
	for _, w := range p.Event.Removed {
		if path, ok := pathOf(w.URI); ok {
			for i, r := range s.roots {
				if r == path {
					s.roots = append(s.roots[:i:i], s.roots[i+1:]...)
					break
				}
			}
		}
	}
	for _, w := range p.Event.Added {
		if path, ok := pathOf(w.URI); ok {
			s.roots = append(s.roots, path)
		}
	}
	// A project stays as long as a folder or a buffer needs it.
	needed := map[*folder]bool{}
	for _, d := range s.documents {
		needed[d.project] = true
	}
	var gone []*folder
	for dir, f := range s.folders {
		for _, r := range s.roots {
			rel, err := filepath.Rel(r, dir)
			up, err2 := filepath.Rel(dir, r)
			if err == nil && filepath.IsLocal(rel) || err2 == nil && filepath.IsLocal(up) {
				needed[f] = true
			}
		}
		if !needed[f] {
			gone = append(gone, f)
			delete(s.folders, dir)
		}
	}
	s.mu.Unlock()
	for _, f := range gone {
		s.publisher.forget(f)
		f.close()
	}
	s.openRoots()
	return nil
}

// changeFiles is workspace/didChangeWatchedFiles.
func (s *server) changeFiles(_ context.Context, p didChangeWatchedFilesParams) error {
	settings := false
	touched := map[*folder][]string{}
	for _, e := range p.Changes {
		file, ok := pathOf(e.URI)
		if !ok {
			continue
		}
		if filepath.Base(file) == s.options.Settings {
			settings = true
		}
		dir, ok := s.options.Find(file)
		if !ok {
			continue
		}
		s.mu.Lock()
		f := s.folders[dir]
		s.mu.Unlock()
		if f == nil {
			continue // nobody looks at that project
		}
		if path, ok := f.path(file); ok && !f.generated(path) {
			touched[f] = append(touched[f], path)
		}
	}
	if settings {
		s.replace()
	}
	for f, paths := range touched {
		f.touched(paths...)
	}
	return nil
}
