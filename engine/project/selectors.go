package project

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// SelectorsFile is where selections have names, in the project's folder.
const SelectorsFile = "selectors.yml"

// Selector is an entry of selectors.yml: a selection with a name.
type Selector struct {
	Name        Value[string]
	Description string
	// Default says whether it is taken where a command is given no selectors: «true», «false»
	// or a template that becomes one of them.
	Default    Value[string]
	Definition *Choice
	At         source.Span
}

// Choice is a definition of a selector, or a part of one. It has a Text (a selector as on the
// command line), a Method, or Parts. What the texts mean is the selection's business.
type Choice struct {
	At   source.Span
	Text Value[string]

	// Method is «tag», or «config.materialized»; with it comes a Value.
	Method, Value               Value[string]
	Parents, Children, Around   Value[bool] // children's parents: the operator @
	ParentsDepth, ChildrenDepth Value[string]
	// Indirect is when tests follow; empty: as the command says.
	Indirect Value[string]

	// All says of Parts that a node must be in each of them; else it is in one.
	All   bool
	Parts []*Choice
	// Exclude is taken away.
	Exclude []*Choice
}

// indirects are the modes of indirect selection.
var indirects = []string{"eager", "cautious", "buildable", "empty"}

// readSelectors reads selectors.yml; a project need not have one.
func readSelectors(dir string, from *reading) ([]*Selector, diag.List) {
	if from.missing(dir, SelectorsFile) {
		return nil, nil
	}
	f, ok, list := from.named(dir, SelectorsFile)
	if !ok {
		return nil, list
	}
	doc, more := parseYAML(f)
	list.Add(more...)
	if doc.root == nil {
		return nil, list
	}
	r := &reader{doc: doc}
	o, ok := r.object(doc.root, SelectorsFile)
	if !ok {
		return nil, append(list, r.list...)
	}
	o.str("version")
	var out []*Selector
	first := map[string]source.Span{}
	var standard *Selector
	for _, n := range o.items("selectors") {
		s := r.selector(n)
		if s == nil {
			continue
		}
		if at, twice := first[s.Name.V]; twice {
			r.list.Add(nameDuplicate(s.Name.At, "selector", s.Name.V, at, "selector", "give it another name"))
			continue
		}
		first[s.Name.V] = s.Name.At
		if strings.EqualFold(s.Default.V, "true") {
			if standard != nil {
				r.list.Add(valueInvalid(s.Default.At, fmt.Sprintf("selector %q is the default, and so is %q", s.Name.V, standard.Name.V), `let only one have "default: true"`))
			}
			standard = s
		}
		out = append(out, s)
	}
	o.finish(nil, nil)
	return out, append(list, r.list...)
}

// selector reads one entry; nil where nothing could be selected by it.
func (r *reader) selector(n *yaml.Node) *Selector {
	o, ok := r.object(n, "a selector")
	if !ok {
		return nil
	}
	s := &Selector{At: o.at}
	var named bool
	if s.Name, named = o.required("name"); named {
		o.what = fmt.Sprintf("selector %q", s.Name.V)
	}
	s.Description = o.str("description").V
	if s.Default = o.str("default"); s.Default.IsSet() && !strings.Contains(s.Default.V, "{{") && !slices.Contains([]string{"true", "false"}, strings.ToLower(s.Default.V)) {
		o.list.Add(wrongType(s.Default.At, o.key("default"), "true or false", o.get("default")))
	}
	if d := o.get("definition"); d != nil {
		s.Definition = r.choice(d, o.what)
	} else {
		o.list.Add(keyMissing(o.keyAt("definition"), "definition", o.what))
	}
	o.finish(nil, nil)
	if !named || s.Definition == nil {
		return nil
	}
	return s
}

// choice reads a definition or a part of one; nil after reporting what is wrong with it.
func (r *reader) choice(n *yaml.Node, what string) *Choice {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && !isNull(n) && n.ShortTag() == "!!str" {
		return &Choice{At: r.span(n), Text: Value[string]{n.Value, r.span(n)}}
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "a definition of "+what, "a selector as text, or a mapping with method and value, union or intersection")
		return nil
	}
	o, ok := r.object(n, "a definition of "+what)
	if !ok {
		return nil
	}
	c := &Choice{At: o.at}
	switch {
	case o.field("union") != nil || o.field("intersection") != nil:
		word := "union"
		if c.All = o.field("union") == nil; c.All {
			word = "intersection"
		}
		if !o.parts(c, word, what) {
			c = nil
		}
	case len(o.fields) == 1 && o.field("method") == nil && o.field("exclude") == nil:
		f := &o.fields[0]
		f.used = true
		c.Method = Value[string]{f.name, o.span(f.key)}
		v := resolve(f.val)
		if isNull(v) || v.Kind != yaml.ScalarNode {
			o.wrong(v, o.key(f.name), "text")
			return nil
		}
		c.Value = o.text(v, o.key(f.name))
	default:
		if !o.criterion(c, what) {
			c = nil
		}
	}
	o.finish(nil, nil)
	return c
}

