package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Ancestry is the materialization whose query returns edges and whose relation holds all
// pairs of an ancestor and a descendant, or all things with the lists of both.
const Ancestry = "ancestry"

// Auto leaves the method of an ancestry to the number of its edges.
const Auto = "auto"

// defaultMaxPairs bounds an ancestry that sets no bound of its own.
const defaultMaxPairs = 2_000_000_000

// closed turns the columns of a model's edges into those of its pairs or things, and finds out which
// of the edges' columns mean what.
func (c *compiler) closed(u *unit, edges []Column) ([]Column, bool) {
	cl := u.Config.Ancestry
	if cl.Method == "" {
		cl = closureOf(nil)
	}
	if cl.Result == warehouse.Things {
		// Things have no shares and no paths, and no column is taken for them.
		if key := onlyOfPairs(cl); key != "" {
			u.diags.Add(ancestryThings(u, key))
			return nil, false
		}
	}
	ok := true
	pick := func(key string, into *string, required bool, defaults func(name string) bool) Column {
		if *into != "" {
			if i := slices.IndexFunc(edges, func(col Column) bool { return strings.EqualFold(col.Name, *into) }); i >= 0 {
				*into = edges[i].Name
				return edges[i]
			}
			u.diags.Add(ancestryColumn(u, key, *into, edges))
			ok = false
			return Column{}
		}
		var found []Column
		for _, col := range edges {
			if defaults(strings.ToLower(col.Name)) {
				found = append(found, col)
			}
		}
		if len(found) == 1 {
			*into = found[0].Name
			return found[0]
		}
		if required {
			u.diags.Add(ancestryUnnamed(u, key, found, edges))
			ok = false
		}
		return Column{}
	}
	named := func(name string) func(string) bool { return func(s string) bool { return s == name } }
	begins := func(word string) func(string) bool {
		return func(s string) bool { return s == word || strings.HasPrefix(s, word+"_") }
	}
	parent := pick("parent", &cl.Parent, true, begins("parent"))
	child := pick("child", &cl.Child, true, begins("child"))
	part := pick("partition", &cl.Partition, false, named("partition"))
	var ratio, quantity, total Column
	if cl.Result != warehouse.Things {
		ratio = pick("ratio", &cl.Ratio, false, named("ratio"))
	}
	if cl.Ratio == "" && cl.Result != warehouse.Things {
		quantity = pick("quantity", &cl.Quantity, false, named("quantity"))
		if cl.Quantity != "" {
			total = pick("total", &cl.Total, false, named("parent_quantity"))
		}
	}
	if !ok {
		return nil, false
	}
	for _, k := range []struct {
		key string
		col Column
	}{{"parent", parent}, {"child", child}, {"partition", part}} {
		if t := k.col.Google; t != nil && t.Kind != ir.Int64 && t.Kind != ir.String {
			u.diags.Add(ancestryKeyType(u, k.key, k.col, "keys of an ancestry are INT64 or STRING: cast it in the query"))
			ok = false
		}
	}
	for _, k := range []struct {
		key string
		col Column
	}{{"quantity", quantity}, {"total", total}, {"ratio", ratio}} {
		if t := k.col.Google; t != nil && !slices.Contains([]ir.Kind{ir.Int64, ir.Float64, ir.Numeric, ir.BigNumeric}, t.Kind) {
			u.diags.Add(ancestryKeyType(u, k.key, k.col, "amounts are numbers: cast it in the query"))
			ok = false
		}
	}
	if ok && parent.Google != nil && child.Google != nil && parent.Google.Kind != child.Google.Kind {
		u.diags.Add(ancestryTypesDiffer(u, parent, child))
		ok = false
	}
	if ok && cl.Result == warehouse.Things && parent.Google == nil {
		u.diags.Add(ancestryKeyUnknown(u, parent))
		ok = false
	}
	var out []Column
	addOf := func(name string, t *ir.Type) {
		col := Column{Name: name, Type: t.String(), Google: t}
		if g := c.options.Google; g != nil && g.Translator != nil {
			if native, err := g.Translator.Type(t); err == nil {
				col.Type = native
			}
		}
		out = append(out, col)
	}
	add := func(kind ir.Kind, names ...string) {
		for _, name := range names {
			addOf(name, &ir.Type{Kind: kind})
		}
	}
	addPartition := func() {
		if cl.Partition != "" {
			out = append(out, Column{Name: cl.Partition, Type: part.Type, Google: part.Google})
		}
	}
	switch {
	case !ok:
		return nil, false
	case cl.Result == warehouse.Things:
		out = append(out, Column{Name: warehouse.ThingID, Type: parent.Type, Google: parent.Google})
		addPartition()
		for _, name := range thingLists {
			addOf(name, &ir.Type{Kind: ir.Array, Elem: parent.Google})
		}
		add(ir.Int64, thingNumbers...)
		add(ir.Bool, thingFlags...)
	default:
		out = append(out, Column{Name: warehouse.AncestorID, Type: parent.Type, Google: parent.Google}, Column{Name: warehouse.DescendantID, Type: child.Type, Google: child.Google})
		addPartition()
		add(ir.Int64, warehouse.MinDepth, warehouse.MaxDepth)
		add(ir.Bool, warehouse.InCycle)
		if cl.Paths {
			add(ir.Float64, warehouse.PathCount)
		}
		if cl.Shares() {
			add(ir.Float64, warehouse.Share, warehouse.DirectShare)
		}
	}
	for i, col := range out {
		if slices.ContainsFunc(out[:i], func(o Column) bool { return strings.EqualFold(o.Name, col.Name) }) {
			u.diags.Add(ancestryTaken(u, col.Name, cl.Result))
			ok = false
		}
	}
	if !ok {
		return nil, false
	}
	u.Closure, u.Edges = &cl, edges
	if of := u.Lineage.Get(); of != nil {
		u.Lineage = &Lineage{of: closedLineage(of, cl)}
	}
	return out, true
}

