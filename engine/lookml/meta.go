package lookml

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Keys of meta, without «looker.».
var (
	modelKeys   = []string{"enabled", "explore", "group_label", "hidden", "label", "measures", "name", "sql_table_name"}
	columnKeys  = []string{"convert_tz", "enabled", "group_item_label", "group_label", "hidden", "join", "label", "measures", "name", "primary_key", "tags", "timeframes", "type", "value_format", "value_format_name"}
	measureKeys = []string{"column", "description", "drill_fields", "filters", "group_label", "hidden", "label", "name", "percentile", "sql", "type", "value_format", "value_format_name"}
)

// measureTypes are the types of measures that can be asked for; the numeric ones add up
// numbers.
var measureTypes = []string{"average", "count", "count_distinct", "max", "median", "min", "number", "percentile", "sum"}

var numericMeasures = []string{"average", "max", "median", "min", "percentile", "sum"}

// dimensionTypes are those that looker.type can give a dimension.
var dimensionTypes = []string{"number", "string", "yesno", "zipcode"}

var word = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// meta reads the keys of one mapping, of a model, a column or a measure.
type meta struct {
	list *diag.List
	node addr.Node
	of   string // «model "orders"»
	vals map[string]any
	at   func(key string) source.Span
	// prefix names a key within a measure: «measures.».
	prefix string
}

// lookerMeta takes what begins with «looker.», or stands below «looker:», out of meta.
func lookerMeta(list *diag.List, n addr.Node, of string, all map[string]any, known []string, at func(key string) source.Span) *meta {
	m := &meta{list: list, node: n, of: of, vals: map[string]any{}, at: at}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if key == "looker" {
			nested, ok := all[key].(map[string]any)
			if !ok {
				*list = append(*list, diag.Diagnostic{Code: codeMeta, At: at(key), Model: n, Message: fmt.Sprintf(`"looker" of %s is no mapping`, of), Help: "write for example meta: {looker.label: Orders}"})
				continue
			}
			for _, k := range slices.Sorted(maps.Keys(nested)) {
				m.take(k, nested[k], known)
			}
		}
		if k, ok := strings.CutPrefix(key, "looker."); ok {
			m.take(k, all[key], known)
		}
	}
	return m
}

func (m *meta) take(key string, v any, known []string) {
	if !slices.Contains(known, key) {
		m.list.Add(metaUnknown(m.at(key), m.node, m.of, m.prefix+key, prefixed(m.prefix, known)))
		return
	}
	if _, twice := m.vals[key]; twice {
		m.fail(key, "is there twice", `keep one of "looker.`+key+`" and the one below "looker"`)
		return
	}
	m.vals[key] = v
}

func prefixed(prefix string, words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = prefix + w
	}
	return out
}

func (m *meta) fail(key, why, help string) {
	m.list.Add(metaWrong(m.at(key), m.node, m.prefix+key, m.of, why, help))
}

func (m *meta) has(key string) bool { _, ok := m.vals[key]; return ok }

// text is a text, or a number as it is written.
func (m *meta) text(key string) string {
	switch v := m.vals[key].(type) {
	case nil:
	case string:
		if strings.TrimSpace(v) == "" {
			m.fail(key, "is empty", "give a text, or remove the key")
		}
		return v
	case int64, float64:
		return fmt.Sprint(v)
	default:
		m.fail(key, "is no text", "give a text")
	}
	return ""
}

// atom is a text that is a LookML name.
func (m *meta) atom(key string) string {
	s := m.text(key)
	if s != "" && !word.MatchString(s) {
		m.fail(key, fmt.Sprintf("is %q, which is no name in LookML", s), "use a-z, 0-9 and _, beginning with a letter")
		return ""
	}
	return s
}

func (m *meta) choice(key string, known []string) string {
	s := m.text(key)
	if s != "" && !slices.Contains(known, s) {
		m.fail(key, fmt.Sprintf("is %q, which is none of its values", s), oneOf(s, known))
		return ""
	}
	return s
}

// sqlText is SQL of the user's, which must not end early.
func (m *meta) sqlText(key string) string {
	s := strings.TrimSpace(m.text(key))
	if strings.Contains(s, ";") {
		m.fail(key, "has a semicolon", "it is part of a query, and two semicolons end it: remove them")
		return ""
	}
	return s
}

// truth is nil where nothing is said.
func (m *meta) truth(key string) *bool {
	switch v := m.vals[key].(type) {
	case nil:
	case bool:
		return &v
	case string:
		if v == "yes" || v == "no" {
			yes := v == "yes"
			return &yes
		}
		m.fail(key, "is neither true nor false", "give true or false")
	default:
		m.fail(key, "is neither true nor false", "give true or false")
	}
	return nil
}

