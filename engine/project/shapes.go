package project

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Entries of config keys that are mappings.
var (
	partitionFields = []Key{
		{Name: "field", Type: Text, Help: "the column"},
		{Name: "data_type", Type: Text, Values: []string{"date", "timestamp", "datetime", "int64"}, Help: "its type; default: what the query returns"},
		{Name: "granularity", Type: Text, Values: []string{"hour", "day", "month", "year"}, Help: "how much time one partition spans; default day"},
		{Name: "range", Type: Object, Fields: rangeFields, Help: "the partitions of an int64 column"},
		{Name: "time_ingestion_partitioning", Type: Bool, Help: "divide by the time at which rows arrive, instead of by a column"},
		{Name: "copy_partitions", Type: Bool, Help: "insert_overwrite copies whole partitions, which costs no query"},
	}
	rangeFields = []Key{
		{Name: "start", Type: Integer, Negative: true, Required: true, Help: "first value"},
		{Name: "end", Type: Integer, Negative: true, Required: true, Help: "the value behind the last one"},
		{Name: "interval", Type: Integer, Required: true, Help: "values of one partition"},
	}
	indexFields = []Key{
		{Name: "columns", Type: Texts, Required: true, Help: "its columns, in order"},
		{Name: "unique", Type: Bool, Help: "no two rows may have the same values"},
		{Name: "type", Type: Text, Help: "its sort in the warehouse's word: btree, hash, gin, …"},
	}
	ancestryFields = []Key{
		{Name: "parent", Type: Text, Help: "column of the edges with what went in; default: the one that begins with «parent»"},
		{Name: "child", Type: Text, Help: "column with what came of it; default: the one that begins with «child»"},
		{Name: "partition", Type: Text, Help: "column that divides the pairs, such as the tenant; default: «partition», if there is one"},
		{Name: "quantity", Type: Text, Help: "column with how much of the parent the edge took; default: «quantity», if there is one"},
		{Name: "total", Type: Text, Help: "column with how much of the parent there was; default: «parent_quantity», or what all edges took together"},
		{Name: "ratio", Type: Text, Help: "column with the share of the parent that the edge took, instead of quantity; default: «ratio», if there is one"},
		{Name: "paths", Type: Bool, Help: "count the paths between the two of a pair"},
		{Name: "max_depth", Type: Integer, whole: wholePositive, Help: "leave out pairs that are further apart"},
		{Name: "max_pairs", Type: Integer, whole: wholePositive, Help: "refuse a result of more rows; default 2000000000"},
		{Name: "cycles", Type: Text, Values: []string{"warn", "error", "exclude"}, Help: "what becomes of edges that lead in circles; default warn"},
		{Name: "method", Type: Text, Values: []string{"auto", "memory", "sql"}, Help: "who computes: the engine in memory, or the warehouse step by step; default auto"},
		{Name: "result", Type: Text, Values: []string{"pairs", "things"}, Help: "what a row is: a pair of an ancestor and a descendant, or a thing with the lists of both; default pairs"},
	}
	snapshotNameFields = []Key{
		{Name: "dbt_scd_id", Type: Text, Help: "what identifies a version of a row"},
		{Name: "dbt_updated_at", Type: Text, Help: "when the row was changed last"},
		{Name: "dbt_valid_from", Type: Text, Help: "the time from which it was valid"},
		{Name: "dbt_valid_to", Type: Text, Help: "the time to which it was valid"},
		{Name: "dbt_is_deleted", Type: Text, Help: "whether the row says that the thing is gone; with hard_deletes: new_record"},
	}
	contractFields = []Key{
		{Name: "enforced", Type: Bool, Help: "the columns are those that YAML declares, with their data_type, and constraints hold before anything is published"},
		{Name: "alias_types", Type: Bool, Help: "other names of a type are as good as its own, INTEGER as INT64; default true"},
		{Name: "ordered", Type: Bool, Help: "the order of the columns is promised too; default false"},
		{Name: "protected", Type: Texts, Help: "columns that may not go away or change their type without a new version; the same as protected: true at the column"},
	}
	distributeFields = []Key{
		{Name: "rows", Type: Text, Values: DistributeRows, Help: "whose rows: tenant: every customer gets those of its tenants; shared: all rows; never: nobody gets any. With only and without rows: tenant where there is a tenant column, else shared"},
		{Name: "only", Type: Texts, Help: "the customers who get it; default: all"},
	}
	partialFields = []Key{
		{Name: "via", Type: TextMap, Required: true, whole: wholeEntities, Help: "columns by entity: a row is partly visible to customers whose transfers have the key"},
		{Name: "visible", Type: Texts, Required: true, Help: "the columns that such a row shows; all others, new ones too, are hidden"},
		{Name: "masks", Type: Map, whole: wholeMasks, Help: "what stands in the place of a hidden value: null, hash, or constant:… with a text; default null"},
	}
	customFieldFields = []Key{
		{Name: "column", Type: Text, Required: true, Help: "the JSON column: an object of values by the field's id"},
		{Name: "prefix", Type: Text, whole: wholePrefix, Help: "beginning of the columns' names; default cf_"},
		{Name: "keep_raw", Type: Bool, Help: "leave the JSON column in; it also has the fields of other customers of the same tenant"},
		{Name: "formats", Type: Texts, Help: "further formats of dates and times, as strptime writes them"},
	}
	accessFields = []Key{
		{Name: "project", Type: Text, Help: "project or database; default: the target's"},
		{Name: "dataset", Type: Text, Required: true, Help: "dataset or schema"},
	}
)

