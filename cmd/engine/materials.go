package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog"
	material "github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

const codeMaterials diag.Code = "materials"

var materialCodes = []diag.Entry{
	{Code: codeMaterials, Title: "lots and runs cannot be read",
		Explain: "Pages of lots are made of an ancestry model's edges and of the relations that genealogy of catalog names. Each of these has to be in the project and to have the columns that are named, and there may not be more lots than max_lots.",
		Bad:     "genealogy:\n  lots: {ref: material, columns: {id: materal_id}}", Good: "genealogy:\n  lots: {ref: material, columns: {id: material_id}}"},
}

// lotPart is a relation with the columns that play a role.
type lotPart struct {
	name       string // lots, runs, flows, edges, shipments
	node       *compile.Node
	from       string // empty: the relation of node
	columns    []string
	kind, unit string
}

// column is the one that plays a role, or empty.
func (p *lotPart) column(role string) string {
	return p.columns[slices.Index(project.GenealogyRoles[p.name], role)]
}

func (p *lotPart) has(role string) bool { return p.column(role) != "" }

// lotParts are all relations that tell of lots. Those that there are none of are nil.
type lotParts struct {
	ancestry                 *compile.Node
	lots, runs, flows, edges *lotPart
	shipments                []*lotPart
	edge                     edges
	config                   project.Genealogy
}

// nodes are those whose relations are read.
func (l *lotParts) nodes() []*compile.Node {
	var out []*compile.Node
	for _, p := range append([]*lotPart{l.lots, l.runs, l.flows, l.edges}, l.shipments...) {
		if p != nil && !slices.Contains(out, p.node) {
			out = append(out, p.node)
		}
	}
	return out
}

// lotParts finds the relations: those that are configured, and what their names and those of
// their columns tell. An ancestry is only needed where there are no flows.
func (s *session) lotParts(ancestry *compile.Node) (*lotParts, error) {
	l := &lotParts{ancestry: ancestry}
	if c := s.project.Settings.Catalog; c != nil && c.Genealogy != nil {
		l.config = *c.Genealogy
	}
	g := l.config
	if all := ancestryModels(s.program); l.ancestry == nil && (g.Ancestry.IsSet() || g.Flows == nil || len(all) == 1) {
		n, err := s.ancestryModel(g.Ancestry.V)
		if err != nil {
			return nil, err
		}
		l.ancestry = n
	}
	var keys []string
	var list diag.List
	if l.ancestry != nil {
		l.edge = s.edgesOf(l.ancestry)
		keys = keyNames(l.ancestry.Closure.Child, l.ancestry.Closure.Parent, l.edge.child, l.edge.parent)
		l.edges = &lotPart{name: "edges", node: l.edge.node}
		list.Add(l.edges.settle(cmp.Or(g.Edges, &project.GenealogyPart{}), l.edge.extra, nil)...)
	}
	part := func(name string, config *project.GenealogyPart) *lotPart {
		if config == nil {
			return nil
		}
		n, err := s.node(config.Ref.V)
		var worded *mistakes
		if asMistakes(err, &worded) {
			for _, d := range worded.list {
				d.At = config.Ref.At
				list.Add(d)
			}
			return nil
		}
		if n.Config.Materialized == "ephemeral" {
			list.Add(diag.Diagnostic{Code: codeMaterials, At: config.Ref.At, Message: fmt.Sprintf("%s is ephemeral: there is nothing in the warehouse to read", n.ID.Name), Help: "name a model that is a view or a table"})
			return nil
		}
		p := &lotPart{name: name, node: n}
		list.Add(p.settle(config, n.Columns, keys)...)
		return p
	}
	l.lots = part("lots", cmp.Or(g.Lots, s.guessLots(keys)))
	l.runs, l.flows = part("runs", g.Runs), part("flows", g.Flows)
	for _, x := range g.Shipments {
		if p := part("shipments", x); p != nil {
			l.shipments = append(l.shipments, p)
		}
	}
	for _, want := range []struct {
		set  bool
		role string
		at   project.Value[string]
	}{{len(g.Tenants) > 0, "tenant", first(g.Tenants)}, {g.Since.IsSet(), "at", g.Since}, {g.Until.IsSet(), "at", g.Until}} {
		if want.set && l.lots != nil && !l.lots.has(want.role) {
			list.Add(diag.Diagnostic{Code: codeMaterials, At: want.at.At, Message: fmt.Sprintf("which column of %s has the %s of a lot is not known", l.lots.node.ID.Name, map[string]string{"tenant": "tenant", "at": "time"}[want.role]), Help: "say it: lots: {columns: {" + want.role + ": …}}"})
		}
	}
	if list.HasErrors() {
		return nil, &mistakes{list, exitMistake}
	}
	return l, nil
}

