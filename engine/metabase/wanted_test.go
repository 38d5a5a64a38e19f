package metabase

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// program has the nodes, in schema main unless they have a relation.
func program(m *project.Metabase, tests []*compile.Test, nodes ...*compile.Node) *compile.Program {
	p := &compile.Program{Project: &project.Project{}, Nodes: map[addr.Node]*compile.Node{}, Tests: tests}
	p.Project.Settings.Metabase = m
	for _, n := range nodes {
		if n.Relation.IsZero() {
			n.Relation = addr.Relation{Schema: "main", Name: n.ID.Name}
		}
		p.Nodes[n.ID] = n
		p.Order = append(p.Order, n.ID)
	}
	return p
}

func columns(names ...string) []compile.Column {
	var out []compile.Column
	for _, n := range names {
		out = append(out, compile.Column{Name: n})
	}
	return out
}

func says(node, kind, column string, args map[string]any) *compile.Test {
	return &compile.Test{Kind: kind, Node: model(node), Column: column, Args: args}
}

func all(addr.Node) bool { return true }

// kinds are the semantic types wanted: «table.column type», with what it refers to.
func kinds(tables []Table) string {
	var out []string
	for _, t := range tables {
		for _, c := range t.Columns {
			if v, said := c.Set[semanticType]; said {
				word := "nothing"
				if s, ok := v.(string); ok {
					word = strings.TrimPrefix(s, "type/")
				}
				if c.To != nil {
					word += " " + c.To.Schema + "." + c.To.Table + "." + c.To.Column
				}
				out = append(out, t.Name+"."+c.Name+" "+word)
			}
		}
	}
	return strings.Join(out, "; ")
}

func TestKeysOfTables(t *testing.T) {
	refer := func(to string) map[string]any { return map[string]any{"to": model(to), "field": "id"} }
	some := says("orders", "unique", "id", nil)
	some.Config = datatest.Config{Where: "id > 0"}
	constraint := func(kind string, columns ...string) warehouse.Constraint {
		return warehouse.Constraint{Type: kind, Columns: columns}
	}
	foreign := constraint("foreign_key", "customer_id")
	foreign.To, foreign.ToColumns = addr.Relation{Schema: "main", Name: "people"}, []string{"no"}
	for _, c := range []struct {
		name  string
		node  compile.Node
		tests []*compile.Test
		want  string
	}{
		{"unique and not null", compile.Node{}, []*compile.Test{says("orders", "unique", "ID", nil), says("orders", "not_null", "id", nil)}, "orders.id PK"},
		{"unique only", compile.Node{}, []*compile.Test{says("orders", "unique", "id", nil)}, ""},
		{"unique in part", compile.Node{}, []*compile.Test{some, says("orders", "not_null", "id", nil)}, ""},
		{"two of them: the key", compile.Node{Config: compile.Config{UniqueKey: []string{"code"}}}, []*compile.Test{says("orders", "unique", "id", nil), says("orders", "not_null", "id", nil), says("orders", "unique", "code", nil), says("orders", "not_null", "code", nil)}, "orders.code PK"},
		{"two of them: the first", compile.Node{}, []*compile.Test{says("orders", "unique", "code", nil), says("orders", "not_null", "code", nil), says("orders", "unique", "id", nil), says("orders", "not_null", "id", nil)}, "orders.id PK"},
		{"a constraint is stronger", compile.Node{Constraints: []warehouse.Constraint{constraint("primary_key", "code", "customer_id")}}, []*compile.Test{says("orders", "unique", "id", nil), says("orders", "not_null", "id", nil)}, "orders.customer_id PK; orders.code PK"},
		{"relationships", compile.Node{}, []*compile.Test{says("orders", "relationships", "customer_id", refer("customers"))}, "orders.customer_id FK main.customers.id"},
		{"of an ephemeral model", compile.Node{}, []*compile.Test{says("orders", "relationships", "customer_id", refer("passing"))}, ""},
		{"a foreign key is stronger", compile.Node{Constraints: []warehouse.Constraint{foreign}}, []*compile.Test{says("orders", "relationships", "customer_id", refer("customers"))}, "orders.customer_id FK main.people.no"},
		{"meta is stronger still", compile.Node{Columns: []compile.Column{{Name: "customer_id", Meta: map[string]any{"metabase.fk_target_table": `"other"."clients"`, "metabase.fk_target_field": "key"}}}, Constraints: []warehouse.Constraint{foreign}}, nil, "orders.customer_id FK other.clients.key"},
		{"meta names a model", compile.Node{Columns: []compile.Column{{Name: "customer_id", Meta: map[string]any{"metabase.fk_target_table": "aliased", "metabase.fk_target_field": "id"}}}}, nil, "orders.customer_id FK elsewhere.real_name.id"},
		{"meta says what it is", compile.Node{Columns: []compile.Column{{Name: "customer_id", Meta: map[string]any{"metabase.semantic_type": "type/Category"}}}}, []*compile.Test{says("orders", "relationships", "customer_id", refer("customers"))}, "orders.customer_id Category"},
		{"meta says nothing at all", compile.Node{Columns: []compile.Column{{Name: "customer_id", Meta: map[string]any{"metabase.semantic_type": nil}}}}, []*compile.Test{says("orders", "relationships", "customer_id", refer("customers"))}, "orders.customer_id nothing"},
	} {
		n := c.node
		n.ID = model("orders")
		if n.Columns == nil {
			n.Columns = columns("id", "customer_id", "code")
		}
		p := program(nil, c.tests, &n, &compile.Node{ID: model("customers"), Columns: columns("name")},
			&compile.Node{ID: model("passing"), Config: compile.Config{Materialized: "ephemeral"}},
			&compile.Node{ID: model("aliased"), Relation: addr.Relation{Schema: "elsewhere", Name: "real_name"}})
		got, list := Wanted(p, all)
		if d := cmp.Diff(c.want, kinds(got)); d != "" || len(list) > 0 {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, list, d)
		}
	}
}

