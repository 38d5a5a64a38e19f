package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// listName is the file that lists what the site owns in a directory.
const listName = ".engine-catalog"

// tempName begins the name of a file that is written before it takes its place; the numbers of
// the process and of the writer in it follow, since two processes may write at once. What an
// interrupted write leaves behind, the next one removes.
const tempName = ".engine-catalog-new"

func tempOf(writer int) string {
	return tempName + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(writer)
}

const listHead = "# files written by engine docs generate; everything else here is yours\n"

// ForeignFileError says that the site needs a name that is taken by a file it did not write.
type ForeignFileError struct{ Dir, Path string }

func (e *ForeignFileError) Error() string {
	return fmt.Sprintf("%s was not written by engine and would be overwritten: choose an empty directory or remove it", filepath.Join(e.Dir, filepath.FromSlash(e.Path)))
}

// Write puts the site into dir, which is made if missing. Files whose content is the same
// stay untouched, each other file is replaced at once, files of an earlier site that are
// no longer part of it are removed. Files that no earlier Write made are never removed or
// overwritten: that is a *ForeignFileError, found before anything is written.
//
// Pages are made as they are written, on all processors; none is kept in memory.
func (s *Site) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer root.Close()
	owned, err := readList(root)
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", listName, dir, err)
	}
	if err := s.refuseForeign(root, dir, owned); err != nil {
		return err
	}
	if err := sweep(root); err != nil {
		return fmt.Errorf("remove what an interrupted write left in %s: %w", dir, err)
	}
	// What is half written is not sealed.
	if err := root.Remove(sealName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s in %s: %w", sealName, dir, err)
	}
	// The list names old and new files until all is done, so that a write that was
	// interrupted can be finished by the next one.
	both := slices.Concat(slices.Collect(maps.Keys(owned)), s.Paths())
	if err := writeList(root, both); err != nil {
		return fmt.Errorf("write %s in %s: %w", listName, dir, err)
	}
	marks := make([]mark, len(s.jobs))
	if err := s.writeFiles(root, dir, marks); err != nil {
		return err
	}
	if err := s.removeStale(root, owned); err != nil {
		return fmt.Errorf("remove old pages in %s: %w", dir, err)
	}
	if err := writeList(root, s.Paths()); err != nil {
		return fmt.Errorf("write %s in %s: %w", listName, dir, err)
	}
	if digest := s.digest(); digest != "" {
		if _, err := put(root, sealName, tempOf(0), []byte(seal(digest, s, marks))); err != nil {
			return fmt.Errorf("write %s in %s: %w", sealName, dir, err)
		}
	}
	return nil
}

// refuseForeign looks for names of the site that a file has which is not the site's, unless
// it is the same.
func (s *Site) refuseForeign(root *os.Root, dir string, owned map[string]bool) error {
	var scratch scratch
	for i := range s.jobs {
		p := s.jobs[i].path
		if owned[p] {
			continue
		}
		have, err := root.ReadFile(filepath.FromSlash(p))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("read %s in %s: %w", p, dir, err)
		case !bytes.Equal(have, s.render(&s.jobs[i], &scratch)):
			return &ForeignFileError{dir, p}
		}
	}
	return nil
}

// stage orders files: what pages need comes first, the entrance last, so that a reader never
// meets a page whose parts are missing.
func stage(p string) int {
	switch {
	case strings.HasPrefix(p, "a/"), strings.HasPrefix(p, "d/"):
		return 0
	case p == "index.html":
		return 2
	}
	return 1
}

func (s *Site) writeFiles(root *os.Root, dir string, marks []mark) error {
	dirs := map[string]bool{}
	var order [3][]int
	for i := range s.jobs {
		p := s.jobs[i].path
		order[stage(p)] = append(order[stage(p)], i)
		if d := path.Dir(p); d != "." && !dirs[d] {
			dirs[d] = true
			if err := root.MkdirAll(filepath.FromSlash(d), 0o755); err != nil {
				return fmt.Errorf("make %s in %s: %w", d, dir, err)
			}
		}
	}
	for _, jobs := range order {
		if err := s.writeStage(root, dir, jobs, marks); err != nil {
			return err
		}
	}
	return nil
}

