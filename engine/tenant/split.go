package tenant

import (
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// SplitTable is a table with the rows of many customers of one model.
type SplitTable struct {
	// Query fills it; "" if there is nothing to split: the rows are everybody's, or nobody is due.
	Query   string
	Columns []warehouse.Column
	// Cluster and Index are the columns to cluster by, or to have an index on, where the
	// warehouse has such a thing. The query sorts where it cannot cluster.
	Cluster, Index []string
}

// Split gives the rows that due customers (nil: all of the frozen configuration) see of a
// model, one for each customer and row: the model's columns as they are, CustomerColumn and
// FullColumn. Rows that are in the model several times are so for the customer.
//
// It reads the relation once for tenants, each of the links and each of via, however many
// customers there are. The rows of each such branch are those of a join with a list of
// distinct keys, which meets a row at most once for a customer, less those that an earlier
// branch gave the same customer.
func Split(d Dialect, rule Rule, frozen Frozen, due []string) SplitTable {
	if rule.Only != nil {
		if due == nil {
			due = rule.Only
		}
		due = slices.DeleteFunc(slices.Clone(due), func(c string) bool { return !rule.For(c) })
	}
	if rule.All || rule.closed() || due != nil && len(due) == 0 {
		return SplitTable{}
	}
	t := SplitTable{Query: splitQuery(d, rule, frozen, due)}
	for _, c := range rule.Columns {
		t.Columns = append(t.Columns, warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true})
	}
	t.Columns = append(t.Columns,
		warehouse.Column{Name: CustomerColumn, Type: d.FieldColumn(warehouse.FieldText), Nullable: true},
		warehouse.Column{Name: FullColumn, Type: d.FieldColumn(warehouse.FieldBool), Nullable: true})
	caps := d.Caps()
	if caps.Clusters {
		t.Cluster = []string{CustomerColumn}
	} else {
		t.Query += "\nORDER BY " + d.Ident(CustomerColumn)
	}
	if caps.Indexes {
		t.Index = []string{CustomerColumn}
	}
	return t
}

// closed says that nothing can let a customer see a row.
func (r Rule) closed() bool { return r.Tenant == "" && len(r.Links) == 0 && len(r.Via) == 0 }

// keyList is a frozen list as a query names it: distinct pairs of a customer and a key.
type keyList struct {
	name, query string
	column      string // of the rows, as an expression
}

// splitQuery is the query of a split without an order.
func splitQuery(d Dialect, rule Rule, frozen Frozen, due []string) string {
	s := slice{d: d, rule: rule}
	var lists []keyList
	add := func(name, column string, frozen addr.Relation, entity string) {
		expr, key := s.key(column)
		where := []string{keyAlias + "." + key + " IS NOT NULL"}
		if entity != "" {
			where = append(where, keyAlias+".entity = "+d.Literal(entity))
		}
		if due != nil {
			where = append(where, keyAlias+".customer IN ("+literals(d, due)+")")
		}
		lists = append(lists, keyList{name: name, column: expr, query: "SELECT DISTINCT " + keyAlias + ".customer AS holder, " + keyAlias + "." + key + " AS id FROM " +
			d.Quote(frozen) + " AS " + keyAlias + " WHERE " + strings.Join(where, " AND ")})
	}
	if rule.Tenant != "" {
		add("_engine_t", rule.Tenant, frozen.Tenants, "")
	}
	for i, l := range rule.Links {
		add("_engine_l"+strconv.Itoa(i), l.Column, frozen.Links, l.Entity)
	}
	whole := len(lists)
	for i, l := range rule.Via {
		add("_engine_v"+strconv.Itoa(i), l.Column, frozen.Transfers, l.Entity)
	}
	var with, branches []string
	for n, l := range lists {
		with = append(with, l.name+" AS ("+l.query+")")
		seen, unseen := "", []string{}
		for m, earlier := range lists[:n] {
			x := "_engine_x" + strconv.Itoa(m)
			seen += "\nLEFT JOIN " + earlier.name + " AS " + x + " ON " + x + ".holder = " + keyAlias + ".holder AND " + x + ".id = " + earlier.column
			unseen = append(unseen, x+".holder IS NULL")
		}
		flag := d.Literal(n < whole)
		branches = append(branches, "SELECT "+s.list(rule.Columns)+", "+keyAlias+".holder AS "+d.Ident(CustomerColumn)+", "+flag+" AS "+d.Ident(FullColumn)+
			"\nFROM "+d.Quote(rule.Relation)+" AS "+rowAlias+"\nJOIN "+l.name+" AS "+keyAlias+" ON "+keyAlias+".id = "+l.column+seen+condition(strings.Join(unseen, " AND ")))
	}
	return "WITH " + strings.Join(with, ",\n") + "\n" + strings.Join(branches, "\nUNION ALL\n")
}
