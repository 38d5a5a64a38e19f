package crash

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKilledWhilePublishingTogether kills builds with publish: run at random moments. What
// is there afterwards is all that was there before, or all that the run was to publish; the
// next build repairs the rest, and kept versions are those of the policy, no more.
func TestKilledWhilePublishingTogether(t *testing.T) {
	t.Parallel()
	calm, stormy := t.TempDir(), t.TempDir()
	f := newFactory()
	targets := "publish: run\nkeep_previous: 1\n" + duckTargets
	f.write(t, stormy, targets)
	engine(t, "build", "--project-dir", stormy)
	k := newKiller(t, 5, stormy)
	before, _ := factoryDuck(t, stormy, false)
	if len(before) != len(relations) {
		t.Fatalf("the first build made %d relations, want %d", len(before), len(relations))
	}
	died, published, nothing, refused, keeps := 0, 0, 0, 0, 0
	n := kills(t, 24)
	for i := range n {
		f.edit(k.r)
		f.broken = i%6 == 4
		args := []string{"build", "--project-dir", stormy, "--no-catalog", "--full"}
		after := factoryFresh(t, f, calm)
		f.write(t, stormy, targets)
		killed, at := k.kill(t, args...)
		found, _ := factoryDuck(t, stormy, true)
		when := fmt.Sprintf("round %d, killed %s", i, at)
		switch {
		case maps.Equal(found, before):
			nothing++
		case f.broken:
			t.Fatalf("%s: something was published although a test fails (-before +found):\n%s", when, cmp.Diff(before, found))
		case maps.Equal(found, after):
			published++
		default:
			t.Fatalf("%s: it is neither what was before nor what was to come:\n%s\n%s", when, cmp.Diff(before, found), cmp.Diff(after, found))
		}
		if killed {
			died++
		}
		if f.broken {
			refused++
			f.broken = false
			after = factoryFresh(t, f, calm)
			f.write(t, stormy, targets)
		}
		out := engine(t, "build", "--project-dir", stormy, "--no-catalog")
		got, left := factoryDuck(t, stormy, false)
		if diff := cmp.Diff(after, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		kept := map[string]int{}
		for _, name := range left {
			var of string
			if _, err := fmt.Sscanf(name, "_engine_old__%s", &of); err != nil {
				t.Fatalf("%s: left over is %s", when, name)
			}
			known := false
			for relation := range relations {
				if len(of) > len(relation)+2 && of[:len(relation)+2] == relation+"__" {
					kept[relation]++
					known = true
				}
			}
			if !known {
				t.Fatalf("%s: %s is kept of no relation", when, name)
			}
		}
		for relation, count := range kept {
			if count > 1 {
				t.Fatalf("%s: %d versions of %s are kept, want 1", when, count, relation)
			}
		}
		keeps += len(kept)
		before = got
	}
	t.Logf("%d of %d builds were killed while they ran; %d published all, %d nothing, %d of them because a test fails", died, n, published, nothing, refused)
	if died < n/2 || nothing == 0 || keeps == 0 {
		t.Errorf("of %d builds only %d were killed while they ran, %d published nothing, %d versions were kept: the test tests too little", n, died, nothing, keeps)
	}
}