func first(list []project.Value[string]) project.Value[string] {
	if len(list) == 0 {
		return project.Value[string]{}
	}
	return list[0]
}

// guessLots is a relation that is called as the lots of the edges are, and has their key:
// material or dim_material for material_id.
func (s *session) guessLots(keys []string) *project.GenealogyPart {
	for _, key := range keys {
		stem := strings.TrimSuffix(strings.ToLower(key), "_id")
		for _, id := range s.program.Order {
			n := s.program.Nodes[id]
			if (id.Name != stem && id.Name != "dim_"+stem) || n.Relation.IsZero() || n.Config.Materialized == "ephemeral" || n.Source != nil {
				continue
			}
			if _, ok := columnNamed(n.Columns, key); ok {
				return &project.GenealogyPart{Ref: project.Value[string]{V: id.Name}, Columns: map[string]project.Value[string]{"id": {V: key}}}
			}
		}
	}
	return nil
}

func columnNamed(columns []compile.Column, name string) (compile.Column, bool) {
	i := slices.IndexFunc(columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return compile.Column{}, false
	}
	return columns[i], true
}

// roleNames are how columns are usually called that play a role, the best first. The names of
// lots' keys come before those of «lot» and of the «id» of lots.
var roleNames = map[string][]string{
	"lots.label": {"label", "tag", "lot_number", "batch_number", "code", "lot_code"}, "lots.material": {"material_name", "product_name", "item_name", "material", "product", "item"},
	"lots.at": {"at", "made_at", "produced_at", "created_at", "received_at"}, "site": {"site_name", "site", "location_name", "location", "site_id", "location_id"}, "tenant": {"tenant_id", "tenant"},
	"runs.id": {"run_id", "transaction_id", "event_id", "id"}, "machine": {"machine_name", "machine", "machine_id"}, "step": {"step_name", "step", "process", "transaction_type", "type"},
	"order": {"order_number", "work_order", "order_id"}, "started": {"started_at", "started"}, "ended": {"ended_at", "ended", "occurred_at", "at"}, "rework": {"is_rework", "rework"},
	"run": {"run_id", "transaction_id", "via_id", "event_id"}, "lot": {"lot_id", "lot"}, "direction": {"direction", "dir"}, "kind": {"kind", "via"},
	"unit": {"unit", "uom", "unit_of_measure"}, "share": {"share"}, "certainty": {"certainty", "is_estimated", "estimated"}, "edges.at": {"at"},
	"shipments.id": {"shipment_number", "shipment_id", "number", "sale_number", "manifest_number"}, "customer": {"customer_name", "customer", "partner_name", "customer_id", "partner_id"},
	"shipments.at": {"shipped_at", "sold_at", "at"},
}

// amounts are names of columns of amounts, by role; what is behind is their unit.
var amounts = map[string]*regexp.Regexp{
	"quantity": regexp.MustCompile(`(?i)^(?:quantity|qty|amount|weight|shipped)(?:_(g|kg|mg|t|lb|oz|ml|l|pcs|pieces))?$`),
	"scrap":    regexp.MustCompile(`(?i)^(?:scrap|waste|loss)(?:_quantity|_qty)?(?:_(g|kg|mg|t|lb|oz|ml|l|pcs|pieces))?$`),
}

