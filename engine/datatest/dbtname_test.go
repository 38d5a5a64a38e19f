package datatest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
)

// TestDBTNames: the names are what dbt-core 1.12 made of the same entries.
func TestDBTNames(t *testing.T) {
	model, source := addr.Node{Kind: addr.Model, Name: "orders"}, addr.Node{Kind: addr.Source, Name: "app.users"}
	version := addr.Node{Kind: addr.Model, Name: "orders.v1"}
	for _, c := range []struct {
		on           addr.Node
		kind, column string
		args         map[string]any
		short, full  string // full: empty where it is the same
	}{
		{model, "not_null", "id", nil, "not_null_orders_id", ""},
		{version, "not_null", "id", nil, "not_null_orders_v1_id", ""},
		{source, "unique", "id", nil, "source_unique_app_users_id", ""},
		{model, "relationships", "user_id", map[string]any{"to": "ref('stg_users')", "field": "id"}, "relationships_orders_user_id__id__ref_stg_users_", ""},
		{model, "accepted_values", "status", map[string]any{"values": []any{"open", "closed", "null"}}, "accepted_values_orders_status__open__closed__null", ""},
		{model, "accepted_values", "id", map[string]any{"values": []any{int64(7)}, "quote": false}, "accepted_values_orders_id__False__7", ""},
		{model, "accepted_values", "status", map[string]any{"values": []any{"open", "closed", "cancelled and sent back"}},
			"accepted_values_orders_6f518c920b9445f5e1920bdbd7cd3cd4", "accepted_values_orders_status__open__closed__cancelled_and_sent_back"},
		{model, "row_count", "", map[string]any{"at_least": int64(1)}, "row_count_orders_1", ""},
		{model, "dbt_utils.accepted_range", "x", map[string]any{"min_value": 0.5, "inclusive": true}, "dbt_utils_accepted_range_orders_x__True__0_5", ""},
		{model, "expect", "", map[string]any{"when": nil, "of": map[string]any{"a": int64(1)}}, "expect_orders_1__None", ""},
	} {
		x := &Test{Node: c.on, Column: c.column, Written: &project.Test{Kind: project.Value[string]{V: c.kind}, Args: map[string]project.Value[any]{}}}
		for name, v := range c.args {
			x.Written.Args[name] = project.Value[any]{V: v}
		}
		short, full := x.DBTNames()
		if c.full == "" {
			c.full = c.short
		}
		if diff := cmp.Diff([]string{c.short, c.full}, []string{short, full}); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTwins: tests that dbt could not tell apart get names of their own, others stay.
func TestTwins(t *testing.T) {
	on := addr.Node{Kind: addr.Model, Name: "orders"}
	like := func(print string, value any) *Test {
		return &Test{Node: on, Column: "id", Fingerprint: print, Written: &project.Test{Kind: project.Value[string]{V: "x"}, Args: map[string]project.Value[any]{"a": {V: value}}}}
	}
	tests := []*Test{like("aaaaaaaaaa", "b c"), like("bbbbbbbbbb", "b c"), like("cccccccccc", "b_c"), {ID: addr.Node{Kind: addr.Test, Name: "alone"}}}
	MarkTwins(tests)
	var got []string
	for _, x := range tests {
		_, full := x.DBTNames()
		got = append(got, full)
	}
	if diff := cmp.Diff([]string{"x_orders_b_c__id_aaaaaaaa", "x_orders_b_c__id_bbbbbbbb", "x_orders_b_c__id", "alone"}, got); diff != "" {
		t.Error(diff)
	}
}
