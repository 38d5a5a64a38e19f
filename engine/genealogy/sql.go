package genealogy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Names that closeInSQL needs, in the order of CloseEdges.Scratch.
const (
	scratchEdges = iota
	scratchNodes
	scratchWalk
	scratchStep
	scratchNext
	// Scratches is how many names CloseEdges.Scratch must hold for the method sql.
	Scratches
)

// closeInSQL has the warehouse do the work: all paths of one edge, then of two, and so on,
// until there are none. Each step is one statement, so the longest path decides how many
// there are. What it cannot do is to see the members of a cycle as one: a thing that is its
// own ancestor is an error.
func closeInSQL(ctx context.Context, c warehouse.Conn, op warehouse.CloseEdges) (Report, error) {
	if len(op.Scratch) != Scratches {
		return Report{}, fmt.Errorf("close %s in SQL: %d scratch tables, not %d", op.From, len(op.Scratch), Scratches)
	}
	s := &steps{ctx: ctx, c: c, d: c.Dialect(), op: op}
	defer s.drop()
	report, err := s.run()
	return report, err
}

type steps struct {
	ctx context.Context
	c   warehouse.Conn
	d   warehouse.Dialect
	op  warehouse.CloseEdges
}

func (s *steps) quote(i int) string { return s.d.Quote(s.op.Scratch[i]) }

// make makes a table from a query.
func (s *steps) make(target addr.Relation, query string) error {
	return s.do(warehouse.CreateTableAs{Target: target, Query: query})
}

