package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// bridge is the parsed go-googlesql package.
type bridge struct {
	enums   map[string]*enum
	values  map[string]*value // structs sent by value
	structs map[string]string // handle type -> embedded base ("" for none)
	calls   []*call
	frees   map[string]string // handle type -> "Inv_3_4"
	env     []*ast.FuncDecl   // host imports
	fset    *token.FileSet
}

type enum struct {
	name   string
	consts []enumConst
}

type enumConst struct{ name, value string }

// value is a C++ struct that crosses the bridge by value.
type value struct {
	name   string
	fields []arg
}

// arg is one encoded argument, or one field of a value.
type arg struct {
	field    int    // protobuf field number
	enc      string // Handle, Value, String, Bytes, Bool, Int32, Int64, Uint32, Uint64, Float, Double
	name     string // Go name
	typ      string // enum or value type name, when enc is Int32 or Value
	repeated bool
}

// call is one method, constructor or function of the bridge.
type call struct {
	typ, method string // typ empty for functions and constructors
	invoke      string // "Inv_3_4"
	receiver    bool   // request field 1 is the receiver
	args        []arg
	owned       []string // arguments whose ownership the engine takes
	result      *arg     // nil: nothing
	ctor        bool
	unsupported string // why the call cannot be emitted
}

func readBridge(file string) (*bridge, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	b := &bridge{enums: map[string]*enum{}, values: map[string]*value{}, structs: map[string]string{}, frees: map[string]string{}, fset: fset}
	for _, d := range f.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok || gd.Tok != token.TYPE {
			continue
		}
		for _, s := range gd.Specs {
			ts := s.(*ast.TypeSpec)
			switch t := ts.Type.(type) {
			case *ast.Ident:
				if t.Name == "int32" {
					b.enums[ts.Name.Name] = &enum{name: ts.Name.Name}
				}
			case *ast.StructType:
				base := ""
				if len(t.Fields.List) == 1 && len(t.Fields.List[0].Names) == 0 {
					base = typeName(t.Fields.List[0].Type)
				}
				b.structs[ts.Name.Name] = base
			}
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.CONST {
				b.readConsts(d)
			}
		case *ast.FuncDecl:
			if d.Name.Name == "marshal" && d.Recv != nil {
				v := &value{name: typeName(d.Recv.List[0].Type)}
				b.values[v.name] = v
			}
		}
	}
	// Values refer to each other, so their fields are read once all are known.
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Name.Name != "marshal" || fd.Recv == nil {
			continue
		}
		v := b.values[typeName(fd.Recv.List[0].Type)]
		fieldTypes := b.fieldTypes(f, v.name)
		for _, s := range fd.Body.List {
			a, ok, err := b.readArg(s, fieldTypes)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", v.name, err)
			}
			if ok {
				v.fields = append(v.fields, a)
			}
		}
	}
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok || fd.Body == nil {
			continue
		}
		recv := ""
		if fd.Recv != nil {
			recv = typeName(fd.Recv.List[0].Type)
		}
		switch {
		case recv == "envStubs":
			b.env = append(b.env, fd)
		case recv != "" && fd.Name.Name == "free":
			if inv := invokeName(fd.Body); inv != "" {
				b.frees[recv] = inv
			}
		case !fd.Name.IsExported() || recv == "Module" || recv == "wasmifyStubs":
		default:
			if c := b.readCall(recv, fd); c != nil {
				b.calls = append(b.calls, c)
			}
		}
	}
	return b, nil
}

func (b *bridge) readConsts(d *ast.GenDecl) {
	for _, s := range d.Specs {
		vs := s.(*ast.ValueSpec)
		e := b.enums[typeName(vs.Type)]
		if e == nil || len(vs.Values) != 1 {
			continue
		}
		lit := ""
		switch v := vs.Values[0].(type) {
		case *ast.BasicLit:
			lit = v.Value
		case *ast.UnaryExpr:
			if x, ok := v.X.(*ast.BasicLit); ok {
				lit = v.Op.String() + x.Value
			}
		}
		if lit != "" {
			e.consts = append(e.consts, enumConst{vs.Names[0].Name, lit})
		}
	}
}

