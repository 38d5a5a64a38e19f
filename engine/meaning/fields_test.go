package meaning_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
)

// nodes are all scans and expressions.
func nodes() []ir.Node {
	return []ir.Node{
		&ir.SingleRow{}, &ir.Table{}, &ir.Join{}, &ir.Unnest{}, &ir.Filter{}, &ir.Aggregate{}, &ir.SetOp{}, &ir.OrderBy{}, &ir.Limit{}, &ir.With{}, &ir.WithRef{},
		&ir.Recursive{}, &ir.RecursiveRef{}, &ir.Analytic{}, &ir.Project{}, &ir.Sample{}, &ir.TVF{}, &ir.GroupRows{}, &ir.Assert{}, &ir.Barrier{}, &ir.UnsupportedScan{},
		&ir.Literal{}, &ir.Parameter{}, &ir.ColumnRef{}, &ir.Constant{}, &ir.SystemVariable{}, &ir.Call{}, &ir.AggregateCall{}, &ir.WindowCall{}, &ir.Cast{}, &ir.MakeStruct{},
		&ir.GetField{}, &ir.GetJSONField{}, &ir.Flatten{}, &ir.FlattenedArg{}, &ir.ReplaceField{}, &ir.Subquery{}, &ir.WithExpr{}, &ir.ArgumentRef{}, &ir.Lambda{}, &ir.Default{},
		&ir.ArrayAggregate{}, &ir.UnsupportedExpr{},
	}
}

// silent are the fields that mean nothing, and why.
var silent = map[string]string{
	"Span.Start": "a place", "Span.End": "a place", "Base.Span": "a place", "Of.Span": "a place",
	"Base.Columns": "what is read of them counts", "Base.IsOrdered": "it follows from ORDER BY",
	"Column.Name": "for people", "Column.Table": "for people", "Column.ID": "an identity", "Column.Type": "that of what defines it",
	"Table.Alias": "for people", "Table.Pseudo": "tested where columns are read", "Table.Names": "tested where columns are read",
	"WithEntry.Name": "a name within the query", "WithRef.Name": "a name within the query", "With.Recursive": "the Recursive scan tells",
	"Literal.Typed": "how it is written", "Cast.Implicit": "how it is written", "Join.Using": "how it is written",
	"Join.Params": "what the right side reads", "Subquery.Params": "what the subquery reads", "Lambda.Params": "what the body reads",
	"ColumnRef.Correlated": "it follows from where the column comes from", "ColumnRef.Of.Type": "the column's",
	"Computed.Deferred": "a name for an error, which counts where it is read",
	"Unnest.Elements":   "an identity", "GroupingCall.Column": "an identity",
	"Recursive.Depth": "an identity", "TVF.Names": "those that are read count", "TVF.Index": "see TestColumns",
	"Recursive.Anchor": "by its fields", "Recursive.Step": "by its fields", "Computed.Column": "by its fields", "Literal.Value": "by its fields",
	"ColumnRef.Column": "by its fields", "Call.Sig": "by its fields", "Cast.Params": "by its fields", "ArrayAggregate.Element": "by its fields",
	"Frame.Start": "by its fields", "Frame.End": "by its fields",
}

// unread are the lists where what is put into an empty one is not read.
var unread = []string{
	"Unnest.Offset", "Aggregate.Aggs", "Aggregate.Grouping", "With.Entries", "Recursive.Depth", "Analytic.Groups", "Project.Exprs",
	"GroupRows.Inputs", "WithExpr.Assign", "ArrayAggregate.Pre", "Sample.Weight",
}

// maker fills nodes with others.
type maker struct {
	id int
	n  int64
}

func (m *maker) literal() ir.Expr {
	m.n++
	return &ir.Literal{Of: ir.Of{Type: ir.TypeOf(ir.Int64)}, Value: ir.Value{Type: ir.TypeOf(ir.Int64), Int: m.n}}
}

