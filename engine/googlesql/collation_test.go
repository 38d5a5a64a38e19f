package googlesql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ir"
)

// TestCollationsOfColumns reads what the tree says of collations where a table's columns
// have them and the text speaks of none.
func TestCollationsOfColumns(t *testing.T) {
	s, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := ir.TypeOf(ir.String)
	err = s.Declare(Table{Name: "t", Columns: []Column{{Name: "ci", Type: text, Collation: "und:ci"}, {Name: "plain", Type: text}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT ci = 'a', plain = 'a' FROM t", []string{`collations=["und:ci"]`}},
		{"SELECT ci FROM t GROUP BY ci", []string{`collations=["und:ci"]`}},
		{"SELECT ci, plain FROM t UNION DISTINCT SELECT 'a', 'b'", []string{`collations=["und:ci" ""]`}},
		{"SELECT plain FROM t UNION DISTINCT SELECT 'b'", nil},
		{"SELECT plain FROM t ORDER BY ci", []string{`collation="und:ci"`, `collation="und:ci"`}},
	} {
		a, err := s.Analyze(c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var got []string
		for _, line := range strings.Split(ir.Print(a.Stmt), "\n") {
			if i := strings.Index(line, "collation"); i >= 0 && !strings.Contains(line, "ColumnRef") || strings.Contains(c.sql, "ORDER") && i >= 0 {
				got = append(got, strings.TrimSuffix(cut(line[i:]), " distinct"))
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.sql, d)
		}
	}
	if err := s.Declare(Table{Name: "u", Columns: []Column{{Name: "x", Type: ir.TypeOf(ir.Int64), Collation: "und:ci"}}}); err == nil {
		t.Error("an INT64 column has a collation")
	}
}

// cut is the text up to the end of its first value.
func cut(s string) string {
	if strings.HasPrefix(s, "collations=") {
		return s[:strings.IndexByte(s, ']')+1]
	}
	end := strings.IndexByte(s[len(`collation="`):], '"')
	return s[:len(`collation="`)+end+1]
}
