package editor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
)

// properties completes in a properties file.
func (c *completer) properties(s spot) {
	if s.path == "" {
		if s.key {
			for i, k := range []struct{ name, help string }{
				{"models", "properties of models"}, {"sources", "tables that something else fills"}, {"seeds", "properties of seeds"}, {"snapshots", "properties of snapshots"},
				{"unit_tests", "tests of a model over given rows"}, {"exposures", "uses of the data outside of the project"}, {"data_tests", "properties of the tests that are files"},
				{"groups", "who owns models"}, {"analyses", "properties of analyses"}, {"version", "2, a note for other tools"},
			} {
				sh := items
				if k.name == "version" {
					sh = aScalar
				}
				c.key(s, k.name, "list", k.help, sh, i)
			}
		}
		return
	}
	m := inList.FindStringSubmatch(s.path)
	if m == nil {
		return
	}
	kind := kinds[m[1]]
	if c.testsAt(s) || c.configAt(s, kind) || c.unitTestAt(s) {
		return
	}
	if s.key {
		path := s
		drop := []string{}
		if kind == addr.Seed || kind == addr.Snapshot || kind == addr.Analysis {
			path.path = strings.Replace(s.path, m[1]+"[]", "models[]", 1)
			drop = []string{"versions", "latest_version", "access", "deprecation_date"}
		}
		if c.listItem(s, kind) {
			return
		}
		c.keysOf(path, "", drop...)
		return
	}
	c.propertyValue(s, kind)
}

// nodeOf is the node whose entry a place is in.
func (c *completer) nodeOf(s spot) *compile.Node {
	for _, list := range []string{"models", "seeds", "snapshots"} {
		if name := s.names[list]; name != "" {
			return c.book.byName()[name]
		}
	}
	if table := s.names["sources[].tables"]; table != "" {
		return c.book.source(s.names["sources"], table)
	}
	return nil
}

// listItem completes an item of a list of texts, which looks like a key while it is written.
func (c *completer) listItem(s spot, kind addr.Kind) bool {
	if !strings.HasSuffix(s.path, "[]") {
		return false
	}
	switch s.last() {
	case "tags", "depends_on", "to_columns", "policy_tags":
		c.propertyValue(s, kind)
		return true
	case "columns":
		if strings.HasSuffix(s.path, "constraints[].columns[]") || strings.HasSuffix(s.path, "ingest.columns[]") {
			c.propertyValue(s, kind)
			return true
		}
	}
	return false
}

// propertyValue completes a value in a properties file.
func (c *completer) propertyValue(s spot, kind addr.Kind) {
	node := c.nodeOf(s)
	switch key := s.last(); {
	case key == "name" && strings.HasSuffix(s.parent(), "columns[]"):
		c.undocumented(node)
	case key == "name" && s.parent() == "sources[].tables[]":
	case key == "name" && (s.parent() == "models[]" || s.parent() == "seeds[]" || s.parent() == "snapshots[]"):
		described := map[string]bool{}
		for _, p := range c.book.project.Props {
			described[p.Name.V] = true
		}
		for _, n := range c.book.refs() {
			if n.ID.Kind != kind {
				continue
			}
			rank := rankOuter - 5*sharedPath(n.Path, c.path)
			if described[n.ID.Name] {
				rank += rankFar
			}
			c.node(n, rank)
		}
	case key == "name" && s.parent() == "data_tests[]":
		for _, f := range c.book.project.Tests {
			c.value(f.Name, CompleteTest, f.Source.Path, "", 0)
		}
	case key == "model" && s.parent() == "unit_tests[]", key == "defined_in":
		for i, n := range c.book.refs() {
			if n.ID.Kind == addr.Model {
				c.node(n, i)
			}
		}
	case key == "tags" || key == "owner" || key == "tier" || key == "group":
		for i, v := range c.book.used(key) {
			c.value(v, CompleteValue, fmt.Sprintf("%d times", c.book.groups()[key][v]), "", i)
		}
	case key == "depends_on" || key == "to" || key == "input":
		c.references(key == "input", node)
	case key == "columns" || key == "to_columns" || key == "tenant_column" || key == "loaded_at_field" || key == "key" || key == "watermark":
		if node != nil {
			for i, col := range c.book.columnsOf(node) {
				c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
			}
		}
	case key == "data_type":
		for i, t := range typeNames[:14] {
			c.value(strings.ToUpper(t), CompleteType, "", "", i)
		}
		if node != nil {
			if name := s.names[strings.TrimSuffix(s.parent(), "[]")]; name != "" {
				if col, ok := named(c.book.columnsOf(node), name); ok && col.typ != "" {
					c.value(col.typ, CompleteType, "as it is", "", rankExact)
				}
			}
		}
	case key == "period":
		c.words("`minute`, `hour`, `day`")
	case key == "connection":
		for i, k := range c.book.project.Settings.Connections {
			c.value(k.Name.V, CompleteValue, "", "", i)
		}
	case key == "description":
		c.docs()
	default:
		path := s
		path.path = strings.NewReplacer("seeds[]", "models[]", "snapshots[]", "models[]").Replace(s.path)
		c.placeValue(path, "")
	}
}

