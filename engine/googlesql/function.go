package googlesql

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// function is a declared function, table function or constant.
type function struct {
	name     []string
	kind     functionKind
	language string // upper case; SQL for a body of ours
	body     string
	args     []argument
	result   *ir.Type // nil: whatever the body yields
	columns  []Column // of a table function that says what it returns
	value    bool     // the table function yields a value table
	expr     ir.Expr  // of a constant
	paths    []path   // what the body names
}

type functionKind uint8

const (
	scalarFunction functionKind = iota
	aggregateFunction
	tableFunction
	constant
)

type argument struct {
	name         string
	typ          *ir.Type // nil: templated
	kind         raw.SignatureArgumentKind
	notAggregate bool
	cardinality  uint64   // 0, protoRepeated or protoOptional
	byName       bool     // may be passed as name => value
	relation     []Column // of a TABLE<…> argument; nil with kind relation: ANY TABLE
}

// Groups of declared functions, as ir.Call.Group shows them when a call was
// not replaced by the function's body.
const (
	sqlGroup      = "Templated_SQL_Function" // the analyzer resolves and inlines the body by this very name
	externalGroup = "External_function"      // + the language
)

func functionKey(parts []string) string { return strings.ToLower(strings.Join(parts, ".")) }

// function finds a declared function by a path in the text. Function names do
// not tell letters' case apart.
func (s *Session) function(parts []string) *function {
	if len(s.functions) == 0 {
		return nil
	}
	key := functionKey(parts)
	if f := s.functions[key]; f != nil {
		return f
	}
	if s.opts.Project != "" {
		if f := s.functions[functionKey([]string{s.opts.Project, key})]; f != nil {
			return f
		}
	}
	if s.opts.Dataset != "" {
		return s.functions[functionKey([]string{s.opts.Dataset, key})]
	}
	return nil
}

// DeclareSQL makes what a CREATE statement creates known to later statements:
// CREATE [TEMP] [AGGREGATE] FUNCTION in SQL or another language, CREATE TABLE
// FUNCTION, CREATE CONSTANT, CREATE TABLE and CREATE VIEW (as tables of the
// columns they have). Something of the same name is replaced. Errors are those
// of Analyze.
func (s *Session) DeclareSQL(sql string) error {
	var declared error
	_, err := s.analyze(sql, func(d *decoder, stmt raw.Handle, a *Analysis) {
		declared = s.declareStatement(d, stmt, sql)
	})
	if err != nil {
		return err
	}
	return declared
}

func (s *Session) declareStatement(d *decoder, h raw.Handle, sql string) error {
	m := d.m
	switch kind := d.kind(h); kind {
	case raw.ResolvedNodeKindResolvedCreateFunctionStmt:
		f := &function{
			name:     m.ResolvedCreateStatement_NamePath(h),
			language: strings.ToUpper(m.ResolvedCreateFunctionStmt_Language(h)),
			body:     m.ResolvedCreateFunctionStmt_Code(h),
		}
		if m.ResolvedCreateFunctionStmt_IsAggregate(h) {
			f.kind = aggregateFunction
		}
		if m.ResolvedCreateFunctionStmt_HasExplicitReturnType(h) || f.language != "SQL" {
			f.result = d.typ(m.ResolvedCreateFunctionStmt_ReturnType(h))
		}
		names := m.ResolvedCreateFunctionStmt_ArgumentNameList(h)
		sig := m.ResolvedCreateFunctionStmt_Signature(h)
		for i, a := range m.FunctionSignature_Arguments(sig) {
			arg := d.argument(a)
			if i < len(names) {
				arg.name = names[i]
			}
			f.args = append(f.args, arg)
		}
		s.declareFunction(f)
	case raw.ResolvedNodeKindResolvedCreateTableFunctionStmt:
		f := &function{
			name: m.ResolvedCreateStatement_NamePath(h), kind: tableFunction,
			language: strings.ToUpper(m.ResolvedCreateTableFunctionStmt_Language(h)),
			body:     m.ResolvedCreateTableFunctionStmt_Code(h),
			value:    m.ResolvedCreateTableFunctionStmt_IsValueTable(h),
		}
		if f.language == "" {
			f.language = "SQL"
		}
		names := m.ResolvedCreateTableFunctionStmt_ArgumentNameList(h)
		sig := m.ResolvedCreateTableFunctionStmt_Signature(h)
		for i, a := range m.FunctionSignature_Arguments(sig) {
			arg := d.argument(a)
			if i < len(names) {
				arg.name = names[i]
			}
			f.args = append(f.args, arg)
		}
		if m.ResolvedCreateTableFunctionStmt_HasExplicitReturnSchema(h) {
			f.columns = d.relation(m.FunctionSignature_ResultType(sig))
		}
		s.declareFunction(f)
	case raw.ResolvedNodeKindResolvedCreateConstantStmt:
		s.declareFunction(&function{
			name: m.ResolvedCreateStatement_NamePath(h), kind: constant,
			expr: d.expr(m.ResolvedCreateConstantStmt_Expr(h)),
		})
	default:
		t := Table{}
		switch stmt := d.stmt(h).(type) {
		case *ir.CreateTable:
			t.Name = strings.Join(stmt.Name, ".")
			for _, c := range stmt.Columns {
				t.Columns = append(t.Columns, Column{Name: c.Name, Type: c.Column.Type})
			}
			t.ValueTable = stmt.Query != nil && stmt.Query.ValueTable
		case *ir.CreateView:
			t.Name = strings.Join(stmt.Name, ".")
			for _, c := range stmt.Query.Output {
				t.Columns = append(t.Columns, Column{Name: c.Name, Type: c.Column.Type})
			}
			t.ValueTable = stmt.Query.ValueTable
		default:
			return &Unsupported{What: "declaring with " + strings.TrimPrefix(stmt.Kind(), "Resolved")}
		}
		return s.Declare(t)
	}
	return nil
}

