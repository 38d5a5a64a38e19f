package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
)

// dbtListKeys are the keys of ls --output json where none are asked for.
var dbtListKeys = []string{"alias", "name", "package_name", "depends_on", "tags", "config", "resource_type", "source_name", "original_file_path", "unique_id", "direct_parents"}

// dbtConfigKeys are the keys of configuration in dbt's order; others follow by name.
var dbtConfigKeys = []string{"enabled", "alias", "schema", "database", "event_time", "freshness", "loaded_at_field", "loaded_at_query", "tags", "meta", "group", "static_analysis", "materialized",
	"incremental_strategy", "batch_size", "lookback", "begin", "persist_docs", "post-hook", "pre-hook", "quoting", "column_types", "full_refresh", "unique_key", "on_schema_change",
	"on_configuration_change", "grants", "packages", "docs", "contract", "concurrent_batches", "access", "on_error", "latest_version_pointer", "delimiter", "quote_columns",
	"strategy", "target_schema", "target_database", "updated_at", "check_cols", "snapshot_meta_column_names", "dbt_valid_to_current", "hard_deletes",
	"severity", "store_failures", "store_failures_as", "where", "limit", "fail_calc", "warn_if", "error_if", "sql_header", "enforced", "alias_types", "show", "node_color"}

// dbtLate are keys of models' and other nodes' configuration that stand elsewhere than in
// that of sources, by what they follow.
var dbtLate = map[string]string{"event_time": "contract", "freshness": "access"}

func (c *dbtCall) list(ctx context.Context) error {
	switch {
	case len(c.several("models")) > 0 && len(c.several("raw-select")) > 0:
		return &dbtUsage{"dbt list", `"models" and "select" are mutually exclusive arguments`}
	case len(c.several("models")) > 0 && len(c.several("resource-type")) > 0:
		return &dbtUsage{"dbt list", `"models" and "resource_type" are mutually exclusive arguments`}
	}
	form := c.text("output")
	if form == "" {
		form = "selector"
	}
	if !slices.Contains([]string{"json", "name", "path", "selector"}, form) {
		return &dbtUsage{"dbt list", fmt.Sprintf("Invalid value for '--output': '%s' is not one of 'json', 'name', 'path', 'selector'.", form)}
	}
	s, chosen, err := c.chosen(ctx, true, true)
	if err != nil {
		return err
	}
	s.warn()
	ids := map[string]addr.Node{}
	var order []string
	for _, id := range chosen.List() {
		if len(c.several("models")) > 0 && id.Kind != addr.Model || id.Kind == "analysis" && !c.analyses() {
			continue
		}
		name := artifact.UniqueID(s.program, id)
		ids[name] = id
		order = append(order, name)
	}
	slices.Sort(order)
	if err := c.manifest(s); err != nil {
		return err
	}
	if len(order) == 0 {
		c.log.Fire(view.DBTEvent{Tagged: true, Name: "NoNodesSelected", Code: "Q038", Level: "warn", Msg: "No nodes selected!"})
		if c.strict("NoNodesSelected") {
			return reported(exitMistake)
		}
		return nil
	}
	entries, err := c.entries(s)
	if err != nil {
		return err
	}
	for _, name := range order {
		e, ok := entries[name]
		if !ok {
			return fmt.Errorf("the manifest has no %s", name)
		}
		c.answer(c.listed(e, form))
	}
	return nil
}

// analyses says whether analyses are listed: only where they are asked for.
func (c *dbtCall) analyses() bool {
	words := c.several("resource-type")
	return slices.Contains(words, "analysis") || slices.Contains(words, "all")
}

// listed is a line of ls.
func (c *dbtCall) listed(e member, form string) string {
	text := func(key string) string { return e.get(key).plain() }
	switch form {
	case "json":
		return c.listedJSON(e)
	case "path":
		return text("original_file_path")
	case "name":
		switch text("resource_type") {
		case "source":
			return text("source_name") + "." + text("name")
		case "model":
			if v := text("version"); v != "" {
				return text("name") + ".v" + v
			}
		}
		return text("name")
	}
	switch kind := text("resource_type"); kind {
	case "source":
		return "source:" + text("package_name") + "." + text("source_name") + "." + text("name")
	case "exposure", "unit_test":
		return kind + ":" + text("package_name") + "." + text("name")
	}
	var words []string
	for _, w := range e.get("fqn").items {
		words = append(words, w.plain())
	}
	return strings.Join(words, ".")
}

