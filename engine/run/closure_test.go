package run_test

import (
	"slices"
	"testing"

	"github.com/engine-build/engine/engine/run"
)

// TestUpdateBeyondMemory: an ancestry whose edges have become too many for memory is made
// anew by the warehouse, where nobody has chosen the method. That it is the warehouse is
// seen by a cycle, which its method refuses.
func TestUpdateBeyondMemory(t *testing.T) {
	const model = "{{ config \"materialized\" \"ancestry\" }}select parent, child from {{ ref \"edge\" }}"
	edges := []string{"parent,child\n1,2\n2,3\n", "parent,child\n1,2\n2,3\n3,4\n", "parent,child\n1,2\n2,3\n3,4\n4,5\n", "parent,child\n1,2\n2,3\n3,4\n4,5\n5,4\n"}
	for _, test := range []struct {
		name, method string
		limit        int64
		second       string // what becomes of it in the second build, and in the third
		third        string
		last         run.Status
	}{
		{"few", "", 0, "m done: 3 pairs written for 1 of 4", "m done: 4 pairs written for 1 of 5", run.Done},
		{"many", "", 2, "m done", "m done", run.Errored},
		{"many, in memory", `"ancestry" (dict "method" "memory") `, 2, "m done: 3 pairs written for 1 of 4", "m done: 4 pairs written for 1 of 5", run.Done},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShop(t, map[string]string{"seeds/edge.csv": edges[0], "models/m.sql": model[:36] + test.method + model[36:]})
			few := func(o *run.Options) { o.MemoryEdges = test.limit }
			want(t, s.build(few), "edge done", "m done")
			s.write(map[string]string{"seeds/edge.csv": edges[1]})
			want(t, s.build(few), "edge done", test.second)
			s.write(map[string]string{"seeds/edge.csv": edges[2]})
			want(t, s.build(few), "edge done", test.third)
			rows := []string{"1 2 1 1", "1 3 2 2", "1 4 3 3", "1 5 4 4", "2 3 1 1", "2 4 2 2", "2 5 3 3", "3 4 1 1", "3 5 2 2", "4 5 1 1"}
			query := "select concat_ws(' ', ancestor_id, descendant_id, min_depth, max_depth) from dev.m order by ancestor_id, descendant_id"
			if got := s.rows(query); !slices.Equal(got, rows) {
				t.Errorf("m has %v", got)
			}
			s.write(map[string]string{"seeds/edge.csv": edges[3]})
			if r := s.build(few); r.Nodes[1].Status != test.last {
				t.Errorf("with a cycle: %v", outcome(r))
			}
			if got := s.rows(query); test.last == run.Errored && !slices.Equal(got, rows) {
				t.Errorf("after a failure m has %v", got)
			}
			s.noStaging()
		})
	}
}