// settle finds the columns of a part.
func (p *lotPart) settle(config *project.GenealogyPart, columns []compile.Column, keys []string) (list diag.List) {
	roles := project.GenealogyRoles[p.name]
	p.columns = make([]string, len(roles))
	p.kind, p.unit = config.Kind.V, config.Unit.V
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	of := "the edges"
	if p.name != "edges" {
		of = p.node.ID.Name
	}
	implied := "" // the unit that the name of a quantity has
	for i, role := range roles {
		if v, ok := config.Columns[role]; ok {
			c, there := columnNamed(columns, v.V)
			if !there {
				d := unknownColumn(of, v.V, names)
				d.At = v.At
				list.Add(d)
			}
			p.columns[i] = cmp.Or(c.Name, v.V)
			if form := amounts[role]; form != nil {
				if m := form.FindStringSubmatch(v.V); m != nil {
					implied = cmp.Or(implied, strings.ToLower(m[1]))
				}
			}
			continue
		}
		if config.Kind.IsSet() && role == "kind" || config.Unit.IsSet() && role == "unit" {
			continue
		}
		candidates := slices.Concat(roleNames[p.name+"."+role], roleNames[role])
		if role == "lot" || role == "id" && p.name == "lots" {
			candidates = slices.Concat(keys, []string{"lot_id"}, candidates, []string{"id"})
		}
		for _, name := range candidates {
			if c, ok := columnNamed(columns, name); ok && plays(c, role) {
				p.columns[i] = c.Name
				break
			}
		}
		if form := amounts[role]; form != nil {
			for _, c := range columns {
				if m := form.FindStringSubmatch(c.Name); m != nil && plays(c, role) {
					p.columns[i], implied = c.Name, cmp.Or(implied, strings.ToLower(m[1]))
					break
				}
			}
		}
	}
	if p.unit == "" && (!slices.Contains(roles, "unit") || !p.has("unit")) {
		p.unit = implied
	}
	for _, role := range map[string][]string{"lots": {"id"}, "runs": {"id"}, "flows": {"run", "lot", "direction"}, "shipments": {"lot"}}[p.name] {
		if !p.has(role) {
			list.Add(diag.Diagnostic{Code: codeMaterials, At: config.At, Message: fmt.Sprintf("which column of %s is the %s of %s is not known", of, role, p.name), Help: "say it: " + p.name + ": {columns: {" + role + ": …}}; there are " + someOf(names)})
		}
	}
	return list
}

// plays reports whether a column can have a role by its type, as far as that is known.
func plays(c compile.Column, role string) bool {
	if c.Google == nil {
		return role != "at" && role != "started" && role != "ended"
	}
	kind := c.Google.Kind
	switch role {
	case "at", "started", "ended":
		return slices.Contains([]ir.Kind{ir.Date, ir.Datetime, ir.Timestamp}, kind)
	case "quantity", "scrap", "share":
		return slices.Contains([]ir.Kind{ir.Int64, ir.Float64, ir.Numeric, ir.BigNumeric}, kind)
	case "rework":
		return kind == ir.Bool
	}
	return slices.Contains([]ir.Kind{ir.Int64, ir.String, ir.Bool}, kind)
}

// record is a row by its roles.
type record struct {
	part   *lotPart
	values []any
	err    error
}

func (r *record) raw(role string) any {
	return r.values[slices.Index(project.GenealogyRoles[r.part.name], role)]
}

func (r *record) text(role string) string { return genealogy.TextOf(r.raw(role)) }

func (r *record) number(role string) float64 {
	if !r.part.has(role) {
		return math.NaN()
	}
	f, err := genealogy.NumberOf(r.raw(role), r.part.column(role))
	r.err = cmp.Or(r.err, err)
	return f
}

