package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// compare fills what differs between what a node was built from and what it is now, and
// answers what that changes in the relation, what it reads aside.
func (r *reviewer) compare(c *Change, n *compile.Node, a *Action, record state.Record, existing warehouse.Relation) *delta {
	own := &delta{columns: map[string]bool{}}
	now, was := r.definition(n.ID), r.definitions[n.ID]
	if was == nil {
		r.compareBlind(c, n, record, existing, own)
		return own
	}
	renamed := c.compareColumns(was, now, own)
	if a.Verb == Update {
		c.hold(now.Config["on_schema_change"], own)
	}
	c.compareGrain(was, now, renamed)
	c.comparePromises(was, now)
	c.Config, c.Storage = settingChanges(was.Config, now.Config), settingChanges(was.Storage, now.Storage)
	c.Diff = unified(was.Text, now.Text)
	if d := unified(was.IncrementalText, now.IncrementalText); hunks(d) != hunks(c.Diff) {
		c.IncrementalDiff = d
	}
	textChanged := was.Text != now.Text || was.IncrementalText != now.IncrementalText
	analyzed := was.Facets != nil && now.Facets != nil
	fullRefill := false // the content is made anew from nothing, and was not before
	other := false      // something decides the content that the facets do not know
	for _, s := range c.Config {
		switch s.Key {
		case "materialized":
			fullRefill = s.From == "incremental" && a.Verb != Update
			other = other || s.From == compile.Ancestry || s.To == compile.Ancestry
		case "relation": // see consider
		case "incremental_strategy", "on_schema_change", "unique_key", "incremental_predicates", "merge_update_columns", "merge_exclude_columns", "partitions", "updated_at", "strategy", "check_cols", "hard_deletes":
			other = other || was.Config["materialized"] == now.Config["materialized"] // else it comes and goes with the kind
		default:
			other = true
		}
	}
	switch {
	case analyzed:
		if was.Facets.Rows.Hash != now.Facets.Rows.Hash {
			c.Rows, own.rows = true, true
		}
		switch {
		case other && a.Verb != Update:
			c.Rows, own.rows, own.all = true, true, true
		case !c.contentDiffers() && c.How == Direct && len(c.Config)+len(c.Storage) == 0 && !textChanged:
			why := "a function that it calls changed, or another engine built it"
			if compile.Limited(record.Fingerprint) {
				why = limitedWords
			}
			c.unknown(why, own)
		}
	case textChanged || other || c.How == Indirect || len(c.Config)+len(c.Storage) == 0:
		why := "its query is not analyzed"
		if n.Unanalyzed != "" {
			why += ": " + n.Unanalyzed
		}
		if n.Unanalyzed == "" && n.Dialect != project.GoogleSQL {
			why = "which columns is not known, the SQL is native"
		}
		if n.ID.Kind == addr.Seed {
			why = "its file or configuration changed"
		}
		c.unknown(why, own)
	}
	if state.Cut(was.Text) || state.Cut(now.Text) {
		c.Diff = "" // the ends are missing
	}
	c.classify(a, other, fullRefill, own)
	return own
}

// hold notes the columns of a relation that is changed in place which on_schema_change
// keeps as they are.
func (c *Change) hold(policy string, own *delta) {
	for i := range c.Columns {
		col := &c.Columns[i]
		changes := col.Breaks() || col.Verb == ColumnAdded
		if policy == "ignore" && changes || policy == "fail" && changes || policy == "append_new_columns" && col.Breaks() {
			col.Policy = policy
		}
		if policy == "ignore" && col.Verb == ColumnAdded {
			delete(own.columns, strings.ToLower(col.Name))
		}
	}
}

// contentDiffers reports whether anything is known to differ for readers.
func (c *Change) contentDiffers() bool {
	return c.Rows || len(c.Columns) > 0 || len(c.Grain) > 0 || len(c.Promises) > 0
}

func (c *Change) unknown(why string, own *delta) {
	c.Unknown, c.Rows = why, true
	own.rows, own.all = true, true
}

