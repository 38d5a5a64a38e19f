package artifact

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/python"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// valid checks an artifact against dbt's schema and decodes it. With ARTIFACT_DUMP the
// artifacts stay there, for readers in other languages (dbt-artifacts-parser).
func valid(t *testing.T, schema string, data []byte) map[string]any {
	t.Helper()
	c := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, "testdata/schemas/"+schema)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource(schema, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	got, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("not JSON: %v\n%s", err, data)
	}
	if err := s.Validate(got); err != nil {
		t.Errorf("against %s: %v", schema, err)
	}
	if dir := os.Getenv("ARTIFACT_DUMP"); dir != "" {
		if err := Write(dir, strings.ReplaceAll(schema[:strings.LastIndex(schema, "-v")], "-", "_")+".json", data); err != nil {
			t.Fatal(err)
		}
	}
	return decode(t, data)
}

func whole(write func(io.Writer) error) ([]byte, error) {
	var out bytes.Buffer
	err := write(&out)
	return out.Bytes(), err
}

func manifestOf(p *compile.Program, m Meta) ([]byte, error) {
	return whole(func(out io.Writer) error { return Manifest(out, p, m) })
}

func resultsOf(r *run.Result, p *compile.Program, m Meta) ([]byte, error) {
	return whole(func(out io.Writer) error { return RunResults(out, r, p, plan.Selection{}, nil, m) })
}

func catalogOf(p *compile.Program, facts map[addr.Node]warehouse.Relation, m Meta) ([]byte, error) {
	return whole(func(out io.Writer) error { return Catalog(out, p, facts, m) })
}

func sourcesOf(p *compile.Program, results []FreshnessResult, m Meta) ([]byte, error) {
	return whole(func(out io.Writer) error { return Sources(out, p, results, m) })
}

func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// at walks into nested objects.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func keys(v any) []string {
	m, _ := v.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

// differs names what we write differently from dbt on purpose, and why.
var differs = map[string]string{
	"compiled_code":     "taken out of the sample",
	"compiled":          "generic tests are compiled when they run",
	"compiled_path":     "files are written where the source is",
	"created_at":        "the time of the invocation",
	"schema":            "failing rows have a schema of their own",
	"extra_ctes":        "ephemeral models are inlined by the compiler",
	"doc_blocks":        "descriptions come with their blocks resolved",
	"depends_on":        "compared apart, dbt lists its own macros too",
	"config":            "compared apart",
	"raw_code":          "dbt repeats the test's config in the text",
	"columns":           "compared apart",
	"path":              "dbt counts folders of sources and macros in two ways",
	"unrendered_config": "engine.yml is another file",
}