// mostPartitions is how many partitions a table may have (BigQuery's quota, the smallest
// of the warehouses that have partitions).
const mostPartitions = 10_000

// wholePartition checks the entries of partition_by against each other.
func wholePartition(v any) (why, help string) {
	m, _ := v.(map[string]any)
	typ, _ := m["data_type"].(string)
	granularity, _ := m["granularity"].(string)
	values, ranged := m["range"].(map[string]any)
	field, named := m["field"].(string)
	if arrival, _ := m["time_ingestion_partitioning"].(bool); arrival {
		switch {
		case named && !slices.Contains(arrivalNames, strings.ToUpper(field)):
			return fmt.Sprintf("rows that are divided by the time of their arrival are not divided by %q", field), `remove "field", or remove "time_ingestion_partitioning" to divide by the column`
		case ranged || typ == "int64":
			return "a time of arrival is no int64", `remove "data_type" and "range"`
		}
		return "", ""
	}
	switch {
	case !named:
		return `it has no "field"`, `name the column: {field: created_on, data_type: date}`
	case typ == "int64" && !ranged:
		return `an int64 column needs a "range"`, "for example range: {start: 0, end: 1000, interval: 10}"
	case typ == "int64" && granularity != "":
		return `"granularity" is of dates and times`, `remove it: "interval" of "range" says how large a partition is`
	case ranged && typ != "" && typ != "int64":
		return fmt.Sprintf(`"range" is of int64, not of %s`, typ), `use "granularity"`
	case typ == "date" && granularity == "hour":
		return "a date has no hours", `use "day", "month" or "year"`
	}
	if !ranged {
		return "", ""
	}
	start, end, interval := values["start"].(int64), values["end"].(int64), values["interval"].(int64)
	switch {
	case interval < 1:
		return "the interval is 0", "give 1 or more"
	case end <= start:
		return fmt.Sprintf("the range ends at %d, and starts at %d", end, start), `"end" is the value behind the last one`
	case uint64(end-start)/uint64(interval) > mostPartitions:
		return fmt.Sprintf("the range has more than %d partitions", mostPartitions), "give a larger interval"
	}
	return "", ""
}

// arrivalNames are BigQuery's names of the time of arrival, which dbt takes as a field.
var arrivalNames = []string{"_PARTITIONTIME", "_PARTITIONDATE"}

func wholePositive(v any) (why, help string) {
	if v == int64(0) || v == float64(0) {
		return "it is 0", "give more than 0, or remove the key"
	}
	return "", ""
}

