package googlesql

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// Options say which dialect a Session analyzes. The zero value is BigQuery.
type Options struct {
	// Internal turns on what Google's own compliance suite uses and BigQuery
	// does not have: INT32, FLOAT32, features in development.
	Internal bool
	// Zone is the default time zone, an IANA name; "" is UTC, as in BigQuery.
	Zone string
	// Enable and Disable name language features as Google's suites do, such as
	// "ANALYTIC_FUNCTIONS"; the prefix FEATURE_ is optional.
	Enable, Disable []string
	// Project and Dataset complete names that have fewer parts than the
	// declared ones: d.t is Project.d.t, t is Project.Dataset.t.
	Project, Dataset string
}

// Session is one analyzer instance and its catalog. It is for one goroutine at
// a time; several sessions run in parallel. An instance takes about 40 MB.
type Session struct {
	opts Options
	zone *time.Location

	// What was declared. It outlives the analyzer instance, which may be
	// replaced at any time.
	tables    map[string]*Table   // by name
	folded    map[string][]string // lower-case name to names
	functions map[string]*function
	params    map[string]*ir.Type // named parameters, lower case
	posParams []*ir.Type
	collate   bool // the body of some function speaks of collation
	hints     bool // the body of some function may have hints

	engine *instance // nil: to be opened
	opened int       // instances opened so far, for tests
}

// instance is a running analyzer with what was put into it.
type instance struct {
	m         *raw.Module
	options   raw.Handle // AnalyzerOptions
	language  raw.Handle // the LanguageOptions of consumers that copy
	factory   raw.Handle
	builtin   raw.Handle // catalog of functions and types
	corrected raw.Handle // catalog of functions that hide those of builtin
	idle      int        // MemoryBytes after opening

	root     *catalogNode // declared objects that statements mentioned
	catalog  raw.Handle   // corrected, builtin and root together
	placed   map[string]*Table
	collated bool // a placed table has a column with a collation
	wild     bool // a placed table is a wildcard, whose columns are those of others
	stale    bool // root holds something that was declared anew

	types     map[string]raw.Handle   // by key
	known     map[raw.Handle]*ir.Type // of simple types, whose handles last
	kinds     map[uint32]raw.ResolvedNodeKind
	functions map[raw.Handle]*functionInfo // of builtin functions
	direct    bool                         // object layouts are as package decode knows them

	fold, inline bool // current settings
	paramsSet    bool
}

// recycleBytes is the growth of an instance's memory after which it is
// replaced by a fresh one: types and catalogs that statements leave behind
// cannot be freed.
const recycleBytes = 192 << 20

