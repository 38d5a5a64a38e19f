package warehousetest

import (
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func testCreate(h *harness) {
	types := h.w.Types
	h.table("src", "1|a", "2|b")
	src := h.q("src")
	queries := map[string]string{
		"plain":    "select id, name from " + src,
		"comment":  "select id, name from " + src + " -- all of them",
		"cte":      "with x as (select * from " + src + ") select id, name from x",
		"ordered":  "select id, name from " + src + " order by id desc limit 10",
		"union":    "select id, name from " + src + " where id = 1 union all select id, name from " + src + " where id = 2",
		"parens":   "(select id, name from " + src + ")",
		"newlines": "\n\nselect id, name\nfrom " + src + "\n\n",
	}
	for name, query := range queries {
		h.sub(name, func(h *harness) {
			h.do(warehouse.CreateTableAs{Target: h.rel("t_" + name), Query: query},
				warehouse.CreateViewAs{Target: h.rel("v_" + name), Query: query},
				warehouse.CreateTableAs{Target: h.rel("c_" + name), Query: query, Columns: []warehouse.Column{{Name: "ID", Type: types.Text}, {Name: "other name"}}})
			h.wantRows("t_"+name, "*", "1|a", "2|b")
			h.wantRows("v_"+name, "*", "1|a", "2|b")
			h.wantRows("c_"+name, "*", "1|a", "2|b")
			equal(h, "columns", []string{"ID " + types.Text, "other name " + types.Text}, h.columns("c_"+name))
		})
	}
	h.sub("exists", func(h *harness) {
		_ = h.fails(warehouse.CreateTableAs{Target: h.rel("src"), Query: "select 1 as id"})
		_ = h.fails(warehouse.CreateTable{Target: h.rel("src"), Columns: []warehouse.Column{{Name: "id", Type: types.Int}}})
		h.do(warehouse.CreateTable{Target: h.rel("src"), Columns: []warehouse.Column{{Name: "x", Type: types.Int}}, IfNotExists: true})
		h.wantRows("src", "*", "1|a", "2|b")
		h.do(warehouse.CreateSchema{Schema: h.schema})
	})
	h.sub("column count", func(h *harness) {
		one := []warehouse.Column{{Name: "a", Type: types.Int}}
		_ = h.fails(warehouse.CreateTableAs{Target: h.rel("few"), Query: "select 1 as x, 2 as y", Columns: one})
		_ = h.fails(warehouse.CreateTableAs{Target: h.rel("many"), Query: "select 1 as x", Columns: append(one, warehouse.Column{Name: "b", Type: types.Int})})
	})
	h.sub("clone", func(h *harness) {
		h.do(warehouse.CloneTable{From: h.rel("src"), To: h.rel("copy")},
			warehouse.InsertValues{Target: h.rel("copy"), Columns: []warehouse.Column{{Name: "id", Type: types.Int}}, Rows: [][]any{{int64(3)}}})
		h.wantRows("copy", "*", "1|a", "2|b", "3|NULL")
		h.wantRows("src", "*", "1|a", "2|b")
	})
	h.sub("stats", func(h *harness) {
		stmts, err := h.d.Render(warehouse.CreateTableAs{Target: h.rel("counted"), Query: "select * from " + src})
		if err != nil || len(stmts) != 1 {
			h.Fatal(stmts, err)
		}
		stats, err := h.conn.Exec(h.ctx, stmts[0])
		if err != nil || stats.Rows != 2 || stats.Duration <= 0 {
			h.Errorf("stats %+v, %v", stats, err)
		}
	})
	h.sub("schema at once", func(h *harness) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := h.try(h.conn, warehouse.CreateSchema{Schema: "suite_at_once"}); err != nil {
					h.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// oddNames are names that a user may type. Each is made as schema, table and column.
func (h *harness) oddNames() []string {
	long := strings.Repeat("long name ünï ", 30)[:300]
	if limit := h.d.Caps().MaxIdentifier; limit > 0 && limit < len(long) {
		long = strings.ToValidUTF8(long[:limit], "")
	}
	return []string{"plain", "Mixed Case", "select", "order", `double"quote`, "single'quote", "back`tick", `back\slash`, "dot.ted", "semi;colon -- x", "ünïcödé 名前 🚀", "1st", " leading", "%s%d", "a\tb", strings.TrimSpace(long)}
}

func testNames(h *harness) {
	for _, name := range h.oddNames() {
		h.sub(name, func(h *harness) {
			h.skipExcepted("names/" + name)
			rel := addr.Relation{Schema: "s " + name[:min(len(name), 8)], Name: name}
			rel.Schema = strings.ToValidUTF8(rel.Schema, "")
			staged := rel
			staged.Name = strings.ToValidUTF8("new "+name[:min(len(name), 40)], "")
			query := "select 1 as " + h.d.Ident(name)
			h.do(warehouse.CreateSchema{Schema: rel.Schema},
				warehouse.CreateTableAs{Target: staged, Query: query},
				warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: rel},
				warehouse.InsertValues{Target: rel, Columns: []warehouse.Column{{Name: name, Type: h.w.Types.Int}}, Rows: [][]any{{int64(2)}}},
				warehouse.Comment{Relation: rel, Kind: warehouse.Table, Column: name, Text: name})
			equal(h, "rows", []string{"1", "2"}, h.rows("select "+h.d.Ident(name)+" from "+h.d.Quote(rel)+" order by 1"))
			found, err := h.conn.Inspect(h.ctx, []addr.Relation{rel})
			if err != nil || len(found) != 1 || len(found[0].Columns) != 1 {
				h.Fatalf("inspect: %+v, %v", found, err)
			}
			equal(h, "name", rel, found[0].Name)
			equal(h, "column", name, found[0].Columns[0].Name)
			equal(h, "comment", name, found[0].Columns[0].Comment)
			listed, err := h.conn.List(h.ctx, "", rel.Schema)
			if err != nil || len(listed) != 1 || listed[0].Name != rel {
				h.Errorf("list: %+v, %v", listed, err)
			}
			h.do(warehouse.Drop{Relation: rel, Kind: warehouse.Table})
		})
	}
}

func testDrop(h *harness) {
	h.table("t", "1|a")
	h.do(warehouse.CreateViewAs{Target: h.rel("v"), Query: "select 1 as id"})
	for range 2 {
		h.do(warehouse.Drop{Relation: h.rel("t"), Kind: warehouse.Table}, warehouse.Drop{Relation: h.rel("v"), Kind: warehouse.View})
	}
	found, err := h.conn.List(h.ctx, "", h.schema)
	if err != nil || len(found) != 0 {
		h.Errorf("left: %v, %v", found, err)
	}
}

func testComments(h *harness) {
	text := "it's «quoted» \\ \n-- and more 🚀"
	h.table("t", "1|a")
	h.do(warehouse.CreateViewAs{Target: h.rel("v"), Query: "select 1 as id"})
	for name, kind := range map[string]warehouse.Kind{"t": warehouse.Table, "v": warehouse.View} {
		h.do(warehouse.Comment{Relation: h.rel(name), Kind: kind, Text: text},
			warehouse.Comment{Relation: h.rel(name), Kind: kind, Column: "id", Text: text})
		r, err := h.inspect(h.conn)(h.rel(name))
		if err != nil {
			h.Fatal(err)
		}
		equal(h, "comment of "+name, text, r.Comment)
		equal(h, "comment of column", text, r.Columns[0].Comment)
		h.do(warehouse.Comment{Relation: h.rel(name), Kind: kind})
		if r, _ = h.inspect(h.conn)(h.rel(name)); r.Comment != "" {
			h.Errorf("comment %q is left", r.Comment)
		}
	}
}

func testInspect(h *harness) {
	h.table("b", "1|x", "2|y")
	h.do(warehouse.CreateViewAs{Target: h.rel("a"), Query: "select id as only_id from " + h.q("b")},
		warehouse.CreateSchema{Schema: "suite2"},
		warehouse.CreateTableAs{Target: addr.Relation{Schema: "suite2", Name: "b"}, Query: "select 1 as other"})
	asked := []addr.Relation{h.rel("b"), h.rel("missing"), h.rel("a"), {Schema: "suite2", Name: "b"}, {Schema: "suite2", Name: "a"}, {Schema: "no schema", Name: "b"}}
	found, err := h.conn.Inspect(h.ctx, asked)
	if err != nil {
		h.Fatal(err)
	}
	var got []string
	for _, r := range found {
		var columns []string
		for _, c := range r.Columns {
			columns = append(columns, c.Name)
		}
		got = append(got, string(r.Kind)+" "+r.Name.String()+" "+strings.Join(columns, ","))
	}
	slices.Sort(got)
	equal(h, "inspect", []string{"table suite.b id,name", "table suite2.b other", "view suite.a only_id"}, got)
	listed, err := h.conn.List(h.ctx, "", h.schema)
	if err != nil {
		h.Fatal(err)
	}
	got = nil
	for _, r := range listed {
		got = append(got, string(r.Kind)+" "+r.Name.String())
	}
	slices.Sort(got)
	equal(h, "list", []string{"table suite.b", "view suite.a"}, got)
	for _, schema := range []string{"no schema", ""} {
		if listed, err = h.conn.List(h.ctx, "", schema); err != nil || len(listed) != 0 {
			h.Errorf("list of schema %q: %v, %v", schema, listed, err)
		}
	}
	if found, err = h.conn.Inspect(h.ctx, nil); err != nil || len(found) != 0 {
		h.Errorf("inspect of nothing: %v, %v", found, err)
	}
	if h.d.Caps().FoldsCase {
		if found, err = h.conn.Inspect(h.ctx, []addr.Relation{h.rel("B")}); err != nil || len(found) != 1 || found[0].Name != h.rel("B") {
			h.Errorf("inspect in another case: %+v, %v", found, err)
		}
	}
	h.sub("probe", func(h *harness) {
		for _, r := range asked {
			full, err := h.inspect(h.conn)(r)
			if err != nil {
				h.Fatal(err)
			}
			probed, err := warehouse.Probe(h.ctx, h.conn, r)
			if err != nil || probed.Name != r {
				h.Errorf("%+v, %v", probed, err)
			}
			equal(h, "kind of "+r.String(), full.Kind, probed.Kind)
			equal(h, "columns of "+r.String(), full.Columns, probed.Columns)
		}
	})
	h.sub("view on a lost table", func(h *harness) {
		if h.w.KeepsReaders {
			_ = h.fails(warehouse.Drop{Relation: h.rel("b"), Kind: warehouse.Table})
			return
		}
		h.do(warehouse.Drop{Relation: h.rel("b"), Kind: warehouse.Table})
		for _, look := range []func(addr.Relation) (warehouse.Relation, error){h.inspect(h.conn), h.probe(h.conn)} {
			if r, err := look(h.rel("a")); err != nil || r.Kind != warehouse.View {
				h.Errorf("%+v, %v", r, err)
			}
		}
	})
}
