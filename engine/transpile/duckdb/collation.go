package duckdb

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// A collation other than by code points becomes a key: bytes whose order is that of the
// strings, made by the Go function engine_collation_key. Before a statement is written its
// tree is rewritten so that comparisons, groups, partitions, sort keys and set operations
// read keys; the rest of the generator knows nothing of collations. A statement without
// one is not touched.

// keyCall is the name of the call in the rewritten tree that makes the key of its first
// argument by the collation in the second, a literal.
const keyCall = "$collation_key"

// byCodePoints reports whether a collation is the order of code points.
func byCodePoints(c string) bool {
	return c == "" || c == "binary" || c == "unicode" || c == "unicode:cs"
}

// collated reports whether an operation compares by another order than code points.
func collated(list ...string) bool {
	return slices.ContainsFunc(list, func(c string) bool {
		shape, ok := parseCollation(c)
		return !ok || shape.some()
	})
}

// collationShape is a collation of a value: by name for a string, else one for each part.
type collationShape struct {
	name  string
	parts []*collationShape
}

// parseCollation reads "und:ci", or "[und:ci,_,[binary]]" for arrays and structs, where _
// is none.
func parseCollation(text string) (*collationShape, bool) {
	at := 0
	var read func() *collationShape
	read = func() *collationShape {
		if at < len(text) && text[at] == '[' {
			at++
			s := &collationShape{}
			for {
				p := read()
				if p == nil || at == len(text) {
					return nil
				}
				s.parts = append(s.parts, p)
				at++
				if text[at-1] == ']' {
					return s
				}
			}
		}
		end := at
		for end < len(text) && text[end] != ',' && text[end] != ']' {
			end++
		}
		name := text[at:end]
		at = end
		if name == "_" {
			name = ""
		}
		return &collationShape{name: name}
	}
	s := read()
	return s, s != nil && at == len(text)
}

// some reports whether any part has a collation that is not by code points.
func (s *collationShape) some() bool {
	return !byCodePoints(s.name) || slices.ContainsFunc(s.parts, (*collationShape).some)
}

// keyType is the type of a key: BYTES in the place of each collated STRING.
func (s *collationShape) keyType(t *ir.Type) (*ir.Type, bool) {
	switch {
	case !s.some():
		return t, true
	case t.Kind == ir.String && s.parts == nil:
		return &ir.Type{Kind: ir.Bytes}, true
	case t.Kind == ir.Array && len(s.parts) == 1:
		elem, ok := s.parts[0].keyType(t.Elem)
		return &ir.Type{Kind: ir.Array, Elem: elem}, ok
	case t.Kind == ir.Struct && len(s.parts) == len(t.Fields):
		out := &ir.Type{Kind: ir.Struct, Fields: slices.Clone(t.Fields)}
		for i, p := range s.parts {
			f, ok := p.keyType(t.Fields[i].Type)
			if !ok {
				return t, false
			}
			out.Fields[i].Type = f
		}
		return out, true
	}
	return t, false
}

// keyOf wraps a value: the call's type is that of the key.
func (g *generator) keyOf(e ir.Expr, collation string) ir.Expr {
	shape, ok := parseCollation(collation)
	var t *ir.Type
	if ok {
		t, ok = shape.keyType(e.T())
	}
	if !ok {
		g.refuse("collation "+collation+" of "+e.T().String(), "", e.At())
		return e
	}
	if !shape.some() {
		return e
	}
	name := ir.Value{Type: &ir.Type{Kind: ir.String}, Text: collation}
	return &ir.Call{
		Of: ir.Of{Type: t, Span: e.At()}, Name: keyCall, Group: "GoogleSQL",
		Args: []ir.Arg{{Expr: e}, {Expr: &ir.Literal{Of: ir.Of{Type: name.Type, Span: e.At()}, Value: name}}},
	}
}

