package engine_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
)

// TestDamageOfWhatIsKept: a file of kept answers that is cut, noisy, or another project's gives
// what none gives, and is whole again afterwards.
func TestDamageOfWhatIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 11))
	f := googleProject(r)
	b := newBench(t, f)
	path := filepath.Join(b.dir, "target", "analysis.kept")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	look := func(version string) map[string]string {
		b.opts.Version = version
		p, ds := engine.Load(b.opts)
		program, more := engine.Compile(context.Background(), p, b.opts)
		return picture(t, b, program, append(ds, more...))
	}
	want := look("")
	look("laws")
	whole, err := os.ReadFile(path)
	if err != nil || len(whole) < 1000 {
		t.Fatalf("%d bytes are kept: %v", len(whole), err)
	}
	for i := range 24 {
		broken := bytes.Clone(whole)
		at := r.IntN(len(broken))
		switch i % 4 {
		case 0:
			broken = broken[:at]
		case 1:
			broken[at] ^= 1 << r.IntN(8)
		case 2:
			clear(broken[at:min(at+1+r.IntN(200), len(broken))])
		case 3: // a record of one place in the place of another
			copy(broken[at:], whole[r.IntN(len(whole)):])
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, look("laws")); diff != "" {
			t.Fatalf("damage %d at %d of %d bytes changed the outcome (-without +with):\n%s", i, at, len(whole), diff)
		}
	}
	if mended, err := os.Stat(path); err != nil || mended.Size() < int64(len(whole)) {
		t.Errorf("the file is not whole again: %v, %v", mended, err)
	}
}

// TestKeep: a compilation makes the folder for what it found where it is asked to, and only then,
// and not for a project with mistakes.
func TestKeep(t *testing.T) {
	for _, c := range []struct {
		name, text string
		keep, want bool
	}{{"asked to", "select 1 as n", true, true}, {"not asked to", "select 1 as n", false, false}, {"mistakes", "select nothing as n", true, false}} {
		b := newBench(t, files{"engine.yml": "name: laws\n", "models/m.sql": c.text})
		b.opts.Version, b.opts.Keep = "laws", c.keep
		p, ds := engine.Load(b.opts)
		b.noErrors(ds)
		_, _ = engine.Compile(context.Background(), p, b.opts)
		if _, err := os.Stat(filepath.Join(b.dir, "target", "analysis.kept")); (err == nil) != c.want {
			t.Errorf("%s: kept: %t, want %t", c.name, err == nil, c.want)
		}
	}
}
