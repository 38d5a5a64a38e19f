package lookml

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// view is a LookML view under construction: of a node, or of an array in one.
type view struct {
	name string
	node *compile.Node
	// table is SQL; empty for the view of an array.
	table string
	label string
	// explore says that the view is one to begin with; hidden, grouped are of the explore.
	explore, hidden bool
	group           string
	fields          []*field
	measures        []*block
	asked           []measure // of the model's meta
	// keys are the columns that tell the rows apart, unique those that do so alone, both
	// in lower case.
	keys   []string
	unique map[string]bool
	// apart: a dimension of its own stands for the key.
	apart bool
	// refs are the fields by which other SQL refers to columns, by lower-case path.
	refs map[string]string
	// columns are meta of the node's columns, by lower-case name.
	columns map[string]*columnMeta
	// taken has what each field name is of, groups those that are of no field by themselves.
	taken  map[string]string
	groups map[string]bool
	// arrays are the views of arrays, array the field of the outer view that holds this one.
	arrays []*view
	array  string
	at     source.Span
	leads  []*lead
}

// columnMeta is what meta says of one column.
type columnMeta struct {
	*meta
	name, kind, join string
	left, nojoin     bool
	hidden, key      *bool
	frames           []string
	measures         []measure
}

// field is a dimension or a group of them.
type field struct {
	name   string
	column string      // path within the relation, as written
	typ    *ir.Type    // nil if unknown
	native string      // the warehouse's word for the type
	expr   string      // SQL for the value
	meta   *columnMeta // nil for fields of structs
	at     source.Span
	leads  []*lead
	frames []string // of a group, nil of a dimension
	clock  bool     // of a group: it has a time of day
	// as is its LookML type, group and part what fields of structs are shown under.
	as, sql, description, group, part string
	hidden, number, convert           bool
	identity                          bool // it is, or refers to, a key
}

func (m *maker) failName(at source.Span, n addr.Node, message, help string) {
	m.list.Add(diag.Diagnostic{Code: codeName, At: at, Model: n, Message: message, Help: help})
}

// view makes the view of a node without its keys and joins; nil where there is none.
func (m *maker) view(n *compile.Node) *view {
	entry := n.Raw["meta"].At
	if n.Props != nil {
		entry = n.Props.At
	}
	place := source.Span{}
	if n.Props != nil {
		place = n.Props.Name.At
	}
	if place.IsZero() && n.File != nil {
		place = n.File.Whole()
	}
	of := fmt.Sprintf("%s %q", n.ID.Kind, n.ID.Name)
	says := lookerMeta(&m.list, n.ID, of, n.Config.Meta, modelKeys, func(key string) source.Span {
		if at := keyPlace(entry, key); at != entry {
			return at
		}
		return keyPlace(n.Raw["meta"].At, key)
	})
	if on := says.truth("enabled"); on != nil && !*on {
		return nil
	}
	v := &view{
		node: n, name: says.atom("name"), label: says.text("label"), group: says.text("group_label"), at: place,
		unique: map[string]bool{}, refs: map[string]string{}, taken: map[string]string{}, groups: map[string]bool{}, columns: map[string]*columnMeta{}, asked: says.measures(),
	}
	if v.name == "" {
		name := n.ID.Name
		if n.Version != nil {
			name = n.Version.FlatName()
		}
		v.name = m.Prefix + identifier(name)
	}
	if on := says.truth("explore"); on != nil {
		v.explore = *on
	}
	if h := says.truth("hidden"); h != nil {
		v.hidden = *h
	}
	for _, key := range []string{"hidden", "group_label"} {
		if says.has(key) && !v.explore {
			d := metaWrong(says.at(key), n.ID, key, of, "has no effect: it is of explores", `add "looker.explore: true", or remove it`)
			d.Severity = diag.Warning
			m.list.Add(d)
		}
	}
	if v.table = says.sqlText("sql_table_name"); v.table == "" {
		v.table = m.program.Target.Dialect.Quote(n.Relation)
		if !plainSQL(v.table) {
			m.failName(place, n.ID, fmt.Sprintf("the relation %s cannot be written in LookML", n.Relation), `give it an alias without "${", "{{", "{%" and semicolons`)
			return nil
		}
	}
	if len(n.Columns) == 0 {
		m.list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeType, At: place, Model: n.ID, Message: fmt.Sprintf("%s has no view: its columns are not known", of), Help: "declare its columns with their data_type, or mend what keeps it from being analyzed"})
		return nil
	}
	for _, c := range n.Columns {
		m.column(v, c)
	}
	for _, f := range n.Fields {
		if k := slices.Collect(maps.Keys(f.Meta)); slices.ContainsFunc(k, func(k string) bool { return k == "looker" || strings.HasPrefix(k, "looker.") }) {
			m.list.Add(diag.Diagnostic{Code: codeMeta, At: f.At, Model: n.ID, Message: fmt.Sprintf("field %q of %s cannot have meta for Looker", f.Name, of), Help: "refine the view by hand: view: +" + v.name})
		}
	}
	m.nameFields(v)
	return v
}

