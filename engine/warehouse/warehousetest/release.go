package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// shop is a customer that gets releases, with the run that makes them.
type shop struct {
	*harness
	dist     warehouse.Distributor
	workshop addr.Relation
	dir      string
	customer string
	owner    string
}

const shopOwner = "shop on test"

func newShop(h *harness, customer string) *shop {
	h.Helper()
	dist, err := warehouse.Distribute(h.conn)
	if err != nil {
		h.Fatal(err)
	}
	s := &shop{harness: h, dist: dist, dir: h.TempDir(), customer: customer, owner: shopOwner}
	s.workshop, err = dist.Workshop(h.ctx, s.owner, "dw__publish")
	if err != nil {
		h.Fatal(err)
	}
	return s
}

func (s *shop) spec() warehouse.ReleaseSpec {
	return warehouse.ReleaseSpec{Owner: s.owner, Customer: s.customer, Schemas: []string{"dw_" + s.customer, "dl_" + s.customer + "_crm"}, Workshop: s.workshop, Dir: s.dir}
}

func (s *shop) dw(name string) addr.Relation {
	return addr.Relation{Schema: "dw_" + s.customer, Name: name}
}

func (s *shop) dl(name string) addr.Relation {
	return addr.Relation{Schema: "dl_" + s.customer + "_crm", Name: name}
}

func (s *shop) begin() warehouse.Release {
	s.Helper()
	r, err := s.dist.OpenRelease(s.ctx, s.spec())
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// stage makes a table with one column n and as many rows of the value as said.
func (s *shop) stage(r warehouse.Release, final addr.Relation, n, rows int) error {
	query := fmt.Sprintf("select %d as n", n)
	for range rows - 1 {
		query += fmt.Sprintf(" union all select %d", n)
	}
	return s.try(s.conn, warehouse.CreateTableAs{Target: r.Staged(final), Query: query})
}

func (s *shop) handover(n int, p warehouse.Handover) warehouse.Handover {
	p.Run, p.At, p.Contract = fmt.Sprintf("run %d", n), time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC), 3
	return p
}

// release publishes tables with the value n, and views.
func (s *shop) release(n int, p warehouse.Handover) error {
	s.Helper()
	r := s.begin()
	for _, t := range p.Tables {
		if err := s.stage(r, t, n, 1); err != nil {
			s.Fatal(err)
		}
	}
	_, err := r.Publish(s.ctx, s.handover(n, p))
	if cerr := r.Close(s.ctx); cerr != nil {
		s.Errorf("close: %v", cerr)
	}
	return err
}

// view reads a table of the customer's.
func (s *shop) view(name string, of addr.Relation) warehouse.SliceView {
	return warehouse.SliceView{Name: s.dw(name), Query: "select n, n + 1 as m from " + s.d.Quote(of), Barrier: true}
}

// as opens what the customer has.
func (s *shop) as(write bool) warehouse.Conn {
	s.Helper()
	if s.w.Customer == nil {
		return s.conn
	}
	c := s.w.Customer(s.T, s.dir, s.customer, write)
	s.Cleanup(func() { c.Close() })
	return c
}

// reads are rows of a query with one number a column, as the customer finds them.
func (s *shop) reads(c warehouse.Conn, what string, of addr.Relation) string {
	s.Helper()
	rows, err := s.values(c, "select "+what+" from "+s.d.Quote(of))
	if err != nil {
		s.Errorf("read %s: %v", of, err)
		return ""
	}
	return fmt.Sprint(lines(rows))
}

