package project

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// trade is what the files below a configured path are for.
type trade string

const (
	tradeModels    trade = "model"
	tradeSeeds     trade = "seed"
	tradeSnapshots trade = "snapshot"
	tradeTests     trade = "data test"
	tradeMacros    trade = "macro"
	tradeFunctions trade = "function"
	tradeAnalyses  trade = "analysis"
)

// entry is a file found below a configured path.
type entry struct {
	trade trade
	path  string // relative to the project, slash-separated
	below string // relative to the configured path
}

// walker collects files. Every folder is read once, whatever links lead to it.
type walker struct {
	dir     string          // absolute project folder
	skip    map[string]bool // folders, relative to the project, that others read or nobody
	seen    map[string]bool // real paths of the folders read
	links   []link
	entries []entry
	folders map[trade][]string // folders below the configured paths, relative to them
	list    diag.List
}

type link struct {
	trade       trade
	path, below string
	real        string
}

// roots reads all configured folders, then what links in them lead to, so that a folder
// is known by its own path whenever it has one in the project.
func (w *walker) roots(all []root) {
	var open []root
	for _, r := range all {
		if path.Clean(r.path) != "." {
			w.skip[r.path] = true
		}
		open = append(open, r)
	}
	for _, r := range open {
		w.root(r)
	}
	for len(w.links) > 0 {
		links := w.links
		w.links = nil
		slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.path, b.path) })
		for _, l := range links {
			if w.seen[l.real] {
				w.list.Add(linkLoop(pathOnly(l.path), l.real))
				continue
			}
			w.folder(l.trade, l.path, l.below, l.real)
		}
	}
}

// root is one configured folder.
type root struct {
	trade trade
	path  string
	key   string      // «model-paths»
	at    source.Span // zero: the default
}

func (w *walker) root(r root) {
	abs := filepath.Join(w.dir, filepath.FromSlash(r.path))
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		switch {
		case !os.IsNotExist(err):
			w.list.Add(fileUnreadable(pathOnly(r.path), "folder", err))
		case !r.at.IsZero():
			w.list.Add(pathMissing(r.at, r.path, r.key))
		}
		return
	}
	info, err := os.Stat(real)
	if err == nil && !info.IsDir() {
		w.list.Add(pathInvalid(orPath(r.at, r.path), r.path, "this is a file"))
		return
	}
	if w.seen[real] {
		return // configured twice
	}
	w.folder(r.trade, path.Clean(r.path), "", real)
}

func orPath(at source.Span, p string) source.Span {
	if at.IsZero() {
		return pathOnly(p)
	}
	return at
}

// pathOnly is the place of a file whose text does not matter.
func pathOnly(p string) source.Span { return source.NewFile(p, nil).Whole() }

func (w *walker) folder(t trade, rel, below, real string) {
	w.seen[real] = true
	items, err := os.ReadDir(filepath.Join(w.dir, filepath.FromSlash(rel)))
	if err != nil {
		w.list.Add(fileUnreadable(pathOnly(rel), "folder", err))
	}
	if below != "" {
		w.folders[t] = append(w.folders[t], below)
	}
	for _, item := range items {
		name := item.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		p, b := path.Join(rel, name), path.Join(below, name)
		if !utf8.ValidString(name) {
			w.list.Add(nameInvalid(pathOnly(strings.ToValidUTF8(p, "\uFFFD")), "file", name, "it is not UTF-8"))
			continue
		}
		mode := item.Type()
		if mode&fs.ModeSymlink != 0 {
			w.link(t, p, b)
			continue
		}
		w.item(t, p, b, filepath.Join(real, name), mode)
	}
}

func (w *walker) item(t trade, p, below, real string, mode fs.FileMode) {
	switch {
	case mode.IsDir():
		if !w.skip[p] {
			w.folder(t, p, below, real)
		}
	case mode.IsRegular():
		w.entries = append(w.entries, entry{t, p, below})
	case wanted(t, p):
		w.list.Add(fileSpecial(pathOnly(p)))
	}
}

// link follows a link to a file at once, and keeps one to a folder for later.
func (w *walker) link(t trade, p, below string) {
	abs := filepath.Join(w.dir, filepath.FromSlash(p))
	info, err := os.Stat(abs)
	if err != nil {
		w.list.Add(linkBroken(pathOnly(p), err))
		return
	}
	if !info.IsDir() {
		w.item(t, p, below, "", info.Mode().Type())
		return
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		w.list.Add(linkBroken(pathOnly(p), err))
		return
	}
	if !w.skip[p] {
		w.links = append(w.links, link{t, p, below, real})
	}
}

// extension is the lower-case extension of a path, without the dot.
func extension(p string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(p), ".")) }

// stem is the base name of a path without its extension.
func stem(p string) string { return strings.TrimSuffix(path.Base(p), path.Ext(p)) }

// wanted reports whether a file of this name would be read below such a path.
func wanted(t trade, p string) bool {
	switch extension(p) {
	case "yml", "yaml", "md":
		return true
	case "sql":
		return t == tradeModels || t == tradeSnapshots || t == tradeTests || t == tradeFunctions || t == tradeAnalyses
	case "csv":
		return t == tradeSeeds || t == tradeTests
	case "parquet":
		return t == tradeSeeds
	case "tmpl":
		return t == tradeMacros
	}
	return false
}
