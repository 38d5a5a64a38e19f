package contenttest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Day is when all catalogs of this package were made.
var day = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

var domains = []string{
	"sales", "finance", "supply", "production", "quality", "logistics", "marketing", "service",
	"people", "maintenance", "energy", "planning",
}

var subjects = []string{
	"order", "invoice", "customer", "material", "batch", "machine", "shift", "delivery", "claim", "forecast",
	"budget", "payment", "contract", "supplier", "stock", "route", "campaign", "visit", "ticket", "inspection",
	"defect", "sensor", "recipe", "tool", "site", "account", "ledger", "price", "discount", "return",
}

var aspects = []string{
	"line", "header", "event", "status", "daily", "weekly", "history", "detail", "item", "balance", "rate",
	"plan", "actual", "target", "change", "group", "position", "share", "cost", "usage",
}

var columnWords = []string{
	"id", "key", "name", "code", "amount", "quantity", "price", "status", "type", "date", "created_at",
	"updated_at", "valid_from", "valid_to", "currency", "country", "city", "email", "phone", "weight",
	"length", "width", "height", "ratio", "score", "rank", "flag", "reason", "note", "owner", "unit",
	"tax", "net", "gross", "margin", "cost", "duration", "started_at", "ended_at", "count", "sum", "mean",
}

var proseWords = strings.Fields(`one row for every that was is with from until after before the a of and
order invoice customer material batch machine shift delivery claim value amount when booked posted shipped
received corrected open closed late early per day week month site plant line cleaned joined deduplicated
currency converted local group internal external used for report planning costing steering quality audit
only without including cancelled returned estimated measured source system leading master copy newest`)

