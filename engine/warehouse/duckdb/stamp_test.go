package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestStamp: a file that nobody has touched since it was published is not looked into, and one
// that somebody has touched in whatever way is.
func TestStamp(t *testing.T) {
	ctx := context.Background()
	o := newOutlet(t, nil)
	meanwhile := func() {} // between a release and its stamp
	publish := func(run string) string {
		t.Helper()
		r, err := o.c.OpenRelease(ctx, o.spec)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close(ctx)
		name := addr.Relation{Schema: o.spec.Schemas[0], Name: "a"}
		if got := r.(warehouse.Stamper).Stamp(ctx); got != "" {
			t.Errorf("the stamp before anything is published is %q", got)
		}
		o.do(o.c, "create table "+Dialect{}.Quote(r.Staged(name))+" as select 1 as x")
		if _, err := r.Publish(ctx, warehouse.Handover{Run: run, Contract: 1, Tables: []addr.Relation{name}}); err != nil {
			t.Fatal(err)
		}
		meanwhile()
		return r.(warehouse.Stamper).Stamp(ctx)
	}
	look := func(stamp string) warehouse.Stock {
		t.Helper()
		spec := o.spec
		spec.Stamp = stamp
		got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{spec})
		if err != nil {
			t.Fatal(err)
		}
		return got[spec.Customer]
	}
	stamp := publish("r1")
	if runtime.GOOS != "linux" {
		if stamp != "" {
			t.Errorf("a stamp on %s: %q", runtime.GOOS, stamp)
		}
		return
	}
	if stamp == "" {
		t.Fatal("a file that was published has no stamp")
	}
	if have := look(stamp); have.Relations != nil || have.Run != nil || have.Stamp != stamp {
		t.Errorf("an untouched file was looked into: %+v", have)
	}
	looked := look("")
	if looked.Relations == nil || looked.Run == nil || looked.Stamp != stamp {
		t.Errorf("a look without a stamp gives %+v, want the stamp %q", looked, stamp)
	}
	aside := filepath.Join(t.TempDir(), "old")
	copyFile := func(from, to string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := o.spec.Owner
	for _, c := range []struct {
		what  string
		touch func(was os.FileInfo) error
	}{
		{"the same content written again", func(os.FileInfo) error { copyFile(aside, o.file()); return nil }},
		{"with the time of before", func(was os.FileInfo) error {
			copyFile(aside, o.file())
			return os.Chtimes(o.file(), was.ModTime(), was.ModTime())
		}},
		{"another file of the name", func(os.FileInfo) error { copyFile(aside, aside+"2"); return os.Rename(aside+"2", o.file()) }},
		{"a log beside it", func(os.FileInfo) error { return os.WriteFile(o.file()+logEnd, nil, 0o600) }},
		{"another owner", func(os.FileInfo) error { o.spec.Owner += "x"; return nil }},
	} {
		before := look("").Stamp
		if before == "" {
			t.Fatalf("%s: the file has no stamp", c.what)
		}
		if have := look(before); have.Relations != nil {
			t.Errorf("%s: an untouched file was looked into", c.what)
		}
		was, err := os.Stat(o.file())
		if err != nil {
			t.Fatal(err)
		}
		copyFile(o.file(), aside)
		time.Sleep(20 * time.Millisecond) // the clock of files ticks
		if err := c.touch(was); err != nil {
			t.Fatal(err)
		}
		if have := look(before); have.Stamp == before {
			t.Errorf("%s: the file counts as untouched", c.what)
		}
		o.spec.Owner = owner
		if err := os.RemoveAll(o.file() + logEnd); err != nil {
			t.Fatal(err)
		}
	}
	if again := publish("r2"); again == stamp {
		t.Error("a new release has the stamp of the old one")
	}
	meanwhile = func() {
		copyFile(o.file(), aside)
		if err := os.Rename(aside, o.file()); err != nil {
			t.Fatal(err)
		}
	}
	if got := publish("r3"); got != "" {
		t.Errorf("a file that has taken the place of the one that was published has the stamp %q", got)
	}
}

// BenchmarkStock is about customers whose files nobody has touched.
func BenchmarkStock(b *testing.B) {
	ctx := context.Background()
	c, err := Driver{}.Open(ctx, warehouse.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			specs := make([]warehouse.ReleaseSpec, n)
			for i := range specs {
				name := fmt.Sprintf("c%d", i)
				specs[i] = warehouse.ReleaseSpec{Owner: "shop", Customer: name, Schemas: []string{"dw_" + name}, Dir: dir}
				if err := os.WriteFile(fileOf(specs[i]), []byte(name), 0o600); err != nil {
					b.Fatal(err)
				}
				specs[i].Stamp = stampOf(fileOf(specs[i]), specs[i])
			}
			for b.Loop() {
				got, err := c.(*conn).Stock(ctx, specs)
				if err != nil || len(got) != n {
					b.Fatalf("%d of %d customers have something, %v", len(got), n, err)
				}
			}
		})
	}
}