// classify says what readers notice.
func (c *Change) classify(a *Action, other, fullRefill bool, own *delta) {
	values, added := c.Rows || other || fullRefill, false
	for _, col := range c.Columns {
		switch {
		case col.Breaks():
			c.Class = Breaking
		case col.Verb == ColumnAdded:
			added = added || col.Policy != "ignore"
		default:
			values = true
		}
	}
	taken := slices.ContainsFunc(c.Promises, func(s SettingChange) bool { return s.To == "" })
	switch {
	case c.Class == Breaking || len(c.Grain) > 0 || taken:
		c.Class = Breaking
	case c.How == Indirect && !values && !added:
		c.Class = "" // what it inherits decides
	case a.Verb == Update && (values || added):
		c.Class = Forward
	case values:
		c.Class = Values
	case added:
		c.Class = Additive
	default:
		c.Class = Metadata
	}
	if fullRefill {
		c.Rows, own.rows, own.all = true, true, true
	}
}

// compareBlind is for what an engine built that kept no definitions: only the fingerprint
// and the columns of the relation are left of it.
func (r *reviewer) compareBlind(c *Change, n *compile.Node, record state.Record, existing warehouse.Relation, own *delta) {
	c.Class = Values
	if c.How == Direct && record.Relation == n.Relation && compile.Content(record.Fingerprint) == compile.Content(n.Fingerprint) {
		c.Class = Metadata
		return
	}
	if c.How == Indirect {
		c.Class = ""
		return
	}
	why := "what it was built from is not known: an earlier engine built it"
	if compile.Limited(record.Fingerprint) {
		why = limitedWords
	}
	c.unknown(why, own)
	if len(existing.Columns) == 0 || len(n.Columns) == 0 || n.Unanalyzed != "" {
		return
	}
	has := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, name) })
	}
	var before, now []string
	for _, col := range existing.Columns {
		before = append(before, col.Name)
	}
	for _, col := range n.Columns {
		now = append(now, col.Name)
	}
	if n.ID.Kind == addr.Snapshot {
		return // its relation has columns of its own
	}
	for _, name := range before {
		if !has(now, name) {
			c.Columns = append(c.Columns, ColumnChange{Name: name, Verb: ColumnRemoved})
			c.Class = Breaking
		}
	}
	for _, name := range now {
		if !has(before, name) {
			c.Columns = append(c.Columns, ColumnChange{Name: name, Verb: ColumnAdded})
		}
	}
}

// compareColumns lists what happens to columns and answers the new names of those renamed.
func (c *Change) compareColumns(was, now *state.Definition, own *delta) (renamed map[string]string) {
	renamed = map[string]string{}
	if len(was.Columns) == 0 || len(now.Columns) == 0 {
		return renamed
	}
	index := func(list []state.DefinedColumn) map[string]state.DefinedColumn {
		m := make(map[string]state.DefinedColumn, len(list))
		for _, col := range list {
			m[strings.ToLower(col.Name)] = col
		}
		return m
	}
	before, after := index(was.Columns), index(now.Columns)
	facet := func(d *state.Definition, low string) string {
		if d.Facets == nil {
			return ""
		}
		return d.Facets.Columns[low].Hash
	}
	// One that goes and one that comes with the same expression and type are one that is renamed.
	comes := map[string]string{}
	for low, col := range after {
		if _, had := before[low]; !had {
			if h := facet(now, low); h != "" {
				if _, twice := comes[h+" "+col.Type]; twice {
					comes[h+" "+col.Type] = ""
				} else {
					comes[h+" "+col.Type] = low
				}
			}
		}
	}
	old := map[string]string{}
	for _, col := range was.Columns {
		low := strings.ToLower(col.Name)
		if _, stays := after[low]; stays {
			continue
		}
		if to := comes[facet(was, low)+" "+col.Type]; to != "" && facet(was, low) != "" {
			renamed[low], old[to] = to, col.Name
			comes[facet(was, low)+" "+col.Type] = ""
		} else {
			c.Columns = append(c.Columns, ColumnChange{Name: col.Name, Verb: ColumnRemoved, From: col.Type})
		}
		own.columns[low] = true
	}
	for _, col := range now.Columns {
		low := strings.ToLower(col.Name)
		prior, had := before[low]
		switch {
		case !had && old[low] != "":
			c.Columns = append(c.Columns, ColumnChange{Name: col.Name, Verb: ColumnRenamed, From: old[low]})
		case !had:
			c.Columns = append(c.Columns, ColumnChange{Name: col.Name, Verb: ColumnAdded, To: col.Type})
		case prior.Type != col.Type && prior.Type != "" && col.Type != "":
			c.Columns = append(c.Columns, ColumnChange{Name: col.Name, Verb: ColumnRetyped, From: prior.Type, To: col.Type})
		case was.Facets != nil && now.Facets != nil && facet(was, low) != facet(now, low):
			c.Columns = append(c.Columns, ColumnChange{Name: col.Name, Verb: ColumnExpression})
		default:
			continue
		}
		own.columns[low] = true
	}
	return renamed
}