func TestManifestIsWhatDbtWrites(t *testing.T) {
	data, err := manifestOf(shop(t), shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	got := valid(t, "manifest-v12.json", data)
	want := decode(t, read(t, "testdata/dbt/manifest.json"))

	for _, section := range []string{"nodes", "sources", "exposures", "groups", "docs", "unit_tests", "disabled", "parent_map", "child_map"} {
		if diff := cmp.Diff(keys(want[section]), keys(got[section])); diff != "" {
			t.Errorf("keys of %s (-dbt +engine):\n%s", section, diff)
		}
	}
	if diff := cmp.Diff(keys(want), keys(got)); diff != "" {
		t.Errorf("sections (-dbt +engine):\n%s", diff)
	}
	for _, section := range []string{"parent_map", "child_map", "group_map"} {
		if diff := cmp.Diff(sortedLists(want[section]), sortedLists(got[section])); diff != "" {
			t.Errorf("%s (-dbt +engine):\n%s", section, diff)
		}
	}
	for _, section := range []string{"nodes", "sources", "exposures", "groups", "docs"} {
		for _, id := range keys(want[section]) {
			compareNode(t, id, at(want, section, id), at(got, section, id))
		}
	}
	if diff := cmp.Diff(keys(want["metadata"]), keys(got["metadata"])); diff != "" {
		t.Errorf("metadata (-dbt +engine):\n%s", diff)
	}
}

// newer are keys that dbt added to v12 late; readers of earlier releases refuse them.
var newer = []string{"dimension", "entity"}

func compareNode(t *testing.T, id string, want, got any) {
	t.Helper()
	w, g := want.(map[string]any), got.(map[string]any)
	for _, k := range keys(g) {
		if _, ok := w[k]; !ok && differs[k] == "" {
			t.Errorf("%s has the key %q, which dbt does not write", id, k)
		}
	}
	for _, k := range keys(w) {
		if _, ok := g[k]; !ok && differs[k] == "" {
			t.Errorf("%s lacks the key %q", id, k)
		}
		if _, skip := differs[k]; skip || id == "snapshot.shop.snap" && k == "checksum" { // ours is a file of its own
			continue
		}
		if diff := cmp.Diff(w[k], g[k]); diff != "" {
			t.Errorf("%s.%s (-dbt +engine):\n%s", id, k, diff)
		}
	}
	if diff := cmp.Diff(at(w, "depends_on", "nodes"), at(g, "depends_on", "nodes")); diff != "" && !strings.HasPrefix(id, "exposure.") {
		t.Errorf("%s.depends_on.nodes (-dbt +engine):\n%s", id, diff)
	}
	for _, k := range keys(w["config"]) {
		switch k {
		case "static_analysis", "on_error", "latest_version_pointer", "sql_header", "schema", "quote_columns":
			continue
		}
		if k == "tags" && strings.HasPrefix(id, "test.") { // dbt keeps the column's tags out of the config
			continue
		}
		if diff := cmp.Diff(at(w, "config", k), at(g, "config", k)); diff != "" {
			t.Errorf("%s.config.%s (-dbt +engine):\n%s", id, k, diff)
		}
	}
	for _, c := range keys(w["columns"]) {
		column := maps.Clone(at(w, "columns", c).(map[string]any))
		for _, k := range newer {
			delete(column, k)
		}
		if diff := cmp.Diff(any(column), at(g, "columns", c)); diff != "" {
			t.Errorf("%s column %s (-dbt +engine):\n%s", id, c, diff)
		}
	}
}

func sortedLists(v any) map[string][]string {
	out := map[string][]string{}
	for k, e := range v.(map[string]any) {
		out[k] = []string{}
		for _, s := range e.([]any) {
			out[k] = append(out[k], s.(string))
		}
		slices.Sort(out[k])
	}
	return out
}

func TestManifestIsDeterministic(t *testing.T) {
	first, err := manifestOf(shop(t), shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := manifestOf(shop(t), shopMeta)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("two manifests of one program differ")
		}
	}
}

