package artifact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/google/go-cmp/cmp"
)

// TestManifestsCompared edits what a manifest says of a model, and compares as dbt does
// (same_contents of its nodes): what differs, in the words of state:modified.
func TestManifestsCompared(t *testing.T) {
	const base = `{
		"metadata": {"project_name": "shop", "adapter_type": "duckdb"},
		"macros": {"macro.shop.outer": {"macro_sql": "a", "depends_on": {"macros": ["macro.shop.inner"]}}, "macro.shop.inner": {"macro_sql": "b"}, "macro.shop.other": {"macro_sql": "c"}},
		"nodes": {"model.shop.orders": {
			"name": "orders", "resource_type": "model", "checksum": {"name": "sha256", "checksum": "aa"}, "fqn": ["shop", "core", "orders"], "access": "protected",
			"config": {"materialized": "table", "persist_docs": {"relation": true, "columns": true}}, "unrendered_config": {"materialized": "table", "tags": ["a"]}, "description": "all", "columns": {"id": {"description": "one"}},
			"contract": {"enforced": true, "checksum": "c1"}, "depends_on": {"macros": ["macro.shop.outer"], "nodes": []}}}}`
	for _, c := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"another file", `"aa"`, `"bb"`, "body"},
		{"configuration", `"unrendered_config": {"materialized": "table"`, `"unrendered_config": {"materialized": "view"`, "configs"},
		{"a key more", `"tags": ["a"]`, `"tags": ["a"], "meta": {"x": 1}`, "configs"},
		{"tags", `["a"]`, `["b"]`, ""},
		{"alias", `"tags": ["a"]`, `"tags": ["a"], "alias": "o"`, "relation"},
		{"description", `"all"`, `"some"`, "persisted_descriptions"},
		{"description of a column", `"one"`, `"two"`, "persisted_descriptions"},
		{"contract", `"c1"`, `"c2"`, "contract"},
		{"no contract any more", `"enforced": true`, `"enforced": false`, "contract"},
		{"macro", `"macro_sql": "a"`, `"macro_sql": "a2"`, "macros"},
		{"macro of a macro", `"macro_sql": "b"`, `"macro_sql": "b2"`, "macros"},
		{"macro of others", `"macro_sql": "c"`, `"macro_sql": "c2"`, ""},
		{"folder", `"shop", "core", "orders"`, `"shop", "orders"`, "address"},
		{"access", `"access": "protected"`, `"access": "public"`, "address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.from != "" && !strings.Contains(base, c.from) {
				t.Fatal("there is nothing to edit")
			}
			then, now := definedBy(t, base), definedBy(t, strings.Replace(base, c.from, c.to, 1))
			orders := addr.Node{Kind: addr.Model, Name: "orders"}
			got := definition.Compare(then.Nodes[orders], now.Nodes[orders], true)
			if diff := cmp.Diff(c.want, strings.Join(got.Words(), " ")); diff != "" {
				t.Error(diff)
			}
			if got.Any() != (c.want != "") {
				t.Error("state:modified says something else")
			}
		})
	}
}

// TestForeignManifest reads a query out of a manifest that dbt wrote: relations become nodes,
// and layout does not count.
func TestForeignManifest(t *testing.T) {
	manifest := func(schema, code string) string {
		return `{"metadata": {"project_name": "shop", "adapter_type": "duckdb"}, "macros": {"macro.dbt.ref": {"macro_sql": "x"}},
			"nodes": {"model.shop.orders": {"name": "orders", "resource_type": "model", "checksum": {"name": "sha256", "checksum": "` + code + `"}, "depends_on": {"nodes": ["model.shop.stg"]},
				"compiled_code": "` + strings.ReplaceAll(code, "SCHEMA", schema) + `"},
			"model.shop.stg": {"name": "stg", "resource_type": "model", "relation_name": "\"db\".\"` + schema + `\".\"stg\""}}}`
	}
	orders := addr.Node{Kind: addr.Model, Name: "orders"}
	then := definedBy(t, manifest("dev", `select id\nfrom \"db\".\"SCHEMA\".\"stg\"`))
	if !then.Foreign {
		t.Error("it is dbt's")
	}
	same := definedBy(t, manifest("prod", `select id from \"db\".\"SCHEMA\".\"stg\" -- laid out anew`))
	if c := definition.Compare(then.Nodes[orders], same.Nodes[orders], true); c.Any() {
		t.Errorf("the same query in another schema: %v", c.Words())
	}
	other := definedBy(t, manifest("dev", `select id + 1 from \"db\".\"SCHEMA\".\"stg\"`))
	if c := definition.Compare(then.Nodes[orders], other.Nodes[orders], true); !c.Body {
		t.Errorf("another query: %v", c.Words())
	}
}

func definedBy(t *testing.T, text string) *definition.Set {
	t.Helper()
	var m pastManifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m.definitions(named("shop"))
}
