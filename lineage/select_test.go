package lineage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/google/go-cmp/cmp"
)

func model(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }

func value(s string) project.Value[string] { return project.Value[string]{V: s} }

// builder puts programs together without the compiler.
type builder struct{ p *compile.Program }

func newBuilder(name string) *builder {
	return &builder{&compile.Program{
		Project: &project.Project{Settings: project.Settings{
			Name: value(name), ModelPaths: []string{"models"}, SeedPaths: []string{"seeds"}, TestPaths: []string{"tests"},
		}},
		Nodes: map[addr.Node]*compile.Node{},
	}}
}

func (b *builder) node(id addr.Node, path string, parents ...addr.Node) *compile.Node {
	n := &compile.Node{ID: id, Path: path, Parents: parents}
	n.Relation = addr.Relation{Schema: "main", Name: id.Name}
	n.Config.Enabled = true
	dirs := strings.Split(path, "/")
	n.FQN = append(append([]string{b.p.Project.Settings.Name.V}, dirs[1:len(dirs)-1]...), id.Name)
	b.p.Nodes[id] = n
	b.p.Order = append(b.p.Order, id)
	for _, parent := range parents {
		if pn := b.p.Nodes[parent]; pn != nil {
			pn.Children = append(pn.Children, id)
		}
	}
	return n
}

func (b *builder) test(name, kind, path string, parents ...addr.Node) *compile.Test {
	t := &compile.Test{ID: addr.Node{Kind: addr.Test, Name: name}, Kind: kind, Path: path, Parents: parents}
	t.Config.Severity = "error"
	b.p.Tests = append(b.p.Tests, t)
	return t
}

// shop is a small project:
//
//	source app.orders ─ stg_orders ─ orders ─ report
//	seed countries ────────────────┘ └ orders_snapshot
func shop() *compile.Program {
	b := newBuilder("shop")
	src := addr.Node{Kind: addr.Source, Name: "app.orders"}
	s := b.node(src, "models/staging/sources.yml")
	s.Source = &project.Source{SourceName: value("app"), Table: value("orders"), Tags: []string{"raw"}}
	seed := addr.Node{Kind: addr.Seed, Name: "countries"}
	b.node(seed, "seeds/geo/countries.csv")
	stg := b.node(model("stg_orders"), "models/staging/app/stg_orders.sql", src)
	stg.Config.Materialized, stg.Config.Tags, stg.Config.Access = "view", []string{"daily", "stg"}, "private"
	stg.Config.Meta = map[string]any{"pii": true, "team": map[string]any{"name": "ops"}}
	stg.Props = &project.Props{At: source.NewFile("models/staging/schema.yml", nil).Whole()}
	orders := b.node(model("orders"), "models/core/orders.sql", seed, model("stg_orders"))
	orders.Config.Materialized, orders.Config.Tags, orders.Config.Owner = "table", []string{"daily"}, "ops@shop"
	orders.Config.Group, orders.Config.UniqueKey = "finance", []string{"order_id"}
	b.node(model("report"), "models/core/reports/report.sql", model("orders")).Config.Materialized = "view"
	b.node(addr.Node{Kind: addr.Snapshot, Name: "orders_snapshot"}, "snapshots/orders_snapshot.sql", model("orders"))

	b.test("not_null_stg_orders_id", "not_null", "models/staging/schema.yml", model("stg_orders"))
	b.test("orders_are_paid", "singular", "tests/orders_are_paid.sql", model("orders"), model("report"))
	b.test("relationships_orders_country", "relationships", "models/core/schema.yml", model("orders"), seed).Config.Severity = "WARN"
	b.test("source_not_null_app_orders", "not_null", "models/staging/sources.yml", src)
	b.test("unique_orders_id", "unique", "models/core/schema.yml", model("orders")).Config.Tags = []string{"key"}
	b.p.UnitTests = []*compile.UnitTest{{
		ID: addr.Node{Kind: addr.UnitTest, Name: "orders_add_up"}, Node: model("orders"),
		At: source.NewFile("models/core/schema.yml", nil).Whole(),
	}}
	b.p.Exposures = []*compile.Exposure{{
		ID:      addr.Node{Kind: addr.Exposure, Name: "dashboard"},
		Props:   &project.Exposure{OwnerName: "Ada", Tags: []string{"bi"}, At: source.NewFile("models/core/exposures.yml", nil).Whole()},
		Parents: []addr.Node{model("report")},
	}}
	b.p.Disabled = []addr.Node{model("old_orders")}
	return b.p
}

