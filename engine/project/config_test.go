package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

func TestCheckConfig(t *testing.T) {
	tests := []struct {
		key     string
		kind    addr.Kind
		value   any
		want    any
		problem string // message
		help    string
	}{
		{"materialized", addr.Model, "Table", "table", "", ""},
		{"materialized", addr.Model, nil, nil, "", ""},
		{"materialized", addr.Model, int64(1), nil, `"1" is not a value of "materialized"`, `known values are "view", "table", "incremental", "ephemeral", "materialized_view", "ancestry"`},
		{"materialized", addr.Seed, "table", nil, `unknown config key "materialized" for seeds`, "it is configuration of models only"},
		{"materialised", addr.Model, "table", nil, `unknown config key "materialised" for models`, `did you mean "materialized"?`},
		{"partition_by", addr.Model, "d", map[string]any{"field": "d"}, "", ""},
		{"partition_by", addr.Model, map[string]any{"field": "d", "range": map[string]any{"start": -1, "end": int64(9), "interval": int64(5)}}, map[string]any{"field": "d", "range": map[string]any{"start": int64(-1), "end": int64(9), "interval": int64(5)}}, "", ""},
		{"partition_by", addr.Exposure, "d", nil, `unknown config key "partition_by" for exposures`, "it is configuration of models and seeds and snapshots only"},
		{"cluster_by", addr.Model, "d", []any{"d"}, "", ""},
		{"indexes", addr.Model, map[string]any{"columns": "a"}, []any{map[string]any{"columns": []any{"a"}}}, "", ""},
		{"grants", addr.Seed, map[string]any{"+select": "a", "insert": nil}, map[string]any{"+select": []any{"a"}, "insert": []any{}}, "", ""},
		{"hours_to_expiration", addr.Model, int64(5), 5.0, "", ""},
		{"maximum_bytes_billed", addr.Model, "2GiB", int64(2 << 30), "", ""},
		{"batch_size", addr.Model, "day", "day", "", ""},
		{"concurrent_batches", addr.Model, true, nil, `config key "concurrent_batches" is known from dbt, but engine has no use for it`, "batches of one model are built one after the other, beside other models; remove it"},
		{"incremental_strategy", addr.Model, "microbatch", "microbatch", "", ""},
		{"store_failures_as", addr.Test, "view", nil, `"store_failures_as" "view" is known from dbt, but engine does not have it`, noFailuresView},
		{"severity", addr.Test, "WARN", "warn", "", ""},
		{"severity", addr.Model, "warn", nil, `unknown config key "severity" for models`, "it is configuration of data tests"},
		{"enabled", addr.Source, true, true, "", ""},
		{"enabled", addr.Model, "true", nil, `"enabled" has to be true or false`, ""},
		{"unique_key", addr.Model, "id", []any{"id"}, "", ""},
		{"unique_key", addr.Snapshot, []any{"a", "b"}, []any{"a", "b"}, "", ""},
		{"unique_key", addr.Model, map[string]any{}, nil, `"unique_key" has to be a list of texts`, ""},
		{"tags", addr.Exposure, []any{"a", int64(7), 1.5}, []any{"a", "7", "1.5"}, "", ""},
		{"limit", addr.Test, 5, int64(5), "", ""},
		{"limit", addr.Test, 5.5, nil, `"limit" has to be a whole number`, ""},
		{"pre-hook", addr.Model, "select {{ x }}", []any{"select {{ x }}"}, "", ""},
		{"pre_hook", addr.Seed, []any{"a", map[string]any{"sql": "b"}}, []any{"a", "b"}, "", ""},
		{"pre_hook", addr.Model, []any{"a", map[string]any{"sql": "b", "transaction": false}, map[string]any{"sql": "c", "transaction": true}}, []any{"a", map[string]any{"sql": "b", "transaction": false}, "c"}, "", ""},
		{"pre_hook", addr.Model, map[string]any{"sql": "b", "transaction": "no"}, nil, `the value of "pre_hook" cannot be used: transaction is no`, "want true or false"},
		{"pre_hook", addr.Seed, map[string]any{"sqll": "b"}, nil, `the value of "pre_hook" cannot be used: a hook has no key "sqll"`, `give the statement alone, or as "sql", with "transaction: false" if it must not run inside of a transaction`},
		{"schema", addr.Model, "{{ x }}", nil, `the value of "schema" is not rendered`, "write the value itself, or set it with config in the model's file, where templates run"},
		{"schema", addr.Model, " ", nil, `the value of "schema" cannot be used: the text is empty`, "give a value or remove the key"},
		{"delimiter", addr.Seed, "\t", "\t", "", ""},
		{"column_types", addr.Seed, map[string]any{"a": "int", "b": int64(1)}, map[string]any{"a": "int", "b": "1"}, "", ""},
		{"persist_docs", addr.Model, map[string]any{"relation": true}, map[string]any{"relation": true}, "", ""},
		{"persist_docs", addr.Model, map[string]any{"relations": true}, nil, `"relations" is not a value of "persist_docs"`, `did you mean "relation"?`},
	}
	at := source.NewFile("a.sql", []byte("x")).Span(0, 1)
	for _, tt := range tests {
		got, problem := CheckConfig(tt.key, tt.value, tt.kind, at)
		if tt.problem == "" {
			if diff := cmp.Diff(tt.want, got); diff != "" || problem != nil {
				t.Errorf("CheckConfig(%s, %v, %s): %v\n%s", tt.key, tt.value, tt.kind, problem, diff)
			}
			continue
		}
		if problem == nil || problem.Message != tt.problem || problem.Help != tt.help || problem.At != at {
			t.Errorf("CheckConfig(%s, %v, %s) = %+v, want %q with help %q", tt.key, tt.value, tt.kind, problem, tt.problem, tt.help)
		}
	}
}

func TestKeyTablesAreSound(t *testing.T) {
	for _, kind := range append(addr.Kinds, addr.Test) {
		seen := map[string]bool{}
		for _, k := range KeysOf(kind) {
			if seen[k.Name] || k.Help == "" || k.Type == "" {
				t.Errorf("key %s of %s is there twice or not complete", k.Name, kind)
			}
			seen[k.Name] = true
			if found, ok := LookupKey(k.Name, kind); !ok || found.Name != k.Name {
				t.Errorf("LookupKey(%s, %s) = %v, %v", k.Name, kind, found.Name, ok)
			}
			if foreignConfig[k.Name] != "" {
				t.Errorf("key %s is both known and foreign", k.Name)
			}
		}
	}
}
