package run

import (
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
)

// A record that names a definition is never written before it, whatever was there first.
func TestDefinitionsAreWrittenFirst(t *testing.T) {
	d, s, at := bigquery.Dialect{}, state.Scope{Project: "p", Schema: "s"}, time.Unix(0, 0)
	a, b := addr.Node{Kind: addr.Model, Name: "a"}, addr.Node{Kind: addr.Model, Name: "b"}
	got := join([]warehouse.Op{
		state.BuiltOp(d, s, "r", state.Record{Node: a, At: at}),
		state.DefinedOp(d, s, "r", at, &state.Definition{Node: b}),
		state.BuiltOp(d, s, "r", state.Record{Node: b, At: at}),
		state.DefinedOp(d, s, "r", at, &state.Definition{Node: a}),
	})
	if len(got) != 2 || !state.HoldsDefinitions(got[0].Target) || len(got[0].Rows) != 2 || len(got[1].Rows) != 2 {
		t.Errorf("got %v", got)
	}
}
