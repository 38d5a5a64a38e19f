package project

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// maxNodes bounds how many values one file may stand for once its aliases are expanded.
const maxNodes = 5_000_000

// reader takes values out of one document and collects what is wrong with them.
type reader struct {
	doc   *document
	list  diag.List
	docs  []docUse // descriptions that may refer to docs blocks
	nodes int
	spare []scratch // of objects that are finished
}

// scratch is the memory of an object, which the next one takes over.
type scratch struct {
	fields []field
	asked  []string
}

// docUse is a description to be completed once all docs blocks are known.
type docUse struct {
	text *string
	at   source.Span
}

// wrong reports a node of the wrong type.
func (r *reader) wrong(n *yaml.Node, what, want string) {
	if !isBraces(n) { // has been reported
		r.list.Add(wrongType(r.span(n), what, want, n))
	}
}

// isBraces recognizes an unquoted {{ … }}, which YAML takes for a mapping in a mapping.
func isBraces(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle == 0 || len(n.Content) == 0 {
		return false
	}
	key := n.Content[0]
	return key.Kind == yaml.MappingNode && key.Line == n.Line && key.Column == n.Column+1
}

func (r *reader) span(n *yaml.Node) source.Span { return r.doc.span(n) }

// visit counts a node against the limit. It reports once.
func (r *reader) visit(n *yaml.Node) bool {
	r.nodes++
	if r.nodes == maxNodes {
		r.list.Add(yamlTooLarge(r.doc.point(n)))
	}
	return r.nodes < maxNodes
}

// object is a mapping while its keys are taken out one by one. Keys that nobody asked
// for are mistakes, and the keys that were asked for are what could have been meant.
type object struct {
	*reader
	what   string // «model "orders"», for messages
	at     source.Span
	fields []field
	asked  []string
	index  map[string]bool // names of the fields while merge collects many
}

type field struct {
	name     string
	key, val *yaml.Node
	used     bool
}

// object opens a mapping. An empty value is an empty mapping.
func (r *reader) object(n *yaml.Node, what string) (*object, bool) {
	n = resolve(n)
	if !r.visit(n) {
		return nil, false
	}
	o := &object{reader: r, what: what, at: r.span(n)}
	if isNull(n) {
		return o, true
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, what, "a mapping of keys to values")
		return nil, false
	}
	if last := len(r.spare) - 1; last >= 0 {
		o.fields, o.asked = r.spare[last].fields, r.spare[last].asked
		r.spare = r.spare[:last]
	} else {
		o.fields, o.asked = make([]field, 0, len(n.Content)/2), make([]string, 0, 16)
	}
	o.merge(n, 0)
	return o, true
}

// merge adds the fields of n and, behind them, those of the mappings under «<<».
func (o *object) merge(n *yaml.Node, depth int) {
	var below []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), n.Content[i+1]
		if k.Kind != yaml.ScalarNode || o.seen(k.Value) {
			continue
		}
		if k.ShortTag() == "!!merge" {
			below = append(below, v)
			continue
		}
		if o.index != nil {
			o.index[k.Value] = true
		}
		o.fields = append(o.fields, field{name: k.Value, key: n.Content[i], val: v})
	}
	for _, b := range below {
		at := b
		all := []*yaml.Node{resolve(b)}
		if all[0].Kind == yaml.SequenceNode {
			all = all[0].Content
		}
		for _, m := range all {
			m = resolve(m)
			if m.Kind != yaml.MappingNode {
				o.list.Add(wrongType(o.span(at), `"<<"`, "a mapping", m))
				continue
			}
			if o.visit(m) && depth < 100 {
				o.merge(m, depth+1)
			}
		}
	}
}

// fewFields are found faster one by one.
const fewFields = 16

// seen reports whether the object has a field of this name already.
func (o *object) seen(name string) bool {
	if len(o.fields) < fewFields {
		return o.field(name) != nil
	}
	if o.index == nil {
		o.index = make(map[string]bool, 2*len(o.fields))
		for _, f := range o.fields {
			o.index[f.name] = true
		}
	}
	return o.index[name]
}

func (o *object) find(name string) *field {
	if !slices.Contains(o.asked, name) {
		o.asked = append(o.asked, name)
	}
	f := o.field(name)
	if f != nil {
		f.used = true
	}
	return f
}

// field is a field without saying that its key is accepted here.
func (o *object) field(name string) *field {
	for i := range o.fields {
		if o.fields[i].name == name {
			return &o.fields[i]
		}
	}
	return nil
}

// get is the value of a key, nil if the key is missing or its value is empty.
func (o *object) get(name string) *yaml.Node {
	f := o.find(name)
	if f == nil {
		return nil
	}
	if v := resolve(f.val); !isNull(v) {
		return v
	}
	return nil
}

// has reports whether the key is written down, be it empty.
func (o *object) has(name string) bool { return o.find(name) != nil }

// keyAt is the span of a key that exists, else of the object's start.
func (o *object) keyAt(name string) source.Span {
	if f := o.find(name); f != nil {
		return o.span(f.key)
	}
	return o.at.Sub(0, 1)
}

// str takes text. Numbers, booleans and dates count as the text they are written as.
func (o *object) str(name string) Value[string] {
	n := o.get(name)
	switch {
	case n == nil:
		return Value[string]{}
	case n.Kind == yaml.ScalarNode:
		return Value[string]{n.Value, o.span(n)}
	}
	return o.text(n, o.key(name))
}

func (o *object) key(name string) string { return strconv.Quote(name) + " of " + o.what }

func (r *reader) text(n *yaml.Node, what string) Value[string] {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode {
		r.wrong(n, what, "text")
		return Value[string]{}
	}
	return Value[string]{n.Value, r.span(n)}
}

