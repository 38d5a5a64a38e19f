package warehouse

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/engine-build/engine/engine/addr"
)

// declaredOps lists the types with a method op in the source of this package.
func declaredOps(t *testing.T) map[string]bool {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "op" && fn.Recv != nil {
				out[fn.Recv.List[0].Type.(*ast.Ident).Name] = true
			}
		}
	}
	return out
}

func TestEveryOpIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, o := range ops {
		listed[reflect.TypeOf(o.zero).Name()] = true
		if got := OpName(o.zero); got != o.name {
			t.Errorf("OpName(%T) = %q, want %q", o.zero, got, o.name)
		}
		if Describe(o.zero) == o.name {
			t.Errorf("Describe has no words for %T", o.zero)
		}
	}
	if d := cmp.Diff(declaredOps(t), listed); d != "" {
		t.Errorf("operations of the package and of the list differ:\n%s", d)
	}
}

var values = []any{nil, true, false, int64(0), int64(math.MinInt64), int64(math.MaxInt64), 0.0, 1.0, -1.5, 1e300, 1e21, 5e-324,
	math.Inf(1), math.Inf(-1), "", "a", "null", `<&> "quoted" \ ü 🚀` + "\u2028\n\x00", []byte{0, 255}, []byte{},
	time.Date(2024, 2, 29, 1, 2, 3, 456789012, time.UTC)}

func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		words := []string{"", "orders", `we"ird 'name' <&>`, "ünïcode\n-- x", "select 1"}
		v.SetString(words[r.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case reflect.Slice:
		n := r.IntN(4)
		if n == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(r, v.Index(i))
		}
	case reflect.Interface:
		if x := values[r.IntN(len(values))]; x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.Pointer:
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Map:
		if n := r.IntN(3); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(r, key)
				fill(r, value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64() - r.Int64())
	case reflect.Float64:
		v.SetFloat(r.NormFloat64())
	default:
		panic("fill has no case for " + v.Type().String())
	}
}

func TestOpsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var in []Op
		for _, o := range ops {
			v := reflect.New(reflect.TypeOf(o.zero)).Elem()
			fill(r, v)
			in = append(in, v.Interface().(Op))
		}
		b, err := MarshalOps(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := UnmarshalOps(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		// A row without cells may come back as an empty one.
		if d := cmp.Diff(in, out, cmp.FilterValues(func(a, b []any) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore()), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s\n%s", d, b)
		}
		again, _ := MarshalOps(out)
		if string(again) != string(b) {
			t.Fatalf("not stable:\n%s\n%s", b, again)
		}
	}
}

func TestMarshalOps(t *testing.T) {
	got, err := MarshalOps([]Op{
		CreateSchema{Schema: "core"},
		MergeInto{Target: addr.Relation{Schema: "core", Name: "orders"}, Key: []string{"id"}},
		InsertValues{Rows: [][]any{{int64(1), 1.0, math.NaN(), nil}}},
	})
	want := `[{"op":"create_schema","schema":"core"},` +
		`{"op":"merge_into","target":{"schema":"core","name":"orders"},"key":["id"]},` +
		`{"op":"insert_values","rows":[[1,1.0,{"float":"NaN"},null]]}]`
	if d := cmp.Diff(want, string(got)); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	if _, err := MarshalOps([]Op{InsertValues{Rows: [][]any{{struct{}{}}}}}); err == nil {
		t.Error("a value without a JSON form was written")
	}
}

