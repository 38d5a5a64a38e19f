package lineage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/google/go-cmp/cmp"
)

// past has every node of shop as it is, but for: report, which is new; orders, whose query
// has changed; stg_orders, whose file was laid out anew; the snapshot, which got a key of
// configuration; and countries, whose data are others.
func past(t *testing.T) *Past {
	t.Helper()
	node := func(text, raw string) definition.Node {
		return definition.Node{Text: text, Raw: raw, Config: map[string]string{}, Place: &addr.Relation{}}
	}
	then := &definition.Set{Type: "duckdb", Nodes: map[addr.Node]definition.Node{}}
	now := &definition.Set{Type: "duckdb", Nodes: map[addr.Node]definition.Node{}}
	u := newUniverse(shop())
	for i := range u.items {
		id := u.items[i].id
		then.Nodes[id], now.Nodes[id] = node("t", "r"), node("t", "r")
	}
	delete(then.Nodes, model("report"))
	now.Nodes[model("orders")] = node("t2", "r2")
	now.Nodes[model("stg_orders")] = node("t", "r2")
	configured := node("t", "r")
	configured.Config = map[string]string{"strategy": `"check"`}
	now.Nodes[addr.Node{Kind: addr.Snapshot, Name: "orders_snapshot"}] = configured
	seed := addr.Node{Kind: addr.Seed, Name: "countries"}
	then.Nodes[seed], now.Nodes[seed] = node("", "a"), node("", "b")
	return &Past{
		From: "target prod", Then: then, Now: now,
		Results: map[addr.Node][]string{model("orders"): {"error"}, model("report"): {"skipped"}, model("stg_orders"): {"success"}},
		Fresher: map[addr.Node]bool{{Kind: addr.Source, Name: "app.orders"}: true},
	}
}

func TestSelectPast(t *testing.T) {
	for _, c := range []struct{ selector, want string }{
		{"state:modified", "seed.countries model.orders model.report snapshot.orders_snapshot"},
		{"state:modified.body", "seed.countries model.orders model.report"},
		{"state:modified.configs", "model.report snapshot.orders_snapshot"},
		{"state:modified.relation", "model.report"},
		{"state:new", "model.report"},
		{"state:old,resource_type:model", "model.orders model.stg_orders"},
		{"state:unmodified,resource_type:model", "model.stg_orders"},
		{"state:modified+,resource_type:model", "model.orders model.report"},
		{"1+state:modified.body,resource_type:model", "model.orders model.report model.stg_orders"},
		{"result:error", "model.orders"},
		{"result:error+,resource_type:model", "model.orders model.report"},
		{"result:*,state:old", "model.orders model.stg_orders"},
		{"source_status:fresher+,resource_type:model", "model.orders model.report model.stg_orders"},
	} {
		t.Run(c.selector, func(t *testing.T) {
			got, diags := Select(shop(), Query{Select: []string{c.selector}, Past: past(t), Indirect: "empty"})
			var names []string
			for _, id := range got.List() {
				names = append(names, id.String())
			}
			if diff := cmp.Diff(c.want, strings.Join(names, " ")); diff != "" || diags.HasErrors() {
				t.Error(diff, diags)
			}
		})
	}
}

func TestSelectPastMistakes(t *testing.T) {
	lacking := &Past{From: "folder ci", NoDefinitions: "no a", NoResults: "no b", NoSources: "no c"}
	for _, c := range []struct {
		selector string
		past     *Past
		want     string
	}{
		{"state:modified", nil, `error: selector "state:modified" compares with an earlier state, and none is given; add --state TARGET, or --state FOLDER with state.json or manifest.json (or set ENGINE_STATE)`},
		{"state:modified", lacking, `error: selector "state:modified" cannot be compared with folder ci: no a; `},
		{"result:error", lacking, `error: selector "result:error" cannot be compared with folder ci: no b; `},
		{"source_status:fresher", lacking, `error: selector "source_status:fresher" cannot be compared with folder ci: no c; `},
		{"source_status:older", lacking, `error: selector "source_status:older" has a value that source_status does not know; known values: fresher`},
		{"state:changed", lacking, `error: selector "state:changed" has a value that state does not know; known values: modified, new, old, unmodified, modified.body, modified.configs, modified.relation, modified.macros, modified.vars, modified.persisted_descriptions, modified.contract`},
		{"state:new.body", lacking, `error: selector "state:new.body" has a value that state does not know; known values: modified, new, old, unmodified, modified.body, modified.configs, modified.relation, modified.macros, modified.vars, modified.persisted_descriptions, modified.contract`},
		{"state:modified.config", lacking, `error: selector "state:modified.config" has a sub-selector that state:modified does not know; did you mean "state:modified.configs"? known are body, configs, relation, macros, vars, persisted_descriptions, contract`},
		{"result:broken", lacking, `error: selector "result:broken" has a value that result does not know; known values: error, fail, no-op, partial success, pass, reused, runtime error, skipped, success, warn`},
		{"state:modified.macros", past(t), `note: selector "state:modified.macros": nothing, compared with target prod; `},
	} {
		t.Run(c.selector, func(t *testing.T) {
			_, diags := Select(shop(), Query{Select: []string{c.selector}, Past: c.past})
			if len(diags) != 1 {
				t.Fatalf("want one diagnostic, got %v", diags)
			}
			if diff := cmp.Diff(c.want, fmt.Sprintf("%s: %s; %s", diags[0].Severity, diags[0].Message, diags[0].Help)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNeedsPast(t *testing.T) {
	for _, c := range []struct {
		q    Query
		want bool
	}{
		{Query{Select: []string{"orders tag:x"}}, false},
		{Query{Select: []string{"orders 1+state:modified+"}}, true},
		{Query{Select: []string{"tag:x,result:error"}}, true},
		{Query{Exclude: []string{"source_status:fresher"}}, true},
	} {
		if got := c.q.NeedsPast(nil); got != c.want {
			t.Errorf("%v: %v", c.q, got)
		}
	}
}
