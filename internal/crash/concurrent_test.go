package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// slowly makes every model of a project take that long before it is built.
func slowly(targets string, seconds float64) string {
	return fmt.Sprintf("  +pre_hook: \"select pg_sleep(%g)\"\n", seconds) + targets
}

// TestTwoBuilds: of two builds on one target one is at work, and the other says so, or waits.
func TestTwoBuilds(t *testing.T) {
	t.Parallel()
	s := pg.Shared(t)
	database := s.Database(t)
	targets := pgTargets(s, database, nil)
	x := newFactoryOn(t, targets)
	other := t.TempDir()
	a, w := newAsker(t, s, database), watch(t, s, database, x.before)
	r := rand.New(rand.NewPCG(3, 7))
	for i, c := range []struct {
		name  string
		apart time.Duration
		wait  bool
	}{{"at once", 0, false}, {"staggered", 700 * time.Millisecond, false}, {"at once, waiting", 0, true}, {"staggered, waiting", 700 * time.Millisecond, true}} {
		// Both build the same edit, so that whoever comes first makes the tables of it.
		x.f.edit(r)
		x.f.version["b"] = 4 + i
		x.next = factoryFresh(t, x.f, x.calm)
		w.allow(x.before, x.next)
		more := []string{"build", "--no-catalog", "--full"}
		if c.wait {
			more = append(more, "--wait=5m")
		}
		x.f.write(t, x.dir, slowly(targets, 0.3))
		x.f.write(t, other, slowly(targets, 0.3))
		_, first := launch(t, append(more, "--project-dir", x.dir)...)
		time.Sleep(c.apart)
		_, second := launch(t, append(more, "--project-dir", other)...)
		results := []result{first(), second()}
		busy, done, waited := 0, 0, 0
		for _, r := range results {
			switch {
			case r.code == 0:
				done++
			case r.code == 1 && strings.Contains(r.output, "error[target-busy]") && strings.Contains(r.output, "crash@") && strings.Contains(r.output, "last heartbeat"):
				busy++
			}
			if strings.Contains(r.output, "waiting for target") {
				waited++
			}
		}
		if c.wait && (done != 2 || waited != 1) || !c.wait && (done != 1 || busy != 1) {
			t.Fatalf("%s: %d ended well, %d were told that the target is busy, %d waited:\n%s\n---\n%s", c.name, done, busy, waited, results[0].output, results[1].output)
		}
		got, left := a.factory()
		if diff := cmp.Diff(x.next, got); diff != "" || len(left) > 0 {
			t.Fatalf("%s: the tables are (-from nothing +there):\n%s\n%v", c.name, diff, left)
		}
		w.check(t, c.name)
		if n := a.must("select count(*) from _engine.leases"); n[0] != "0" {
			t.Fatalf("%s: %s leases are left", c.name, n[0])
		}
		x.before = got
	}
}

// TestStolenTarget: a build from which the target is taken publishes nothing any more, and
// ends; the one that took it makes the tables of its own project.
func TestStolenTarget(t *testing.T) {
	t.Parallel()
	s := pg.Shared(t)
	database := s.Database(t)
	targets := pgTargets(s, database, nil)
	x := newFactoryOn(t, targets)
	a, w := newAsker(t, s, database), watch(t, s, database, x.before)
	r := rand.New(rand.NewPCG(3, 8))
	before, _ := a.factory()

	// The first build would take about a minute.
	for name := range x.f.version {
		x.f.version[name] = 5
	}
	slow := factoryFresh(t, x.f, x.calm)
	x.f.write(t, x.dir, slowly(targets, 8))
	x.f.edit(r)
	for name := range x.f.version {
		x.f.version[name] = 6
	}
	want := factoryFresh(t, x.f, x.calm)
	other := t.TempDir()
	x.f.write(t, other, targets)
	w.allow(before, slow, want)

	_, first := launch(t, "build", "--no-catalog", "--project-dir", x.dir)
	owner := func() string { return strings.Join(a.must("select run_id from _engine.leases"), "") }
	deadline := time.Now().Add(time.Minute)
	mine := ""
	for mine == "" {
		if mine = owner(); time.Now().After(deadline) {
			t.Fatalf("the first build does not begin: %s", first().output)
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(9 * time.Second) // some of it is published
	_, second := launch(t, "build", "--no-catalog", "--project-dir", other, "--steal")
	for owner() == mine {
		if time.Sleep(time.Millisecond); time.Now().After(deadline) {
			t.Fatal("the target is not taken")
		}
	}
	taken, _ := a.factory()
	ended := first()
	since := time.Now()
	there, _ := a.factory()
	if diff := cmp.Diff(taken, there); diff != "" {
		t.Errorf("after the target was taken the first build published (-when it was taken +when it ended):\n%s", diff)
	}
	if ended.code != 1 || !strings.Contains(ended.output, "lease-lost") || !strings.Contains(ended.output, "took the target over") {
		t.Errorf("the first build ended with exit code %d\n%s", ended.code, ended.output)
	}
	stole := second()
	if stole.code != 0 || !strings.Contains(stole.output, "warning[target-taken]") || !strings.Contains(stole.output, mine) {
		t.Errorf("the second build ended with exit code %d\n%s", stole.code, stole.output)
	}
	if time.Since(since) < time.Second {
		t.Errorf("the second build did not outlive the first: the test tests nothing")
	}
	got, left := a.factory()
	if diff := cmp.Diff(want, got); diff != "" || len(left) > 0 {
		t.Errorf("the tables are (-from nothing +there):\n%s\n%v", diff, left)
	}
	if changed := cmp.Diff(before, taken); changed == "" {
		t.Error("the first build had published nothing when the target was taken: the test tests too little")
	}
	w.check(t, "stolen")
}

// TestInterruptedBuild: an interrupt gives the target back at once, and nothing is left aside.
func TestInterruptedBuild(t *testing.T) {
	t.Parallel()
	s := pg.Shared(t)
	database := s.Database(t)
	targets := pgTargets(s, database, nil)
	x := newFactoryOn(t, targets)
	a := newAsker(t, s, database)
	x.f.version["checked"] = 7
	x.next = factoryFresh(t, x.f, x.calm)
	x.f.write(t, x.dir, slowly(targets, 2))
	r := begun(t, func(p *os.Process) {
		time.Sleep(time.Second)
		if err := p.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
	}, x.build()...)()
	if r.code != 1 || !strings.Contains(r.output, `"canceled"`) {
		t.Errorf("exit code %d\n%s", r.code, r.output)
	}
	if n := a.must("select count(*) from _engine.leases"); n[0] != "0" {
		t.Errorf("%s leases are left", n[0])
	}
	found, left := a.factory()
	whole(t, "interrupted", found, x.before, x.next)
	if len(left) > 0 {
		t.Errorf("staging objects are left over: %v", left)
	}
	x.f.write(t, x.dir, targets)
	if out := engine(t, x.build()...); strings.Contains(out, "did not end") {
		t.Errorf("the next build takes it for one that was killed:\n%s", out)
	}
	got, _ := a.factory()
	if diff := cmp.Diff(x.next, got); diff != "" {
		t.Errorf("the tables are (-from nothing +there):\n%s", diff)
	}
}