func (s *Session) declareFunction(f *function) {
	if f.language == "SQL" {
		f.paths = paths(f.body, scan(f.body))
		s.collate = s.collate || containsFold(f.body, "collat")
		s.hints = s.hints || strings.Contains(f.body, "@")
	}
	key := functionKey(f.name)
	if s.functions[key] != nil && s.engine != nil {
		s.engine.stale = true
	}
	s.functions[key] = f
}

// argument reads an argument of a CREATE FUNCTION's signature.
func (d *decoder) argument(h raw.Handle) argument {
	m := d.m
	a := argument{kind: m.FunctionArgumentType_Kind(h)}
	switch a.kind {
	case raw.SignatureArgumentKindArgTypeFixed:
		a.typ = d.typ(m.FunctionArgumentType_Type(h))
	case raw.SignatureArgumentKindArgTypeRelation:
		a.relation = d.relation(h)
	}
	if o := m.FunctionArgumentType_Options(h); o != 0 {
		a.notAggregate = m.FunctionArgumentTypeOptions_IsNotAggregate(o)
	}
	return a
}

// relation lists the columns of a TABLE<…> argument or result, nil if it says none.
func (d *decoder) relation(h raw.Handle) []Column {
	m := d.m
	o := m.FunctionArgumentType_Options(h)
	if o == 0 || !m.FunctionArgumentTypeOptions_HasRelationInputSchema(o) {
		return nil
	}
	var list []Column
	for _, c := range m.TVFRelation_Columns(m.FunctionArgumentTypeOptions_RelationInputSchema(o)) {
		list = append(list, Column{Name: c.Name, Type: d.typ(c.Type_), Pseudo: c.IsPseudoColumn})
	}
	return list
}

// placeFunction puts a declared function into the analyzer's catalog.
func (s *Session) placeFunction(in *instance, parts []string, f *function) error {
	n := in.root
	for _, p := range parts[:len(parts)-1] {
		c, err := in.child(n, p)
		if err != nil {
			return err
		}
		n = c
	}
	last := parts[len(parts)-1]
	key := strings.ToLower(last)
	if n.funcs[key] {
		return nil
	}
	var err error
	switch f.kind {
	case tableFunction:
		var h raw.Handle
		if h, err = in.makeTableFunction(f); err == nil {
			err = in.m.SimpleCatalog_AddTableValuedFunction2(n.h, last, h)
		}
	case constant:
		var h raw.Handle
		if h, err = in.makeConstant(parts, f); err == nil {
			err = in.m.SimpleCatalog_AddConstant2(n.h, last, h)
		}
	default:
		var h raw.Handle
		if h, err = in.makeFunction(f); err == nil {
			err = in.m.SimpleCatalog_AddFunction2(n.h, last, h)
		}
	}
	if err != nil {
		return fmt.Errorf("function %s: %w", strings.Join(f.name, "."), err)
	}
	n.funcs[key] = true
	return nil
}

