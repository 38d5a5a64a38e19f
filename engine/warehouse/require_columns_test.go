package warehouse

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
)

func TestSameType(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"int", "INTEGER", true}, {"int8", "bigint", true}, {"int", "bigint", false}, {"text", "VARCHAR", true},
		{"character varying(10)", "varchar (10)", true}, {"varchar(10)", "varchar(11)", false}, {"varchar", "varchar(11)", false},
		{"timestamptz", "timestamp with time zone", true}, {"timestamp", "timestamp without time zone", true}, {"timestamp", "timestamptz", false}, {"DATETIME", "TIMESTAMP", false},
		{"float8", "double precision", true}, {"DOUBLE", "double precision", true}, {"decimal(10,2)", "NUMERIC(10, 2)", true}, {"decimal(10,2)", "numeric(10,3)", false},
		{"STRUCT(a int, b text[])", `STRUCT("a" INTEGER, b VARCHAR[])`, true}, {"STRUCT(a int)", "STRUCT(b int)", false}, {"int[]", "int", false},
		{"", "", true}, {`"`, `"x`, false}, {`a"`, `a`, false}, {"'", "", false},
	} {
		if SameType(c.a, c.b) != c.same || SameType(c.b, c.a) != c.same {
			t.Errorf("SameType(%q, %q) is not %v", c.a, c.b, c.same)
		}
	}
}

func FuzzSameType(f *testing.F) {
	f.Add("STRUCT(a int)", `"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !SameType(a, a) || SameType(a, b) != SameType(b, a) {
			t.Errorf("SameType(%q, %q) is no equality", a, b)
		}
	})
}

func TestRequireColumns(t *testing.T) {
	rel := addr.Relation{Schema: "s", Name: "t"}
	is := func(columns ...Column) func(addr.Relation) (Relation, error) {
		return func(addr.Relation) (Relation, error) {
			return Relation{Name: rel, Kind: Table, Columns: columns}, nil
		}
	}
	a, b := Column{Name: "a", Type: "INTEGER"}, Column{Name: "B", Type: "VARCHAR"}
	for _, c := range []struct {
		name    string
		op      RequireColumns
		columns []Column
		want    []string
	}{
		{"same", RequireColumns{Columns: []Column{{Name: "b", Type: "text"}, a}}, []Column{a, b}, nil},
		{"written", RequireColumns{Columns: []Column{{Name: "a", Type: "BIGINT"}}, Written: map[string]string{"a": "int4"}}, []Column{a}, nil},
		{"order", RequireColumns{Columns: []Column{b, a}, Ordered: true}, []Column{a, b}, []string{`"B" stands elsewhere`}},
		{"all", RequireColumns{Columns: []Column{{Name: "a", Type: "BIGINT"}, {Name: "c"}}, Ordered: true}, []Column{b, a}, []string{`"c" is missing`, `"B" is not declared`, `"a" is INTEGER, not BIGINT`}},
	} {
		c.op.Relation = rel
		ops, err := c.op.Expand(is(c.columns...))
		var e *ContractError
		var got []string
		if errors.As(err, &e) {
			got = e.Parts()
		}
		if d := cmp.Diff(c.want, got); d != "" || len(ops) > 0 || err != nil && e == nil {
			t.Errorf("%s: %v, %v (-want +got):\n%s", c.name, ops, err, d)
		}
	}
}
