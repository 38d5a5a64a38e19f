package compile

import (
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
)

// TestEveryConfigKeyIsDecoded: a key that configuration accepts ends in Config, so none is
// parsed and ignored.
func TestEveryConfigKeyIsDecoded(t *testing.T) {
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		for _, k := range project.KeysOf(kind) {
			if !decodeKey(&Config{}, k.Name, nil) {
				t.Errorf("%s: config key %s is accepted and not decoded", kind, k.Name)
			}
		}
	}
}
