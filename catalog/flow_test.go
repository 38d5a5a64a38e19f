package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/lineage"
)

// flowing is large with column lineage: each column comes from the columns of its
// parents at the same place, and one of each parent filters.
func flowing(n int) In {
	in := large(n)
	in.Columns = lineage.ColumnsFrom(in.Program, func(m *compile.Node) (full, incremental *origin.Lineage, why string) {
		if m.ID.Name == "model_00002" {
			return nil, nil, "it calls ML.PREDICT"
		}
		l := &origin.Lineage{}
		for i, c := range m.Columns {
			col := origin.Column{Name: c.Name}
			for k, p := range m.Parents {
				parent := in.Program.Nodes[p]
				table := tableName(parent.Relation)
				col.Sources = append(col.Sources, origin.Source{Table: table, Path: []string{parent.Columns[i].Name}, Kind: []origin.Kind{origin.Identity, origin.Transformed}[k], Via: []ir.Span{{Start: 0, End: min(20, len(m.Text))}}})
				if i == 0 {
					l.Tables = append(l.Tables, table)
					l.Rows = append(l.Rows, origin.Effect{Table: table, Path: []string{parent.Columns[3].Name}, Use: origin.Filter})
				}
			}
			l.Columns = append(l.Columns, col)
		}
		return l, nil, ""
	})
	return in
}

func tableName(r addr.Relation) string {
	return strings.TrimPrefix(r.String(), ".")
}

func TestColumnLineageOnPages(t *testing.T) {
	site := Build(flowing(200))
	pages := map[string]page{}
	for _, p := range site.Paths() {
		if strings.HasSuffix(p, ".html") {
			pages[p] = parse(t, p, site.files[p])
		}
	}
	links := 0
	for name, p := range pages {
		for _, l := range p.links {
			path, id, ok := strings.Cut(strings.TrimPrefix(l, "../"), "#")
			if target, known := pages[path]; ok && known && strings.HasPrefix(id, "c-") {
				links++
				if !target.ids[id] {
					t.Errorf("%s leads to %s, which has no such column", name, l)
				}
			}
		}
	}
	if links < 1000 {
		t.Errorf("only %d links between columns", links)
	}
	text := pages["model/model_00151.html"].text
	for _, want := range []string{"From", "Read by", "transformed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !strings.Contains(pages["model/model_00103.html"].text, "filter") {
		t.Error("a reader that filters is not named")
	}
	data := string(site.files["d/flow-0.js"])
	if !strings.HasPrefix(data, `catalog("flow-0","col_0_0\t`) || strings.Count(data, `\n`) != 1999 {
		t.Errorf("data begin %.60q and have %d lines", data, strings.Count(data, `\n`)+1)
	}
	if again := Build(flowing(200)); string(again.files["d/flow-0.js"]) != data {
		t.Error("data differ from build to build")
	}
}

func TestNoColumnLineageNoData(t *testing.T) {
	site := Build(demo())
	for _, p := range site.Paths() {
		if strings.HasPrefix(p, "d/flow") || strings.Contains(string(site.files[p]), "data-flow=") {
			t.Errorf("%s speaks of column lineage", p)
		}
	}
}

// TestHundredThousandColumns: the budget for 10,000 models is 8 s on two quiet cores; the
// limit here leaves room for busy ones.
func TestHundredThousandColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	in := flowing(10_000)
	start := time.Now()
	site := Build(in)
	took := time.Since(start)
	total, data := 0, 0
	for p, body := range site.files {
		total += len(body)
		if strings.HasPrefix(p, "d/flow") {
			data += len(body)
		}
	}
	t.Logf("%v, %d MB, of it %d KB of column lineage data", took, total>>20, data>>10)
	if took > 60*time.Second {
		t.Errorf("took %v", took)
	}
	if data > 8<<20 {
		t.Errorf("column lineage takes %s", fmt.Sprint(data))
	}
}
