package warehousetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

func testTransaction(h *harness) {
	if !h.d.Caps().TransactionalDDL {
		if _, err := warehouse.Begin(h.ctx, h.conn); !errors.Is(err, warehouse.ErrUnsupported) {
			h.Errorf("begin: %v", err)
		}
		return
	}
	begin := func(h *harness) warehouse.Tx {
		h.Helper()
		tx, err := warehouse.Begin(h.ctx, h.conn)
		if err != nil {
			h.Fatal(err)
		}
		return tx
	}
	work := func(h *harness, tx warehouse.Tx) {
		h.Helper()
		if err := h.try(tx, warehouse.CreateTableAs{Target: h.rel("new"), Query: "select 2 as id, 'b' as name"},
			warehouse.InsertSelect{Target: h.rel("t"), From: h.rel("new")},
			warehouse.Swap{New: h.rel("new"), NewKind: warehouse.Table, Target: h.rel("other")},
			warehouse.Comment{Relation: h.rel("other"), Kind: warehouse.Table, Text: "new"}); err != nil {
			h.Fatal(err)
		}
		got, err := h.values(tx, "select id from "+h.q("other"))
		if err != nil {
			h.Fatal(err)
		}
		equal(h, "the transaction sees its work", []string{"2"}, lines(got))
		if found, err := tx.List(h.ctx, "", h.schema); err != nil || len(found) != 2 {
			h.Errorf("list within: %v, %v", found, err)
		}
		h.wantRows("t", "*", "1|a")
	}
	reset := func(h *harness) {
		h.table("t", "1|a")
		h.do(warehouse.Drop{Relation: h.rel("other"), Kind: warehouse.Table})
	}
	kept := func(h *harness) {
		h.Helper()
		h.wantRows("t", "*", "1|a")
		if r, _ := h.inspect(h.conn)(h.rel("other")); r.Kind != warehouse.None {
			h.Errorf("other is left: %+v", r)
		}
	}
	h.sub("commit", func(h *harness) {
		reset(h)
		tx := begin(h)
		defer tx.Close()
		work(h, tx)
		if err := tx.Commit(h.ctx); err != nil {
			h.Fatal(err)
		}
		h.wantRows("t", "*", "1|a", "2|b")
		h.wantRows("other", "*", "2|b")
	})
	h.sub("rollback", func(h *harness) {
		reset(h)
		tx := begin(h)
		defer tx.Close()
		work(h, tx)
		if err := tx.Rollback(h.ctx); err != nil {
			h.Fatal(err)
		}
		kept(h)
	})
	h.sub("close", func(h *harness) {
		reset(h)
		tx := begin(h)
		work(h, tx)
		if err := tx.Close(); err != nil {
			h.Fatal(err)
		}
		kept(h)
	})
	h.sub("rollback after an error", func(h *harness) {
		reset(h)
		tx := begin(h)
		defer tx.Close()
		work(h, tx)
		if err := h.try(tx, warehouse.CreateTableAs{Target: h.rel("bad"), Query: "select nothing from nowhere"}); err == nil {
			h.Fatal("a bad statement succeeded")
		}
		if err := tx.Rollback(h.ctx); err != nil {
			h.Fatal(err)
		}
		kept(h)
	})
	h.sub("rollback with a canceled context", func(h *harness) {
		reset(h)
		tx := begin(h)
		work(h, tx)
		ctx, cancel := context.WithCancel(h.ctx)
		cancel()
		if err := tx.Rollback(ctx); err != nil {
			h.Error(err)
		}
		if err := tx.Close(); err != nil {
			h.Error(err)
		}
		kept(h)
	})
	h.sub("many after each other", func(h *harness) {
		reset(h)
		for range 50 {
			tx := begin(h)
			if err := h.try(tx, warehouse.InsertSelect{Target: h.rel("t"), From: h.rel("t")}); err != nil {
				h.Fatal(err)
			}
			if err := tx.Close(); err != nil {
				h.Fatal(err)
			}
		}
		kept(h)
	})
}

