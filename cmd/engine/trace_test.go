package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestTraceOnBigQuery asks the same of BigQuery as trace.txtar asks of DuckDB: the queries
// are in its language, and the answers are those.
func TestTraceOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"engine.yml":              fmt.Sprintf("name: p\ntargets: {dev: {type: bigquery, project: %s, schema: core, location: EU, api_endpoint: %q}}\n", peer.Project, peer.URL),
		"seeds/edge.csv":          "parent,child,tenant,grams,at\nA,B,1,10,2026-01-02 08:00:00\nB,LOT-O'7,1,5,2026-01-03 09:00:00\nLOT-O'7,D,2,1,2026-01-04 09:00:00\nD,E,2,1,2026-01-05 09:00:00\nE,D,2,1,\n",
		"seeds/lot.csv":           "lot,tag\nA,T-1\nLOT-O'7,T-3\n",
		"models/lot_ancestry.sql": `{{ config "materialized" "ancestry" "ancestry" (dict "child" "lot" "partition" "tenant") }}select parent, child as lot, tenant from {{ ref "edge" }}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (int, string) {
		a, out, errs := world(t, map[string]string{"LANG": "C"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		code := a.execute(append(args, "--no-color"))
		return code, out.String() + errs.String()
	}
	if code, text := run("build"); code != exitDone {
		t.Fatal(text)
	}
	code, text := run("trace", "LOT-O'7")
	want := `LOT-O'7: 2 ancestors, 2 descendants

2 ancestors
 ancestor_id | min_depth | max_depth | tenant
-------------+-----------+-----------+--------
 B           |         1 |         1 |      1
 A           |         2 |         2 |      1

2 descendants
 descendant_id | min_depth | max_depth | tenant
---------------+-----------+-----------+--------
 D             |         1 |         1 |      2
 E             |         1 |         1 |      2

5 edges
 parent  | child   | tenant | grams | at
---------+---------+--------+-------+---------------------
 A       | B       |      1 |    10 | 2026-01-02 08:00:00
 B       | LOT-O'7 |      1 |     5 | 2026-01-03 09:00:00
 D       | E       |      2 |     1 | 2026-01-05 09:00:00
 E       | D       |      2 |     1 | NULL
 LOT-O'7 | D       |      2 |     1 | 2026-01-04 09:00:00

a cycle of 2: D, E
`
	if d := cmp.Diff(want, text); code != exitDone || d != "" {
		t.Errorf("exit code %d:\n%s", code, d)
	}
	for _, test := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--by", "lot.tag=T-3", "--up", "--depth", "1"}, exitDone, []string{"LOT-O'7: 1 ancestor, up to 1 step away"}},
		{[]string{"A", "--as-of", "2026-01-05"}, exitDone, []string{"A: 0 ancestors, 4 descendants, as of", "1 edge has no at and counts as not there yet"}},
		{[]string{"lot-o'8"}, exitFailed, []string{"trace-unknown", `did you mean "LOT-O'7"?`}},
	} {
		code, text := run(append([]string{"trace"}, test.args...)...)
		if code != test.code {
			t.Errorf("%v: exit code %d\n%s", test.args, code, text)
		}
		for _, part := range test.want {
			if !strings.Contains(text, part) {
				t.Errorf("%v: want %q in\n%s", test.args, part, text)
			}
		}
	}
}

// TestOneTable: only a query that takes every row of one relation once may be replaced by
// that relation.
func TestOneTable(t *testing.T) {
	for text, want := range map[string]bool{
		"select a, b from t":                                        true,
		"SELECT * FROM `p`.`d`.t AS e ;":                            true,
		"select a, extract(year from at) as y from d.t e":           true,
		"select a, (select max(x) from u) as m from t -- the edges": true,
		"select a, b from t where a > 1":                            false,
		"select a, b from t limit 5":                                false,
		"select distinct a, b from t":                               false,
		"select as struct a, b from t":                              false,
		"select a, b from t as e, u":                                false,
		"select a, b from t join u using (a)":                       false,
		"select a, b from t union all select a, b from u":           false,
		"select a, b from (select a, b from t)":                     false,
		"select a, b from f(1)":                                     false,
		"select a, b from t tablesample system (10 percent)":        false,
		"select a, b from t |> where a > 1":                         false,
		"from t |> where a > 1":                                     false,
		"with t as (select 1 as a, 2 as b) select a, b from t":      false,
		"select a, b from unnest([1]) as t":                         false,
		"select 1 as a, 2 as b":                                     false,
		"select a, b from":                                          false,
		"(select a, b from t)":                                      false,
		"select a, b from t; select 1":                              false,
		"":                                                          false,
	} {
		if got := oneTable(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestReadTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-03-31":                "2026-03-31T23:59:59.999999999Z",
		"2026-03-31 14:00":          "2026-03-31T14:00:00Z",
		"2026-03-31 14:00:05":       "2026-03-31T14:00:05Z",
		"2026-03-31T14:00:05.25":    "2026-03-31T14:00:05.25Z",
		"2026-03-31T14:00:00+02:00": "2026-03-31T12:00:00Z",
		"2026-02-30":                "", "31.3.2026": "", "": "", "now": "", "2026-03-31T14": "",
	} {
		got := ""
		if at, ok := readTime(text); ok {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