// fieldTypes returns the declared type of each field of a struct, as "v.Name".
func (b *bridge) fieldTypes(f *ast.File, name string) map[string]ast.Expr {
	types := map[string]ast.Expr{}
	for _, d := range f.Decls {
		gd, ok := d.(*ast.GenDecl)
		if !ok || gd.Tok != token.TYPE {
			continue
		}
		for _, s := range gd.Specs {
			ts := s.(*ast.TypeSpec)
			if ts.Name.Name != name {
				continue
			}
			for _, fl := range ts.Type.(*ast.StructType).Fields.List {
				for _, n := range fl.Names {
					types["v."+n.Name] = fl.Type
				}
			}
		}
	}
	return types
}

func (b *bridge) readCall(recv string, fd *ast.FuncDecl) *call {
	inv := invokeName(fd.Body)
	if inv == "" {
		return nil
	}
	c := &call{typ: recv, method: fd.Name.Name, invoke: inv}
	types := map[string]ast.Expr{}
	for _, p := range fd.Type.Params.List {
		for _, n := range p.Names {
			types[n.Name] = p.Type
		}
	}
	order := map[string]arg{}
	for _, s := range fd.Body.List {
		if as, ok := s.(*ast.AssignStmt); ok && as.Tok == token.DEFINE && identName(as.Lhs[0]) == "buf" {
			c.receiver = strings.HasPrefix(callName(as.Rhs[0]), "pbAppendHandle")
			continue
		}
		a, ok, err := b.readArg(s, types)
		if err != nil {
			c.unsupported = err.Error()
			return c
		}
		if ok {
			order[a.name] = a
			c.args = append(c.args, a)
			continue
		}
		if es, ok := s.(*ast.ExprStmt); ok {
			if ce, ok := es.X.(*ast.CallExpr); ok {
				switch identName(ce.Fun) {
				case "clearPtrAny", "clearPtrAll":
					c.owned = append(c.owned, identName(ce.Args[0]))
				}
			}
		}
	}
	for _, p := range fd.Type.Params.List {
		for _, n := range p.Names {
			if _, ok := order[n.Name]; !ok {
				c.unsupported = "argument " + n.Name + " is not encoded"
				return c
			}
		}
	}
	res := fd.Type.Results.List
	if len(res) == 1 {
		return c
	}
	r, err := b.readResult(res[0].Type, fd.Body)
	if err != nil {
		c.unsupported = err.Error()
		return c
	}
	c.result = r
	if recv == "" && strings.HasPrefix(c.method, "New") && r.enc == "Handle" && !r.repeated {
		c.ctor = true
	}
	return c
}

