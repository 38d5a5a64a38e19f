package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// Load reads all suites under a folder: every .test file is one of Google's
// suite («googlesql»), every .yaml file one of the specs («specs»). Files come
// in the order of their paths.
func Load(dir string) ([]*File, error) {
	root := os.DirFS(dir)
	var out []*File
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := LoadFile(dir, p)
		if f != nil {
			out = append(out, f)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load suites: %w", err)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Suite != out[j].Suite {
			return out[i].Suite < out[j].Suite
		}
		return out[i].Path < out[j].Path
	})
	return out, nil
}

// LoadFile reads one file; it is nil where the file belongs to no suite.
func LoadFile(dir, p string) (*File, error) {
	var parse func(suite, path, text string) (*File, error)
	suite := ""
	switch path.Ext(p) {
	case ".test":
		suite, parse = "googlesql", ParseFile
	case ".yaml", ".yml":
		suite, parse = "specs", ParseSpec
	default:
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
	if err != nil {
		return nil, err
	}
	return parse(suite, p, strings.ReplaceAll(string(b), "\r\n", "\n"))
}