func collationRules() map[string]Rule {
	return map[string]Rule{
		// COLLATE changes how its result compares, which the calls that compare know.
		"collate": func(c *Call) string { c.SafeDone(); return c.Typed(0) },
		keyCall: func(c *Call) string {
			c.SafeDone()
			name, _ := c.Text(1)
			shape, ok := parseCollation(name)
			if !ok {
				return c.RefuseWhat("collation "+name, "")
			}
			return c.g.collationKey(c.Typed(0), c.Type(0), shape)
		},
		"$collated_like":        collatedFunc("collation_like"),
		"$collated_starts_with": collatedFunc("collation_starts_with"),
		"$collated_ends_with":   collatedFunc("collation_ends_with"),
		"$collated_replace":     collatedFunc("collation_replace"),
		"$collated_split":       collatedFunc("collation_split"),
		"$collated_strpos": func(c *Call) string {
			return c.Func("collation_instr", c.Args[0], c.Args[1], "1", "1", c.Args[2])
		},
		"$collated_instr": func(c *Call) string {
			n := c.Len() - 1
			args := []string{c.Args[0], c.Args[1], "1", "1", c.Args[n]}
			copy(args[2:4], c.Args[2:n])
			return c.Func("collation_instr", args...)
		},
		"$collated_greatest": collatedExtreme(">"),
		"$collated_least":    collatedExtreme("<"),
	}
}

func collatedFunc(name string) Rule {
	return func(c *Call) string { return c.Func(name, c.Args...) }
}

// collatedExtreme is GREATEST or LEAST: the first value of those whose key is the extreme.
func collatedExtreme(op string) Rule {
	return func(c *Call) string {
		last := c.Len() - 1
		name, _ := c.Text(last)
		shape, ok := parseCollation(name)
		if !ok || c.Kind(0) != ir.String {
			return c.RefuseWhat("collation "+name, "")
		}
		var items, nulls []string
		for i := range last {
			items = append(items, "{'v': "+c.Typed(i)+", 'k': "+c.g.collationKey(c.Typed(i), c.Type(i), shape)+"}")
			nulls = append(nulls, operand(c.Args[i], transpile.PrecAdd)+" IS NULL")
		}
		return "CASE WHEN NOT (" + strings.Join(nulls, " OR ") + ") THEN struct_extract(list_reduce([" + strings.Join(items, ", ") + "], lambda a, b: CASE WHEN b.k " + op + " a.k THEN b ELSE a END), 'v') END"
	}
}

// collationKey is the key of a value of a type.
func (g *generator) collationKey(text string, t *ir.Type, s *collationShape) string {
	switch {
	case !s.some():
		return text
	case t.Kind == ir.String:
		return g.function("collation_key", text, quote(s.name))
	case t.Kind == ir.Array && len(s.parts) == 1:
		g.names++
		v := "_v" + itoa(g.names)
		return "list_transform(" + text + ", lambda " + v + ": " + g.collationKey(v, t.Elem, s.parts[0]) + ")"
	case t.Kind == ir.Struct && len(s.parts) == len(t.Fields):
		return g.let(text, func(v string) string {
			names, parts := fieldNames(t), make([]string, len(t.Fields))
			for i, f := range t.Fields {
				parts[i] = quote(names[i]) + ": " + g.collationKey(field(v, t, i), f.Type, s.parts[i])
			}
			return "CASE WHEN " + v + " IS NOT NULL THEN {" + strings.Join(parts, ", ") + "} END"
		})
	}
	return g.refuse("a collation of "+t.String(), "", ir.Span{})
}

// collate rewrites a statement with collations; another one comes back as it is.
func (g *generator) collate(s ir.Stmt) ir.Stmt {
	some := false
	top := ir.ColumnID(0)
	see := func(cols []ir.Column) {
		for _, c := range cols {
			top = max(top, c.ID)
		}
	}
	order := func(list []ir.OrderItem) {
		for _, o := range list {
			some = some || o.Collation != ""
		}
	}
	ir.Inspect(s, func(n ir.Node) bool {
		if s, ok := n.(ir.Scan); ok {
			see(s.Out())
		}
		switch n := n.(type) {
		case *ir.Call:
			some = some || n.Collations != nil || n.Name == "collate" || n.Name == "nullif"
			if n.Name == "array_is_distinct" && len(n.Args) > 0 && n.Args[0].Expr != nil {
				if name := collationOf(n.Args[0].Expr); collated(name) {
					g.refuse("collation "+name, "ARRAY_IS_DISTINCT compares by code points there", n.At())
				}
			}
		case *ir.Subquery:
			some = some || n.Collation != ""
		case *ir.ColumnRef:
			top = max(top, n.Column.ID)
		case *ir.Unnest:
			see(n.Elements)
			if n.Offset != nil {
				see([]ir.Column{*n.Offset})
			}
		case *ir.Lambda:
			see(n.Args)
		case *ir.WithExpr:
			for _, c := range n.Assign {
				see([]ir.Column{c.Column})
			}
		case *ir.Aggregate:
			some = some || n.Collations != nil
			for _, c := range append(slices.Clip(n.Keys), n.Aggs...) {
				top = max(top, c.Column.ID, c.Deferred)
			}
			for _, c := range n.Grouping {
				top = max(top, c.Column.ID)
			}
		case *ir.OrderBy:
			order(n.Items)
		case *ir.Analytic:
			for _, w := range n.Groups {
				some = some || w.Collations != nil
				order(w.Order)
				for _, c := range w.Calls {
					top = max(top, c.Column.ID, c.Deferred)
				}
			}
		case *ir.Project:
			for _, c := range n.Exprs {
				top = max(top, c.Column.ID, c.Deferred)
			}
		case *ir.SetOp:
			some = some || n.Collations != nil
		}
		return true
	})
	if !some {
		return s
	}
	c := &collator{g: g, next: top + 1}
	return (&ir.Rewriter{Scan: c.scan, Expr: c.expr}).Stmt(s)
}

