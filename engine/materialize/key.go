package materialize

import (
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var plainName = regexp.MustCompile(`^[\pL_][\pL\pN_$]*$`)

// checkKey finds keys that are expressions: rows are matched column by column, so a key
// is a list of columns. Plain names that do not exist are compile's to report.
func checkKey(n *compile.Node) diag.List {
	var ds diag.List
	for _, key := range n.Config.UniqueKey {
		if !plainName.MatchString(key) && !hasColumn(n, key) && strings.ContainsAny(key, "()|,+") {
			ds.Add(keyExpression(n, key))
		}
	}
	return ds
}

// checkColumns finds configured columns that an analyzed query does not return.
func checkColumns(n *compile.Node, key string, names []string) diag.List {
	if n.Unanalyzed != "" || len(n.Columns) == 0 {
		return nil
	}
	var ds diag.List
	for _, name := range names {
		if !hasColumn(n, name) {
			ds.Add(columnUnknown(n, key, name))
		}
	}
	return ds
}

func hasColumn(n *compile.Node, name string) bool {
	return slices.ContainsFunc(n.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) })
}

// requireUnique stops the build unless every row of rel has a key of its own: two versions
// of one row cannot both be current.
func requireUnique(in In, rel addr.Relation) warehouse.Op {
	d, w := in.Dialect, in.Words
	what := "snapshot " + in.Node.ID.Name + " got "
	var keys, absent, shown []string
	for _, k := range in.Node.Config.UniqueKey {
		col := d.Ident(k)
		keys = append(keys, col)
		absent = append(absent, col+" is null")
		shown = append(shown, d.Literal(k+" = ")+" || "+w.Cast(col, w.Text()))
	}
	count := " || " + w.Cast("count(*)", w.Text()) + " || "
	from := "\nfrom " + d.Quote(rel)
	missing := strings.Join(absent, " or ")
	twice := "select " + d.Literal(what) + count + d.Literal(" rows with ") + " || " + strings.Join(shown, " || "+d.Literal(", ")+" || ") + " as message" +
		from + "\nwhere not (" + missing + ")\ngroup by " + strings.Join(keys, ", ") + "\nhaving count(*) > 1"
	null := "select " + d.Literal(what) + count + d.Literal(" rows in which unique_key ("+strings.Join(in.Node.Config.UniqueKey, ", ")+") is NULL") + " as message" +
		from + "\nwhere " + missing + "\nhaving count(*) > 0"
	return warehouse.Require{Query: twice + "\nunion all\n" + null}
}
