package artifact

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

func node(kind addr.Kind, name string) addr.Node { return addr.Node{Kind: kind, Name: name} }

func val[T any](v T, f *source.File) project.Value[T] {
	return project.Value[T]{V: v, At: f.Whole()}
}

var shopMeta = Meta{
	InvocationID: "e08e8877-0a8a-4b11-94fd-458e0151ef42",
	GeneratedAt:  time.Date(2026, 11, 21, 9, 17, 27, 731704000, time.UTC),
	AdapterType:  "duckdb",
	Args:         map[string]any{"which": "build"},
}

// shop is the program that compile makes of testdata/dbt/project, were it an engine project.
func shop(t *testing.T) *compile.Program {
	t.Helper()
	file := func(path string) *source.File {
		data, err := os.ReadFile("testdata/dbt/project/" + path)
		if err != nil {
			t.Fatal(err)
		}
		return source.NewFile(path, data)
	}
	yml := file("models/s.yml")
	rel := func(name string) addr.Relation { return addr.Relation{Database: "shop", Schema: "dev", Name: name} }
	var (
		src       = node(addr.Source, "app.customers")
		seed      = node(addr.Seed, "raw_customers")
		stg       = node(addr.Model, "stg_customers")
		eph       = node(addr.Model, "eph")
		useeph    = node(addr.Model, "useeph")
		customers = node(addr.Model, "customers")
		snap      = node(addr.Snapshot, "snap")
	)
	model := func(id addr.Node, path, materialized string, parents ...addr.Node) *compile.Node {
		n := &compile.Node{
			ID: id, Path: path, File: file(path), FQN: append([]string{"shop"}, strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "models/"), ".sql"), "/")...),
			Relation: rel(id.Name), Parents: parents, SQL: "select 1",
			Config: compile.Config{Enabled: true, Materialized: materialized},
		}
		for _, p := range parents {
			n.Refs = append(n.Refs, compile.Ref{To: p})
		}
		return n
	}
	p := &compile.Program{
		Project: &project.Project{
			Dir: "/home/me/shop",
			Settings: project.Settings{
				Name: val("shop", yml), ModelPaths: []string{"models"}, SeedPaths: []string{"seeds"}, SnapshotPaths: []string{"snapshots"},
				TestPaths: []string{"tests"}, MacroPaths: []string{"macros"}, TargetPath: "target",
			},
			Models:   []*project.File{{Name: "dis", Source: file("models/dis.sql")}},
			Generics: []*project.File{{Name: "dbt_utils_like", Source: file("tests/generic/dbt_utils_like.sql")}},
			Macros:   []*project.File{{Name: "money", Source: source.NewFile("macros/money.tmpl", []byte(`{{ define "cents" }}round({{ . }}, 2){{ end }}`))}},
			Groups:   []*project.Group{{Name: val("fin", yml), OwnerName: "F", OwnerEmail: "f@x.y"}},
			Docs:     []*project.Doc{{Name: "cust", Text: "The customers.", At: file("models/d.md").Whole()}},
			UnitTests: []*project.UnitTest{{
				Name: val("ut", yml), Model: val("customers", yml), At: yml.Whole(), Enabled: true,
				Given:     []project.Given{{Input: val("ref('stg_customers')", yml), Rows: []project.Row{{Cells: map[string]project.Value[any]{"id": {V: int64(1)}, "name": {V: "a"}}}}}},
				Expect:    []project.Row{{Cells: map[string]project.Value[any]{"id": {V: int64(1)}, "name": {V: "a"}}}},
				Overrides: project.Overrides{Vars: map[string]any{"a": int64(1)}, IsIncremental: new(bool)},
			}},
		},
		Target:   compile.Target{Name: "dev", Type: "duckdb", Database: "shop", Schema: "dev", Dialect: duckdb.Dialect{}},
		Nodes:    map[addr.Node]*compile.Node{},
		Order:    []addr.Node{seed, src, eph, stg, useeph, customers, snap},
		Disabled: []addr.Node{node(addr.Model, "dis")},
	}
	p.Nodes[seed] = &compile.Node{
		ID: seed, Path: "seeds/raw_customers.csv", FQN: []string{"shop", "raw_customers"}, Relation: rel("raw_customers"),
		Seed:   trusted(&project.Seed{Name: "raw_customers", Path: "seeds/raw_customers.csv"}, "ec58621f24797889bf6b9713a98d18009ec827a696eff81c89bbcfade7a70767"),
		Config: compile.Config{Enabled: true, ColumnTypes: map[string]string{"id": "integer"}},
		Raw:    project.Config{"column_types": {V: map[string]any{"id": "integer"}}},
		Props:  &project.Props{Kind: addr.Seed, At: yml.Whole()},
	}
	hour, day := project.Period{Count: 1, Unit: "hour"}, project.Period{Count: 2, Unit: "day"}
	p.Nodes[src] = &compile.Node{
		ID: src, Path: "models/s.yml", FQN: []string{"shop", "app", "customers"}, Relation: rel("raw_customers"),
		Source: &project.Source{
			SourceName: val("app", yml), Table: val("customers", yml), Identifier: val("raw_customers", yml), Schema: val("dev", yml),
			SourceDescription: "the app", LoadedAt: val("now()", yml), Freshness: &project.Freshness{WarnAfter: hour, ErrorAfter: day},
			Columns: []*project.Column{{Name: val("id", yml), Description: val("key", yml)}}, At: yml.Whole(),
		},
	}
	p.Nodes[eph] = model(eph, "models/eph.sql", "ephemeral", seed)
	p.Nodes[stg] = model(stg, "models/stg_customers.sql", "view", src)
	p.Nodes[useeph] = model(useeph, "models/useeph.sql", "view", eph)
	p.Nodes[customers] = model(customers, "models/core/customers.sql", "incremental", stg)
	c := p.Nodes[customers]
	c.Description = "The customers."
	c.Config.UniqueKey, c.Config.Tags, c.Config.Meta = []string{"id"}, []string{"core"}, map[string]any{"owner": "me"}
	c.Config.Group, c.Config.Access = "fin", "public"
	c.Raw = project.Config{
		"materialized": {V: "incremental"}, "unique_key": {V: "id"}, "tags": {V: []any{"core"}}, "meta": {V: map[string]any{"owner": "me"}},
		"group": {V: "fin"}, "access": {V: "public"},
	}
	c.Props = &project.Props{Kind: addr.Model, At: yml.Whole(), Columns: []*project.Column{{
		Name: val("id", yml), Description: val("the id", yml), DataType: val("integer", yml), Meta: map[string]any{"x": int64(1)}, Tags: []string{"k"},
	}}}
	p.Nodes[snap] = &compile.Node{
		ID: snap, Path: "snapshots/snap.yml", FQN: []string{"shop", "snap"}, Relation: rel("snap"), File: source.NewFile("snapshots/snap.yml", []byte("select * from {{ ref('customers') }}")),
		Config:  compile.Config{Enabled: true, UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}},
		Raw:     project.Config{"unique_key": {V: "id"}, "strategy": {V: "check"}, "check_cols": {V: "all"}},
		Parents: []addr.Node{customers}, Refs: []compile.Ref{{To: customers}}, SQL: "select 1", Props: &project.Props{At: file("snapshots/snap.yml").Whole()},
	}
	p.Tests = shopTests(src, seed, customers, yml, file("tests/no_negative.sql"))
	p.UnitTests = []*compile.UnitTest{{ID: node(addr.UnitTest, "ut"), Node: customers, At: yml.Whole(), Fingerprint: "e288"}}
	p.Exposures = []*compile.Exposure{{ID: node(addr.Exposure, "dash"), Parents: []addr.Node{customers, src}, Props: &project.Exposure{
		Name: val("dash", yml), Label: "Dash", Type: val("dashboard", yml), URL: "http://x", Maturity: val("high", yml), OwnerName: "A", OwnerEmail: "a@x.y", At: yml.Whole(),
	}}}
	return p
}