func names(list []warehouse.Relation) string {
	out := []string{}
	for _, r := range list {
		out = append(out, string(r.Kind)+" "+r.Name.String())
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

func (s *shop) wantHave(own, strangers string) {
	s.Helper()
	r := s.begin()
	defer r.Close(s.ctx)
	o, f, err := r.Have(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	equal(s.harness, "own relations", own, names(o))
	equal(s.harness, "relations of strangers", strangers, names(f))
}

// testRelease: what a customer has is what was published last, and nothing else.
func testRelease(h *harness) {
	s := newShop(h, "acme")
	s.wantHave("[]", "[]")
	a, b, c := s.dw("a"), s.dw("b"), s.dl("c")
	if err := s.release(1, warehouse.Handover{Tables: []addr.Relation{a, b, c}, Views: []warehouse.SliceView{s.view("v", b)}}); err != nil {
		h.Fatal(err)
	}
	s.wantHave("[table dl_acme_crm.c table dw_acme.a table dw_acme.b view dw_acme.v]", "[]")
	acme := s.as(false)
	equal(h, "a", "[1]", s.reads(acme, "n", a))
	equal(h, "c", "[1]", s.reads(acme, "n", c))
	equal(h, "v", "[1|2]", s.reads(acme, "n, m", s.dw("v")))
	equal(h, "release", "[run 1|2026-01-02 03:04:01|3|shop on test]", s.reads(acme, "run_id, published_at, contract, owner", s.dw(warehouse.ReleaseTable)))
	released, err := warehouse.ReadReleased(strings.Trim(s.reads(acme, "relations", s.dw(warehouse.ReleaseTable)), "[]"))
	if err != nil || len(released) != 4 || !strings.HasPrefix(released[s.dw("v")], "view") || !strings.HasPrefix(released[c], "table") {
		h.Errorf("the release has %v, %v", released, err)
	}

	// One table anew, one gone, one table a view and the other way round; the rest stays.
	r := s.begin()
	for _, final := range []addr.Relation{a, s.dw("v")} {
		if err := s.stage(r, final, 2, 2); err != nil {
			h.Fatal(err)
		}
	}
	equal(h, "what is published while more is staged", "[1]", s.reads(h.conn, "n", r.Published(a)))
	equal(h, "what is staged", "[2 2]", s.reads(h.conn, "n", r.Staged(a)))
	p := s.handover(2, warehouse.Handover{Tables: []addr.Relation{a, s.dw("v")}, Views: []warehouse.SliceView{s.view("b", a)}, Drop: []warehouse.Relation{{Name: c, Kind: warehouse.Table}}})
	if _, err := r.Publish(h.ctx, p); err != nil {
		h.Fatal(err)
	}
	equal(h, "what is published", "[2 2]", s.reads(h.conn, "n", r.Published(a)))
	if err := r.Close(h.ctx); err != nil {
		h.Fatal(err)
	}
	s.wantHave("[table dw_acme.a table dw_acme.v view dw_acme.b]", "[]")
	acme = s.as(false)
	equal(h, "b", "[2|3 2|3]", s.reads(acme, "n, m", b))
	equal(h, "v", "[2 2]", s.reads(acme, "n", s.dw("v")))

	// What is not named stays, views on it included.
	if err := s.release(3, warehouse.Handover{Tables: []addr.Relation{s.dw("d")}}); err != nil {
		h.Fatal(err)
	}
	s.wantHave("[table dw_acme.a table dw_acme.d table dw_acme.v view dw_acme.b]", "[]")
	acme = s.as(false)
	equal(h, "a", "[2 2]", s.reads(acme, "n", a))
	equal(h, "b", "[2|3 2|3]", s.reads(acme, "n, m", b))

	h.sub("unpublished", func(h *harness) {
		s := *s
		s.harness = h
		r := s.begin()
		if err := s.stage(r, a, 9, 1); err != nil {
			h.Fatal(err)
		}
		staged := r.Staged(a)
		if err := r.Close(h.ctx); err != nil {
			h.Fatal(err)
		}
		if found, err := warehouse.Probe(h.ctx, h.conn, staged); err == nil && found.Kind != warehouse.None {
			h.Errorf("%s is left", staged)
		}
		equal(h, "a", "[2 2]", s.reads(s.as(false), "n", a))
	})
	h.sub("wrong names", func(h *harness) {
		s := *s
		s.harness = h
		for _, p := range []warehouse.Handover{
			{Tables: []addr.Relation{{Schema: "elsewhere", Name: "t"}}},
			{Tables: []addr.Relation{s.dw(warehouse.ReleaseTable)}},
			{Tables: []addr.Relation{s.dw("not_staged")}},
			{Views: []warehouse.SliceView{{Name: s.dw("w"), Query: "select n from " + s.d.Quote(s.dw("no_such"))}}},
		} {
			r := s.begin()
			if _, err := r.Publish(h.ctx, s.handover(8, p)); err == nil {
				h.Errorf("%+v was published", p)
			}
			if err := r.Close(h.ctx); err != nil {
				h.Error(err)
			}
		}
		s.wantHave("[table dw_acme.a table dw_acme.d table dw_acme.v view dw_acme.b]", "[]")
	})
}

// testReleaseFormer: what a customer has in schemas that it shall have no more is found again,
// and the schemas go with it.
func testReleaseFormer(h *harness) {
	s := newShop(h, "former")
	if err := s.release(1, warehouse.Handover{Tables: []addr.Relation{s.dw("a"), s.dl("b")}}); err != nil {
		h.Fatal(err)
	}
	// The customer's schemas are called otherwise from now on.
	spec := s.spec()
	spec.Schemas = []string{"new_former"}
	r, err := s.dist.OpenRelease(h.ctx, spec)
	if err != nil {
		h.Fatal(err)
	}
	own, strangers, err := r.Have(h.ctx)
	if err != nil {
		h.Fatal(err)
	}
	equal(h, "own", "[table dl_former_crm.b table dw_former.a]", names(own))
	equal(h, "strangers", "[]", names(strangers))
	a := addr.Relation{Schema: "new_former", Name: "a"}
	if err := s.stage(r, a, 2, 1); err != nil {
		h.Fatal(err)
	}
	if _, err := r.Publish(h.ctx, s.handover(2, warehouse.Handover{Tables: []addr.Relation{a}, Drop: own})); err != nil {
		h.Fatal(err)
	}
	if own, strangers, err = r.Have(h.ctx); err != nil {
		h.Fatal(err)
	}
	equal(h, "own", "[table new_former.a]", names(own))
	equal(h, "strangers", "[]", names(strangers))
	if err := r.Close(h.ctx); err != nil {
		h.Fatal(err)
	}
	c := s.as(false)
	equal(h, "a", "[2]", s.reads(c, "n", a))
	for _, schema := range []string{"dw_former", "dl_former_crm"} {
		if left, err := c.List(h.ctx, "", schema); err != nil || len(left) > 0 {
			h.Errorf("%s has %v, %v", schema, left, err)
		}
	}
}

// testReleaseTaken: what somebody made under the name of a relation of ours is a stranger's.
func testReleaseTaken(h *harness) {
	s := newShop(h, "taken")
	var foreign *warehouse.ForeignError
	if err := s.release(1, warehouse.Handover{Tables: []addr.Relation{s.dw("a")}, Views: []warehouse.SliceView{s.view("v", s.dw("a"))}}); err != nil {
		h.Fatal(err)
	}
	stranger := s.as(true)
	if err := s.try(stranger, warehouse.Drop{Relation: s.dw("v"), Kind: warehouse.View}, warehouse.CreateTableAs{Target: s.dw("v"), Query: "select 7 as n"}); err != nil {
		h.Fatal(err)
	}
	if s.w.Customer != nil {
		stranger.Close()
	}
	s.wantHave("[table dw_taken.a]", "[table dw_taken.v]")
	if err := s.release(2, warehouse.Handover{Tables: []addr.Relation{s.dw("a")}, Views: []warehouse.SliceView{s.view("v", s.dw("a"))}}); !errors.As(err, &foreign) {
		h.Errorf("their table gives %v", err)
	}
	equal(h, "their table", "[7]", s.reads(s.as(false), "n", s.dw("v")))
}

// testReleaseForeign: what is not the engine's is neither dropped nor written over.
func testReleaseForeign(h *harness) {
	s := newShop(h, "globex")
	a := s.dw("a")
	if err := s.release(1, warehouse.Handover{Tables: []addr.Relation{a}}); err != nil {
		h.Fatal(err)
	}
	var foreign *warehouse.ForeignError
	h.sub("owner", func(h *harness) {
		other := *s
		other.harness, other.owner = h, "another project on test"
		if _, err := other.dist.OpenRelease(h.ctx, other.spec()); !errors.As(err, &foreign) || foreign.Owner == "" {
			h.Errorf("another owner gets %v", err)
		}
	})
	stranger := s.as(true)
	if err := s.try(stranger, warehouse.CreateTableAs{Target: s.dw("theirs"), Query: "select 7 as n"},
		warehouse.CreateViewAs{Target: s.dw("their_view"), Query: "select n from " + s.d.Quote(a)}); err != nil {
		h.Fatal(err)
	}
	if s.w.Customer != nil {
		stranger.Close() // who writes keeps releases away
	}
	s.wantHave("[table dw_globex.a]", "[table dw_globex.theirs view dw_globex.their_view]")
	for _, p := range []warehouse.Handover{
		{Tables: []addr.Relation{s.dw("theirs")}},
		{Views: []warehouse.SliceView{s.view("theirs", a)}},
		{Tables: []addr.Relation{a}, Drop: []warehouse.Relation{{Name: s.dw("theirs"), Kind: warehouse.Table}}},
	} {
		if err := s.release(2, p); !errors.As(err, &foreign) {
			h.Errorf("%+v: %v", p, err)
		}
	}
	if err := s.release(3, warehouse.Handover{Tables: []addr.Relation{a}}); err != nil {
		h.Fatal(err)
	}
	globex := s.as(false)
	equal(h, "their table", "[7]", s.reads(globex, "n", s.dw("theirs")))
	equal(h, "their view", "[3]", s.reads(globex, "n", s.dw("their_view")))
	if s.w.Customer == nil {
		s.foreignSchema(h)
	}
	h.sub("workshop", func(h *harness) {
		if err := s.try(h.conn, warehouse.CreateTableAs{Target: addr.Relation{Database: s.workshop.Database, Schema: s.workshop.Schema, Name: "left"}, Query: "select 1 as n"}); err != nil {
			h.Fatal(err)
		}
		again, err := s.dist.Workshop(h.ctx, shopOwner, "dw__publish")
		if err != nil || again.Schema != s.workshop.Schema {
			h.Fatalf("the workshop is %v then, %v", again, err)
		}
		if left, err := h.conn.List(h.ctx, again.Database, again.Schema); err != nil || len(left) > 0 {
			h.Errorf("the workshop has %v, %v", left, err)
		}
		if err := s.try(h.conn, warehouse.CreateTableAs{Target: addr.Relation{Database: again.Database, Schema: again.Schema, Name: "done"}, Query: "select 1 as n"}); err != nil {
			h.Fatal(err)
		}
		if err := s.dist.CloseWorkshop(h.ctx, again); err != nil {
			h.Fatal(err)
		}
		if left, err := h.conn.List(h.ctx, again.Database, again.Schema); err != nil || len(left) > 0 {
			h.Errorf("the closed workshop has %v, %v", left, err)
		}
		if s.w.Customer != nil {
			return // it is a file beside the target's
		}
		if _, err := s.dist.Workshop(h.ctx, "another", "dw__publish"); !errors.As(err, &foreign) || foreign.Owner == "" {
			h.Errorf("another owner gets %v", err)
		}
	})
}

// foreignSchema: a schema with something in it that has no mark is somebody's.
func (s *shop) foreignSchema(h *harness) {
	h.sub("schema", func(h *harness) {
		var foreign *warehouse.ForeignError
		h.do(warehouse.CreateSchema{Schema: "dw_initech"}, warehouse.CreateTableAs{Target: addr.Relation{Schema: "dw_initech", Name: "t"}, Query: "select 1 as n"})
		spec := s.spec()
		spec.Customer, spec.Schemas = "initech", []string{"dw_initech"}
		if _, err := s.dist.OpenRelease(h.ctx, spec); !errors.As(err, &foreign) || foreign.Owner != "" {
			h.Errorf("a schema of others gives %v", err)
		}
	})
}

// testReleaseReaders: who reads several relations at once finds those of one release.
func testReleaseReaders(h *harness) {
	const releases = 20
	s := newShop(h, "acme")
	a, b := s.dw("a"), s.dl("b")
	p := warehouse.Handover{Tables: []addr.Relation{a, b}, Views: []warehouse.SliceView{s.view("v", a)}}
	if err := s.release(1, p); err != nil {
		h.Fatal(err)
	}
	var done atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	query := fmt.Sprintf("select (select count(*) from %[1]s), (select max(n) from %[1]s), (select count(*) from %[2]s), (select max(n) from %[2]s), (select max(n) from %[3]s), (select max(run_id) from %[4]s)",
		h.d.Quote(a), h.d.Quote(b), h.d.Quote(s.dw("v")), h.d.Quote(s.dw(warehouse.ReleaseTable)))
	for range 2 {
		readers.Go(func() {
			for !done.Load() {
				c := h.conn
				if h.w.Customer != nil {
					c = h.w.Customer(h.T, s.dir, s.customer, false)
				}
				got, err := h.values(c, query)
				if h.w.Customer != nil {
					c.Close()
				}
				if err != nil {
					h.Errorf("read: %v", err)
					return
				}
				row := got[0]
				if row[0] != int64(1) || row[2] != int64(1) || fmt.Sprint(row[1]) != fmt.Sprint(row[3]) || fmt.Sprint(row[1]) != fmt.Sprint(row[4]) || fmt.Sprint(row[5]) != fmt.Sprintf("run %v", row[1]) {
					h.Errorf("a mixture: %v", row)
				}
				reads.Add(1)
			}
		})
	}
	for n := range releases {
		before := reads.Load()
		if err := s.release(n+2, p); err != nil {
			h.Errorf("release %d: %v", n+2, err)
			break
		}
		for end := time.Now().Add(time.Second); reads.Load() == before && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	done.Store(true)
	readers.Wait()
	if reads.Load() < releases/2 {
		h.Errorf("only %d reads", reads.Load())
	}
}

// testReleaseInterrupted: a publication that is stopped at any moment has happened wholly or
// not at all, and the next one succeeds.
func testReleaseInterrupted(h *harness) {
	const moments = 40
	s := newShop(h, "acme")
	a, b := s.dw("a"), s.dl("b")
	p := warehouse.Handover{Tables: []addr.Relation{a, b}, Views: []warehouse.SliceView{s.view("v", b)}}
	if err := s.release(1, p); err != nil {
		h.Fatal(err)
	}
	var whole time.Duration // of a publication that nobody stops
	old, published := 0, 0
	for n := range moments {
		r := s.begin()
		for _, t := range p.Tables {
			if err := s.stage(r, t, n+1, 1); err != nil {
				h.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(h.ctx)
		timer := time.AfterFunc(time.Minute, cancel)
		if n > 0 {
			timer.Reset(whole * time.Duration(n-1) / moments)
		}
		start := time.Now()
		_, err := r.Publish(ctx, s.handover(n+1, p))
		if n == 0 {
			whole = time.Since(start)
		}
		timer.Stop()
		cancel()
		if cerr := r.Close(h.ctx); cerr != nil {
			h.Errorf("moment %d: close: %v", n, cerr)
		}
		c := h.conn
		if h.w.Customer != nil {
			c = h.w.Customer(h.T, s.dir, s.customer, false)
		}
		rows, rerr := h.values(c, fmt.Sprintf("select (select max(n) from %s), (select max(n) from %s), (select max(n) from %s), (select max(run_id) from %s)",
			h.d.Quote(a), h.d.Quote(b), h.d.Quote(s.dw("v")), h.d.Quote(s.dw(warehouse.ReleaseTable))))
		if h.w.Customer != nil {
			c.Close()
		}
		if rerr != nil {
			h.Fatalf("moment %d (%v): %v", n, err, rerr)
		}
		row := rows[0]
		if fmt.Sprint(row[0]) != fmt.Sprint(row[1]) || fmt.Sprint(row[0]) != fmt.Sprint(row[2]) || fmt.Sprint(row[3]) != fmt.Sprintf("run %v", row[0]) {
			h.Errorf("moment %d (%v): a mixture: %v", n, err, row)
		}
		switch is := fmt.Sprint(row[0]) == fmt.Sprint(n+1); {
		case is:
			published++
		case err == nil:
			h.Errorf("moment %d: published without effect: %v", n, row)
		default:
			old++
		}
	}
	if old == 0 {
		h.Error("no publication was stopped")
	}
	h.Logf("%d stopped, %d published", old, published)
	if err := s.release(1000, p); err != nil {
		h.Fatal(err)
	}
	equal(h, "a", "[1000]", s.reads(s.as(false), "n", a))
}

// Customer opens what a customer has where that is not the target itself; see Warehouse.
type Customer func(t testing.TB, dir, customer string, write bool) warehouse.Conn