func (m *maker) fresh() ir.Column {
	m.id++
	return ir.Column{ID: ir.ColumnID(100 + m.id), Type: ir.TypeOf(ir.Int64)}
}

// known is a column that was read before.
var known = ir.Column{ID: 1, Name: "a", Type: ir.TypeOf(ir.Int64)}

func (m *maker) table() *ir.Table {
	return &ir.Table{Name: fmt.Sprint("t", m.id), Base: ir.Base{Columns: []ir.Column{m.fresh()}}, Names: []string{"a"}}
}

// fill sets every field below v. within is the name of the struct that holds it.
func (m *maker) fill(v reflect.Value, within string) {
	switch v.Type() {
	case reflect.TypeFor[ir.Expr]():
		v.Set(reflect.ValueOf(m.literal()))
		return
	case reflect.TypeFor[ir.Scan]():
		v.Set(reflect.ValueOf(m.table()))
		return
	case reflect.TypeFor[*ir.ColumnRef]():
		v.Set(reflect.ValueOf(&ir.ColumnRef{Column: known, Of: ir.Of{Type: known.Type}}))
		return
	case reflect.TypeFor[*ir.AggregateCall]():
		v.Set(reflect.ValueOf(&ir.AggregateCall{Call: ir.Call{Name: "count", Group: "GoogleSQL", Args: []ir.Arg{{Expr: m.literal()}}}}))
		return
	case reflect.TypeFor[*ir.Lambda]():
		v.Set(reflect.ValueOf(&ir.Lambda{Body: m.literal()}))
		return
	case reflect.TypeFor[*ir.Type]():
		v.Set(reflect.ValueOf(ir.TypeOf(ir.Int64)))
		return
	case reflect.TypeFor[ir.Column]():
		c := m.fresh()
		if within == "SetItem" || within == "TVFArg" {
			c = known
		}
		v.Set(reflect.ValueOf(c))
		return
	case reflect.TypeFor[ir.ColumnID]():
		if within == "Computed" {
			return
		}
		v.SetInt(1)
		return
	case reflect.TypeFor[ir.Span]():
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.fill(v.Elem(), within)
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]ir.Value]() || v.Type() == reflect.TypeFor[[]ir.Params]() || within == "Base" && v.Type() == reflect.TypeFor[[]ir.Column]() {
			return // of its own kind, and columns that the input has
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		m.fill(v.Index(0), within)
	case reflect.Struct:
		for i := range v.NumField() {
			m.fill(v.Field(i), v.Type().Name())
		}
	case reflect.String:
		m.n++
		v.SetString(fmt.Sprint("s", m.n))
	}
}

// query puts a node where all of it is read.
func query(m *maker, n ir.Node) *ir.Query {
	left := &ir.Table{Name: "t", Base: ir.Base{Columns: []ir.Column{known}}, Names: []string{"a"}}
	var below ir.Scan = left
	out := m.fresh()
	var e ir.Expr = &ir.ColumnRef{Column: known}
	switch n := n.(type) {
	case ir.Scan:
		below = &ir.Join{Left: left, Right: n}
		call := &ir.Call{Name: "all", Group: "GoogleSQL"}
		for _, c := range n.Out() {
			call.Args = append(call.Args, ir.Arg{Expr: &ir.ColumnRef{Column: c}})
		}
		e = call
	case ir.Expr:
		e = n
	}
	p := &ir.Project{Base: ir.Base{Columns: []ir.Column{out}}, Input: below, Exprs: []ir.Computed{{Column: out, Expr: e}}}
	// A limit without an order makes every ORDER BY count.
	return &ir.Query{Output: []ir.Output{{Name: "x", Column: out}}, Scan: &ir.Limit{Base: p.Base, Input: p, Limit: m.literal()}}
}

