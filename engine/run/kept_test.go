package run_test

import (
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/run"
)

// TestSameContentSparesReaders: what comes out as it was keeps its name, in each way to find
// that out, and then the next plan is empty.
func TestSameContentSparesReaders(t *testing.T) {
	const child = "{{ config \"materialized\" \"table\" }}select id from {{ ref \"m\" }}"
	for _, c := range []struct {
		name   string
		model  string
		change map[string]string
		spared bool
	}{
		{"a table with the same rows", "{{ config \"materialized\" \"table\" }}select id, val from {{ ref \"raw\" }} where id < 3",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,4\n"}, true},
		{"a table with other rows", "{{ config \"materialized\" \"table\" }}select id, val from {{ ref \"raw\" }} where id < 3",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,9\n3,4\n"}, false},
		{"a table with the same rows, one of them twice", "{{ config \"materialized\" \"table\" }}select id, val from {{ ref \"raw\" }} where id < 3",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n2,2\n3,4\n"}, false},
		{"an incremental model that finds no new rows", "{{ config \"materialized\" \"incremental\" \"incremental_strategy\" \"append\" }}select id, val from {{ ref \"raw\" }}{{ if is_incremental }} where id > (select max(id) from {{ this }}){{ end }}",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,4\n"}, true},
		{"an incremental model that finds some", "{{ config \"materialized\" \"incremental\" \"incremental_strategy\" \"append\" }}select id, val from {{ ref \"raw\" }}{{ if is_incremental }} where id > (select max(id) from {{ this }}){{ end }}",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,3\n4,4\n"}, false},
		{"an incremental model that deletes and inserts", "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" \"incremental_strategy\" \"delete+insert\" }}select id, val from {{ ref \"raw\" }}",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,4\n"}, false},
		{"an incremental model with a hook", "{{ config \"materialized\" \"incremental\" \"incremental_strategy\" \"append\" \"post_hook\" \"update dev.m set val = 0\" }}select id, val from {{ ref \"raw\" }}{{ if is_incremental }} where id > (select max(id) from {{ this }}){{ end }}",
			map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,4\n"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, map[string]string{"seeds/raw.csv": "id,val\n1,1\n2,2\n3,3\n", "models/m.sql": c.model, "models/child.sql": child})
			s.build(nil)
			s.write(c.change)
			r := s.build(nil)
			got := map[addr.Node]run.Status{}
			for _, n := range r.Nodes {
				got[n.Node] = n.Status
			}
			status := run.Done
			if c.spared {
				status = run.Kept
			}
			if got[addr.Node{Kind: addr.Model, Name: "m"}] != run.Done || got[addr.Node{Kind: addr.Model, Name: "child"}] != status {
				t.Errorf("child should be %s: %v", status, outcome(r))
			}
			want(t, s.build(nil))
		})
	}
}
