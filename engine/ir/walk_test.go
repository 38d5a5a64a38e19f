package ir

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kinds are all nodes that have something below them, and some that have not.
func kinds() []Node {
	return []Node{
		&Query{}, &CreateTable{}, &CreateView{}, &Insert{}, &Update{}, &Delete{}, &Merge{}, &Truncate{}, &CreateFunction{}, &Drop{}, &UnsupportedStmt{},
		&SingleRow{}, &Table{}, &Join{}, &Unnest{}, &Filter{}, &Aggregate{}, &SetOp{}, &OrderBy{}, &Limit{}, &With{}, &WithRef{},
		&Recursive{}, &RecursiveRef{}, &Analytic{}, &Project{}, &Sample{}, &TVF{}, &GroupRows{}, &Assert{}, &Barrier{}, &UnsupportedScan{},
		&Literal{}, &Parameter{}, &ColumnRef{}, &Constant{}, &SystemVariable{}, &Call{}, &AggregateCall{}, &WindowCall{}, &Cast{}, &MakeStruct{},
		&GetField{}, &GetJSONField{}, &Flatten{}, &FlattenedArg{}, &ReplaceField{}, &Subquery{}, &WithExpr{}, &ArgumentRef{}, &Lambda{}, &Default{},
		&ArrayAggregate{}, &UnsupportedExpr{},
	}
}

// TestKindsAreAll keeps the list above whole: a type of this package that is a
// scan or an expression, and is not in it, is one the walk may have forgotten.
func TestKindsAreAll(t *testing.T) {
	known := map[string]bool{}
	for _, k := range kinds() {
		known[reflect.TypeOf(k).Elem().Name()] = true
	}
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range pkgs["ir"].Files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				id, ok := field.Type.(*ast.Ident)
				if ok && len(field.Names) == 0 && slices.Contains([]string{"Base", "Of", "Call"}, id.Name) && !known[spec.Name.Name] {
					t.Errorf("%s is in no test of the walk", spec.Name.Name)
				}
			}
			return true
		})
	}
}

var nodeTypes = []reflect.Type{reflect.TypeFor[Expr](), reflect.TypeFor[Scan]()}

// fill puts a new node into every place below v that holds one, and notes them.
func fill(v reflect.Value, made *[]Node) {
	put := func(n Node) {
		*made = append(*made, n)
		v.Set(reflect.ValueOf(n))
	}
	switch v.Type() {
	case nodeTypes[0]:
		put(&Literal{Value: Value{Int: int64(len(*made))}})
		return
	case nodeTypes[1]:
		put(&WithRef{Name: fmt.Sprint(len(*made))})
		return
	case reflect.TypeFor[*ColumnRef]():
		put(&ColumnRef{})
		return
	case reflect.TypeFor[*AggregateCall]():
		put(&AggregateCall{})
		return
	case reflect.TypeFor[*Lambda]():
		put(&Lambda{})
		return
	case reflect.TypeFor[*Table]():
		put(&Table{})
		return
	case reflect.TypeFor[*Query]():
		put(&Query{})
		return
	case reflect.TypeFor[*Type](), reflect.TypeFor[Type](), reflect.TypeFor[Value](), reflect.TypeFor[Params](), reflect.TypeFor[*Column]():
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), made)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), made)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), made)
		}
	}
}

func addresses(list []Node) (out []string) {
	for _, n := range list {
		out = append(out, fmt.Sprintf("%T %p", n, n))
	}
	slices.Sort(out)
	return out
}

func types(list []Node) (out []string) {
	for _, n := range list {
		out = append(out, fmt.Sprintf("%T", n))
	}
	return out
}

func TestChildrenOfEveryNode(t *testing.T) {
	for _, n := range kinds() {
		name := reflect.TypeOf(n).Elem().Name()
		if got := Children(n); len(got) != 0 {
			t.Errorf("an empty %s has %d children", name, len(got))
		}
		var made []Node
		fill(reflect.ValueOf(n).Elem(), &made)
		got := Children(n)
		if d := cmp.Diff(addresses(made), addresses(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if strings.HasPrefix(name, "Unsupported") && len(got) > 0 && name != "UnsupportedScan" {
			t.Errorf("%s has children", name)
		}
	}
}

func rewrite(r *Rewriter, n Node) Node {
	switch n := n.(type) {
	case Stmt:
		return r.Stmt(n)
	case Scan:
		return r.RewriteScan(n)
	case Expr:
		return r.RewriteExpr(n)
	}
	return n
}

func TestRewriteEveryNode(t *testing.T) {
	same := &Rewriter{Scan: func(s Scan) Scan { return s }, Expr: func(e Expr) Expr { return e }}
	for _, n := range kinds() {
		name := reflect.TypeOf(n).Elem().Name()
		var made []Node
		fill(reflect.ValueOf(n).Elem(), &made)
		if got := rewrite(same, n); got != n {
			t.Errorf("%s: nothing changed, and yet it was copied", name)
		}
		before := Children(n)
		var fresh []Node
		change := &Rewriter{
			Scan: func(s Scan) Scan {
				if !slices.Contains(before, Node(s)) {
					return s
				}
				c := reflect.New(reflect.TypeOf(s).Elem())
				c.Elem().Set(reflect.ValueOf(s).Elem())
				fresh = append(fresh, c.Interface())
				return c.Interface().(Scan)
			},
			Expr: func(e Expr) Expr {
				if !slices.Contains(before, Node(e)) {
					return e
				}
				c := reflect.New(reflect.TypeOf(e).Elem())
				c.Elem().Set(reflect.ValueOf(e).Elem())
				fresh = append(fresh, c.Interface())
				return c.Interface().(Expr)
			},
		}
		got := rewrite(change, n)
		if d := cmp.Diff(addresses(made), addresses(Children(n))); d != "" {
			t.Errorf("%s: the rewrite changed its input: %s", name, d)
		}
		if d := cmp.Diff(types(before), types(Children(got))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		after := Children(got)
		for i, c := range before {
			if _, query := c.(*Query); !query && after[i] == c {
				t.Errorf("%s: child %d, a %T, was not rewritten", name, i, c)
			}
		}
	}
}

func TestRewriteRefusesAnotherKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a literal became a sort key")
		}
	}()
	r := &Rewriter{Expr: func(Expr) Expr { return &Literal{} }}
	r.RewriteScan(&OrderBy{Input: &SingleRow{}, Items: []OrderItem{{Expr: &ColumnRef{}}}})
}

func TestInspectStops(t *testing.T) {
	tree := &Query{Scan: &Filter{Input: &Table{Name: "t"}, Where: &Call{Args: []Arg{{Expr: &Literal{}}}}}}
	var got []string
	Inspect(tree, func(n Node) bool {
		got = append(got, fmt.Sprintf("%T", n))
		_, call := n.(*Call)
		return !call
	})
	if d := cmp.Diff([]string{"*ir.Query", "*ir.Filter", "*ir.Table", "*ir.Call"}, got); d != "" {
		t.Error(d)
	}
	Inspect((*Table)(nil), func(Node) bool { t.Error("visited nothing"); return true })
}
