package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// fullDisk is a library that makes the writes of a process fail as on a full disk: a small
// file system would take rights that tests do not have everywhere.
func fullDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: the library that plays a full disk is for its linker")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skipf("needs a C compiler: %v", err)
	}
	dir, err := os.MkdirTemp("", "full")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// The server's user must be able to read it.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "full.so")
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-O1", "-o", lib, "testdata/full.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return lib
}

// TestFullDisk lets the disk of a DuckDB file be full after a random number of bytes. With
// room again the next build repairs what there is to repair.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	lib := fullDisk(t)
	calm, dir := t.TempDir(), t.TempDir()
	f := newFactory()
	f.write(t, dir, duckTargets)
	engine(t, "build", "--project-dir", dir, "--no-catalog")
	before, _ := factoryDuck(t, dir, false)
	r := rand.New(rand.NewPCG(3, 5))
	build := func(room int64) result {
		cmd := exec.Command(binary(t), "build", "--project-dir", dir, "--no-catalog", "--full")
		cmd.Env = append(environ(), "LD_PRELOAD="+lib, "FULL_UNDER=engine.duckdb", "FULL_AFTER="+strconv.FormatInt(room, 10))
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return result{cmd.ProcessState.ExitCode(), string(out)}
	}
	// How much a build writes is found by halving.
	low, most := int64(0), int64(1<<26)
	if res := build(most); res.code != 0 {
		t.Fatalf("with room enough the build ended with exit code %d\n%s", res.code, res.output)
	}
	for most-low > 1<<14 {
		if middle := (low + most) / 2; build(middle).code == 0 {
			most = middle
		} else {
			low = middle
			engine(t, "build", "--project-dir", dir, "--no-catalog")
		}
	}
	failed, said := 0, 0
	n := max(kills(t, 20), 1)
	for i := range n {
		f.edit(r)
		after := factoryFresh(t, f, calm)
		f.write(t, dir, duckTargets)
		room := r.Int64N(2 * most) // what does not fit when the file is closed stays in its log
		res := build(room)
		when := fmt.Sprintf("round %d, disk full after %d bytes of %d", i, room, most)
		switch res.code {
		case 0:
		case 1:
			failed++
			if strings.Contains(res.output, "No space left on device") || strings.Contains(res.output, "is full") {
				said++
			}
		default:
			t.Fatalf("%s: exit code %d\n%s", when, res.code, res.output)
		}
		found, _ := factoryDuck(t, dir, true)
		whole(t, when, found, before, after)
		out := engine(t, "build", "--project-dir", dir, "--no-catalog")
		got, left := factoryDuck(t, dir, false)
		if diff := cmp.Diff(after, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("%s: staging objects are left over: %v", when, left)
		}
		before = got
	}
	t.Logf("%d of %d builds failed on a full disk, %d of them said so; a build writes about %d bytes", failed, n, said, most)
	if failed < n/4 || said < failed {
		t.Errorf("of %d builds %d failed and %d said why", n, failed, said)
	}
}

// TestFullDiskOnPostgres lets the data disk of a server be full from a random moment of a
// build on.
func TestFullDiskOnPostgres(t *testing.T) {
	t.Parallel()
	lib := fullDisk(t)
	if _, err := pg.Find(); err != nil {
		t.Skipf("needs %v", err)
	}
	full := filepath.Join(filepath.Dir(lib), "full")
	s, err := pg.Start(context.Background(), pg.Options{Environment: map[string]string{"LD_PRELOAD": lib, "FULL_UNDER": "/base/", "FULL_SWITCH": full}})
	if err != nil && strings.HasPrefix(err.Error(), "a user ") {
		t.Skipf("needs %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	database := s.Database(t)
	x := newFactoryOn(t, pgTargets(s, database, nil))
	a, w := newAsker(t, s, database), watch(t, s, database, x.before)
	k := newKiller(t, 6, x.dir)
	failed, said := 0, 0
	n := max(kills(t, 20), 1)
	for i := range n {
		x.turn(k.r, false)
		w.allow(x.before, x.next)
		after := time.Duration(k.r.Int64N(int64(k.run)))
		r := begun(t, func(*os.Process) {
			time.Sleep(after)
			if err := os.WriteFile(full, nil, 0o644); err != nil {
				t.Error(err)
			}
		}, x.build("--full")...)()
		when := fmt.Sprintf("round %d, disk full after %v", i, after)
		switch r.code {
		case 0:
		case 1:
			failed++
			if strings.Contains(r.output, "No space left on device") {
				said++
			}
		default:
			t.Fatalf("%s: exit code %d\n%s", when, r.code, r.output)
		}
		found, _ := a.factory()
		whole(t, when, found, x.before, x.next)
		if err := os.Remove(full); err != nil {
			t.Fatal(err)
		}
		out := engine(t, x.build()...)
		got, left := a.factory()
		if diff := cmp.Diff(x.next, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("%s: staging objects are left over: %v", when, left)
		}
		w.check(t, when)
		x.before = got
	}
	t.Logf("%d of %d builds failed on a full disk, %d of them said so", failed, n, said)
	if failed < n/3 || said < failed*2/3 {
		t.Errorf("of %d builds %d failed and %d said why", n, failed, said)
	}
}