// collator is the pass.
type collator struct {
	g    *generator
	next ir.ColumnID
}

func (c *collator) column(name string, t *ir.Type) ir.Column {
	col := ir.Column{ID: c.next, Name: name, Type: t}
	c.next++
	return col
}

func reference(c ir.Column, at ir.Span) *ir.ColumnRef {
	return &ir.ColumnRef{Of: ir.Of{Type: c.Type, Span: at}, Column: c}
}

// compared are the arguments that a function compares by its collation; false for one
// that is not rewritten to a comparison of keys.
func compared(n *ir.Call) (index []int, ok bool) {
	some := func(step int) (index []int, ok bool) {
		for i := 0; i < len(n.Args); i += step {
			index = append(index, i)
		}
		return index, true
	}
	switch n.Name {
	case "$equal", "$not_equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal",
		"$is_distinct_from", "$is_not_distinct_from", "$between", "$in", "$in_array":
		return some(1)
	case "$case_with_value":
		index = []int{0}
		for i := 1; i+1 < len(n.Args); i += 2 {
			index = append(index, i)
		}
		return index, true
	}
	if strings.HasSuffix(n.Name, "_any_array") || strings.HasSuffix(n.Name, "_all_array") {
		switch n.Name[:min(len(n.Name), 3)] {
		case "$eq", "$ne", "$lt", "$le", "$gt", "$ge":
			return some(1)
		}
	}
	return nil, false
}

// expr implements the pass for calls.
func (c *collator) expr(e ir.Expr) ir.Expr {
	switch n := e.(type) {
	case *ir.Call:
		switch {
		case n.Collations != nil:
			return c.call(n)
		case n.Name == "collate" && len(n.Args) > 0 && n.Args[0].Expr != nil:
			// What compares its result knows the collation.
			return n.Args[0].Expr
		case n.Name == "$make_array":
			return folded(n)
		case n.Name == "nullif" && builtIn(n.Group):
			// NULLIF compares, though the analyzer does not say how.
			for _, a := range n.Args {
				if name := collationOf(a.Expr); collated(name) {
					out := *n
					out.Collations = []string{name}
					return c.call(&out)
				}
			}
		}
	case *ir.Subquery:
		return c.subquery(n)
	}
	return e
}

// folded is an array of literals as a literal, as the analyzer gives it where no COLLATE
// stands within.
func folded(n *ir.Call) ir.Expr {
	v := ir.Value{Type: n.T()}
	for _, a := range n.Args {
		l, ok := a.Expr.(*ir.Literal)
		if !ok {
			return n
		}
		v.Elems = append(v.Elems, l.Value)
	}
	return &ir.Literal{Of: ir.Of{Type: n.T(), Span: n.At()}, Value: v}
}

// collatedCall writes a call that was made while writing, after the pass.
func (g *generator) collatedCall(n *ir.Call) string {
	if n.Collations == nil {
		return g.call(n)
	}
	if out, ok := (&collator{g: g}).call(n).(*ir.Call); ok {
		n = out
	}
	return g.call(n)
}

