package editor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
)

// spot is a place of YAML as completion sees it.
type spot struct {
	// path leads to the mapping, or the value, with dots: «models[].columns[]».
	path string
	keys []string // its steps
	// names are the names of the items on the way: by the path of the list, «models».
	names map[string]string
	// key: a key is written here; else a value: of the last key of path, or an item of a list.
	key bool
	// extra are the bytes between the indentation of the line and the key: of dashes.
	extra int
	// colon: there is one behind the key.
	colon bool
	flow  bool
}

// spotAt reads the place of a completer, and sets what it replaces.
func (c *completer) spotAt() (spot, bool) {
	text, at := c.text, c.at
	start := strings.LastIndexByte(text[:at], '\n') + 1
	line := text[start:at]
	if comment(line) {
		return spot{}, false
	}
	end := at + len(lineOf(text, at))
	head := strings.TrimLeft(line, " ")
	for head == "-" || strings.HasPrefix(head, "- ") {
		head = strings.TrimLeft(head[1:], " ")
	}
	from := at - len(head)
	c.from = from
	c.to = from
	for c.to < end && (nameByte(text[c.to]) || strings.IndexByte("+-_", text[c.to]) >= 0) {
		c.to++
	}
	c.to = max(c.to, at)
	if _, keyEnd, _ := yamlKey(text, from, at); keyEnd > 0 || strings.HasPrefix(head, "[") || strings.HasPrefix(head, "{") {
		p := yamlAt(text, at)
		s := newSpot(text, p.path)
		s.key = p.onKey
		s.flow = p.flow
		switch {
		case p.flow:
			// The word at the place.
			c.from = at
			for c.from > start && strings.IndexByte("[]{}, \"'", text[c.from-1]) < 0 {
				c.from--
			}
			c.to = at
			for c.to < end && strings.IndexByte("[]{}, \"':", text[c.to]) < 0 {
				c.to++
			}
			if n := len(p.path); !p.onKey && n > 0 && p.path[n-1].key == "" && p.path[n-1].start < len(text) && text[p.path[n-1].start] == '{' {
				s.key = true
			}
			if p.onKey {
				s = newSpot(text, p.path[:len(p.path)-1])
				s.key, s.flow, s.colon = true, true, true
			}
		case p.onKey:
			return s, false
		default:
			_, _, value := yamlKey(text, from, at)
			c.from = value
			for c.from < at && text[c.from] == ' ' {
				c.from++
			}
			c.to = at
			for c.to < end && text[c.to] != '#' {
				c.to++
			}
			for c.to > at && (text[c.to-1] == ' ' || text[c.to-1] == '\r') {
				c.to--
			}
		}
		return s, true
	}
	// A key, or an item of a list, that is being written: as if it were a whole key.
	with := text[:from] + "x:" + text[end:]
	p := yamlAt(with, from)
	if len(p.path) == 0 {
		return spot{}, false
	}
	s := newSpot(with, p.path[:len(p.path)-1])
	s.key = true
	s.extra = len(line) - len(head) - (len(line) - len(strings.TrimLeft(line, " ")))
	rest := text[c.to:end]
	s.colon = strings.HasPrefix(strings.TrimLeft(rest, " "), ":")
	return s, true
}

// comment reports whether a line ends within a comment.
func comment(line string) bool {
	quote := byte(0)
	for i := range len(line) {
		switch ch := line[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '#' && (i == 0 || line[i-1] == ' '):
			return true
		}
	}
	return false
}

func newSpot(text string, steps []yamlStep) spot {
	s := spot{names: map[string]string{}}
	var b strings.Builder
	list := ""
	for _, st := range steps {
		switch {
		case st.key != "":
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(st.key)
			s.keys = append(s.keys, st.key)
		case st.start < len(text) && text[st.start] == '{':
			if list != "" && s.names[list] == "" {
				s.names[list] = st.name
			}
			continue
		default:
			list = b.String()
			b.WriteString("[]")
			s.keys = append(s.keys, "[]")
			if st.name != "" {
				s.names[list] = st.name
			} else {
				s.names[list] = ""
			}
		}
	}
	s.path = b.String()
	return s
}