// compareGrain finds the sets of columns by which rows were unique and are no longer.
func (c *Change) compareGrain(was, now *state.Definition, renamed map[string]string) {
	if now.Facets == nil || was.Facets == nil {
		return // nobody knows
	}
	set := func(cols []string, names map[string]string) map[string]bool {
		m := make(map[string]bool, len(cols))
		for _, col := range cols {
			low := strings.ToLower(col)
			if to, ok := names[low]; ok {
				low = to
			}
			m[low] = true
		}
		return m
	}
	for _, u := range was.Unique {
		by := set(u, renamed)
		implied := slices.ContainsFunc(now.Unique, func(v []string) bool {
			for col := range set(v, nil) {
				if !by[col] {
					return false
				}
			}
			return true
		})
		if !implied {
			c.Grain = append(c.Grain, slices.Clone(u))
		}
	}
}

func (c *Change) comparePromises(was, now *state.Definition) {
	list := func(d *state.Definition) []string {
		if d.Contract == nil {
			return nil
		}
		return d.Contract.Promises
	}
	for _, p := range list(was) {
		if !slices.Contains(list(now), p) {
			c.Promises = append(c.Promises, SettingChange{Key: p, From: p})
		}
	}
	for _, p := range list(now) {
		if !slices.Contains(list(was), p) {
			c.Promises = append(c.Promises, SettingChange{Key: p, To: p})
		}
	}
}

