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
	"slices"
	"strings"
)

// listName is the file that lists what the site owns in a directory.
const listName = ".engine-catalog"

// tempName is where a file is written before it takes its place. One name for all: what an
// interrupted write leaves behind, the next one uses up.
const tempName = ".engine-catalog-new"

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
	changed, err := s.changed(root, dir, owned)
	if err != nil {
		return err
	}
	// The list names old and new files until all is done, so that a write that was
	// interrupted can be finished by the next one.
	both := slices.Concat(slices.Collect(maps.Keys(owned)), s.Paths())
	if err := writeList(root, both); err != nil {
		return fmt.Errorf("write %s in %s: %w", listName, dir, err)
	}
	for _, p := range changed {
		if err := put(root, p, s.files[p]); err != nil {
			return fmt.Errorf("write %s in %s: %w", p, dir, err)
		}
	}
	if err := s.removeStale(root, owned); err != nil {
		return fmt.Errorf("remove old pages in %s: %w", dir, err)
	}
	if err := writeList(root, s.Paths()); err != nil {
		return fmt.Errorf("write %s in %s: %w", listName, dir, err)
	}
	return nil
}

// changed lists the files to write: what pages need first, the entrance last, so that a
// reader never meets a page whose parts are missing.
func (s *Site) changed(root *os.Root, dir string, owned map[string]bool) ([]string, error) {
	var out []string
	for _, p := range s.Paths() {
		have, err := root.ReadFile(filepath.FromSlash(p))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out = append(out, p)
		case err != nil:
			return nil, fmt.Errorf("read %s in %s: %w", p, dir, err)
		case bytes.Equal(have, s.files[p]):
		case !owned[p]:
			return nil, &ForeignFileError{dir, p}
		default:
			out = append(out, p)
		}
	}
	stage := func(p string) int {
		switch {
		case strings.HasPrefix(p, "a/"), strings.HasPrefix(p, "d/"):
			return 0
		case p == "index.html":
			return 2
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b string) int { return stage(a) - stage(b) })
	return out, nil
}

func put(root *os.Root, p string, data []byte) error {
	name := filepath.FromSlash(p)
	if d := filepath.Dir(name); d != "." {
		if err := root.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := root.WriteFile(tempName, data, 0o644); err != nil {
		_ = root.Remove(tempName)
		return err
	}
	return root.Rename(tempName, name)
}

func (s *Site) removeStale(root *os.Root, owned map[string]bool) error {
	dirs := map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(owned)) {
		if _, kept := s.files[p]; kept {
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
	return put(root, listName, []byte(listHead+strings.Join(slices.Compact(paths), "\n")+"\n"))
}
