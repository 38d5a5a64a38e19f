package bqscript

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func call(t *testing.T, method, url, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return res.StatusCode, out
}

func reason(out map[string]any) string {
	e, _ := out["error"].(map[string]any)
	list, _ := e["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	return list[0].(map[string]any)["reason"].(string)
}

func TestCatalogue(t *testing.T) {
	s := Start(t, "proj", Script{
		Match: regexp.MustCompile("INFORMATION_SCHEMA"), Bytes: 10 << 20,
		Fields: []Field{{Name: "table_name", Type: "STRING"}, {Name: "n", Type: "INTEGER"}, {Name: "columns", Type: "RECORD", Mode: "REPEATED", Fields: []Field{{Name: "name", Type: "STRING"}}}},
		Rows: func(string) [][]any {
			return [][]any{{"t1", int64(7), []any{map[string]any{"name": "id"}}}, {"t2", nil, []any{}}}
		},
	}, Script{Match: regexp.MustCompile("forbidden"), Reason: "accessDenied", Message: "Access Denied: no"})
	var tables []Table
	for i := range 3000 {
		tables = append(tables, Table{Name: fmt.Sprintf("t%04d", i), Bytes: int64(i), Rows: 1, Columns: []Column{{Name: "id", Type: "INT64", Required: true}}})
	}
	s.AddDataset("ds", tables...)
	base := s.URL + "/bigquery/v2/projects/proj"
	n, token, calls := 0, "", 0
	for {
		code, out := call(t, "GET", base+"/datasets/ds/tables?maxResults=1000&pageToken="+token, "")
		if code != 200 {
			t.Fatal(code)
		}
		n += len(out["tables"].([]any))
		calls++
		if token = out["nextPageToken"].(string); token == "" {
			break
		}
	}
	if n != 3000 || calls != 3 {
		t.Errorf("%d tables in %d calls", n, calls)
	}
	if code, out := call(t, "GET", base+"/datasets/ds/tables/t0042", ""); code != 200 || out["numBytes"] != "42" {
		t.Errorf("tables.get: %d %v", code, out)
	}
	if code, out := call(t, "GET", base+"/datasets/ds/tables/nope", ""); code != 404 || reason(out) != "notFound" {
		t.Errorf("a table that is not there: %d %v", code, out)
	}
	query := func(sql, id string, dry bool) (int, map[string]any) {
		body, err := json.Marshal(map[string]any{"jobReference": map[string]any{"jobId": id}, "configuration": map[string]any{"dryRun": dry, "query": map[string]any{"query": sql}}})
		if err != nil {
			t.Fatal(err)
		}
		return call(t, "POST", base+"/jobs", string(body))
	}
	if code, _ := query("select * from `proj`.`ds`.INFORMATION_SCHEMA.TABLES", "j1", false); code != 200 {
		t.Fatal(code)
	}
	if code, out := query("select 1 from INFORMATION_SCHEMA.X", "j1", false); code != 409 || reason(out) != "duplicate" {
		t.Errorf("the same id twice: %d %v", code, out)
	}
	_, out := call(t, "GET", base+"/queries/j1?maxResults=1", "")
	rows, err := json.Marshal(out["rows"])
	if err != nil || string(rows) != `[{"f":[{"v":"t1"},{"v":"7"},{"v":[{"v":{"f":[{"v":"id"}]}}]}]}]` || out["pageToken"] != "1" {
		t.Errorf("rows %s, token %v", rows, out["pageToken"])
	}
	if code, out := query("create table x as select * from `proj`.`ds`.`t0100` join ds.t0200", "d1", true); code != 200 || out["statistics"].(map[string]any)["totalBytesProcessed"] != "300" {
		t.Errorf("dry run: %d %v", code, out)
	}
	if code, out := query("select * from ds.unknown", "d2", true); code != 404 || reason(out) != "notFound" {
		t.Errorf("dry run of a missing table: %d %v", code, out)
	}
	if code, out := query("select forbidden", "d3", true); code != 403 || reason(out) != "accessDenied" {
		t.Errorf("scripted error: %d %v", code, out)
	}
	if code, out := query("select 1", "q", false); code != 501 || reason(out) != "notImplemented" {
		t.Errorf("a query without a script: %d %v", code, out)
	}
	want := Calls{"tables.list": 3, "tables.get": 2, "jobs.insert": 6, "catalogue query": 1, "jobs.getQueryResults": 1, "dry run": 3}
	if diff := cmp.Diff(want, s.Calls()); diff != "" {
		t.Error(diff)
	}
	if got := s.Calls().Metadata(); got != 6 {
		t.Errorf("%d metadata calls", got)
	}
	if len(s.Tables("ds")) != 3000 || len(s.Queries()) != 5 {
		t.Errorf("%d tables, queries %q", len(s.Tables("ds")), s.Queries())
	}
	s.Reset()
	if len(s.Calls()) != 0 {
		t.Error("the counts stayed")
	}
}
