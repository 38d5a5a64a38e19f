package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File formats of sources.
const (
	FormatCSV     = "csv"
	FormatNDJSON  = "ndjson"
	FormatParquet = "parquet"
)

// formatEndings are the endings of file names by format; each may be followed by .gz.
var formatEndings = map[string][]string{
	FormatCSV:     {".csv", ".tsv", ".txt"},
	FormatNDJSON:  {".ndjson", ".jsonl", ".json"},
	FormatParquet: {".parquet", ".pq"},
}

// FormatOf is the format that the ending of a file's name says, "" for an unknown one.
func FormatOf(name string) string {
	ext := strings.ToLower(path.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")))
	for format, endings := range formatEndings {
		if slices.Contains(endings, ext) {
			return format
		}
	}
	return ""
}

// foundFile is a file that a source's path leads to.
type foundFile struct {
	// Name is the path from the project's folder, with slashes: what people see, what the
	// records call it, and what rows have in _file.
	Name string
	Path string
	Size int64
	// rows landed of it, lost are lines that were left out; both once it is staged.
	rows, lost int64
}

// findFiles resolves the paths of a source, from the project's folder dir: files, folders
// (all files below them of the format, or of any if that is empty) and globs, of which «*» and «?» stay within a folder
// and «**» stands for any folders. Files and folders whose name begins with a dot are left
// out unless the pattern's own part does. A file that several patterns lead to comes once.
// The result is sorted by name.
func findFiles(dir string, patterns []string, format string) ([]foundFile, error) {
	seen := map[string]bool{}
	var out []foundFile
	for _, p := range patterns {
		if err := matchFiles(dir, p, format, func(found string) error {
			info, err := os.Stat(found)
			if err != nil {
				return fmt.Errorf("look at %s: %w", shownFile(dir, found), plainPath(err))
			}
			if !info.Mode().IsRegular() || seen[found] {
				return nil
			}
			seen[found] = true
			out = append(out, foundFile{Name: shownFile(dir, found), Path: found, Size: info.Size()})
			return nil
		}); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b foundFile) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// shownFile is a path from the project's folder.
func shownFile(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil {
		name = rel
	}
	return filepath.ToSlash(name)
}

// plainPath takes the path out of an error, which says it itself.
func plainPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func matchFiles(dir, pattern, format string, take func(string) error) error {
	full := filepath.FromSlash(pattern)
	if !filepath.IsAbs(full) {
		full = filepath.Join(dir, full)
	}
	segments := strings.Split(filepath.ToSlash(filepath.Clean(full)), "/")
	first := slices.IndexFunc(segments, isGlob)
	if first < 0 {
		info, err := os.Stat(full)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("look at %s: %w", pattern, plainPath(err))
		case !info.IsDir():
			return take(full)
		}
		return walkFiles(full, nil, func(found string) error {
			if own := FormatOf(found); own == "" || format != "" && own != format {
				return nil
			}
			return take(found)
		})
	}
	root := strings.Join(segments[:first], "/")
	if root == "" {
		root = "/"
	}
	for _, s := range segments[first:] {
		if s == "**" {
			continue
		}
		if _, err := path.Match(s, ""); err != nil {
			return fmt.Errorf("the pattern %q cannot be read: a bracket is not closed", pattern)
		}
	}
	return walkFiles(filepath.FromSlash(root), segments[first:], take)
}

func isGlob(segment string) bool { return strings.ContainsAny(segment, "*?[") }

// walkFiles calls take for the files below root whose path fits the segments; without
// segments all fit. A root that is not there has none.
func walkFiles(root string, segments []string, take func(string) error) error {
	// A link at the root is followed, those below are not: they could lead around in circles.
	real, err := filepath.EvalSymlinks(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read the folder %s: %w", root, plainPath(err))
	}
	return filepath.WalkDir(real, func(found string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the folder %s: %w", found, plainPath(err))
		}
		rel, err := filepath.Rel(real, found)
		if err != nil {
			return err
		}
		if rel == "." {
			return nil
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		if entry.IsDir() {
			if !mayHold(segments, parts) {
				return filepath.SkipDir
			}
			return nil
		}
		if len(segments) == 0 && hidden(parts[len(parts)-1]) || len(segments) > 0 && !fitsGlob(segments, parts) {
			return nil
		}
		return take(filepath.Join(root, rel))
	})
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// mayHold reports whether files below the folder can fit.
func mayHold(segments, folder []string) bool {
	if len(segments) == 0 {
		return !hidden(folder[len(folder)-1])
	}
	for i, part := range folder {
		if i >= len(segments)-1 && !slices.Contains(segments[:min(i+1, len(segments))], "**") {
			return false
		}
		if slices.Contains(segments[:min(i+1, len(segments))], "**") {
			return !hidden(folder[len(folder)-1])
		}
		if !fitsSegment(segments[i], part) {
			return false
		}
	}
	return true
}

// fitsGlob matches a path against a pattern, both by segments.
func fitsGlob(segments, parts []string) bool {
	for len(segments) > 0 {
		if segments[0] == "**" {
			for i := 0; i <= len(parts); i++ {
				if fitsGlob(segments[1:], parts[i:]) {
					return true
				}
				if i < len(parts) && hidden(parts[i]) {
					return false
				}
			}
			return false
		}
		if len(parts) == 0 || !fitsSegment(segments[0], parts[0]) {
			return false
		}
		segments, parts = segments[1:], parts[1:]
	}
	return len(parts) == 0
}

func fitsSegment(segment, part string) bool {
	if hidden(part) && !hidden(segment) {
		return false
	}
	ok, err := path.Match(segment, part)
	return err == nil && ok
}
