package warehousetest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Warehouse is what the suite needs to know.
type Warehouse struct {
	// Open connects to a target in which the suite may make and drop schemas. It is called
	// once for every test; Close is the suite's business.
	Open func(t *testing.T) warehouse.Conn
	// Types are the warehouse's names of types, as it reports them.
	Types Types
	// ExactColumns: names of columns that differ in case are different columns.
	ExactColumns bool
	// StrictInsert: a text is not made a number when it is inserted.
	StrictInsert bool
	// KeepsReaders: a relation that a view reads cannot be dropped.
	KeepsReaders bool
	// Enforces: constraints refuse rows that break them.
	Enforces bool
	// Customer opens the database that a customer has of its own; nil where customers have
	// schemas of the target.
	Customer Customer
	// Slow is a query that runs for at least half a minute and yields to cancellation.
	Slow string
}

// Types are names of types, spelled as Inspect spells them.
type Types struct {
	Int, Text, Bool, Float, Numeric, Date, Timestamp, Bytes string // Int has 64 bits, Numeric is decimal(18,3)
	Ints, Texts                                             string // arrays of Int and Text
}

// Exception names a test that a warehouse does not pass, and why. Tests below a name are
// meant, too: «swap» covers «swap/table to view».
type Exception struct{ Test, Reason string }

var suite = []struct {
	name string
	run  func(*harness)
}{
	{"create", testCreate},
	{"names", testNames},
	{"swap", testSwap},
	{"swap readers", testSwapReaders},
	{"swap at once", testSwapAtOnce},
	{"lease", testLease},
	{"insert", testInsert},
	{"merge", testMerge},
	{"delete", testDelete},
	{"replace partitions", testReplacePartitions},
	{"materialized views", testMaterializedViews},
	{"layout", testLayout},
	{"columns", testColumns},
	{"sync columns", testSyncColumns},
	{"close rows", testCloseRows},
	{"require", testRequire},
	{"drop", testDrop},
	{"comments", testComments},
	{"inspect", testInspect},
	{"values", testValues},
	{"words", testWords},
	{"transaction", testTransaction},
	{"cancel", testCancel},
	{"versions", testVersions},
	{"checksum", testChecksum},
	{"errors", testErrors},
	{"render", testRender},
	{"fill", testFill},
	{"release", testRelease},
	{"release former", testReleaseFormer},
	{"release taken", testReleaseTaken},
	{"release foreign", testReleaseForeign},
	{"release readers", testReleaseReaders},
	{"release interrupted", testReleaseInterrupted},
	{"fill canceled", testFillCanceled},
	{"read columns", testReadColumns},
	{"load", testLoad},
	{"load refused", testLoadRefused},
	{"sniff", testSniff},
}

// Run runs the suite.
func Run(t *testing.T, w Warehouse, except ...Exception) {
	for _, s := range suite {
		t.Run(s.name, func(t *testing.T) {
			h := newHarness(t, w, except)
			h.skipExcepted(s.name)
			s.run(h)
		})
	}
	for _, e := range except {
		name, _, _ := strings.Cut(e.Test, "/")
		if !slices.ContainsFunc(suite, func(s struct {
			name string
			run  func(*harness)
		}) bool {
			return s.name == name
		}) {
			t.Errorf("exception for an unknown test %q", e.Test)
		}
	}
}

// harness is one test with its connection and a schema of its own.
type harness struct {
	*testing.T
	w      Warehouse
	except []Exception
	ctx    context.Context
	conn   warehouse.Conn
	d      warehouse.Dialect
	schema string
}

func newHarness(t *testing.T, w Warehouse, except []Exception) *harness {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	conn := w.Open(t)
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	h := &harness{T: t, w: w, except: except, ctx: ctx, conn: conn, d: conn.Dialect(), schema: "suite"}
	h.do(warehouse.CreateSchema{Schema: h.schema})
	return h
}

func (h *harness) skipExcepted(name string) {
	for _, e := range h.except {
		if e.Test == name || strings.HasPrefix(name, e.Test+"/") {
			h.Skipf("%s: %s", h.d.Name(), e.Reason)
		}
	}
}

// sub runs a part of a test on the same connection.
func (h *harness) sub(name string, run func(h *harness)) {
	h.Helper()
	h.Run(name, func(t *testing.T) {
		part := *h
		part.T = t
		_, full, _ := strings.Cut(t.Name(), "/")
		part.skipExcepted(strings.ReplaceAll(full, "_", " "))
		run(&part)
	})
}

func (h *harness) rel(name string) addr.Relation { return addr.Relation{Schema: h.schema, Name: name} }

// q is the quoted name of a relation of the suite's schema.
func (h *harness) q(name string) string { return h.d.Quote(h.rel(name)) }

// inspect reads one relation with all that is known.
func (h *harness) inspect(c warehouse.Conn) func(addr.Relation) (warehouse.Relation, error) {
	return func(r addr.Relation) (warehouse.Relation, error) {
		found, err := c.Inspect(h.ctx, []addr.Relation{r})
		if err != nil || len(found) == 0 {
			return warehouse.Relation{Name: r}, err
		}
		return found[0], nil
	}
}