func (r *record) time(role string) time.Time {
	t, err := genealogy.TimeOf(r.raw(role), r.part.column(role))
	r.err = cmp.Or(r.err, err)
	return t
}

func (r *record) flag(role string) bool {
	b, err := genealogy.FlagOf(r.raw(role), r.part.column(role))
	r.err = cmp.Or(r.err, err)
	return b
}

func (r *record) kind() string { return cmp.Or(r.part.kind, r.text("kind")) }
func (r *record) unit() string { return cmp.Or(r.part.unit, r.text("unit")) }

func (r *record) estimated() bool {
	if word, ok := r.raw("certainty").(string); ok {
		switch strings.ToLower(word) {
		case "estimated", "measured", "":
		default:
			r.err = cmp.Or(r.err, fmt.Errorf("column %s holds %q, which is neither measured nor estimated", r.part.column("certainty"), word))
		}
		return strings.EqualFold(word, "estimated")
	}
	return r.flag("certainty")
}

func (r *record) lot() material.Lot {
	return material.Lot{ID: r.text("id"), Label: r.text("label"), Material: r.text("material"), Quantity: r.number("quantity"), Unit: r.unit(), At: r.time("at"), Site: r.text("site"), Tenant: r.text("tenant")}
}

func (r *record) run() material.Run {
	return material.Run{ID: r.text("id"), Kind: r.kind(), Machine: r.text("machine"), Step: r.text("step"), Order: r.text("order"), Started: r.time("started"), Ended: r.time("ended"), Scrap: r.number("scrap"), Unit: r.unit(), Rework: r.flag("rework")}
}

func (r *record) flow() material.Flow {
	f := material.Flow{Run: r.text("run"), Kind: r.kind(), Lot: r.text("lot"), Quantity: r.number("quantity"), Share: r.number("share"), Unit: r.unit(), Estimated: r.estimated()}
	switch word := strings.ToLower(r.text("direction")); word {
	case "in", "input":
	case "out", "output":
		f.Out = true
	default:
		r.err = cmp.Or(r.err, fmt.Errorf("column %s holds %q, which is none of in, input, out, output", r.part.column("direction"), word))
	}
	return f
}

func (r *record) shipment() material.Shipment {
	return material.Shipment{Lot: r.text("lot"), ID: r.text("id"), Customer: r.text("customer"), Unit: r.unit(), Quantity: r.number("quantity"), At: r.time("at")}
}

// lotReader reads the parts over a connection. view, if it is not nil, is what a reader who
// must not see all reads instead of a relation; false: nothing.
type lotReader struct {
	conn warehouse.Conn
	view func(*compile.Node) (from string, ok bool)
}

// rows reads a part; where are more conditions. A part that the reader must not see has no rows.
func (r lotReader) rows(ctx context.Context, p *lotPart, more []string, where []string, f func(*record, []any) error) error {
	if p == nil {
		return nil
	}
	from := cmp.Or(p.from, r.conn.Dialect().Quote(p.node.Relation))
	if r.view != nil {
		var ok bool
		if from, ok = r.view(p.node); !ok {
			return nil
		}
	}
	n := len(p.columns)
	rows := genealogy.Rows{From: from, Columns: slices.Concat(p.columns, more), Where: where}
	return rows.Read(ctx, r.conn, func(v []any) error {
		rec := &record{part: p, values: v[:n]}
		if err := f(rec, v[n:]); err != nil {
			return err
		}
		if rec.err != nil {
			return fmt.Errorf("read %s: %w", p.node.ID.Name, rec.err)
		}
		return nil
	})
}

