package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	check := func(what string, but ...string) {
		t.Helper()
		copied := newFolder(t)
		if err := os.CopyFS(copied.dir, os.DirFS(f.dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(copied.dir, "target", "catalog")); err != nil {
			t.Fatal(err)
		}
		copied.ends(exitDone, "docs", "generate")
		want, got := copied.site(), f.site()
		for _, path := range but {
			delete(want, path)
			delete(got, path)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: the site of the build is another one:\n%s", what, d)
		}
	}

	written := func() map[string]time.Time {
		out := map[string]time.Time{}
		for path := range f.site() {
			info, err := os.Stat(filepath.Join(f.dir, "target", "catalog", filepath.FromSlash(path)))
			if err != nil {
				t.Fatal(err)
			}
			out[path] = info.ModTime()
		}
		return out
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

	// A test that asks for the time is due in every build. What a test found that warns is told of
	// by the site of the run that has seen it only.
	f.write("tests/dear_enough.sql", "{{ config \"severity\" \"warn\" }}\nselect id from {{ ref \"dear\" }} where price < 30\n")
	f.write("tests/cheap_now.sql", "select id from {{ ref \"cheap\" }} where current_timestamp() < timestamp '2020-01-01'\n")
	f.ends(exitDone, "build")
	seen := []string{"model/dear.html", "test/dear_enough.html"}
	check("new tests", seen...)
	passing := append([]string{"index.html", "runs.html", "tests.html", "model/cheap.html", "test/cheap_now.html"}, seen...)
	for _, command := range []string{"build", "test", "build", "build"} {
		before := written()
		f.ends(exitDone, command)
		check("engine "+command+" of what stands", seen...)
		for path, at := range written() {
			if !at.Equal(before[path]) && !slices.Contains(passing, path) {
				t.Errorf("engine %s, which builds nothing, has written %s again", command, path)
			}
		}
	}
}