func settingChanges(was, now map[string]string) []SettingChange {
	var out []SettingChange
	for key, v := range was {
		if now[key] != v {
			out = append(out, SettingChange{key, v, now[key]})
		}
	}
	for key, v := range now {
		if _, had := was[key]; !had {
			out = append(out, SettingChange{Key: key, To: v})
		}
	}
	slices.SortFunc(out, func(a, b SettingChange) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// unified is a unified diff without its header lines, empty if the texts are equal.
func unified(was, now string) string {
	end := func(s string) []byte {
		if s = strings.TrimRight(s, "\n \t"); s == "" {
			return nil
		}
		return []byte(s + "\n")
	}
	out := string(diff.Diff("a", end(was), "b", end(now)))
	for range 3 { // diff a b, --- a, +++ b
		_, out, _ = strings.Cut(out, "\n")
	}
	return out
}

// hunks are the lines of a diff that are added or removed, to tell two diffs apart.
func hunks(d string) string {
	var b strings.Builder
	for line := range strings.Lines(d) {
		if line[0] == '+' || line[0] == '-' {
			b.WriteString(line)
		}
	}
	return b.String()
}

// readers finds who reads what breaks.
func (r *reviewer) readers(c *Change) {
	if c.Class != Breaking {
		return
	}
	for i := range c.Columns {
		if col := &c.Columns[i]; col.Breaks() {
			name := col.Name
			if col.Verb == ColumnRenamed {
				name = col.From
			}
			col.Readers = r.readersOf(c.Node, name)
		}
	}
	if len(c.Grain) > 0 || len(c.Promises) > 0 || slices.ContainsFunc(c.Config, func(s SettingChange) bool { return s.Key == "relation" }) {
		c.Readers = r.readersOf(c.Node, "")
	}
}

// readersOf are those who read a column of a node; with no name, all who read the node.
func (r *reviewer) readersOf(id addr.Node, column string) []Reader {
	low := strings.ToLower(column)
	var out []Reader
	for _, m := range r.readBy(id) {
		n := r.program.Nodes[m]
		if column == "" {
			out = append(out, Reader{Node: m, Where: n.Path})
			continue
		}
		now := r.columnReaders(m, id, low)
		out = append(out, now...)
		// What a reader read until now it can only have stopped to read by a change of its own.
		if was := r.definitions[m]; was != nil && was.Facets != nil {
			for _, b := range definedReaders(was.Facets, id, low) {
				if !slices.ContainsFunc(now, func(x Reader) bool { return x.Column == b }) {
					out = append(out, Reader{Node: m, Column: b, Where: was.Path, Before: true})
				}
			}
		}
	}
	for _, t := range r.program.Tests {
		reads := slices.Contains(t.Parents, id)
		switch {
		case column == "" && reads,
			t.Node == id && strings.EqualFold(t.Column, column) && t.Column != "",
			column != "" && reads && t.SQL != "" && wordIn(t.SQL, column) >= 0:
			out = append(out, Reader{Node: t.ID, Where: where(t.At, t.Path)})
		}
	}
	for _, e := range r.program.Exposures {
		if slices.ContainsFunc(e.Parents, func(p addr.Node) bool { return slices.Contains(r.real(p), id) }) {
			at := ""
			if e.Props != nil {
				at = where(e.Props.At, "")
			}
			out = append(out, Reader{Node: e.ID, Where: at, Whole: true})
		}
	}
	return out
}

// readBy are the nodes that really read a node, in topological order.
func (r *reviewer) readBy(id addr.Node) []addr.Node {
	if r.children == nil {
		r.children = map[addr.Node][]addr.Node{}
		for _, m := range r.program.Order {
			if n := r.program.Nodes[m]; m.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
				continue
			}
			for _, p := range r.reads(m) {
				r.children[p] = append(r.children[p], m)
			}
		}
	}
	return r.children[id]
}

// columnReaders are the columns of m that follow from a column of id, and its rows.
func (r *reviewer) columnReaders(m, id addr.Node, column string) []Reader {
	n := r.program.Nodes[m]
	facets := n.Facets.Get()
	reading, known := n.Reads[id]
	if facets == nil || !known {
		return []Reader{{Node: m, Where: n.Path, Whole: true}}
	}
	has := func(rd compile.Reading) bool { return rd.All || slices.Contains(rd.Columns, column) }
	if !has(reading) {
		return nil
	}
	at := placeOf(n, column)
	var out []Reader
	for _, name := range slices.Sorted(maps.Keys(facets.Columns)) {
		if rd, ok := facets.Columns[name].Reads[id]; ok && has(rd) {
			out = append(out, Reader{Node: m, Column: name, Where: at})
		}
	}
	if rd, ok := facets.Rows.Reads[id]; ok && has(rd) {
		out = append(out, Reader{Node: m, Where: at})
	}
	return out
}

func definedReaders(f *state.DefinedFacets, id addr.Node, column string) []string {
	has := func(x state.DefinedFacet) bool {
		cols, ok := x.Reads[id]
		return ok && (slices.Contains(cols, column) || slices.Contains(cols, state.AllColumns))
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.Columns)) {
		if has(f.Columns[name]) {
			out = append(out, name)
		}
	}
	if has(f.Rows) {
		out = append(out, "")
	}
	return out
}

// placeOf is the first place in the user's file where a query names a column.
func placeOf(n *compile.Node, column string) string {
	for at := 0; at < len(n.Text); {
		i := wordIn(n.Text[at:], column)
		if i < 0 {
			break
		}
		if span, ok := n.TextMap.At(at+i, at+i+len(column)); ok && span.File != nil {
			return fmt.Sprintf("%s:%d", span.File.Path, span.Position().Line)
		}
		at += i + len(column)
	}
	return n.Path
}

// wordIn is where a name stands in a text as a word of its own, whatever its case; -1 if
// it does not.
func wordIn(text, name string) int {
	word := func(b byte) bool {
		return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
	}
	for at := 0; at+len(name) <= len(text) && name != ""; at++ {
		if strings.EqualFold(text[at:at+len(name)], name) && (at == 0 || !word(text[at-1])) && (at+len(name) == len(text) || !word(text[at+len(name)])) {
			return at
		}
	}
	return -1
}
