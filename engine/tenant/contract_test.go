package tenant_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/tenant"
)

// TestOlder leads three contracts back: chains of names, names that change places, types
// that changed twice, models that came and went.
func TestOlder(t *testing.T) {
	contracts := []tenant.Contract{
		{Version: 1, Changes: []tenant.Change{
			{Model: "orders", Renamed: map[string]string{"sum": "total"}, Retyped: map[string]string{"units": "INTEGER"}, Removed: map[string]string{"note": "VARCHAR"}},
			{Model: "legacy", Dropped: true, Removed: map[string]string{"b": "DATE", "a": "BIGINT"}},
			{Model: "fresh", Added: true},
		}},
		{Version: 3, Changes: []tenant.Change{
			{Model: "orders", Renamed: map[string]string{"total": "amount", "a": "b", "b": "a"}, Retyped: map[string]string{"units": "BIGINT", "a": "VARCHAR"}},
		}},
		{Version: 4},
	}
	newest := map[string][]tenant.Column{
		"orders": {{Name: "id", Type: "BIGINT"}, {Name: "amount", Type: "DOUBLE"}, {Name: "units", Type: "DECIMAL(38,9)"}, {Name: "a", Type: "DATE"}, {Name: "b", Type: "BOOLEAN"}, {Name: "cf_x", Type: "VARCHAR"}},
		"fresh":  {{Name: "id", Type: "BIGINT"}},
	}
	three := tenant.OldModel{Name: "orders", Newest: "orders", Columns: []tenant.OldColumn{
		{Name: "id", Type: "BIGINT", From: "id"}, {Name: "total", Type: "DOUBLE", From: "amount"}, {Name: "units", Type: "BIGINT", From: "units", Cast: true},
		{Name: "b", Type: "DATE", From: "a"}, {Name: "a", Type: "VARCHAR", From: "b", Cast: true}, {Name: "cf_x", Type: "VARCHAR", From: "cf_x"},
	}}
	one := tenant.OldModel{Name: "orders", Newest: "orders", Columns: []tenant.OldColumn{
		{Name: "id", Type: "BIGINT", From: "id"}, {Name: "sum", Type: "DOUBLE", From: "amount"}, {Name: "units", Type: "INTEGER", From: "units", Cast: true},
		{Name: "b", Type: "DATE", From: "a"}, {Name: "a", Type: "VARCHAR", From: "b", Cast: true}, {Name: "cf_x", Type: "VARCHAR", From: "cf_x"}, {Name: "note", Type: "VARCHAR"},
	}}
	fresh := tenant.OldModel{Name: "fresh", Newest: "fresh", Columns: []tenant.OldColumn{{Name: "id", Type: "BIGINT", From: "id"}}}
	for version, want := range map[int][]tenant.OldModel{
		1: {{Name: "legacy", Columns: []tenant.OldColumn{{Name: "a", Type: "BIGINT"}, {Name: "b", Type: "DATE"}}}, one},
		3: {fresh, three},
	} {
		if diff := cmp.Diff(want, tenant.Older(contracts, version, newest)); diff != "" {
			t.Errorf("contract %d (-want +got):\n%s", version, diff)
		}
	}
	for _, m := range tenant.Older(contracts, 4, newest) {
		for i, c := range m.Columns {
			if n := newest[m.Newest][i]; c != (tenant.OldColumn{Name: n.Name, Type: n.Type, From: n.Name}) {
				t.Errorf("the newest contract is not what there is: %+v", c)
			}
		}
	}
}

func TestBreaks(t *testing.T) {
	columns := func(pairs ...string) []tenant.Column {
		var out []tenant.Column
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, tenant.Column{Name: pairs[i], Type: pairs[i+1]})
		}
		return out
	}
	tests := []struct {
		name          string
		before, after []tenant.Column
		want          []string
	}{
		{"the same", columns("a", "BIGINT"), columns("a", "bigint"), nil},
		{"another name of the type", columns("a", "INT64", "b", "character varying(20)", "c", "timestamp with time zone"), columns("a", "BIGINT", "b", "VARCHAR(20)", "c", "TIMESTAMPTZ"), nil},
		{"case of the name", columns("A", "BIGINT"), columns("a", "BIGINT"), nil},
		{"new columns, another order", columns("a", "BIGINT", "b", "DATE"), columns("c", "DATE", "b", "DATE", "a", "BIGINT"), nil},
		{"wider", columns("a", "INTEGER", "b", "DECIMAL(10,2)", "c", "VARCHAR(5)", "d", "REAL", "e", "VARCHAR(5)"), columns("a", "BIGINT", "b", "NUMERIC(12,4)", "c", "VARCHAR(9)", "d", "DOUBLE", "e", "TEXT"), nil},
		{"narrower", columns("a", "BIGINT", "b", "DECIMAL(10,2)", "c", "VARCHAR", "d", "DECIMAL(10,2)"), columns("a", "INTEGER", "b", "DECIMAL(10,4)", "c", "VARCHAR(9)", "d", "DECIMAL(9,1)"),
			[]string{`"a" was BIGINT and is INTEGER`, `"b" was DECIMAL(10,2) and is DECIMAL(10,4)`, `"c" was VARCHAR and is VARCHAR(9)`, `"d" was DECIMAL(10,2) and is DECIMAL(9,1)`}},
		{"another sort", columns("a", "BIGINT", "b", "DATE"), columns("a", "VARCHAR", "b", "TIMESTAMP"), []string{`"a" was BIGINT and is VARCHAR`, `"b" was DATE and is TIMESTAMP`}},
		{"gone", columns("a", "BIGINT", "b", "DATE"), columns("b", "DATE", "c", "VARCHAR"), []string{`"a" is gone`}},
		{"renamed", columns("a", "BIGINT", "b", "DATE"), columns("x", "INT8", "b", "DATE"), []string{`"a" is gone, perhaps renamed to "x"`}},
		{"perhaps", columns("a", "BIGINT"), columns("x", "BIGINT", "y", "BIGINT"), []string{`"a" is gone`}},
		{"unknown", columns("a", ""), columns("a", "BIGINT"), nil},
	}
	for _, tt := range tests {
		var got []string
		for _, b := range tenant.Breaks(tt.before, tt.after) {
			got = append(got, b.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestBreaking(t *testing.T) {
	d := tenant.Breaking("orders", 2, 3, tenant.Breaks([]tenant.Column{{Name: "sum", Type: "BIGINT"}}, []tenant.Column{{Name: "amount", Type: "BIGINT"}}), []string{"e", "b", "d", "a", "c"}, none)
	if want := `orders breaks contract 2 of a, b, c and 2 more: "sum" is gone, perhaps renamed to "amount"`; d.Message != want {
		t.Errorf("%s, want %s", d.Message, want)
	}
	if want := "add contract 4 to distribution.contracts with the change below contract 3, or undo the change"; d.Help != want {
		t.Errorf("%s, want %s", d.Help, want)
	}
}
