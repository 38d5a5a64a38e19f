package reading

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// builder puts programs together without the compiler.
type builder struct {
	p   *compile.Program
	res *run.Result
	at  time.Time
}

var noon = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func newBuilder(name string) *builder {
	b := &builder{at: noon, p: &compile.Program{
		Project: &project.Project{Settings: project.Settings{Name: project.Value[string]{V: name}, ModelPaths: []string{"models"}}},
		Target:  compile.Target{Name: "dev", Schema: "dev_ada"},
		Nodes:   map[addr.Node]*compile.Node{},
	}}
	b.res = &run.Result{RunID: "r1", Start: noon, Plan: &plan.Plan{}}
	return b
}

func mod(name string) addr.Node  { return addr.Node{Kind: addr.Model, Name: name} }
func src(name string) addr.Node  { return addr.Node{Kind: addr.Source, Name: name} }
func seed(name string) addr.Node { return addr.Node{Kind: addr.Seed, Name: name} }

func (b *builder) add(id addr.Node, path string, parents ...addr.Node) *compile.Node {
	n := &compile.Node{ID: id, Path: path, Parents: parents, Relation: addr.Relation{Schema: "dev_ada", Name: id.Name}}
	n.Config.Enabled = true
	b.p.Nodes[id] = n
	b.p.Order = append(b.p.Order, id)
	for _, parent := range parents {
		if pn := b.p.Nodes[parent]; pn != nil {
			pn.Children = append(pn.Children, id)
		}
	}
	return n
}

// sql gives a model a template and its compiled text, with the way back.
func (b *builder) sql(n *compile.Node, text string) {
	n.File = source.NewFile(n.Path, []byte(text))
	n.Map = &source.Map{}
	var out strings.Builder
	at := 0
	for {
		open := strings.Index(text[at:], "{{ ")
		if open < 0 {
			break
		}
		open += at
		end := strings.Index(text[open:], "}}") + open + 2
		n.Map.Append(source.Segment{Start: out.Len(), End: out.Len() + open - at, Src: n.File.Span(at, open), Verbatim: true})
		out.WriteString(text[at:open])
		inner := text[open:end]
		first, last := strings.Index(inner, `"`), strings.LastIndex(inner, `"`)
		name := strings.ReplaceAll(inner[first+1:last], `" "`, ".")
		to := mod(name)
		if strings.Contains(inner, "source") {
			to = src(name)
		}
		word := strings.Index(inner, "ref")
		if word < 0 {
			word = strings.Index(inner, "source")
		}
		n.Refs = append(n.Refs, compile.Ref{To: to, Span: n.File.Span(open+word, open+last+1)})
		name = `"dev_ada"."` + name + `"`
		n.Map.Append(source.Segment{Start: out.Len(), End: out.Len() + len(name), Src: n.File.Span(open, end)})
		out.WriteString(name)
		at = end
	}
	n.Map.Append(source.Segment{Start: out.Len(), End: out.Len() + len(text) - at, Src: n.File.Span(at, len(text)), Verbatim: true})
	out.WriteString(text[at:])
	n.SQL = out.String()
}

func (b *builder) col(n *compile.Node, name, typ, description string) {
	n.Columns = append(n.Columns, compile.Column{Name: name, Type: typ, Description: description, Declared: description != ""})
}

func (b *builder) test(n *compile.Node, kind, column string, status run.Status, failures int64) *compile.Test {
	yml := source.NewFile(strings.TrimSuffix(n.Path, ".sql")+".yml", []byte(strings.Repeat("\n", 40)))
	name := kind + "_" + n.ID.Name
	if column != "" {
		name += "_" + column
	}
	t := &compile.Test{
		ID: addr.Node{Kind: addr.Test, Name: name}, Kind: kind, Node: n.ID, Column: column,
		Parents: []addr.Node{n.ID}, At: yml.Span(len(b.p.Tests)%40, len(b.p.Tests)%40), Path: yml.Path,
	}
	t.Config.Severity = "error"
	if status == run.Warned {
		t.Config.Severity = "warn"
	}
	b.p.Tests = append(b.p.Tests, t)
	r := b.result(n.ID)
	tr := run.TestResult{ID: t.ID, Of: n.ID, Kind: kind, Status: status, Failures: failures, Severity: t.Config.Severity}
	if failures > 0 {
		tr.Sample = &run.Sample{Columns: []string{"material_id", "tenant_id", column}, Rows: [][]string{{"M-10482", "T-03", "NULL"}, {"M-10533", "T-03", "NULL"}, {"M-11790", "T-07", "NULL"}}}
		tr.SQL = fmt.Sprintf("select *\nfrom \"dev_ada\".%q\nwhere %q is null", n.ID.Name, column)
	}
	r.Tests = append(r.Tests, tr)
	return t
}

