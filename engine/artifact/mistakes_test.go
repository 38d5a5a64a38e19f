package artifact

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/run"
)

// TestMistakesOfOthers are the mistakes that another engine made in dbt's artifacts, found by
// those who read them.
func TestMistakesOfOthers(t *testing.T) {
	p := shop(t)
	data, err := manifestOf(p, shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	manifest := decode(t, data)
	if data, err = resultsOf(shopRun(p), p, shopMeta); err != nil {
		t.Fatal(err)
	}
	results := decode(t, data)
	lines := map[string]map[string]any{}
	for _, r := range results["results"].([]any) {
		r := r.(map[string]any)
		lines[r["unique_id"].(string)] = r
	}
	for _, c := range []struct {
		mistake string
		found   func() string // what is wrong, empty for nothing
	}{
		{"child_map and parent_map have no key of nodes without children and parents", func() string {
			for _, section := range []string{"nodes", "sources", "exposures", "unit_tests"} {
				for _, id := range keys(manifest[section]) {
					for _, m := range []string{"child_map", "parent_map"} {
						if at(manifest, m, id) == nil {
							return m + " lacks " + id
						}
					}
				}
			}
			return ""
		}},
		{"seeds, snapshots and tests have no config.materialized", func() string {
			for _, id := range keys(manifest["nodes"]) {
				if word, _ := at(manifest, "nodes", id, "config", "materialized").(string); word == "" {
					return id
				}
			}
			return ""
		}},
		{"lines of run results lack message, compiled, compiled_code, failures, batch_results", func() string {
			for id, line := range lines {
				for _, key := range []string{"message", "compiled", "compiled_code", "failures", "batch_results", "relation_name", "adapter_response", "timing", "thread_id", "execution_time"} {
					if _, ok := line[key]; !ok {
						return id + " lacks " + key
					}
				}
			}
			return ""
		}},
		{"nodes that failed or were skipped have no line", func() string {
			for id, status := range map[string]string{"model.shop.useeph": "error", "snapshot.shop.snap": "skipped", "test.shop.no_negative": "skipped"} {
				if lines[id]["status"] != status {
					return id
				}
			}
			return ""
		}},
		{"args.profiles_dir is empty", func() string {
			for _, key := range []string{"profiles_dir", "project_dir", "which"} {
				if word, _ := at(results, "args", key).(string); word == "" {
					return key
				}
			}
			return ""
		}},
		{"patch_path without project://", func() string {
			path, _ := at(manifest, "nodes", "model.shop.customers", "patch_path").(string)
			if !strings.HasPrefix(path, "shop://models/") {
				return path
			}
			return ""
		}},
		{"meta and tags only in config", func() string {
			for _, of := range []any{at(manifest, "nodes", "model.shop.customers"), at(manifest, "nodes", "model.shop.customers", "config")} {
				if at(of, "meta", "owner") != "me" || len(at(of, "tags").([]any)) != 1 {
					return "the other one"
				}
			}
			return ""
		}},
		{"rows_affected is 0", func() string {
			n := run.NodeResult{Node: node(addr.Model, "customers"), Status: run.Done, Rows: 12, Command: "MERGE", Usage: run.Usage{Jobs: []string{"j"}, Project: "p"}}
			if got := response(&n)["rows_affected"]; got != int64(12) {
				return "12 rows are lost"
			}
			n.Rows = -1
			if _, ok := response(&n)["rows_affected"]; ok {
				return "an unknown number is told"
			}
			return ""
		}},
		{"relations and nodes without a database", func() string {
			for _, id := range keys(manifest["nodes"]) {
				if at(manifest, "nodes", id, "database") == nil {
					return id
				}
			}
			return ""
		}},
		{"the invocation's id is no UUID", func() string {
			m := shopMeta
			m.InvocationID = "20261122T080118Z-b55e2084"
			data, err := manifestOf(p, m)
			if err != nil {
				t.Fatal(err)
			}
			id, _ := at(decode(t, data), "metadata", "invocation_id").(string)
			if !uuid.MatchString(id) || id != InvocationID(m.InvocationID) || InvocationID(id) != id {
				return id
			}
			return ""
		}},
	} {
		if found := c.found(); found != "" {
			t.Errorf("%s: %s", c.mistake, found)
		}
	}
}