// probe is the function that Late operations get.
func (h *harness) probe(c warehouse.Conn) func(addr.Relation) (warehouse.Relation, error) {
	return func(r addr.Relation) (warehouse.Relation, error) { return warehouse.Probe(h.ctx, c, r) }
}

// try runs operations in order, as the runner does, and gives the first error.
func (h *harness) try(c warehouse.Conn, ops ...warehouse.Op) error {
	for _, op := range ops {
		steps := []warehouse.Op{op}
		if warehouse.NeedsExpand(op) {
			expanded, err := op.(warehouse.Late).Expand(h.probe(c))
			if err != nil {
				return err
			}
			steps = expanded
		}
		for _, step := range steps {
			if err := h.send(c, step); err != nil {
				return err
			}
		}
	}
	return nil
}

// send does one operation as the runner does: by the connection's own power if it has one,
// otherwise by statements, and a Swap in one transaction where there are transactions.
func (h *harness) send(c warehouse.Conn, op warehouse.Op) error {
	if _, swap := op.(warehouse.Swap); swap && h.d.Caps().TransactionalDDL {
		if _, inTx := c.(warehouse.Tx); !inTx {
			tx, err := warehouse.Begin(h.ctx, c)
			if err != nil {
				return err
			}
			defer tx.Close()
			if err := h.send(tx, op); err != nil {
				return err
			}
			return tx.Commit(h.ctx)
		}
	}
	if p, ok := c.(warehouse.Performer); ok {
		if _, stmt, done, err := p.Perform(h.ctx, op); done || err != nil {
			if err != nil {
				return fmt.Errorf("%s: %s: %w", warehouse.OpName(op), stmt.SQL, err)
			}
			return nil
		}
	}
	stmts, err := h.d.Render(op)
	if err != nil {
		return fmt.Errorf("render %s: %w", warehouse.OpName(op), err)
	}
	return h.exec(c, stmts)
}

func (h *harness) exec(c warehouse.Conn, stmts []warehouse.Statement) error {
	for _, s := range stmts {
		if _, err := c.Exec(h.ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.SQL, err)
		}
	}
	return nil
}

func (h *harness) do(ops ...warehouse.Op) {
	h.Helper()
	if err := h.try(h.conn, ops...); err != nil {
		h.Fatal(err)
	}
}

func (h *harness) fails(ops ...warehouse.Op) error {
	h.Helper()
	err := h.try(h.conn, ops...)
	if err == nil {
		h.Fatalf("%s succeeded", warehouse.Describe(ops[len(ops)-1]))
	}
	return err
}

// values runs a query.
func (h *harness) values(c warehouse.Conn, sql string) ([][]any, error) {
	r, err := c.Query(h.ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out [][]any
	for r.Next() {
		row, err := r.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, r.Err()
}

// rows runs a query and writes every row as text, «1|a|NULL».
func (h *harness) rows(sql string) []string {
	h.Helper()
	found, err := h.values(h.conn, sql)
	if err != nil {
		h.Fatalf("%s: %v", sql, err)
	}
	return lines(found)
}

func lines(rows [][]any) []string {
	var out []string
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, v := range row {
			switch v := v.(type) {
			case nil:
				cells[i] = "NULL"
			case time.Time:
				cells[i] = v.Format("2006-01-02 15:04:05.999999")
			default:
				cells[i] = fmt.Sprint(v)
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

// wantRows compares the rows of a relation, ordered by all columns.
func (h *harness) wantRows(name string, columns string, want ...string) {
	h.Helper()
	got := h.rows("select " + columns + " from " + h.q(name))
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		h.Errorf("rows of %s:\n%s", name, d)
	}
}

// table makes a table with columns id and name from rows «1|a»; an empty name is NULL.
func (h *harness) table(name string, rows ...string) {
	h.Helper()
	op := warehouse.InsertValues{Target: h.rel(name), Columns: []warehouse.Column{{Name: "id", Type: h.w.Types.Int}, {Name: "name", Type: h.w.Types.Text}}}
	for _, r := range rows {
		id, text, _ := strings.Cut(r, "|")
		row := []any{nil, text}
		if id != "NULL" {
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				h.Fatal(err)
			}
			row[0] = n
		}
		op.Rows = append(op.Rows, row)
	}
	h.do(warehouse.Drop{Relation: h.rel(name), Kind: warehouse.Table},
		warehouse.CreateTable{Target: h.rel(name), Columns: op.Columns}, op)
}

func (h *harness) columns(name string) []string {
	h.Helper()
	r, err := h.inspect(h.conn)(h.rel(name))
	if err != nil {
		h.Fatal(err)
	}
	var out []string
	for _, c := range r.Columns {
		out = append(out, c.Name+" "+c.Type)
	}
	return out
}

func equal[T any](h *harness, what string, want, got T) {
	h.Helper()
	if d := cmp.Diff(want, got); d != "" {
		h.Errorf("%s:\n%s", what, d)
	}
}
