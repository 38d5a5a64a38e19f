package googlesql

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// base decodes what all scans have.
func (d *decoder) base(h raw.Handle) ir.Base {
	m := d.m
	b := ir.Base{Span: d.span(h)}
	if d.direct {
		begin, end := m.Uint32(h, scanColumns), m.Uint32(h, scanColumns+4)
		if end > begin {
			b.Columns = make([]ir.Column, 0, (end-begin)/columnSize)
			for c := begin; c < end; c += columnSize {
				b.Columns = append(b.Columns, d.column(raw.Handle(c)))
			}
		}
		b.IsOrdered = m.Uint32(h, scanOrdered)&0xff != 0
	} else {
		b.Columns = d.columnList(m.ResolvedScan_ColumnList(h))
		b.IsOrdered = m.ResolvedScan_IsOrdered(h)
	}
	if d.hints {
		b.Hints = d.options(m.ResolvedScan_HintList(h))
	}
	return b
}

// optionalScan decodes a scan that may be absent.
func (d *decoder) optionalScan(h raw.Handle) ir.Scan {
	if h == 0 {
		return nil
	}
	return d.scan(h)
}

// scan decodes a scan.
func (d *decoder) scan(h raw.Handle) ir.Scan {
	m := d.m
	switch d.kind(h) {
	case raw.ResolvedNodeKindResolvedProjectScan:
		s := &ir.Project{Base: d.base(h), Input: d.scan(m.ResolvedProjectScan_InputScan(h))}
		s.Exprs = d.computedList(m.ResolvedProjectScan_ExprList(h))
		return s
	case raw.ResolvedNodeKindResolvedTableScan:
		return d.tableScan(h)
	case raw.ResolvedNodeKindResolvedFilterScan:
		s := &ir.Filter{Base: d.base(h), Input: d.scan(m.ResolvedFilterScan_InputScan(h))}
		s.Where = d.expr(m.ResolvedFilterScan_FilterExpr(h))
		return s
	case raw.ResolvedNodeKindResolvedJoinScan:
		return d.join(h)
	case raw.ResolvedNodeKindResolvedArrayScan:
		s := &ir.Unnest{
			Base: d.base(h), Input: d.optionalScan(m.ResolvedArrayScan_InputScan(h)), Arrays: d.exprs(m.ResolvedArrayScan_ArrayExprList(h)),
			Elements: d.columnList(m.ResolvedArrayScan_ElementColumnList(h)), Offset: d.holder(m.ResolvedArrayScan_ArrayOffsetColumn(h)),
			Outer: m.ResolvedArrayScan_IsOuter(h), On: d.optional(m.ResolvedArrayScan_JoinExpr(h)), ZipMode: d.optional(m.ResolvedArrayScan_ArrayZipMode(h)),
		}
		return s
	case raw.ResolvedNodeKindResolvedAggregateScan:
		return d.aggregate(h)
	case raw.ResolvedNodeKindResolvedAnalyticScan:
		return d.analytic(h)
	case raw.ResolvedNodeKindResolvedSetOperationScan:
		return d.setOp(h)
	case raw.ResolvedNodeKindResolvedOrderByScan:
		s := &ir.OrderBy{Base: d.base(h), Input: d.scan(m.ResolvedOrderByScan_InputScan(h))}
		s.Items = d.orderItems(m.ResolvedOrderByScan_OrderByItemList(h))
		return s
	case raw.ResolvedNodeKindResolvedLimitOffsetScan:
		s := &ir.Limit{Base: d.base(h), Input: d.scan(m.ResolvedLimitOffsetScan_InputScan(h))}
		s.Limit, s.Offset = d.optional(m.ResolvedLimitOffsetScan_Limit(h)), d.optional(m.ResolvedLimitOffsetScan_Offset(h))
		if d.s.limitAll() {
			s.Limit = orAll(s.Limit)
		}
		return s
	case raw.ResolvedNodeKindResolvedSingleRowScan:
		return &ir.SingleRow{Base: d.base(h)}
	case raw.ResolvedNodeKindResolvedWithScan:
		s := &ir.With{Base: d.base(h), Recursive: m.ResolvedWithScan_Recursive(h)}
		for _, e := range m.ResolvedWithScan_WithEntryList(h) {
			s.Entries = append(s.Entries, ir.WithEntry{Name: m.ResolvedWithEntry_WithQueryName(e), Scan: d.scan(m.ResolvedWithEntry_WithSubquery(e))})
		}
		s.Body = d.scan(m.ResolvedWithScan_Query(h))
		return s
	case raw.ResolvedNodeKindResolvedWithRefScan:
		return &ir.WithRef{Base: d.base(h), Name: m.ResolvedWithRefScan_WithQueryName(h)}
	case raw.ResolvedNodeKindResolvedRecursiveScan:
		s := &ir.Recursive{
			Base: d.base(h), All: m.ResolvedRecursiveScan_OpType(h) == raw.ResolvedRecursiveScanEnums_RecursiveSetOperationTypeUnionAll,
			Anchor: d.setItem(m.ResolvedRecursiveScan_NonRecursiveTerm(h)), Step: d.setItem(m.ResolvedRecursiveScan_RecursiveTerm(h)),
			Collations: d.columnCollations(m.ResolvedScan_ColumnList(h)),
		}
		if x := m.ResolvedRecursiveScan_RecursionDepthModifier(h); x != 0 {
			s.Depth = d.holder(m.ResolvedRecursionDepthModifier_RecursionDepthColumn(x))
			s.Lower, s.Upper = d.optional(m.ResolvedRecursionDepthModifier_LowerBound(x)), d.optional(m.ResolvedRecursionDepthModifier_UpperBound(x))
		}
		return s
	case raw.ResolvedNodeKindResolvedRecursiveRefScan:
		return &ir.RecursiveRef{Base: d.base(h)}
	case raw.ResolvedNodeKindResolvedSampleScan:
		return &ir.Sample{
			Base: d.base(h), Input: d.scan(m.ResolvedSampleScan_InputScan(h)), Method: strings.ToUpper(m.ResolvedSampleScan_Method(h)),
			Size: d.expr(m.ResolvedSampleScan_Size(h)), Rows: m.ResolvedSampleScan_Unit(h) == raw.ResolvedSampleScanEnums_SampleUnitRows,
			Repeatable: d.optional(m.ResolvedSampleScan_RepeatableArgument(h)), Weight: d.holder(m.ResolvedSampleScan_WeightColumn(h)),
			Partition: d.exprs(m.ResolvedSampleScan_PartitionByList(h)),
		}
	case raw.ResolvedNodeKindResolvedTvfscan:
		return d.tvf(h)
	case raw.ResolvedNodeKindResolvedGroupRowsScan:
		return &ir.GroupRows{Base: d.base(h), Inputs: d.computedList(m.ResolvedGroupRowsScan_InputColumnList(h))}
	case raw.ResolvedNodeKindResolvedAssertScan:
		return &ir.Assert{
			Base: d.base(h), Input: d.scan(m.ResolvedAssertScan_InputScan(h)),
			Condition: d.expr(m.ResolvedAssertScan_Condition(h)), Message: d.optional(m.ResolvedAssertScan_Message(h)),
		}
	case raw.ResolvedNodeKindResolvedBarrierScan:
		return &ir.Barrier{Base: d.base(h), Input: d.scan(m.ResolvedBarrierScan_InputScan(h))}
	case raw.ResolvedNodeKindResolvedExecuteAsRoleScan:
		// A view or table function with its creator's rights: its rows under new columns.
		s := &ir.Project{Base: d.base(h), Input: d.scan(m.ResolvedExecuteAsRoleScan_InputScan(h))}
		in := s.Input.Out()
		if len(in) != len(s.Columns) {
			return &ir.UnsupportedScan{Base: s.Base, What: d.kindName(h)}
		}
		for i, c := range s.Columns {
			if c.ID != in[i].ID {
				s.Exprs = append(s.Exprs, ir.Computed{Column: c, Expr: &ir.ColumnRef{Of: ir.Of{Type: in[i].Type}, Column: in[i]}})
			}
		}
		return s
	}
	return &ir.UnsupportedScan{Base: d.base(h), What: d.kindName(h)}
}

