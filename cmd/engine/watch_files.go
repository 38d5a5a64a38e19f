package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/engine-build/engine/engine/project"
)

const (
	// quiet is how long nothing may happen before what happened counts as one change: editors
	// write, rename and touch, and git writes hundreds of files.
	quiet = 60 * time.Millisecond
	// patienceWithGit bounds how long a lock of git's index is waited for: one that stays was
	// left behind.
	patienceWithGit = 30 * time.Second
	// unrest bounds how long a change may grow while nobody holds git's lock.
	unrest = 2 * time.Second
	// interval is how often the files are looked at where the system does not tell.
	interval = time.Second
)

// watchedFiles notices changes of the files that a project is made of: engine.yml and its
// neighbours, and what Load reads below the configured folders. Links are followed, hidden
// files and the target folder are not looked at. What the system tells only wakes it: what
// has changed it finds out by looking, so that nothing that was told late, twice or not at
// all makes a difference.
type watchedFiles struct {
	dir    string // absolute
	notify *fsnotify.Watcher
	// Changes gives the paths that changed since the last ones were taken, slash-separated and
	// relative to the project, sorted.
	Changes chan []string
	poke    chan struct{} // look now

	mu     sync.Mutex
	deaf   string   // why the system does not tell, empty where it does
	roots  []string // slash-separated, relative
	target string
	known  map[string]fs.FileInfo
	dirty  map[string]bool // what the system has told of since the last look
}

// watchFiles begins to look after a project. poll: by looking every second, without the
// system's word, which network folders and some containers do not have.
func watchFiles(ctx context.Context, dir string, settings project.Settings, poll bool) *watchedFiles {
	w := &watchedFiles{dir: dir, Changes: make(chan []string), poke: make(chan struct{}, 1), dirty: map[string]bool{}}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		w.dir = real
	}
	if !poll {
		n, err := fsnotify.NewWatcher()
		if err == nil {
			w.notify = n
		} else {
			w.deaf = err.Error()
		}
	}
	w.setRoots(settings)
	w.known = w.look()
	go w.follow(ctx)
	return w
}

// Follow says that engine.yml names other folders now.
func (w *watchedFiles) Follow(settings project.Settings) {
	if w.setRoots(settings) {
		select {
		case w.poke <- struct{}{}:
		default: // it is about to look
		}
	}
}

// setRoots reports whether the folders are others than before.
func (w *watchedFiles) setRoots(s project.Settings) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	roots := rootsOf(s)
	if len(roots) == 0 && w.roots != nil {
		return false // an engine.yml that cannot be read names none
	}
	if slices.Equal(roots, w.roots) && w.target == s.TargetPath {
		return false
	}
	w.roots, w.target = roots, s.TargetPath
	return true
}

// follow turns what the system tells into changes until ctx ends.
func (w *watchedFiles) follow(ctx context.Context) {
	defer close(w.Changes)
	if w.notify != nil {
		defer w.notify.Close()
	}
	var events chan fsnotify.Event
	var errs chan error
	var looking <-chan time.Time
	if w.notify != nil {
		events, errs = w.notify.Events, w.notify.Errors
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var settle <-chan time.Time
	var began time.Time
	var waiting []string
	for {
		if looking = nil; w.notify == nil || w.Deaf() != "" {
			looking = ticker.C
		}
		var out chan []string
		if len(waiting) > 0 {
			out = w.Changes
		}
		select {
		case <-ctx.Done():
			return
		case out <- waiting:
			waiting = nil
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if !w.told(e) {
				continue
			}
			if settle == nil {
				began = time.Now()
			}
			settle = time.After(quiet)
			if time.Since(began) > unrest && !w.gitAtWork() {
				settle = time.After(0)
			}
		case _, ok := <-errs: // too many events, or a folder that is gone: looking finds out
			if !ok {
				errs = nil
				continue
			}
			if settle == nil {
				began = time.Now()
			}
			settle = time.After(quiet)
		case <-w.poke:
			if settle == nil {
				began, settle = time.Now(), time.After(0)
			}
		case <-looking:
			if settle == nil {
				began, settle = time.Now(), time.After(0)
			}
		case <-settle:
			if w.gitAtWork() && time.Since(began) < patienceWithGit {
				settle = time.After(quiet)
				continue
			}
			settle = nil
			waiting = append(waiting, w.changed()...)
			slices.Sort(waiting)
			waiting = slices.Compact(waiting)
		}
	}
}

// Deaf says why the system does not tell of changes, empty where it does.
func (w *watchedFiles) Deaf() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deaf
}