// LabelProblem says why key and value cannot be a label, empty if they can: the rule is
// BigQuery's, the only warehouse with labels.
// https://cloud.google.com/bigquery/docs/labels-intro#requirements
func LabelProblem(key, value string) string {
	first, _ := utf8.DecodeRuneInString(key)
	switch {
	case key == "":
		return "its name is empty"
	case !unicode.IsLetter(first):
		return "its name does not begin with a letter"
	}
	for _, part := range []struct{ what, s string }{{"name", key}, {"value", value}} {
		if n := utf8.RuneCountInString(part.s); n > 63 {
			return fmt.Sprintf("its %s has %d characters, at most 63 are possible", part.what, n)
		}
		for _, r := range part.s {
			if r != '_' && r != '-' && !unicode.IsDigit(r) && (!unicode.IsLetter(r) || unicode.IsUpper(r)) {
				return fmt.Sprintf("its %s has %q", part.what, r)
			}
		}
	}
	return ""
}

func wholeLabels(v any) (why, help string) {
	m, _ := v.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		text, _ := m[k].(string)
		if problem := LabelProblem(k, text); problem != "" {
			return fmt.Sprintf("label %q is not possible: %s", k, problem), LabelHelp
		}
	}
	return "", ""
}

// LabelHelp says what a label may be.
const LabelHelp = `labels have small letters, digits, "_" and "-"; names begin with a letter`

// size accepts a number of bytes, and a text with a unit.
func (c *valueCheck) size(v any) any {
	switch v := v.(type) {
	case int:
		return c.natural(int64(v))
	case int64:
		return c.natural(v)
	case string:
		n, err := warehouse.ParseSize(v)
		if err != nil {
			c.fail(configInvalid(c.at, c.key.Name, err.Error(), `write a whole number of bytes, or one with a unit: "10GB"`))
		}
		return n
	}
	c.wrong(v)
	return nil
}

// number accepts whole numbers and fractions.
func (c *valueCheck) number(v any) any {
	var f float64
	switch v := v.(type) {
	case int:
		f = float64(v)
	case int64:
		f = float64(v)
	case float64:
		f = v
	default:
		c.wrong(v)
		return nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		c.wrong(v)
		return nil
	}
	if f < 0 {
		c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("%v is negative", f), "give 0 or more"))
	}
	return f
}

// object checks the entries of a mapping by the key's fields.
func (c *valueCheck) object(v any) any {
	plain := false
	if s, ok := v.(string); ok && c.key.Plain != "" && !strings.Contains(s, "{{") {
		v, plain = map[string]any{c.key.Plain: s}, true
	}
	m, ok := v.(map[string]any)
	if !ok {
		c.wrong(v)
		return nil
	}
	var known []string
	for _, f := range c.key.Fields {
		known = append(known, f.Name)
	}
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		i := slices.Index(known, name)
		if i < 0 {
			c.fail(keyUnknown(wordIn(c.at, name), name, fmt.Sprintf("%q", c.key.Name), known))
			return nil
		}
		if m[name] == nil {
			continue
		}
		field := c.key.Fields[i]
		if field.Name = c.key.Name + "." + name; plain {
			field.Name = c.key.Name
		}
		inner := valueCheck{key: field, at: c.at}
		if s, ok := m[name].(string); ok {
			inner.at = wordIn(c.at, s)
		} else {
			inner.at = wordIn(c.at, name)
		}
		value := inner.check(m[name])
		if inner.problem == nil && field.whole != nil {
			if why, help := field.whole(value); why != "" {
				inner.fail(configInvalid(inner.at, field.Name, why, help))
			}
		}
		if inner.problem != nil {
			c.fail(*inner.problem)
			return nil
		}
		out[name] = value
	}
	for _, f := range c.key.Fields {
		if _, there := out[f.Name]; f.Required && !there {
			c.fail(keyMissing(c.at, f.Name, fmt.Sprintf("%q", c.key.Name)))
			return nil
		}
	}
	return out
}

func (c *valueCheck) objects(v any) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		one := c.object(item)
		if c.problem != nil {
			return nil
		}
		out = append(out, one)
	}
	return out
}

