package browse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// TestAttacks opens every page of a site whose every text is an attack, and looks at what the
// browser made of it: nothing runs, nothing is asked for elsewhere, no markup comes from a text.
func TestAttacks(t *testing.T) {
	if len(attacks) < 150 {
		t.Fatalf("only %d attacks", len(attacks))
	}
	dir := hostileSite(t)
	all := browse.Pages(t, dir)
	places := browse.Places(t, dir)
	for i, place := range places[:2] {
		t.Run(place.Name, func(t *testing.T) {
			t.Parallel()
			tab := chromium.Tab(t, place)
			elements := 0
			for n, p := range all {
				// Every attack is in every field of a node, and lists have them all; pages of tags, owners and
				// the like, and the same bytes from a server, are looked at here and there.
				every := 1
				switch kind, _, below := strings.Cut(p, "/"); {
				case !below:
				case slices.Contains([]string{"model", "source", "seed", "snapshot", "exposure"}, kind):
					every += 4 * i
				default:
					every = 40 + 40*i
				}
				if n%every != 0 {
					continue
				}
				tab.Open(p)
				f := tab.Markup()
				elements += f.Seen
				for _, problem := range f.Problems {
					t.Errorf("%s: %s", p, problem)
				}
				for _, c := range tab.Complaints() {
					t.Errorf("%s: %s", p, c)
				}
			}
			if elements < 10_000 {
				t.Errorf("the pages have %d elements", elements)
			}
		})
	}
}

// hostileSite is a site whose every text is an attack.
func hostileSite(t *testing.T) string {
	t.Helper()
	c := contenttest.HostileOf(attacks)
	o := materials(t, attacks[:120])
	o.Changes = changes.Between(contenttest.HostileOf(slices.Concat(attacks[5:], attacks[:5])), c)
	return write(t, c, o)
}