// makeConstant makes a constant of the right type. The decoder puts its
// expression in place of it; the value matters only where the analyzer itself
// must know it, as in the position of a struct field.
func (in *instance) makeConstant(parts []string, f *function) (raw.Handle, error) {
	t, err := in.typeHandle(f.expr.T())
	if err != nil {
		return 0, err
	}
	m := in.m
	v := raw.Handle(0)
	if l, ok := f.expr.(*ir.Literal); ok && !l.Value.Null {
		switch l.Type.Kind {
		case ir.Int64:
			v = m.NewValueInt64(l.Value.Int)
		case ir.Int32:
			v = m.NewValueInt32(int32(l.Value.Int))
		case ir.Uint32:
			v = m.NewValueUint32(uint32(l.Value.Int))
		case ir.Uint64:
			v = m.NewValueUint64(uint64(l.Value.Int))
		case ir.Bool:
			v = m.NewValueBool(l.Value.Int != 0)
		case ir.Float64:
			v = m.NewValueDouble(l.Value.Float)
		case ir.String:
			v = m.NewValueString(l.Value.Text)
		}
	}
	if v == 0 {
		v = m.NewValueNull(t)
	}
	return m.NewSimpleConstantCreate(parts, v)
}

// makeFunction makes a scalar or aggregate function. The class of SQL
// functions is not bound, but deserializing a FunctionProto whose group is
// that of templated SQL functions makes one: the analyzer then resolves the
// body for each call, whether its arguments have types or not, and inlines it.
func (in *instance) makeFunction(f *function) (raw.Handle, error) {
	msg, err := functionProto(f)
	if err != nil {
		return 0, err
	}
	return in.deserialize(msg)
}

// deserialize makes a function of the bytes of a FunctionProto.
func (in *instance) deserialize(msg []byte) (raw.Handle, error) {
	m := in.m
	p := m.NewFunctionProto()
	ok, err := m.MessageLite_ParseFromString(p, string(msg))
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, fmt.Errorf("its description is not well formed")
	}
	h, err := m.NewFunctionDeserialize(p, nil, in.factory)
	m.FunctionProto_Free(p)
	return h, err
}

// Numbers of the protocol buffers googlesql/proto/function.proto and
// googlesql/public/type.proto. The binding's enums are one higher.
const (
	protoScalar    = 1
	protoAggregate = 2

	protoRepeated = 1
	protoOptional = 2

	protoPositionalOrNamed = 2
)

func functionProto(f *function) ([]byte, error) {
	group := sqlGroup
	if f.language != "SQL" {
		group = externalGroup + ":" + f.language
	}
	mode := uint64(protoScalar)
	if f.kind == aggregateFunction {
		mode = protoAggregate
	}
	var sig []byte
	for _, a := range f.args {
		arg, err := argumentProto(a)
		if err != nil {
			return nil, err
		}
		sig = putBytes(sig, 1, arg)
	}
	result := argument{kind: raw.SignatureArgumentKindArgTypeArbitrary}
	if f.result != nil {
		result = argument{kind: raw.SignatureArgumentKindArgTypeFixed, typ: f.result}
	}
	res, err := argumentProto(result)
	if err != nil {
		return nil, err
	}
	b := headProto(f.name, group, mode, putBytes(sig, 2, res))
	if f.language == "SQL" {
		for _, a := range f.args {
			b = putBytes(b, 7, []byte(a.name))
		}
		b = putBytes(b, 8, resumeProto(f))
	}
	return b, nil
}

// headProto begins a FunctionProto.
func headProto(name []string, group string, mode uint64, signature []byte) []byte {
	var b []byte
	for _, n := range name {
		b = putBytes(b, 1, []byte(n))
	}
	b = putBytes(b, 2, []byte(group))
	b = putUint(b, 3, mode)
	return putBytes(b, 4, signature)
}

// resumeProto is a ParseResumeLocationProto at the start of the body. The file
// name marks the places in it as not being in the statement.
func resumeProto(f *function) []byte {
	b := putBytes(nil, 1, []byte(f.body))
	b = putUint(b, 2, 0)
	b = putUint(b, 3, 0)
	return putBytes(b, 4, []byte(bodyFile(f)))
}

func bodyFile(f *function) string { return strings.Join(f.name, ".") }