// limitAll reports whether LIMIT NULL is LIMIT ALL: the language feature of that name says
// so. Without it, as in BigQuery, it is an error.
func (s *Session) limitAll() bool {
	return s.opts.Internal && !slices.ContainsFunc(s.opts.Disable, func(f string) bool {
		return strings.EqualFold(strings.TrimPrefix(strings.ToUpper(f), "FEATURE_"), "LIMIT_ALL")
	})
}

// orAll is a count that a NULL leaves out.
func orAll(e ir.Expr) ir.Expr {
	l, ok := e.(*ir.Literal)
	switch {
	case e == nil, ok && l.Value.Null:
		return nil
	case ok:
		return e
	}
	of := ir.Of{Type: e.T(), Span: e.At()}
	const all = 1 << 60 // more than any query yields, and room for an offset
	return &ir.Call{
		Of: of, Name: "ifnull", Group: "GoogleSQL", Args: []ir.Arg{{Expr: e}, {Expr: &ir.Literal{Of: of, Value: ir.Value{Type: e.T(), Int: all}}}},
		Sig: ir.Signature{Args: []*ir.Type{e.T(), e.T()}, Result: e.T()},
	}
}

func (d *decoder) tableScan(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.Table{Base: d.base(h), Alias: m.ResolvedTableScan_Alias(h), SystemTime: d.optional(m.ResolvedTableScan_ForSystemTimeExpr(h))}
	handle := m.ResolvedTableScan_Table(h)
	name := m.Table_FullName(handle)
	t := d.in.placed[strings.ToLower(name)]
	if t == nil {
		return &ir.UnsupportedScan{Base: s.Base, What: "the table " + name + ", which was not declared"}
	}
	if m.ResolvedTableScan_LockMode(h) != 0 {
		return &ir.UnsupportedScan{Base: s.Base, What: "FOR UPDATE"}
	}
	s.Name, s.ValueTable = t.Name, t.ValueTable
	d.see(t)
	index := m.ResolvedTableScan_ColumnIndexList(h)
	if len(index) != len(s.Columns) {
		return &ir.UnsupportedScan{Base: s.Base, What: "a read of " + name + " without its columns"}
	}
	if len(index) > 0 {
		s.Names, s.Pseudo = make([]string, len(index)), make([]bool, len(index))
		for i, at := range index {
			s.Names[i], s.Pseudo[i] = t.Columns[at].Name, t.Columns[at].Pseudo
		}
	}
	return s
}

