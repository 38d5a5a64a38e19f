package raw

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func open(t testing.TB) *Module {
	t.Helper()
	m, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// analyzer is one catalog with the builtins, ready to analyse.
type analyzer struct {
	m                                 *Module
	types, catalog, options, language Handle
}

func newAnalyzer(t testing.TB, m *Module) *analyzer {
	t.Helper()
	a := &analyzer{m: m}
	err := m.Do(func() {
		l := m.NewLanguageOptions()
		a.language = l
		m.LanguageOptions_EnableMaximumLanguageFeatures(l)
		m.LanguageOptions_SetSupportsAllStatementKinds(l)
		a.types = m.NewTypeFactory()
		a.catalog = m.NewSimpleCatalog("c", a.types)
		if err := m.SimpleCatalog_AddBuiltinFunctionsAndTypes(a.catalog, &BuiltinFunctionOptions{LanguageOptions: l}); err != nil {
			t.Fatal(err)
		}
		a.options = m.NewAnalyzerOptions(l)
		m.AnalyzerOptions_SetDefaultTimeZone(a.options, m.UTC())
		m.AnalyzerOptions_SetParseLocationRecordType(a.options, ParseLocationRecordTypeParseLocationRecordFullNodeScope)
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *analyzer) analyze(sql string, use func(stmt Handle)) error {
	out, err := a.m.AnalyzeStatement(sql, a.options, a.catalog, a.types)
	if err != nil {
		return err
	}
	err = a.m.Do(func() {
		if use != nil {
			use(a.m.AnalyzerOutput_ResolvedStatement(out))
		}
	})
	return errors.Join(err, a.m.Do(func() { a.m.AnalyzerOutput_Free(out) }))
}

// literal analyses `select expr` and returns the folded value.
func (a *analyzer) literal(t *testing.T, expr string) string {
	t.Helper()
	m, s := a.m, ""
	err := a.analyze("select "+expr, func(stmt Handle) {
		scan := m.ResolvedQueryStmt_Query(stmt)
		for _, c := range m.ResolvedProjectScan_ExprList(scan) {
			e := m.ResolvedComputedColumnBase_Expr(c)
			if m.ResolvedNode_NodeKind(e) != ResolvedNodeKindResolvedLiteral {
				t.Fatalf("%s is a %s, no literal", expr, m.ResolvedNode_NodeKindString(e))
			}
			v := m.ResolvedLiteral_Value(e)
			s = m.Value_DebugString(v, false)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParallel(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Add(1)
		m := open(t)
		go func() {
			defer wg.Done()
			a := newAnalyzer(t, m)
			for j := range 50 {
				want := fmt.Sprintf("c%d", i*1000+j)
				err := a.analyze("select 1 as "+want, func(stmt Handle) {
					cols := m.ResolvedQueryStmt_OutputColumnList(stmt)
					if len(cols) != 1 || m.ResolvedOutputColumn_Name(cols[0]) != want {
						t.Errorf("want the column %s", want)
					}
					if got := m.TypeName(stmt); got != "googlesql::ResolvedQueryStmt" {
						t.Errorf("TypeName = %q", got)
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
}

func TestError(t *testing.T) {
	a := newAnalyzer(t, open(t))
	err := a.analyze("select abz(1)", nil)
	var e *Error
	if !errors.As(err, &e) || e.Trap || !strings.Contains(e.Message, "Did you mean abs?") {
		t.Fatalf("got %v", err)
	}
	err = a.m.Do(func() { a.m.ResolvedNode_NodeKind(0) })
	if err == nil || !strings.Contains(err.Error(), "ResolvedNode_NodeKind was called on a nil handle") {
		t.Fatalf("got %v", err)
	}
	if a.m.Broken() {
		t.Fatal("an ordinary error must not break the module")
	}
}

func TestFreeBoundsMemory(t *testing.T) {
	a := newAnalyzer(t, open(t))
	const sql = "with a as (select 1 as x, 'b' as y) select x, count(*) from a where y = 'b' group by x order by x"
	n := 20000
	if testing.Short() {
		n = 1000
	}
	for i := range n {
		if err := a.analyze(sql, nil); err != nil {
			t.Fatal(err)
		}
		if i == n/10 || i == n-1 {
			t.Logf("after %d: %.1f MB", i, float64(a.m.MemoryBytes())/1e6)
		}
	}
	if got := a.m.MemoryBytes(); got > 128<<20 {
		t.Fatalf("%d analyses need %d bytes", n, got)
	}
}

// The bridge's own Free of these classes is empty.
func TestFreeOfCatalogs(t *testing.T) {
	m := open(t)
	n := 500
	if testing.Short() {
		n = 100
	}
	for i := range n {
		a := newAnalyzer(t, m)
		err := m.Do(func() {
			column := m.NewSimpleColumn("t", "c", m.TypeFactory_GetInt64(a.types), false, true)
			table := m.NewSimpleTable3("t", []Handle{column}, true, 1)
			if err := m.SimpleCatalog_AddOwnedTable(a.catalog, table); err != nil {
				t.Fatal(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.analyze("select c from t", nil); err != nil {
			t.Fatal(err)
		}
		err = m.Do(func() {
			m.SimpleCatalog_Free(a.catalog)
			m.AnalyzerOptions_Free(a.options)
			m.LanguageOptions_Free(a.language)
			m.TypeFactory_Free(a.types)
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 10 || i == n-1 {
			t.Logf("after %d: %.1f MB", i, float64(m.MemoryBytes())/1e6)
		}
	}
	if got := m.MemoryBytes(); got > 64<<20 {
		t.Fatalf("%d catalogs need %d bytes", n, got)
	}
	err := m.Do(func() {
		l := m.NewLanguageOptions()
		defer m.LanguageOptions_Free(l)
		m.SimpleCatalog_Free(l)
	})
	if err == nil || m.Broken() {
		t.Fatalf("an object of another class must be refused, got %v", err)
	}
}

func TestDeepNesting(t *testing.T) {
	a := newAnalyzer(t, open(t))
	// Parentheses alone cost the engine no stack.
	if err := a.analyze("select "+strings.Repeat("(", 60000)+"1"+strings.Repeat(")", 60000), nil); err != nil {
		t.Fatal(err)
	}
	err := a.analyze("select "+strings.Repeat("NOT ", 60000)+"true", nil)
	if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Fatalf("60,000 nested operators must be refused, got %v", err)
	}
	if a.m.Broken() {
		if err := a.analyze("select 1", nil); err == nil {
			t.Fatal("a broken module must refuse calls")
		}
		a.m.Close()
		a = newAnalyzer(t, open(t))
	}
	if err := a.analyze("select 1", nil); err != nil {
		t.Fatal(err)
	}
}

func TestTimeZones(t *testing.T) {
	a := newAnalyzer(t, open(t))
	for _, c := range []struct{ expr, want string }{
		{"CAST(DATE '2024-01-01' AS TIMESTAMP)", "2024-01-01 00:00:00+00"},
		{"TIMESTAMP '2024-07-01 00:00:00'", "2024-07-01 00:00:00+00"},
		{"TIMESTAMP '2024-07-01 00:00:00 Europe/Berlin'", "2024-06-30 22:00:00+00"},
		{"TIMESTAMP '2024-01-01 00:00:00 America/Los_Angeles'", "2024-01-01 08:00:00+00"},
	} {
		if got := a.literal(t, c.expr); !strings.Contains(got, c.want) {
			t.Errorf("%s = %s, want %s", c.expr, got, c.want)
		}
	}
	if err := a.analyze("select TIMESTAMP '2024-01-01 00:00:00 Europe/Nowhere'", nil); err == nil {
		t.Error("an unknown zone must be an error")
	}
	if err := a.analyze("select TIMESTAMP '2024-01-01 00:00:00 ../../../etc/passwd'", nil); err == nil {
		t.Error("a path is no zone")
	}
}

// NewParserOptions2 moves the language options out of its argument: builtins
// registered from the same object later miss functions without any error.
func TestParserOptionsEmptyLanguageOptions(t *testing.T) {
	m := open(t)
	err := m.Do(func() {
		l := m.NewLanguageOptions()
		m.LanguageOptions_EnableMaximumLanguageFeatures(l)
		f := LanguageFeatureFeatureAnalyticFunctions
		if !m.LanguageOptions_LanguageFeatureEnabled(l, f) {
			t.Error("the feature must be on at first")
		}
		p := m.NewParserOptions()
		m.ParserOptions_SetLanguageOptions(p, l)
		if m.LanguageOptions_LanguageFeatureEnabled(l, f) {
			t.Error("upstream no longer empties the options: update doc.go")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTrapBreaksModule(t *testing.T) {
	m := open(t)
	a := newAnalyzer(t, m)
	table := func() Handle { return m.NewSimpleTable("t", 1) }
	err := m.Do(func() {
		if err := m.SimpleCatalog_AddTable(a.catalog, table()); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var second Handle
	if err := m.Do(func() { second = table() }); err != nil {
		t.Fatal(err)
	}
	err = m.SimpleCatalog_AddTable(a.catalog, second)
	var e *Error
	if !errors.As(err, &e) || !e.Trap || !m.Broken() {
		t.Fatalf("a duplicate table aborts the engine, got %v", err)
	}
}

func TestClosed(t *testing.T) {
	m, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	m.Close()
	if err := m.Do(func() { m.NewTypeFactory() }); err == nil {
		t.Fatal("a closed module must refuse calls")
	}
	if m.Broken() || m.MemoryBytes() != 0 {
		t.Fatal("closed is not broken and holds nothing")
	}
}

func TestPanicOfCallerPasses(t *testing.T) {
	m := open(t)
	defer func() {
		if r := recover(); r != "mine" {
			t.Fatalf("recovered %v", r)
		}
		if m.Broken() {
			t.Fatal("a caller's panic must not break the module")
		}
	}()
	_ = m.Do(func() { panic("mine") })
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		m, err := Open()
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}

func BenchmarkAnalyze(b *testing.B) {
	a := newAnalyzer(b, open(b))
	for b.Loop() {
		if err := a.analyze("select 1 as a", nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetter(b *testing.B) {
	a := newAnalyzer(b, open(b))
	b.ReportAllocs()
	err := a.analyze("select 1 as a", func(stmt Handle) {
		for b.Loop() {
			a.m.ResolvedNode_NodeKind(stmt)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	runtime.KeepAlive(a)
}

// functionProto is the wire form of a googlesql.FunctionProto for a scalar SQL
// function whose arguments and result are of any type.
func functionProto(name, body string, args ...string) string {
	// SignatureArgumentKind.ARG_TYPE_ARBITRARY is 8 in the protocol buffers.
	anyType := appendInt32(appendInt32(nil, 1, 8), 4, 1)
	var sig []byte
	for range args {
		sig = appendBytes(sig, 1, anyType)
	}
	sig = appendBytes(sig, 2, anyType)
	location := appendString(nil, 1, body)
	b := appendString(nil, 1, name)
	b = appendString(b, 2, "Templated_SQL_Function")
	b = appendInt32(b, 3, 1) // FunctionEnums.Mode.SCALAR
	b = appendBytes(b, 4, sig)
	b = appendBytes(b, 8, location)
	for _, a := range args {
		b = appendString(b, 7, a)
	}
	return string(b)
}

func TestTemplatedFunction(t *testing.T) {
	m := open(t)
	a := newAnalyzer(t, m)
	err := m.Do(func() {
		proto := m.NewFunctionProto()
		defer m.FunctionProto_Free(proto)
		if ok, err := m.MessageLite_ParseFromString(proto, functionProto("twice", "x || x", "x")); !ok || err != nil {
			t.Fatalf("parse: %v, %v\n%s", ok, err, m.MessageLite_DebugString(proto))
		}
		f, err := m.NewFunctionDeserialize(proto, nil, a.types)
		if err != nil {
			t.Fatalf("%v\n%s", err, m.MessageLite_DebugString(proto))
		}
		if err := m.SimpleCatalog_AddOwnedFunction(a.catalog, f); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{"'a'": "STRING", "b'a'": "BYTES", "[1]": "ARRAY<INT64>"} {
		err := a.analyze("select twice("+arg+")", func(stmt Handle) {
			c := m.ResolvedOutputColumn_Column(m.ResolvedQueryStmt_OutputColumnList(stmt)[0])
			if got := m.Type_TypeName(m.ResolvedColumn_Type(c), ProductModeProductExternal); got != want {
				t.Errorf("twice(%s) is a %s, want %s", arg, got, want)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestTypesAndTableFunction(t *testing.T) {
	m := open(t)
	a := newAnalyzer(t, m)
	err := m.Do(func() {
		i64 := m.TypeFactory_GetInt64(a.types)
		list, err := m.TypeFactory_MakeArrayType(a.types, i64)
		if err != nil {
			t.Fatal(err)
		}
		row, err := m.TypeFactory_MakeStructType(a.types, []*StructField{{Name: "n", Type_: i64}, {Name: "l", Type_: list}})
		if err != nil {
			t.Fatal(err)
		}
		if m.Type_Kind(row) != TypeKindTypeStruct {
			t.Errorf("kind %v", m.Type_Kind(row))
		}
		fields := m.StructType_Fields(row)
		if len(fields) != 2 || fields[1].Name != "l" || m.ArrayType_ElementType(fields[1].Type_) != i64 {
			t.Errorf("fields %+v", fields)
		}
		relation := m.NewTVFRelation([]*TVFSchemaColumn{{Name: "r", Type_: row}})
		result := m.NewFunctionArgumentTypeRelationWithSchema(relation, false)
		arg := m.NewFunctionArgumentType3(i64, 1)
		sig := m.NewFunctionSignature3(result, []Handle{arg}, 0)
		tvf := m.NewFixedOutputSchemaTVF([]string{"some_rows"}, sig, relation, &TableValuedFunctionOptions{})
		if err := m.SimpleCatalog_AddOwnedTableValuedFunction(a.catalog, tvf); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	err = a.analyze("select r.n, r.l[offset(0)] as e from some_rows(3)", func(stmt Handle) {
		for _, c := range m.ResolvedQueryStmt_OutputColumnList(stmt) {
			if k := m.Type_Kind(m.ResolvedColumn_Type(m.ResolvedOutputColumn_Column(c))); k != TypeKindTypeInt64 {
				t.Errorf("%s is a %v", m.ResolvedOutputColumn_Name(c), k)
			}
		}
		loc := m.ResolvedNode_GetParseLocationRangeOrNULL(m.ResolvedQueryStmt_Query(stmt))
		from := m.ParseLocationPoint_GetByteOffset(m.ParseLocationRange_Start(loc))
		to := m.ParseLocationPoint_GetByteOffset(m.ParseLocationRange_End(loc))
		if from != 0 || to != 49 {
			t.Errorf("the query spans %d to %d", from, to)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestParseTree(t *testing.T) {
	m := open(t)
	err := m.Do(func() {
		l := m.NewLanguageOptions()
		m.LanguageOptions_EnableMaximumLanguageFeatures(l)
		p := m.NewParserOptions()
		m.ParserOptions_SetLanguageOptions(p, l)
		out, err := m.ParseStatement("select * from p.d.t join `x-y.z` using (a)", p)
		if err != nil {
			t.Fatal(err)
		}
		defer m.ParserOutput_Free(out)
		var paths []string
		var walk func(n Handle)
		walk = func(n Handle) {
			if m.ASTNode_NodeKind(n) == ASTNodeKindAstTablePathExpression {
				paths = append(paths, strings.Join(m.ASTPathExpression_ToIdentifierVector(m.ASTTableDataSource_PathExpr(n)), "/"))
			}
			for i := range m.ASTNode_NumChildren(n) {
				walk(m.ASTNode_Child(n, i))
			}
		}
		walk(m.ParserOutput_Statement(out))
		if got := strings.Join(paths, " "); got != "p/d/t x-y.z" {
			t.Errorf("paths %q", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