// required takes text that has to be there and not empty.
func (o *object) required(name string) (Value[string], bool) {
	if n := o.get(name); n == nil || n.Kind == yaml.ScalarNode && strings.TrimSpace(n.Value) == "" {
		o.list.Add(keyMissing(o.keyAt(name), name, o.what))
		return Value[string]{}, false
	}
	v := o.str(name)
	return v, v.IsSet()
}

// oneOf takes text out of a fixed set of words.
func (o *object) oneOf(name string, words ...string) Value[string] {
	v := o.str(name)
	if v.IsSet() && !slices.Contains(words, v.V) {
		o.list.Add(valueUnknown(v.At, o.key(name), v.V, words))
		return Value[string]{}
	}
	return v
}

func (o *object) boolean(name string) Value[bool] {
	n := o.get(name)
	if n == nil {
		return Value[bool]{}
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		o.wrong(n, o.key(name), "true or false")
		return Value[bool]{}
	}
	v, _ := o.value(n).(bool)
	return Value[bool]{v, o.span(n)}
}

func (o *object) integer(name string) Value[int64] {
	n := o.get(name)
	if n == nil {
		return Value[int64]{}
	}
	v, ok := int64(0), false
	if n.Kind == yaml.ScalarNode {
		v, ok = o.value(n).(int64)
	}
	if !ok {
		o.wrong(n, o.key(name), "a whole number")
		return Value[int64]{}
	}
	return Value[int64]{v, o.span(n)}
}

// items takes a list. A value that is no list is reported.
func (o *object) items(name string) []*yaml.Node {
	n := o.get(name)
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return o.sequence(n, o.key(name))
}

func (r *reader) sequence(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, what, "a list")
		return nil
	}
	return n.Content
}

// strs takes a list of texts, or one text.
func (o *object) strs(name string) []Value[string] {
	n := o.get(name)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		return []Value[string]{o.text(n, o.key(name))}
	}
	var out []Value[string]
	for _, item := range o.sequence(n, o.key(name)) {
		if v := o.text(item, "an item of "+o.key(name)); v.IsSet() {
			out = append(out, v)
		}
	}
	return out
}

// tags takes the list of that name, without the places of its texts.
func (o *object) tags() []string {
	var out []string
	for _, v := range o.strs("tags") {
		out = append(out, v.V)
	}
	return out
}

// dict takes a mapping of any content.
func (o *object) dict(name string) map[string]any {
	n := o.get(name)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		o.wrong(n, o.key(name), "a mapping of keys to values")
		return nil
	}
	m, _ := o.value(n).(map[string]any)
	return m
}

// values takes a mapping of any content, with the places of its values.
func (o *object) values(name string) map[string]Value[any] {
	if o.get(name) == nil {
		return nil
	}
	in, ok := o.object(o.get(name), o.key(name))
	if !ok {
		return nil
	}
	return in.rest()
}

// rest takes all keys that were not asked for.
func (o *object) rest() map[string]Value[any] {
	out := map[string]Value[any]{}
	for i := range o.fields {
		f := &o.fields[i]
		if !f.used {
			f.used = true
			out[f.name] = Value[any]{o.value(f.val), o.span(resolve(f.val))}
		}
	}
	return out
}

// child opens the mapping below a key; ok is false if there is none.
func (o *object) child(name string) (*object, bool) {
	if o.get(name) == nil {
		return nil, false
	}
	return o.object(o.get(name), o.key(name))
}

// description takes a description, whose docs blocks are filled in later.
func (o *object) description(into *string) source.Span {
	v := o.str("description")
	*into = v.V
	if strings.Contains(v.V, "{{") {
		o.docs = append(o.docs, docUse{into, v.At})
	}
	return v.At
}

// value is the Go value of any node: nil, bool, int64, float64, string, []any or
// map[string]any. Dates stay text.
func (r *reader) value(n *yaml.Node) any {
	n = resolve(n)
	if !r.visit(n) {
		return nil
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			out = append(out, r.value(c))
		}
		return out
	case yaml.MappingNode:
		o := &object{reader: r, what: "the mapping"}
		o.merge(n, 0)
		out := make(map[string]any, len(o.fields))
		for _, f := range o.fields {
			out[f.name] = r.value(f.val)
		}
		return out
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil
}

func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return n.Value
		}
		switch v := v.(type) {
		case bool:
			return v
		case int:
			return int64(v)
		case int64:
			return v
		case float64:
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				return v
			}
		}
	}
	// Text, and what has no other faithful form: dates, huge integers, infinities.
	return n.Value
}

// hints explain keys that are not accepted where they stand.
type hints map[string]string

// finish reports the keys that nobody asked for. misplaced says where a key that exists
// elsewhere belongs; unsupported says what to do instead of a key that other tools have.
// No key can be asked for after it.
func (o *object) finish(misplaced func(name string) string, unsupported hints) {
	for _, f := range o.fields {
		if f.used {
			continue
		}
		at := o.span(f.key)
		if help := unsupported[f.name]; help != "" {
			o.list.Add(keyUnsupported(at, f.name, o.what, help))
			continue
		}
		if misplaced != nil {
			if help := misplaced(f.name); help != "" {
				o.list.Add(keyMisplaced(at, f.name, o.what, help))
				continue
			}
		}
		o.list.Add(keyUnknown(at, f.name, o.what, o.asked))
	}
	o.spare = append(o.spare, scratch{o.fields[:0], o.asked[:0]})
	o.fields, o.asked = nil, nil
}

// kindName says what a node is, in words.
func kindName(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!bool":
		return fmt.Sprintf("the boolean %s", n.Value)
	case n.ShortTag() == "!!int", n.ShortTag() == "!!float":
		return fmt.Sprintf("the number %s", n.Value)
	}
	return "text"
}