// mutate changes every leaf below v, one at a time, and calls f while it is changed.
func mutate(v reflect.Value, path, field string, f func(path, field string)) {
	with := func(x reflect.Value) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(x)
		f(path, field)
		v.Set(old)
	}
	m := &maker{id: 5000, n: 5000}
	switch v.Type() {
	case reflect.TypeFor[ir.Expr]():
		with(reflect.ValueOf(m.literal()))
		if !v.IsNil() {
			with(reflect.Zero(v.Type()))
		}
		return
	case reflect.TypeFor[ir.Scan]():
		if v.IsNil() {
			with(reflect.ValueOf(m.table()))
			return
		}
		other := &ir.Table{Name: "other", Base: ir.Base{Columns: v.Interface().(ir.Scan).Out()}, Names: []string{"a"}}
		with(reflect.ValueOf(other))
		return
	case reflect.TypeFor[*ir.Type]():
		with(reflect.ValueOf(ir.TypeOf(ir.Date)))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			with(reflect.Zero(v.Type()))
		}
		x := reflect.New(v.Type().Elem())
		m.fill(x.Elem(), "")
		if call, ok := x.Interface().(*ir.AggregateCall); ok {
			call.Name, call.Group = "countif", "GoogleSQL"
		}
		with(x)
		if !v.IsNil() && v.Type() != reflect.TypeFor[*ir.ColumnRef]() {
			mutate(v.Elem(), path, field, f)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			with(v.Slice(0, v.Len()-1))
			mutate(v.Index(0), path, field, f)
			return
		}
		x := reflect.MakeSlice(v.Type(), 1, 1)
		m.fill(x.Index(0), "")
		with(x)
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			mutate(v.Field(i), path+"."+v.Type().Field(i).Name, name, f)
		}
	case reflect.String:
		with(reflect.ValueOf(v.String() + "x").Convert(v.Type()))
	case reflect.Bool:
		with(reflect.ValueOf(!v.Bool()))
	case reflect.Float64:
		with(reflect.ValueOf(v.Float() + 1))
	default:
		x := reflect.New(v.Type()).Elem()
		if v.CanUint() {
			x.SetUint(v.Uint() + 2) // 1 is what is meant without a word, for NULLS FIRST
		} else {
			x.SetInt(v.Int() + 1)
		}
		with(x)
	}
}

