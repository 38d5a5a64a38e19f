package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestCostOnBigQuery: estimates, budgets and figures by the client of the real service.
func TestCostOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ndialect: bigquery\ntargets: {dev: "+onBigQuery(peer, "core")+"}\n")
	f.write("seeds/raw.csv", "id\n1\n2\n3\n")
	f.write("models/a.sql", "{{ config \"materialized\" \"table\" }}select id from {{ ref \"raw\" }} where id < 3")
	f.write("models/b.sql", "{{ config \"materialized\" \"table\" }}select id from {{ ref \"a\" }}")
	f.write("models/v.sql", "select id from {{ ref \"b\" }}")
	f.write("models/props.yml", "models:\n  - name: a\n    columns: [{name: id, data_tests: [not_null]}]\n")
	jobs := func() (sent int) {
		t.Helper()
		for _, j := range peer.Log(t).Jobs {
			if j.Labels["run"] != "" {
				sent++
			}
		}
		return sent
	}
	code, text := f.engine("build", "--max-bytes", "1GB")
	contains(t, text, "cost-unknown")
	if code != exitMistake || jobs() > 0 {
		t.Errorf("exit code %d, %d jobs", code, jobs())
	}
	code, text = f.engine("build", "--max-bytes", "1GB", "--allow-unknown-cost")
	contains(t, text, "10.0 MiB, <0.0001 USD", "MiB billed")
	if code != exitDone {
		t.Fatal(text)
	}
	var results struct {
		Results []struct {
			ID       string         `json:"unique_id"`
			Response map[string]any `json:"adapter_response"`
		}
	}
	if err := json.Unmarshal([]byte(f.read("target/run_results.json")), &results); err != nil {
		t.Fatal(err)
	}
	for _, r := range results.Results {
		if r.ID != "model.shop.a" {
			continue
		}
		contains(t, fmt.Sprint(r.Response["job_id"]), "-model_a-")
		contains(t, fmt.Sprint(r.Response["_message"]), "CREATE TABLE (2.0 rows, 24 B processed)")
		got := fmt.Sprint(r.Response["code"], r.Response["rows_affected"], r.Response["bytes_processed"], r.Response["bytes_billed"], r.Response["project_id"], r.Response["location"])
		if want := fmt.Sprint("CREATE TABLE", 2.0, 24.0, float64(10<<20), peer.Project, "EU"); got != want {
			t.Errorf("adapter_response is %s, want %s", got, want)
		}
	}

	peer.SetBytes(t, peer.Project, "core", "raw", 5<<30)
	before := jobs()
	code, text = f.engine("plan", "--full", "--cost")
	contains(t, text, "a    │  5.0 GiB │        0.03 │ dry run", "b    │ 10.0 MiB │     <0.0001 │ dry run", "cost: 5.0 GiB, 0.03 USD at 6.25 USD per TiB, 2 nodes read nothing")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	code, text = f.engine("build", "--full", "--max-cost", "0.02")
	contains(t, text, "error[budget-exceeded]: the run would be billed for 5.0 GiB, 0.03 USD, more than --max-cost 0.02 allows: nothing was sent")
	if code != exitMistake || jobs() != before {
		t.Errorf("exit code %d, %d jobs", code, jobs()-before)
	}
}