// writeStage writes files on all processors and gives the error of the first in their order.
// Where marks is not nil it notes how they were left.
func (s *Site) writeStage(root *os.Root, dir string, jobs []int, marks []mark) error {
	workers := min(runtime.GOMAXPROCS(0), len(jobs))
	errs := make([]error, workers)
	at := make([]int, workers)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			var scratch scratch
			temp := tempOf(w)
			for !failed.Load() {
				k := int(next.Add(1)) - 1
				if k >= len(jobs) {
					return
				}
				j := &s.jobs[jobs[k]]
				left, err := put(root, j.path, temp, s.render(j, &scratch))
				if marks != nil {
					marks[jobs[k]] = left
				}
				if err != nil {
					errs[w], at[w] = fmt.Errorf("write %s in %s: %w", j.path, dir, err), k
					failed.Store(true)
					return
				}
			}
		})
	}
	wg.Wait()
	first := -1
	for w, err := range errs {
		if err != nil && (first < 0 || at[w] < at[first]) {
			first = w
		}
	}
	if first >= 0 {
		return errs[first]
	}
	return nil
}

// put gives a file its content, unless it has it, and says how it was left.
func put(root *os.Root, p, temp string, data []byte) (mark, error) {
	name := filepath.FromSlash(p)
	if info, err := root.Stat(name); err == nil && info.Size() == int64(len(data)) {
		if have, err := root.ReadFile(name); err == nil && bytes.Equal(have, data) {
			return markOf(info), nil
		}
	}
	for attempt := 1; ; attempt++ {
		left, err := writeMarked(root, temp, data)
		if err != nil {
			_ = root.Remove(temp)
			return left, err
		}
		err = root.Rename(temp, name)
		if attempt == maxPuts || !errors.Is(err, fs.ErrNotExist) {
			return left, err
		}
		// Another process that begins to write has taken it for the rest of an interrupted write, or
		// has removed the folder with the last of its old files.
		if d := path.Dir(p); d != "." {
			if err := root.MkdirAll(filepath.FromSlash(d), 0o755); err != nil {
				return left, err
			}
		}
	}
}

// writeMarked is Root.WriteFile that says how the file was left.
func writeMarked(root *os.Root, name string, data []byte) (mark, error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return mark{}, err
	}
	_, err = f.Write(data)
	info, failed := f.Stat()
	if err = errors.Join(err, failed, f.Close()); err != nil {
		return mark{}, err
	}
	return markOf(info), nil
}

// maxPuts is how often a file is written that another process takes away.
const maxPuts = 5

// sweep removes files that an interrupted write had begun.
func sweep(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, tempName); ok && strings.Trim(rest, "0123456789-") == "" {
			if err := root.Remove(n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (s *Site) removeStale(root *os.Root, owned map[string]bool) error {
	dirs := map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(owned)) {
		if _, kept := s.number[p]; kept {
			continue
		}
		if err := root.Remove(filepath.FromSlash(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		dirs[path.Dir(p)] = true
	}
	for _, d := range slices.Sorted(maps.Keys(dirs)) {
		if d != "." {
			_ = root.Remove(filepath.FromSlash(d)) // stays unless empty
		}
	}
	return nil
}

// readList reads what earlier writes own. A line that is no plain file name of the
// directory is ignored: the list may have been edited.
func readList(root *os.Root) (map[string]bool, error) {
	owned := map[string]bool{}
	data, err := root.ReadFile(listName)
	if errors.Is(err, fs.ErrNotExist) {
		return owned, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") && fs.ValidPath(line) && filepath.IsLocal(filepath.FromSlash(line)) {
			owned[line] = true
		}
	}
	return owned, nil
}

func writeList(root *os.Root, paths []string) error {
	slices.Sort(paths)
	_, err := put(root, listName, tempOf(0), []byte(listHead+strings.Join(slices.Compact(paths), "\n")+"\n"))
	return err
}