// TestChosen: schemas, sources that the project makes itself, ephemeral models.
func TestChosen(t *testing.T) {
	texts := func(words ...string) (out []project.Value[string]) {
		for _, w := range words {
			out = append(out, project.Value[string]{V: w})
		}
		return out
	}
	source := func(name, schema string, parents ...addr.Node) *compile.Node {
		return &compile.Node{ID: addr.Node{Kind: addr.Source, Name: name}, Relation: addr.Relation{Schema: schema, Name: "t"}, Source: &project.Source{}, Parents: parents}
	}
	p := program(&project.Metabase{Schemas: texts("dw*", "raw"), ExcludeSchemas: texts("dw_secret")}, nil,
		&compile.Node{ID: model("a"), Relation: addr.Relation{Schema: "dw", Name: "a"}}, &compile.Node{ID: model("b"), Relation: addr.Relation{Schema: "dw_secret", Name: "b"}},
		&compile.Node{ID: model("c"), Relation: addr.Relation{Schema: "dw_core", Name: "c"}}, &compile.Node{ID: model("d"), Relation: addr.Relation{Schema: "other", Name: "d"}},
		source("app.t", "raw"), source("own.t", "dw", model("a")))
	got, list := Wanted(p, all)
	var names []string
	for _, w := range got {
		names = append(names, w.Node.String())
	}
	some, _ := Wanted(p, func(n addr.Node) bool { return n == model("c") })
	for _, w := range some {
		if w.Beside != (w.Node != model("c")) {
			t.Errorf("%s beside: %v", w.Node, w.Beside)
		}
	}
	if len(some) != len(got) {
		t.Errorf("%d of %d tables", len(some), len(got))
	}
	if d := cmp.Diff([]string{"model.a", "model.c", "source.app.t"}, names); d != "" || len(list) > 0 {
		t.Errorf("%v %s", list, d)
	}
	if n := len(Relations(p)); n != 5 {
		t.Errorf("%d relations", n)
	}
}

// TestBadMeta: whatever stands in meta, there is an answer.
func TestBadMeta(t *testing.T) {
	for _, c := range []struct {
		key  string
		v    any
		want string
	}{
		{"metabase.semantic_typ", "type/PK", `did you mean "metabase.semantic_type"?`},
		{"metabase.semantic_type", "PK", "begins with type/"},
		{"metabase.semantic_type", "type/", "begins with type/"},
		{"metabase.semantic_type", int64(1), "want text"},
		{"metabase.decimals", "two", "want a whole number"},
		{"metabase.decimals", int64(-1), "want a whole number"},
		{"metabase.visibility_type", "retired", `use "hidden"`},
		{"metabase.visibility_type", "invisible", "want one of normal, details-only, sensitive, hidden"},
		{"metabase.scale", true, "want a number"},
		{"metabase.date_abbreviate", "yes", "want true or false"},
		{"metabase.has_field_values", "all", "want one of none, list"},
		{"metabase.points_of_interest", "x", "keys are "}, // a table's
		{"metabase", map[string]any{"display_name": "x"}, "write each of its keys by itself"},
		{"metabase.display_name", []any{"x"}, "want text"},
		{"metabase.fk_target_field", "id", "give both"},
		{"metabase.scale", int64(2), ""},
		{"metabase.semantic_type", "", ""},
		{"other.semantic_type", 1.5, ""},
		{"metabase", "anything", ""},
	} {
		_, list := Wanted(program(nil, nil, &compile.Node{ID: model("m"), Columns: []compile.Column{{Name: "a", Meta: map[string]any{c.key: c.v}}}}), all)
		switch {
		case c.want == "" && len(list) == 0:
		case c.want == "" || len(list) != 1 || !strings.Contains(list[0].Help, c.want):
			t.Errorf("%s: %v: %+v", c.key, c.v, list)
		}
	}
}
