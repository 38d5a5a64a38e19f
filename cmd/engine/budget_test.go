package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/golden"
	"github.com/engine-build/engine/internal/metered"
)

// till runs command lines in one project on a warehouse that charges for reading: a row is
// a MiB, and a MiB is a euro.
type till struct {
	t     *testing.T
	dir   string
	meter *metered.Meter
}

func newTill(t *testing.T, c *golden.Case) *till {
	t.Helper()
	s := &till{t: t, dir: t.TempDir(), meter: &metered.Meter{Price: warehouse.Price{PerTiB: 1 << 20, Currency: "EUR"}}}
	c.Unpack(t, s.dir)
	return s
}

var (
	times   = regexp.MustCompile(` +\d+\.\d\ds`)
	written = regexp.MustCompile(`(?m)^(database|catalog) .*\n`)
)

// foretold is the line that a plan has where a run took long enough, as on a busy machine.
var foretold = regexp.MustCompile(`(?m)^time: about .*\n`)

// run gives the exit code and both streams, without durations and places.
func (s *till) run(args ...string) (int, string) {
	s.t.Helper()
	a, out, errs := world(s.t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return s.dir, nil }
	a.now = time.Now // records are ordered by it
	a.drivers = []warehouse.Driver{metered.Driver{Meter: s.meter}}
	code := a.execute(append(args, "--no-color", "-j", "1"))
	shown := foretold.ReplaceAllString(written.ReplaceAllString(out.String()+errs.String(), ""), "")
	return code, times.ReplaceAllString(shown, " 0s")
}

// sent is the number of jobs that a run sent.
func (s *till) sent() int {
	n := 0
	for _, j := range s.meter.Jobs() {
		if j.Run != "" {
			n++
		}
	}
	return n
}

// TestCostGolden types the lines of the file «commands» one after the other. «free» in
// front of a line takes the price away first.
func TestCostGolden(t *testing.T) {
	golden.Run(t, "testdata/cost/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		s := newTill(t, c)
		var b strings.Builder
		for _, line := range strings.Split(strings.TrimSpace(string(c.Input(t, "commands"))), "\n") {
			words := strings.Fields(line)
			if words[0] == "free" {
				s.meter.Price, words = warehouse.Price{}, words[1:]
			}
			s.meter.Forget()
			code, text := s.run(words[1:]...)
			outcome := ""
			if s.sent() == 0 {
				outcome = ", nothing sent"
			}
			fmt.Fprintf(&b, "$ %s\nexit code %d%s\n%s\n", line, code, outcome, text)
		}
		return map[string]string{"shown": b.String()}
	})
}

// TestSpendingForPrograms: the figures in the document, in the log, and in run_results.json.
func TestSpendingForPrograms(t *testing.T) {
	s := &till{t: t, dir: t.TempDir(), meter: &metered.Meter{Price: warehouse.Price{PerTiB: 1 << 20, Currency: "EUR"}}}
	for name, text := range map[string]string{
		"engine.yml":   "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\n",
		"seeds.csv":    "",
		"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id union all select 2",
		"models/b.sql": "{{ config \"materialized\" \"table\" }}select id from {{ ref \"a\" }}",
	} {
		path := filepath.Join(s.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spent := map[string]any{"bytes": 2097152.0, "bytes_billed": 2097152.0, "slot_millis": 2.0, "cost": 2.0, "currency": "EUR"}
	pick := func(from map[string]any) map[string]any {
		out := map[string]any{}
		for key := range spent {
			out[key] = from[key]
		}
		return out
	}

	var doc struct {
		Spending map[string]any
		Nodes    []map[string]any
	}
	_, text := s.run("build", "-q", "--output", "json")
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(spent, pick(doc.Spending)); diff != "" {
		t.Errorf("all: %s", diff)
	}
	if diff := cmp.Diff(spent, pick(doc.Nodes[1])); diff != "" {
		t.Errorf("b: %s", diff)
	}

	_, text = s.run("build", "--full", "--log-format", "json")
	last := map[string]map[string]any{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		node, _ := fields["node"].(string)
		last[fields["event"].(string)+" "+node] = fields
	}
	for _, event := range []string{"node_ended model.b", "run_ended "} {
		if diff := cmp.Diff(spent, pick(last[event])); diff != "" {
			t.Errorf("%s: %s", event, diff)
		}
	}

	var results struct {
		Results []struct {
			AdapterResponse map[string]any `json:"adapter_response"`
		}
	}
	data, err := os.ReadFile(filepath.Join(s.dir, "target", "run_results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &results); err != nil {
		t.Fatal(err)
	}
	got := results.Results[1].AdapterResponse
	if id, _ := got["job_id"].(string); !strings.HasPrefix(id, "job") {
		t.Errorf("job_id is %v", got["job_id"])
	}
	delete(got, "job_id")
	want := map[string]any{
		"_message": "CREATE TABLE (2.0 rows, 2.0 MiB processed)", "code": "CREATE TABLE", "rows_affected": 2.0,
		"bytes_processed": 2097152.0, "bytes_billed": 2097152.0, "slot_ms": 2.0, "location": "EU", "project_id": "billing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("adapter_response (-want +got):\n%s", diff)
	}
}