// entryOf is the place of a column's entry in YAML.
func entryOf(n *compile.Node, c compile.Column) source.Span {
	if n.Props != nil {
		for _, w := range n.Props.Columns {
			if strings.EqualFold(w.Name.V, c.Name) {
				return w.At
			}
		}
	}
	return c.At
}

func (m *maker) column(v *view, c compile.Column) {
	entry := entryOf(v.node, c)
	if entry.IsZero() {
		entry = v.at
	}
	of := fmt.Sprintf("column %q of %s", c.Name, v.node.ID.Name)
	says := lookerMeta(&m.list, v.node.ID, of, c.Meta, columnKeys, func(key string) source.Span { return keyPlace(entry, key) })
	cm := &columnMeta{meta: says, name: says.atom("name"), kind: says.choice("type", dimensionTypes), hidden: says.truth("hidden"), key: says.truth("primary_key"), measures: says.measures()}
	if b, ok := says.vals["join"].(bool); ok && !b {
		cm.nojoin = true
	} else {
		cm.join = says.atom("join")
	}
	if on := says.truth("enabled"); on != nil && !*on {
		cm.left = true
	}
	cm.frames = says.words("timeframes", project.Timeframes())
	v.columns[strings.ToLower(c.Name)] = cm
	if cm.left {
		return
	}
	if !plainSQL(c.Name) {
		m.failName(entry, v.node.ID, fmt.Sprintf("column %q of %s cannot be written in LookML", c.Name, v.node.ID.Name), `rename it, or leave it out with meta: {looker.enabled: false}`)
		return
	}
	if c.Google == nil && c.Type == "" && cm.kind == "" {
		m.list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeType, At: entry, Model: v.node.ID, Message: fmt.Sprintf("the type of %s is not known: it is a string to Looker", of), Help: "declare its data_type, or give meta: {looker.type: number}"})
	}
	m.value(v, &field{column: c.Name, typ: c.Google, native: c.Type, expr: "${TABLE}." + m.program.Target.Dialect.Ident(c.Name), meta: cm, at: entry}, c.Description)
}

// numbers are words of warehouses for types of numbers that GoogleSQL does not have.
var numbers = regexp.MustCompile(`(?i)^(numeric|decimal|hugeint|uhugeint|ubigint|bignum|real|double|float|u?(tiny|small|big)?int(eger)?[0-9]*)\b`)

// value adds the field for a column or a part of one, and those of its parts.
func (m *maker) value(v *view, f *field, description string) {
	kind := ir.Unknown
	if f.typ != nil {
		kind = f.typ.Kind
	} else if numbers.MatchString(f.native) && !strings.HasSuffix(f.native, "]") {
		kind = ir.Numeric
	}
	asked := ""
	if f.meta != nil {
		asked = f.meta.kind
	}
	words := m.program.Target.Dialect.Words()
	typ, sql := "string", f.expr
	switch {
	case asked != "":
		typ = asked
		f.number = asked == "number"
	case kind == ir.Struct:
		m.structure(v, f)
		return
	case kind == ir.Array:
		m.array(v, f)
		f.hidden = true
	case kind == ir.Bool:
		typ = "yesno"
	case kind == ir.Date, kind == ir.Datetime, kind == ir.Timestamp:
		typ, f.clock = "time", kind != ir.Date
		f.frames = m.frames(f)
	case kind == ir.Int64, kind == ir.Int32, kind == ir.Uint32, kind == ir.Uint64, kind == ir.Float64, kind == ir.Float32, kind == ir.Numeric, kind == ir.BigNumeric:
		typ, f.number = "number", true
	case kind == ir.Time, kind == ir.Interval:
		sql = words.Cast(f.expr, words.Text()) // Looker filters strings
	case kind == ir.Bytes, kind == ir.JSON, kind == ir.Geography, kind == ir.Range, kind == ir.Map, kind == ir.Other:
		f.hidden = true // no filter of Looker's can do anything with it
	}
	f.as, f.sql, f.description = typ, sql, description
	if f.meta != nil {
		m.refuseForKind(f)
		if f.meta.hidden != nil {
			f.hidden = *f.meta.hidden
		}
	} else if parts := strings.Split(v.local(f.column), "."); len(parts) > 1 {
		f.group, f.part = title(identifier(strings.Join(parts[:len(parts)-1], "_"))), title(identifier(parts[len(parts)-1]))
	}
	// A date and a civil time are in no zone that they could be converted from.
	f.convert = kind == ir.Timestamp
	if f.meta != nil {
		if c := f.meta.truth("convert_tz"); c != nil {
			f.convert = *c
		}
	}
	v.fields = append(v.fields, f)
}

