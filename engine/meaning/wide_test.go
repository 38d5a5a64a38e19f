package meaning_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
)

// TestWide: the work grows with the columns, not with their square. The limit leaves room
// for a busy machine.
func TestWide(t *testing.T) {
	s := open(t)
	const wide = 3000
	table := googlesql.Table{Name: "wide"}
	var items []string
	for i := range wide {
		name := fmt.Sprintf("c%d", i)
		table.Columns = append(table.Columns, googlesql.Column{Name: name, Type: ir.TypeOf(ir.Int64)})
		items = append(items, fmt.Sprintf("%s + 1 as %s", name, name))
	}
	if err := s.Declare(table); err != nil {
		t.Fatal(err)
	}
	stmt := tree(t, s, "with a as (select * from wide), b as (select "+strings.Join(items, ", ")+" from a where c1 > 0), c as (select b.* from b left join wide as x on x.c0 = b.c0) select * from c")
	start := time.Now()
	m, _ := meaning.Of(stmt, meaning.Names{})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	} else {
		t.Logf("%d columns in %v", len(m.Columns), took)
	}
	if len(m.Columns) != wide || show(m.Columns[wide-1].Reads) != fmt.Sprintf("wide(c%d)", wide-1) || len(m.Reads["wide"].Columns) != wide {
		t.Errorf("%d columns, the last reads %s", len(m.Columns), show(m.Columns[wide-1].Reads))
	}
}