func (c *valueCheck) lists(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		c.wrong(v)
		return nil
	}
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if strings.TrimPrefix(name, "+") == "" {
			c.fail(configInvalid(c.at, c.key.Name, "an entry has no name", "name it, or remove it"))
			return nil
		}
		items := []any{}
		if m[name] != nil {
			inner := valueCheck{key: Key{Name: c.key.Name + "." + name, Type: Texts}, at: c.at}
			items, _ = inner.texts(m[name]).([]any)
			if inner.problem != nil {
				c.fail(*inner.problem)
				return nil
			}
		}
		out[name] = items
	}
	return out
}

// wordIn is the first place of word in a span, or the span if the text is not there as a
// word of its own.
func wordIn(at source.Span, word string) source.Span {
	if at.IsZero() || word == "" {
		return at
	}
	loc := regexp.MustCompile(`(^|[^\pL\pN_])` + regexp.QuoteMeta(word) + `($|[^\pL\pN_])`).FindStringIndex(at.Text())
	if loc == nil {
		return at
	}
	start := loc[0] + strings.Index(at.Text()[loc[0]:], word)
	return at.Sub(start, start+len(word))
}

// constraintTypes are the words for Constraint.Type.
var constraintTypes = []string{"not_null", "unique", "primary_key", "foreign_key", "check"}

// readConstraints reads the constraints of a relation, or of a column.
func readConstraints(o *object, relation bool) []Constraint {
	var out []Constraint
	for _, n := range o.items("constraints") {
		in, ok := o.object(n, "the constraint")
		if !ok {
			continue
		}
		in.what = "a constraint of " + o.what
		c := Constraint{At: in.at}
		if in.has("type") {
			c.Type = in.oneOf("type", constraintTypes...)
		} else {
			in.list.Add(keyMissing(in.at.Sub(0, 1), "type", in.what))
		}
		c.Name, c.Expression = in.str("name"), in.str("expression")
		c.To, c.ToColumns = in.str("to"), in.strs("to_columns")
		if relation {
			c.Columns = in.strs("columns")
		}
		in.finish(func(key string) string {
			if key == "columns" {
				return "a column's own constraint is about that column; a constraint of several stands beside \"columns\" of the model"
			}
			return ""
		}, hints{
			"warn_unenforced":  "what a warehouse does not enforce is documented; remove it",
			"warn_unsupported": "what a warehouse does not have is left out; remove it",
		})
		if why, help := constraintProblem(c, relation); why != "" {
			o.list.Add(valueInvalid(c.At, why, help))
			continue
		}
		if c.Type.IsSet() {
			out = append(out, c)
		}
	}
	return out
}

func constraintProblem(c Constraint, relation bool) (why, help string) {
	switch {
	case c.Type.V == "":
	case c.Type.V == "check" && c.Expression.V == "":
		return "a check constraint has no expression", `add "expression", a condition in the warehouse's SQL`
	case c.Type.V == "foreign_key" && (c.To.V == "" || len(c.ToColumns) == 0):
		return "a foreign key does not say what it refers to", `add "to: ref('customers')" and "to_columns: [id]"`
	case c.Type.V != "check" && c.Expression.V != "":
		return fmt.Sprintf("a %s constraint has no expression", c.Type.V), `say it with "columns", "to" and "to_columns"`
	case c.Type.V != "foreign_key" && (c.To.V != "" || len(c.ToColumns) > 0):
		return fmt.Sprintf("a %s constraint refers to nothing", c.Type.V), `remove "to" and "to_columns", or make it a foreign_key`
	case relation && c.Type.V != "check" && len(c.Columns) == 0:
		return fmt.Sprintf("the %s constraint names no columns", c.Type.V), `add "columns: [id]"`
	case c.Type.V == "foreign_key" && len(c.ToColumns) != max(len(c.Columns), 1):
		return fmt.Sprintf("the foreign key refers from %d to %d columns", max(len(c.Columns), 1), len(c.ToColumns)), `list as many in "columns" as in "to_columns"`
	}
	return "", ""
}