// docs completes the blocks that a description may put in.
func (c *completer) docs() {
	at := strings.LastIndex(c.text[:c.at], `doc`)
	line := strings.LastIndexByte(c.text[:c.at], '\n')
	names := namesOf(c.book.groups()["docs"])
	if at > line && strings.Contains(c.text[line+1:c.at], "{{") {
		rest := c.text[at:c.at]
		q := strings.LastIndexAny(rest, `"'`)
		if q < 0 {
			return
		}
		c.from, c.to = at+q+1, c.at
		for c.to < len(c.text) && nameByte(c.text[c.to]) {
			c.to++
		}
		for i, n := range names {
			c.add(Completion{Label: n, Kind: CompleteValue, Detail: "docs", rank: i})
		}
		return
	}
	for i, n := range names {
		c.add(Completion{Label: `{{ doc "` + n + `" }}`, Kind: CompleteValue, Detail: "docs", Insert: `'{{ doc "` + n + `" }}'`, Filter: n, rank: i})
	}
}

// references completes ref('x') and source('a', 'b').
func (c *completer) references(input bool, node *compile.Node) {
	flow := c.inFlow()
	written := func(n *compile.Node) string {
		if n.Source != nil {
			return "source('" + n.Source.SourceName.V + "', '" + n.Source.Table.V + "')"
		}
		return "ref('" + n.ID.Name + "')"
	}
	add := func(n *compile.Node, rank int) {
		text := written(n)
		insert := text
		// In a flow mapping a comma would end it.
		if flow && strings.Contains(text, ",") {
			insert = `"` + text + `"`
		}
		c.list = append(c.list, Completion{Label: text, Filter: text + " " + n.ID.Name, Insert: insert, Kind: CompletionKind(n.ID.Kind), From: c.from, To: c.to, rank: rank, late: describe, node: n})
	}
	var parents []addr.Node
	if input && node != nil {
		parents = node.Parents
		c.value("this", CompleteValue, "the model's own rows", "", rankNear)
	}
	for _, list := range [][]*compile.Node{c.book.refs(), c.book.sources()} {
		for _, n := range list {
			rank := rankOuter - 5*sharedPath(n.Path, c.path)
			if i := slices.Index(parents, n.ID); i >= 0 {
				rank = rankExact
			}
			add(n, rank)
		}
	}
}

func (c *completer) inFlow() bool {
	start := strings.LastIndexByte(c.text[:c.at], '\n') + 1
	head := c.text[start:c.at]
	return strings.Count(head, "{") > strings.Count(head, "}") || strings.Count(head, "[") > strings.Count(head, "]")
}

