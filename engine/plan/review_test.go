package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
)

// query is a model of the tests: columns «name type hash reads…», where reads are
// «parent.column» and «parent.*»; rows are «hash reads…».
type query struct {
	name         string
	materialized string
	text         string
	rows         string
	columns      []string
	parents      []string
	unique       [][]string
	blind        bool // it is not analyzed
	incremental  string
	config       func(*compile.Config)
	constraints  []warehouse.Constraint
	relation     string
	docs         string // what is said of it in the warehouse
	typed        string // types of what it reads, for the fingerprint
}

func readings(words []string) map[addr.Node]compile.Reading {
	out := map[addr.Node]compile.Reading{}
	for _, w := range words {
		p, c, _ := strings.Cut(w, ".")
		id := addr.Node{Kind: addr.Model, Name: p}
		r := out[id]
		switch c {
		case "*":
			r.All = true
		case "":
		default:
			r.Columns = append(r.Columns, c)
			slices.Sort(r.Columns)
			r.Columns = slices.Compact(r.Columns)
		}
		out[id] = r
	}
	return out
}

func (q query) node() *compile.Node {
	rel := q.relation
	if rel == "" {
		rel = q.name
	}
	id := addr.Node{Kind: addr.Model, Name: q.name}
	file := source.NewFile("models/"+q.name+".sql", []byte(q.text))
	m := &source.Map{}
	m.Append(source.Segment{End: len(q.text), Src: file.Whole(), Verbatim: true})
	n := &compile.Node{
		ID: id, Path: file.Path, File: file, Relation: addr.Relation{Schema: "dev", Name: rel}, Dialect: "googlesql", Text: q.text, TextMap: m,
		Config: compile.Config{Materialized: q.materialized}, IncrementalText: q.incremental, IncrementalTextMap: m, Constraints: q.constraints,
	}
	if n.Config.Materialized == "" {
		n.Config.Materialized = "table"
	}
	if q.config != nil {
		q.config(&n.Config)
	}
	for _, p := range q.parents {
		n.Parents = append(n.Parents, addr.Node{Kind: addr.Model, Name: p})
	}
	f := &compile.Facets{Columns: map[string]compile.Facet{}}
	words := strings.Fields(q.rows)
	if len(words) > 0 {
		f.Rows = compile.Facet{Hash: words[0], Reads: readings(words[1:])}
	}
	all := words[min(1, len(words)):]
	for _, c := range q.columns {
		w := strings.Fields(c)
		n.Columns = append(n.Columns, compile.Column{Name: w[0], Type: w[1]})
		f.Columns[strings.ToLower(w[0])] = compile.Facet{Hash: w[2], Reads: readings(w[3:])}
		all = append(all, w[3:]...)
	}
	if q.blind {
		n.Unanalyzed = "it is native SQL"
	} else {
		n.Facets, n.Reads = compile.Given(f), readings(all)
	}
	n.Description, n.Config.PersistDocs = q.docs, q.docs != ""
	n.Fingerprint = fmt.Sprintf("%x", fmt.Sprint(q.text, q.typed, q.docs, q.incremental, q.materialized, rel, n.Config.UniqueKey, n.Config.PostHooks, q.constraints))
	if l := n.Config.Layout.For(warehouse.Table, bigquery.Dialect{}.Caps()); l != nil {
		n.Fingerprint += fmt.Sprintf("-%x", fmt.Sprint(*l))
	}
	return n
}

func program(queries []query) *compile.Program {
	p := &compile.Program{Project: &project.Project{}, Target: compile.Target{Name: "dev", Schema: "dev", Dialect: bigquery.Dialect{}}, Nodes: map[addr.Node]*compile.Node{}}
	for _, q := range queries {
		n := q.node()
		p.Nodes[n.ID] = n
		p.Order = append(p.Order, n.ID)
	}
	return p
}

// built is what a warehouse knows after queries were built.
func built(queries []query) (state.Snapshot, map[addr.Node]*state.Definition) {
	p := program(queries)
	s := state.Snapshot{Nodes: map[addr.Node]state.Record{}, Relations: map[addr.Relation]warehouse.Relation{}}
	ds := map[addr.Node]*state.Definition{}
	for i, id := range p.Order {
		n, d := p.Nodes[id], define(p, queries, i)
		ds[id] = d
		s.Nodes[id] = state.Record{Node: id, Relation: n.Relation, Kind: n.Kind(), Materialized: n.Config.Materialized, Fingerprint: n.Fingerprint, Version: "run1", Definition: d.ID(), Rows: 7, Bytes: -1, At: time.Unix(0, 0).UTC()}
		rel := warehouse.Relation{Name: n.Relation, Kind: n.Kind()}
		for _, c := range n.Columns {
			rel.Columns = append(rel.Columns, warehouse.Column{Name: c.Name, Type: c.Type})
		}
		s.Relations[n.Relation] = rel
	}
	return s, ds
}