func (c *collator) call(n *ir.Call) ir.Expr {
	out := *n
	out.Collations = nil
	if !collated(n.Collations...) {
		return &out
	}
	name := n.Collations[0]
	for _, other := range n.Collations {
		if other != name {
			c.g.refuse("collation "+strings.Join(n.Collations, ", "), "", n.At())
			return &out
		}
	}
	out.Args = slices.Clone(n.Args)
	if index, ok := compared(n); ok {
		for _, i := range index {
			if n.Args[i].Expr == nil {
				continue
			}
			by := name
			// The list's elements have the collation that the other operand has itself.
			if k := n.Args[i].Expr.T(); i == 1 && k.Kind == ir.Array && strings.HasSuffix(n.Name, "_array") {
				by = "[" + name + "]"
			}
			out.Args[i].Expr = c.g.keyOf(n.Args[i].Expr, by)
		}
		return &out
	}
	switch n.Name {
	case "nullif":
		// CASE WHEN x = y THEN NULL ELSE x END
		equal := &ir.Call{Of: ir.Of{Type: &ir.Type{Kind: ir.Bool}, Span: n.At()}, Name: "$equal", Group: n.Group}
		for _, a := range n.Args {
			equal.Args = append(equal.Args, ir.Arg{Expr: c.g.keyOf(a.Expr, name)})
		}
		null := &ir.Literal{Of: n.Of, Value: ir.Value{Type: n.T(), Null: true}}
		out.Name = "$case_no_value"
		out.Args = []ir.Arg{{Expr: equal}, {Expr: null}, {Expr: again(n.Args[0].Expr)}}
		return &out
	case "$like", "starts_with", "ends_with", "strpos", "instr", "replace", "split", "greatest", "least":
		if len(n.Args) == 0 || n.Args[0].Expr == nil || n.Args[0].Expr.T().Kind != ir.String {
			break
		}
		value := ir.Value{Type: &ir.Type{Kind: ir.String}, Text: name}
		out.Name = "$collated_" + strings.TrimPrefix(n.Name, "$")
		if n.Name == "split" && len(out.Args) == 1 {
			comma := ir.Value{Type: value.Type, Text: ","}
			out.Args = append(out.Args, ir.Arg{Expr: &ir.Literal{Of: ir.Of{Type: value.Type, Span: n.At()}, Value: comma}})
		}
		out.Args = append(out.Args, ir.Arg{Expr: &ir.Literal{Of: ir.Of{Type: value.Type, Span: n.At()}, Value: value}})
		return &out
	}
	c.g.refuse("collation "+name, strings.ToUpper(strings.TrimPrefix(n.Name, "$"))+" compares by code points there", n.At())
	return &out
}

// again is an expression to be read a second time: the tree counts references by node.
func again(e ir.Expr) ir.Expr {
	return (&ir.Rewriter{Expr: func(e ir.Expr) ir.Expr {
		if r, ok := e.(*ir.ColumnRef); ok {
			copied := *r
			return &copied
		}
		return e
	}}).RewriteExpr(e)
}

// subquery makes the sides of IN keys. LIKE ANY and ALL compare by calls of LIKE: see member.
func (c *collator) subquery(n *ir.Subquery) ir.Expr {
	if n.Collation == "" || n.Kind != ir.In && collated(n.Collation) {
		return n
	}
	out := *n
	out.Collation = ""
	if !collated(n.Collation) {
		return &out
	}
	of := n.Scan.Out()[0]
	key := c.g.keyOf(reference(of, n.At()), n.Collation)
	col := c.column("key", key.T())
	out.In = c.g.keyOf(n.In, n.Collation)
	out.Scan = &ir.Project{Base: ir.Base{Columns: []ir.Column{col}, Span: n.At()}, Input: n.Scan, Exprs: []ir.Computed{{Column: col, Expr: key}}}
	return &out
}

// scan implements the pass for what groups and sorts.
func (c *collator) scan(s ir.Scan) ir.Scan {
	switch n := s.(type) {
	case *ir.Aggregate:
		return c.aggregate(n)
	case *ir.OrderBy:
		return c.orderBy(n)
	case *ir.Analytic:
		return c.analytic(n)
	case *ir.SetOp:
		return c.setOp(n)
	}
	return s
}

// keys collects the key columns to be computed below a scan.
type keys struct {
	c     *collator
	exprs []ir.Computed
	cols  []ir.Column
}

func (k *keys) of(r *ir.ColumnRef, collation string) *ir.ColumnRef {
	if !collated(collation) {
		return r
	}
	e := k.c.g.keyOf(r, collation)
	col := k.c.column(r.Column.Name+"_key", e.T())
	k.exprs = append(k.exprs, ir.Computed{Column: col, Expr: e})
	k.cols = append(k.cols, col)
	return reference(col, r.At())
}