// TestEveryFieldCounts changes every field of every node, one at a time: the meaning is
// another one, or there is none any more, but for the fields that say nothing.
func TestEveryFieldCounts(t *testing.T) {
	counted, kinds := map[string]bool{}, map[string]bool{}
	names := meaning.Names{Function: func(name string) (meaning.Function, bool) { return meaning.Function{Text: "body of " + name}, true }}
	for _, n := range nodes() {
		kind := reflect.TypeOf(n).Elem().Name()
		kinds[kind] = true
		for _, bare := range []bool{false, true} { // the fields set at first, and not
			m := &maker{}
			n := reflect.New(reflect.TypeOf(n).Elem()).Interface()
			v := reflect.ValueOf(n).Elem()
			if bare {
				for i := range v.NumField() { // what must be there
					switch f := v.Field(i); {
					case v.Type().Field(i).Name == "Keys", v.Type().Field(i).Name == "Arrays", f.Type() == reflect.TypeFor[ir.Scan](), f.Type() == reflect.TypeFor[*ir.ColumnRef](), f.Type() == reflect.TypeFor[ir.SetItem](), f.Type() == reflect.TypeFor[ir.Column]():
						m.fill(f, kind)
					}
				}
				if _, ok := n.(*ir.ColumnRef); ok {
					continue
				}
			} else {
				m.fill(v, "")
			}
			var entry ir.Scan
			switch n := n.(type) {
			case *ir.Call:
				n.Args = append(n.Args, ir.Arg{Expr: m.literal()})
			case *ir.Table:
				n.Columns = []ir.Column{m.fresh()}
				n.Names, n.Pseudo = []string{"a"}, []bool{false}
			case *ir.SetOp:
				n.Columns = []ir.Column{m.fresh()}
				n.Kind = ir.UnionDistinct
				n.Items = append(n.Items, ir.SetItem{Scan: m.table(), Columns: []ir.Column{known}}, ir.SetItem{Scan: m.table(), Columns: []ir.Column{known}})
			case *ir.Recursive:
				n.Columns = []ir.Column{m.fresh()}
			case *ir.TVF:
				n.Columns = []ir.Column{m.fresh()}
				for i := range n.Args {
					n.Args[i].Name = ""
				}
			case *ir.ColumnRef:
				n.Column = known
			case *ir.Lambda:
				n.Body = &ir.Call{Args: []ir.Arg{{Expr: &ir.ColumnRef{Column: known}}, {Expr: n.Body}}}
			case *ir.Join:
				n.Kind, n.Lateral = ir.Left, false
			case *ir.Aggregate:
				n.Sets = [][]ir.ColumnID{{}}
				for _, k := range n.Keys {
					n.Sets[0] = append(n.Sets[0], k.Column.ID)
				}
				for i := range n.Grouping {
					n.Grouping[i].Key = n.Keys[0].Column.ID
				}
				n.Columns = append(n.Columns, n.Keys[0].Column)
				for _, a := range n.Aggs {
					n.Columns = append(n.Columns, a.Column)
				}
				for _, g := range n.Grouping {
					n.Columns = append(n.Columns, g.Column)
				}
			case *ir.Analytic:
				for _, g := range n.Groups {
					n.Columns = append(n.Columns, g.Calls[0].Column)
				}
			case *ir.Project:
				for _, x := range n.Exprs {
					n.Columns = append(n.Columns, x.Column)
				}
			case *ir.GroupRows:
				for _, x := range n.Inputs {
					n.Columns = append(n.Columns, x.Column)
				}
			case *ir.WithExpr:
				for _, x := range n.Assign {
					n.Expr = &ir.ColumnRef{Column: x.Column}
				}
			case *ir.ArrayAggregate:
				for _, x := range n.Pre {
					n.Agg.Args = []ir.Arg{{Expr: &ir.ColumnRef{Column: x.Column}}}
				}
			case *ir.Unnest:
				n.Columns = append(n.Columns, n.Elements...)
				if n.Offset != nil {
					n.Columns = append(n.Columns, *n.Offset)
				}
			case *ir.Sample:
				if n.Weight != nil {
					n.Columns = append(n.Columns, *n.Weight)
				}
			case *ir.With:
				if len(n.Entries) > 0 {
					n.Columns = []ir.Column{m.fresh()}
					n.Body = &ir.WithRef{Name: n.Entries[0].Name, Base: n.Base}
				}
			case *ir.WithRef:
				n.Name, n.Columns, entry = "c", []ir.Column{m.fresh()}, m.table()
			}
			for _, f := range []string{"Arg", "Args"} { // an argument is one of these
				if f := v.FieldByName(f); f.IsValid() && f.Type() == reflect.TypeFor[[]ir.Arg]() {
					for i := range f.Len() {
						a := f.Index(i).Addr().Interface().(*ir.Arg)
						a.Model, a.Connection = "", ""
					}
				}
			}
			q := query(m, n)
			if entry != nil {
				q.Scan = &ir.With{Base: *base(q.Scan), Entries: []ir.WithEntry{{Name: "c", Scan: entry}}, Body: q.Scan}
			}
			if _, ok := n.(*ir.RecursiveRef); ok {
				continue // it stands in a Recursive only, and has no field of its own
			}
			before, why := meaning.Of(q, names)
			if before == nil {
				if !strings.HasPrefix(kind, "Unsupported") {
					t.Errorf("%s has no meaning: %s", kind, why)
				}
				counted[kind+".What"] = true
				continue
			}
			mutate(v, kind, kind, func(path, field string) {
				if again := kind + strings.TrimPrefix(path, kind); silent[field] != "" || silent[again] != "" || bare && slices.Contains(unread, field) {
					counted[field] = true
					return
				}
				after, _ := meaning.Of(q, names)
				if after != nil && after.Hash == before.Hash {
					t.Errorf("%s (%s) does not count", path, field)
				}
				counted[field] = true
			})
			if again, _ := meaning.Of(q, names); again == nil || again.Hash != before.Hash {
				t.Fatalf("the test left %s changed", kind)
			}
		}
	}
	q := query(&maker{}, &ir.SingleRow{})
	before, _ := meaning.Of(q, names)
	mutate(reflect.ValueOf(&q.ValueTable).Elem(), "Query", "Query.ValueTable", func(_, field string) {
		after, _ := meaning.Of(q, names)
		counted[field] = after.Hash != before.Hash
	})
	mutate(reflect.ValueOf(&q.Output[0].Name).Elem(), "Query", "Output.Name", func(_, field string) {
		after, _ := meaning.Of(q, names)
		counted[field] = after.Hash != before.Hash
	})
	for _, f := range fields(t, kinds) {
		if !counted[f] && silent[f] == "" {
			t.Errorf("the test has not changed %s", f)
		}
	}
}

