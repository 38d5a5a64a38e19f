package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/web"
)

// TestBundleIsCurrent holds dist to its sources: a change of one without the other fails.
func TestBundleIsCurrent(t *testing.T) {
	files, err := bundle("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(files) {
		have, err := os.ReadFile(filepath.Join("..", "dist", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, files[name]) {
			t.Errorf("dist/%s is not what its sources make: run «go generate ./catalog/web»", name)
		}
	}
	found, err := filepath.Glob(filepath.Join("..", "dist", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(files) {
		t.Errorf("dist has %v, the sources make %v", found, names(files))
	}
}

// TestSizes holds what readers load to the budgets of reference pages.
func TestSizes(t *testing.T) {
	files, err := bundle("..")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, name := range names(files) {
		n := zipped(t, files[name])
		t.Logf("%-12s %6d bytes, %6d zipped", name, len(files[name]), n)
		if filepath.Ext(name) == ".js" && name != "single.js" && name != "trace.js" { // those are in no folder
			sum += n
		}
	}
	for _, x := range []struct {
		what      string
		have, max int
	}{
		{"app.js, loaded by every page", zipped(t, files["app.js"]), 15 << 10},
		{"all scripts", sum, 60 << 10},
		{"the style sheet of every page", zipped(t, files["site.css"]), 10 << 10},
		{"the style sheets of the lineage page", zipped(t, files["site.css"]) + zipped(t, files["explore.css"]), 12 << 10},
		{"the style sheets of the page of materials", zipped(t, files["site.css"]) + zipped(t, files["material.css"]), 12 << 10},
	} {
		if x.have > x.max {
			t.Errorf("%s: %d bytes zipped, at most %d are allowed", x.what, x.have, x.max)
		}
	}
}

func zipped(t *testing.T, b []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, 9)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// TestSearchIsFound: the script of every page knows where the one for searches is.
func TestSearchIsFound(t *testing.T) {
	files, err := bundle("..")
	if err != nil {
		t.Fatal(err)
	}
	if path := web.Path("search.js"); path == "" || !bytes.Contains(files["app.js"], []byte(path)) {
		t.Errorf("app.js does not name %q", path)
	}
}

// TestKit checks that what guests take from the kit is there: a name that app.ts forgets would
// be undefined in the browser alone.
func TestKit(t *testing.T) {
	app, err := os.ReadFile(filepath.Join("..", "src", "app.ts"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(app), "window.catalog.kit = {")
	list, _, found := strings.Cut(list, "}")
	if !found {
		t.Fatal("app.ts has no kit")
	}
	have := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, module := range []string{"data", "dom", "place", "store"} {
		path := filepath.Join("..", "src", module+".ts")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(shared["window.catalog.kit"]).MatchString("/src/" + module + ".ts") {
			t.Errorf("%s is not taken from the kit", module)
		}
		for _, m := range exported.FindAllSubmatch(text, -1) {
			name := string(m[1])
			if name != "remember" && !slices.Contains(have, name) { // that one only begins
				t.Errorf("the kit lacks %s of %s", name, path)
			}
		}
	}
}