// undocumented completes columns of a node, those without an entry first.
func (c *completer) undocumented(n *compile.Node) {
	if n == nil {
		return
	}
	declared := map[string]bool{}
	for _, col := range n.Columns {
		declared[strings.ToLower(col.Name)] = col.Declared
	}
	for i, col := range c.book.columnsOf(n) {
		rank := min(i, 400)
		detail := col.typ
		if declared[strings.ToLower(col.name)] {
			rank += rankFar
		}
		c.value(col.name, CompleteColumn, detail, columnDoc(col), rank)
	}
}

// configAt completes below «config».
func (c *completer) configAt(s spot, kind addr.Kind) bool {
	i := slices.Index(s.keys, "config")
	if i < 0 {
		return false
	}
	rest := s.keys[i+1:]
	if slices.Contains(s.keys[:i], "columns") {
		if s.key && len(rest) == 0 {
			for n, name := range []string{"meta", "tags", "policy_tags"} {
				sh := aMapping
				if n > 0 {
					sh = aList
				}
				c.key(s, name, "", "", sh, n)
			}
		}
		return true
	}
	c.configBelow(s, kind, rest, "")
	return true
}

// configBelow completes configuration; rest are the steps below it.
func (c *completer) configBelow(s spot, kind addr.Kind, rest []string, plus string) {
	if len(rest) == 0 {
		if s.key {
			for i, k := range project.KeysOf(kind) {
				if k.Name == "materialized" {
					i = -1
				}
				c.configKey(s, k, plus, i)
			}
		}
		return
	}
	k, ok := project.LookupKey(strings.TrimPrefix(rest[0], "+"), kind)
	if !ok {
		return
	}
	for _, step := range rest[1:] {
		if step == "[]" {
			continue
		}
		i := slices.IndexFunc(k.Fields, func(f project.Key) bool { return f.Name == step })
		if i < 0 {
			return
		}
		k = k.Fields[i]
	}
	if s.key && len(k.Fields) > 0 {
		for i, f := range k.Fields {
			c.configKey(s, f, "", i)
		}
		return
	}
	if s.key && len(k.Flags) > 0 {
		for i, f := range k.Flags {
			c.key(s, f, "true or false", "", aScalar, i)
		}
		return
	}
	if k.Name == "meta" && s.key {
		for i, m := range c.book.used("meta") {
			c.key(s, m, "", "", aScalar, i)
		}
		return
	}
	c.configValueOf(k)
	if columnKeys[k.Name] {
		if n := c.nodeOf(s); n != nil {
			for i, col := range c.book.columnsOf(n) {
				c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
			}
		}
	}
}

// columnKeys are config keys that name columns of the node.
var columnKeys = map[string]bool{
	"unique_key": true, "merge_update_columns": true, "merge_exclude_columns": true, "cluster_by": true, "partition_by": true, "field": true,
	"event_time": true, "tenant_column": true, "updated_at": true, "check_cols": true, "protected": true, "visible": true, "columns": true, "column": true,
	"parent": true, "child": true, "quantity": true, "partition": true, "total": true, "ratio": true,
}

func (c *completer) configKey(s spot, k project.Key, plus string, rank int) {
	sh := aScalar
	switch k.Type {
	case project.Map, project.TextMap, project.Object, project.Flags, project.Lists:
		if k.Plain == "" {
			sh = aMapping
		}
	case project.Objects:
		sh = aList
	}
	c.key(s, plus+k.Name, string(k.Type), keyDoc(k), sh, rank)
}

func (c *completer) configValueOf(k project.Key) {
	for i, v := range k.Values {
		c.value(v, CompleteValue, "", "", i)
	}
	if k.Type == project.Bool {
		c.words("true or false")
	}
	switch k.Name {
	case "tags", "owner", "tier", "group", "schema", "database":
		for i, v := range c.book.used(k.Name) {
			c.value(v, CompleteValue, fmt.Sprintf("%d times", c.book.groups()[k.Name][v]), "", i)
		}
	}
}