// readArg reads `buf = pbAppendX(buf, N, expr)`, alone or inside a range loop.
func (b *bridge) readArg(s ast.Stmt, types map[string]ast.Expr) (arg, bool, error) {
	repeated, over := false, ""
	if rs, ok := s.(*ast.RangeStmt); ok && len(rs.Body.List) == 1 && identName(rs.Value) == "item" {
		repeated, over, s = true, exprName(rs.X), rs.Body.List[0]
	}
	as, ok := s.(*ast.AssignStmt)
	if !ok || as.Tok != token.ASSIGN || identName(as.Lhs[0]) != "buf" {
		return arg{}, false, nil
	}
	ce, ok := as.Rhs[0].(*ast.CallExpr)
	if !ok || len(ce.Args) != 3 {
		return arg{}, false, fmt.Errorf("unknown encoding")
	}
	n, err := strconv.Atoi(ce.Args[1].(*ast.BasicLit).Value)
	if err != nil {
		return arg{}, false, err
	}
	name := exprName(ce.Args[2])
	if repeated {
		name = over
	}
	t, ok := types[name]
	if !ok {
		return arg{}, false, fmt.Errorf("argument %s has no type", name)
	}
	a := arg{field: n, name: strings.TrimPrefix(name, "v."), repeated: repeated}
	a.enc = strings.TrimSuffix(strings.TrimPrefix(identName(ce.Fun), "pbAppend"), "Ptr")
	if repeated {
		at, ok := t.(*ast.ArrayType)
		if !ok {
			return arg{}, false, fmt.Errorf("argument %s is no list", name)
		}
		t = at.Elt
	}
	switch a.enc {
	case "Submessage":
		a.enc, a.typ = "Value", typeName(t)
	case "Int32":
		if tn := typeName(t); b.enums[tn] != nil {
			a.typ = tn
		} else if tn != "int32" {
			return arg{}, false, fmt.Errorf("argument %s of type %s goes as int32", name, tn)
		}
	case "Uint64":
		if typeName(t) == "uint32" {
			a.enc = "Uint32"
		}
	case "Handle", "String", "Bytes", "Bool", "Int64", "Float", "Double":
	default:
		return arg{}, false, fmt.Errorf("unknown encoding %s", a.enc)
	}
	return a, true, nil
}

// readResult finds how the response is decoded: the type says what, the body
// says at which field.
func (b *bridge) readResult(t ast.Expr, body *ast.BlockStmt) (*arg, error) {
	r := &arg{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			fun := n.Fun
			if ix, ok := fun.(*ast.IndexExpr); ok {
				fun = ix.X
			}
			switch identName(fun) {
			case "readScalarAtField", "decodeChildHandle", "decodeAbstractAs", "readPtrAtField":
				if identName(n.Args[0]) == "resp" && r.field == 0 {
					r.field, _ = strconv.Atoi(n.Args[1].(*ast.BasicLit).Value)
				}
			}
		case *ast.BinaryExpr:
			if identName(n.X) == "f" && r.field == 0 && (n.Op == token.EQL || n.Op == token.NEQ) {
				if l, ok := n.Y.(*ast.BasicLit); ok {
					r.field, _ = strconv.Atoi(l.Value)
				}
			}
		}
		return true
	})
	if r.field == 0 {
		return nil, fmt.Errorf("unknown decoding")
	}
	if at, ok := t.(*ast.ArrayType); ok && typeName(at.Elt) != "byte" {
		r.repeated, t = true, at.Elt
	}
	tn := typeName(t)
	_, star := t.(*ast.StarExpr)
	switch {
	case star && b.values[tn] != nil:
		r.enc, r.typ = "Value", tn
	case star:
		r.enc = "Handle"
	case b.enums[tn] != nil:
		r.enc, r.typ = "Int32", tn
	case tn == "":
		if _, ok := t.(*ast.ArrayType); !ok {
			return nil, fmt.Errorf("unknown result")
		}
		if r.repeated {
			r.enc = "Bytes"
			break
		}
		r.enc = "Bytes"
	default:
		enc := map[string]string{"string": "String", "bool": "Bool", "int32": "Int32", "int64": "Int64",
			"uint32": "Uint32", "uint64": "Uint64", "float32": "Float", "float64": "Double"}[tn]
		if enc == "" {
			enc = "Handle" // an interface of the bridge
		}
		r.enc = enc
	}
	return r, nil
}

func invokeName(body *ast.BlockStmt) string {
	name := ""
	ast.Inspect(body, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && identName(s.X) == "wasm2go" && strings.HasPrefix(s.Sel.Name, "Inv_") {
			name = s.Sel.Name
		}
		return true
	})
	return name
}

func callName(e ast.Expr) string {
	if c, ok := e.(*ast.CallExpr); ok {
		return identName(c.Fun)
	}
	return ""
}

func identName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// exprName names a variable, a field, or the variable inside a conversion.
func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprName(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		if len(e.Args) == 1 {
			return exprName(e.Args[0])
		}
	}
	return ""
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