var types = []string{"BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "DOUBLE", "DATE", "TIMESTAMP", "BOOLEAN", "DECIMAL(18,2)"}

// layer is a tier of the generated project, with its share of the models in percent.
type layer struct {
	tier, folder, materialized string
	share                      int
}

var layers = []layer{
	{"stg", "staging", "view", 30}, {"int", "intermediate", "table", 25}, {"dim", "marts", "table", 12},
	{"fct", "marts", "incremental", 18}, {"mart", "reports", "table", 15},
}

// wideColumns are the columns of the widest model, hubChildren the readers of the busiest one.
const wideColumns, hubChildren = 600, 500

// Large is a project of so many models, with sources, seeds, snapshots and exposures beside
// them. Of 10,000 models it makes some 100,000 columns, 17,000 edges between nodes and 110,000
// between columns; one model has 600 columns, another 500 readers.
func Large(models int) *content.Catalog {
	g := &grower{
		r: rand.New(rand.NewPCG(9, uint64(models))),
		c: &content.Catalog{
			Project: "large", Title: "Large project", Target: "prod", Warehouse: "duckdb", Generated: day, Engine: "engine 1.0",
		},
		names: map[string]bool{},
	}
	g.runs()
	g.groups()
	g.macros()
	g.nodes(models)
	g.flow()
	g.customers()
	g.terms()
	return g.c
}

type grower struct {
	r     *rand.Rand
	c     *content.Catalog
	names map[string]bool
	// byTier are the numbers of models of a tier, in the order of their making.
	byTier map[string][]int
	edges  []content.Edge
}

func (g *grower) pick(list []string) string { return list[g.r.IntN(len(list))] }

func (g *grower) chance(percent int) bool { return g.r.IntN(100) < percent }

// prose is a text of so many words, in sentences.
func (g *grower) prose(words int) string {
	var b strings.Builder
	start := true
	for i := range words {
		w := g.pick(proseWords)
		if start {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		b.WriteString(w)
		start = i == words-1 || i%11 == 10
		if start {
			b.WriteByte('.')
		}
		if i < words-1 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (g *grower) name(prefix string) string {
	for i := 0; ; i++ {
		n := prefix + g.pick(subjects) + "_" + g.pick(aspects)
		if i > 3 {
			n += "_" + strconv.Itoa(g.r.IntN(1000+i))
		}
		if !g.names[n] {
			g.names[n] = true
			return n
		}
	}
}

const runCount = 12

func (g *grower) runs() {
	for i := range runCount {
		at := day.AddDate(0, 0, -i)
		v := content.Passed
		if i%5 == 3 {
			v = content.Failed
		}
		g.c.Runs = append(g.c.Runs, &content.Run{
			ID: fmt.Sprintf("20260302T060000-%04d", i), Started: at.Add(-20 * time.Minute), Ended: at, Verdict: v,
		})
	}
}

func (g *grower) groups() {
	for _, d := range domains {
		g.c.Groups = append(g.c.Groups, &content.Group{
			Name: d, OwnerName: "Team " + d, OwnerEmail: d + "@example.com", Description: "All of " + d + ".",
		})
	}
}

func (g *grower) macros() {
	for i := range 40 {
		name := "as_" + subjects[i%len(subjects)] + "_" + strconv.Itoa(i)
		g.c.Macros = append(g.c.Macros, &content.Macro{
			Name: name, Description: g.prose(8), File: "macros/" + name + ".sql", Line: 1,
			Text: "{% macro " + name + "(x) %}\n  coalesce({{ x }}, 0)\n{% endmacro %}\n",
		})
	}
}

func (g *grower) nodes(models int) {
	g.byTier = map[string][]int{}
	for i := range max(1, models/8) {
		g.source(i)
	}
	for range max(1, models/200) {
		g.seed()
	}
	left := models
	for i, l := range layers {
		n := models * l.share / 100
		if i == len(layers)-1 {
			n = left
		}
		left -= n
		for range n {
			g.model(l, models)
		}
	}
	for range models / 100 {
		g.snapshot()
	}
	for range max(1, models/50) {
		g.exposure()
	}
	for i, n := range g.c.Nodes {
		for _, p := range n.Parents {
			g.c.Nodes[p].Children = append(g.c.Nodes[p].Children, i)
		}
	}
	for _, n := range g.c.Nodes {
		if n.ID.Kind == addr.Model && n.Tier == "stg" {
			g.advise(n)
		}
	}
}

func (g *grower) advise(n *content.Node) {
	for _, c := range n.Children {
		if x := g.c.Nodes[c]; x.Tier == "dim" || x.Tier == "fct" {
			n.Advice = append(n.Advice, content.Advice{Level: "info", Text: "Prefer " + x.ID.Name + ", which is made of it.", Prefer: c})
			return
		}
	}
}

// put adds a node and what every node has.
func (g *grower) put(n *content.Node, columns int) int {
	at := len(g.c.Nodes)
	g.c.Nodes = append(g.c.Nodes, n)
	g.byTier[n.Tone] = append(g.byTier[n.Tone], at)
	if g.chance(70) {
		n.Description = g.prose(6 + g.r.IntN(30))
	}
	n.Described = n.Description != ""
	if g.chance(40) {
		n.Tags = []string{g.pick([]string{"daily", "hourly", "weekly", "critical", "legacy", "finance", "nightly"})}
	}
	used := make(map[string]bool, columns)
	for i := range columns {
		var name string
		for try := 0; ; try++ {
			name = g.pick(subjects) + "_" + g.pick(columnWords)
			if i == 0 {
				name = g.pick(subjects) + "_id"
			}
			if try > 4 {
				name += "_" + strconv.Itoa(try*100+i)
			}
			if !used[name] {
				break
			}
		}
		used[name] = true
		c := &content.Column{Name: name, Type: g.pick(types)}
		if g.chance(45) {
			c.Description, c.Written = g.prose(3+g.r.IntN(9)), true
		}
		if strings.HasSuffix(name, "email") || strings.HasSuffix(name, "phone") {
			c.Sensitive, c.Tags = true, []string{"pii"}
		} else if i < 6 && n.ID.Kind != addr.Source && g.chance(30) {
			c.Profile = g.profile(i)
		}
		n.Columns = append(n.Columns, c)
	}
	return at
}

func (g *grower) profile(i int) *content.Profile {
	p := &content.Profile{Rows: 10_000, Nulls: int64(g.r.IntN(400)), Distinct: int64(1 + g.r.IntN(9000)), Sampled: true, Min: "1", Max: "9999", At: day}
	for k := range 5 {
		p.Top = append(p.Top, content.TopValue{Value: fmt.Sprintf("v%d_%d", i, k), Rows: int64(900 - 100*k)})
	}
	return p
}

func (g *grower) source(i int) {
	domain := domains[i%len(domains)]
	group := domain + "_raw"
	name := group + "." + g.name("")
	n := &content.Node{
		ID: addr.Node{Kind: addr.Source, Name: name}, Tone: "source", Folder: "sources/" + group,
		Relation: "raw." + name, YAML: "models/" + domain + "/sources.yml", Line: 10 + i,
		Source: &content.Source{
			Name: group, Description: "The raw data of " + domain + ".", Loader: "ingestion", LoadedAt: "loaded_at",
			WarnAfter: 24 * time.Hour, ErrorAfter: 48 * time.Hour, Loaded: day.Add(-time.Hour), Checked: day, Fresh: "pass",
		},
		Data: content.Data{Rows: int64(g.r.IntN(1_000_000)), Bytes: int64(g.r.IntN(1 << 30))},
	}
	at := g.put(n, 4+g.r.IntN(12))
	g.tests(at, 1)
}

func (g *grower) seed() {
	name := g.name("")
	n := &content.Node{
		ID: addr.Node{Kind: addr.Seed, Name: name}, Tone: "seed", Folder: "seeds", Relation: "main." + name,
		File: "seeds/" + name + ".csv", YAML: "seeds/seeds.yml", Line: 1, Seed: &content.Seed{Format: "csv", Size: 2048},
		Status: content.Unchanged, Data: content.Data{Rows: 40, Bytes: 2048, BuiltAt: day},
	}
	g.put(n, 3+g.r.IntN(3))
}

func (g *grower) snapshot() {
	name := g.name("snap_")
	parents := g.parents([]string{"stg"}, 1)
	n := &content.Node{
		ID: addr.Node{Kind: addr.Snapshot, Name: name}, Tone: "snapshot", Folder: "snapshots", Relation: "main." + name,
		Materialized: "snapshot", File: "snapshots/" + name + ".sql", YAML: "snapshots/snapshots.yml", Line: 1, Parents: parents,
		Status: content.Built, Data: content.Data{Rows: 5000, Bytes: 1 << 20, BuiltAt: day},
	}
	at := g.put(n, 6+g.r.IntN(6))
	g.text(at)
	g.history(n)
}

func (g *grower) exposure() {
	name := g.name("dashboard_")
	n := &content.Node{
		ID: addr.Node{Kind: addr.Exposure, Name: name}, Label: strings.ReplaceAll(name, "_", " "), Tone: "exposure", Folder: "exposures",
		Parents: g.parents([]string{"mart", "fct", "dim"}, 2), YAML: "models/exposures.yml", Line: 3, Owner: "Team sales",
		Data:     content.Data{Rows: -1, Bytes: -1},
		Exposure: &content.Exposure{Type: "dashboard", URL: "https://bi.example.com/" + name, Maturity: "high", OwnerName: "Team sales", Email: "sales@example.com"},
	}
	g.put(n, 0)
}

// above are the tiers that a tier reads.
var above = map[string][]string{
	"stg": {"source"}, "int": {"stg", "stg", "int"}, "dim": {"stg", "int"}, "fct": {"int", "dim", "stg"}, "mart": {"fct", "dim", "fct", "mart"},
}

// parents are so many nodes of the tiers, most of them made shortly before each other, as
// the models of a domain are.
func (g *grower) parents(tiers []string, n int) []int {
	var out []int
	for range n * 4 {
		list := g.byTier[g.pick(tiers)]
		if len(list) == 0 {
			continue
		}
		i := g.r.IntN(len(list))
		if g.chance(25) {
			i = int(float64(len(list)) * g.r.Float64() * g.r.Float64())
		}
		if !slices.Contains(out, list[i]) {
			out = append(out, list[i])
		}
		if len(out) == n {
			break
		}
	}
	slices.Sort(out)
	return out
}

func (g *grower) model(l layer, models int) {
	list := g.byTier[l.tier]
	domain := domains[len(list)%len(domains)]
	name := g.name(l.tier + "_")
	first := len(list) == 0
	columns := 5 + g.r.IntN(9)
	switch {
	case first && l.tier == "dim":
		name = "dim_hub"
	case first && l.tier == "fct":
		name, columns = "fct_wide", min(wideColumns, max(20, models))
	}
	n := &content.Node{
		ID: addr.Node{Kind: addr.Model, Name: name}, Tone: l.tier, Tier: l.tier, Folder: "models/" + domain + "/" + l.folder,
		Relation: domain + "." + name, Materialized: l.materialized, Owner: domain + "@example.com", Group: domain, Access: "protected",
		File: "models/" + domain + "/" + l.folder + "/" + name + ".sql", YAML: "models/" + domain + "/" + l.folder + "/models.yml", Line: 4,
		Status: content.Built, Data: content.Data{Rows: int64(g.r.IntN(5_000_000)), Bytes: int64(g.r.IntN(1 << 31)), BuiltAt: day},
		Facts: []content.Fact{{Name: "Schedule", Value: "hourly"}},
	}
	if l.materialized == "view" {
		n.Data.Rows, n.Data.Bytes = -1, -1
	}
	want := 1
	if l.tier != "stg" {
		want += g.r.IntN(2)
		if g.chance(35) {
			want++
		}
	}
	n.Parents = g.parents(above[l.tier], want)
	// The hub is read by as many as there are, up to its share.
	if hub := g.byTier["dim"]; len(hub) > 0 && (l.tier == "fct" || l.tier == "mart") && (len(g.byTier["fct"])+len(g.byTier["mart"]))%max(1, models*33/100/hubChildren) == 0 {
		if readers := len(g.byTier["fct"]) + len(g.byTier["mart"]); readers/max(1, models*33/100/hubChildren) < hubChildren && !slices.Contains(n.Parents, hub[0]) {
			n.Parents = append(n.Parents, hub[0])
			slices.Sort(n.Parents)
		}
	}
	if l.tier == "dim" || l.tier == "fct" {
		n.Access, n.Contract = "public", g.chance(30)
	}
	at := g.put(n, columns)
	n.Grain = n.Columns[0].Name
	if n.Contract {
		n.Columns[0].Constraints = []string{"primary key", "not null"}
	}
	switch {
	case g.chance(2):
		n.Status = content.Failed
	case g.chance(2):
		n.Status = content.Warned
	case g.chance(40):
		n.Status = content.Unchanged
	}
	if g.chance(1) {
		n.Deprecated = day.AddDate(0, 3, 0)
	}
	g.text(at)
	g.tests(at, 1+g.r.IntN(3))
	g.history(n)
	if g.chance(10) {
		m := g.r.IntN(len(g.c.Macros))
		n.Macros = []int{m}
		g.c.Macros[m].UsedBy = append(g.c.Macros[m].UsedBy, at)
	}
}

// text writes the SQL of a node, and the edges of columns that it makes.
func (g *grower) text(at int) {
	n := g.c.Nodes[at]
	var tmpl, sql strings.Builder
	var tl, sl []content.Link
	both := func(s string) { tmpl.WriteString(s); sql.WriteString(s) }
	both("-- " + g.prose(8) + "\nwith ")
	for i, p := range n.Parents {
		if i > 0 {
			both(",\n")
		}
		both("src_" + strconv.Itoa(i) + " as (\n  select *\n  from ")
		x := g.c.Nodes[p]
		ref := "{{ ref('" + x.ID.Name + "') }}"
		if group, table, ok := strings.Cut(x.ID.Name, "."); ok && x.ID.Kind == addr.Source {
			ref = "{{ source('" + group + "', '" + table + "') }}"
		}
		tl = append(tl, content.Link{From: tmpl.Len(), To: tmpl.Len() + len(ref), Node: p})
		tmpl.WriteString(ref)
		sl = append(sl, content.Link{From: sql.Len(), To: sql.Len() + len(x.Relation), Node: p})
		sql.WriteString(x.Relation)
		both("\n)")
	}
	both("\nselect\n")
	for i, c := range n.Columns {
		both("  src_0." + c.Name + " as " + c.Name)
		if i < len(n.Columns)-1 {
			both(",")
		}
		both("\n")
	}
	both("from src_0\n")
	for i := 1; i < len(n.Parents); i++ {
		both("left join src_" + strconv.Itoa(i) + " on src_0." + n.Columns[0].Name + " = src_" + strconv.Itoa(i) + "." + n.Columns[0].Name + "\n")
	}
	both("where src_0." + n.Columns[0].Name + " is not null")
	n.Template, n.SQL = content.Code{Text: tmpl.String(), Links: tl}, content.Code{Text: sql.String(), Links: sl}
}

var kinds = []string{"not_null", "unique", "accepted_values", "relationships"}

func (g *grower) tests(at, count int) {
	n := g.c.Nodes[at]
	used := map[string]bool{}
	for i := range count {
		kind := kinds[i%len(kinds)]
		c := n.Columns[g.r.IntN(len(n.Columns))]
		name := kind + "_" + strings.ReplaceAll(n.ID.Name, ".", "_") + "_" + c.Name
		if used[name] {
			continue
		}
		used[name] = true
		t := &content.Test{
			ID: addr.Node{Kind: addr.Test, Name: name}, Of: at, Reads: []int{at}, Column: c.Name, Kind: kind,
			Sentence: c.Name + " is " + strings.ReplaceAll(kind, "_", " "), Severity: "error", Where: n.YAML + ":" + strconv.Itoa(20+i),
			SQL: "select *\nfrom " + n.Relation + "\nwhere " + c.Name + " is null", Status: content.Passed, At: day,
		}
		if g.chance(2) {
			t.Status, t.Failures = content.Failed, int64(1+g.r.IntN(50))
			t.Sample = &content.Sample{Columns: []string{c.Name, "row"}, Rows: [][]string{{"NULL", "1"}, {"NULL", "2"}}}
		} else if g.chance(2) {
			t.Status, t.Severity, t.Failures = content.Warned, "warn", 3
		}
		for k := range 5 {
			t.History = append(t.History, content.Outcome{At: g.c.Runs[k].Ended, Status: content.Passed})
		}
		t.History[0].Status, t.History[0].Failures = t.Status, t.Failures
		c.Tests = append(c.Tests, len(g.c.Tests))
		n.Tests = append(n.Tests, len(g.c.Tests))
		g.c.Tests = append(g.c.Tests, t)
	}
}

func (g *grower) history(n *content.Node) {
	took := time.Duration(200+g.r.IntN(60_000)) * time.Millisecond
	for i := range runCount - 2 {
		n.History = append(n.History, content.Build{
			Run: g.c.Runs[i].ID, At: g.c.Runs[i].Ended, Took: took + time.Duration(g.r.IntN(900))*time.Millisecond,
			Rows: n.Data.Rows - int64(i*100), Bytes: n.Data.Bytes, Billed: n.Data.Bytes, Slots: 2 * took,
		})
	}
}

// flow numbers the columns and makes some 1.2 edges into each of them.
func (g *grower) flow() {
	f := &g.c.Flow
	f.Known = true
	f.First = make([]int32, 0, len(g.c.Nodes)+1)
	next := int32(0)
	for _, n := range g.c.Nodes {
		f.First = append(f.First, next)
		next += int32(len(n.Columns))
	}
	f.First = append(f.First, next)
	texts := map[string]int32{"": 0}
	f.Texts = []string{""}
	text := func(s string) int32 {
		if i, ok := texts[s]; ok {
			return i
		}
		texts[s] = int32(len(f.Texts))
		f.Texts = append(f.Texts, s)
		return texts[s]
	}
	ways := []content.Way{content.Identity, content.Identity, content.Identity, content.Transformed, content.Aggregated, content.Condition}
	uses := []content.Use{content.Filter, content.Grouped, content.Ordered, content.Window}
	for i, n := range g.c.Nodes {
		var parents []int
		for _, p := range n.Parents {
			if len(g.c.Nodes[p].Columns) > 0 {
				parents = append(parents, p)
			}
		}
		if len(parents) == 0 || len(n.Columns) == 0 {
			continue
		}
		any := func() (int32, string) {
			p := parents[g.r.IntN(len(parents))]
			c := g.r.IntN(len(g.c.Nodes[p].Columns))
			return f.First[p] + int32(c), g.c.Nodes[p].Columns[c].Name
		}
		for c := range n.Columns {
			to := f.First[i] + int32(c)
			for k := range 1 + g.r.IntN(100)/85 + g.r.IntN(100)/94 {
				from, name := any()
				e := content.Edge{From: from, To: to, Way: ways[g.r.IntN(len(ways))]}
				if k > 0 {
					e.Way = content.Transformed
				}
				switch e.Way {
				case content.Transformed:
					e.Text = text("coalesce(src_0." + name + ", 0)")
				case content.Aggregated:
					e.Text = text("sum(" + name + ")")
				case content.Condition:
					e.Text = text("case when " + name + " > 0 then 1 else 0 end")
				}
				f.Edges = append(f.Edges, e)
			}
		}
		from, name := any()
		f.Reads = append(f.Reads, content.Read{Column: from, Node: int32(i), To: -1, Use: uses[g.r.IntN(len(uses))], Text: text(name + " is not null")})
		if len(parents) > 1 {
			from, name = any()
			f.Reads = append(f.Reads, content.Read{Column: from, Node: int32(i), To: -1, Use: content.Join, Text: text("src_0." + name + " = src_1." + name)})
		}
	}
	slices.SortFunc(f.Edges, func(a, b content.Edge) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Way, b.Way), cmp.Compare(a.Text, b.Text))
	})
	f.Edges = slices.CompactFunc(f.Edges, func(a, b content.Edge) bool { return a.To == b.To && a.From == b.From })
	slices.SortFunc(f.Reads, func(a, b content.Read) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Use, b.Use))
	})
}