func shopTests(src, seed, customers addr.Node, yml, negative *source.File) []*compile.Test {
	generic := func(name, kind, column string, args map[string]any, on addr.Node, more ...addr.Node) *compile.Test {
		return &compile.Test{
			ID: node(addr.Test, name), Kind: kind, Node: on, Column: column, Args: args, Path: "models/s.yml", At: yml.Whole(),
			Parents: append([]addr.Node{on}, more...),
		}
	}
	tests := []*compile.Test{
		generic("av", "accepted_values", "id", map[string]any{"values": []any{int64(1), int64(2)}}, customers),
		generic("dbt_utils_like_customers_1", "dbt_utils_like", "", map[string]any{"a": int64(1)}, customers),
		{ID: node(addr.Test, "no_negative"), Kind: "singular", Path: negative.Path, At: negative.Whole(), Parents: []addr.Node{customers}, SQL: "select 1"},
		generic("not_null_customers_id", "not_null", "id", nil, customers),
		generic("relationships_customers_id__id__ref_raw_customers_", "relationships", "id", map[string]any{"to": seed, "field": "id"}, customers, seed),
		generic("source_not_null_app_customers_id", "not_null", "id", nil, src),
		generic("unique_customers_id", "unique", "id", nil, customers),
	}
	for _, t := range tests {
		if t.Column != "" && t.Node == customers {
			t.Config.Tags = []string{"k"}
		}
	}
	tests[3].Config.Severity, tests[3].Config.Where = "warn", "id > 0"
	return tests
}

func trusted(s *project.Seed, hash string) *project.Seed {
	s.Trust(hash)
	return s
}