func TestManifestTakesWhatYAMLHolds(t *testing.T) {
	p := shop(t)
	n := p.Nodes[node(addr.Model, "customers")]
	n.Config.Meta = map[string]any{"nan": nan(), "deep": []any{map[string]any{"x": nan()}}, "html": "<b>&</b>"}
	data, err := manifestOf(p, shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	got := at(valid(t, "manifest-v12.json", data), "nodes", "model.shop.customers", "meta")
	want := map[string]any{"nan": "NaN", "deep": []any{map[string]any{"x": "NaN"}}, "html": "<b>&</b>"}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
	if !bytes.Contains(data, []byte("<b>&</b>")) {
		t.Error("HTML is escaped, which dbt does not do")
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestUniqueIDsLeadBack(t *testing.T) {
	p := shop(t)
	var nodes []addr.Node
	nodes = append(nodes, p.Order...)
	for _, x := range p.Tests {
		nodes = append(nodes, x.ID)
	}
	nodes = append(nodes, p.UnitTests[0].ID, p.Exposures[0].ID)
	for _, n := range nodes {
		got, ok := Find(p, UniqueID(p, n))
		if !ok || got != n {
			t.Errorf("Find(%q) = %v, %v; want %v", UniqueID(p, n), got, ok, n)
		}
	}
	for _, id := range []string{"", "model", "model.shop.nobody", "model.other.eph", "test.shop.av.x.y", "unit_test.shop.customers.no", "rpc.shop.eph"} {
		if n, ok := Find(p, id); ok {
			t.Errorf("Find(%q) = %v, want nothing", id, n)
		}
	}
}

func TestPythonRepr(t *testing.T) {
	for _, c := range []struct {
		in   any
		want string
	}{
		{"plain", `'plain'`}, {"it's", `"it's"`}, {`both ' and "`, `'both \' and "'`}, {"a\\b\n", `'a\\b\n'`},
		{true, `'True'`}, {nil, `'None'`}, {int64(3), `'3'`}, {1.0, `'1.0'`}, {1.5, `'1.5'`},
		{[]any{int64(1), "x"}, `['1', 'x']`}, {map[string]any{"b": int64(1), "a": []any{}}, `{'a': [], 'b': '1'}`},
		{time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), `'2024-01-02'`}, {time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), `'2024-01-02 03:04:05'`},
	} {
		if diff := cmp.Diff(c.want, python.Repr(worded(c.in))); diff != "" {
			t.Errorf("%#v: %s", c.in, diff)
		}
	}
}

func shopRun(p *compile.Program) *run.Result {
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	end := start.Add(1500 * time.Millisecond)
	node := func(kind addr.Kind, name string, s run.Status, tests ...run.TestResult) *run.NodeResult {
		return &run.NodeResult{Node: addr.Node{Kind: kind, Name: name}, Verb: plan.Replace, Status: s, Start: start, End: end, Rows: 2, Tests: tests}
	}
	test := func(name string, s run.Status, failures int64) run.TestResult {
		return run.TestResult{ID: addr.Node{Kind: addr.Test, Name: name}, Status: s, Failures: failures, Start: start, End: end, SQL: "select 1"}
	}
	seed := node(addr.Seed, "raw_customers", run.Done)
	seed.Message = "2 rows"
	skipped := node(addr.Snapshot, "snap", run.Skipped)
	skipped.Because, skipped.Start, skipped.End = addr.Node{Kind: addr.Model, Name: "customers"}, time.Time{}, time.Time{}
	broken := node(addr.Model, "useeph", run.Errored)
	broken.Diags = diag.List{{Message: "no column named \"x\""}}
	checked := node(addr.Source, "app.customers", run.Done, test("source_not_null_app_customers_id", run.Done, 0))
	checked.Verb = plan.Check
	return &run.Result{
		RunID: "r1", Start: start, End: end,
		Nodes: []*run.NodeResult{
			seed, checked, broken, node(addr.Model, "stg_customers", run.Kept),
			node(addr.Model, "customers", run.Failed,
				run.TestResult{ID: addr.Node{Kind: addr.UnitTest, Name: "ut"}, Status: run.Done, Start: start, End: end},
				test("not_null_customers_id", run.Warned, 3), test("unique_customers_id", run.Failed, 1), test("no_negative", run.Skipped, 0)),
			skipped,
		},
	}
}

// TestAdapterResponse: dbt-bigquery's keys where the warehouse told of its jobs, retries
// with every outcome, and nothing made up where it did not.
func TestAdapterResponse(t *testing.T) {
	retry := warehouse.Retry{At: time.Date(2026, 11, 21, 9, 0, 1, 0, time.UTC), Reason: "rateLimitExceeded", Wait: 1500 * time.Millisecond, Resubmitted: true}
	shown := map[string]any{"at": "2026-11-21T09:00:01.000000Z", "reason": "rateLimitExceeded", "wait_seconds": 1.5, "resubmitted": true}
	for _, c := range []struct {
		name string
		in   run.NodeResult
		want map[string]any
	}{
		{"no jobs", run.NodeResult{Status: run.Done, Rows: 3, Command: "CREATE TABLE"}, map[string]any{"_message": "OK", "rows_affected": int64(3)}},
		{"jobs", run.NodeResult{Status: run.Done, Rows: 12345, Command: "MERGE", Job: "j2", Usage: run.Usage{Bytes: 3 << 30, Billed: 4 << 30, SlotMillis: 7, Jobs: []string{"j1", "j2", "j3"}, Project: "p", Location: "EU", Retries: []warehouse.Retry{retry}}},
			map[string]any{"_message": "MERGE (12.3k rows, 3.0 GiB processed)", "code": "MERGE", "rows_affected": int64(12345), "bytes_processed": int64(3 << 30), "bytes_billed": int64(4 << 30), "slot_ms": int64(7), "job_id": "j2", "project_id": "p", "location": "EU", "retries": []any{shown}}},
		{"view", run.NodeResult{Status: run.Done, Rows: -1, Command: "CREATE VIEW", Job: "j", Usage: run.Usage{Jobs: []string{"j"}}},
			map[string]any{"_message": "CREATE VIEW (0 B processed)", "code": "CREATE VIEW", "bytes_processed": int64(0), "bytes_billed": int64(0), "slot_ms": int64(0), "job_id": "j"}},
		{"failed", run.NodeResult{Status: run.Errored, Rows: -1, Diags: diag.List{{Message: "gone"}}, Usage: run.Usage{Retries: []warehouse.Retry{retry}}}, map[string]any{"_message": "gone", "retries": []any{shown}}},
		{"skipped", run.NodeResult{Status: run.Skipped, Rows: -1}, map[string]any{}},
	} {
		if diff := cmp.Diff(c.want, response(&c.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestRunResults(t *testing.T) {
	p := shop(t)
	data, err := resultsOf(shopRun(p), p, shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	got := valid(t, "run-results-v6.json", data)
	type line struct{ ID, Status, Message string }
	var lines []line
	for _, r := range got["results"].([]any) {
		msg, _ := at(r, "message").(string)
		lines = append(lines, line{at(r, "unique_id").(string), at(r, "status").(string), msg})
	}
	want := []line{
		{"seed.shop.raw_customers", "success", "2 rows"},
		{"test.shop.source_not_null_app_customers_id.9f276fcc92", "pass", ""},
		{"model.shop.useeph", "error", `no column named "x"`},
		{"model.shop.stg_customers", "success", "OK"},
		{"model.shop.customers", "error", "not published: its tests failed"},
		{"unit_test.shop.customers.ut", "pass", ""},
		{"test.shop.not_null_customers_id.422908bfae", "warn", "Got 3 results, configured to warn if != 0"},
		{"test.shop.unique_customers_id.70f3d3fd20", "fail", "Got 1 result, configured to fail if != 0"},
		{"test.shop.no_negative", "skipped", ""},
		{"snapshot.shop.snap", "skipped", "skipped, because customers"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	dbt := decode(t, read(t, "testdata/dbt/run_results.json"))
	wantKeys := slices.DeleteFunc(keys(dbt["results"].([]any)[0]), func(k string) bool { return k == "overload_results" }) // newer than v6
	for _, r := range got["results"].([]any) {
		if diff := cmp.Diff(wantKeys, keys(r)); diff != "" {
			t.Errorf("keys of %v (-dbt +engine):\n%s", at(r, "unique_id"), diff)
		}
	}
	for _, arg := range []string{"which", "profiles_dir", "project_dir", "select", "vars"} {
		if at(got, "args", arg) == nil {
			t.Errorf("args lack %q", arg)
		}
	}
}

func TestRetryReadsRunResults(t *testing.T) {
	p := shop(t)
	data, err := resultsOf(shopRun(p), p, Meta{GeneratedAt: shopMeta.GeneratedAt, Args: map[string]any{"which": "run", "full_refresh": true}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Write(dir, "run_results.json", data); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRunResults(dir + "/run_results.json")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"model.shop.useeph", "model.shop.customers", "test.shop.unique_customers_id.70f3d3fd20", "test.shop.no_negative", "snapshot.shop.snap"}
	if diff := cmp.Diff(want, got.Unfinished()); diff != "" {
		t.Error(diff)
	}
	if got.Args["which"] != "run" || got.Args["full_refresh"] != true {
		t.Errorf("args are %v", got.Args)
	}
	if _, err := ReadRunResults(dir + "/none.json"); err == nil {
		t.Error("got no error for a missing file")
	}
	if err := Write(dir, "broken.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRunResults(dir + "/broken.json"); err == nil {
		t.Error("got no error for a broken file")
	}
}

func TestCatalog(t *testing.T) {
	columns := []warehouse.Column{{Name: "id", Type: "INTEGER"}, {Name: "name", Type: "VARCHAR", Comment: "its name"}}
	facts := map[addr.Node]warehouse.Relation{
		node(addr.Model, "customers"):      {Kind: warehouse.Table, Columns: columns, Rows: 2, Bytes: -1},
		node(addr.Model, "useeph"):         {Kind: warehouse.View, Columns: columns, Rows: -1, Bytes: -1, Comment: "a view"},
		node(addr.Source, "app.customers"): {Kind: warehouse.Table, Columns: columns, Rows: 2, Bytes: 100},
	}
	data, err := catalogOf(shop(t), facts, shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	got := valid(t, "catalog-v1.json", data)
	if diff := cmp.Diff([]string{"model.shop.customers", "model.shop.useeph"}, keys(got["nodes"])); diff != "" {
		t.Error(diff)
	}
	want := map[string]any{
		"type": "VIEW", "schema": "dev", "name": "useeph", "database": "shop", "comment": "a view", "owner": nil,
	}
	if diff := cmp.Diff(any(want), at(got, "nodes", "model.shop.useeph", "metadata")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(any(map[string]any{"type": "VARCHAR", "index": 2.0, "name": "name", "comment": "its name"}), at(got, "sources", "source.shop.app.customers", "columns", "name")); diff != "" {
		t.Error(diff)
	}
	if got := at(got, "nodes", "model.shop.customers", "stats", "num_rows", "value"); got != 2.0 {
		t.Errorf("num_rows is %v", got)
	}
	if diff := cmp.Diff([]string{"has_stats"}, keys(at(got, "nodes", "model.shop.useeph", "stats"))); diff != "" {
		t.Error(diff)
	}
}

func TestSources(t *testing.T) {
	now := shopMeta.GeneratedAt
	src := node(addr.Source, "app.customers")
	limits := project.Freshness{WarnAfter: project.Period{Count: 1, Unit: "hour"}}
	data, err := sourcesOf(shop(t), []FreshnessResult{
		{Source: src, Status: "warn", MaxLoadedAt: now.Add(-90 * time.Minute), SnapshotAt: now, Limits: limits, Start: now, End: now.Add(time.Second)},
		{Source: src, Error: "no table"},
	}, shopMeta)
	if err != nil {
		t.Fatal(err)
	}
	got := valid(t, "sources-v3.json", data)
	first := got["results"].([]any)[0]
	dbt := decode(t, read(t, "testdata/dbt/sources.json"))
	if diff := cmp.Diff(keys(dbt["results"].([]any)[0]), keys(first)); diff != "" {
		t.Error(diff)
	}
	if age := at(first, "max_loaded_at_time_ago_in_s"); age != 5400.0 {
		t.Errorf("age is %v", age)
	}
	if diff := cmp.Diff(any(map[string]any{"unique_id": "source.shop.app.customers", "error": "no table", "status": "runtime error"}), got["results"].([]any)[1]); diff != "" {
		t.Error(diff)
	}
}
