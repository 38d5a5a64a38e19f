package compile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// able is DuckDB that says of itself to have all parts of a layout.
type able struct{ duckdb.Driver }

func (able) Name() string               { return "able" }
func (able) Dialect() warehouse.Dialect { return ableDialect{duckdb.Dialect{}} }

type ableDialect struct{ duckdb.Dialect }

func (d ableDialect) Caps() warehouse.Caps {
	c := d.Dialect.Caps()
	c.Partitions, c.Clusters, c.Indexes, c.Constraints, c.Unlogged, c.Expiration = true, true, true, true, true, true
	c.Labels, c.MaterializedViews, c.Grants, c.Authorize, c.Enforces = true, true, true, true, true
	return c
}

func programOn(t *testing.T, driver warehouse.Driver, files map[string]string) *compile.Program {
	t.Helper()
	o := project(t, files)
	o.Drivers = []warehouse.Driver{driver}
	p, ds := engine.Load(o)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	program, ds := engine.Compile(context.Background(), p, o)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	return program
}

// TestLayoutConfig resolves the configuration of storage, access and limits over its levels.
func TestLayoutConfig(t *testing.T) {
	p := programOn(t, able{}, map[string]string{
		"engine.yml":   "name: shop\ndialect: duckdb\ntargets:\n  dev: {type: able, schema: dev}\nmodels:\n  +labels: {team: sales, tier: a}\n  +grants: {select: [role_b], insert: [writer]}\n  +maximum_bytes_billed: 5\nseeds:\n  +cluster_by: id\n",
		"models/b.sql": `{{ config "materialized" "table" }}select 1 as id`,
		"models/a.sql": `{{ config "materialized" "table" "partition_by" (dict "field" "n" "range" (dict "start" -10 "end" 10 "interval" 5) "copy_partitions" true) }}
{{ config "grants" (dict "+select" (list "role_a" "role_b") "insert" (list)) "labels" (dict "tier" "b") "labels_from_meta" true "meta" (dict "cost" 12 "team" "x") }}
{{ config "grant_access_to" (dict "dataset" "raw") "indexes" (list (dict "columns" "n" "type" "hash")) "job_execution_timeout_seconds" 60 "priority" "BATCH" "reservation" "r" }}
select 1 as n, {'b': 2} as s`,
		"models/p.yml": "models:\n  - name: a\n    columns:\n      - {name: n, policy_tags: tag, constraints: [{type: not_null}]}\n      - {name: s.b, policy_tags: [tag], description: inside}\n    constraints:\n      - {type: foreign_key, name: fk, columns: [n], to: ref('b'), to_columns: [id]}\n      - {type: check, expression: n > 0}\n",
		"seeds/s.csv":  "id\n1\n",
	})
	a, s := p.Nodes[addr.Node{Kind: addr.Model, Name: "a"}], p.Nodes[addr.Node{Kind: addr.Seed, Name: "s"}]
	b := addr.Node{Kind: addr.Model, Name: "b"}
	want := warehouse.Layout{
		Partition: &warehouse.Partition{Column: "n", Type: "int64", Start: -10, End: 10, Interval: 5},
		Labels:    map[string]string{"team": "sales", "tier": "b", "cost": "12"}, PolicyTags: map[string][]string{"n": {"tag"}, "s.b": {"tag"}},
		Indexes: []warehouse.Index{{Columns: []string{"n"}, Type: "hash"}},
	}
	for _, c := range []struct{ want, got any }{
		{want, a.Config.Layout},
		{true, a.Config.CopyPartitions},
		{map[string][]string{"select": {"role_a", "role_b"}, "insert": nil}, a.Config.Grants},
		{[]compile.Access{{Schema: "raw"}}, a.Config.GrantAccessTo},
		{compile.Limits{MaxBytes: 5, Timeout: time.Minute, Priority: "batch", Reservation: "r"}, a.Config.Limits},
		{[]warehouse.Constraint{
			{Type: "foreign_key", Name: "fk", Columns: []string{"n"}, To: p.Nodes[b].Relation, ToColumns: []string{"id"}, Enforced: true},
			{Type: "check", Expression: "n > 0", Enforced: true},
			{Type: "not_null", Columns: []string{"n"}, Enforced: true},
		}, a.Constraints},
		{[]addr.Node{b}, a.Parents},
		{[]string{"id"}, s.Config.Layout.Cluster},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Error(d)
		}
	}
	if len(a.Fields) != 1 || a.Fields[0].Name != "s.b" || a.Fields[0].Description != "inside" {
		t.Errorf("fields: %v", a.Fields)
	}
	if i, j := slices.Index(p.Order, b), slices.Index(p.Order, a.ID); i > j {
		t.Errorf("%s comes before what its foreign key refers to", a.ID)
	}
}