func (k *keys) under(input ir.Scan) ir.Scan {
	if k.exprs == nil {
		return input
	}
	return &ir.Project{
		Base:  ir.Base{Columns: append(slices.Clip(input.Out()), k.cols...), IsOrdered: input.Ordered(), Span: input.At()},
		Input: input, Exprs: k.exprs,
	}
}

func (k *keys) order(list []ir.OrderItem) []ir.OrderItem {
	out := slices.Clone(list)
	for i, o := range out {
		if o.Collation != "" {
			out[i].Expr, out[i].Collation = k.of(o.Expr, o.Collation), ""
		}
	}
	return out
}

func (c *collator) orderBy(n *ir.OrderBy) ir.Scan {
	if !slices.ContainsFunc(n.Items, func(o ir.OrderItem) bool { return o.Collation != "" }) {
		return n
	}
	k := &keys{c: c}
	out := *n
	out.Items = k.order(n.Items)
	out.Input = k.under(n.Input)
	return &out
}

func (c *collator) analytic(n *ir.Analytic) ir.Scan {
	if !slices.ContainsFunc(n.Groups, func(w ir.WindowGroup) bool {
		return w.Collations != nil || slices.ContainsFunc(w.Order, func(o ir.OrderItem) bool { return o.Collation != "" })
	}) {
		return n
	}
	k := &keys{c: c}
	out := *n
	out.Groups = slices.Clone(n.Groups)
	for i, w := range out.Groups {
		w.Partition = slices.Clone(w.Partition)
		for j := range w.Partition {
			if j < len(w.Collations) {
				w.Partition[j] = k.of(w.Partition[j], w.Collations[j])
			}
		}
		w.Collations = nil
		w.Order = k.order(w.Order)
		out.Groups[i] = w
	}
	out.Input = k.under(n.Input)
	return &out
}

// aggregate groups by keys; the value that stands for a group is the first that is met.
func (c *collator) aggregate(n *ir.Aggregate) ir.Scan {
	if n.Collations == nil {
		return n
	}
	out := *n
	out.Collations = nil
	if !collated(n.Collations...) {
		return &out
	}
	// Keys that are computed become columns first, as they are read twice.
	below := &keys{c: c}
	out.Keys, out.Aggs = slices.Clone(n.Keys), slices.Clone(n.Aggs)
	out.Grouping, out.Sets = slices.Clone(n.Grouping), slices.Clone(n.Sets)
	renamed := map[ir.ColumnID]ir.ColumnID{}
	var over []ir.Computed
	dropped := map[ir.ColumnID]bool{}
	for i, key := range n.Keys {
		if i >= len(n.Collations) || !collated(n.Collations[i]) {
			continue
		}
		r, ok := key.Expr.(*ir.ColumnRef)
		if !ok {
			col := c.column(key.Column.Name, key.Expr.T())
			below.exprs = append(below.exprs, ir.Computed{Column: col, Expr: key.Expr})
			below.cols = append(below.cols, col)
			r = reference(col, key.Expr.At())
		}
		e := c.g.keyOf(r, n.Collations[i])
		col := c.column(key.Column.Name+"_key", e.T())
		out.Keys[i] = ir.Computed{Column: col, Expr: e}
		renamed[key.Column.ID] = col.ID
		value := &ir.AggregateCall{Call: ir.Call{
			Of: ir.Of{Type: key.Column.Type, Span: key.Expr.At()}, Name: "any_value", Group: "GoogleSQL", Args: []ir.Arg{{Expr: again(r)}},
			Sig: ir.Signature{Args: []*ir.Type{key.Column.Type}, Result: key.Column.Type},
		}}
		if n.Sets == nil {
			out.Aggs = append(out.Aggs, ir.Computed{Column: key.Column, Expr: value})
			continue
		}
		// Where the key is not part of the grouping set the column is NULL.
		any, grouping := c.column(key.Column.Name, key.Column.Type), c.column("grouping", &ir.Type{Kind: ir.Int64})
		out.Aggs = append(out.Aggs, ir.Computed{Column: any, Expr: value})
		out.Grouping = append(out.Grouping, ir.GroupingCall{Column: grouping, Key: col.ID})
		zero := &ir.Literal{Of: ir.Of{Type: grouping.Type}, Value: ir.Value{Type: grouping.Type}}
		over = append(over, ir.Computed{Column: key.Column, Expr: &ir.Call{
			Of: ir.Of{Type: key.Column.Type, Span: key.Expr.At()}, Name: "$case_no_value", Group: "GoogleSQL",
			Args: []ir.Arg{{Expr: &ir.Call{
				Of: ir.Of{Type: &ir.Type{Kind: ir.Bool}}, Name: "$equal", Group: "GoogleSQL",
				Args: []ir.Arg{{Expr: reference(grouping, ir.Span{})}, {Expr: zero}},
			}}, {Expr: reference(any, key.Expr.At())}},
		}})
		dropped[key.Column.ID] = true
	}
	// The aggregates of the group read the columns of the input, never the key's own.
	for i, call := range out.Grouping {
		if id, ok := renamed[call.Key]; ok {
			out.Grouping[i].Key = id
		}
	}
	for i, set := range out.Sets {
		out.Sets[i] = slices.Clone(set)
		for j, id := range set {
			if to, ok := renamed[id]; ok {
				out.Sets[i][j] = to
			}
		}
	}
	out.Input = below.under(n.Input)
	if over == nil {
		return &out
	}
	var cols []ir.Column
	for _, col := range n.Columns {
		if !dropped[col.ID] {
			cols = append(cols, col)
		}
	}
	for _, a := range append(slices.Clip(out.Aggs), out.Keys...) {
		cols = append(cols, a.Column)
	}
	for _, call := range out.Grouping {
		cols = append(cols, call.Column)
	}
	out.Columns = uniqueColumns(cols)
	return &ir.Project{Base: ir.Base{Columns: n.Columns, Span: n.Span}, Input: &out, Exprs: over}
}

