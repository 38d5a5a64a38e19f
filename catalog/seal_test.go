package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

const maker = "engine of the test"

// later is the catalog after another run, which has built nothing.
func later() *content.Catalog {
	c := contenttest.Small()
	c.Generated = c.Generated.Add(time.Hour)
	run := *c.Runs[0]
	run.ID, run.Started, run.Ended = "later", c.Generated.Add(-time.Minute), c.Generated
	c.Runs = append([]*content.Run{&run}, c.Runs...)
	return c
}

// holds checks that a directory has the files of a site and no others, and says when each was written.
func holds(t *testing.T, dir string, s *Site) map[string]time.Time {
	t.Helper()
	written := map[string]time.Time{}
	for p, want := range made(s) {
		got, err := os.ReadFile(filepath.Join(dir, p))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s is not what Write leaves: %v", p, err)
		}
		info, err := os.Stat(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		written[p] = info.ModTime()
	}
	var have []string
	for _, p := range on(t, dir) {
		if p != sealName {
			have = append(have, p)
		}
	}
	if d := cmp.Diff(listed(s), have); d != "" {
		t.Error(d)
	}
	return written
}

// TestRefresh: only the pages that tell of runs are made where all else is as it was left, and
// whatever was done to the directory the files are those that Write leaves.
func TestRefresh(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if err := Build(contenttest.Small(), Options{Maker: maker}).Refresh(dir); err != nil {
		t.Fatal(err)
	}
	before := holds(t, dir, Build(contenttest.Small(), Options{}))
	next := Build(later(), Options{Maker: maker})
	if fresh, err := next.refresh(dir); !fresh || err != nil {
		t.Fatalf("a sound site was not known again: %v", err)
	}
	for p, at := range holds(t, dir, next) {
		if !at.Equal(before[p]) && !tellsOfRuns(p) {
			t.Errorf("%s was written again", p)
		}
	}

	page := nodePath(later().Nodes[0])
	past := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	edit := func(p, text string) {
		path := filepath.Join(dir, p)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(p string) {
		if err := os.RemoveAll(filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	whole, _ := next.File(page)
	changed := later()
	changed.Nodes[0].Description = "Changed."
	for _, c := range []struct {
		what string
		do   func()
		site *Site
	}{
		{"a page is missing", func() { remove(page) }, next},
		{"a folder is missing", func() { remove("model") }, next},
		{"a page was edited", func() { edit(page, "mine") }, next},
		{"a page was edited to the same size", func() { edit(page, string(bytes.ToUpper(whole))) }, next},
		{"the list is missing", func() { remove(listName) }, next},
		{"the seal is missing", func() { remove(sealName) }, next},
		{"the seal is broken", func() { edit(sealName, "mine") }, next},
		{"all is missing", func() { remove("") }, next},
		{"another version of the engine", func() {}, Build(later(), Options{Maker: "a later one"})},
		{"another content", func() {}, Build(changed, Options{Maker: maker})},
		{"it became less", func() {}, Build(nothing(), Options{Maker: maker})},
		{"and more again", func() {}, next},
	} {
		c.do()
		if fresh, err := c.site.refresh(dir); fresh || err != nil {
			t.Errorf("%s: the site was taken for sound: %v", c.what, err)
		}
		if err := c.site.Refresh(dir); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		holds(t, dir, c.site)
		if fresh, err := c.site.refresh(dir); !fresh || err != nil {
			t.Errorf("%s: the site is not sound afterwards: %v", c.what, err)
		}
	}

	// Pages of runs are made each time, whoever has touched them, and what a killed write has left
	// goes; holds looks for it.
	edit("index.html", "mine")
	edit(tempName+"1-0", "half a page")
	remove("runs.html")
	if fresh, err := next.refresh(dir); !fresh || err != nil {
		t.Errorf("pages of runs are not sealed: %v", err)
	}
	holds(t, dir, next)
}

// TestRefreshMakesWhatOthersFill: of what other rooms make the digest knows nothing but its names.
func TestRefreshMakesWhatOthersFill(t *testing.T) {
	dir := t.TempDir()
	site := func(text string) *Site {
		return Build(contenttest.Small(), Options{
			Maker: maker,
			Pages: []Page{{Path: "material/index.html", Title: "Materials", Body: func(string) []byte { return []byte(text) }}},
			Files: []File{{Path: "material/x.js", Make: func() []byte { return []byte(text) }}, {Path: "material/y.js", Body: []byte(text)}},
		})
	}
	for _, text := range []string{"one", "two"} {
		if err := site(text).Refresh(dir); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, site(text))
	}
	if fresh, err := site("two").refresh(dir); !fresh || err != nil {
		t.Errorf("the rest is not sealed: %v", err)
	}
}

// TestWriteWithoutMakerSealsNothing: nobody could tell who made it.
func TestWriteWithoutMakerSealsNothing(t *testing.T) {
	dir := t.TempDir()
	for _, maker := range []string{maker, ""} {
		if err := Build(contenttest.Small(), Options{Maker: maker}).Write(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, sealName)); (err == nil) != (maker != "") {
			t.Errorf("made by %q: %v", maker, err)
		}
	}
}

// TestDigestKnowsAllContent changes every kind of value of a catalog, one at a time: the digest is
// another one, or only pages that tell of runs are.
func TestDigestKnowsAllContent(t *testing.T) {
	c := contenttest.Small()
	of := func() string { return Build(c, Options{Maker: maker}).digest() }
	first, pages := of(), made(Build(c, Options{}))
	b := &book{c: c, o: Options{Maker: maker}}
	quick := (&Site{book: b}).digest
	if quick() != first {
		t.Fatal("the digest is of more than the content")
	}
	seen := map[string]bool{}
	passing := 0
	check := func(where string) {
		if quick() != first {
			return
		}
		passing++
		for p, body := range made(Build(c, Options{})) {
			if !bytes.Equal(body, pages[p]) && !tellsOfRuns(p) {
				t.Errorf("%s is on %s, and the digest does not know it", where, p)
			}
		}
	}
	var walk func(v reflect.Value, where string)
	walk = func(v reflect.Value, where string) {
		// A few of each kind of value are enough, and those of runs are all looked at on pages.
		try := func(change, back func()) {
			if seen[where] {
				return
			}
			seen[where] = true
			change()
			check(where)
			back()
		}
		switch v.Kind() {
		case reflect.String:
			old := v.String()
			try(func() { v.SetString(old + "x") }, func() { v.SetString(old) })
		case reflect.Bool:
			old := v.Bool()
			try(func() { v.SetBool(!old) }, func() { v.SetBool(old) })
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			old := v.Int()
			try(func() { v.SetInt(old + 1) }, func() { v.SetInt(old) })
		case reflect.Uint8:
			old := v.Uint()
			try(func() { v.SetUint(old + 1) }, func() { v.SetUint(old) })
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem(), where)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), where+"[]")
			}
		case reflect.Struct:
			if old, ok := v.Interface().(time.Time); ok {
				try(func() { v.Set(reflect.ValueOf(old.Add(time.Nanosecond))) }, func() { v.Set(reflect.ValueOf(old)) })
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i), where+"."+v.Type().Field(i).Name)
			}
		default:
			t.Errorf("%s is a %s", where, v.Kind())
		}
	}
	walk(reflect.ValueOf(c), "")
	if passing == 0 || passing > 8 || len(seen) < 100 {
		t.Errorf("of %d kinds of values %d are not in the digest", len(seen), passing)
	}
	// The time counts once it is that by which readers should have left something.
	c.Nodes[0].Deprecated = c.Generated.Add(time.Hour)
	soon := of()
	c.Generated = c.Generated.Add(2 * time.Hour)
	if of() == soon {
		t.Error("the digest does not know that a node should have been left by now")
	}
}