// argumentProto is a FunctionArgumentTypeProto.
func argumentProto(a argument) ([]byte, error) {
	b := putUint(nil, 1, uint64(a.kind-1))
	if a.kind == raw.SignatureArgumentKindArgTypeFixed {
		t, err := typeProto(a.typ)
		if err != nil {
			return nil, err
		}
		b = putBytes(b, 2, t)
	}
	var o []byte // FunctionArgumentTypeOptionsProto
	if a.cardinality != 0 {
		o = putUint(o, 1, a.cardinality)
	}
	if a.notAggregate {
		o = putUint(o, 4, 1)
	}
	if a.byName {
		o = putBytes(o, 11, []byte(a.name))
		o = putUint(o, 25, protoPositionalOrNamed)
	}
	if len(o) > 0 {
		b = putBytes(b, 3, o)
	}
	return putUint(b, 4, 1), nil
}

func typeProto(t *ir.Type) ([]byte, error) {
	kind := uint64(0)
	var sub []byte
	field := uint64(0)
	switch t.Kind {
	case ir.Array, ir.Range:
		elem, err := typeProto(t.Elem)
		if err != nil {
			return nil, err
		}
		sub = putBytes(nil, 1, elem)
		kind, field = uint64(raw.TypeKindTypeArray-1), 2
		if t.Kind == ir.Range {
			kind, field = uint64(raw.TypeKindTypeRange-1), 8
		}
	case ir.Struct:
		for _, f := range t.Fields {
			ft, err := typeProto(f.Type)
			if err != nil {
				return nil, err
			}
			fb := putBytes(nil, 1, []byte(f.Name))
			sub = putBytes(sub, 1, putBytes(fb, 2, ft))
		}
		kind, field = uint64(raw.TypeKindTypeStruct-1), 3
	default:
		k, ok := typeKinds[t.Kind]
		if !ok {
			return nil, fmt.Errorf("a function with an argument of type %s cannot be declared", t)
		}
		return putUint(nil, 1, uint64(k-1)), nil
	}
	return putBytes(putUint(nil, 1, kind), field, sub), nil
}

func putUint(b []byte, field, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3), v)
}

func putBytes(b []byte, field uint64, v []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, field<<3|2), uint64(len(v)))
	return append(b, v...)
}

func (in *instance) makeTableFunction(f *function) (raw.Handle, error) {
	m := in.m
	args := make([]raw.Handle, len(f.args))
	names := make([]string, len(f.args))
	for i, a := range f.args {
		names[i] = a.name
		h, err := in.makeArgument(a)
		if err != nil {
			return 0, err
		}
		args[i] = h
	}
	result := m.NewFunctionArgumentTypeAnyRelation()
	var schema raw.Handle
	if f.columns != nil {
		rel, err := in.makeRelation(f.columns)
		if err != nil {
			return 0, err
		}
		schema = rel
		result = m.NewFunctionArgumentTypeRelationWithSchema(rel, false)
	}
	sig := m.NewFunctionSignature3(result, args, 0)
	if f.language != "SQL" || f.body == "" {
		if schema == 0 {
			return 0, fmt.Errorf("a table function in %s must say what it returns", f.language)
		}
		return m.NewFixedOutputSchemaTVF(f.name, sig, schema, &raw.TableValuedFunctionOptions{}), nil
	}
	at, err := m.NewParseResumeLocationFromString2(bodyFile(f), f.body)
	if err != nil {
		return 0, err
	}
	return m.NewTemplatedSQLTVF(f.name, sig, names, at, &raw.TableValuedFunctionOptions{}), nil
}

func (in *instance) makeArgument(a argument) (raw.Handle, error) {
	m := in.m
	switch {
	case a.kind == raw.SignatureArgumentKindArgTypeFixed:
		t, err := in.typeHandle(a.typ)
		if err != nil {
			return 0, err
		}
		return m.NewFunctionArgumentType3(t, 1), nil
	case a.kind == raw.SignatureArgumentKindArgTypeRelation && a.relation != nil:
		rel, err := in.makeRelation(a.relation)
		if err != nil {
			return 0, err
		}
		return m.NewFunctionArgumentTypeRelationWithSchema(rel, true), nil
	}
	return m.NewFunctionArgumentType4(a.kind, 1), nil
}

func (in *instance) makeRelation(columns []Column) (raw.Handle, error) {
	list := make([]*raw.TVFSchemaColumn, len(columns))
	for i, c := range columns {
		t, err := in.typeHandle(c.Type)
		if err != nil {
			return 0, err
		}
		list[i] = &raw.TVFSchemaColumn{Name: c.Name, Type_: t, IsPseudoColumn: c.Pseudo}
	}
	return in.m.NewTVFRelation(list), nil
}
