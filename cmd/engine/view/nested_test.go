package view

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
)

// A struct is shown with its fields in the order of its type, in all forms.
func TestNestedValues(t *testing.T) {
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	v := warehouse.Struct{
		Names: []string{"b", "a"},
		Values: []any{
			"<1 & 2>",
			[]any{warehouse.Struct{Names: []string{"z", "y", "x", "w"}, Values: []any{nil, math.NaN(), day, []byte{1}}}, warehouse.Struct{}},
		},
	}
	const want = `{"b":"<1 & 2>","a":[{"z":null,"y":"NaN","x":"2026-01-02 00:00:00","w":"\\x01"},{}]}`
	if d := cmp.Diff(want, Text(v, "STRUCT")); d != "" {
		t.Error(d)
	}
	var b strings.Builder
	r := Rows{Columns: []warehouse.Column{{Name: "v", Type: "STRUCT"}}, Values: [][]any{{v}}}
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `{"v":`+want+`}`) {
		t.Errorf("not in the document: %s", b.String())
	}
}