// graph reads all lots that are chosen, with their runs.
func (r lotReader) graph(ctx context.Context, l *lotParts) (*material.Graph, error) {
	g := l.config
	choose := len(g.Tenants) > 0 || g.Since.IsSet() || g.Until.IsSet()
	b := material.NewBuilder(material.Options{MaxLots: int(g.MaxLots.V), Closed: choose || r.view != nil, Title: l.title()})
	var since, until time.Time
	for _, day := range []struct {
		text string
		to   *time.Time
	}{{g.Since.V, &since}, {g.Until.V, &until}} {
		if day.text != "" {
			*day.to, _ = time.Parse(time.DateOnly, day.text) // engine.yml was checked
		}
	}
	chosen := func(lot material.Lot) bool {
		if len(g.Tenants) > 0 && !slices.ContainsFunc(g.Tenants, func(t project.Value[string]) bool { return t.V == lot.Tenant }) {
			return false
		}
		return (since.IsZero() || !lot.At.IsZero() && !lot.At.Before(since)) && (until.IsZero() || !lot.At.IsZero() && lot.At.Before(until.AddDate(0, 0, 1)))
	}
	err := errors.Join(
		r.rows(ctx, l.lots, nil, nil, func(rec *record, _ []any) error {
			lot := rec.lot()
			if rec.raw("id") == nil || !chosen(lot) {
				return nil
			}
			return b.Lot(lot)
		}),
		r.rows(ctx, l.runs, nil, nil, func(rec *record, _ []any) error {
			if rec.raw("id") == nil {
				return nil
			}
			return b.Run(rec.run())
		}),
		r.rows(ctx, l.flows, nil, nil, func(rec *record, _ []any) error {
			if rec.raw("run") == nil || rec.raw("lot") == nil {
				return nil
			}
			return b.Flow(rec.flow())
		}),
	)
	// The query of an ancestry has no slice: only what it reads has.
	if err == nil && l.edges != nil && (r.view == nil || l.edge.query == "") {
		if l.edge.query != "" {
			l.edges.from = l.edge.from(r.conn.Dialect())
		}
		err = r.rows(ctx, l.edges, []string{l.edge.parent, l.edge.child}, nil, func(rec *record, ends []any) error {
			if ends[0] == nil || ends[1] == nil {
				return nil
			}
			return b.Edge(rec.edge(ends[0], ends[1]))
		})
	}
	for _, p := range l.shipments {
		if err == nil {
			err = r.rows(ctx, p, nil, nil, func(rec *record, _ []any) error {
				if rec.raw("lot") == nil {
					return nil
				}
				return b.Shipment(rec.shipment())
			})
		}
	}
	var many *material.TooManyError
	switch {
	case errors.As(err, &many):
		return nil, failure(diag.Diagnostic{Code: codeMaterials, Message: fmt.Sprintf("there are more than %d lots, which is more than a folder of pages should hold", many.Most), Help: "choose some: tenants, since and until of genealogy; or raise max_lots. For one lot: engine trace LOT --format html"})
	case err != nil:
		return nil, err
	}
	return b.Graph(), nil
}

func (l *lotParts) title() string {
	if l.lots != nil {
		return l.lots.node.ID.Name
	}
	return l.edge.node.ID.Name
}

func (r *record) edge(parent, child any) material.Edge {
	return material.Edge{Parent: genealogy.TextOf(parent), Child: genealogy.TextOf(child), Run: r.text("run"), Kind: r.kind(), Quantity: r.number("quantity"), Unit: r.unit(), Estimated: r.estimated(), At: r.time("at")}
}

// readMaterials reads the lots for pages of the project's own people, where those are wanted.
// What is wrong with them is an error where they were asked for on the command line, else a
// warning: the catalog is there without them.
func (s *session) readMaterials(ctx context.Context, conn warehouse.Conn) (*material.Graph, error) {
	if !s.materialsWanted() {
		return nil, nil
	}
	g, err := s.materialGraph(ctx, conn)
	var worded *mistakes
	if err == nil || s.materials || ctx.Err() != nil || !asMistakes(err, &worded) {
		return g, err
	}
	for _, d := range worded.list {
		d.Severity = diag.Warning
		d.Notes = append(slices.Clone(d.Notes), "the catalog is written without pages of lots")
		s.warnings.Add(d)
	}
	return nil, nil
}

