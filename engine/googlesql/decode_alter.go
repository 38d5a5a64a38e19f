package googlesql

import (
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

func (d *decoder) alterTable(h raw.Handle) ir.Stmt {
	m := d.m
	if d.kind(h) == raw.ResolvedNodeKindResolvedAlterTableSetOptionsStmt {
		return &ir.AlterTable{
			Name: m.ResolvedAlterTableSetOptionsStmt_NamePath(h), IfExists: m.ResolvedAlterTableSetOptionsStmt_IsIfExists(h),
			Actions: []ir.AlterAction{{What: "SET OPTIONS"}},
		}
	}
	s := &ir.AlterTable{Name: m.ResolvedAlterObjectStmt_NamePath(h), IfExists: m.ResolvedAlterObjectStmt_IsIfExists(h)}
	for _, a := range m.ResolvedAlterObjectStmt_AlterActionList(h) {
		x := ir.AlterAction{}
		switch d.kind(a) {
		case raw.ResolvedNodeKindResolvedAddColumnAction:
			x.What, x.Conditional = "ADD COLUMN", m.ResolvedAddColumnAction_IsIfNotExists(a)
			c := m.ResolvedAddColumnAction_ColumnDefinition(a)
			x.Name = m.ResolvedColumnDefinition_Name(c)
			x.Column = ir.ColumnDef{Name: x.Name, Column: ir.Column{Name: x.Name, Type: d.typ(m.ResolvedColumnDefinition_Type(c))}}
			if m.ResolvedColumnDefinition_GeneratedColumnInfo(c) != 0 {
				return &ir.UnsupportedStmt{What: "ADD COLUMN of a generated column"}
			}
			if v := m.ResolvedColumnDefinition_DefaultValue(c); v != 0 {
				x.Column.Default = d.optional(m.ResolvedColumnDefaultValue_Expression(v))
			}
			if n := m.ResolvedColumnDefinition_Annotations(c); n != 0 {
				x.Column.NotNull = m.ResolvedColumnAnnotations_NotNull(n)
				x.Column.Params = d.annotated(n)
				if m.ResolvedColumnAnnotations_CollationName(n) != 0 {
					return &ir.UnsupportedStmt{What: "ADD COLUMN with COLLATE"}
				}
			}
		case raw.ResolvedNodeKindResolvedDropColumnAction:
			x.What, x.Name, x.Conditional = "DROP COLUMN", m.ResolvedDropColumnAction_Name(a), m.ResolvedDropColumnAction_IsIfExists(a)
		case raw.ResolvedNodeKindResolvedRenameColumnAction:
			x.What, x.Name, x.Conditional = "RENAME COLUMN", m.ResolvedRenameColumnAction_Name(a), m.ResolvedRenameColumnAction_IsIfExists(a)
			x.NewName = m.ResolvedRenameColumnAction_NewName(a)
		case raw.ResolvedNodeKindResolvedRenameToAction:
			x.What, x.Path = "RENAME TO", m.ResolvedRenameToAction_NewPath(a)
		case raw.ResolvedNodeKindResolvedSetOptionsAction:
			x.What = "SET OPTIONS"
		case raw.ResolvedNodeKindResolvedAlterColumnOptionsAction:
			x.What, x.Name, x.Conditional = "ALTER COLUMN SET OPTIONS", m.ResolvedAlterColumnAction_Column(a), m.ResolvedAlterColumnAction_IsIfExists(a)
		case raw.ResolvedNodeKindResolvedAlterColumnDropNotNullAction:
			x.What, x.Name, x.Conditional = "ALTER COLUMN DROP NOT NULL", m.ResolvedAlterColumnAction_Column(a), m.ResolvedAlterColumnAction_IsIfExists(a)
		default:
			x.What = strings.TrimSuffix(d.kindName(a), "Action")
		}
		s.Actions = append(s.Actions, x)
	}
	return s
}