// Open starts a session. The caller must Close it.
func Open(opts Options) (*Session, error) {
	s := &Session{
		opts: opts, zone: time.UTC,
		tables: map[string]*Table{}, folded: map[string][]string{}, functions: map[string]*function{},
		params: map[string]*ir.Type{},
	}
	if opts.Zone != "" {
		loc, err := time.LoadLocation(opts.Zone)
		if err != nil {
			return nil, fmt.Errorf("open a GoogleSQL session: %w", err)
		}
		s.zone = loc
	}
	for _, f := range append(append([]string(nil), opts.Enable...), opts.Disable...) {
		if _, ok := featureNamed(f); !ok {
			return nil, fmt.Errorf("open a GoogleSQL session: unknown feature %q", f)
		}
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close gives the session's memory back. It may be called twice.
func (s *Session) Close() {
	if s.engine != nil {
		s.engine.m.Close()
		s.engine = nil
	}
}

// MemoryBytes is the size of the analyzer's memory.
func (s *Session) MemoryBytes() int {
	if s.engine == nil {
		return 0
	}
	return s.engine.m.MemoryBytes()
}

// start opens an analyzer instance.
func (s *Session) start() error {
	m, err := raw.Open()
	if err != nil {
		return fmt.Errorf("open a GoogleSQL session: %w", err)
	}
	in := &instance{
		m: m, types: map[string]raw.Handle{}, known: map[raw.Handle]*ir.Type{}, kinds: map[uint32]raw.ResolvedNodeKind{},
		functions: map[raw.Handle]*functionInfo{}, fold: true, inline: true,
	}
	var wrong error
	if err = m.Do(func() { wrong = s.configure(in) }); err == nil {
		err = wrong
	}
	if err != nil {
		m.Close()
		return fmt.Errorf("open a GoogleSQL session: %w", err)
	}
	in.idle = m.MemoryBytes()
	s.engine = in
	s.opened++
	return nil
}

func (s *Session) configure(in *instance) error {
	m := in.m
	in.language = s.languageOptions(m)
	in.options = m.NewAnalyzerOptions(in.language)
	o := in.options
	m.AnalyzerOptions_SetErrorMessageMode(o, raw.ErrorMessageModeErrorMessageOneLine)
	m.AnalyzerOptions_SetParseLocationRecordType(o, raw.ParseLocationRecordTypeParseLocationRecordFullNodeScope)
	m.AnalyzerOptions_SetPruneUnusedColumns(o, true)
	m.AnalyzerOptions_SetStatementContext(o, raw.StatementContextContextDefault)
	if err := s.setZone(in); err != nil {
		return err
	}
	for r, on := range rewriters {
		m.AnalyzerOptions_EnableRewrite(o, r, on)
	}
	in.factory = m.NewTypeFactory()
	in.builtin = m.NewSimpleCatalog("builtin", in.factory)
	// The binding empties some options objects it is given: one for each use.
	builtin := &raw.BuiltinFunctionOptions{LanguageOptions: s.languageOptions(m)}
	for _, id := range keptCalls {
		builtin.RewriteEnabled = append(builtin.RewriteEnabled, &raw.FunctionSignatureIdToboolEntry{Key: id})
	}
	if err := m.SimpleCatalog_AddBuiltinFunctionsAndTypes(in.builtin, builtin); err != nil {
		return err
	}
	if !s.opts.Internal {
		i64, err := in.typeHandle(ir.TypeOf(ir.Int64))
		if err != nil {
			return err
		}
		for _, alias := range []string{"INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"} {
			if _, err := m.SimpleCatalog_AddTypeIfNotPresent(in.builtin, alias, i64); err != nil {
				return err
			}
		}
	}
	if err := in.addMissingFunctions(); err != nil {
		return err
	}
	in.corrected = m.NewSimpleCatalog("corrected", in.factory)
	if err := in.correctFunctions(); err != nil {
		return err
	}
	if err := in.addSystemVariables(); err != nil {
		return err
	}
	if err := in.clearCatalog(); err != nil {
		return err
	}
	return in.checkLayout()
}

// rewriters are the analyzer's rewrites this room turns on or off: on for what
// ir has no node for, off for what ir can say and a reader would rather see.
var rewriters = map[raw.ResolvedASTRewrite]bool{
	raw.ResolvedASTRewriteRewriteInlineSqlFunctions:         true,
	raw.ResolvedASTRewriteRewriteInlineSqlTvfs:              true,
	raw.ResolvedASTRewriteRewriteInlineSqlUdas:              true,
	raw.ResolvedASTRewriteRewriteFlatten:                    true,
	raw.ResolvedASTRewriteRewritePivot:                      true,
	raw.ResolvedASTRewriteRewriteUnpivot:                    true,
	raw.ResolvedASTRewriteRewriteLikeAnyAll:                 true,
	raw.ResolvedASTRewriteRewriteTypeofFunction:             true,
	raw.ResolvedASTRewriteRewriteGroupingSet:                true,
	raw.ResolvedASTRewriteRewriteIsFirstIsLastFunction:      true,
	raw.ResolvedASTRewriteRewriteWithExpr:                   false,
	raw.ResolvedASTRewriteRewriteMultiwayUnnest:             false,
	raw.ResolvedASTRewriteRewriteArrayFilterTransform:       false,
	raw.ResolvedASTRewriteRewritePipeAssert:                 false,
	raw.ResolvedASTRewriteRewriteOrderByAndLimitInAggregate: false,
	raw.ResolvedASTRewriteRewriteInsertDmlValues:            false,
	raw.ResolvedASTRewriteRewriteAnonymization:              false,
	raw.ResolvedASTRewriteRewriteAggregationThreshold:       false,
}

// keptCalls are built-in functions the analyzer would write out as correlated
// subqueries; passes can do better with the call itself.
var keptCalls = []raw.FunctionSignatureId{
	raw.FunctionSignatureIdFnArrayFilter,
	raw.FunctionSignatureIdFnArrayFilterWithIndex,
	raw.FunctionSignatureIdFnArrayTransform,
	raw.FunctionSignatureIdFnArrayTransformWithIndex,
}

// languageOptions makes a new language object. Each consumer needs its own.
func (s *Session) languageOptions(m *raw.Module) raw.Handle {
	l := m.NewLanguageOptions()
	if s.opts.Internal {
		m.LanguageOptions_EnableMaximumLanguageFeaturesForDevelopment(l)
		m.LanguageOptions_SetProductMode(l, raw.ProductModeProductInternal)
	} else {
		m.LanguageOptions_EnableMaximumLanguageFeatures(l)
		m.LanguageOptions_SetProductMode(l, raw.ProductModeProductExternal)
		for _, f := range []raw.LanguageFeature{
			raw.LanguageFeatureFeatureAllowDashesInTableName,
			raw.LanguageFeatureFeatureEncryption,
			raw.LanguageFeatureFeatureCreateTableClone,
			raw.LanguageFeatureFeatureAlterColumnSetDataType,
			raw.LanguageFeatureFeatureAnnotationFramework,
			raw.LanguageFeatureFeatureCollationSupport,
		} {
			setFeature(m, l, f, true)
		}
		// BigQuery's timestamps and intervals end at microseconds.
		setFeature(m, l, raw.LanguageFeatureFeatureTimestampNanos, false)
		setFeature(m, l, raw.LanguageFeatureFeatureTimestampPicos, false)
	}
	m.LanguageOptions_SetSupportsAllStatementKinds(l)
	m.LanguageOptions_EnableReservableKeyword(l, "QUALIFY", true)
	for _, f := range s.opts.Enable {
		id, _ := featureNamed(f)
		setFeature(m, l, id, true)
	}
	for _, f := range s.opts.Disable {
		id, _ := featureNamed(f)
		setFeature(m, l, id, false)
	}
	return l
}

func setFeature(m *raw.Module, l raw.Handle, f raw.LanguageFeature, on bool) {
	if !on {
		m.LanguageOptions_DisableLanguageFeature(l, f)
		return
	}
	if err := m.LanguageOptions_EnableLanguageFeature(l, f); err != nil {
		panic(&raw.Error{Message: err.Error()})
	}
}

// featureNamed finds a language feature by the name the suites use.
func featureNamed(name string) (raw.LanguageFeature, bool) {
	name = strings.ToUpper(strings.TrimSpace(name))
	name = strings.TrimPrefix(name, "FEATURE_")
	id, ok := features()[featureKey(name)]
	return id, ok
}

// setZone sets the default time zone of literals and casts.
func (s *Session) setZone(in *instance) error {
	m := in.m
	if s.opts.Zone == "" || s.opts.Zone == "UTC" {
		m.AnalyzerOptions_SetDefaultTimeZone(in.options, m.UTC())
		return nil
	}
	if s.opts.Zone == "America/Los_Angeles" {
		return nil // the analyzer's own default
	}
	return fmt.Errorf("time zone %s: only UTC and America/Los_Angeles are available", s.opts.Zone)
}

// DeclareParameter makes a query parameter known: @name, or the next ? if name
// is "". A statement may not mix the two.
func (s *Session) DeclareParameter(name string, t *ir.Type) {
	if name == "" {
		s.posParams = append(s.posParams, t)
	} else {
		s.params[strings.ToLower(name)] = t
	}
	if s.engine != nil {
		s.engine.paramsSet = false
	}
}

// setParameters declares the parameters, or with guess has the analyzer take
// every parameter for one of a suitable type.
func (s *Session) setParameters(in *instance, guess bool) error {
	if in.paramsSet && !guess {
		return nil
	}
	m, o := in.m, in.options
	in.paramsSet = false
	m.AnalyzerOptions_SetAllowUndeclaredParameters(o, guess)
	m.AnalyzerOptions_ClearQueryParameters(o)
	m.AnalyzerOptions_ClearPositionalQueryParameters(o)
	if len(s.posParams) > 0 {
		m.AnalyzerOptions_SetParameterMode(o, raw.ParameterModeParameterPositional)
		if guess {
			return nil
		}
		for _, t := range s.posParams {
			h, err := in.typeHandle(t)
			if err != nil {
				return err
			}
			if err := m.AnalyzerOptions_AddPositionalQueryParameter(o, h); err != nil {
				return err
			}
		}
	} else {
		m.AnalyzerOptions_SetParameterMode(o, raw.ParameterModeParameterNamed)
		if guess {
			return nil
		}
		names := make([]string, 0, len(s.params))
		for n := range s.params {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			h, err := in.typeHandle(s.params[n])
			if err != nil {
				return err
			}
			if err := m.AnalyzerOptions_AddQueryParameter(o, n, h); err != nil {
				return err
			}
		}
	}
	in.paramsSet = true
	return nil
}

func (in *instance) setFold(on bool) {
	if in.fold != on {
		in.m.AnalyzerOptions_SetFoldLiteralCast(in.options, on)
		in.fold = on
	}
}

func (in *instance) setInline(on bool) {
	if in.inline != on {
		for _, r := range []raw.ResolvedASTRewrite{
			raw.ResolvedASTRewriteRewriteInlineSqlFunctions, raw.ResolvedASTRewriteRewriteInlineSqlTvfs, raw.ResolvedASTRewriteRewriteInlineSqlUdas,
			raw.ResolvedASTRewriteRewriteBuiltinFunctionInliner, // fails a check on some calls
		} {
			in.m.AnalyzerOptions_EnableRewrite(in.options, r, on)
		}
		in.inline = on
	}
}

var typeKinds = map[ir.Kind]raw.TypeKind{
	ir.Bool: raw.TypeKindTypeBool, ir.Int64: raw.TypeKindTypeInt64, ir.Int32: raw.TypeKindTypeInt32, ir.Uint32: raw.TypeKindTypeUint32,
	ir.Uint64: raw.TypeKindTypeUint64, ir.Float64: raw.TypeKindTypeDouble, ir.Float32: raw.TypeKindTypeFloat,
	ir.Numeric: raw.TypeKindTypeNumeric, ir.BigNumeric: raw.TypeKindTypeBignumeric, ir.String: raw.TypeKindTypeString,
	ir.Bytes: raw.TypeKindTypeBytes, ir.Date: raw.TypeKindTypeDate, ir.Datetime: raw.TypeKindTypeDatetime, ir.Time: raw.TypeKindTypeTime,
	ir.Timestamp: raw.TypeKindTypeTimestamp, ir.Interval: raw.TypeKindTypeInterval, ir.JSON: raw.TypeKindTypeJson,
	ir.Geography: raw.TypeKindTypeGeography, ir.UUID: raw.TypeKindTypeUuid,
}

// typeHandle makes the type in the analyzer, or finds it.
func (in *instance) typeHandle(t *ir.Type) (raw.Handle, error) {
	key := typeKey(t)
	if h := in.types[key]; h != 0 {
		return h, nil
	}
	h, err := in.makeType(t)
	if err != nil {
		return 0, fmt.Errorf("type %s: %w", t, err)
	}
	in.types[key] = h
	return h, nil
}

func (in *instance) makeType(t *ir.Type) (raw.Handle, error) {
	if t == nil {
		return 0, fmt.Errorf("no type")
	}
	m := in.m
	switch t.Kind {
	case ir.Array, ir.Range:
		elem, err := in.typeHandle(t.Elem)
		if err != nil {
			return 0, err
		}
		if t.Kind == ir.Range {
			return m.TypeFactory_MakeRangeType2(in.factory, elem)
		}
		return m.TypeFactory_MakeArrayType(in.factory, elem)
	case ir.Struct:
		fields := make([]*raw.StructField, len(t.Fields))
		for i, f := range t.Fields {
			h, err := in.typeHandle(f.Type)
			if err != nil {
				return 0, err
			}
			fields[i] = &raw.StructField{Name: f.Name, Type_: h}
		}
		return m.TypeFactory_MakeStructType(in.factory, fields)
	case ir.Map:
		if len(t.Fields) != 2 {
			return 0, fmt.Errorf("a map has two types")
		}
		k, err := in.typeHandle(t.Fields[0].Type)
		if err != nil {
			return 0, err
		}
		v, err := in.typeHandle(t.Fields[1].Type)
		if err != nil {
			return 0, err
		}
		return m.TypeFactory_MakeMapType(in.factory, k, v)
	}
	kind, ok := typeKinds[t.Kind]
	if !ok {
		return 0, fmt.Errorf("the analyzer has no such type")
	}
	h, err := m.TypeFactory_MakeSimpleType(in.factory, kind)
	if err == nil {
		in.known[h] = ir.TypeOf(t.Kind)
	}
	return h, err
}

// typeKey tells types apart, field names by their letters' case too.
func typeKey(t *ir.Type) string {
	var b strings.Builder
	writeTypeKey(&b, t)
	return b.String()
}

func writeTypeKey(b *strings.Builder, t *ir.Type) {
	if t == nil {
		b.WriteByte('?')
		return
	}
	b.WriteByte(byte('A' + t.Kind))
	if t.Elem != nil {
		writeTypeKey(b, t.Elem)
	}
	if t.Kind == ir.Struct || t.Kind == ir.Map {
		for _, f := range t.Fields {
			fmt.Fprintf(b, "%d:%s", len(f.Name), f.Name)
			writeTypeKey(b, f.Type)
		}
		b.WriteByte(';')
	}
	b.WriteString(t.Name)
}