// Columns of a closure by things, by their types.
var (
	thingLists   = []string{warehouse.AncestorIDs, warehouse.DescendantIDs, warehouse.RootIDs, warehouse.LeafIDs}
	thingNumbers = []string{warehouse.AncestorCount, warehouse.DescendantCount, warehouse.RootCount, warehouse.LeafCount, warehouse.Depth, warehouse.Height}
	thingFlags   = []string{warehouse.IsRoot, warehouse.IsLeaf, warehouse.InCycle}
)

// onlyOfPairs is a key that asks for what only pairs have, empty if there is none.
func onlyOfPairs(cl warehouse.Closure) string {
	switch {
	case cl.Paths:
		return "paths"
	case cl.Quantity != "":
		return "quantity"
	case cl.Total != "":
		return "total"
	case cl.Ratio != "":
		return "ratio"
	}
	return ""
}

// closedLineage is the lineage of pairs: an ancestor comes from the parents, a descendant
// from the children, and both columns decide everything else. A thing is a parent or a child.
func closedLineage(of *origin.Lineage, cl warehouse.Closure) *origin.Lineage {
	sources := func(kind origin.Kind, names ...string) []origin.Source {
		var out []origin.Source
		for _, col := range of.Columns {
			if !slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.EqualFold(n, col.Name) }) {
				continue
			}
			for _, s := range col.Sources {
				s.Kind = max(s.Kind, kind)
				same := func(o origin.Source) bool { return o.Table == s.Table && slices.Equal(o.Path, s.Path) }
				if i := slices.IndexFunc(out, same); i >= 0 {
					out[i].Kind = max(out[i].Kind, s.Kind)
					continue
				}
				out = append(out, s)
			}
		}
		slices.SortStableFunc(out, func(a, b origin.Source) int {
			if n := strings.Compare(a.Table, b.Table); n != 0 {
				return n
			}
			return slices.Compare(a.Path, b.Path)
		})
		return out
	}
	out := &origin.Lineage{Rows: of.Rows, Tables: of.Tables, Opaque: of.Opaque, Unique: [][]string{{warehouse.AncestorID, warehouse.DescendantID}}}
	add := func(name string, from []origin.Source) {
		out.Columns = append(out.Columns, origin.Column{Name: name, Sources: from})
	}
	if cl.Result == warehouse.Things {
		out.Unique = [][]string{{warehouse.ThingID}}
		add(warehouse.ThingID, sources(origin.Identity, cl.Parent, cl.Child))
		if cl.Partition != "" {
			add(cl.Partition, sources(origin.Identity, cl.Partition))
		}
		for _, name := range slices.Concat(thingLists, thingNumbers, thingFlags) {
			add(name, sources(origin.Aggregated, cl.Parent, cl.Child))
		}
		return out
	}
	add(warehouse.AncestorID, sources(origin.Identity, cl.Parent))
	add(warehouse.DescendantID, sources(origin.Identity, cl.Child))
	if cl.Partition != "" {
		add(cl.Partition, sources(origin.Identity, cl.Partition))
	}
	derived := []string{warehouse.MinDepth, warehouse.MaxDepth, warehouse.InCycle}
	if cl.Paths {
		derived = append(derived, warehouse.PathCount)
	}
	for _, name := range derived {
		add(name, sources(origin.Aggregated, cl.Parent, cl.Child))
	}
	if cl.Shares() {
		add(warehouse.Share, sources(origin.Aggregated, cl.Parent, cl.Child, cl.Quantity, cl.Total, cl.Ratio))
		add(warehouse.DirectShare, sources(origin.Aggregated, cl.Parent, cl.Child, cl.Quantity, cl.Total, cl.Ratio))
	}
	return out
}