// define is what query i is built from, with its grain.
func define(p *compile.Program, queries []query, i int) *state.Definition {
	d := state.DefinitionOf(p.Nodes[p.Order[i]], bigquery.Dialect{}.Caps(), nil)
	d.Unique = queries[i].unique
	return d
}

// say is a review in one line per change.
func say(r *Review) string {
	var b strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "%s %s %s", c.Node.Name, c.How, c.Class)
		if len(c.Because) > 0 {
			fmt.Fprintf(&b, " because %s", join(c.Because))
		}
		if c.Rows {
			b.WriteString(" rows")
		}
		if c.Unknown != "" {
			b.WriteString(" unknown")
		}
		for _, col := range c.Columns {
			fmt.Fprintf(&b, "; %s %s", col.Verb, col.Name)
			if col.From+col.To != "" {
				fmt.Fprintf(&b, " %s>%s", col.From, col.To)
			}
			if col.Policy != "" {
				b.WriteString(" " + col.Policy)
			}
			b.WriteString(sayReaders(col.Readers))
		}
		for _, g := range c.Grain {
			fmt.Fprintf(&b, "; not unique by %s", strings.Join(g, "+"))
		}
		for _, p := range c.Promises {
			fmt.Fprintf(&b, "; promise %s>%s", p.From, p.To)
		}
		for _, s := range slices.Concat(c.Config, c.Storage) {
			fmt.Fprintf(&b, "; %s", s.Key)
		}
		b.WriteString(sayReaders(c.Readers))
		if !c.Renamed.IsZero() {
			b.WriteString("; was " + c.Renamed.Name)
		}
		b.WriteByte('\n')
	}
	for _, g := range r.Removed {
		fmt.Fprintf(&b, "removed %s %s", g.Kind, g.Node.Name)
		if !g.Renamed.IsZero() {
			b.WriteString(" now " + g.Renamed.Name)
		}
		b.WriteByte('\n')
	}
	if len(r.Spared) > 0 {
		b.WriteString("spared " + join(r.Spared) + "\n")
	}
	if len(r.Behind) > 0 {
		b.WriteString("behind " + join(r.Behind) + "\n")
	}
	return b.String()
}

func sayReaders(list []Reader) string {
	var b strings.Builder
	for _, x := range list {
		b.WriteString(" <" + x.Node.Name)
		if x.Column != "" {
			b.WriteString("." + x.Column)
		}
		if x.Before {
			b.WriteString(" before")
		}
		if x.Whole {
			b.WriteString(" whole")
		}
		if x.Where != "" {
			b.WriteString(" " + x.Where)
		}
		b.WriteString(">")
	}
	return b.String()
}

func join(ids []addr.Node) string {
	var names []string
	for _, id := range ids {
		names = append(names, id.Name)
	}
	return strings.Join(names, ",")
}

// orders is what most cases begin with.
func orders() query {
	return query{name: "orders", text: "select\n  id,\n  amount,\n  state\nfrom raw\n", rows: "r1", columns: []string{"id INT64 h1", "amount FLOAT64 h2", "state STRING h3"}, unique: [][]string{{"id"}}}
}

// report reads amount and state of orders.
func report() query {
	return query{
		name: "report", text: "select state,\n  sum(amount) as total\nfrom orders group by state\n", rows: "q1 orders.state", parents: []string{"orders"},
		columns: []string{"state STRING g1 orders.state", "total FLOAT64 g2 orders.amount"}, unique: [][]string{{"state"}},
	}
}

func with(q query, change func(*query)) query {
	q.columns, q.unique = slices.Clone(q.columns), slices.Clone(q.unique)
	change(&q)
	return q
}

func ignoring(q query) query {
	q.config = func(c *compile.Config) { c.OnSchemaChange = "ignore" }
	return q
}

