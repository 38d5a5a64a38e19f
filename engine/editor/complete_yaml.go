package editor

import (
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
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
