package engine

import (
	"context"
	"fmt"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Past is what the target remembers of earlier runs of a program: the newest runs, builds of
// nodes and outcomes of tests, at most most of each.
func Past(ctx context.Context, p *compile.Program, c warehouse.Conn, most int) (state.Past, error) {
	past, err := state.ReadPast(named(ctx, p), c, scopeOf(p), most)
	if err != nil {
		return state.Past{}, fmt.Errorf("read the past of target %s: %w", p.Target.Name, err)
	}
	return past, nil
}
