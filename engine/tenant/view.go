package tenant

import (
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// List is a customer's own part of a frozen list, which lies among the customer's relations
// for the views that filter by it: the frozen ones last as long as a run.
type List struct {
	Name  string // of the relation
	Query string
}

// Names of Lists. The customer may read them: its own tenants, and keys of rows that it sees.
const (
	tenantsList   = "_engine_tenants"
	linksList     = "_engine_links"
	transfersList = "_engine_transfers"
)

// Lists are the lists that BarrierView reads, and ListsIn names them where they lie.
func Lists(d Dialect, c Customer, frozen Frozen) []List {
	list := func(name, columns string, r addr.Relation) List {
		return List{Name: name, Query: "SELECT DISTINCT " + columns + " FROM " + d.Quote(r) + " AS " + keyAlias + " WHERE " + keyAlias + ".customer = " + d.Literal(c.Name)}
	}
	const key = keyAlias + ".key_int, " + keyAlias + ".key_text"
	return []List{
		list(tenantsList, keyAlias+".customer, "+key, frozen.Tenants),
		list(linksList, keyAlias+".customer, "+keyAlias+".entity, "+key, frozen.Links),
		list(transfersList, keyAlias+".customer, "+keyAlias+".entity, "+key, frozen.Transfers),
	}
}

// ListsIn are Lists as relations of a schema.
func ListsIn(schema addr.Relation) Frozen {
	in := func(name string) addr.Relation {
		return addr.Relation{Database: schema.Database, Schema: schema.Schema, Name: name}
	}
	return Frozen{Tenants: in(tenantsList), Links: in(linksList), Transfers: in(transfersList)}
}

// BarrierView is a view of a customer's rows of a model in the model itself: what Slice makes
// a table of, for mode view. lists are the customer's Lists. Nothing of a reader's query looks
// at a row before the view has let it through.
func BarrierView(d Dialect, rule Rule, c Customer, lists Frozen, inline int, name addr.Relation) (warehouse.SliceView, []warehouse.Column) {
	query, columns := Slice(d, rule, c, lists, From{Inline: inline})
	return warehouse.SliceView{Name: name, Query: query, Barrier: true, Reads: []addr.Relation{rule.Relation}}, columns
}

// CheckView says what lets a reader of a view get around its filter: sentences, none if nothing
// does.
func CheckView(rule Rule, v warehouse.SliceView) []string {
	if !rule.All && !v.Barrier {
		return []string{"the view " + v.Name.String() + " lets functions of a reader's query look at rows before its own filter"}
	}
	return nil
}

// OldView is a view of a table of the newest contract as an older contract has it: with the
// names and types of that time, NULL in columns that are gone. A zero table is of a model that
// is gone: the view has no rows.
func OldView(d Dialect, name, table addr.Relation, columns []OldColumn) warehouse.SliceView {
	v := warehouse.SliceView{Name: name}
	list := make([]string, len(columns))
	for i, c := range columns {
		value := rowAlias + "." + d.Ident(c.From)
		switch {
		case c.From == "" || table.IsZero():
			value = "CAST(NULL AS " + c.Type + ")"
		case c.Cast:
			value = d.SafeCast(value, c.Type)
		}
		list[i] = value + " AS " + d.Ident(c.Name)
	}
	v.Query = "SELECT " + strings.Join(list, ",\n  ")
	if table.IsZero() {
		v.Query += "\nLIMIT 0"
		return v
	}
	v.Query += "\nFROM " + d.Quote(table) + " AS " + rowAlias
	return v
}