func (b *builder) result(id addr.Node) *run.NodeResult {
	for _, r := range b.res.Nodes {
		if r.Node == id {
			return r
		}
	}
	r := &run.NodeResult{Node: id, Verb: plan.Replace, Status: run.Done, Rows: -1, Start: b.at, End: b.at.Add(time.Duration(120+len(b.res.Nodes)*17) * time.Millisecond)}
	b.at = b.at.Add(90 * time.Millisecond)
	b.res.Nodes = append(b.res.Nodes, r)
	b.res.End = r.End
	return r
}

const orderSQL = `{{/* one row per batch of material, with its place in the genealogy */}}
with material as (
    select * from {{ ref "material_stg" }}
),

-- the last machine run that touched each material
runs as (
    select material_id, max(ended_at) as last_run_at, count(*) as run_count
    from {{ ref "transaction" }}
    where status = 'done' and quantity_kg > 0.05
    group by 1
)

select
    m.material_id,
    m.tenant_id,
    m.product_id,
    coalesce(m.tag, 'untagged') as tag,
    m.quantity_kg,
    r.last_run_at,
    m.is_finished_good
from material as m
left join runs as r
    on r.material_id = m.material_id
`

// demo has the shape of the reference project, with a run that found something.
func demo() In {
	b := newBuilder("manufacturing")
	tables := strings.Fields("material transaction transaction_input transaction_output machine machinerun tenant user product purchase sale transfer custom_field location")
	for _, t := range tables {
		s := b.add(src("app."+t), "models/staging/base/app/sources.yml", func() []addr.Node {
			b.add(seed("app_"+t), "seeds/app/app_"+t+".csv").Seed = &project.Seed{Name: "app_" + t, Format: "csv", Size: 48_213}
			b.p.Nodes[seed("app_"+t)].Config.Materialized = "seed"
			return []addr.Node{seed("app_" + t)}
		}()...)
		s.Source = &project.Source{SourceName: project.Value[string]{V: "app"}, Table: project.Value[string]{V: t}, Loader: "replication slot",
			Freshness: &project.Freshness{WarnAfter: project.Period{Count: 6, Unit: "hour"}, ErrorAfter: project.Period{Count: 1, Unit: "day"}}}
		s.Description = "Table `" + t + "` of the application database, loaded as it is."
		n := b.add(mod("bb_"+t), "models/staging/base/app/bb_"+t+".sql", s.ID)
		n.Config.Materialized, n.Config.Tier = "view", "base"
		b.sql(n, "select * from {{ source \"app\" \""+t+"\" }}\n")
		b.col(n, "id", "VARCHAR", "")
		b.col(n, "tenant_id", "VARCHAR", "")
		b.test(n, "not_null", "id", run.Done, 0)
	}
	for _, t := range []string{"package", "lab_result"} {
		s := b.add(src("trackntrace."+t), "models/staging/base/trackntrace/sources.yml")
		b.add(mod("tt_"+t), "models/staging/base/trackntrace/tt_"+t+".sql", s.ID).Config.Materialized = "view"
		b.p.Nodes[mod("tt_"+t)].Config.Tier = "base"
	}
	stg := func(name string, parents ...string) {
		var ids []addr.Node
		for _, p := range parents {
			ids = append(ids, mod(p))
		}
		n := b.add(mod(name+"_stg"), "models/staging/"+name+"_stg.sql", ids...)
		n.Config.Materialized, n.Config.Tier, n.Config.Tags = "view", "stg", []string{"hourly"}
		n.Description = "Typed and renamed " + strings.ReplaceAll(name, "_", " ") + " rows, one per source row. Booleans start with is_ or has_."
		b.col(n, name+"_id", "VARCHAR", "Key of the "+name+".")
		b.col(n, "tenant_id", "VARCHAR", "The customer the row belongs to.")
		b.test(n, "unique", name+"_id", run.Done, 0)
		b.test(n, "not_null", name+"_id", run.Done, 0)
	}
	stg("material", "bb_material", "bb_product", "tt_package", "bb_custom_field")
	stg("transaction", "bb_transaction", "bb_machinerun")
	stg("transaction_input", "bb_transaction_input")
	stg("transaction_output", "bb_transaction_output")
	stg("machine", "bb_machine", "bb_location")
	stg("tenant", "bb_tenant", "bb_user")
	stg("product", "bb_product")
	stg("purchase", "bb_purchase")
	stg("sale", "bb_sale")
	stg("transfer", "bb_transfer", "bb_tenant")
	stg("lab_result", "tt_lab_result")
	core := func(name, tier, mat string, parents ...string) *compile.Node {
		var ids []addr.Node
		for _, p := range parents {
			ids = append(ids, mod(p))
		}
		dir := "models/core/"
		if tier == "report" {
			dir = "models/core/reports/"
		}
		if tier == "internal" {
			dir = "models/internal_core/"
		}
		n := b.add(mod(name), dir+name+".sql", ids...)
		n.Config.Materialized, n.Config.Tier, n.Config.Owner = mat, tier, "data@plant.example"
		n.Description = "About " + strings.ReplaceAll(name, "_", " ") + "."
		r := b.result(n.ID)
		r.Rows, r.Materialized = int64(1000+len(name)*731), mat
		return n
	}
	core("transaction", "fct", "incremental", "transaction_stg", "machine_stg")
	m := core("material", "dim", "table", "material_stg", "transaction", "transaction_input_stg", "transaction_output_stg")
	b.sql(m, orderSQL)
	m.Description = "Every **material** that exists or existed, one row each.\n\nA material is made by a `transaction` from other materials; where it comes from is in [the ancestry](material_ancestry). Rows without an own tag take it from the *track-and-trace* system.\n\n- finished goods have `is_finished_good`\n- see <b>no html</b> and [a dead link](../nowhere.md)"
	m.Config.Tags, m.Config.UniqueKey, m.Config.Access, m.Config.Group, m.Config.Distribute = []string{"daily", "genealogy"}, []string{"material_id"}, "public", "production", "tenant"
	m.Props = &project.Props{At: source.NewFile("models/core/material.yml", nil).Whole()}
	for _, c := range [][3]string{
		{"material_id", "VARCHAR", "Key of the material, unique across tenants."}, {"tenant_id", "VARCHAR", "The customer the material belongs to."},
		{"product_id", "VARCHAR", "What it is. See `dim_product`."}, {"tag", "VARCHAR", "Tag on the package; from track-and-trace where the plant has none."},
		{"quantity_kg", "DECIMAL(18,3)", "What is left, in kilograms."}, {"last_run_at", "TIMESTAMP WITH TIME ZONE", ""}, {"is_finished_good", "BOOLEAN", "Ready to be sold."},
		{"custom_fields", "STRUCT(strain VARCHAR, batch_no INTEGER, harvested_on DATE)", "Fields that the tenant has defined."},
	} {
		b.col(m, c[0], c[1], c[2])
	}
	b.test(m, "unique", "material_id", run.Done, 0)
	b.test(m, "not_null", "material_id", run.Done, 0)
	b.test(m, "not_null", "tag", run.Warned, 37)
	acc := b.test(m, "accepted_values", "tenant_id", run.Done, 0)
	acc.Args = map[string]any{"values": []any{"T-01", "T-02", "T-03"}}
	single := b.test(m, "singular", "", run.Done, 0)
	single.ID.Name = "material_weight_is_conserved"
	single.Node = addr.Node{}
	single.Parents = append(single.Parents, mod("transaction"))
	single.Description = "What goes in comes out: the sum of outputs and waste equals the inputs."
	core("material_ancestry", "fct", "table", "material", "transaction_input_stg", "transaction_output_stg")
	for _, d := range []string{"machine", "tenant", "product"} {
		core("dim_"+d, "dim", "table", d+"_stg")
	}
	for _, f := range []string{"purchase", "sale", "transfer", "lab_result"} {
		core("fct_"+f, "fct", "incremental", f+"_stg", "dim_tenant", "material")
	}
	core("report_production", "report", "table", "transaction", "dim_machine", "dim_product", "material")
	core("report_sales", "report", "table", "fct_sale", "dim_product", "dim_tenant")
	core("report_inventory_valuation", "report", "view", "material", "fct_purchase", "dim_product")
	core("report_machine_history", "report", "view", "transaction", "dim_machine")
	bad := core("report_recall", "report", "table", "material_ancestry", "fct_sale", "fct_lab_result", "fct_transfer")
	r := b.result(bad.ID)
	r.Status, r.Rows = run.Failed, -1
	b.test(bad, "not_null", "buyer_id", run.Failed, 3)
	core("tenant_usage", "internal", "table", "dim_tenant", "transaction", "tenant_stg")
	health := core("platform_health", "internal", "view", "tenant_usage", "report_recall")
	r = b.result(health.ID)
	r.Status, r.Because, r.Rows = run.Skipped, bad.ID, -1
	broken := core("pricing_model", "internal", "table", "fct_sale")
	r = b.result(broken.ID)
	r.Status, r.Rows, r.Diags = run.Errored, -1, diag.List{{Message: `column "list_price" does not exist in "fct_sale"`}}
	b.add(addr.Node{Kind: addr.Snapshot, Name: "product_history"}, "snapshots/product_history.sql", mod("product_stg")).Config.Strategy = "timestamp"
	b.p.UnitTests = []*compile.UnitTest{{ID: addr.Node{Kind: addr.UnitTest, Name: "untagged_material_gets_a_tag"}, Node: m.ID, At: source.NewFile("models/core/material.yml", nil).Whole()}}
	b.p.Exposures = []*compile.Exposure{
		{ID: addr.Node{Kind: addr.Exposure, Name: "recall_app"}, Parents: []addr.Node{bad.ID}, Props: &project.Exposure{Name: project.Value[string]{V: "recall_app"}, Label: "Recall application", Type: project.Value[string]{V: "application"}, URL: "https://recall.example/app", OwnerName: "Quality", OwnerEmail: "quality@plant.example", Description: "Who has got what, within a minute."}},
		{ID: addr.Node{Kind: addr.Exposure, Name: "sales_dashboard"}, Parents: []addr.Node{mod("report_sales")}, Props: &project.Exposure{URL: "javascript:alert(1)", Type: project.Value[string]{V: "dashboard"}}},
	}
	facts := map[addr.Node]Facts{m.ID: {Rows: 4_812_330, Bytes: 381_223_112, BuiltAt: noon.Add(-20 * time.Minute), Columns: []warehouse.Column{{Name: "material_id", Type: "VARCHAR"}, {Name: "loaded_at", Type: "TIMESTAMP", Comment: "When the row came."}}}}
	return In{Program: b.p, Result: b.res, Facts: facts, GeneratedAt: noon.Add(time.Hour), EngineVersion: "0.1.0"}
}

