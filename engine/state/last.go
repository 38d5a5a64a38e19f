package state

import (
	"context"

	"github.com/engine-build/engine/engine/warehouse"
)

// LastRun is the newest run of a scope that came to its end, whatever its verdict; ok is
// false where none is recorded.
func LastRun(ctx context.Context, c warehouse.Conn, s Scope) (last Run, ok bool, err error) {
	have, err := Look(ctx, c, s.Database)
	if err != nil {
		return Run{}, false, err
	}
	rel, there := have[runs.name]
	if !there {
		return Run{}, false, nil
	}
	err = query(ctx, c, runs.latest(c.Dialect(), s, rel), "read "+Schema+"."+runs.name, func(v []any) {
		last, ok = Run{ID: text(v[1]), Start: when(v[2]), End: when(v[3]), Verdict: text(v[4]), Engine: text(v[5]), Target: text(v[6])}, true
	})
	return last, ok, err
}