// parent is the path without its last step.
func (s spot) parent() string {
	if rest, ok := strings.CutSuffix(s.path, "[]"); ok {
		return rest
	}
	if i := strings.LastIndexByte(s.path, '.'); i >= 0 {
		return s.path[:i]
	}
	return ""
}

// last is the last key of the path.
func (s spot) last() string {
	for i := len(s.keys) - 1; i >= 0; i-- {
		if s.keys[i] != "[]" {
			return s.keys[i]
		}
	}
	return ""
}

// kinds are the lists of properties files with what their items are.
var kinds = map[string]addr.Kind{
	"models": addr.Model, "seeds": addr.Seed, "snapshots": addr.Snapshot, "sources": addr.Source, "exposures": addr.Exposure,
	"unit_tests": addr.UnitTest, "data_tests": addr.Test, "analyses": addr.Analysis,
}

var inList = regexp.MustCompile(`^(models|seeds|snapshots|sources|exposures|unit_tests|data_tests|analyses|groups)\[\]`)

// yaml completes in YAML.
func (c *completer) yaml() {
	s, ok := c.spotAt()
	if !ok {
		return
	}
	settings := c.path == "engine.yml" || c.path == "engine.yaml"
	switch {
	case c.path == project.SelectorsFile:
		c.selectors(s)
	case settings:
		c.settings(s)
	default:
		c.properties(s)
	}
}

// keysOf adds the keys of a place.
func (c *completer) keysOf(s spot, file string, drop ...string) bool {
	found := false
	for _, p := range project.Places {
		if (p.File == "engine.yml") != (file == "engine.yml") || !slices.ContainsFunc(p.Paths, func(path string) bool { return matches(path, s.path) }) {
			continue
		}
		found = true
		for i, k := range p.Keys {
			rank := i
			if k.Name == "tests" || k.Name == "target" && s.path == "" { // other names of the same
				rank += rankUnlikely
			}
			if !slices.Contains(drop, k.Name) {
				c.key(s, k.Name, plainShape(k.Shape), plainDoc(k.Help), shapeOf(k), rank)
			}
		}
	}
	return found
}

// matches compares a path with a pattern, in which «*» stands for one name.
func matches(pattern, path string) bool {
	if pattern == path {
		return true
	}
	a, b := strings.Split(pattern, "."), strings.Split(path, ".")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && a[i] != "*" {
			return false
		}
	}
	return true
}

var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// plainDoc is Markdown without links, which lead nowhere in an editor.
func plainDoc(s string) string {
	s = link.ReplaceAllString(s, "$1")
	for _, tail := range []string{", see below", ", see cron lines"} {
		s = strings.TrimSuffix(s, tail)
	}
	return s
}

func plainShape(s string) string { return strings.ReplaceAll(plainDoc(s), "`", "") }

// keyShape is how a key goes on.
type keyShape uint8

const (
	aScalar keyShape = iota
	aList
	aMapping
	items // a list whose items have names
)

func shapeOf(k project.PlaceKey) keyShape {
	switch {
	case k.Shape == "list" && k.Name != "data_tests" && k.Name != "tests" && k.Name != "depends_on":
		return items
	case strings.HasPrefix(k.Shape, "list"):
		return aList
	case strings.HasPrefix(k.Shape, "mapping"):
		return aMapping
	}
	return aScalar
}

// key adds a key with what its value needs behind it.
func (c *completer) key(s spot, name, detail, doc string, sh keyShape, rank int) {
	if c.has(s, name) {
		rank += rankUnlikely
	}
	o := Completion{Label: name, Kind: CompleteKey, Detail: detail, Doc: doc, Snippet: true, rank: rank}
	in := strings.Repeat(" ", s.extra+2)
	switch {
	case s.colon:
		o.Insert, o.Snippet = name, false
	case s.flow:
		o.Insert = escaped(name) + ": $0"
	case sh == aScalar:
		o.Insert, o.Again = escaped(name)+": $0", true
	case sh == aList:
		o.Insert, o.Again = escaped(name)+":\n"+in+"- $0", true
	case sh == items:
		first := "name"
		switch name {
		case "constraints":
			first = "type"
		case "versions":
			first = "v"
		case "given":
			first = "input"
		case "contracts":
			first = "version"
		case "changes":
			first = "model"
		}
		o.Insert, o.Again = escaped(name)+":\n"+in+"- "+first+": $0", true
	default:
		o.Insert, o.Again = escaped(name)+":\n"+in+"$0", true
	}
	c.add(o)
}