func (c *dbtCall) listedJSON(e member) string {
	if e.get("resource_type").plain() == "model" {
		parents := e.get("depends_on").get("nodes")
		e.fields = append(slices.Clip(e.fields), field{"direct_parents", parents})
	}
	out := member{kind: '{'}
	if keys := c.several("output-keys"); len(keys) > 0 {
		for _, key := range keys {
			at := e
			has := true
			for _, part := range strings.Split(key, ".") {
				if !at.has(part) {
					has = false
					break
				}
				at = at.get(part)
			}
			if has && (!strings.Contains(key, ".") || at.text != "null") && !out.has(key) {
				out.fields = append(out.fields, field{key, at})
			}
		}
	} else {
		for _, f := range e.fields {
			if slices.Contains(dbtListKeys, f.name) {
				out.fields = append(out.fields, f)
			}
		}
	}
	var b strings.Builder
	out.python(&b)
	return b.String()
}

// entries are the objects of the manifest that can be listed, by unique id.
func (c *dbtCall) entries(s *session) (map[string]member, error) {
	var written bytes.Buffer
	if err := artifact.Manifest(&written, s.program, s.meta(c.id, order{which: c.which()})); err != nil {
		return nil, err
	}
	data := written.Bytes()
	whole, err := members(data)
	if err != nil {
		return nil, err
	}
	out := map[string]member{}
	for _, part := range []string{"nodes", "sources", "exposures", "unit_tests"} {
		for _, f := range whole.get(part).fields {
			e := f.value
			for i, g := range e.fields {
				if g.name == "config" {
					e.fields[i].value = ordered(g.value, e.get("resource_type").plain() == "source")
				}
			}
			out[f.name] = e
		}
	}
	return out, nil
}

// ordered puts the keys of a configuration into dbt's order.
func ordered(config member, source bool) member {
	rank := func(name string) int {
		after, late := dbtLate[name]
		if late && !source {
			return 2*slices.Index(dbtConfigKeys, after) + 1
		}
		if i := slices.Index(dbtConfigKeys, name); i >= 0 {
			return 2 * i
		}
		return 2 * len(dbtConfigKeys)
	}
	for i, f := range config.fields {
		if f.name == "contract" || f.name == "latest_version_pointer" || f.name == "docs" {
			config.fields[i].value = ordered(f.value, true)
		}
	}
	slices.SortStableFunc(config.fields, func(a, b field) int {
		if d := rank(a.name) - rank(b.name); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	return config
}

// member is a value of JSON whose keys keep their order.
type member struct {
	kind   byte // '{', '[', or 0 for text
	fields []field
	items  []member
	text   string // of what is neither object nor list, as JSON has it
}

type field struct {
	name  string
	value member
}

func (m member) has(name string) bool {
	return slices.ContainsFunc(m.fields, func(f field) bool { return f.name == name })
}

func (m member) get(name string) member {
	for _, f := range m.fields {
		if f.name == name {
			return f.value
		}
	}
	return member{}
}

// plain is a scalar without its quotes; null is empty.
func (m member) plain() string {
	if m.text == "null" {
		return ""
	}
	var s string
	if json.Unmarshal([]byte(m.text), &s) == nil {
		return s
	}
	return m.text
}

// members reads a document with the order of its keys.
func members(data []byte) (member, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return readMember(d)
}

func readMember(d *json.Decoder) (member, error) {
	t, err := d.Token()
	if err != nil {
		return member{}, err
	}
	switch t := t.(type) {
	case json.Delim:
		m := member{kind: byte(t)}
		for d.More() {
			name := ""
			if t == '{' {
				key, err := d.Token()
				if err != nil {
					return m, err
				}
				name, _ = key.(string)
			}
			v, err := readMember(d)
			if err != nil {
				return m, err
			}
			if t == '{' {
				m.fields = append(m.fields, field{name, v})
			} else {
				m.items = append(m.items, v)
			}
		}
		_, err := d.Token()
		return m, err
	case string:
		return member{text: pythonQuote(t)}, nil
	case bool:
		return member{text: strconv.FormatBool(t)}, nil
	case json.Number:
		return member{text: t.String()}, nil
	}
	return member{text: "null"}, nil
}

// python writes JSON as Python does: with a space behind commas and colons.
func (m member) python(b *strings.Builder) {
	switch m.kind {
	case '{':
		b.WriteByte('{')
		for i, f := range m.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(pythonQuote(f.name) + ": ")
			f.value.python(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, v := range m.items {
			if i > 0 {
				b.WriteString(", ")
			}
			v.python(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(m.text)
	}
}

// pythonQuote is a text as Python writes it into JSON: ASCII alone.
func pythonQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ' || r > '~' && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
