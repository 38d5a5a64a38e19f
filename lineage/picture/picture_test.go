package picture

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	for _, s := range []string{"short", strings.Repeat("x", 36), strings.Repeat("abc", 40), strings.Repeat("日", 40)} {
		got := Shorten(s)
		if Cells(got) > maxCells || Cells(s) <= maxCells && got != s {
			t.Errorf("Shorten(%q) = %q, %d cells", s, got, Cells(got))
		}
	}
	if got := Shorten("int_finance_revenue_by_customer_and_month_fct"); got != "int_finance_revenue_by_…nd_month_fct" {
		t.Errorf("got %q", got)
	}
}
