package googlesql

import (
	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// stmt decodes a statement.
func (d *decoder) stmt(h raw.Handle) ir.Stmt {
	m := d.m
	switch d.kind(h) {
	case raw.ResolvedNodeKindResolvedQueryStmt:
		return &ir.Query{
			Output: d.outputs(m.ResolvedQueryStmt_OutputColumnList(h)), ValueTable: m.ResolvedQueryStmt_IsValueTable(h),
			Scan: d.hinted(d.scan(m.ResolvedQueryStmt_Query(h)), m.ResolvedStatement_HintList, h),
		}
	case raw.ResolvedNodeKindResolvedCreateTableStmt:
		for _, c := range m.ResolvedNode_GetChildNodes(h) {
			if m.ResolvedNode_IsScan(c) { // CLONE and COPY
				return &ir.UnsupportedStmt{What: "CREATE TABLE from another table"}
			}
		}
		if m.ResolvedCreateTableStmtBase_LikeTable(h) != 0 {
			return &ir.UnsupportedStmt{What: "CREATE TABLE LIKE"}
		}
		return d.createTable(h)
	case raw.ResolvedNodeKindResolvedCreateTableAsSelectStmt:
		return d.createTable(h)
	case raw.ResolvedNodeKindResolvedCreateViewStmt, raw.ResolvedNodeKindResolvedCreateMaterializedViewStmt:
		s := &ir.CreateView{
			Name: m.ResolvedCreateStatement_NamePath(h), Materialized: d.kind(h) == raw.ResolvedNodeKindResolvedCreateMaterializedViewStmt,
			Recursive: m.ResolvedCreateViewBase_Recursive(h), SQL: m.ResolvedCreateViewBase_Sql(h), Options: d.options(m.ResolvedCreateViewBase_OptionList(h)),
		}
		query := m.ResolvedCreateViewBase_Query(h)
		if query == 0 {
			return &ir.UnsupportedStmt{What: "CREATE MATERIALIZED VIEW as a replica"}
		}
		s.Query = &ir.Query{
			Output: d.outputs(m.ResolvedCreateViewBase_OutputColumnList(h)), ValueTable: m.ResolvedCreateViewBase_IsValueTable(h), Scan: d.scan(query),
		}
		_, s.Replace, s.IfMissing = d.creation(h)
		return s
	case raw.ResolvedNodeKindResolvedInsertStmt:
		return d.insert(h)
	case raw.ResolvedNodeKindResolvedUpdateStmt:
		return d.update(h)
	case raw.ResolvedNodeKindResolvedDeleteStmt:
		if m.ResolvedDeleteStmt_AssertRowsModified(h) != 0 {
			return &ir.UnsupportedStmt{What: "ASSERT_ROWS_MODIFIED"}
		}
		t, ok := d.target(m.ResolvedDeleteStmt_TableScan(h))
		if !ok || m.ResolvedDeleteStmt_ArrayOffsetColumn(h) != 0 {
			return &ir.UnsupportedStmt{What: "DELETE from an array"}
		}
		return &ir.Delete{Table: t, Where: d.optional(m.ResolvedDeleteStmt_WhereExpr(h)), Returning: d.returning(m.ResolvedDeleteStmt_Returning(h))}
	case raw.ResolvedNodeKindResolvedMergeStmt:
		return d.merge(h)
	case raw.ResolvedNodeKindResolvedTruncateStmt:
		t, ok := d.target(m.ResolvedTruncateStmt_TableScan(h))
		if !ok {
			return &ir.UnsupportedStmt{What: "TRUNCATE of no table"}
		}
		return &ir.Truncate{Table: t, Where: d.optional(m.ResolvedTruncateStmt_WhereExpr(h))}
	case raw.ResolvedNodeKindResolvedCreateFunctionStmt:
		return d.createFunction(h)
	case raw.ResolvedNodeKindResolvedAlterTableStmt, raw.ResolvedNodeKindResolvedAlterTableSetOptionsStmt:
		return d.alterTable(h)
	case raw.ResolvedNodeKindResolvedDropStmt:
		return &ir.Drop{What: m.ResolvedDropStmt_ObjectType(h), Name: m.ResolvedDropStmt_NamePath(h), IfExists: m.ResolvedDropStmt_IsIfExists(h)}
	case raw.ResolvedNodeKindResolvedDropFunctionStmt:
		return &ir.Drop{What: "FUNCTION", Name: m.ResolvedDropFunctionStmt_NamePath(h), IfExists: m.ResolvedDropFunctionStmt_IsIfExists(h)}
	case raw.ResolvedNodeKindResolvedDropMaterializedViewStmt:
		return &ir.Drop{What: "MATERIALIZED VIEW", Name: m.ResolvedDropMaterializedViewStmt_NamePath(h), IfExists: m.ResolvedDropMaterializedViewStmt_IsIfExists(h)}
	}
	return &ir.UnsupportedStmt{What: d.kindName(h)}
}

func (d *decoder) outputs(list []raw.Handle) []ir.Output {
	var out []ir.Output
	for _, h := range list {
		out = append(out, ir.Output{Name: d.m.ResolvedOutputColumn_Name(h), Column: d.column(d.m.ResolvedOutputColumn_Column(h))})
	}
	return out
}

// creation decodes TEMP, OR REPLACE and IF NOT EXISTS.
func (d *decoder) creation(h raw.Handle) (temp, replace, ifMissing bool) {
	temp = d.m.ResolvedCreateStatement_CreateScope(h) == raw.ResolvedCreateStatementEnums_CreateScopeCreateTemp
	switch d.m.ResolvedCreateStatement_CreateMode(h) {
	case raw.ResolvedCreateStatementEnums_CreateModeCreateOrReplace:
		replace = true
	case raw.ResolvedCreateStatementEnums_CreateModeCreateIfNotExists:
		ifMissing = true
	}
	return temp, replace, ifMissing
}

func (d *decoder) createTable(h raw.Handle) ir.Stmt {
	m := d.m
	s := &ir.CreateTable{Name: m.ResolvedCreateStatement_NamePath(h), Options: d.options(m.ResolvedCreateTableStmtBase_OptionList(h))}
	s.Temp, s.Replace, s.IfMissing = d.creation(h)
	for _, c := range m.ResolvedCreateTableStmtBase_ColumnDefinitionList(h) {
		def := ir.ColumnDef{Name: m.ResolvedColumnDefinition_Name(c), Column: d.column(m.ResolvedColumnDefinition_Column(c))}
		if m.ResolvedColumnDefinition_GeneratedColumnInfo(c) != 0 {
			return &ir.UnsupportedStmt{What: "CREATE TABLE with a generated column"}
		}
		if x := m.ResolvedColumnDefinition_DefaultValue(c); x != 0 {
			def.Default = d.optional(m.ResolvedColumnDefaultValue_Expression(x))
		}
		if a := m.ResolvedColumnDefinition_Annotations(c); a != 0 {
			def.NotNull = m.ResolvedColumnAnnotations_NotNull(a)
			def.Options = d.options(m.ResolvedColumnAnnotations_OptionList(a))
			def.Params = d.annotated(a)
			if x := m.ResolvedColumnAnnotations_CollationName(a); x != 0 {
				def.Options = append(def.Options, ir.Option{Name: "collate", Value: d.expr(x)})
			}
		}
		s.Columns = append(s.Columns, def)
	}
	if k := m.ResolvedCreateTableStmtBase_PrimaryKey(h); k != 0 {
		s.PrimaryKey = m.ResolvedPrimaryKey_ColumnNameList(k)
	}
	if x := m.ResolvedCreateTableStmtBase_CollationName(h); x != 0 {
		s.Options = append(s.Options, ir.Option{Name: "default collate", Value: d.expr(x)})
	}
	if d.kind(h) == raw.ResolvedNodeKindResolvedCreateTableAsSelectStmt {
		s.Query = &ir.Query{
			Output: d.outputs(m.ResolvedCreateTableAsSelectStmt_OutputColumnList(h)), ValueTable: m.ResolvedCreateTableStmtBase_IsValueTable(h),
			Scan: d.scan(m.ResolvedCreateTableAsSelectStmt_Query(h)),
		}
		s.Partition = d.exprs(m.ResolvedCreateTableAsSelectStmt_PartitionByList(h))
		s.Cluster = d.exprs(m.ResolvedCreateTableAsSelectStmt_ClusterByList(h))
	} else {
		s.Partition = d.exprs(m.ResolvedCreateTableStmt_PartitionByList(h))
		s.Cluster = d.exprs(m.ResolvedCreateTableStmt_ClusterByList(h))
	}
	return s
}

// annotated decodes the type parameters of a column definition and its parts.
func (d *decoder) annotated(h raw.Handle) ir.Params {
	p := d.params(d.m.ResolvedColumnAnnotations_TypeParameters(h))
	var children []ir.Params
	some := false
	for _, c := range d.m.ResolvedColumnAnnotations_ChildList(h) {
		x := d.annotated(c)
		some = some || !x.None()
		children = append(children, x)
	}
	if some && len(p.Children) == 0 {
		p.Children = children
	}
	return p
}

// target decodes the table a DML statement changes; not ok for a nested one.
func (d *decoder) target(h raw.Handle) (*ir.Table, bool) {
	if h == 0 {
		return nil, false
	}
	t, ok := d.scan(h).(*ir.Table)
	return t, ok
}

func (d *decoder) insert(h raw.Handle) ir.Stmt {
	m := d.m
	t, ok := d.target(m.ResolvedInsertStmt_TableScan(h))
	switch {
	case !ok:
		return &ir.UnsupportedStmt{What: "INSERT into an array"}
	case m.ResolvedInsertStmt_AssertRowsModified(h) != 0:
		return &ir.UnsupportedStmt{What: "ASSERT_ROWS_MODIFIED"}
	case m.ResolvedInsertStmt_OnConflictClause(h) != 0:
		return &ir.UnsupportedStmt{What: "INSERT with ON CONFLICT"}
	case len(m.ResolvedInsertStmt_GeneratedColumnExprList(h)) > 0:
		return &ir.UnsupportedStmt{What: "INSERT into a table with generated columns"}
	}
	s := &ir.Insert{Table: t, Columns: d.columnList(m.ResolvedInsertStmt_InsertColumnList(h)), Returning: d.returning(m.ResolvedInsertStmt_Returning(h))}
	switch m.ResolvedInsertStmt_InsertMode(h) {
	case raw.ResolvedInsertStmtEnums_InsertModeOrIgnore:
		s.Mode = "OR IGNORE"
	case raw.ResolvedInsertStmtEnums_InsertModeOrReplace:
		s.Mode = "OR REPLACE"
	case raw.ResolvedInsertStmtEnums_InsertModeOrUpdate:
		s.Mode = "OR UPDATE"
	}
	if q := m.ResolvedInsertStmt_Query(h); q != 0 {
		s.Query = d.scan(q)
		s.From = d.columnList(m.ResolvedInsertStmt_QueryOutputColumnList(h))
	}
	for _, r := range m.ResolvedInsertStmt_RowList(h) {
		s.Rows = append(s.Rows, d.row(r))
	}
	return s
}

func (d *decoder) row(h raw.Handle) []ir.Expr {
	row := []ir.Expr{}
	for _, v := range d.m.ResolvedInsertRow_ValueList(h) {
		row = append(row, d.expr(d.m.ResolvedDMLValue_Value(v)))
	}
	return row
}

func (d *decoder) update(h raw.Handle) ir.Stmt {
	m := d.m
	t, ok := d.target(m.ResolvedUpdateStmt_TableScan(h))
	switch {
	case !ok || m.ResolvedUpdateStmt_ArrayOffsetColumn(h) != 0:
		return &ir.UnsupportedStmt{What: "UPDATE of an array"}
	case m.ResolvedUpdateStmt_AssertRowsModified(h) != 0:
		return &ir.UnsupportedStmt{What: "ASSERT_ROWS_MODIFIED"}
	case len(m.ResolvedUpdateStmt_GeneratedColumnExprList(h)) > 0:
		return &ir.UnsupportedStmt{What: "UPDATE of a table with generated columns"}
	}
	return &ir.Update{
		Table: t, Where: d.optional(m.ResolvedUpdateStmt_WhereExpr(h)), From: d.optionalScan(m.ResolvedUpdateStmt_FromScan(h)),
		Items: d.updateItems(m.ResolvedUpdateStmt_UpdateItemList(h)), Returning: d.returning(m.ResolvedUpdateStmt_Returning(h)),
	}
}

func (d *decoder) updateItems(list []raw.Handle) []ir.UpdateItem {
	m := d.m
	var out []ir.UpdateItem
	for _, h := range list {
		it := ir.UpdateItem{Target: d.expr(m.ResolvedUpdateItem_Target(h))}
		switch {
		case len(m.ResolvedUpdateItem_DeleteList(h)) > 0:
			it.Unsupported = "a nested DELETE"
		case len(m.ResolvedUpdateItem_UpdateList(h)) > 0:
			it.Unsupported = "a nested UPDATE"
		case len(m.ResolvedUpdateItem_InsertList(h)) > 0:
			it.Unsupported = "a nested INSERT"
		case len(m.ResolvedUpdateItem_UpdateItemElementList(h)) > 0:
			it.Unsupported = "an update of array elements"
		default:
			// The getter of the value has a setter's name and is not bound.
			it.Unsupported = "an update without a value"
			for _, c := range m.ResolvedNode_GetChildNodes(h) {
				if d.kind(c) == raw.ResolvedNodeKindResolvedDmlvalue {
					it.Unsupported, it.Value = "", d.expr(m.ResolvedDMLValue_Value(c))
				}
			}
		}
		out = append(out, it)
	}
	return out
}

func (d *decoder) merge(h raw.Handle) ir.Stmt {
	m := d.m
	t, ok := d.target(m.ResolvedMergeStmt_TableScan(h))
	if !ok {
		return &ir.UnsupportedStmt{What: "MERGE into no table"}
	}
	s := &ir.Merge{Table: t, From: d.scan(m.ResolvedMergeStmt_FromScan(h))}
	for _, c := range m.ResolvedNode_GetChildNodes(h) {
		if m.ResolvedNode_IsExpression(c) { // the only one: its getter is not bound
			s.On = d.expr(c)
		}
	}
	for _, w := range m.ResolvedMergeStmt_WhenClauseList(h) {
		x := ir.When{And: d.optional(m.ResolvedMergeWhen_MatchExpr(w))}
		switch m.ResolvedMergeWhen_MatchType(w) {
		case raw.ResolvedMergeWhenEnums_MatchTypeMatched:
			x.Match = "MATCHED"
		case raw.ResolvedMergeWhenEnums_MatchTypeNotMatchedBySource:
			x.Match = "NOT MATCHED BY SOURCE"
		default:
			x.Match = "NOT MATCHED BY TARGET"
		}
		switch m.ResolvedMergeWhen_ActionType(w) {
		case raw.ResolvedMergeWhenEnums_ActionTypeInsert:
			x.Action = "INSERT"
			x.Columns = d.columnList(m.ResolvedMergeWhen_InsertColumnList(w))
			if r := m.ResolvedMergeWhen_InsertRow(w); r != 0 {
				x.Row = d.row(r)
			}
		case raw.ResolvedMergeWhenEnums_ActionTypeUpdate:
			x.Action = "UPDATE"
			x.Items = d.updateItems(m.ResolvedMergeWhen_UpdateItemList(w))
		default:
			x.Action = "DELETE"
		}
		s.Whens = append(s.Whens, x)
	}
	return s
}

func (d *decoder) returning(h raw.Handle) *ir.Returning {
	if h == 0 {
		return nil
	}
	m := d.m
	return &ir.Returning{
		Output: d.outputs(m.ResolvedReturningClause_OutputColumnList(h)), Exprs: d.computedList(m.ResolvedReturningClause_ExprList(h)),
		Action: d.holder(m.ResolvedReturningClause_ActionColumn(h)),
	}
}

func (d *decoder) createFunction(h raw.Handle) ir.Stmt {
	m := d.m
	s := &ir.CreateFunction{
		Name: m.ResolvedCreateStatement_NamePath(h), Language: m.ResolvedCreateFunctionStmt_Language(h), SQL: m.ResolvedCreateFunctionStmt_Code(h),
		Aggregate: m.ResolvedCreateFunctionStmt_IsAggregate(h), Result: d.typ(m.ResolvedCreateFunctionStmt_ReturnType(h)),
		Body: d.optional(m.ResolvedCreateFunctionStmt_FunctionExpression(h)), Aggs: d.computedList(m.ResolvedCreateFunctionStmt_AggregateExpressionList(h)),
	}
	s.Temp, _, _ = d.creation(h)
	names := m.ResolvedCreateFunctionStmt_ArgumentNameList(h)
	for i, a := range m.FunctionSignature_Arguments(m.ResolvedCreateFunctionStmt_Signature(h)) {
		x := d.argument(a)
		arg := ir.FunctionArg{Type: x.typ, Aggregate: s.Aggregate && !x.notAggregate}
		if i < len(names) {
			arg.Name = names[i]
		}
		s.Args = append(s.Args, arg)
	}
	return s
}
