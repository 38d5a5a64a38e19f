package docs

import (
	"context"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
)

// examples of every kind of test, as an item of data_tests; TestKindExamples compiles them.
var examples = map[string]string{
	"unique":                    "- unique\n",
	"not_null":                  "- not_null\n",
	"accepted_values":           "- accepted_values:\n    values: [open, closed]\n",
	"relationships":             "- relationships:\n    to: ref('customers')\n    field: customer_id\n",
	"expression":                "- expression:\n    expression: amount >= 0\n",
	"range":                     "- range:\n    min_value: 0\n    max_value: 100000\n",
	"regex":                     "- regex:\n    pattern: '^[A-Z]{2}$'\n",
	"row_count":                 "- row_count:\n    min: 1\n",
	"unique_combination":        "- unique_combination:\n    combination_of_columns: [order_id, country]\n",
	"recency":                   "- recency:\n    field: ordered_at\n    datepart: day\n    interval: 2\n",
	"freshness":                 "- freshness:\n    field: ordered_at\n    datepart: day\n    interval: 2\n",
	"not_empty_string":          "- not_empty_string\n",
	"at_least_one":              "- at_least_one\n",
	"equal_rowcount":            "- equal_rowcount:\n    compare_model: ref('customers')\n",
	"in_set":                    "- in_set:\n    values: [open, closed]\n",
	"not_in_set":                "- not_in_set:\n    values: [lost]\n",
	"not_null_proportion":       "- not_null_proportion:\n    at_least: 0.95\n",
	"not_constant":              "- not_constant\n",
	"recent":                    "- recent:\n    datepart: day\n    interval: 1\n",
	"aggregate":                 "- aggregate:\n    function: mean\n    min_value: 1\n    max_value: 1000\n",
	"text_length":               "- text_length:\n    equals: 2\n",
	"like":                      "- like:\n    pattern: '%@%'\n",
	"sequential_values":         "- sequential_values:\n    interval: 1\n",
	"mutually_exclusive_ranges": "- mutually_exclusive_ranges:\n    lower_bound_column: order_id\n    upper_bound_column: customer_id\n    partition_by: country\n    gaps: not_allowed\n",
	"fewer_rows_than":           "- fewer_rows_than:\n    compare_model: ref('customers')\n",
	"cardinality_equality":      "- cardinality_equality:\n    to: ref('customers')\n    field: customer_id\n",
	"equality":                  "- equality:\n    compare_model: ref('customers')\n    compare_columns: [customer_id]\n",
	"column_exists":             "- column_exists\n",
	"column_type":               "- column_type:\n    types: [INTEGER, BIGINT]\n",
	"columns":                   "- columns:\n    contain: [order_id, status]\n",
}

// TestKindExamples: every kind has an example, and the example is right.
func TestKindExamples(t *testing.T) {
	column := map[string]string{"unique": "order_id", "not_null": "order_id", "accepted_values": "status", "relationships": "customer_id", "range": "amount", "regex": "country", "not_empty_string": "country", "at_least_one": "country",
		"in_set": "status", "not_in_set": "status", "not_null_proportion": "country", "not_constant": "country", "recent": "ordered_at", "aggregate": "amount", "text_length": "country", "like": "country",
		"sequential_values": "order_id", "cardinality_equality": "customer_id", "column_exists": "order_id", "column_type": "order_id"}
	var relation, columns strings.Builder
	for _, k := range datatest.Kinds {
		text := examples[k.Name]
		if text == "" {
			t.Errorf("%s has no example", k.Name)
			continue
		}
		if on := column[k.Name]; on != "" {
			columns.WriteString("      - name: " + on + "\n        data_tests:\n" + indent(text, 10))
		} else {
			relation.WriteString(indent(text, 6))
		}
	}
	// A column has one entry: those with two tests are joined.
	yml := "models:\n  - name: orders\n    data_tests:\n" + relation.String() + "    columns:\n" + joinColumns(columns.String())
	_, list := load(t, map[string]string{
		"engine.yml":           "name: shop\ndialect: duckdb\n",
		"models/customers.sql": "select 1 as customer_id",
		"models/orders.sql":    "select 1 as order_id, 1 as customer_id, 'open' as status, 1.5 as amount, 'DE' as country, now()::timestamp as ordered_at",
		"models/orders.yml":    yml,
	})
	for _, d := range list {
		t.Errorf("%s", d.Error())
	}
}

func indent(text string, by int) string {
	pad := strings.Repeat(" ", by)
	return pad + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+pad) + "\n"
}

// joinColumns puts the tests of equal columns below one entry.
func joinColumns(text string) string {
	var names []string
	tests := map[string]string{}
	for _, part := range strings.Split(text, "      - name: ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		_, rest, _ = strings.Cut(rest, "\n")
		if tests[name] == "" {
			names = append(names, name)
		}
		tests[name] += rest
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString("      - name: " + name + "\n        data_tests:\n" + tests[name])
	}
	return b.String()
}

// TestDefaults: the defaults in the tables are those of the compiler.
func TestDefaults(t *testing.T) {
	o, _ := load(t, map[string]string{"engine.yml": "name: shop\ndialect: duckdb\n", "models/a.sql": "select 1 as id", "models/a.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]\n"})
	p, _ := engine.Load(o)
	program, _ := engine.Compile(context.Background(), p, o)
	c := program.Nodes[addr.Node{Kind: addr.Model, Name: "a"}].Config
	tc := program.Tests[0].Config
	got := map[string]string{
		"enabled": map[bool]string{true: "true", false: "false"}[c.Enabled], "materialized": c.Materialized, "access": c.Access,
		"on_schema_change": c.OnSchemaChange, "hard_deletes": c.HardDeletes, "volatile": c.Volatile, "on_configuration_change": c.OnConfigurationChange,
		"severity": tc.Severity, "warn_if": tc.WarnIf, "error_if": tc.ErrorIf, "fail_calc": tc.FailCalc,
	}
	for key, want := range defaults {
		if got[key] != want {
			t.Errorf("%s: the page says %q, the compiler %q", key, want, got[key])
		}
	}
}
