package warehousetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// version is what the warehouse says of one relation, with a check that it says either.
func (h *harness) version(name string) warehouse.Version {
	h.Helper()
	all, err := warehouse.Versions(h.ctx, h.conn, []addr.Relation{h.rel(name)})
	if err != nil {
		h.Fatal(err)
	}
	v, ok := all[h.rel(name)]
	if ok && (v.Token == "") == (v.Unknown == "") {
		h.Errorf("%s: token %q, unknown %q: want one of them", name, v.Token, v.Unknown)
	}
	return v
}

func testVersions(h *harness) {
	if _, ok := h.conn.(warehouse.Versioner); !ok {
		h.Skipf("%s: does not tell when a relation changes", h.d.Name())
	}
	sql := func(format string, args ...any) warehouse.Op {
		return warehouse.SQL{Text: fmt.Sprintf(format, args...)}
	}
	h.table("t", "1|a", "2|b", "3|c")
	h.table("other", "1|a")
	seen := map[string]string{}
	same := func(what string) {
		h.Helper()
		v := h.version("t")
		if v.Token == "" {
			h.Fatalf("%s: no token: %s", what, v.Unknown)
		}
		if again := h.version("t"); again != v {
			h.Errorf("%s: twice the same question, %v and %v", what, v, again)
		}
	}
	differs := func(what string) {
		h.Helper()
		same(what)
		token := h.version("t").Token
		if before, ok := seen[token]; ok {
			h.Errorf("after %s the token is that of %s", what, before)
		}
		seen[token] = what
	}
	differs("the beginning")
	h.do(sql("insert into %s (id, name) values (2, 'b')", h.q("other")))
	if _, ok := seen[h.version("t").Token]; !ok {
		h.Error("the token changed although another table did")
	}
	h.rows("select id, name from " + h.q("t") + " order by id")
	if _, ok := seen[h.version("t").Token]; !ok {
		h.Error("the token changed although the table was only read")
	}
	h.do(sql("insert into %s (id, name) values (4, 'd')", h.q("t")))
	differs("insert")
	h.do(sql("update %s set name = 'x' where id = 4", h.q("t")))
	differs("update")
	h.do(sql("delete from %s where id = 1", h.q("t")))
	differs("delete")
	h.do(sql("insert into %s (id, name) values (3, 'c')", h.q("t")))
	differs("a repeated row")
	h.do(warehouse.AddColumns{Target: h.rel("t"), Columns: []warehouse.Column{{Name: "more", Type: h.w.Types.Int}}})
	differs("a new column")
	h.do(warehouse.DropColumns{Target: h.rel("t"), Columns: []string{"more"}})
	h.do(sql("truncate table %s", h.q("t")))
	differs("truncate")
	h.table("t", "4|d", "5|e")
	differs("drop and create")
	before := h.version("t").Token
	h.table("t", "4|d", "5|e")
	if _, exact := h.d.(warehouse.Summer); exact && h.version("t").Token == before {
		// By content, the same rows may have the same name.
		if q, ok := warehouse.Checksum(h.d, h.rel("t"), h.typed("t")); !ok || !slices.Equal(h.rows(q), []string{before}) {
			h.Error("the token of a new table with the same rows is that of the old one, and it is no checksum")
		}
	}
	h.sub("unknown", func(h *harness) {
		h.do(warehouse.CreateViewAs{Target: h.rel("v"), Query: "select * from " + h.q("t")})
		if v := h.version("v"); v.Token != "" || !strings.Contains(v.Unknown, "view") {
			h.Errorf("a view has %+v", v)
		}
		if v := h.version("missing"); v != (warehouse.Version{}) {
			h.Errorf("a missing table has %+v", v)
		}
		all, err := warehouse.Versions(h.ctx, h.conn, []addr.Relation{h.rel("t"), {Schema: "no_such_schema", Name: "t"}, h.rel("other"), h.rel("v")})
		if err != nil || len(all) != 3 {
			h.Errorf("%v, %v; want three", all, err)
		}
	})
}

// typed are the columns of a relation.
func (h *harness) typed(name string) []warehouse.Column {
	h.Helper()
	r, err := h.inspect(h.conn)(h.rel(name))
	if err != nil {
		h.Fatal(err)
	}
	return r.Columns
}

// checksum of a relation, empty where it has none.
func (h *harness) checksum(name string) string {
	h.Helper()
	q, ok := warehouse.Checksum(h.d, h.rel(name), h.typed(name))
	if !ok {
		return ""
	}
	rows := h.rows(q)
	if len(rows) != 1 || rows[0] == "" || rows[0] == "NULL" {
		h.Fatalf("the checksum of %s is %q", name, rows)
	}
	return rows[0]
}

func testChecksum(h *harness) {
	h.table("t", "1|a", "2|b", "3|c")
	base := h.checksum("t")
	if base == "" {
		h.Skipf("%s: reading is charged for, so that there are no checksums", h.d.Name())
	}
	equalTo := func(want bool, rows ...string) {
		h.Helper()
		h.table("u", rows...)
		if got := h.checksum("u"); (got == base) != want {
			h.Errorf("rows %q: checksum %s, of the others %s", rows, got, base)
		}
	}
	equalTo(true, "3|c", "1|a", "2|b")
	equalTo(false, "1|a", "2|b")
	equalTo(false, "1|a", "2|b", "3|c", "3|c")
	equalTo(false, "1|a", "2|b", "3|c", "4|d", "4|d")
	equalTo(false, "1|a", "2|b", "NULL|c")
	equalTo(false, "1|a", "2|b", "3|")
	equalTo(false, "1|a", "2|c", "3|b")
	equalTo(false)
	h.sub("shape", func(h *harness) {
		ty := h.w.Types
		shape := func(columns ...warehouse.Column) string {
			h.do(warehouse.Drop{Relation: h.rel("s"), Kind: warehouse.Table}, warehouse.CreateTable{Target: h.rel("s"), Columns: columns})
			return h.checksum("s")
		}
		seen := map[string]bool{}
		for _, columns := range [][]warehouse.Column{
			{{Name: "a", Type: ty.Int}, {Name: "b", Type: ty.Int}}, {{Name: "b", Type: ty.Int}, {Name: "a", Type: ty.Int}}, {{Name: "a", Type: ty.Int}},
			{{Name: "a", Type: ty.Text}, {Name: "b", Type: ty.Int}}, {{Name: "ab", Type: ty.Int}}, {{Name: "a b", Type: ty.Int}},
		} {
			if sum := shape(columns...); seen[sum] {
				h.Errorf("columns %v have the checksum of others", columns)
			} else {
				seen[sum] = true
			}
		}
	})
	h.sub("random", func(h *harness) {
		r := rand.New(rand.NewPCG(7, 11))
		values := []string{"", "a", "b", "NULL", "null", " ", "1", "'", `\`, ","}
		seen := map[string]string{}
		for range 60 {
			rows := make([]string, 1+r.IntN(6))
			for i := range rows {
				rows[i] = fmt.Sprintf("%d|%s", r.IntN(3), values[r.IntN(len(values))])
			}
			h.table("r", rows...)
			sum := h.checksum("r")
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			h.table("r", rows...)
			if again := h.checksum("r"); again != sum {
				h.Errorf("in another order %q has %s instead of %s", rows, again, sum)
			}
			slices.Sort(rows)
			key := strings.Join(rows, "\n")
			if other, ok := seen[sum]; ok && other != key {
				h.Errorf("one checksum for\n%s\nand\n%s", key, other)
			}
			seen[sum] = key
		}
	})
}