func testCancel(h *harness) {
	for name, run := range map[string]func(context.Context) error{
		"exec": func(ctx context.Context) error {
			_, err := h.conn.Exec(ctx, warehouse.Statement{SQL: "create table " + h.q("slow") + " as " + h.w.Slow})
			return err
		},
		"query": func(ctx context.Context) error {
			r, err := h.conn.Query(ctx, warehouse.Statement{SQL: h.w.Slow})
			if err == nil {
				defer r.Close()
				for r.Next() {
				}
				err = r.Err()
			}
			return err
		},
		"before": func(ctx context.Context) error {
			<-ctx.Done()
			_, err := h.conn.Exec(ctx, warehouse.Statement{SQL: "select 1"})
			return err
		},
	} {
		h.sub(name, func(h *harness) {
			ctx, cancel := context.WithTimeout(h.ctx, 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			err := run(ctx)
			if !errors.Is(err, context.DeadlineExceeded) {
				h.Errorf("error %v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				h.Errorf("took %v to stop", took)
			}
			equal(h, "the connection works on", []string{"1"}, h.rows("select 1"))
			if r, _ := h.inspect(h.conn)(h.rel("slow")); r.Kind != warehouse.None {
				h.Error("a canceled statement left a table")
			}
		})
	}
}

// testErrors: the place of a mistake is found within what the user wrote, whatever the
// operation wraps around it.
func testErrors(h *harness) {
	h.table("t", "1|a")
	src := h.q("t")
	mistakes := []struct{ name, query, token string }{
		{"unknown column", "select id, nmae from " + src, "nmae"},
		{"after unicode", "select 'ünï 🚀' as u, nmae from " + src, "nmae"},
		{"on a later line", "select id -- ü\n, nmae\nfrom " + src, "nmae"},
		{"in a long line", "select '" + strings.Repeat("ä", 1000) + "' as x, nmae from " + src, "nmae"},
		{"unknown function", "select id, no_such_function(id) from " + src, "no_such_function"},
		{"syntax", "select id from " + src + " wher id = 1 )", ""},
		{"stops early", "select id from " + src + " where", ""},
	}
	wraps := map[string]func(string) warehouse.Op{
		"table": func(q string) warehouse.Op { return warehouse.CreateTableAs{Target: h.rel("x"), Query: q} },
		"view":  func(q string) warehouse.Op { return warehouse.CreateViewAs{Target: h.rel("x"), Query: q} },
		"typed table": func(q string) warehouse.Op {
			return warehouse.CreateTableAs{Target: h.rel("x"), Query: q, Columns: []warehouse.Column{{Name: "a", Type: h.w.Types.Text}, {Name: "b", Type: h.w.Types.Text}}}
		},
		"sql": func(q string) warehouse.Op { return warehouse.SQL{Text: q} },
	}
	for _, m := range mistakes {
		for wrap, op := range wraps {
			h.sub(m.name+" in "+wrap, func(h *harness) {
				stmts, err := h.d.Render(op(m.query))
				if err != nil || len(stmts) != 1 {
					h.Fatal(stmts, err)
				}
				s := stmts[0]
				if got := s.SQL[s.BodyStart:s.BodyEnd]; got != m.query {
					h.Fatalf("the body is %q", got)
				}
				_, err = h.conn.Exec(h.ctx, s)
				if err == nil {
					h.Fatal("the mistake went through")
				}
				offset, length, ok := h.d.ErrorAt(s, err)
				if !ok || offset < s.BodyStart || offset > s.BodyEnd {
					h.Fatalf("place %d (%v) is not within the body %d to %d: %v", offset, ok, s.BodyStart, s.BodyEnd, err)
				}
				if got := s.SQL[offset : offset+length]; m.token != "" && got != m.token {
					h.Errorf("the token is %q, want %q", got, m.token)
				}
				e := warehouse.Explain(h.d, err)
				if e.Message == "" || strings.ContainsAny(e.Message, "\n") || strings.HasSuffix(e.Message, ".") || strings.HasSuffix(e.Message, "!") {
					h.Errorf("message %q", e.Message)
				}
			})
		}
	}
	h.sub("no place", func(h *harness) {
		s := warehouse.Statement{SQL: "select 1"}
		if _, _, ok := h.d.ErrorAt(s, errors.New("boom")); ok {
			h.Error("a place for a foreign error")
		}
		if got := warehouse.Explain(h.d, errors.New("boom.\nmore")).Message; got != "boom" {
			h.Errorf("message %q", got)
		}
	})
}

// testRender: no operation is forgotten, and none panics on zero fields.
func testRender(h *harness) {
	for _, op := range []warehouse.Op{
		warehouse.CreateSchema{}, warehouse.CreateTableAs{}, warehouse.CreateTable{}, warehouse.CreateViewAs{}, warehouse.Swap{},
		warehouse.CloneTable{}, warehouse.InsertSelect{}, warehouse.MergeInto{}, warehouse.DeleteMatching{}, warehouse.SyncColumns{},
		warehouse.AddColumns{}, warehouse.DropColumns{}, warehouse.RetypeColumns{}, warehouse.Drop{}, warehouse.Comment{},
		warehouse.InsertValues{}, warehouse.Load{}, warehouse.CloseRows{}, warehouse.SQL{}, warehouse.Require{},
		warehouse.ReplacePartitions{}, warehouse.ReplacePartitions{Columns: []string{"a"}},
	} {
		h.Run(warehouse.OpName(op), func(t *testing.T) {
			_, err := h.d.Render(op)
			if err != nil && strings.Contains(err.Error(), "cannot render") {
				t.Error(err)
			}
			if warehouse.NeedsExpand(op) && err == nil {
				t.Error("an unexpanded operation was rendered")
			}
		})
	}
}