func TestReview(t *testing.T) {
	count := query{name: "count", text: "select count(*) as n from orders", rows: "c1 orders", parents: []string{"orders"}, columns: []string{"n INT64 k1 orders"}}
	ids := query{name: "ids", text: "select id from orders", rows: "i1 orders", parents: []string{"orders"}, columns: []string{"id INT64 j1 orders.id"}}
	star := query{name: "star", text: "select * from orders", rows: "s1 orders", parents: []string{"orders"}, columns: []string{"id INT64 t1 orders.id", "amount FLOAT64 t2 orders.amount", "state STRING t3 orders.state"}}
	native := query{name: "native", text: "select x from orders", blind: true, parents: []string{"orders"}, columns: []string{"x INT64 -"}}
	events := query{name: "events", materialized: "incremental", text: "select id, at from raw", incremental: "select id, at from raw where at > 1", rows: "e1", columns: []string{"id INT64 a1", "at TIMESTAMP a2"}}
	for _, c := range []struct {
		name     string
		was, now []query
		updates  []string // built in place
		kept     []string // not part of the plan
		blind    []string // their definitions are not known
		forced   bool     // all is built, whatever changed
		want     string
	}{
		{name: "first build", now: []query{orders(), report()}, want: "orders added \nreport added \n"},
		{name: "new model", was: []query{orders()}, now: []query{orders(), report()}, kept: []string{"orders"}, want: "report added \n"},
		{name: "column added", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, amount, state, net from raw"
			q.columns = append(q.columns, "net FLOAT64 h4")
		}), report()}, kept: []string{"report"}, want: "orders direct additive; added net >FLOAT64\nspared report\n"},
		{name: "column removed that nobody reads", was: []query{orders(), ids}, now: []query{with(orders(), func(q *query) { q.text = "select id, amount from raw"; q.columns = q.columns[:2] }), ids}, kept: []string{"ids"},
			want: "orders direct breaking; removed state STRING>\nspared ids\n"},
		{name: "column removed and its reader adapted", was: []query{orders(), report()},
			now: []query{with(orders(), func(q *query) { q.text = "select id, amount from raw"; q.columns = q.columns[:2] }), with(report(), func(q *query) {
				q.text, q.rows, q.columns, q.unique = "select sum(amount) as total from orders", "q2 orders", []string{"total FLOAT64 g3 orders.amount"}, [][]string{{}}
			})},
			want: "orders direct breaking; removed state STRING> <report.state before models/report.sql> <report before models/report.sql>\nreport direct breaking rows; removed state STRING>; expression total\n"},
		{name: "column renamed", was: []query{orders()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, amount as net, state from raw"
			q.columns[1] = "net FLOAT64 h2"
		})},
			want: "orders direct breaking; renamed net amount>\n"},
		{name: "key renamed, rows stay unique", was: []query{orders()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id as order_id, amount, state from raw"
			q.columns[0] = "order_id INT64 h1"
			q.unique = [][]string{{"order_id"}}
		})}, want: "orders direct breaking; renamed order_id id>\n"},
		{name: "two columns of one expression are not renamed", was: []query{orders()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, amount as a, amount as b, state from raw"
			q.columns = []string{"id INT64 h1", "a FLOAT64 h2", "b FLOAT64 h2", "state STRING h3"}
		})}, want: "orders direct breaking; removed amount FLOAT64>; added a >FLOAT64; added b >FLOAT64\n"},
		{name: "column retyped", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, cast(amount as int64) as amount, state from raw"
			q.columns[1] = "amount INT64 h9"
		}), report()},
			want: "orders direct breaking; retyped amount FLOAT64>INT64 <report.total models/report.sql:2>\nreport indirect values because orders; input total\n"},
		{name: "reader of a retyped column has another type, too", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, cast(amount as int64) as amount, state from raw"
			q.columns[1] = "amount INT64 h9"
		}), with(report(), func(q *query) { q.columns[1], q.typed = "total INT64 g9 orders.amount", "amount INT64" })},
			want: "orders direct breaking; retyped amount FLOAT64>INT64 <report.total models/report.sql:2>\nreport indirect breaking because orders; retyped total FLOAT64>INT64\n"},
		{name: "retyped column decides rows of a reader", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, amount, state = 1 as state from raw"
			q.columns[2] = "state BOOL h9"
		}), report()},
			want: "orders direct breaking; retyped state STRING>BOOL <report.state models/report.sql:1> <report models/report.sql:1>\nreport indirect values because orders rows; input state\n"},
		{name: "expression changed", was: []query{orders(), report(), ids}, now: []query{with(orders(), func(q *query) {
			q.text = "select id, amount * 2 as amount, state from raw"
			q.columns[1] = "amount FLOAT64 h9"
		}), report(), ids}, kept: []string{"ids"},
			want: "orders direct values; expression amount\nreport indirect values because orders; input total\nspared ids\n"},
		{name: "filter changed", was: []query{orders(), report(), count}, now: []query{with(orders(), func(q *query) { q.text += "where id > 1"; q.rows = "r2" }), report(), count},
			want: "orders direct values rows\nreport indirect values because orders rows\ncount indirect values because orders rows\n"},
		{name: "column order changed", was: []query{orders()}, now: []query{with(orders(), func(q *query) {
			q.text = "select amount, id, state from raw"
			q.columns[0], q.columns[1] = q.columns[1], q.columns[0]
		})}, want: "orders direct metadata\n"},
		{name: "written in another way", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.text = "with a as (select * from raw) select id, amount, state from a" })}, want: "orders direct metadata\n"},
		{name: "no longer unique", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.text = "select o.* from raw o join x using (y)"; q.rows = "r9"; q.unique = nil })},
			want: "orders direct breaking rows; not unique by id\n"},
		{name: "coarser grain keeps what was unique", was: []query{with(orders(), func(q *query) { q.unique = [][]string{{"id", "state"}} })}, now: []query{with(orders(), func(q *query) { q.text += " group by id"; q.rows = "r2" })},
			want: "orders direct values rows\n"},
		{name: "one row at most becomes many", was: []query{with(orders(), func(q *query) { q.unique = [][]string{{}} })}, now: []query{with(orders(), func(q *query) { q.text += "--"; q.rows = "r2" })},
			want: "orders direct breaking rows; not unique by \n"},
		{name: "promise taken back", was: []query{with(orders(), func(q *query) {
			q.constraints = []warehouse.Constraint{{Type: "not_null", Columns: []string{"id"}}}
		}), report()}, now: []query{orders(), report()}, kept: []string{"report"},
			want: "orders direct breaking; promise not_null (id)> <report models/report.sql>\n"},
		{name: "promise given", was: []query{orders()}, now: []query{with(orders(), func(q *query) {
			q.constraints = []warehouse.Constraint{{Type: "not_null", Columns: []string{"id"}}}
		})},
			want: "orders direct metadata; promise >not_null (id)\n"},
		{name: "view becomes a table", was: []query{with(orders(), func(q *query) { q.materialized = "view" }), report()}, now: []query{with(orders(), func(q *query) { q.materialized = "table" }), report()}, kept: []string{"report"},
			want: "orders direct metadata; materialized\n"},
		{name: "incremental becomes a table", was: []query{events}, now: []query{with(events, func(q *query) { q.materialized, q.incremental = "table", "" })}, want: "events direct values rows; materialized\n"},
		{name: "storage only", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.config = func(c *compile.Config) { c.Layout.Cluster = []string{"state"} } })},
			want: "orders direct metadata; cluster_by\n"},
		{name: "descriptions only", was: []query{with(orders(), func(q *query) { q.docs = "a" })}, now: []query{with(orders(), func(q *query) { q.docs = "b" })},
			want: "orders direct metadata; persist_docs\n"},
		{name: "post-hook", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.config = func(c *compile.Config) { c.PostHooks = []string{"update x"} } })},
			want: "orders direct values rows; post_hook\n"},
		{name: "incremental filter changed", was: []query{events}, now: []query{with(events, func(q *query) { q.incremental, q.rows = "select id, at from raw where at > 2", "e2" })}, updates: []string{"events"},
			want: "events direct forward rows\n"},
		{name: "incremental column added", was: []query{events}, now: []query{with(events, func(q *query) {
			q.text += ", b"
			q.incremental += ", b"
			q.columns = append(q.columns, "b INT64 a3")
		})}, updates: []string{"events"},
			want: "events direct forward; added b >INT64\n"},
		{name: "incremental column added and ignored", was: []query{ignoring(events)}, now: []query{with(ignoring(events), func(q *query) {
			q.text += ", b"
			q.incremental += ", b"
			q.columns = append(q.columns, "b INT64 a3")
		})}, updates: []string{"events"},
			want: "events direct metadata; added b >INT64 ignore\n"},
		{name: "incremental column removed and kept empty", was: []query{ignoring(events)}, now: []query{with(ignoring(events), func(q *query) {
			q.text, q.incremental, q.columns = "select id from raw", "select id from raw", q.columns[:1]
		})}, updates: []string{"events"},
			want: "events direct breaking; removed at TIMESTAMP> ignore\n"},
		{name: "incremental column removed", was: []query{events}, now: []query{with(events, func(q *query) {
			q.text, q.incremental, q.columns = "select id from raw", "select id from raw", q.columns[:1]
		})}, updates: []string{"events"},
			want: "events direct breaking; removed at TIMESTAMP>\n"},
		{name: "incremental key changed", was: []query{events}, now: []query{with(events, func(q *query) { q.config = func(c *compile.Config) { c.UniqueKey = []string{"id"} } })}, updates: []string{"events"},
			want: "events direct forward; unique_key\n"},
		{name: "full refresh of a changed incremental model", was: []query{events}, now: []query{with(events, func(q *query) { q.text, q.rows = "select id, at from raw2", "e2" })},
			want: "events direct values rows\n"},
		{name: "native SQL changed", was: []query{native, orders()}, now: []query{with(native, func(q *query) { q.text = "select y as x from orders" }), orders()}, kept: []string{"orders"},
			want: "native direct values rows unknown\n"},
		{name: "native SQL stored in another way", was: []query{native}, now: []query{with(native, func(q *query) { q.config = func(c *compile.Config) { c.Layout.Cluster = []string{"x"} } })},
			want: "native direct metadata; cluster_by\n"},
		{name: "native reader of a column that is gone", was: []query{orders(), native}, now: []query{with(orders(), func(q *query) { q.text = "select id, amount from raw"; q.columns = q.columns[:2] }), native},
			want: "orders direct breaking; removed state STRING> <native whole models/native.sql>\nnative indirect values because orders rows unknown\n"},
		{name: "star reader gets the new column", was: []query{orders(), star}, now: []query{with(orders(), func(q *query) { q.text += "--"; q.columns = append(q.columns, "net FLOAT64 h4") }), with(star, func(q *query) { q.columns = append(q.columns, "net FLOAT64 t4 orders.net") })},
			want: "orders direct additive; added net >FLOAT64\nstar indirect values because orders; added net >FLOAT64\n"},
		{name: "star reader loses a column", was: []query{orders(), star}, now: []query{with(orders(), func(q *query) { q.text += "--"; q.columns = q.columns[:2] }), with(star, func(q *query) { q.columns = q.columns[:2] })},
			want: "orders direct breaking; removed state STRING> <star.state before models/star.sql>\nstar indirect breaking because orders; removed state STRING>\n"},
		{name: "star reader of a source that lost a column", was: []query{with(star, func(q *query) { q.parents, q.columns = nil, []string{"id INT64 t1", "b INT64 t2"} })}, now: []query{with(star, func(q *query) { q.parents, q.columns = nil, []string{"id INT64 t1"} })},
			want: "star indirect breaking; removed b INT64>\n"},
		{name: "chain of three", was: []query{orders(), report(), {name: "top", text: "select total from report", rows: "z report", parents: []string{"report"}, columns: []string{"total FLOAT64 z1 report.total"}}},
			now:  []query{with(orders(), func(q *query) { q.text += "--"; q.columns[1] = "amount FLOAT64 h9" }), report(), {name: "top", text: "select total from report", rows: "z report", parents: []string{"report"}, columns: []string{"total FLOAT64 z1 report.total"}}},
			want: "orders direct values; expression amount\nreport indirect values because orders; input total\ntop indirect values because orders,report; input total\n"},
		{name: "not selected", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) { q.text += "where 1 = 1"; q.rows = "r2" }), report()}, kept: []string{"report"},
			want: "orders direct values rows\nbehind report\n"},
		{name: "built again for new data", was: []query{orders(), report()}, now: []query{orders(), report()}, forced: true, want: "orders again \nreport again \n"},
		{name: "model renamed", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.name = "sales" })}, want: "sales added ; was orders\nremoved table orders now sales\n"},
		{name: "model removed", was: []query{orders(), ids}, now: []query{orders()}, kept: []string{"orders"}, want: "removed table ids\n"},
		{name: "another alias", was: []query{orders(), report()}, now: []query{with(orders(), func(q *query) { q.relation = "sales" }), report()},
			want: "orders direct breaking; relation <report models/report.sql>\nreport indirect values because orders rows; input state; input total\n"},
		{name: "built by an engine without definitions", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.text += "--"; q.columns = q.columns[:2] })}, blind: []string{"orders"},
			want: "orders direct breaking rows unknown; removed state\n"},
		{name: "stored in another way, no definition", was: []query{orders()}, now: []query{with(orders(), func(q *query) { q.config = func(c *compile.Config) { c.Layout.Cluster = []string{"state"} } })}, blind: []string{"orders"},
			want: "orders direct metadata\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program(c.now)
			s, ds := built(c.was)
			for _, name := range c.blind {
				delete(ds, addr.Node{Kind: addr.Model, Name: name})
			}
			pl := &Plan{}
			for i, id := range p.Order {
				if !c.forced && slices.Contains(c.kept, id.Name) {
					continue
				}
				verb := Replace
				if slices.Contains(c.updates, id.Name) {
					verb = Update
				}
				pl.Actions = append(pl.Actions, &Action{Node: id, Verb: verb, Definition: define(p, c.now, i)})
			}
			if diff := cmp.Diff(c.want, say(ReviewOf(pl, p, ds, s))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