func (s *session) materialGraph(ctx context.Context, conn warehouse.Conn) (*material.Graph, error) {
	l, err := s.lotParts(nil)
	if err != nil {
		return nil, err
	}
	g, err := lotReader{conn: conn}.graph(ctx, l)
	if err != nil {
		return nil, s.traceRefused(ctx, conn, err, l.nodes()...)
	}
	return g, nil
}

// materialsWanted reports whether sites have pages of lots.
func (s *session) materialsWanted() bool {
	c := s.project.Settings.Catalog
	return s.materials || c != nil && c.Genealogy != nil && c.Genealogy.Pages.V
}

// lotSlices reads each customer's lots, through the rules that its own tables are made by.
type lotSlices struct {
	conn      warehouse.Conn
	dialect   tenant.Dialect
	rules     map[addr.Node]tenant.Rule
	customers map[string]tenant.Customer
	parts     *lotParts
}

func (s *session) lotSlices(conn warehouse.Conn, config *tenant.Config) (*lotSlices, error) {
	out := &lotSlices{conn: conn, rules: map[addr.Node]tenant.Rule{}, customers: map[string]tenant.Customer{}}
	var err error
	if out.dialect, err = tenant.For(conn.Dialect()); err != nil {
		return nil, err
	}
	if out.parts, err = s.lotParts(nil); err != nil {
		return nil, err
	}
	rules, list := tenant.Rules(s.program)
	if list.HasErrors() {
		return nil, &mistakes{list, exitMistake}
	}
	for _, r := range rules {
		out.rules[r.Node] = r
	}
	if config != nil {
		for _, c := range config.Customers {
			out.customers[c.Name] = c
		}
	}
	return out, nil
}

// view is what a customer reads instead of a relation: the rows of its tenants. Rows that it
// sees by a link or in part are left out, since their keys lie where only a publication looks;
// there is less in the pages, never more.
func (x *lotSlices) view(c tenant.Customer) func(*compile.Node) (string, bool) {
	c.Fields = nil
	return func(n *compile.Node) (string, bool) {
		rule, ok := x.rules[n.ID]
		if !ok || !rule.For(c.Name) {
			return "", false
		}
		rule.Links, rule.Via, rule.Fields = nil, nil, nil
		query, _ := tenant.Slice(x.dialect, rule, c, tenant.Frozen{}, tenant.From{Inline: math.MaxInt})
		return "(" + query + ")", true
	}
}

// graph is nil where the customer has no lots.
func (x *lotSlices) graph(ctx context.Context, customer string) (*material.Graph, error) {
	c, ok := x.customers[customer]
	if !ok {
		return nil, nil
	}
	g, err := lotReader{conn: x.conn, view: x.view(c)}.graph(ctx, x.parts)
	if err != nil || g.Lots() == 0 {
		return nil, err
	}
	return g, nil
}

// materialPages are the page and the files of lots that a site has.
func materialPages(g *material.Graph) catalog.Options {
	if g == nil {
		return catalog.Options{}
	}
	out := catalog.Options{Pages: []catalog.Page{{Path: material.Path, Title: "Materials", Section: "Materials", Scripts: []string{material.Script}, Body: func(string) []byte { return g.Page() }}}}
	for _, f := range g.Files() {
		out.Files = append(out.Files, catalog.File{Path: f.Path, Make: f.Body})
	}
	return out
}