func (m *meta) texts(key string) []string {
	v := m.vals[key]
	if s, ok := v.(string); ok {
		v = []any{s}
	}
	items, ok := v.([]any)
	if v != nil && !ok {
		m.fail(key, "is no list", "give a list of texts")
	}
	var out []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok || strings.TrimSpace(s) == "" {
			m.fail(key, "has an item that is no text", "give a list of texts")
			return nil
		}
		out = append(out, s)
	}
	return out
}

// words is a list of which every item is one of a few.
func (m *meta) words(key string, known []string) []string {
	list := m.texts(key)
	for i, s := range list {
		if !slices.Contains(known, s) {
			m.fail(key, fmt.Sprintf("has %q, which is none of its values", s), oneOf(s, known))
			return nil
		}
		if slices.Contains(list[:i], s) {
			m.fail(key, fmt.Sprintf("has %q twice", s), "remove one of them")
			return nil
		}
	}
	return list
}

// measure is a measure as asked for, not yet fitted to its view.
type measure struct {
	*meta
	name, kind, column, sql string
}

// measures reads «measures»: a list of types or of mappings with type and name, or a mapping
// of names to types or mappings.
func (m *meta) measures() []measure {
	var out []measure
	one := func(name string, v any) {
		if kind, ok := v.(string); ok {
			v = map[string]any{"type": kind}
		}
		vals, ok := v.(map[string]any)
		if !ok {
			m.fail("measures", "has an entry that is neither a type nor a mapping", "for example measures: [sum, {type: count_distinct, name: buyers}]")
			return
		}
		in := &meta{list: m.list, node: m.node, of: m.of, vals: map[string]any{}, prefix: "measures."}
		in.at = func(key string) source.Span {
			whole := m.at("measures")
			if name == "" || whole.IsZero() {
				return whole
			}
			return measurePlace(whole, name, key, in.has(key))
		}
		for _, key := range slices.Sorted(maps.Keys(vals)) {
			if slices.Contains(measureKeys, key) {
				in.vals[key] = vals[key]
				continue
			}
			d := metaUnknown(in.at("name"), in.node, in.of, in.prefix+key, prefixed(in.prefix, measureKeys))
			if name != "" {
				d.At = measurePlace(m.at("measures"), name, key, true)
			}
			m.list.Add(d)
		}
		if name != "" && in.has("name") {
			in.fail("name", "is there twice", "the measure has its name in front of the colon; remove the key")
		}
		x := measure{meta: in, name: name, column: in.text("column"), sql: in.sqlText("sql")}
		if name == "" {
			x.name = in.atom("name")
		} else if !word.MatchString(name) {
			in.fail("name", fmt.Sprintf("is %q, which is no name in LookML", name), "use a-z, 0-9 and _, beginning with a letter")
			return
		}
		if !in.has("type") {
			in.fail("type", "is missing", "known are "+strings.Join(measureTypes, ", "))
			return
		}
		if x.kind = in.choice("type", measureTypes); x.kind == "" {
			return
		}
		out = append(out, x)
	}
	switch v := m.vals["measures"].(type) {
	case nil:
	case string:
		one("", v)
	case []any:
		for _, item := range v {
			one("", item)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			one(name, v[name])
		}
	default:
		m.fail("measures", "is neither a list nor a mapping", "for example measures: [sum, average]")
	}
	return out
}

// measurePlace finds a key of a measure behind the measure's name; measures is the place of
// the word in front of all of them. Where the key is not there it is the name.
func measurePlace(measures source.Span, name, key string, there bool) source.Span {
	text := string(measures.File.Data[measures.Start:])
	loc := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `"?\s*:`).FindStringIndex(text)
	if loc == nil {
		return measures
	}
	start, length := loc[0], len(name)
	if there {
		if in := regexp.MustCompile(`\b` + regexp.QuoteMeta(key) + `"?\s*:`).FindStringIndex(text[loc[1]:]); in != nil {
			start, length = loc[1]+in[0], len(key)
		}
	}
	return measures.File.Span(measures.Start+start, measures.Start+start+length)
}

// keyPlace finds a key within the text of an entry: as «looker.key», or as a word behind
// «looker». The entry itself where it is not written there.
func keyPlace(entry source.Span, key string) source.Span {
	if entry.IsZero() {
		return entry
	}
	text := entry.Text()
	if i := strings.Index(text, "looker."+key); i >= 0 {
		return entry.Sub(i, i+len("looker."+key))
	}
	if i := strings.Index(text, "looker"); i >= 0 {
		if loc := regexp.MustCompile(`\b` + regexp.QuoteMeta(key) + `\b`).FindStringIndex(text[i:]); loc != nil {
			return entry.Sub(i+loc[0], i+loc[1])
		}
	}
	return entry
}