// see notes a table as read: itself, or the tables its wildcard stands for.
func (d *decoder) see(t *Table) {
	prefix, ok := strings.CutSuffix(t.Name, "*")
	if !ok || d.s.tables[t.Name] != nil {
		d.read[t.Name] = true
		return
	}
	for n := range d.s.tables {
		if strings.HasPrefix(n, prefix) && !strings.Contains(n[len(prefix):], ".") {
			d.read[n] = true
		}
	}
}

func (d *decoder) join(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.Join{
		Base: d.base(h), Left: d.scan(m.ResolvedJoinScan_LeftScan(h)), Right: d.scan(m.ResolvedJoinScan_RightScan(h)),
		On: d.optional(m.ResolvedJoinScan_JoinExpr(h)), Lateral: m.ResolvedJoinScan_IsLateral(h), Using: m.ResolvedJoinScan_HasUsing(h),
	}
	if s.Lateral {
		s.Params = d.columnRefs(m.ResolvedJoinScan_ParameterList(h))
	}
	switch m.ResolvedJoinScan_JoinType(h) {
	case raw.ResolvedJoinScanEnums_JoinTypeLeft:
		s.Kind = ir.Left
	case raw.ResolvedJoinScanEnums_JoinTypeRight:
		s.Kind = ir.Right
	case raw.ResolvedJoinScanEnums_JoinTypeFull:
		s.Kind = ir.Full
	}
	return s
}

func (d *decoder) aggregate(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.Aggregate{
		Base: d.base(h), Input: d.scan(m.ResolvedAggregateScanBase_InputScan(h)),
		Keys: d.computedList(m.ResolvedAggregateScanBase_GroupByList(h)), Aggs: d.computedList(m.ResolvedAggregateScanBase_AggregateList(h)),
	}
	for _, g := range m.ResolvedAggregateScanBase_GroupingCallList(h) {
		s.Grouping = append(s.Grouping, ir.GroupingCall{
			Column: d.column(m.ResolvedGroupingCall_OutputColumn(g)), Key: d.columnRef(m.ResolvedGroupingCall_GroupByColumn(g)).Column.ID,
		})
	}
	if sets := m.ResolvedAggregateScanBase_GroupingSetList(h); len(sets) > 0 {
		s.Sets = [][]ir.ColumnID{}
		for _, g := range sets {
			if d.kind(g) != raw.ResolvedNodeKindResolvedGroupingSet {
				return &ir.UnsupportedScan{Base: s.Base, What: "GROUP BY with " + d.kindName(g)}
			}
			ids := []ir.ColumnID{}
			for _, c := range d.columnRefs(m.ResolvedGroupingSet_GroupByColumnList(g)) {
				ids = append(ids, c.Column.ID)
			}
			s.Sets = append(s.Sets, ids)
		}
	}
	if d.collate {
		s.Collations = d.collations(m.ResolvedAggregateScanBase_CollationList(h))
	}
	return s
}

