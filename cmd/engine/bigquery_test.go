package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestCostOnBigQuery: estimates, budgets and figures by the client of the real service.
func TestCostOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("engine.yml", fmt.Sprintf("name: shop\ndialect: bigquery\ntargets: {dev: {type: bigquery, project: %s, schema: core, location: EU, api_endpoint: %q}}\n", peer.Project, peer.URL))
	write("seeds/raw.csv", "id\n1\n2\n3\n")
	write("models/a.sql", "{{ config \"materialized\" \"table\" }}select id from {{ ref \"raw\" }} where id < 3")
	write("models/b.sql", "{{ config \"materialized\" \"table\" }}select id from {{ ref \"a\" }}")
	write("models/v.sql", "select id from {{ ref \"b\" }}")
	write("models/props.yml", "models:\n  - name: a\n    columns: [{name: id, data_tests: [not_null]}]\n")
	run := func(args ...string) (int, string) {
		t.Helper()
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		code := a.execute(append(args, "--no-color"))
		return code, out.String() + errs.String()
	}
	jobs := func() (sent int) {
		t.Helper()
		for _, j := range peer.Log(t).Jobs {
			if j.Labels["run"] != "" {
				sent++
			}
		}
		return sent
	}
	contains := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("want %q in:\n%s", part, text)
			}
		}
	}

	code, text := run("build", "--max-bytes", "1GB")
	contains(text, "cost-unknown")
	if code != exitMistake || jobs() > 0 {
		t.Errorf("exit code %d, %d jobs", code, jobs())
	}
	code, text = run("build", "--max-bytes", "1GB", "--allow-unknown-cost")
	contains(text, "10.0 MiB, <0.0001 USD", "MiB billed")
	if code != exitDone {
		t.Fatal(text)
	}
	var results struct {
		Results []struct {
			ID       string         `json:"unique_id"`
			Response map[string]any `json:"adapter_response"`
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "target", "run_results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &results); err != nil {
		t.Fatal(err)
	}
	for _, r := range results.Results {
		if r.ID != "model.shop.a" {
			continue
		}
		contains(fmt.Sprint(r.Response["job_id"]), "-model_a-")
		contains(fmt.Sprint(r.Response["_message"]), "CREATE TABLE (2.0 rows, 24 B processed)")
		got := fmt.Sprint(r.Response["code"], r.Response["rows_affected"], r.Response["bytes_processed"], r.Response["bytes_billed"], r.Response["project_id"], r.Response["location"])
		if want := fmt.Sprint("CREATE TABLE", 2.0, 24.0, float64(10<<20), peer.Project, "EU"); got != want {
			t.Errorf("adapter_response is %s, want %s", got, want)
		}
	}

	peer.SetBytes(t, peer.Project, "core", "raw", 5<<30)
	before := jobs()
	code, text = run("plan", "--full", "--cost")
	contains(text, "a    │  5.0 GiB │        0.03 │ dry run", "b    │ 10.0 MiB │     <0.0001 │ dry run", "cost: 5.0 GiB, 0.03 USD at 6.25 USD per TiB, 2 nodes read nothing")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	code, text = run("build", "--full", "--max-cost", "0.02")
	contains(text, "error[budget-exceeded]: the run would be billed for 5.0 GiB, 0.03 USD, more than --max-cost 0.02 allows: nothing was sent")
	if code != exitMistake || jobs() != before {
		t.Errorf("exit code %d, %d jobs", code, jobs()-before)
	}
}
