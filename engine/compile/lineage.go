package compile

import (
	"sync"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/origin"
)

// Lineage is where the columns of a node come from. What was kept from an earlier
// compilation is read when it is asked for. Safe for concurrent use.
type Lineage struct {
	once sync.Once
	kept []byte
	of   *origin.Lineage
}

// Get is the lineage, nil where nothing is known.
func (l *Lineage) Get() *origin.Lineage {
	if l == nil {
		return nil
	}
	l.once.Do(func() {
		if l.of == nil && len(l.kept) > 0 {
			var of origin.Lineage
			if json.Unmarshal(l.kept, &of) == nil {
				l.of = &of
			}
			l.kept = nil
		}
	})
	return l.of
}