func (g *grower) customers() {
	for i := range 20 {
		g.c.Customers = append(g.c.Customers, &content.Customer{
			Name: fmt.Sprintf("customer_%02d", i), Title: fmt.Sprintf("Customer %02d", i), Tier: 1 + i%3, Mode: "tables", Tenants: 1 + i%4, Released: day,
		})
	}
	for i, n := range g.c.Nodes {
		switch {
		case n.Tier == "mart" && g.chance(20):
			n.ForAll = true
			for k := range g.c.Customers {
				n.Customers = append(n.Customers, k)
			}
		case (n.Tier == "dim" || n.Tier == "fct") && g.chance(20):
			a := g.r.IntN(len(g.c.Customers) - 1)
			n.Customers = []int{a, a + 1}
		}
		for _, k := range n.Customers {
			g.c.Customers[k].Nodes = append(g.c.Customers[k].Nodes, i)
		}
	}
}

func (g *grower) terms() {
	for i, s := range subjects {
		t := &content.Term{Name: s, Text: "A **" + s + "** is " + g.prose(14), File: "models/glossary/terms.md"}
		for k := i; k < len(g.c.Nodes); k += 300 {
			t.UsedBy = append(t.UsedBy, k)
		}
		g.c.Terms = append(g.c.Terms, t)
	}
}