// closureOf reads the configuration key ancestry.
func closureOf(v map[string]any) warehouse.Closure {
	text := func(key string) string {
		s, _ := v[key].(string)
		return s
	}
	number := func(key string) int64 {
		n, _ := v[key].(int64)
		return n
	}
	paths, _ := v["paths"].(bool)
	cl := warehouse.Closure{
		Parent: text("parent"), Child: text("child"), Partition: text("partition"), Quantity: text("quantity"), Total: text("total"), Ratio: text("ratio"),
		Paths: paths, MaxDepth: int(number("max_depth")), MaxPairs: number("max_pairs"), Cycles: text("cycles"), Method: text("method"),
	}
	if r := text("result"); r != warehouse.Pairs {
		cl.Result = r
	}
	if cl.Cycles == "" {
		cl.Cycles = warehouse.CyclesWarn
	}
	if cl.Method == "" {
		cl.Method = Auto
	}
	if cl.MaxPairs == 0 {
		cl.MaxPairs = defaultMaxPairs
	}
	return cl
}

// ancestryAt is the place of the configuration, or of name inside it.
func ancestryAt(u *unit, name string) source.Span {
	for _, key := range []string{"ancestry", "materialized"} {
		at := u.Raw[key].At
		if at.IsZero() {
			continue
		}
		if i := strings.Index(at.Text(), name); name != "" && i >= 0 {
			return at.Sub(i, i+len(name))
		}
		return at
	}
	return u.at
}

func ancestryColumn(u *unit, key, name string, edges []Column) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeAncestryColumn, Message: fmt.Sprintf("%s %q is not a column of the edges of %q", key, name, u.ID.Name), At: ancestryAt(u, name), Model: u.ID, Help: "its columns are " + strings.Join(columnNames(edges), ", ")}
	if near, ok := diag.Suggest(name, columnNames(edges)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func ancestryUnnamed(u *unit, key string, found, edges []Column) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeAncestryColumn, Message: fmt.Sprintf("which column of %q is the %s of an edge is not known", u.ID.Name, key), At: ancestryAt(u, ""), Model: u.ID,
		Notes: []string{fmt.Sprintf("no column is named %q or begins with %q", key, key+"_")},
		Help:  fmt.Sprintf(`say it: {{ config "ancestry" (dict "%s" "%s") }}`, key, "the_column")}
	if len(found) > 1 {
		d.Notes = []string{"it may be any of " + strings.Join(columnNames(found), ", ")}
	} else if len(edges) > 0 {
		d.Notes = append(d.Notes, "its columns are "+strings.Join(columnNames(edges), ", "))
	}
	return d
}

func ancestryKeyType(u *unit, key string, col Column, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAncestryKey, Message: fmt.Sprintf("%s %q is %s", key, col.Name, col.Google), At: ancestryAt(u, col.Name), Model: u.ID, Help: help}
}

func ancestryTypesDiffer(u *unit, parent, child Column) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAncestryKey, Message: fmt.Sprintf("parent %q is %s and child %q is %s", parent.Name, parent.Google, child.Name, child.Google), At: ancestryAt(u, child.Name), Model: u.ID, Help: "both name the same things, so they need one type: cast one of them in the query"}
}

func ancestryKeyUnknown(u *unit, col Column) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAncestryKey, Message: fmt.Sprintf("parent %q is %s", col.Name, col.Type), At: ancestryAt(u, col.Name), Model: u.ID, Help: "keys of an ancestry are INT64 or STRING: cast it in the query"}
}

func ancestryThings(u *unit, key string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAncestryThings, Message: fmt.Sprintf("%q has no meaning for things: it is about pairs", key), At: ancestryAt(u, key), Model: u.ID, Help: `remove it, or have pairs: "result" "pairs"`}
}

func ancestryTaken(u *unit, name, result string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAncestryColumn, Message: fmt.Sprintf("the %s of %q would have two columns %q", cmp.Or(result, warehouse.Pairs), u.ID.Name, name), At: ancestryAt(u, name), Model: u.ID, Help: "rename the partition column in the query"}
}
