package googlesql

import (
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// decoder turns one resolved statement into ir. Its methods must run inside
// Module.Do: a failing call ends the decoding.
type decoder struct {
	s      *Session
	in     *instance
	m      *raw.Module
	sql    string
	direct bool

	columns map[int32]ir.Column
	types   map[raw.Handle]*ir.Type
	calls   map[raw.Handle]*functionInfo // of declared functions
	names   map[nameKey][]string
	read    map[string]bool // declared names of the tables read

	collate bool // the text speaks of collation, or a table has a column with one
	hints   bool // the text has hints
	folded  bool // a literal is suspected to be a wrongly folded DATE, see trap
}

func newDecoder(s *Session, in *instance, sql string) *decoder {
	d := &decoder{
		s: s, in: in, m: in.m, sql: sql, direct: in.direct,
		columns: map[int32]ir.Column{}, types: map[raw.Handle]*ir.Type{}, calls: map[raw.Handle]*functionInfo{},
		names: map[nameKey][]string{}, read: map[string]bool{},
		hints: strings.Contains(sql, "@"),
	}
	d.collate = s.collate || in.collated || containsFold(sql, "collat")
	d.hints = d.hints || s.hints
	return d
}

// Layouts of engine objects. The decoder reads the commonest fields from the
// engine's memory instead of asking for each: a call costs about a
// microsecond and a statement has thousands of fields. The engine is one
// fixed build; still, checkLayout compares every one of these with what the
// calls say when an instance opens, and without agreement the calls are used.
const (
	nodeLocation    = 4  // ParseLocationRange*
	exprType        = 12 // Type*
	exprAnnotations = 16 // AnnotationMap*
	scanColumns     = 12 // vector<ResolvedColumn>: begin, end
	scanOrdered     = 36 // bool
	columnSize      = 20
	columnID        = 0
	columnType      = 12
	refColumn       = 24 // ResolvedColumn
	refCorrelated   = 44 // bool
	computedColumn  = 12 // ResolvedColumn
	computedExpr    = 32 // ResolvedExpr*
	rangeFile       = 4  // length of the file name
	rangeStart      = 8
	rangeEnd        = 20
)

// checkLayout decides whether object layouts are as the constants above say.
func (in *instance) checkLayout() error {
	m := in.m
	out, err := m.AnalyzeStatement("select a + 1 as b, x from (select 1 as a, 'y' as x), unnest([1, 2]) as e where a in (select e) order by b", in.options, in.catalog, in.factory)
	if err != nil {
		return err
	}
	in.direct = in.agrees(m.AnalyzerOutput_ResolvedStatement(out))
	m.AnalyzerOutput_Free(out)
	return nil
}

func (in *instance) agrees(h raw.Handle) bool {
	m := in.m
	word := func(h raw.Handle, at uint32) raw.Handle { return raw.Handle(m.Uint32(h, at)) }
	if loc := m.ResolvedNode_GetParseLocationRangeOrNULL(h); word(h, nodeLocation) != loc {
		return false
	} else if loc != 0 {
		start, end := m.ParseLocationRange_Start(loc), m.ParseLocationRange_End(loc)
		if m.Uint32(loc, rangeStart) != uint32(m.ParseLocationPoint_GetByteOffset(start)) ||
			m.Uint32(loc, rangeEnd) != uint32(m.ParseLocationPoint_GetByteOffset(end)) ||
			m.Uint32(loc, rangeFile) != uint32(len(m.ParseLocationPoint_Filename(start))) {
			return false
		}
	}
	column := func(h raw.Handle) bool {
		return m.Uint32(h, columnID) == uint32(m.ResolvedColumn_ColumnId(h)) && word(h, columnType) == m.ResolvedColumn_Type(h)
	}
	kind := m.ResolvedNode_NodeKind(h)
	in.kinds[m.Uint32(h, 0)] = kind
	switch {
	case m.ResolvedNode_IsExpression(h):
		if word(h, exprType) != m.ResolvedExpr_Type(h) || word(h, exprAnnotations) != m.ResolvedExpr_TypeAnnotationMap(h) {
			return false
		}
	case m.ResolvedNode_IsScan(h):
		list := m.ResolvedScan_ColumnList(h)
		begin, end := m.Uint32(h, scanColumns), m.Uint32(h, scanColumns+4)
		if end-begin != uint32(len(list))*columnSize || m.Uint32(h, scanOrdered)&0xff != btoi(m.ResolvedScan_IsOrdered(h)) {
			return false
		}
		for i, c := range list {
			if c != raw.Handle(begin+uint32(i)*columnSize) || !column(c) {
				return false
			}
		}
	}
	switch kind {
	case raw.ResolvedNodeKindResolvedColumnRef:
		if c := m.ResolvedColumnRef_Column(h); c != h+refColumn || !column(c) ||
			m.Uint32(h, refCorrelated)&0xff != btoi(m.ResolvedColumnRef_IsCorrelated(h)) {
			return false
		}
	case raw.ResolvedNodeKindResolvedComputedColumn:
		if c := m.ResolvedComputedColumnBase_Column(h); c != h+computedColumn || !column(c) ||
			word(h, computedExpr) != m.ResolvedComputedColumnBase_Expr(h) {
			return false
		}
	}
	for _, c := range m.ResolvedNode_GetChildNodes(h) {
		if !in.agrees(c) {
			return false
		}
	}
	return true
}

func btoi(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// kind is the kind of a node. All nodes of a class share the address in their
// first word, that of the class's virtual functions.
func (d *decoder) kind(h raw.Handle) raw.ResolvedNodeKind {
	class := d.m.Uint32(h, 0)
	if k, ok := d.in.kinds[class]; ok {
		return k
	}
	k := d.m.ResolvedNode_NodeKind(h)
	d.in.kinds[class] = k
	return k
}

// kindName is the kind as the documentation writes it, without Resolved.
func (d *decoder) kindName(h raw.Handle) string { return d.m.ResolvedNode_NodeKindString(h) }

// span is a node's place in the statement. Nodes from the body of a function
// have places in that body, which are of no use here.
func (d *decoder) span(h raw.Handle) ir.Span {
	m := d.m
	var sp ir.Span
	if d.direct {
		loc := raw.Handle(m.Uint32(h, nodeLocation))
		if loc == 0 || m.Uint32(loc, rangeFile) != 0 {
			return ir.Span{}
		}
		sp = ir.Span{Start: int(m.Uint32(loc, rangeStart)), End: int(m.Uint32(loc, rangeEnd))}
	} else {
		loc := m.ResolvedNode_GetParseLocationRangeOrNULL(h)
		if loc == 0 {
			return ir.Span{}
		}
		start := m.ParseLocationRange_Start(loc)
		if m.ParseLocationPoint_Filename(start) != "" {
			return ir.Span{}
		}
		sp = ir.Span{
			Start: int(m.ParseLocationPoint_GetByteOffset(start)),
			End:   int(m.ParseLocationPoint_GetByteOffset(m.ParseLocationRange_End(loc))),
		}
	}
	if sp.Start < 0 || sp.End < sp.Start || sp.End > len(d.sql) {
		return ir.Span{}
	}
	return sp
}

// text is the source text of a span, "" without one.
func (d *decoder) text(sp ir.Span) string { return d.sql[sp.Start:sp.End] }

// column decodes a column, once for each ID.
func (d *decoder) column(h raw.Handle) ir.Column {
	var id int32
	if d.direct {
		id = int32(d.m.Uint32(h, columnID))
	} else {
		id = d.m.ResolvedColumn_ColumnId(h)
	}
	if c, ok := d.columns[id]; ok {
		return c
	}
	c := ir.Column{
		ID: ir.ColumnID(id), Name: d.m.ResolvedColumn_Name(h), Table: d.m.ResolvedColumn_TableName(h),
		Type: d.typ(d.m.ResolvedColumn_Type(h)),
	}
	d.columns[id] = c
	return c
}

func (d *decoder) columnList(list []raw.Handle) []ir.Column {
	if len(list) == 0 {
		return nil
	}
	out := make([]ir.Column, len(list))
	for i, h := range list {
		out[i] = d.column(h)
	}
	return out
}

// holder decodes an optional column.
func (d *decoder) holder(h raw.Handle) *ir.Column {
	if h == 0 {
		return nil
	}
	c := d.column(d.m.ResolvedColumnHolder_Column(h))
	return &c
}

// hintList decodes options.
func (d *decoder) options(list []raw.Handle) []ir.Option {
	var out []ir.Option
	for _, h := range list {
		out = append(out, ir.Option{
			Qualifier: d.m.ResolvedOption_Qualifier(h), Name: d.m.ResolvedOption_Name(h), Value: d.optional(d.m.ResolvedOption_Value(h)),
		})
	}
	return out
}

func containsFold(s, lower string) bool {
	for i := 0; i+len(lower) <= len(s); i++ {
		if s[i]|0x20 == lower[0] && strings.EqualFold(s[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}