func TestUnmarshalOpsRefuses(t *testing.T) {
	for _, bad := range []string{`{}`, `[{}]`, `[{"op":"fly"}]`, `[{"op":"sql","text":1}]`, `[{"op":"sql","txet":"x"}]`, `[{"op":"insert_values","rows":[[{"x":"y"}]]}]`, `[`} {
		if _, err := UnmarshalOps([]byte(bad)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func cols(pairs ...string) []Column {
	var out []Column
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, Column{Name: pairs[i], Type: pairs[i+1]})
	}
	return out
}

var target, from = addr.Relation{Schema: "s", Name: "t"}, addr.Relation{Schema: "s", Name: "f"}

func inspectOf(t, f []Column) func(addr.Relation) (Relation, error) {
	return func(r addr.Relation) (Relation, error) {
		have := map[addr.Relation][]Column{target: t, from: f}[r]
		if have == nil {
			return Relation{Name: r}, nil
		}
		return Relation{Name: r, Kind: Table, Columns: have}, nil
	}
}

func TestExpand(t *testing.T) {
	sync := func(policy string, keep ...string) Late {
		return SyncColumns{Target: target, From: from, Policy: policy, Keep: keep}
	}
	old := cols("id", "INTEGER", "Name", "VARCHAR", "gone", "DATE")
	now := cols("ID", "BIGINT", "name", "varchar", "new", "DECIMAL(18, 3)")
	tests := []struct {
		name    string
		op      Late
		t, f    []Column
		want    []Op
		wantErr string
	}{
		{"ignore", sync("ignore"), old, now, nil, ""},
		{"append", sync("append_new_columns"), old, now, []Op{AddColumns{target, cols("new", "DECIMAL(18, 3)")}}, ""},
		{"sync", sync("sync_all_columns"), old, now, []Op{AddColumns{target, cols("new", "DECIMAL(18, 3)")}, DropColumns{target, []string{"gone"}}, RetypeColumns{target, cols("id", "BIGINT")}}, ""},
		{"sync keeps", sync("sync_all_columns", "GONE"), old, now, []Op{AddColumns{target, cols("new", "DECIMAL(18, 3)")}, RetypeColumns{target, cols("id", "BIGINT")}}, ""},
		{"fail", sync("fail"), old, now, nil, "the columns of s.t changed: new: new; gone: gone; id was INTEGER, is BIGINT"},
		{"fail, equal", sync("fail"), cols("a", "DECIMAL(18,3)"), cols("A", "decimal(18, 3)"), nil, ""},
		{"case matters where both exist", sync("fail"), cols("a", "X", "A", "Y"), cols("A", "Y", "a", "X"), nil, ""},
		{"unknown policy", sync("shrug"), old, now, nil, `"shrug" is not a policy for changed columns`},
		{"missing target", sync("fail"), nil, now, nil, "s.t does not exist"},
		{"insert", InsertSelect{Target: target, From: from}, old, now, []Op{InsertSelect{target, from, []string{"id", "Name"}}}, ""},
		{"insert, spelled out", InsertSelect{target, from, []string{"x"}}, nil, nil, []Op{InsertSelect{target, from, []string{"x"}}}, ""},
		{"insert, nothing shared", InsertSelect{Target: target, From: from}, cols("a", "X"), cols("b", "X"), nil, "s.t and s.f have no column in common"},
		{"insert, missing source", InsertSelect{Target: target, From: from}, old, nil, nil, "s.f does not exist"},
		{"merge", MergeInto{Target: target, From: from, Key: []string{"id"}}, old, now, []Op{MergeInto{Target: target, From: from, Key: []string{"id"}, Columns: []string{"id", "Name"}}}, ""},
		{"merge, no key", MergeInto{Target: target, From: from, Key: []string{"new"}}, old, now, nil, `s.t has no column "new"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.op.Expand(inspectOf(tt.t, tt.f))
			if msg := errorText(err); msg != tt.wantErr {
				t.Fatalf("error %q, want %q", msg, tt.wantErr)
			}
			if err != nil {
				return
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			for _, o := range got {
				if NeedsExpand(o) {
					t.Errorf("%T still needs expansion", o)
				}
			}
		})
	}
	var change *SchemaChangeError
	if _, err := sync("fail").Expand(inspectOf(old, now)); !errors.As(err, &change) || len(change.Added) != 1 || len(change.Retyped) != 1 {
		t.Errorf("got %#v", err)
	}
}

func TestUpdateColumns(t *testing.T) {
	o := MergeInto{Key: []string{"ID"}, Columns: []string{"id", "a", "B"}, Exclude: []string{"b"}}
	if d := cmp.Diff([]string{"a"}, o.UpdateColumns()); d != "" {
		t.Error(d)
	}
	o.Update = []string{"B"}
	if d := cmp.Diff([]string{"B"}, o.UpdateColumns()); d != "" {
		t.Error(d)
	}
}

func TestNeedsExpand(t *testing.T) {
	for _, o := range []Op{InsertSelect{}, MergeInto{}, SyncColumns{}, StageSnapshot{}} {
		if !NeedsExpand(o) {
			t.Errorf("%T needs no expansion", o)
		}
	}
	for _, o := range []Op{SQL{}, Swap{}, CloseRows{}, InsertSelect{Columns: []string{"a"}}, MergeInto{Columns: []string{"a"}}} {
		if NeedsExpand(o) {
			t.Errorf("%T needs expansion", o)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