// has reports whether the mapping around the place has a key already, judged by the lines of
// the same indentation next to it.
func (c *completer) has(s spot, name string) bool {
	if s.flow {
		return false
	}
	column := c.from - (strings.LastIndexByte(c.text[:c.from], '\n') + 1)
	look := func(lines []string) bool {
		for _, l := range lines {
			trimmed := strings.TrimLeft(l, " ")
			indent := len(l) - len(trimmed)
			dash := false
			for strings.HasPrefix(trimmed, "- ") {
				rest := strings.TrimLeft(trimmed[1:], " ")
				indent += len(trimmed) - len(rest)
				trimmed, dash = rest, true
			}
			if trimmed == "" || trimmed[0] == '#' {
				continue
			}
			if indent < column {
				return false
			}
			if indent == column && strings.HasPrefix(trimmed, name+":") {
				return true
			}
			if dash && indent <= column {
				return false
			}
		}
		return false
	}
	up := strings.Split(c.text[:c.from], "\n")
	up = up[:len(up)-1]
	slices.Reverse(up)
	down := strings.Split(c.text[c.to:], "\n")[1:]
	if c.startsItem() {
		up = nil
	}
	return look(up) || look(untilDash(down, column))
}

// startsItem reports whether a dash stands in front of the place on its line.
func (c *completer) startsItem() bool {
	start := strings.LastIndexByte(c.text[:c.from], '\n') + 1
	return strings.Contains(c.text[start:c.from], "- ")
}

// untilDash are the lines up to the next item.
func untilDash(lines []string, column int) []string {
	for i, l := range lines {
		trimmed := strings.TrimLeft(l, " ")
		if strings.HasPrefix(trimmed, "- ") && len(l)-len(trimmed) < column {
			return lines[:i]
		}
	}
	return lines
}

// value adds a scalar, with quotes where YAML needs them.
func (c *completer) value(text string, kind CompletionKind, detail, doc string, rank int) {
	insert := text
	if text == "" || strings.ContainsAny(text[:1], "*&!|>'\"%@`{[#-?:, ") || strings.Contains(text, ": ") || strings.Contains(text, " #") {
		insert = "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	if c.from > 0 && strings.IndexByte("\"'", c.text[c.from-1]) >= 0 {
		insert = text
	}
	c.add(Completion{Label: text, Kind: kind, Detail: detail, Doc: doc, Insert: insert, rank: rank})
}

// node adds the name of a node.
func (c *completer) node(n *compile.Node, rank int) {
	c.list = append(c.list, Completion{Label: n.ID.Name, Filter: n.ID.Name, Insert: n.ID.Name, Kind: CompletionKind(n.ID.Kind), From: c.from, To: c.to, rank: rank, late: describe, node: n})
}

// words adds the words that a shape names.
func (c *completer) words(sh string) bool {
	if sh == "true or false" {
		c.value("true", CompleteValue, "", "", 0)
		c.value("false", CompleteValue, "", "", 1)
		return true
	}
	list := backticked.FindAllStringSubmatch(sh, -1)
	if !strings.HasPrefix(sh, "`") && !strings.HasPrefix(sh, "list of `") || len(list) == 0 {
		return false
	}
	for i, m := range list {
		if !strings.ContainsAny(m[1], "{}<>") {
			c.value(m[1], CompleteValue, "", "", i)
		}
	}
	return true
}

var backticked = regexp.MustCompile("`([^`]+)`")

