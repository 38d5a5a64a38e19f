package googlesql

import (
	"math"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// functionInfo is what every call of a function shares.
type functionInfo struct {
	name, group string
	named       bool // some signature names an argument
}

// nameKey tells the argument names of calls apart: a signature of a function
// and how many arguments it got.
type nameKey struct {
	function  raw.Handle
	signature int64
	args      int
}

// of decodes what all expressions have.
func (d *decoder) of(h raw.Handle) ir.Of {
	o := ir.Of{Span: d.span(h)}
	if d.direct {
		o.Type = d.typ(raw.Handle(d.m.Uint32(h, exprType)))
	} else {
		o.Type = d.typ(d.m.ResolvedExpr_Type(h))
	}
	switch {
	case !d.collate || o.Type == nil:
	case o.Type.Kind == ir.String:
		o.Collation = d.annotation(d.m.ResolvedExpr_TypeAnnotationMap(h))
	case o.Type.Kind == ir.Array && o.Type.Has(ir.String):
		if c := d.collationShape(d.m.ResolvedExpr_TypeAnnotationMap(h)); c != "_" {
			o.Collation = c
		}
	}
	return o
}

// collationAnnotation is the number of the collation among type annotations
// (googlesql/public/types/annotation.h).
const collationAnnotation = 1

func (d *decoder) annotation(h raw.Handle) string {
	if h == 0 {
		return ""
	}
	v := d.m.AnnotationMap_GetAnnotation(h, collationAnnotation)
	if v == 0 || !d.m.SimpleValue_HasStringValue(v) {
		return ""
	}
	return d.m.SimpleValue_StringValue(v)
}

// columnCollations are the collations of columns, nil if there is none among them.
func (d *decoder) columnCollations(list []raw.Handle) []string {
	if !d.collate {
		return nil
	}
	out := make([]string, len(list))
	some := false
	for i, h := range list {
		if c := d.collationShape(d.m.ResolvedColumn_TypeAnnotationMap(h)); c != "_" {
			out[i], some = c, true
		}
	}
	if !some {
		return nil
	}
	return out
}

// collationShape is the collation within annotations, in the form in which a resolved
// collation prints: a name, _ for none, or a list in brackets for the parts of a type.
func (d *decoder) collationShape(h raw.Handle) string {
	if h == 0 {
		return "_"
	}
	var parts []raw.Handle
	switch {
	case d.m.AnnotationMap_IsStructMap(h):
		parts = d.m.StructAnnotationMap_Fields(d.m.AnnotationMap_AsStructMap(h))
	case d.m.AnnotationMap_IsArrayMap(h):
		parts = []raw.Handle{d.m.StructAnnotationMap_Element(d.m.AnnotationMap_AsArrayMap(h))}
	default:
		if c := d.annotation(h); c != "" {
			return c
		}
		return "_"
	}
	some := false
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = d.collationShape(p)
		some = some || texts[i] != "_"
	}
	if !some {
		return "_"
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// collation is the name of a resolved collation, "" for none.
func (d *decoder) collation(h raw.Handle) string {
	if h == 0 || d.m.ResolvedCollation_Empty(h) {
		return ""
	}
	if d.m.ResolvedCollation_HasCollation(h) {
		return d.m.ResolvedCollation_CollationName(h)
	}
	// Collation inside an array or struct: passes must see that there is some.
	return d.m.ResolvedCollation_DebugString(h)
}

// collations decodes a list of collations, nil if there is none among them.
func (d *decoder) collations(list []raw.Handle) []string {
	var out []string
	some := false
	for _, h := range list {
		c := d.collation(h)
		some = some || c != ""
		out = append(out, c)
	}
	if !some {
		return nil
	}
	return out
}

// optional decodes an expression that may be absent.
func (d *decoder) optional(h raw.Handle) ir.Expr {
	if h == 0 {
		return nil
	}
	return d.expr(h)
}

func (d *decoder) exprs(list []raw.Handle) []ir.Expr {
	if len(list) == 0 {
		return nil
	}
	out := make([]ir.Expr, len(list))
	for i, h := range list {
		out[i] = d.expr(h)
	}
	return out
}

func (d *decoder) columnRef(h raw.Handle) *ir.ColumnRef {
	e := &ir.ColumnRef{Of: d.of(h)}
	if d.direct {
		e.Column = d.column(h + refColumn)
		e.Correlated = d.m.Uint32(h, refCorrelated)&0xff != 0
	} else {
		e.Column = d.column(d.m.ResolvedColumnRef_Column(h))
		e.Correlated = d.m.ResolvedColumnRef_IsCorrelated(h)
	}
	return e
}

func (d *decoder) columnRefs(list []raw.Handle) []*ir.ColumnRef {
	if len(list) == 0 {
		return nil
	}
	out := make([]*ir.ColumnRef, len(list))
	for i, h := range list {
		out[i] = d.columnRef(h)
	}
	return out
}

// expr decodes an expression.
func (d *decoder) expr(h raw.Handle) ir.Expr {
	m := d.m
	switch d.kind(h) {
	case raw.ResolvedNodeKindResolvedColumnRef:
		return d.columnRef(h)
	case raw.ResolvedNodeKindResolvedLiteral:
		return d.literal(h)
	case raw.ResolvedNodeKindResolvedFunctionCall:
		e := d.call(h)
		return &e
	case raw.ResolvedNodeKindResolvedAggregateFunctionCall:
		return d.aggregateCall(h)
	case raw.ResolvedNodeKindResolvedAnalyticFunctionCall:
		return d.windowCall(h)
	case raw.ResolvedNodeKindResolvedCast:
		return d.cast(h)
	case raw.ResolvedNodeKindResolvedParameter:
		return &ir.Parameter{Of: d.of(h), Name: strings.ToLower(m.ResolvedParameter_Name(h)), Position: int(m.ResolvedParameter_Position(h))}
	case raw.ResolvedNodeKindResolvedConstant:
		name := strings.Join(m.Constant_NamePath(m.ResolvedConstant_Constant(h)), ".")
		if f := d.s.functions[strings.ToLower(name)]; f != nil && f.kind == constant {
			return f.expr
		}
		return &ir.Constant{Of: d.of(h), Name: name}
	case raw.ResolvedNodeKindResolvedSystemVariable:
		return &ir.SystemVariable{Of: d.of(h), Name: strings.Join(m.ResolvedSystemVariable_NamePath(h), ".")}
	case raw.ResolvedNodeKindResolvedMakeStruct:
		return &ir.MakeStruct{Of: d.of(h), Args: d.exprs(m.ResolvedMakeStruct_FieldList(h))}
	case raw.ResolvedNodeKindResolvedGetStructField:
		return &ir.GetField{Of: d.of(h), Arg: d.expr(m.ResolvedGetStructField_Expr(h)), Index: int(m.ResolvedGetStructField_FieldIdx(h))}
	case raw.ResolvedNodeKindResolvedGetJsonField:
		return &ir.GetJSONField{Of: d.of(h), Arg: d.expr(m.ResolvedGetJsonField_Expr(h)), Name: m.ResolvedGetJsonField_FieldName(h)}
	case raw.ResolvedNodeKindResolvedFlatten:
		return &ir.Flatten{Of: d.of(h), Arg: d.expr(m.ResolvedFlatten_Expr(h)), Path: d.exprs(m.ResolvedFlatten_GetFieldList(h))}
	case raw.ResolvedNodeKindResolvedFlattenedArg:
		return &ir.FlattenedArg{Of: d.of(h)}
	case raw.ResolvedNodeKindResolvedReplaceField:
		return d.replaceField(h)
	case raw.ResolvedNodeKindResolvedSubqueryExpr:
		return d.subquery(h)
	case raw.ResolvedNodeKindResolvedWithExpr:
		e := &ir.WithExpr{Of: d.of(h), Assign: d.computedList(m.ResolvedWithExpr_AssignmentList(h))}
		e.Expr = d.expr(m.ResolvedWithExpr_Expr(h))
		return e
	case raw.ResolvedNodeKindResolvedArgumentRef:
		return &ir.ArgumentRef{Of: d.of(h), Name: m.ResolvedArgumentRef_Name(h)}
	case raw.ResolvedNodeKindResolvedExpressionColumn:
		return &ir.ArgumentRef{Of: d.of(h), Name: m.ResolvedExpressionColumn_Name(h)}
	case raw.ResolvedNodeKindResolvedInlineLambda:
		return &ir.UnsupportedExpr{Of: d.of(h), What: "a lambda outside of a call"}
	case raw.ResolvedNodeKindResolvedDmldefault:
		return &ir.Default{Of: d.of(h)}
	case raw.ResolvedNodeKindResolvedArrayAggregate:
		e := &ir.ArrayAggregate{Of: d.of(h), Array: d.expr(m.ResolvedArrayAggregate_Array(h))}
		e.Element = d.column(m.ResolvedArrayAggregate_ElementColumn(h))
		e.Pre = d.computedList(m.ResolvedArrayAggregate_PreAggregateComputedColumnList(h))
		e.Agg = d.aggregateCall(m.ResolvedArrayAggregate_Aggregate(h))
		return e
	}
	return &ir.UnsupportedExpr{Of: d.of(h), What: d.kindName(h)}
}

func (d *decoder) literal(h raw.Handle) ir.Expr {
	e := &ir.Literal{Of: d.of(h), Typed: d.m.ResolvedLiteral_HasExplicitType(h)}
	e.Value = d.value(d.m.ResolvedLiteral_Value(h), e.Type)
	// The analyzer loses the sign of a literal zero.
	if e.Value.Float == 0 && e.Type.Kind == ir.Float64 && !e.Value.Null && !e.Typed {
		if text := d.text(e.Span); strings.HasPrefix(text, "-") && strings.ContainsAny(text, ".eE") {
			e.Value.Float = math.Copysign(0, -1)
		}
	}
	// INTERVAL of a named constant is folded to NULL, whatever the constant is.
	if text := d.text(e.Span); e.Type.Kind == ir.Interval && e.Value.Null && len(text) > 8 && strings.EqualFold(text[:8], "INTERVAL") {
		return &ir.UnsupportedExpr{Of: e.Of, What: "INTERVAL of a named constant"}
	}
	if d.in.fold && d.suspect(e.Value, d.text(e.Span)) {
		d.folded = true
	}
	return e
}

// info is what calls of a function share, found out once.
func (d *decoder) info(h raw.Handle) *functionInfo {
	if f := d.in.functions[h]; f != nil {
		return f
	}
	if f := d.calls[h]; f != nil {
		return f
	}
	m := d.m
	f := &functionInfo{name: strings.ToLower(strings.Join(m.Function_FunctionNamePath(h), ".")), group: m.Function_GetGroup(h)}
	for _, sig := range m.Function_Signatures(h) {
		if m.FunctionSignature_LastNamedArgIndex(sig) >= 0 {
			f.named = true
			break
		}
	}
	if m.Function_IsGoogleSQLBuiltin(h) {
		d.in.functions[h] = f // lives as long as the instance
	} else {
		d.calls[h] = f
	}
	return f
}

// call decodes what all function calls have.
func (d *decoder) call(h raw.Handle) ir.Call {
	m := d.m
	fn := m.ResolvedFunctionCallBase_Function(h)
	f := d.info(fn)
	e := ir.Call{Of: d.of(h), Name: f.name, Group: f.group}
	e.Safe = m.ResolvedFunctionCallBase_ErrorMode(h) == raw.ResolvedFunctionCallBaseEnums_ErrorModeSafeErrorMode
	if list := m.ResolvedFunctionCallBase_ArgumentList(h); len(list) > 0 {
		e.Args = make([]ir.Arg, len(list))
		for i, a := range list {
			e.Args[i].Expr = d.expr(a)
		}
	} else if list := m.ResolvedFunctionCallBase_GenericArgumentList(h); len(list) > 0 {
		e.Args = make([]ir.Arg, len(list))
		for i, a := range list {
			e.Args[i] = d.arg(a)
		}
	}
	e.Sig.Result = e.Type
	if len(e.Args) > 0 {
		// The analyzer has put a cast around every argument whose type is not
		// the signature's, so that the types are the arguments' own.
		e.Sig.Args = make([]*ir.Type, len(e.Args))
		for i, a := range e.Args {
			if a.Expr != nil {
				e.Sig.Args[i] = a.Expr.T()
			}
		}
	}
	if f.named {
		sig := m.ResolvedFunctionCallBase_Signature(h)
		key := nameKey{fn, m.FunctionSignature_ContextId(sig), len(e.Args)}
		named, ok := d.names[key]
		if !ok {
			named = d.argumentNames(sig, len(e.Args))
			d.names[key] = named
		}
		e.Sig.Named = named
	}
	if d.collate {
		e.Collations = d.collations(m.ResolvedFunctionCallBase_CollationList(h))
	}
	if d.hints {
		e.Hints = d.options(m.ResolvedFunctionCallBase_HintList(h))
	}
	return e
}

func (d *decoder) argumentNames(sig raw.Handle, n int) []string {
	m := d.m
	names := make([]string, n)
	some := false
	for i := 0; i < min(n, int(m.FunctionSignature_NumConcreteArguments(sig))); i++ {
		if a := m.FunctionSignature_ConcreteArgument(sig, int32(i)); a != 0 && m.FunctionArgumentType_HasArgumentName(a) {
			names[i] = m.FunctionArgumentType_ArgumentName(a)
			some = true
		}
	}
	if !some {
		return nil
	}
	return names
}

// arg decodes an argument that may be something else than an expression.
func (d *decoder) arg(h raw.Handle) ir.Arg {
	m := d.m
	a := ir.Arg{Alias: m.ResolvedFunctionArgument_ArgumentAlias(h)}
	if e := m.ResolvedFunctionArgument_Expr(h); e != 0 {
		a.Expr = d.expr(e)
	} else if l := m.ResolvedFunctionArgument_InlineLambda(h); l != 0 {
		a.Lambda = &ir.Lambda{
			Of:     ir.Of{Span: d.span(l)},
			Args:   d.columnList(m.ResolvedInlineLambda_ArgumentList(l)),
			Params: d.columnRefs(m.ResolvedInlineLambda_ParameterList(l)),
			Body:   d.expr(m.ResolvedInlineLambda_Body(l)),
		}
		a.Lambda.Type = a.Lambda.Body.T()
	} else if s := m.ResolvedFunctionArgument_Scan(h); s != 0 {
		a.Scan = d.scan(s)
	} else if s := m.ResolvedFunctionArgument_Sequence(h); s != 0 {
		a.Sequence = m.Sequence_FullName(m.ResolvedSequence_Sequence(s))
	} else if s := m.ResolvedFunctionArgument_Model(h); s != 0 {
		a.Model = m.Model_FullName(m.ResolvedModel_Model(s))
	} else if s := m.ResolvedFunctionArgument_Connection(h); s != 0 {
		a.Connection = m.Connection_FullName(m.ResolvedConnection_Connection(s))
	} else if s := m.ResolvedFunctionArgument_DescriptorArg(h); s != 0 {
		a.Descriptor = m.ResolvedDescriptor_DescriptorColumnNameList(s)
	} else {
		a.Expr = &ir.UnsupportedExpr{Of: ir.Of{Span: d.span(h)}, What: "an argument of an unknown kind"}
	}
	return a
}

func nullHandling(n raw.ResolvedNonScalarFunctionCallBaseEnums_NullHandlingModifier) ir.NullHandling {
	switch n {
	case raw.ResolvedNonScalarFunctionCallBaseEnums_NullHandlingModifierIgnoreNulls:
		return ir.IgnoreNulls
	case raw.ResolvedNonScalarFunctionCallBaseEnums_NullHandlingModifierRespectNulls:
		return ir.RespectNulls
	}
	return ir.NullsUnsaid
}

func (d *decoder) aggregateCall(h raw.Handle) *ir.AggregateCall {
	m := d.m
	e := &ir.AggregateCall{
		Call:     d.call(h),
		Distinct: m.ResolvedNonScalarFunctionCallBase_Distinct(h),
		Nulls:    nullHandling(m.ResolvedNonScalarFunctionCallBase_NullHandlingModifier(h)),
		Where:    d.optional(m.ResolvedNonScalarFunctionCallBase_WhereExpr(h)),
		Order:    d.orderItems(m.ResolvedAggregateFunctionCall_OrderByItemList(h)),
		Limit:    d.optional(m.ResolvedAggregateFunctionCall_Limit(h)),
		GroupBy:  d.computedList(m.ResolvedAggregateFunctionCall_GroupByList(h)),
		Nested:   d.computedList(m.ResolvedAggregateFunctionCall_GroupByAggregateList(h)),
	}
	if x := m.ResolvedAggregateFunctionCall_HavingModifier(h); x != 0 {
		e.Having = &ir.Having{
			Max:  m.ResolvedAggregateHavingModifier_Kind(x) == raw.ResolvedAggregateHavingModifierEnums_HavingModifierKindMax,
			Expr: d.expr(m.ResolvedAggregateHavingModifier_HavingExpr(x)),
		}
	}
	if x := m.ResolvedAggregateFunctionCall_HavingExpr(h); x != 0 {
		e.Filter = d.expr(x)
	}
	return e
}

func (d *decoder) windowCall(h raw.Handle) *ir.WindowCall {
	m := d.m
	e := &ir.WindowCall{
		Call:     d.call(h),
		Distinct: m.ResolvedNonScalarFunctionCallBase_Distinct(h),
		Nulls:    nullHandling(m.ResolvedNonScalarFunctionCallBase_NullHandlingModifier(h)),
		Where:    d.optional(m.ResolvedNonScalarFunctionCallBase_WhereExpr(h)),
	}
	if f := m.ResolvedAnalyticFunctionCall_WindowFrame(h); f != 0 {
		e.Frame = &ir.Frame{
			Start: d.bound(m.ResolvedWindowFrame_StartExpr(f)),
			End:   d.bound(m.ResolvedWindowFrame_EndExpr(f)),
		}
		if m.ResolvedWindowFrame_FrameUnit(f) == raw.ResolvedWindowFrameEnums_FrameUnitRange {
			e.Frame.Unit = ir.RangeUnit
		}
	}
	return e
}

func (d *decoder) bound(h raw.Handle) ir.Bound {
	m := d.m
	b := ir.Bound{Offset: d.optional(m.ResolvedWindowFrameExpr_Expression(h))}
	switch m.ResolvedWindowFrameExpr_BoundaryType(h) {
	case raw.ResolvedWindowFrameExprEnums_BoundaryTypeUnboundedPreceding:
		b.Kind = ir.UnboundedPreceding
	case raw.ResolvedWindowFrameExprEnums_BoundaryTypeOffsetPreceding:
		b.Kind = ir.OffsetPreceding
	case raw.ResolvedWindowFrameExprEnums_BoundaryTypeCurrentRow:
		b.Kind = ir.CurrentRow
	case raw.ResolvedWindowFrameExprEnums_BoundaryTypeOffsetFollowing:
		b.Kind = ir.OffsetFollowing
	default:
		b.Kind = ir.UnboundedFollowing
	}
	return b
}

func (d *decoder) cast(h raw.Handle) ir.Expr {
	m := d.m
	e := &ir.Cast{
		Of: d.of(h), Arg: d.expr(m.ResolvedCast_Expr(h)), Safe: m.ResolvedCast_ReturnNullOnError(h),
		Format: d.optional(m.ResolvedCast_Format(h)), Zone: d.optional(m.ResolvedCast_TimeZone(h)),
		Extended: m.ResolvedCast_ExtendedCast(h) != 0,
	}
	e.Params = d.modifiers(m.ResolvedCast_TypeModifiers(h))
	// The analyzer does not say which casts the user wrote; those have a place
	// that begins with the word.
	text := d.text(e.Span)
	e.Implicit = text == "" || !prefixFold(text, "cast") && !prefixFold(text, "safe_cast")
	if e.Span == (ir.Span{}) {
		e.Span = e.Arg.At()
	}
	return e
}

func prefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func (d *decoder) replaceField(h raw.Handle) ir.Expr {
	m := d.m
	e := &ir.ReplaceField{Of: d.of(h), Arg: d.expr(m.ResolvedReplaceField_Expr(h))}
	for _, x := range m.ResolvedReplaceField_ReplaceFieldItemList(h) {
		if len(m.ResolvedReplaceFieldItem_ProtoFieldPath(x)) > 0 {
			return &ir.UnsupportedExpr{Of: e.Of, What: "REPLACE_FIELDS of a proto"}
		}
		item := ir.ReplaceItem{Expr: d.expr(m.ResolvedReplaceFieldItem_Expr(x))}
		for _, i := range m.ResolvedReplaceFieldItem_StructIndexPath(x) {
			item.Path = append(item.Path, int(i))
		}
		e.Items = append(e.Items, item)
	}
	return e
}

func (d *decoder) subquery(h raw.Handle) ir.Expr {
	m := d.m
	e := &ir.Subquery{
		Of: d.of(h), Params: d.columnRefs(m.ResolvedSubqueryExpr_ParameterList(h)),
		In: d.optional(m.ResolvedSubqueryExpr_InExpr(h)), Scan: d.hinted(d.scan(m.ResolvedSubqueryExpr_Subquery(h)), m.ResolvedSubqueryExpr_HintList, h),
	}
	switch m.ResolvedSubqueryExpr_SubqueryType(h) {
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeScalar:
		e.Kind = ir.Scalar
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeArray:
		e.Kind = ir.ArrayOf
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeExists:
		e.Kind = ir.Exists
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeIn:
		e.Kind = ir.In
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeLikeAny:
		e.Kind = ir.LikeAny
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeLikeAll:
		e.Kind = ir.LikeAll
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeNotLikeAny:
		e.Kind = ir.NotLikeAny
	case raw.ResolvedSubqueryExprEnums_SubqueryTypeNotLikeAll:
		e.Kind = ir.NotLikeAll
	default:
		return &ir.UnsupportedExpr{Of: e.Of, What: "a subquery of an unknown kind"}
	}
	if d.collate {
		e.Collation = d.collation(m.ResolvedSubqueryExpr_InCollation(h))
		switch e.Kind {
		case ir.LikeAny, ir.LikeAll, ir.NotLikeAny, ir.NotLikeAll:
			// The analyzer notes the collation of IN only; LIKE compares by that of either side.
			if e.Collation == "" {
				e.Collation = d.annotation(m.ResolvedExpr_TypeAnnotationMap(m.ResolvedSubqueryExpr_InExpr(h)))
			}
			if list := m.ResolvedScan_ColumnList(m.ResolvedSubqueryExpr_Subquery(h)); e.Collation == "" && len(list) > 0 {
				e.Collation = d.annotation(m.ResolvedColumn_TypeAnnotationMap(list[0]))
			}
		}
	}
	return e
}

// orderItems decodes sort keys.
func (d *decoder) orderItems(list []raw.Handle) []ir.OrderItem {
	m := d.m
	var out []ir.OrderItem
	for _, h := range list {
		it := ir.OrderItem{Expr: d.columnRef(m.ResolvedOrderByItem_ColumnRef(h)), Desc: m.ResolvedOrderByItem_IsDescending(h)}
		switch m.ResolvedOrderByItem_NullOrder(h) {
		case raw.ResolvedOrderByItemEnums_NullOrderModeNullsFirst:
			it.Nulls = ir.NullsFirst
		case raw.ResolvedOrderByItemEnums_NullOrderModeNullsLast:
			it.Nulls = ir.NullsLast
		}
		if d.collate {
			it.Collation = d.collation(m.ResolvedOrderByItem_Collation(h))
			if name := m.ResolvedOrderByItem_CollationName(h); name != 0 && it.Collation == "" {
				if l, ok := d.expr(name).(*ir.Literal); ok {
					it.Collation = l.Value.Text
				} else {
					it.Collation = "of an expression"
				}
			}
		}
		out = append(out, it)
	}
	return out
}

// computedList decodes computed columns.
func (d *decoder) computedList(list []raw.Handle) []ir.Computed {
	if len(list) == 0 {
		return nil
	}
	out := make([]ir.Computed, len(list))
	for i, h := range list {
		out[i] = d.computed(h)
	}
	return out
}

func (d *decoder) computed(h raw.Handle) ir.Computed {
	m := d.m
	if d.kind(h) == raw.ResolvedNodeKindResolvedDeferredComputedColumn {
		return ir.Computed{
			Column:   d.column(m.ResolvedComputedColumnBase_Column(h)),
			Expr:     d.expr(m.ResolvedComputedColumnBase_Expr(h)),
			Deferred: d.column(m.ResolvedDeferredComputedColumn_SideEffectColumn(h)).ID,
		}
	}
	if d.direct {
		return ir.Computed{Column: d.column(h + computedColumn), Expr: d.expr(raw.Handle(m.Uint32(h, computedExpr)))}
	}
	return ir.Computed{Column: d.column(m.ResolvedComputedColumnBase_Column(h)), Expr: d.expr(m.ResolvedComputedColumnBase_Expr(h))}
}