// plain is the smallest project.
func plain() In { return In{Program: newBuilder("empty").p} }

// odd has names and texts that try to break out.
func odd() In {
	b := newBuilder(`</title><script>alert(1)</script>`)
	var last []addr.Node
	for i, name := range []string{
		`a"b`, `<script>alert(1)</script>`, "größe", "日本語の表", `back\slash`, "two\nlines", "$(rm)`x`", "\x00\x01\xff", "../../etc/passwd", ".", "..", "con", "CON",
		"Orders", "orders", "ORDERS", "a b", "a_b", "a%20b", "a?b#c", strings.Repeat("long_", 60), strings.Repeat("long_", 60) + "2", "🚀", "x.y", "x/y", "{{.}}", "${x}`", "-", "'", "\u2028",
	} {
		n := b.add(mod(name), fmt.Sprintf("models/d%d/we ird.dir/%s.sql", i%3, strings.ReplaceAll(name, "\x00", "")), last...)
		n.Config.Materialized, n.Config.Owner = "view", `"><img src=x onerror=alert(1)>`
		n.Description = name + " <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![i](http://evil/x.png) [rel](../x.html) `" + name + "`"
		b.sql(n, "select '</script><b>' as x -- "+name+"\n")
		b.col(n, name, "<i>", "</td>"+name)
		b.col(n, "c", "", "")
		t := b.test(n, "not_null", name, run.Failed, 2)
		t.Description = "</li>" + name
		last = []addr.Node{n.ID}
	}
	b.p.Exposures = []*compile.Exposure{{ID: addr.Node{Kind: addr.Exposure, Name: "x\"y"}, Parents: last}}
	return In{Program: b.p, Result: b.res, Title: "", GeneratedAt: noon}
}