// placeValue completes the value of a key of a Place.
func (c *completer) placeValue(s spot, file string) {
	key, of := s.last(), strings.TrimSuffix(s.path, "[]")
	if i := strings.LastIndexByte(of, '.'); i >= 0 {
		of = of[:i]
	} else {
		of = ""
	}
	for _, p := range project.Places {
		if (p.File == "engine.yml") != (file == "engine.yml") || !slices.ContainsFunc(p.Paths, func(path string) bool { return matches(path, of) }) {
			continue
		}
		for _, k := range p.Keys {
			if k.Name == key {
				c.words(k.Shape)
				if strings.Contains(k.Shape, "target") && k.Shape == "target" {
					c.targets()
				}
			}
		}
	}
}

func (c *completer) targets() {
	for i, t := range c.book.project.Settings.Targets {
		c.value(t.Name, CompleteValue, t.Type.V, "", i)
	}
}

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

var testList = regexp.MustCompile(`\.(data_tests|tests)\[\]$`)
var testBody = regexp.MustCompile(`\.(?:data_tests|tests)\[\]\.([^.\[\]]+)(\.config|\.arguments)?((?:\.[^.\[\]]+)?(?:\[\])?)$`)

// testsAt completes data tests: their names, arguments and configuration.
func (c *completer) testsAt(s spot) bool {
	if testList.MatchString(s.path) {
		column := strings.Contains(s.path, "columns[]")
		c.testNames(s, column)
		return true
	}
	m := testBody.FindStringSubmatch(s.path)
	if m == nil {
		return false
	}
	name, block, rest := m[1], m[2], strings.Trim(m[3], ".[]")
	if rest == "config" && block == "" {
		block, rest = ".config", ""
	}
	if rest == "" && s.key || strings.HasSuffix(s.path, name) && s.key || strings.HasSuffix(s.path, block) && block != "" && s.key {
		if block != ".config" {
			for i, a := range testArgs(name) {
				detail := "argument"
				if a.Required {
					detail = "argument, required"
				}
				c.key(s, a.Name, detail, a.Help, argShape(a), i)
			}
		}
		if block == "" {
			c.key(s, "config", "mapping", "severity, where, limit and other configuration", aMapping, 50)
			c.key(s, "name", "text", "name of the test", aScalar, 51)
			c.key(s, "description", "text", "what it is for", aScalar, 52)
		}
		if block == ".config" {
			for i, k := range project.TestConfigKeys {
				c.configKey(s, k, "", i)
			}
		}
		return true
	}
	key := rest
	if key == "" {
		key = s.last()
	}
	if k, ok := project.LookupKey(key, addr.Test); ok && block == ".config" {
		c.configValueOf(k)
		return true
	}
	switch key {
	case "to", "compare_model", "model":
		c.references(false, nil)
	case "field":
		if n := c.referred("to"); n != nil {
			for i, col := range c.book.columnsOf(n) {
				c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
			}
		}
	case "values":
	default:
		if strings.Contains(key, "column") || key == "columns" || key == "group_by" || key == "contain" || key == "datepart" {
			if n := c.nodeOf(s); n != nil {
				for i, col := range c.book.columnsOf(n) {
					c.value(col.name, CompleteColumn, col.typ, columnDoc(col), i)
				}
			}
		}
		for _, a := range testArgs(name) {
			if a.Name == key && a.Type == datatest.Bool {
				c.words("true or false")
			}
		}
	}
	return true
}

// referred is the node that a key next to the place names.
func (c *completer) referred(key string) *compile.Node {
	lines := strings.Split(c.text[:c.at], "\n")
	for i := len(lines) - 1; i >= max(0, len(lines)-6); i-- {
		_, v, ok := strings.Cut(lines[i], key+":")
		if !ok {
			continue
		}
		v = strings.TrimSpace(v)
		if j := strings.IndexByte(v, ')'); j >= 0 {
			v = v[:j+1]
		}
		fn, args, err := datatest.ParseRef(strings.Trim(v, `"'`))
		switch {
		case err != nil:
		case fn == "source" && len(args) > 1:
			return c.book.source(args[0], args[1])
		case fn == "ref":
			return c.book.ref(args)
		}
	}
	return nil
}

func argShape(a datatest.Arg) keyShape {
	if a.Type == datatest.List || a.Type == datatest.Names {
		return aList
	}
	return aScalar
}

