package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
)

// entry is one place of YAML with the keys it takes. The loader answers a key that does not
// exist with those that do.
type entry = project.Place

var entries = project.Places

var quotedWord = regexp.MustCompile(`"([^"]+)"`)

// TestKeys asks the loader for the keys of every place, by a key that does not exist.
func TestKeys(t *testing.T) {
	const nonsense = "zzzzzzzzzzzzzzzz"
	for _, e := range entries {
		t.Run(e.Name, func(t *testing.T) {
			files := map[string]string{"engine.yml": "name: shop\n", "models/m.sql": "select 1 as id", "tests/t.sql": "select * from {{ ref \"m\" }} where id < 0"}
			files[e.File] = fmt.Sprintf(e.Example, nonsense)
			_, list := load(t, files)
			var known []string
			for _, d := range list {
				if strings.Contains(d.Message, nonsense) && strings.HasPrefix(d.Help, "known keys are ") {
					for _, m := range quotedWord.FindAllStringSubmatch(d.Help, -1) {
						known = append(known, m[1])
					}
				}
			}
			if known == nil {
				t.Fatalf("the loader does not list its keys: %v", list)
			}
			var written []string
			for _, k := range e.Keys {
				written = append(written, k.Name)
			}
			slices.Sort(known)
			slices.Sort(written)
			if diff := cmp.Diff(slices.Compact(known), written); diff != "" {
				t.Errorf("the page has other keys (-loader +page):\n%s", diff)
			}
		})
	}
}
