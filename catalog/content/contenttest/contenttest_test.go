package contenttest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

func TestCatalogs(t *testing.T) {
	for name, make := range map[string]func() *content.Catalog{
		"small": contenttest.Small, "hostile": contenttest.Hostile,
		"large 1": func() *content.Catalog { return contenttest.Large(1) }, "large 100": func() *content.Catalog { return contenttest.Large(100) },
		"large 1000": func() *content.Catalog { return contenttest.Large(1000) },
	} {
		t.Run(name, func(t *testing.T) {
			c := make()
			if err := contenttest.Check(c); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c, make()); diff != "" {
				t.Errorf("made twice:\n%s", diff)
			}
		})
	}
}

// TestLargeShape holds the sizes that everything is measured at.
func TestLargeShape(t *testing.T) {
	start := time.Now()
	c := contenttest.Large(10_000)
	took := time.Since(start)
	if err := contenttest.Check(c); err != nil {
		t.Fatal(err)
	}
	columns, edges, wide, hub := 0, 0, 0, 0
	for _, n := range c.Nodes {
		columns, edges = columns+len(n.Columns), edges+len(n.Parents)
		wide, hub = max(wide, len(n.Columns)), max(hub, len(n.Children))
	}
	t.Log(fmt.Sprintf("%d nodes, %d columns, %d edges, %d column edges, %d reads, %d texts, widest %d, busiest %d, %d tests, made in %v",
		len(c.Nodes), columns, edges, len(c.Flow.Edges), len(c.Flow.Reads), len(c.Flow.Texts), wide, hub, len(c.Tests), took))
	for _, x := range []struct {
		what            string
		got, from, upto int
	}{
		{"columns", columns, 95_000, 125_000}, {"edges", edges, 15_000, 19_000}, {"column edges", len(c.Flow.Edges), 100_000, 120_000},
		{"columns of the widest", wide, 600, 600}, {"children of the busiest", hub, 450, 600},
	} {
		if x.got < x.from || x.got > x.upto {
			t.Errorf("%s: %d, want %d to %d", x.what, x.got, x.from, x.upto)
		}
	}
}
