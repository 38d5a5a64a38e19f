package warehouse

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Describe says in a few words what an operation does, for people.
func Describe(o Op) string {
	switch o := o.(type) {
	case CreateSchema:
		return "create schema " + dotted(o.Database, o.Schema)
	case CreateTableAs:
		return "create table " + o.Target.String()
	case CreateTable:
		return "create empty table " + o.Target.String()
	case CreateViewAs:
		return "create view " + o.Target.String()
	case Swap:
		if o.Old == None {
			return "publish " + o.Target.String()
		}
		return fmt.Sprintf("publish %s, replacing the %s", o.Target, o.Old)
	case CloneTable:
		return fmt.Sprintf("copy %s to %s", o.From, o.To)
	case InsertSelect:
		return fmt.Sprintf("append %s to %s", o.From, o.Target)
	case MergeInto:
		return fmt.Sprintf("merge %s into %s on %s", o.From, o.Target, strings.Join(o.Key, ", "))
	case DeleteMatching:
		return fmt.Sprintf("delete rows of %s that %s replaces", o.Target, o.From)
	case SyncColumns:
		return fmt.Sprintf("fit columns of %s to %s (%s)", o.Target, o.From, o.Policy)
	case AddColumns:
		return fmt.Sprintf("add %s to %s", columnNames(o.Columns), o.Target)
	case DropColumns:
		return fmt.Sprintf("drop %s from %s", strings.Join(o.Columns, ", "), o.Target)
	case RetypeColumns:
		return fmt.Sprintf("change the type of %s in %s", columnNames(o.Columns), o.Target)
	case Drop:
		return strings.TrimSpace(fmt.Sprintf("drop %s %s", o.Kind, o.Relation))
	case Comment:
		if o.Column != "" {
			return fmt.Sprintf("describe %s of %s", o.Column, o.Relation)
		}
		return "describe " + o.Relation.String()
	case InsertValues:
		return fmt.Sprintf("insert %d rows into %s", len(o.Rows), o.Target)
	case Load:
		return fmt.Sprintf("load %s into %s", o.Path, o.Target)
	case CloseRows:
		return fmt.Sprintf("end rows of %s that %s replaces", o.Target, o.From)
	case SQL:
		line, _, _ := strings.Cut(strings.TrimSpace(o.Text), "\n")
		if r := []rune(line); len(r) > 60 {
			line = string(r[:59]) + "…"
		}
		return "run " + line
	case Require:
		return "check what the next step relies on"
	case RequireColumns:
		return "check the columns of " + o.Relation.String()
	case CreateMaterializedViewAs:
		return "create materialized view " + o.Target.String()
	case RefreshMaterializedView:
		return "refresh " + o.Target.String()
	case ReplacePartitions:
		if len(o.Only) > 0 {
			return fmt.Sprintf("replace %d partitions of %s by %s", len(o.Only), o.Target, o.From)
		}
		return fmt.Sprintf("replace the partitions of %s that %s has", o.Target, o.From)
	case Grant:
		return fmt.Sprintf("grant %s on %s to %s", o.Privilege, o.Relation, strings.Join(o.Grantees, ", "))
	case Authorize:
		return fmt.Sprintf("let %s read %s", o.View, dotted(o.Database, o.Schema))
	case CloseEdges:
		return fmt.Sprintf("close the edges of %s to %s in %s", o.From, cmp.Or(o.Closure.Result, Pairs), o.Target)
	case UpdateClosure:
		return fmt.Sprintf("bring the pairs in %s up to date with the edges of %s", o.Target, o.From)
	case StageSnapshot:
		return fmt.Sprintf("compare %s with %s", o.From, o.Target)
	}
	return OpName(o)
}

func dotted(database, schema string) string {
	if database == "" {
		return schema
	}
	return addr.Relation{Schema: database, Name: schema}.String()
}

func columnNames(cols []Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