func uniqueColumns(cols []ir.Column) []ir.Column {
	seen := map[ir.ColumnID]bool{}
	return slices.DeleteFunc(cols, func(c ir.Column) bool {
		twice := seen[c.ID]
		seen[c.ID] = true
		return twice
	})
}

// setOp writes UNION DISTINCT as the groups of UNION ALL.
func (c *collator) setOp(n *ir.SetOp) ir.Scan {
	if n.Collations == nil || n.Kind == ir.UnionAll {
		return n
	}
	out := *n
	out.Collations = nil
	if !collated(n.Collations...) {
		return &out
	}
	if n.Kind != ir.UnionDistinct {
		c.g.refuse("collation "+strings.Join(n.Collations, ", "), "INTERSECT and EXCEPT compare by code points there", n.At())
		return &out
	}
	out.Kind = ir.UnionAll
	out.Columns = make([]ir.Column, len(n.Columns))
	groups := &ir.Aggregate{Base: ir.Base{Columns: n.Columns, Span: n.Span}, Collations: n.Collations}
	for i, col := range n.Columns {
		out.Columns[i] = c.column(col.Name, col.Type)
		groups.Keys = append(groups.Keys, ir.Computed{Column: col, Expr: reference(out.Columns[i], n.At())})
	}
	groups.Input = &out
	return c.aggregate(groups)
}

// collatedAggregate writes an aggregate call whose argument has a collation. It reports
// false where that changes nothing.
func (g *generator) collatedAggregate(a *agg) (string, bool) {
	n := a.Node
	// What else an aggregate compares; the analyzer does not say how.
	var compared []ir.Expr
	switch n.Name {
	case "max_by", "min_by":
		compared = append(compared, a.Expr(1))
	case "approx_top_count", "approx_quantiles":
		compared = append(compared, a.Expr(0))
	}
	if a.having != nil {
		compared = append(compared, a.having.Expr)
	}
	for _, e := range compared {
		if c := collationOf(e); collated(c) {
			return g.refuse("collation "+c, strings.ToUpper(n.Name)+" compares by code points there", n.At()), true
		}
	}
	if !collated(n.Collations...) {
		return "", false
	}
	name := n.Collations[0]
	shape, ok := parseCollation(name)
	key := func() string { return g.collationKey(a.Typed(0), a.Type(0), shape) }
	switch {
	case !ok || len(n.Collations) != 1 || a.Len() != 1 || a.having != nil || a.Kind(0) != ir.String || n.Safe:
	case n.Name == "min" || n.Name == "max":
		a.distinct = false
		return a.fn("arg_"+n.Name, a.Typed(0), key()), true
	case n.Name == "count" && a.distinct, n.Name == "approx_count_distinct":
		a.distinct = true
		return a.counted(a.fn("count", key())), true
	}
	return g.refuse("collation "+name, strings.ToUpper(n.Name)+" compares by code points there", n.At()), true
}