func base(s ir.Scan) *ir.Base { return &ir.Base{Columns: s.Out()} }

// fields are those of all structs that a query may hold; a scan or an expression that is
// not in kinds is a mistake of the test.
func fields(t *testing.T, kinds map[string]bool) []string {
	t.Helper()
	statements := []string{"CreateTable", "CreateView", "Insert", "Update", "Delete", "Merge", "Truncate", "CreateFunction", "Drop", "UnsupportedStmt", "AlterTable", "AlterAction",
		"ColumnDef", "UpdateItem", "When", "Returning", "FunctionArg", "Rewriter"}
	whole := map[string]string{"Type": "compared as it prints", "Field": "part of a type", "Query": "its parts are", "Output": "its parts are", "Params": "below a cast"}
	var out []string
	pkgs, err := parser.ParseDir(token.NewFileSet(), "../ir", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range pkgs["ir"].Files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() || slices.Contains(statements, spec.Name.Name) || whole[spec.Name.Name] != "" {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				if id, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 && !kinds[spec.Name.Name] && slices.Contains([]string{"Base", "Of", "Call"}, id.Name) {
					t.Errorf("%s is in no test", spec.Name.Name)
				}
				for _, name := range field.Names {
					out = append(out, spec.Name.Name+"."+name.Name)
				}
			}
			return true
		})
	}
	return append(out, "Query.ValueTable", "Output.Name")
}

// TestColumns: what the fields of a table say of its columns counts where they are read.
func TestColumns(t *testing.T) {
	make := func(change func(*ir.Table)) string {
		s := &ir.Table{Name: "t", Base: ir.Base{Columns: []ir.Column{known}}, Names: []string{"a"}, Pseudo: []bool{false}}
		change(s)
		m, _ := meaning.Of(&ir.Query{Output: []ir.Output{{Name: "x", Column: known}}, Scan: s}, meaning.Names{})
		return m.Hash + " " + show(m.Reads)
	}
	seen := map[string]bool{}
	for _, change := range []func(*ir.Table){
		func(*ir.Table) {}, func(s *ir.Table) { s.Names[0] = "b" }, func(s *ir.Table) { s.Pseudo[0] = true }, func(s *ir.Table) { s.Name = "u" },
		func(s *ir.Table) { s.Columns[0].Type = ir.TypeOf(ir.Date) }, func(s *ir.Table) { s.Names = nil },
	} {
		seen[make(change)] = true
	}
	if len(seen) != 6 {
		t.Errorf("6 reads, %d meanings: %v", len(seen), seen)
	}
	function := func(names ...string) string {
		s := &ir.TVF{Name: "f", Base: ir.Base{Columns: []ir.Column{known}}, Index: []int{len(names) - 1}, Names: names}
		m, _ := meaning.Of(&ir.Query{Output: []ir.Output{{Name: "x", Column: known}}, Scan: s}, meaning.Names{Function: func(string) (meaning.Function, bool) { return meaning.Function{}, true }})
		return m.Hash
	}
	if function("a") == function("", "a") || function("a") == function("b") {
		t.Error("the column of a table function that is read does not count")
	}
}
