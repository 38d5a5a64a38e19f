package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const kilo = 1000

// shards are the budgets of data files, packed, by what their names begin with: of all of them
// together, or, where readers load one at a time, of the largest.
var shards = []struct {
	what, prefix string
	largest      bool
	kb           float64
}{
	{"search: names", "d/find-names", false, 80},
	{"search: columns, all", "d/find-cols-", false, 500},
	{"search: columns, largest file", "d/find-cols-", true, 60},
	{"search: words, largest file", "d/find-words-", true, 60},
	{"search: SQL, largest file", "d/find-sql-", true, 60},
	{"search: descriptions, largest file", "d/find-about-", true, 60},
	{"search: tests", "d/find-tests", false, 0},
	{"explorer: nodes", "d/graph", false, 80},
	{"explorer: edges", "d/edges", false, 50},
	{"explorer: places", "d/place", false, 0},
	{"explorer: column edges", "d/ce.", false, 160},
	{"explorer: columns that decide", "d/cr.", false, 0},
	{"explorer: names of columns, largest file", "d/cn-", true, 60},
	{"explorer: expressions, largest file", "d/cx-", true, 60},
}

// packed is how many bytes a server sends of b.
func packed(b []byte) int {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err != nil {
		panic(err) // the level is a good one
	}
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Len()
}

// measureFiles measures what lies in the folder of a site.
func (b *bench) measureFiles(n int, dir string) error {
	var pages []float64
	var raw, gz, count float64
	scripts, always, styles := 0.0, 0.0, 0.0
	data := map[string]float64{}
	drawing := 0.0
	entrance, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		return err
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
		if err != nil {
			return err
		}
		size := float64(packed(body)) / kilo
		raw, gz, count = raw+float64(len(body))/1e6, gz+size/kilo, count+1
		switch {
		case strings.HasSuffix(p, ".html"):
			pages = append(pages, size)
			if !strings.Contains(p, "/") {
				drawing = max(drawing, float64(largestDrawing(body))/kilo)
			}
		case strings.HasPrefix(p, "a/") && path.Ext(p) == ".js":
			scripts += size
			if bytes.Contains(entrance, []byte(p)) {
				always += size
			}
		case path.Ext(p) == ".css" && bytes.Contains(entrance, []byte(p)):
			styles += size
		case strings.HasPrefix(p, "d/"):
			for _, s := range shards {
				if strings.HasPrefix(p, s.prefix) && s.largest {
					data[s.what] = max(data[s.what], size)
				} else if strings.HasPrefix(p, s.prefix) {
					data[s.what] += size
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(pages)
	t := &b.table
	one := func(what, unit string, budget, value float64) { t.add(what, unit, budget, n, []float64{value}) }
	one("files", "", 0, count)
	one("site", "MB", 250, raw)
	one("site, gz", "MB", 60, gz)
	one("scripts on every page, gz", "kB", 15, always)
	one("scripts in total, gz", "kB", 60, scripts)
	one("style sheet on every page, gz", "kB", 10, styles)
	one("page, gz, median", "kB", 6, pages[len(pages)/2])
	one("page, gz, 99 of 100 are below", "kB", 30, pages[len(pages)*99/100])
	one("page, gz, largest", "kB", 0, pages[len(pages)-1])
	one("drawing of the whole project", "kB", 150, drawing)
	for _, s := range shards {
		one(s.what+", gz", "kB", s.kb, data[s.what])
	}
	return nil
}

// largestDrawing is the size of the largest <svg> of a page.
func largestDrawing(page []byte) int {
	most := 0
	for {
		_, rest, ok := bytes.Cut(page, []byte("<svg"))
		if !ok {
			return most
		}
		svg, after, _ := bytes.Cut(rest, []byte("</svg>"))
		most = max(most, len(svg)+len("<svg</svg>"))
		page = after
	}
}