// block is the field as LookML, once names and keys are known.
func (f *field) block(key bool) *block {
	b := &block{kind: "dimension", name: f.name}
	if f.frames != nil {
		b.kind = "dimension_group"
	}
	if key {
		b.word("primary_key", "yes")
	}
	if f.hidden {
		b.word("hidden", "yes")
	}
	format, group, part := "", f.group, f.part
	if f.meta != nil {
		b.text("label", f.meta.text("label"))
		group, part = f.meta.text("group_label"), f.meta.text("group_item_label")
		format = f.meta.atom("value_format_name")
	}
	b.text("group_label", group)
	if f.frames == nil {
		b.text("group_item_label", part)
	}
	b.text("description", f.description)
	b.word("type", f.as)
	if f.frames != nil {
		b.words("timeframes", f.frames)
		b.word("datatype", strings.ToLower(f.typ.Kind.String()))
		if !f.convert {
			b.word("convert_tz", "no")
		}
	}
	if f.meta != nil {
		b.exact("value_format", f.meta.text("value_format"))
		b.texts("tags", f.meta.texts("tags"))
	}
	if format == "" && f.identity && f.number && (f.meta == nil || !f.meta.has("value_format")) {
		format = "id" // no commas for thousands
	}
	b.word("value_format_name", format)
	b.code("sql", f.sql)
	return b
}

// refuseForKind says what of meta does nothing for such a field.
func (m *maker) refuseForKind(f *field) {
	for _, key := range []string{"timeframes", "convert_tz"} {
		if f.meta.has(key) && f.frames == nil {
			f.meta.fail(key, "has no effect: the column is no date and no time", "remove it")
		}
	}
	for _, key := range []string{"value_format", "value_format_name", "group_item_label"} {
		if f.meta.has(key) && f.frames != nil {
			f.meta.fail(key, "has no effect: the column is a date or a time", "remove it")
		}
	}
	for _, frame := range f.meta.frames {
		if f.frames != nil && !f.clock && slices.Contains(project.ClockFrames, frame) {
			f.meta.fail("timeframes", fmt.Sprintf("has %q, and the column is a date", frame), "remove it")
		}
	}
}

// frames are the timeframes of a group, «raw» always among them: other SQL refers to it.
func (m *maker) frames(f *field) []string {
	list := m.Timeframes
	if f.meta != nil && f.meta.frames != nil {
		list = f.meta.frames
	}
	if len(list) == 0 {
		list = []string{"raw", "time", "date", "week", "month", "quarter", "year"}
	}
	var out []string
	if !slices.Contains(list, "raw") {
		out = append(out, "raw")
	}
	for _, frame := range list {
		if f.clock || !slices.Contains(project.ClockFrames, frame) {
			out = append(out, frame)
		}
	}
	return out
}

// structure adds the fields of a struct one by one.
func (m *maker) structure(v *view, f *field) {
	if f.meta != nil {
		for _, key := range slices.Sorted(maps.Keys(f.meta.vals)) {
			if key != "enabled" {
				f.meta.fail(key, "has no effect: the column is a STRUCT, whose fields become dimensions", "remove it")
			}
		}
	}
	seen := map[string]bool{}
	for _, part := range f.typ.Fields {
		k := strings.ToLower(part.Name)
		if part.Name == "" || seen[k] || !plainSQL(part.Name) {
			continue // no SQL could say which is meant
		}
		seen[k] = true
		m.value(v, &field{column: f.column + "." + part.Name, typ: part.Type, expr: m.part(f.expr, part.Name), at: f.at}, m.described(v, f.column+"."+part.Name))
	}
}