// told notes what an event is about, and reports whether it is worth a look.
func (w *watchedFiles) told(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	rel, err := filepath.Rel(w.dir, e.Name)
	if err != nil {
		return true
	}
	rel = filepath.ToSlash(rel)
	base := path.Base(rel)
	if strings.HasPrefix(base, ".") && rel != "." {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.known[rel]; known || ofProject(rel) {
		w.dirty[rel] = true
		return true
	}
	// A folder, or the folder of one: looking finds what is in it.
	return path.Ext(base) == "" && rel != w.target && !strings.HasPrefix(rel, w.target+"/")
}

// neighbours are engine.yml and the files next to it that Load reads.
var neighbours = []string{settingsFile, project.LockFile, project.SelectorsFile}

// ofProject reports whether a file of this name may be one that Load reads.
func ofProject(rel string) bool {
	if strings.HasPrefix(path.Base(rel), ".") {
		return false
	}
	if !strings.Contains(rel, "/") && slices.Contains(neighbours, rel) {
		return true
	}
	switch strings.ToLower(path.Ext(rel)) {
	case ".sql", ".yml", ".yaml", ".md", ".csv", ".parquet", ".tmpl":
		return true
	}
	return false
}

// gitAtWork reports whether git is changing the working tree.
func (w *watchedFiles) gitAtWork() bool {
	for dir := w.dir; ; dir = filepath.Dir(dir) {
		at := filepath.Join(dir, ".git")
		if info, err := os.Stat(at); err == nil {
			if !info.IsDir() { // a worktree: «gitdir: path»
				text, err := os.ReadFile(at)
				link, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
				if err != nil || !ok {
					return false
				}
				if at = link; !filepath.IsAbs(at) {
					at = filepath.Join(dir, link)
				}
			}
			_, err := os.Stat(filepath.Join(at, "index.lock"))
			return err == nil
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// changed looks at the files and gives what differs from the last look, and what the system
// has told of: a file may be written twice within the resolution of its clock.
func (w *watchedFiles) changed() []string {
	w.mu.Lock()
	told := w.dirty
	w.dirty = map[string]bool{}
	w.mu.Unlock()
	now := w.look()
	w.mu.Lock()
	before := w.known
	w.known = now
	w.mu.Unlock()
	var out []string
	for p, info := range now {
		was, known := before[p]
		if !known || told[p] || was.Size() != info.Size() || !was.ModTime().Equal(info.ModTime()) || !os.SameFile(was, info) {
			out = append(out, p)
		}
	}
	for p := range before {
		if _, still := now[p]; !still {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// look lists the files as Load does, and makes sure that the system tells of their folders.
func (w *watchedFiles) look() map[string]fs.FileInfo {
	w.mu.Lock()
	roots, target := w.roots, w.target
	w.mu.Unlock()
	found := map[string]fs.FileInfo{}
	w.tellOf(w.dir)
	for _, name := range neighbours {
		if info, err := os.Stat(filepath.Join(w.dir, name)); err == nil && info.Mode().IsRegular() {
			found[name] = info
		}
	}
	eachFile(w.dir, roots, target, w.tellOf, func(rel, abs string, _ fs.DirEntry) {
		// Of links: what they lead to.
		if info, err := os.Stat(abs); err == nil && info.Mode().IsRegular() {
			found[rel] = info
		}
	})
	return found
}

// rootsOf are the folders that a project is read from, relative to it, sorted.
func rootsOf(s project.Settings) []string {
	roots := slices.Concat(s.ModelPaths, s.SeedPaths, s.SnapshotPaths, s.TestPaths, s.MacroPaths, s.FunctionPaths, s.AnalysisPaths)
	slices.Sort(roots)
	return slices.Compact(roots)
}

// eachFile calls found for the files below the roots that Load reads, links followed, each
// folder once, hidden names left out; and enter, if there is one, for every folder before it is
// read, those in which a root may come to be included.
func eachFile(dir string, roots []string, target string, enter func(abs string), found func(rel, abs string, item fs.DirEntry)) {
	if enter == nil {
		enter = func(string) {}
	}
	seen := map[string]bool{}
	var folder func(rel string)
	folder = func(rel string) {
		abs := filepath.Join(dir, filepath.FromSlash(rel))
		real, err := filepath.EvalSymlinks(abs)
		if err != nil || seen[real] || rel == target {
			return
		}
		seen[real] = true
		enter(abs) // before it is read: what comes afterwards is told
		items, err := os.ReadDir(abs)
		if err != nil {
			return
		}
		for _, item := range items {
			name := item.Name()
			if strings.HasPrefix(name, ".") {
				continue
			}
			p, at := path.Join(rel, name), filepath.Join(abs, name)
			isDir := item.IsDir()
			if item.Type()&fs.ModeSymlink != 0 {
				info, err := os.Stat(at)
				if err != nil {
					continue
				}
				isDir = info.IsDir()
			}
			switch {
			case isDir:
				folder(p)
			case ofProject(p):
				found(p, at, item)
			}
		}
	}
	for _, root := range roots {
		for up := path.Dir(root); up != "."; up = path.Dir(up) {
			enter(filepath.Join(dir, filepath.FromSlash(up)))
		}
		folder(path.Clean(root))
	}
}

// tellOf asks the system to tell of a folder. Where it cannot, for it has a limit, files are
// looked at every so often.
func (w *watchedFiles) tellOf(dir string) {
	if w.notify == nil {
		return
	}
	// Asking again costs a call; a folder that was removed and made anew has to be.
	err := w.notify.Add(dir)
	if err == nil || os.IsNotExist(err) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf == "" {
		w.deaf = err.Error()
	}
}
