package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// generatedAt is when a site was made, to the minute.
var generatedAt = regexp.MustCompile(`<span>Generated [^<]*</span> `)

// site are the files of the catalog below a folder, but for when it was made and what only
// matters where it lies.
func (f folder) site() map[string]string {
	f.t.Helper()
	out := map[string]string{}
	catalog := os.DirFS(filepath.Join(f.dir, "target", "catalog"))
	err := fs.WalkDir(catalog, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == ".engine-catalog-seal" {
			return err
		}
		text, err := fs.ReadFile(catalog, path)
		out[path] = generatedAt.ReplaceAllString(string(text), "")
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// TestSiteAfterBuild: whatever a build has left as it was, the site is the one that engine docs
// generate makes of the same target from nothing.
func TestSiteAfterBuild(t *testing.T) {
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ndefault_target: dev\ntargets:\n  dev: {type: duckdb, schema: main}\n")
	f.write("seeds/items.csv", "id,price\n1,10\n2,20\n")
	f.write("models/cheap.sql", "{{ config \"materialized\" \"table\" }}\nselect id, price from {{ ref \"items\" }} where price < 15\n")
	f.write("models/dear.sql", "{{ config \"materialized\" \"table\" }}\nselect id, price from {{ ref \"items\" }} where price >= 15\n")
	f.write("models/both.sql", "select id from {{ ref \"cheap\" }} union all select id from {{ ref \"dear\" }}\n")
	f.write("models/models.yml", "version: 2\nmodels:\n  - name: cheap\n    description: What costs little.\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n  - name: dear\n    deprecation_date: 2020-01-01\n")
	page := filepath.Join("target", "catalog", "model", "cheap.html")
	at := func() time.Time {
		info, err := os.Stat(filepath.Join(f.dir, page))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	check := func(what string) {
		t.Helper()
		copied := newFolder(t)
		if err := os.CopyFS(copied.dir, os.DirFS(f.dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(copied.dir, "target", "catalog")); err != nil {
			t.Fatal(err)
		}
		copied.ends(exitDone, "docs", "generate")
		if d := cmp.Diff(copied.site(), f.site()); d != "" {
			t.Errorf("%s: the site of the build is another one:\n%s", what, d)
		}
	}

	f.ends(exitDone, "build")
	check("the first build")
	made := at()
	f.ends(exitDone, "build")
	check("a build that changes nothing")
	if !at().Equal(made) || !strings.Contains(f.read(filepath.ToSlash(page)), "built") {
		t.Error("a build that changes nothing has written the page of a model again, or the page does not say that it was built")
	}

	f.write("models/dear.sql", "{{ config \"materialized\" \"table\" }}\nselect id, price, 1 as more from {{ ref \"items\" }} where price >= 15\n")
	f.ends(exitDone, "build")
	check("a build of one model")
	if !strings.Contains(f.read("target/catalog/model/dear.html"), "more") {
		t.Error("the page of the model does not have its new column")
	}

	if err := os.Remove(filepath.Join(f.dir, page)); err != nil {
		t.Fatal(err)
	}
	f.ends(exitDone, "build")
	check("a page was missing")

	f.write(filepath.ToSlash(page), "mine")
	f.ends(exitDone, "build")
	check("a page was edited")

	f.write("models/models.yml", "version: 2\nmodels:\n  - name: cheap\n    description: What costs less.\n")
	f.ends(exitDone, "build")
	check("another description, and nothing to build")
}