// TestLayoutFingerprint: what the target stores or grants otherwise is part of the
// fingerprint, apart from what decides the rows, and what the target lacks is not.
func TestLayoutFingerprint(t *testing.T) {
	fingerprint := func(driver warehouse.Driver, config, props string) string {
		files := map[string]string{
			"engine.yml":   "name: shop\ndialect: duckdb\ntargets:\n  dev: {type: " + driver.Name() + ", schema: dev}\n",
			"models/a.sql": "{{ config \"materialized\" \"table\" }}{{ config " + config + " }}select 1 as n, date '2024-01-01' as d",
			"models/p.yml": "models:\n  - name: a\n    config: {owner: x}\n" + props,
		}
		return programOn(t, driver, files).Nodes[addr.Node{Kind: addr.Model, Name: "a"}].Fingerprint
	}
	const nothing = `"owner" "x"`
	plain, other := fingerprint(able{}, nothing, ""), fingerprint(duckdb.Driver{}, nothing, "")
	if strings.Contains(plain, "-") || len(plain) != 32 {
		t.Errorf("fingerprint without a layout: %s", plain)
	}
	seen := map[string]string{plain: "nothing"}
	for _, c := range []struct{ config, props string }{
		{`"partition_by" "d"`, ""},
		{`"partition_by" (dict "field" "d" "granularity" "month")`, ""},
		{`"partition_by" "d" "require_partition_filter" true`, ""},
		{`"partition_by" "d" "partition_expiration_days" 3`, ""},
		{`"cluster_by" (list "n" "d")`, ""},
		{`"cluster_by" (list "d" "n")`, ""},
		{`"hours_to_expiration" 3`, ""},
		{`"kms_key_name" "k"`, ""},
		{`"labels" (dict "a" "b")`, ""},
		{`"indexes" (dict "columns" "n")`, ""},
		{`"unlogged" true`, ""},
		{`"grants" (dict "select" "a")`, ""},
		{`"grants" (dict "insert" "a")`, ""},
		{nothing, "    constraints: [{type: unique, columns: [n]}]\n"},
		{nothing, "    columns: [{name: n, policy_tags: [t]}]\n"},
	} {
		what := c.config + c.props
		got := fingerprint(able{}, c.config, c.props)
		if before, twice := seen[got]; twice {
			t.Errorf("%s has the fingerprint of %s", what, before)
		}
		seen[got] = what
		if strings.Contains(what, "grants") != (compile.Stored(got) == "") {
			t.Errorf("%s has the fingerprint %s", what, got)
		}
		if compile.Content(got) != plain {
			t.Errorf("%s changes what decides the rows", what)
		}
		if lacking := fingerprint(duckdb.Driver{}, c.config, c.props); lacking != other {
			t.Errorf("%s changes the fingerprint where the target has no such thing", what)
		}
	}
	for _, config := range []string{`"maximum_bytes_billed" 5`, `"priority" "batch"`} {
		if got := fingerprint(able{}, config, ""); got != plain {
			t.Errorf("%s changes the fingerprint", config)
		}
	}
	// Which rows insert_overwrite replaces is decided by partition_by, stored so or not.
	overwrite := func(partition string) string {
		return fingerprint(duckdb.Driver{}, fmt.Sprintf(`"materialized" "incremental" "incremental_strategy" "insert_overwrite" "partition_by" %s`, partition), "")
	}
	if overwrite(`"d"`) == overwrite(`(dict "field" "d" "granularity" "month")`) {
		t.Error("the partitions of insert_overwrite are not part of the fingerprint")
	}
}

// TestForeignKeyIsNotRead: what only a foreign key names is built before, and is nothing
// that the text reads.
func TestForeignKeyIsNotRead(t *testing.T) {
	for _, dialect := range []string{"duckdb", "googlesql"} {
		p := programOn(t, duckdb.Driver{}, map[string]string{
			"engine.yml":   "name: shop\ndialect: " + dialect + "\n",
			"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id",
			"models/b.sql": "{{ config \"materialized\" \"table\" \"dialect\" \"duckdb\" }}select id from read_csv('x.csv')",
			"models/a.yml": "sources: [{name: app, tables: [{name: unknown}]}]\nmodels:\n  - name: a\n    constraints:\n      - {type: foreign_key, columns: [id], to: \"source('app', 'unknown')\", to_columns: [id]}\n      - {type: foreign_key, columns: [id], to: ref('b'), to_columns: [id]}\n" +
				"unit_tests:\n  - {name: u, model: a, given: [], expect: {rows: [{id: 1}]}}\n",
		})
		a := p.Nodes[addr.Node{Kind: addr.Model, Name: "a"}]
		if a.Unanalyzed != "" || len(a.Columns) != 1 {
			t.Errorf("%s: it is not analyzed: %s", dialect, a.Unanalyzed)
		}
		if d := cmp.Diff([]addr.Node{{Kind: addr.Model, Name: "b"}}, a.Parents); d != "" {
			t.Error(d)
		}
	}
}