func (s *steps) do(op warehouse.Op) error {
	stmts, err := s.d.Render(op)
	if err != nil {
		return fmt.Errorf("render %s: %w", warehouse.Describe(op), err)
	}
	for _, stmt := range stmts {
		if _, err := s.c.Exec(s.ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

func (s *steps) count(query string) (int64, error) {
	n := int64(0)
	err := each(s.ctx, s.c, query, func(v []any) error {
		n, _ = v[0].(int64)
		return nil
	})
	return n, err
}

// drop removes the tables in between. What stays behind is an orphan that the next build
// removes, so an error is none.
func (s *steps) drop() {
	for _, rel := range s.op.Scratch {
		ctx := s.ctx
		if ctx.Err() != nil {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			defer stop()
		}
		s := &steps{ctx: ctx, c: s.c, d: s.d, op: s.op}
		_ = s.do(warehouse.Drop{Relation: rel, Kind: warehouse.Table})
	}
}

func (s *steps) run() (Report, error) {
	cl, d := s.op.Closure, s.d
	report := Report{Affected: -1}
	parent, child := d.Ident(cl.Parent), d.Ident(cl.Child)
	from := d.Quote(s.op.From)
	real := parent + " is not null and " + child + " is not null"
	share := ""
	switch {
	case cl.Ratio != "":
		share = d.Ident(cl.Ratio)
	case cl.Quantity != "":
		amount, over := d.Ident(cl.Quantity), " over (partition by "+parent+")"
		total := "case when count(*)" + over + " = count(" + amount + ")" + over + " then sum(" + amount + ")" + over + " end"
		if cl.Total != "" {
			total = "max(" + d.Ident(cl.Total) + ") over (partition by " + parent + ")"
		}
		share = "(" + d.Words().Cast(d.Ident(cl.Quantity), s.floatType()) + " / nullif(" + d.Words().Cast(total, s.floatType()) + ", 0))"
	}
	edges := "select " + parent + " as p, " + child + " as c"
	if share != "" {
		edges += ", " + share + " as s"
	}
	edges += " from " + from + " where " + real
	edges = "select p, c" + when(share != "", ", "+s.knownSum("s")+" as s") + " from (" + edges + ") as e where p <> c group by p, c"
	if err := s.make(s.op.Scratch[scratchEdges], edges); err != nil {
		return report, err
	}
	switch {
	case cl.Partition == "" && cl.Result == warehouse.Things:
		nodes := "select n from (\nselect " + child + " as n from " + from + " where " + real + "\nunion all select " + parent + " from " + from + " where " + real + "\n) as u group by n"
		if err := s.make(s.op.Scratch[scratchNodes], nodes); err != nil {
			return report, err
		}
	case cl.Partition != "":
		part := d.Ident(cl.Partition)
		nodes := "select n, min(q) as q from (\nselect " + child + " as n, " + part + " as q from " + from + " where " + real +
			"\nunion all select " + parent + ", " + part + " from " + from + " as e where " + real + " and not exists (select 1 from " + from + " as o where o." + child + " = e." + parent + " and o." + parent + " is not null)\n) as u group by n"
		if err := s.make(s.op.Scratch[scratchNodes], nodes); err != nil {
			return report, err
		}
	}
	first := "select p as a, c as d, 1 as k" + when(cl.Paths, ", "+d.Words().Cast("1", s.floatType())+" as w") + when(share != "", ", s as f") + " from " + s.quote(scratchEdges)
	if err := s.make(s.op.Scratch[scratchWalk], first); err != nil {
		return report, err
	}
	if err := s.make(s.op.Scratch[scratchStep], "select * from "+s.quote(scratchWalk)); err != nil {
		return report, err
	}
	last, next := scratchStep, scratchNext
	for k := 2; cl.MaxDepth == 0 || k <= cl.MaxDepth; k++ {
		step := fmt.Sprintf("select l.a, e.c as d, %d as k", k) + when(cl.Paths, ", sum(l.w) as w") + when(share != "", ", "+s.knownSum("l.f * e.s")+" as f") +
			"\nfrom " + s.quote(last) + " as l join " + s.quote(scratchEdges) + " as e on e.p = l.d group by l.a, e.c"
		if err := s.make(s.op.Scratch[next], step); err != nil {
			return report, err
		}
		if err := s.circle(next); err != nil {
			return report, err
		}
		rows, err := s.count("select count(*) from " + s.quote(next))
		if err != nil {
			return report, err
		}
		if rows > 0 {
			if err := s.do(warehouse.InsertSelect{Target: s.op.Scratch[scratchWalk], From: s.op.Scratch[next], Columns: s.columns(share != "")}); err != nil {
				return report, err
			}
		}
		if err := s.do(warehouse.Drop{Relation: s.op.Scratch[last], Kind: warehouse.Table}); err != nil {
			return report, err
		}
		last, next = next, last
		if rows == 0 {
			break
		}
	}
	if cl.Result == warehouse.Things {
		return s.finishThings(report)
	}
	return s.finish(report, share != "")
}

func when(cond bool, text string) string {
	if cond {
		return text
	}
	return ""
}

// knownSum is a sum that is unknown when one of its parts is, as that of the engine.
func (s *steps) knownSum(expr string) string {
	return "case when count(*) = count(" + expr + ") then sum(" + expr + ") end"
}

func (s *steps) columns(share bool) []string {
	out := []string{"a", "d", "k"}
	if s.op.Closure.Paths {
		out = append(out, "w")
	}
	if share {
		out = append(out, "f")
	}
	return out
}

// circle finds things that are their own ancestors.
func (s *steps) circle(step int) error {
	found := &CycleError{Cycles: []Cycle{{}}}
	err := each(s.ctx, s.c, "select distinct "+s.d.Words().Cast("a", s.d.Words().Text())+" as a from "+s.quote(step)+" where a = d order by a", func(v []any) error {
		text, _ := v[0].(string)
		of := &found.Cycles[0]
		if of.Size++; of.Size <= shownMembers {
			of.Members = append(of.Members, text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if found.Cycles[0].Size > 0 {
		found.Rounds = 1
		return found
	}
	return nil
}

// finish joins the steps into the result.
func (s *steps) finish(report Report, share bool) (Report, error) {
	cl, d := s.op.Closure, s.d
	group := []string{"w.a", "w.d"}
	items := []string{"w.a as " + d.Ident(warehouse.AncestorID), "w.d as " + d.Ident(warehouse.DescendantID)}
	from := s.quote(scratchWalk) + " as w"
	if cl.Partition != "" {
		items = append(items, "n.q as "+d.Ident(cl.Partition))
		group = append(group, "n.q")
		from += " join " + s.quote(scratchNodes) + " as n on n.n = w.d"
	}
	items = append(items, "min(w.k) as "+d.Ident(warehouse.MinDepth), "max(w.k) as "+d.Ident(warehouse.MaxDepth), d.Literal(false)+" as "+d.Ident(warehouse.InCycle))
	if cl.Paths {
		items = append(items, "sum(w.w) as "+d.Ident(warehouse.PathCount))
	}
	if share {
		items = append(items, s.knownSum("w.f")+" as "+d.Ident(warehouse.Share), "max(case when w.k = 1 then w.f end) as "+d.Ident(warehouse.DirectShare))
	}
	query := "select " + strings.Join(items, ", ") + "\nfrom " + from + "\ngroup by " + strings.Join(group, ", ")
	if err := s.within(); err != nil {
		return report, err
	}
	return s.result(report, query)
}

// within counts the pairs.
func (s *steps) within() error {
	limit := s.op.Closure.MaxPairs
	if limit == 0 {
		return nil
	}
	rows, err := s.count("select count(*) from (select distinct a, d from " + s.quote(scratchWalk) + ") as w")
	if err != nil {
		return err
	}
	if rows > limit {
		return &TooManyError{Pairs: rows, Limit: limit}
	}
	return nil
}

// result makes the target from a query.
func (s *steps) result(report Report, query string) (Report, error) {
	stmts, err := s.d.Render(warehouse.CreateTableAs{Target: s.op.Target, Query: query, Columns: s.op.Columns, Layout: s.op.Layout})
	if err != nil {
		return report, err
	}
	for _, stmt := range stmts {
		stats, err := s.c.Exec(s.ctx, stmt)
		if err != nil {
			return report, err
		}
		report.Stats = stats
	}
	rows, err := s.count("select count(*) from " + s.quote(scratchEdges))
	report.Edges = int(rows)
	return report, err
}

// finishThings gathers the lists of every thing.
func (s *steps) finishThings(report Report) (Report, error) {
	if err := s.within(); err != nil {
		return report, err
	}
	cl, d := s.op.Closure, s.d
	// What is left of the steps makes room for the pairs.
	for _, i := range []int{scratchStep, scratchNext} {
		if err := s.do(warehouse.Drop{Relation: s.op.Scratch[i], Kind: warehouse.Table}); err != nil {
			return report, err
		}
	}
	if err := s.make(s.op.Scratch[scratchStep], "select a, d, min(k) as m, max(k) as x from "+s.quote(scratchWalk)+" group by a, d"); err != nil {
		return report, err
	}
	byBytes, err := s.byBytes()
	if err != nil {
		return report, err
	}
	// list is a query of the lists of one side: near holds the thing, far those listed.
	list := func(near, far, from string) string {
		return "(select p." + near + " as t, array_agg(p." + far + " order by p.m, " + byBytes("p."+far) + ") as ids, count(*) as c, max(p.x) as x from " + from + " group by p." + near + ")"
	}
	pairs := s.quote(scratchStep) + " as p"
	// ends are the pairs whose far end has nothing beyond it.
	ends := func(far, end string) string {
		return pairs + " left join (select distinct " + end + " as n from " + s.quote(scratchEdges) + ") as o on o.n = p." + far + " where o.n is null"
	}
	typ := func(name string) string {
		i := slices.IndexFunc(s.op.Columns, func(c warehouse.Column) bool { return c.Name == name })
		if i < 0 {
			return ""
		}
		return s.op.Columns[i].Type
	}
	items := []string{"n.n as " + d.Ident(warehouse.ThingID)}
	if cl.Partition != "" {
		items = append(items, "n.q as "+d.Ident(cl.Partition))
	}
	sides := []struct{ name, from, ids, count string }{
		{"up", list("d", "a", pairs), warehouse.AncestorIDs, warehouse.AncestorCount},
		{"dn", list("a", "d", pairs), warehouse.DescendantIDs, warehouse.DescendantCount},
		{"rt", list("d", "a", ends("a", "c")), warehouse.RootIDs, warehouse.RootCount},
		{"lf", list("a", "d", ends("d", "p")), warehouse.LeafIDs, warehouse.LeafCount},
	}
	from := s.quote(scratchNodes) + " as n"
	for _, side := range sides {
		from += "\nleft join " + side.from + " as " + side.name + " on " + side.name + ".t = n.n"
		items = append(items, "coalesce("+side.name+".ids, "+d.Words().Cast("array[]", typ(side.ids))+") as "+d.Ident(side.ids))
	}
	for _, side := range sides {
		items = append(items, "coalesce("+side.name+".c, 0) as "+d.Ident(side.count))
	}
	items = append(items,
		"coalesce(up.x, 0) as "+d.Ident(warehouse.Depth), "coalesce(dn.x, 0) as "+d.Ident(warehouse.Height),
		"up.t is null as "+d.Ident(warehouse.IsRoot), "dn.t is null as "+d.Ident(warehouse.IsLeaf),
		d.Literal(false)+" as "+d.Ident(warehouse.InCycle))
	return s.result(report, "select "+strings.Join(items, ", ")+"\nfrom "+from)
}

// byBytes says how keys are ordered as the engine orders them: texts by their bytes.
func (s *steps) byBytes() (func(string) string, error) {
	same := func(expr string) string { return expr }
	dialect, ok := s.d.(warehouse.Bytewise)
	if !ok {
		return same, nil
	}
	texts := false
	err := each(s.ctx, s.c, "select n from "+s.quote(scratchNodes)+" limit 1", func(v []any) error {
		_, texts = v[0].(string)
		return nil
	})
	if texts {
		return dialect.OrderedByBytes, err
	}
	return same, err
}

// floatType is the type of a double in the result, or the dialect's text for one.
func (s *steps) floatType() string {
	names := []string{warehouse.PathCount, warehouse.Share}
	i := slices.IndexFunc(s.op.Columns, func(c warehouse.Column) bool { return slices.Contains(names, c.Name) })
	if i < 0 {
		return "double precision" // not reached: only shares and paths ask
	}
	return s.op.Columns[i].Type
}