// testArgs are the arguments of a test by its name or an alias.
func testArgs(name string) []datatest.Arg {
	k, ok := datatest.Lookup(name)
	if !ok {
		return nil
	}
	out := k.Args
	for _, a := range k.Aliases {
		if a.Name != name {
			continue
		}
		out = slices.Clone(out)
		for i := range out {
			for from, to := range a.Rename {
				if to == out[i].Name {
					out[i].Name = from
				}
			}
		}
		out = append(out, a.Args...)
	}
	return out
}

// testNames completes the names of tests, with the arguments that they need.
func (c *completer) testNames(s spot, column bool) {
	for i, k := range datatest.Kinds {
		if column && k.Level == datatest.OnRelation {
			continue
		}
		rank := i
		if !column && k.Level == datatest.OnColumn {
			rank += rankOuter
		}
		o := Completion{Label: k.Name, Kind: CompleteTest, Doc: testDoc(k), rank: rank}
		var needed []datatest.Arg
		for _, a := range k.Args {
			if a.Required {
				needed = append(needed, a)
			}
		}
		if len(needed) > 0 && !s.colon && !s.flow {
			var b strings.Builder
			b.WriteString(k.Name + ":")
			for n, a := range needed {
				fmt.Fprintf(&b, "\n%s%s: ", strings.Repeat(" ", s.extra+4), a.Name)
				if argShape(a) == aList {
					fmt.Fprintf(&b, "[${%d}]", n+1)
				} else {
					fmt.Fprintf(&b, "${%d}", n+1)
				}
			}
			o.Insert, o.Snippet = b.String(), true
			var names []string
			for _, a := range needed {
				names = append(names, a.Name)
			}
			o.Detail = strings.Join(names, ", ")
		}
		c.add(o)
	}
	for i, g := range c.book.project.Generics {
		c.add(Completion{Label: g.Name, Kind: CompleteTest, Detail: "of this project", Doc: genericDoc(g), rank: i - 1000})
	}
}

func testDoc(k datatest.Kind) string {
	out := k.Help
	for _, a := range k.Args {
		out += "\n\n`" + a.Name + "`"
		if a.Required {
			out += " (required)"
		}
		out += ": " + a.Help
	}
	return out
}