// part is SQL for a field of a struct. The parentheses are what PostgreSQL needs, and the
// others allow; ${TABLE} itself is a name.
func (m *maker) part(expr, name string) string {
	if expr != "${TABLE}" {
		expr = "(" + expr + ")"
	}
	return expr + "." + m.program.Target.Dialect.Ident(name)
}

// described is what YAML says of a field of a struct.
func (m *maker) described(v *view, path string) string {
	for _, f := range v.node.Fields {
		if strings.EqualFold(f.Name, path) {
			return f.Description
		}
	}
	return ""
}

// item is the name of an array's element where the warehouse has no rows of bare values.
const item = "item"

// array makes the view of an array's elements.
func (m *maker) array(v *view, f *field) {
	if f.typ.Elem == nil {
		return
	}
	in := &view{
		name: v.name + "__" + identifier(strings.ReplaceAll(v.local(f.column), ".", "__")), node: v.node, at: f.at,
		unique: map[string]bool{}, refs: map[string]string{}, taken: map[string]string{}, groups: map[string]bool{}, columns: map[string]*columnMeta{}, array: strings.ToLower(f.column),
	}
	expr := "${TABLE}"
	if m.program.Target.Translator != nil {
		expr += "." + m.program.Target.Dialect.Ident(item)
	}
	element := &field{column: f.column, typ: f.typ.Elem, expr: expr, at: f.at}
	if f.typ.Elem.Kind == ir.Struct {
		m.structure(in, element)
	} else {
		m.value(in, element, "")
	}
	if len(in.fields) == 0 {
		return
	}
	m.nameFields(in)
	v.arrays = append(v.arrays, in)
}

// local is the path of a column within what a row of the view is: that of the relation, or
// of an array's element. The element itself has the array's own name.
func (v *view) local(column string) string {
	switch {
	case v.array == "":
		return column
	case len(column) == len(v.array):
		return column[strings.LastIndexByte(column, '.')+1:]
	}
	return column[len(v.array)+1:]
}

var stem = regexp.MustCompile(`_(at|on|date|time|ts|timestamp|datetime)$`)

// nameFields gives each field its name. Those of groups lose «_at» and the like, as
// «created_at_date» reads badly, where that leaves no two fields with one name; then both
// keep theirs, so that the order of columns decides nothing.
func (m *maker) nameFields(v *view) {
	stems := map[string]int{}
	for _, f := range v.fields {
		name := identifier(strings.ReplaceAll(v.local(f.column), ".", "__"))
		if f.meta != nil && f.meta.name != "" {
			name = f.meta.name
		} else if f.frames != nil {
			if short := stem.ReplaceAllString(name, ""); short != "" {
				stems[short]++
			}
		}
		f.name = name
		if f.frames == nil {
			m.claim(v, f, name)
			stems[name]++
		}
	}
	for _, f := range v.fields {
		if f.frames == nil {
			continue
		}
		if short := stem.ReplaceAllString(f.name, ""); short != "" && stems[short] == 1 && (f.meta == nil || f.meta.name == "") && !slices.ContainsFunc(f.frames, func(frame string) bool { return v.taken[short+"_"+frame] != "" }) {
			f.name = short
		}
		f.frames = slices.DeleteFunc(f.frames, func(frame string) bool { return frame != "raw" && v.taken[f.name+"_"+frame] != "" })
		m.claim(v, f, f.name)
		v.groups[f.name] = true
		for _, frame := range f.frames {
			m.claim(v, f, f.name+"_"+frame)
		}
	}
	for _, f := range v.fields {
		ref := f.name
		if f.frames != nil {
			ref += "_raw"
		}
		v.refs[strings.ToLower(f.column)] = ref
	}
}

func (m *maker) claim(v *view, f *field, name string) {
	if other := v.taken[name]; other != "" && other != f.column {
		m.failName(f.at, v.node.ID, fmt.Sprintf("columns %q and %q of %s would both be the field %q in LookML", other, f.column, v.node.ID.Name, name), `give one of them another name: meta: {looker.name: …}`)
		return
	}
	v.taken[name] = f.column
}