const (
	allTests = " test.not_null_stg_orders_id test.orders_are_paid test.relationships_orders_country test.source_not_null_app_orders test.unique_orders_id unit_test.orders_add_up"
	oTests   = " test.orders_are_paid test.relationships_orders_country test.unique_orders_id unit_test.orders_add_up"
)

func TestSelect(t *testing.T) {
	p := shop()
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"everything", Query{}, "source.app.orders seed.countries model.orders model.report model.stg_orders snapshot.orders_snapshot" + allTests + " exposure.dashboard"},
		{"name with its tests", Query{Select: []string{"orders"}}, "model.orders" + oTests},
		{"test by name", Query{Select: []string{"unique_orders_id"}}, "test.unique_orders_id"},
		{"ancestors", Query{Select: []string{"+stg_orders"}}, "source.app.orders model.stg_orders test.not_null_stg_orders_id test.source_not_null_app_orders"},
		{"one ancestor", Query{Select: []string{"1+orders"}, ResourceTypes: []addr.Kind{addr.Model, addr.Seed, addr.Source}}, "seed.countries model.orders model.stg_orders"},
		{"two ancestors", Query{Select: []string{"2+orders"}, ResourceTypes: []addr.Kind{addr.Source}}, "source.app.orders"},
		{"no hops", Query{Select: []string{"0+orders+0"}, Indirect: "empty"}, "model.orders"},
		{"descendants", Query{Select: []string{"report+"}}, "model.report test.orders_are_paid exposure.dashboard"},
		{"one child", Query{Select: []string{"stg_orders+1"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders model.stg_orders"},
		{"both", Query{Select: []string{"1+orders+1"}, ExcludeResourceTypes: []addr.Kind{addr.Test, addr.UnitTest}}, "seed.countries model.orders model.report model.stg_orders snapshot.orders_snapshot"},
		{"around", Query{Select: []string{"@stg_orders"}, ExcludeResourceTypes: []addr.Kind{addr.Test, addr.UnitTest}}, "source.app.orders seed.countries model.orders model.report model.stg_orders snapshot.orders_snapshot exposure.dashboard"},
		{"parents of a test", Query{Select: []string{"+unique_orders_id"}, ResourceTypes: []addr.Kind{addr.Seed, addr.Model}}, "seed.countries model.orders model.stg_orders"},
		{"parents of an exposure", Query{Select: []string{"1+exposure:dashboard"}, Indirect: "empty"}, "model.report exposure.dashboard"},

		{"folder", Query{Select: []string{"staging"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.stg_orders"},
		{"qualified", Query{Select: []string{"shop.core.orders"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders"},
		{"without project", Query{Select: []string{"core"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders model.report"},
		{"tests have folders too", Query{Select: []string{"core"}, ResourceTypes: []addr.Kind{addr.UnitTest}}, "unit_test.orders_add_up"},
		{"wildcard", Query{Select: []string{"core.*"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders model.report"},
		{"wildcard in name", Query{Select: []string{"shop.*.stg_*"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.stg_orders"},
		{"set", Query{Select: []string{"shop.core.[!r]*"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders"},

		{"union by space", Query{Select: []string{"report countries"}, Indirect: "empty"}, "seed.countries model.report"},
		{"union by repetition", Query{Select: []string{"report", "countries"}, Indirect: "empty"}, "seed.countries model.report"},
		{"intersection", Query{Select: []string{"tag:daily,config.materialized:view"}, Indirect: "empty"}, "model.stg_orders"},
		{"intersection of cones", Query{Select: []string{"+report,stg_orders+"}, Indirect: "empty", ResourceTypes: []addr.Kind{addr.Model}}, "model.orders model.report model.stg_orders"},
		{"exclude", Query{Select: []string{"tag:daily"}, Exclude: []string{"stg_orders"}}, "model.orders" + oTests},
		{"exclude takes tests eagerly", Query{Select: []string{"orders"}, Exclude: []string{"report"}, Indirect: "eager"}, "model.orders test.relationships_orders_country test.unique_orders_id unit_test.orders_add_up"},
		{"exclude from everything", Query{Exclude: []string{"resource_type:model", "snapshots/", "source:*", "exposure:*"}}, "seed.countries"},

		{"path of a folder", Query{Select: []string{"models/core"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.orders model.report"},
		{"path of a folder with slash", Query{Select: []string{"./models/staging/"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.stg_orders"},
		{"path of a file", Query{Select: []string{"models/core/orders.sql"}, Indirect: "empty"}, "model.orders"},
		{"path of the YAML", Query{Select: []string{"path:models/staging/schema.yml"}, Indirect: "empty"}, "model.stg_orders test.not_null_stg_orders_id"},
		{"path glob", Query{Select: []string{"models/*/*.sql"}, Indirect: "empty"}, "model.orders"},
		{"path deep glob", Query{Select: []string{"models/**/r*.sql"}, Indirect: "empty"}, "model.report"},
		{"path backslash", Query{Select: []string{`models\core\orders.sql`}, Indirect: "empty"}, "model.orders"},
		{"file by ending", Query{Select: []string{"orders.sql"}, Indirect: "empty"}, "model.orders"},
		{"csv file", Query{Select: []string{"countries.csv"}, Indirect: "empty"}, "seed.countries"},
		{"file without ending", Query{Select: []string{"file:report"}, Indirect: "empty"}, "model.report"},

		{"tag wildcard", Query{Select: []string{"tag:r?w"}, Indirect: "empty"}, "source.app.orders"},
		{"tag of an exposure", Query{Select: []string{"tag:bi"}}, "exposure.dashboard"},
		{"tag of a test", Query{Select: []string{"tag:key"}}, "test.unique_orders_id"},
		{"source", Query{Select: []string{"source:app"}}, "source.app.orders test.source_not_null_app_orders"},
		{"source table downstream", Query{Select: []string{"source:app.orders+1"}, ResourceTypes: []addr.Kind{addr.Model}}, "model.stg_orders"},
		{"source with project", Query{Select: []string{"source:shop.app.*"}, Indirect: "empty"}, "source.app.orders"},
		{"exposure with project", Query{Select: []string{"exposure:shop.dash*"}}, "exposure.dashboard"},
		{"resource type", Query{Select: []string{"resource_type:snapshot"}}, "snapshot.orders_snapshot"},
		{"config bool", Query{Select: []string{"config.meta.pii:TRUE"}, Indirect: "empty"}, "model.stg_orders"},
		{"config deep", Query{Select: []string{"config.meta.team.name:ops"}, Indirect: "empty"}, "model.stg_orders"},
		{"config key of a mapping", Query{Select: []string{"config.meta:team"}, Indirect: "empty"}, "model.stg_orders"},
		{"config list", Query{Select: []string{"config.unique_key:order_id"}, Indirect: "empty"}, "model.orders"},
		{"config severity folds case", Query{Select: []string{"config.severity:warn"}}, "test.relationships_orders_country"},
		{"test type generic", Query{Select: []string{"orders,test_type:generic"}}, "test.relationships_orders_country test.unique_orders_id"},
		{"test type singular", Query{Select: []string{"test_type:singular"}}, "test.orders_are_paid"},
		{"test type data", Query{Select: []string{"report,test_type:data"}}, "test.orders_are_paid"},
		{"test type unit", Query{Select: []string{"test_type:unit"}}, "unit_test.orders_add_up"},
		{"test name", Query{Select: []string{"test_name:not_*"}}, "test.not_null_stg_orders_id test.source_not_null_app_orders"},
		{"unit test", Query{Select: []string{"unit_test:orders_*"}}, "unit_test.orders_add_up"},
		{"group", Query{Select: []string{"group:finance"}, Indirect: "empty"}, "model.orders"},
		{"access", Query{Select: []string{"access:private"}, Indirect: "empty"}, "model.stg_orders"},
		{"access default", Query{Select: []string{"access:protected"}, Indirect: "empty"}, "model.orders model.report"},
		{"owner", Query{Select: []string{"owner:Ada owner:ops*"}, Indirect: "empty"}, "model.orders exposure.dashboard"},
		{"package", Query{Select: []string{"package:this,resource_type:seed"}, Indirect: "empty"}, "seed.countries"},

		{"cautious holds back", Query{Select: []string{"orders"}, Indirect: "cautious"}, "model.orders test.unique_orders_id unit_test.orders_add_up"},
		{"cautious releases", Query{Select: []string{"orders", "report"}, Indirect: "cautious"}, "model.orders model.report test.orders_are_paid test.unique_orders_id unit_test.orders_add_up"},
		{"buildable", Query{Select: []string{"orders"}, Indirect: "buildable"}, "model.orders test.relationships_orders_country test.unique_orders_id unit_test.orders_add_up"},
		{"empty", Query{Select: []string{"orders"}, Indirect: "empty"}, "model.orders"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, diags := Select(p, c.q)
			if len(diags) > 0 {
				t.Fatalf("diagnostics: %v", diags)
			}
			var names []string
			for _, n := range got.List() {
				names = append(names, n.String())
			}
			if d := cmp.Diff(strings.Fields(c.want), names); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSelectMistakes(t *testing.T) {
	p := shop()
	for _, c := range []struct{ selector, want string }{
		{"order", `warning select-nothing "order": selector "order" matches nothing; did you mean "orders"?`},
		{"+stg_order+", `warning select-nothing "stg_order": selector "+stg_order+" matches nothing; did you mean "stg_orders"?`},
		{"app", `warning select-nothing "app": selector "app" matches nothing; did you mean "source:app"?`},
		{"metric:revenue", `warning select-nothing "revenue": selector "metric:revenue" matches nothing; there is no semantic layer here, so that no project has a metric`},
		{"old_orders", `warning select-nothing "old_orders": selector "old_orders" matches nothing; set enabled: true in its configuration`},
		{"tag:dialy", `warning select-nothing "dialy": selector "tag:dialy" matches nothing; did you mean "daily"?`},
		{"models/cor", `warning select-nothing "models/cor": selector "models/cor" matches nothing; did you mean "models/core"?`},
		{"config.materialized:tabel", `warning select-nothing "tabel": selector "config.materialized:tabel" matches nothing; did you mean "table"?`},
		{"tag:daily,tag:raw", `warning select-nothing "tag:daily,tag:raw": selector "tag:daily,tag:raw" matches nothing; a comma means «and»; write a space for «or»`},
		{"orders x_y_z_1_2", `warning select-nothing "x_y_z_1_2": selector "x_y_z_1_2" matches nothing; `},
		{"@orders+", `error select-syntax "@orders+": selector "@orders+" has both "@" and a trailing "+"; "@" takes all descendants already: drop the "+"`},
		{"+", `error select-syntax "+": selector "+" names nothing; write a name, for example "+orders" or "tag:nightly"`},
		{"a,,b", `error select-syntax "": selector "" names nothing; write a name, for example "+orders" or "tag:nightly"`},
		{"tag:", `error select-syntax "tag:": selector "tag:" names nothing; write a name, for example "+orders" or "tag:nightly"`},
		{"tags:daily", `error select-method "tags": selection method "tags" is not known; did you mean "tag:daily"?`},
		{"state:modified", `error select-syntax "state": selector "state:modified" compares with an earlier state, and none is given; add --state TARGET, or --state FOLDER with state.json or manifest.json (or set ENGINE_STATE)`},
		{"tag.x:daily", `error select-syntax "tag.x": selector "tag.x:daily" gives method "tag" an argument, which only config takes; write "tag:daily"`},
		{"config:view", `error select-syntax "config": selector "config:view" does not name a configuration key; write "config.materialized:view" or "config.meta.owner:finance"`},
		{"resource_type:modle", `error select-syntax "modle": selector "resource_type:modle" has a value that resource_type does not know; did you mean "model"? known values: source, seed, model, snapshot, test, unit_test, exposure, analysis`},
		{"test_type:fast", `error select-syntax "fast": selector "test_type:fast" has a value that test_type does not know; known values: data, generic, schema, singular, unit`},
		{"source:a.b.c.d", `error select-syntax "a.b.c.d": selector "source:a.b.c.d" has too many parts for a source; write "source:name", "source:name.table" or "source:project.name.table"`},
	} {
		t.Run(c.selector, func(t *testing.T) {
			_, diags := Select(p, Query{Select: []string{c.selector}})
			if len(diags) != 1 {
				t.Fatalf("want one diagnostic, got %v", diags)
			}
			d := diags[0]
			if d.At.File == nil || d.At.File.Path != "--select" {
				t.Errorf("span does not point at the flag: %+v", d.At)
			}
			got := fmt.Sprintf("%s %s %q: %s; %s", d.Severity, d.Code, d.At.Text(), d.Message, d.Help)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSelectErrorsSelectNothing(t *testing.T) {
	got, diags := Select(shop(), Query{Select: []string{"orders", "bogus:x"}})
	if !diags.HasErrors() || got.Len() != 0 {
		t.Errorf("got %v with %v", got.List(), diags)
	}
}

func TestSelectIndirectUnknown(t *testing.T) {
	_, diags := Select(shop(), Query{Indirect: "egaer"})
	if len(diags) != 1 || diags[0].Code != codeSelectIndirect || diags[0].Help != `did you mean "eager"?` {
		t.Errorf("got %v", diags)
	}
}

func TestCodesAreCatalogued(t *testing.T) {
	known := map[diag.Code]bool{}
	for _, e := range Codes {
		known[e.Code] = true
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("%s: incomplete entry", e.Code)
		}
	}
	for _, c := range []diag.Code{codeSelectSyntax, codeSelectMethod, codeSelectNothing, codeSelectIndirect} {
		if !known[c] {
			t.Errorf("%s: no entry", c)
		}
	}
}

func TestFnmatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"a*c", "abbbc", true}, {"a*c", "abbbd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"[a-c]x", "bx", true}, {"[a-c]x", "dx", false}, {"[!a-c]x", "dx", true}, {"[]]", "]", true}, {"[a", "[a", true},
		{"*a*b*c*", "xxaxxbxxcxx", true}, {"*.*", "a.b", true}, {"größe_?", "größe_1", true}, {"[x-", "[x-", true},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 200), false},
	} {
		if got := fnmatch(c.pattern, c.s); got != c.want {
			t.Errorf("fnmatch(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func FuzzSelect(f *testing.F) {
	for _, s := range []string{"+a+", "@a", "2+a+3", "tag:x,config.a.b:c", "+", "a b", "[", "config.:x", "@+a", "99999999999999999999+orders", "\xff:\xfe", "**/x"} {
		f.Add(s)
	}
	p := shop()
	f.Fuzz(func(t *testing.T, s string) {
		got, diags := Select(p, Query{Select: []string{s}, Exclude: []string{s}, Indirect: "buildable"})
		if got.Len() != 0 && !diags.HasErrors() && strings.TrimSpace(s) != "" {
			t.Errorf("%q minus itself leaves %v", s, got.List())
		}
	})
}

// large is a layered project of n models with two tests each.
func large(n int) *compile.Program {
	b := newBuilder("large")
	for i := range n {
		var parents []addr.Node
		if i >= n/5 {
			parents = append(parents, model(fmt.Sprintf("model_%05d", i-n/5)))
			if i%3 == 0 {
				parents = append(parents, model(fmt.Sprintf("model_%05d", i*7%(i-n/5+1))))
			}
			if len(parents) == 2 && parents[0] == parents[1] {
				parents = parents[:1]
			}
		}
		name := fmt.Sprintf("model_%05d", i)
		dir := fmt.Sprintf("models/layer_%d/area_%02d/", i/(n/5), i%40)
		b.node(model(name), dir+name+".sql", parents...)
	}
	for i := range n {
		name := fmt.Sprintf("model_%05d", i)
		dir := fmt.Sprintf("models/layer_%d/area_%02d/", i/(n/5), i%40)
		b.test("not_null_"+name, "not_null", dir+"schema.yml", model(name))
		b.test("unique_"+name, "unique", dir+"schema.yml", model(name))
	}
	return b.p
}

// TestSelectingGrowsWithTheProject: ten times the models cost about ten times the work, counted
// in allocations, which are the same on every machine. BenchmarkSelectOne has the time.
func TestSelectingGrowsWithTheProject(t *testing.T) {
	work := func(models int) float64 {
		p := large(models)
		return testing.AllocsPerRun(3, func() {
			if got, diags := Select(p, Query{Select: []string{"model_00700"}}); len(diags) > 0 || got.Len() != 3 {
				t.Fatalf("got %v %v", got.List(), diags)
			}
		})
	}
	if small, big := work(1_000), work(10_000); big > 15*small {
		t.Errorf("selecting one of 10,000 takes %.0f allocations, of 1,000 %.0f", big, small)
	}
}

func BenchmarkSelectOne(b *testing.B) {
	p := large(10_000)
	for b.Loop() {
		Select(p, Query{Select: []string{"model_07000"}})
	}
}

func BenchmarkSelectDescendants(b *testing.B) {
	p := large(10_000)
	for b.Loop() {
		Select(p, Query{Select: []string{"model_00100+"}})
	}
}

// TestSelectVersions selects versions of a model by age and by each of their names.
func TestSelectVersions(t *testing.T) {
	b := newBuilder("shop")
	for i, v := range []string{"1", "2", "3"} {
		version := &project.Version{Model: "orders", V: value(v), Latest: "2", Age: i - 1, All: []string{"1", "2", "3"}}
		n := b.node(model(version.NodeName()), "models/core/"+version.FlatName()+".sql")
		n.Version, n.FQN = version, []string{"shop", "core", "orders", "v" + v}
	}
	b.node(model("plain"), "models/core/plain.sql")
	for _, c := range []struct{ selector, want string }{
		{"orders", "model.orders.v1 model.orders.v2 model.orders.v3"},
		{"orders.v2", "model.orders.v2"},
		{"orders_v2", "model.orders.v2"},
		{"core.orders", "model.orders.v1 model.orders.v2 model.orders.v3"},
		{"shop.core.orders.v3", "model.orders.v3"},
		{"version:latest", "model.orders.v2"},
		{"version:prerelease", "model.orders.v3"},
		{"version:old", "model.orders.v1"},
		{"version:none", "model.plain"},
		{"orders,version:old", "model.orders.v1"},
	} {
		got, ds := Select(b.p, Query{Select: []string{c.selector}})
		var names []string
		for _, n := range got.List() {
			names = append(names, n.String())
		}
		if diff := cmp.Diff(c.want, strings.Join(names, " ")); diff != "" || len(ds) > 0 {
			t.Errorf("%s: %v\n%s", c.selector, ds, diff)
		}
	}
	if _, ds := Select(b.p, Query{Select: []string{"version:newest"}}); !ds.HasErrors() {
		t.Error("version:newest is taken")
	}
}