// parts reads the list of a union or intersection, of which one item may be an exclude.
func (o *object) parts(c *Choice, word, what string) bool {
	n := o.get(word)
	if n == nil {
		o.list.Add(keyMissing(o.keyAt(word), word, o.what))
		return false
	}
	var first source.Span
	good, excludes := n.Kind == yaml.SequenceNode, false
	for _, item := range o.items(word) {
		item = resolve(item)
		if x := excludeOf(item); x != nil {
			at := o.span(item)
			if excludes {
				d := valueInvalid(at, fmt.Sprintf("%s of %s has two items that exclude", word, what), "put both lists into one")
				d.Labels = append(d.Labels, diag.Label{At: first, Text: "the other one"})
				o.list.Add(d)
				good = false
				continue
			}
			first, excludes = at, true
			good = o.excluded(c, item, what) && good
			continue
		}
		if item.Kind == yaml.MappingNode && hasKey(item, "exclude") {
			// dbt takes the exclude of such an item and forgets the rest of it.
			o.list.Add(valueInvalid(o.span(item), fmt.Sprintf("an item of %s of %s both selects and excludes", word, what), "give it a union of its own, or put the exclude into an item of the list"))
			good = false
			continue
		}
		if part := o.choice(item, what); part != nil {
			c.Parts = append(c.Parts, part)
		} else {
			good = false
		}
	}
	return good
}

// excludeOf is the list of an item that only takes away: {exclude: […]}.
func excludeOf(item *yaml.Node) *yaml.Node {
	if item.Kind == yaml.MappingNode && len(item.Content) == 2 && item.Content[0].Value == "exclude" {
		return item.Content[1]
	}
	return nil
}

func (o *object) excluded(c *Choice, n *yaml.Node, what string) bool {
	in, ok := o.object(n, "a definition of "+what)
	if !ok {
		return false
	}
	return in.excludes(c, what)
}

// excludes reads the key exclude.
func (o *object) excludes(c *Choice, what string) bool {
	if o.has("exclude") && o.get("exclude") == nil {
		return true
	}
	n := o.get("exclude")
	good := n == nil || n.Kind == yaml.SequenceNode
	for _, item := range o.items("exclude") {
		if part := o.choice(item, what); part != nil {
			c.Exclude = append(c.Exclude, part)
		} else {
			good = false
		}
	}
	return good
}

// criterion reads a method and a value with what belongs to them.
func (o *object) criterion(c *Choice, what string) bool {
	var has, told bool
	c.Method, has = o.required("method")
	c.Value, told = o.required("value")
	c.Parents, c.Children, c.Around = o.boolean("parents"), o.boolean("children"), o.boolean("childrens_parents")
	c.ParentsDepth, c.ChildrenDepth = o.depth("parents_depth", "parents", c.Parents), o.depth("children_depth", "children", c.Children)
	if c.Around.V && c.Children.V {
		o.list.Add(valueInvalid(c.Children.At, `"childrens_parents" takes all descendants already`, `remove "children"`))
	}
	c.Indirect = o.oneOf("indirect_selection", indirects...)
	return o.excludes(c, what) && has && told
}

// depth reads a number of hops, which is of no use without the key that it belongs to.
func (o *object) depth(name, of string, on Value[bool]) Value[string] {
	v := o.str(name)
	if !v.IsSet() {
		return v
	}
	if strings.Trim(v.V, "0123456789") != "" || v.V == "" {
		o.list.Add(valueInvalid(v.At, fmt.Sprintf("%s is no number of steps", o.key(name)), "write a whole number, for example 1"))
		return Value[string]{}
	}
	if !on.V {
		d := valueInvalid(v.At, fmt.Sprintf("%s does nothing without %q", o.key(name), of+": true"), fmt.Sprintf("add %q, or remove it", of+": true"))
		d.Severity = diag.Warning
		o.list.Add(d)
	}
	return v
}
