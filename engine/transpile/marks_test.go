package transpile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ir"
)

func TestFinishMapsRanges(t *testing.T) {
	text := "SELECT " + Mark("a + "+Mark("f(b)", ir.Span{Start: 11, End: 15}), ir.Span{Start: 7, End: 15}) + " FROM t"
	got, err := Finish(text, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Result{SQL: "SELECT a + f(b) FROM t", Map: []Range{
		{Start: 7, End: 15, Source: ir.Span{Start: 7, End: 15}},
		{Start: 11, End: 15, Source: ir.Span{Start: 11, End: 15}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if at, ok := got.At(12); !ok || at.Start != 11 {
		t.Errorf("the narrowest span around byte 12: got %v, %v", at, ok)
	}
	if _, ok := got.At(0); ok {
		t.Error("byte 0 comes from nowhere")
	}
}

func TestAtomic(t *testing.T) {
	for text, want := range map[string]bool{
		"a": true, "t.a": true, `"a b".c`: true, "f(a, b + c)": true, "'it''s'": true, "[1, 2]": true, "l[1].x": true, "(a + b)": true,
		"a + b": false, "(a) + (b)": false, "-a": false, "1::BIGINT": false, "a IS NULL": false, "CASE WHEN a THEN b END": false,
	} {
		if got := Atomic(text); got != want {
			t.Errorf("Atomic(%q) = %v", text, got)
		}
	}
}

func TestPrecedence(t *testing.T) {
	for text, want := range map[string]int{
		"a": PrecAtom, "f(a OR b)": PrecAtom, "CASE WHEN a OR b THEN 1 END": PrecAtom, "'a OR b'": PrecAtom, "1e-5": PrecAtom,
		"1::BIGINT": PrecCast, "-a": PrecUnary, "a * -b": PrecMultiply, "a - b": PrecAdd, "a || b": PrecOther, "a < b": PrecCompare,
		"a IS NULL": PrecCompare, "NOT a": PrecNot, "a AND b": PrecAnd, "a AND b OR c": PrecOr, "sum(a) OVER (ORDER BY b)": PrecOther,
	} {
		if got := Precedence(text); got != want {
			t.Errorf("Precedence(%q) = %d, want %d", text, got, want)
		}
	}
}
