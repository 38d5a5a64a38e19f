package diag

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestNothingIsWiderThanTheTerminal: whatever a diagnostic holds, each of its lines fits, the
// text at fault is seen, and no word of the message is lost.
func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	long := strings.Repeat("a.col, ", 60)
	sources := map[string]string{
		"short":            "select wrong from t\n",
		"long in front":    "select " + long + "wrong from t\n",
		"long behind":      "wrong, " + long + "\n",
		"very long":        strings.Repeat("x, ", 5000) + "wrong, " + strings.Repeat("y, ", 5000) + "\n",
		"tabs":             "\t\t\tselect\ta,\t\twrong\tfrom\tt\t\t" + strings.Repeat("\tz", 40) + "\n",
		"wide":             "select '" + strings.Repeat("世界", 40) + "' as a, wrong, '" + strings.Repeat("漢字", 40) + "'\n",
		"combining":        "select '" + strings.Repeat("e\u0301", 90) + "', wrong, '" + strings.Repeat("o\u0308", 90) + "'\n",
		"emoji":            "select '" + strings.Repeat("😀", 60) + "', wrong\n",
		"control":          "select '" + strings.Repeat("\x1b[31m", 30) + "', wrong\n",
		"beyond line 1000": strings.Repeat("\n", 12345) + "select " + long + "wrong\n",
	}
	message := `the column "wrong" is in neither of core.a_table_with_a_rather_long_name and core.another_table_with_a_name_that_is_longer_still`
	note := "what is known of it:\n  first, that it is long enough to need more than one line of most terminals;\n\n  then, " + strings.Repeat("ohne_ein_einziges_Leerzeichen_", 9)
	for name, text := range sources {
		f := source.NewFile("models/a folder/with many/levels/and long names/of folders/model.sql", []byte(text))
		wrong := strings.Index(text, "wrong")
		d := Diagnostic{
			Code: "column-unknown", Message: message, At: f.Span(wrong, wrong+5), AtText: "no table of the query has a column of this name, and none has one that is like it",
			Labels: []Label{{f.Span(0, 3), "here it begins, and this text, too, is longer than what is left beside it"}, {source.NewFile("seeds/漢字漢字漢字/漢字漢字漢字漢字漢字漢字.csv", nil).Span(0, 0), "世界 " + strings.Repeat("世界", 30)}},
			Notes:  []string{note}, Help: strings.Repeat("did you mean «other»? ", 12),
			Edits: []source.Edit{{At: f.Span(wrong, wrong+5), New: "other"}},
		}
		for width := 40; width <= 200; width++ {
			for _, color := range []bool{false, true} {
				got := escapes.ReplaceAllString(render(t, RenderOptions{Width: width, Color: color, Context: 1}, d), "")
				for line := range strings.Lines(got) {
					if n := textColumns(strings.TrimSuffix(line, "\n")); n > width {
						t.Errorf("%s: %d columns on a terminal of %d: %q", name, n, width, line)
					}
				}
				squeezed := strings.Join(strings.Fields(got), "")
				for _, want := range []string{message, d.AtText, d.Help, d.Labels[0].Text} {
					want = strings.Join(strings.Fields(want), "")
					// Bars stand between the pieces of what is below carets.
					if !strings.Contains(squeezed, want) && !strings.Contains(strings.ReplaceAll(squeezed, "|", ""), want) {
						t.Errorf("%s at %d columns does not say %q:\n%s", name, width, want, got)
					}
				}
				if !caretsUnder(got, "wrong") {
					t.Errorf("%s at %d columns: the carets do not stand under the text at fault:\n%s", name, width, got)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

// caretsUnder reports whether a row of five carets stands right below text.
func caretsUnder(frame, text string) bool {
	lines := strings.Split(frame, "\n")
	for i, line := range lines {
		at := strings.Index(line, "^")
		if at < 0 || i == 0 {
			continue
		}
		for k := i - 1; k >= 0; k-- { // rows of other marks may stand between
			if before, _, ok := strings.Cut(lines[k], text); ok && strings.Contains(line, "^^^^^") && textColumns(before) == textColumns(line[:at]) {
				return true
			}
		}
	}
	return false
}

func TestWrap(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 0, "one two three"},
		{"one two three", 13, "one two three"},
		{"one two three", 12, "one two|three"},
		{"one two three", 7, "one two|three"},
		{"one   two", 5, "one|two"},
		{"abcdefgh ij", 4, "abcd|efgh|ij"},
		{"  one two three", 7, "  one|  two|  three"},
		{"世界世界", 5, "世界|世界"},
		{"世界", 1, "世|界"},
		{"", 5, ""},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, strings.Join(wrap(tt.text, tt.width), "|")); d != "" {
			t.Errorf("%q in %d columns: %s", tt.text, tt.width, d)
		}
	}
}

func TestCutPath(t *testing.T) {
	tests := []struct {
		path  string
		width int
		want  string
	}{
		{"models/core/orders.sql", 0, "models/core/orders.sql"},
		{"models/core/orders.sql", 22, "models/core/orders.sql"},
		{"models/core/orders.sql", 21, "…/core/orders.sql"},
		{"models/core/orders.sql", 13, "…/orders.sql"},
		{"models/core/orders.sql", 8, "…ers.sql"},
		{"a/世界世界.sql", 9, "…世界.sql"},
	}
	for _, tt := range tests {
		if got := cutPath(tt.path, tt.width); got != tt.want {
			t.Errorf("%s in %d columns: %s, want %s", tt.path, tt.width, got, tt.want)
		}
	}
}

// TestNarrow shows what it looks like.
func TestNarrow(t *testing.T) {
	f := source.NewFile("models/core/orders.sql", []byte("select\n  customers.name_of_the_customer as customer, orders.amont as amount, orders.currency\nfrom orders\n"))
	d := Diagnostic{Code: "sql-column", Message: `orders has no column "amont"`, At: spanOf(f, "amont", 1), AtText: "not among its 12 columns", Help: `did you mean "amount"? It is of type NUMERIC and never null.`}
	want := `error[sql-column]: orders has no column
  "amont"
  --> models/core/orders.sql:2:54
  |
2 | …er, orders.amont as amount, orders…
  |             ^^^^^
  | not among its 12 columns
  = help: did you mean "amount"? It is
          of type NUMERIC and never
          null.
`
	if d := cmp.Diff(want, render(t, RenderOptions{Width: 40}, d)); d != "" {
		t.Error(d)
	}
}