func (d *decoder) analytic(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.Analytic{Base: d.base(h), Input: d.scan(m.ResolvedAnalyticScan_InputScan(h))}
	for _, g := range m.ResolvedAnalyticScan_FunctionGroupList(h) {
		var w ir.WindowGroup
		if p := m.ResolvedAnalyticFunctionGroup_PartitionBy(g); p != 0 {
			w.Partition = d.columnRefs(m.ResolvedWindowPartitioning_PartitionByList(p))
			if d.collate {
				w.Collations = d.collations(m.ResolvedWindowPartitioning_CollationList(p))
			}
		}
		if o := m.ResolvedAnalyticFunctionGroup_OrderBy(g); o != 0 {
			w.Order = d.orderItems(m.ResolvedWindowOrdering_OrderByItemList(o))
		}
		w.Calls = d.computedList(m.ResolvedAnalyticFunctionGroup_AnalyticFunctionList(g))
		s.Groups = append(s.Groups, w)
	}
	return s
}

func (d *decoder) setItem(h raw.Handle) ir.SetItem {
	return ir.SetItem{Scan: d.scan(d.m.ResolvedSetOperationItem_Scan(h)), Columns: d.columnList(d.m.ResolvedSetOperationItem_OutputColumnList(h))}
}

func (d *decoder) setOp(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.SetOp{Base: d.base(h)}
	switch m.ResolvedSetOperationScan_OpType(h) {
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeUnionAll:
		s.Kind = ir.UnionAll
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeUnionDistinct:
		s.Kind = ir.UnionDistinct
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeIntersectAll:
		s.Kind = ir.IntersectAll
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeIntersectDistinct:
		s.Kind = ir.IntersectDistinct
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeExceptAll:
		s.Kind = ir.ExceptAll
	case raw.ResolvedSetOperationScanEnums_SetOperationTypeExceptDistinct:
		s.Kind = ir.ExceptDistinct
	default:
		return &ir.UnsupportedScan{Base: s.Base, What: "a set operation of an unknown kind"}
	}
	s.Collations = d.columnCollations(m.ResolvedScan_ColumnList(h))
	for _, it := range m.ResolvedSetOperationScan_InputItemList(h) {
		s.Items = append(s.Items, d.setItem(it))
	}
	return s
}

func (d *decoder) tvf(h raw.Handle) ir.Scan {
	m := d.m
	s := &ir.TVF{Base: d.base(h), Name: strings.ToLower(strings.Join(m.TableValuedFunction_FunctionNamePath(m.ResolvedTVFScan_Tvf(h)), "."))}
	for _, a := range m.ResolvedTVFScan_ArgumentList(h) {
		x := d.arg(a)
		arg := ir.TVFArg{Expr: x.Expr, Scan: x.Scan, Names: x.Descriptor, Name: x.Model + x.Connection + x.Sequence}
		if x.Scan != nil {
			arg.Columns = d.columnList(m.ResolvedFunctionArgument_ArgumentColumnList(a))
		}
		s.Args = append(s.Args, arg)
	}
	// The signature is bound by the address of the pointer that holds it and
	// cannot be asked for its columns; the scan names those that are read.
	for i, at := range m.ResolvedTVFScan_ColumnIndexList(h) {
		for len(s.Names) <= int(at) {
			s.Names = append(s.Names, "")
		}
		s.Names[at] = s.Columns[i].Name
		s.Index = append(s.Index, int(at))
	}
	return s
}

// hinted adds hints that stand before a query to its scan.
func (d *decoder) hinted(s ir.Scan, list func(raw.Handle) []raw.Handle, h raw.Handle) ir.Scan {
	if b, ok := s.(interface{ AddHints([]ir.Option) }); ok && d.hints {
		b.AddHints(d.options(list(h)))
	}
	return s
}