// traced is the graph of one answer: its edges, with all that the relations of lots, runs and
// flows say about what is in them.
func (s *session) traced(ctx context.Context, conn warehouse.Conn, l *lotParts, q genealogy.Question, answer *genealogy.Answer) (*material.Graph, error) {
	b := material.NewBuilder(material.Options{MaxLots: math.MaxInt32, Title: l.title()})
	r := lotReader{conn: conn}
	d := conn.Dialect()
	var lots, runs []any
	lots = append(lots, q.Key)
	seen := map[any]bool{q.Key: true}
	note := func(list *[]any, seen map[any]bool, v any) {
		switch v.(type) {
		case int64, string:
			if !seen[v] {
				seen[v] = true
				*list = append(*list, v)
			}
		}
	}
	var made []material.Edge
	seenRuns := map[any]bool{}
	at := make([]int, len(l.edges.columns))
	for i, name := range l.edges.columns {
		at[i] = slices.Index(q.Extra, name)
	}
	for _, link := range answer.Links {
		rec := &record{part: l.edges, values: make([]any, len(at))}
		for i, k := range at {
			if k >= 0 && k < len(link.Extra) {
				rec.values[i] = link.Extra[k]
			}
		}
		made = append(made, rec.edge(link.Parent, link.Child))
		if rec.err != nil {
			return nil, rec.err
		}
		note(&lots, seen, link.Parent)
		note(&lots, seen, link.Child)
		note(&runs, seenRuns, rec.raw("run"))
	}
	// Rows of some keys, in lists that a query can hold.
	some := func(p *lotPart, role string, keys []any, f func(*record, []any) error) error {
		for list := range slices.Chunk(keys, genealogy.Listed) {
			if p == nil {
				return nil
			}
			if err := r.rows(ctx, p, nil, []string{genealogy.Within(d, p.column(role), list)}, f); err != nil {
				return err
			}
		}
		return nil
	}
	genealogySort(lots)
	genealogySort(runs)
	var flows []material.Flow
	wanted := map[[2]string]bool{}
	for _, e := range made {
		wanted[[2]string{e.Kind, e.Run}] = true
	}
	err := some(l.flows, "run", runs, func(rec *record, _ []any) error {
		f := rec.flow()
		if wanted[[2]string{f.Kind, f.Run}] {
			flows = append(flows, f)
			note(&lots, seen, rec.raw("lot"))
		}
		return nil
	})
	genealogySort(lots)
	err = errors.Join(err,
		some(l.lots, "id", lots, func(rec *record, _ []any) error { return b.Lot(rec.lot()) }),
		some(l.runs, "id", runs, func(rec *record, _ []any) error { return b.Run(rec.run()) }))
	if err != nil {
		return nil, err
	}
	for _, f := range flows {
		err = errors.Join(err, b.Flow(f))
	}
	for _, e := range made {
		err = errors.Join(err, b.Edge(e))
	}
	for _, p := range l.shipments {
		err = errors.Join(err, some(p, "lot", lots, func(rec *record, _ []any) error { return b.Shipment(rec.shipment()) }))
	}
	if err != nil {
		return nil, err
	}
	return b.Graph(), nil
}

func genealogySort(keys []any) { slices.SortFunc(keys, genealogy.CompareKeys) }

// withMaterials says which of the sites have pages of lots: that of the project's own people
// and those of customers, which get their own; no other audience ever has any. done ends what
// was begun.
func (s *session) withMaterials(ctx context.Context, k knowledge, list []*edition) (done func() error, err error) {
	done = func() error { return nil }
	if !s.materialsWanted() {
		return done, nil
	}
	if k.immaterial != nil {
		return nil, k.immaterial
	}
	var own []*edition
	able := false
	for _, e := range list {
		switch {
		case e.customer != "":
			own = append(own, e)
			able = true
		case e.name == internalAudience:
			e.lots = func(context.Context) (*material.Graph, error) { return k.materials, nil }
			able = true
		}
	}
	if !able && s.materials {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: "--materials adds rows of the data, and these audiences get none", Help: "only the project's own people and customers have pages of lots: leave out --audience, or use --customer"})
	}
	if len(own) == 0 {
		return done, nil
	}
	conn, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	slices, err := s.lotSlices(conn, k.tenants)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	for _, e := range own {
		e.lots = func(ctx context.Context) (*material.Graph, error) {
			g, err := slices.graph(ctx, e.customer)
			if err != nil {
				return nil, s.traceRefused(ctx, conn, err, slices.parts.nodes()...)
			}
			return g, nil
		}
	}
	return conn.Close, nil
}