func genericDoc(g *project.File) string {
	if g.Source == nil {
		return ""
	}
	out := map[string]*macro{}
	readMacros(out, g.Source.Path, g.Name, string(g.Source.Data))
	if m := out[g.Name]; m != nil {
		return macroDoc(m)
	}
	return "`" + g.Source.Path + "`"
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

// unitTestAt completes the rows of unit tests.
func (c *completer) unitTestAt(s spot) bool {
	if !strings.HasPrefix(s.path, "unit_tests[]") {
		return false
	}
	model := c.book.byName()[c.nearText("model")]
	switch {
	case s.path == "unit_tests[].given[]" && s.key:
		for i, k := range []string{"input", "rows", "format", "fixture"} {
			sh := aScalar
			if k == "rows" {
				sh = aList
			}
			c.key(s, k, "", "", sh, i)
		}
	case s.path == "unit_tests[].expect" && s.key:
		for i, k := range []string{"rows", "format", "fixture"} {
			sh := aScalar
			if k == "rows" {
				sh = aList
			}
			c.key(s, k, "", "", sh, i)
		}
	case s.path == "unit_tests[].given[].rows[]" && s.key:
		n := model
		if in := c.nearText("input"); in != "this" {
			n = c.referred("input")
			if n == nil {
				n = c.referredUp("input")
			}
		}
		if n != nil {
			for i, col := range c.book.columnsOf(n) {
				c.key(s, col.name, col.typ, columnDoc(col), aScalar, i)
			}
		}
	case s.path == "unit_tests[].expect.rows[]" && s.key:
		if model != nil {
			for i, col := range c.book.columnsOf(model) {
				c.key(s, col.name, col.typ, columnDoc(col), aScalar, i)
			}
		}
	case strings.HasSuffix(s.path, ".input"):
		c.references(true, model)
	case strings.HasSuffix(s.path, ".format"):
		c.words("`dict`, `csv`, `sql`")
	case strings.HasSuffix(s.path, ".fixture"):
		for i, f := range c.book.project.Fixtures {
			c.value(f.Name, CompleteFile, f.Source.Path, "", i)
		}
	case s.path == "unit_tests[].overrides" && s.key:
		for i, k := range []string{"vars", "macros", "env_vars"} {
			c.key(s, k, "mapping", "", aMapping, i)
		}
	case s.path == "unit_tests[].overrides.vars" && s.key:
		for i, k := range namesOf(c.book.vars()) {
			c.key(s, k, short(fmt.Sprint(c.book.vars()[k])), "", aScalar, i)
		}
	default:
		return false
	}
	return true
}

// nearText is the value of the last «key:» in front of the place.
func (c *completer) nearText(key string) string {
	i := strings.LastIndex(c.text[:c.at], key+":")
	if i < 0 {
		return ""
	}
	v, _, _ := yamlScalar(c.text, i+len(key)+1, i+len(lineOf(c.text, i)))
	return strings.TrimRight(v, ",} ")
}

// referredUp is referred for a key that is further above.
func (c *completer) referredUp(key string) *compile.Node {
	v := c.nearText(key)
	if j := strings.IndexByte(v, ')'); j >= 0 {
		v = v[:j+1]
	}
	fn, args, err := datatest.ParseRef(strings.Trim(v, `"'`))
	switch {
	case err != nil:
	case fn == "source" && len(args) > 1:
		return c.book.source(args[0], args[1])
	case fn == "ref":
		return c.book.ref(args)
	}
	return nil
}

// settings completes in engine.yml.
func (c *completer) settings(s spot) {
	top := ""
	if len(s.keys) > 0 {
		top = s.keys[0]
	}
	switch {
	case s.path == "":
		if s.key {
			c.keysOf(s, "engine.yml")
		}
	case kinds[top] != "" || top == "tests":
		c.folders(s, top)
	case top == "default_target" || top == "target":
		c.targets()
	case top == "check":
		c.rules(s)
	case top == "targets":
		if len(s.keys) == 2 && s.key {
			for i, k := range []struct{ name, help string }{
				{"type", "duckdb, postgres or bigquery"}, {"schema", "schema of what is built; default: dev_<user>"}, {"database", "database, or project"},
				{"path", "duckdb: the file"}, {"custom_schema", "what becomes of a model's own schema: append, replace, ignore"}, {"threads", "how many nodes are built at once"},
				{"vars", "variables that are stronger than the project's"}, {"publish", "when readers see what a run has built"}, {"keep_previous", "how many replaced versions are kept"},
				{"tag_limits", "how many nodes with a tag may be built at once"}, {"deadline", "how long one run may take"},
				{"max_bytes_per_run", "most bytes that one run may be billed for"}, {"max_cost_per_run", "most money that one run may cost"},
			} {
				sh := aScalar
				if k.name == "vars" || k.name == "tag_limits" {
					sh = aMapping
				}
				c.key(s, k.name, "", k.help, sh, i)
			}
		}
		switch s.last() {
		case "type":
			c.words("`duckdb`, `postgres`, `bigquery`")
		case "custom_schema":
			c.words("`append`, `replace`, `ignore`")
		case "publish":
			c.words("`node`, `run`")
		}
	case s.key:
		c.keysOf(s, "engine.yml")
	default:
		switch s.last() {
		case "ref", "ancestry":
			for i, n := range c.book.refs() {
				c.node(n, i)
			}
		case "target":
			c.targets()
		}
		c.placeValue(s, "engine.yml")
	}
}

// folders completes configuration by folder.
func (c *completer) folders(s spot, top string) {
	kind := kinds[top]
	if top == "tests" {
		kind = addr.Test
	}
	// The steps that are folders, and those below the first config key.
	dir := ""
	rest := s.keys[1:]
	known := c.foldersOf(kind)
	for len(rest) > 0 {
		next := strings.TrimPrefix(dir+"/"+rest[0], "/")
		if _, ok := known[next]; !ok {
			break
		}
		dir, rest = next, rest[1:]
	}
	if len(rest) > 0 {
		c.configBelow(s, kind, rest, "")
		return
	}
	if !s.key {
		return
	}
	for _, f := range namesOf(known) {
		parent, name := "", f
		if i := strings.LastIndexByte(f, '/'); i >= 0 {
			parent, name = f[:i], f[i+1:]
		}
		if parent == dir {
			c.key(s, name, fmt.Sprintf("folder, %d files", known[f]), "", aMapping, rankNear)
		}
	}
	for i, k := range project.KeysOf(kind) {
		c.configKey(s, k, "+", rankOuter+i)
	}
}

// foldersOf are the folders of files of a kind, with how many there are below.
func (c *completer) foldersOf(kind addr.Kind) map[string]int {
	p := c.book.project
	var paths []string
	roots := p.Settings.ModelPaths
	switch kind {
	case addr.Model:
		for _, f := range p.Models {
			paths = append(paths, f.Source.Path)
		}
	case addr.Seed:
		roots = p.Settings.SeedPaths
		for _, f := range p.Seeds {
			paths = append(paths, f.Path)
		}
	case addr.Snapshot:
		roots = p.Settings.SnapshotPaths
		for _, f := range p.Snapshots {
			paths = append(paths, f.Source.Path)
		}
	case addr.Test:
		for _, f := range p.Props {
			paths = append(paths, f.At.File.Path)
		}
	}
	out := map[string]int{}
	for _, path := range paths {
		for _, root := range roots {
			rest, ok := strings.CutPrefix(path, root+"/")
			if !ok {
				continue
			}
			for i := range len(rest) {
				if rest[i] == '/' {
					out[rest[:i]]++
				}
			}
		}
	}
	return out
}

// rules completes the settings of engine check.
func (c *completer) rules(s spot) {
	switch {
	case s.path == "check" && s.key:
		c.key(s, "rules", "mapping", "severity and options by rule", aMapping, 0)
	case s.path == "check.rules" && s.key:
		for i, r := range check.Rules() {
			c.key(s, string(r.ID), r.Title, r.Explain, aScalar, i)
		}
	case len(s.keys) == 3 && s.key:
		for i, k := range []string{"severity", "only", "except"} {
			c.key(s, k, "", "", aScalar, i)
		}
		for _, r := range check.Rules() {
			if string(r.ID) == s.keys[2] {
				for i, o := range r.Options {
					c.key(s, o.Name, "option", o.Help, aScalar, 10+i)
				}
			}
		}
	case len(s.keys) == 3 || s.last() == "severity":
		for i, v := range project.Severities {
			c.value(v, CompleteValue, "", "", i)
		}
	}
}

// selectors completes selectors.yml.
func (c *completer) selectors(s spot) {
	switch {
	case s.path == "" && s.key:
		c.key(s, "selectors", "list", "selections with names", items, 0)
	case s.path == "selectors[]" && s.key:
		for i, k := range []string{"name", "description", "definition", "default"} {
			c.key(s, k, "", "", aScalar, i)
		}
	case strings.Contains(s.path, "definition") && s.key && !strings.HasSuffix(s.path, "[]") || strings.HasSuffix(s.path, "union[]") || strings.HasSuffix(s.path, "intersection[]"):
		for i, k := range []string{"method", "value", "union", "intersection", "exclude", "children", "parents", "children_depth", "parents_depth", "childrens_parents", "indirect_selection"} {
			c.key(s, k, "", "", aScalar, i)
		}
	case s.last() == "method":
		c.words("`tag`, `path`, `file`, `fqn`, `config.materialized`, `resource_type`, `source`, `exposure`, `group`, `access`, `owner`, `version`, `test_type`, `test_name`, `unit_test`, `state`, `result`, `source_status`, `selector`")
	case s.last() == "value":
		for i, v := range c.book.used("tags") {
			c.value(v, CompleteValue, "tag", "", i)
		}
		for i, n := range c.book.refs() {
			c.node(n, rankOuter+i)
		}
	}
}
