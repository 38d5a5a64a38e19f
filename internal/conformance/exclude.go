package conformance

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/engine-build/engine/engine/ir"
)

// An Exclusion is a feature that is outside of what the engine promises. Cases
// that need it are counted apart. It is found by what a case says it requires,
// by the types that occur in it, or by the text of its statement, never by name.
type Exclusion struct {
	Feature string // for people: «protocol buffers»
	Reason  string
	// Required matches a value of required_features, Labels one of labels.
	Required []string // exact, or a prefix that ends in *
	Labels   []string
	// Types match the name of a type in the expected result or in the resolved statement.
	Types *regexp.Regexp
	Kinds []ir.Kind
	// Text matches the statement, without comments and quoted texts.
	Text *regexp.Regexp
	// Functions and Names are what BigQuery's own mode does not know: they count
	// where the analyzer, in that mode, says that it cannot find them.
	Functions, Names []string
	// Keys says that the tables' first column must act as an enforced primary key.
	Keys bool
	// Nested says that a DML statement contains DML on an array of a row.
	Nested bool
}

// Exclusions lists all features that are left out. BigQuery documents none of
// them, unless the reason says so.
func Exclusions() []Exclusion {
	return []Exclusion{
		{
			Feature: "protocol buffers", Reason: "BigQuery has no PROTO type",
			Required: []string{"EXTRACT_FROM_PROTO", "PROTO_*", "REPLACE_FIELDS*", "BRACED_PROTO_CONSTRUCTORS", "ENUM_VALUE_DESCRIPTOR_PROTO"},
			Labels:   []string{"protos"},
			Types:    regexp.MustCompile(`^PROTO<`),
			Text:     regexp.MustCompile(`(?i)\b(googlesql_test|googlesql|google\s*\.\s*(protobuf|type)|proto2)\s*\.|\bproto_default_if_null\b|\b(from_proto|to_proto|proto_modify_map|extract_from_proto|filter_fields|replace_fields)\s*\(`),
		},
		{
			Feature: "enums", Reason: "BigQuery has no ENUM type",
			Types: regexp.MustCompile(`^ENUM<`),
		},
		{
			Feature: "graph queries", Reason: "no graph engine on the local warehouses",
			Required: []string{"SQL_GRAPH*"},
			Types:    regexp.MustCompile(`^GRAPH_`),
			Text:     regexp.MustCompile(`(?i)\bgraph_table\s*\(|\bcreate\s+(or\s+replace\s+)?property\s+graph\b|^\s*graph\b`),
		},
		{
			Feature: "differential privacy", Reason: "adds noise by a service's library; BigQuery has it, no local warehouse does",
			Required: []string{"DIFFERENTIAL_PRIVACY*", "ANONYMIZATION*", "PIPE_AGGREGATE_WITH_DIFFERENTIAL_PRIVACY"},
			Labels:   []string{"differential_privacy", "anonymization"},
			Text:     regexp.MustCompile(`(?i)\bwith\s+(anonymization|differential_privacy)\b|\banon_[a-z_]+\s*\(|\bdifferential_privacy\b`),
		},
		{
			Feature: "MAP", Reason: "BigQuery has no MAP type",
			Required: []string{"MAP_TYPE"}, Kinds: []ir.Kind{ir.Map},
		},
		{
			Feature: "nanoseconds and picoseconds", Reason: "BigQuery's TIMESTAMP, DATETIME and TIME have microseconds",
			Required: []string{"TIMESTAMP_NANOS", "TIMESTAMP_PICOS"},
		},
		{
			Feature: "strict numbers of the JSON constructors", Reason: "a mode of the analyzer; in BigQuery they round a wide number",
			Required: []string{"JSON_STRICT_NUMBER_PARSING"},
		},
		{
			Feature: "arrays of arrays", Reason: "BigQuery does not allow ARRAY<ARRAY<…>>",
			Required: []string{"ARRAY_OF_ARRAY"},
		},
		{
			Feature: "comparison of arrays", Reason: "arrays can be neither compared nor sorted in BigQuery",
			Required: []string{"ARRAY_EQUALITY", "ARRAY_ORDERING"},
		},
		{
			Feature: "measures", Reason: "no measure columns in BigQuery tables",
			Required: []string{"ENABLE_MEASURES"},
		},
		{
			Feature: "enforced primary keys", Reason: "primary keys in BigQuery are not enforced",
			Keys: true, Required: []string{"DISALLOW_PRIMARY_KEY_UPDATES", "DISALLOW_NULL_PRIMARY_KEYS"},
		},
		{
			Feature: "nested DML", Reason: "DML on elements of an array does not exist in BigQuery",
			Required: []string{"NESTED_UPDATE_DELETE_WITH_OFFSET", "CORRELATED_REFS_IN_NESTED_DML", "ARRAY_ELEMENTS_WITH_SET", "JSON_SUBFIELDS_WITH_SET"},
			Nested:   true,
		},
		{
			Feature: "FLATTEN", Reason: "not in BigQuery",
			Required: []string{"UNNEST_AND_FLATTEN_ARRAYS", "JSON_FLATTEN_FUNCTION"},
		},
		{
			Feature: "GROUP ROWS and multi-level aggregation", Reason: "not in BigQuery",
			Required: []string{"WITH_GROUP_ROWS", "MULTILEVEL_AGGREGATION*"},
		},
		{
			Feature: "quantified comparisons", Reason: "BigQuery has ANY, SOME and ALL only with LIKE; the analyzer itself calls the others unsupported",
			Required: []string{"GENERAL_QUANTIFIED_COMPARISONS"},
		},
		{
			Feature: "CAST to JSON, comparison of JSON", Reason: "not in BigQuery, where JSON can be neither cast to nor compared",
			Required: []string{"CAST_TO_JSON_TYPE", "JSON_TYPE_COMPARISON*"},
		},
		{
			Feature: "types and functions of GoogleSQL that BigQuery does not have", Reason: "INT32, UINT32, UINT64, FLOAT, DOUBLE as names of BigQuery's own mode, functions over them, and a few others; Google's suite runs in the internal mode, which has the types",
			Functions: []string{
				"BIT_CAST_TO_INT32", "BIT_CAST_TO_INT64", "BIT_CAST_TO_UINT32", "BIT_CAST_TO_UINT64", "HIGHWAY_FINGERPRINT128", "REGEXP_MATCH",
				"DOUBLE", "DOUBLE_ARRAY", "FLOAT", "FLOAT_ARRAY", "FLOAT32", "FLOAT32_ARRAY", "INT32", "INT32_ARRAY", "UINT32", "UINT32_ARRAY", "UINT64", "UINT64_ARRAY",
				"LAX_DOUBLE", "LAX_DOUBLE_ARRAY", "LAX_FLOAT", "LAX_FLOAT_ARRAY", "LAX_FLOAT32", "LAX_FLOAT32_ARRAY", "LAX_INT32", "LAX_INT32_ARRAY", "LAX_UINT32", "LAX_UINT32_ARRAY", "LAX_UINT64", "LAX_UINT64_ARRAY",
			},
			Names: []string{"DOUBLE", "FLOAT", "INT32", "UINT32", "UINT64"},
		},
		{
			Feature: "element-wise aggregation", Reason: "ELEMENTWISE_SUM and ELEMENTWISE_AVG are not in BigQuery",
			Text: regexp.MustCompile(`(?i)\belementwise_(sum|avg)\s*\(`),
		},
		{
			Feature: "DML of Spanner", Reason: "INSERT OR …, ASSERT_ROWS_MODIFIED and THEN RETURN are not in BigQuery",
			Required: []string{"DML_RETURNING"},
			Text:     regexp.MustCompile(`(?i)^\s*insert\s+or\s+|\bassert_rows_modified\b|\bthen\s+return\b`),
		},
		{
			Feature: "TABLESAMPLE WITH WEIGHT and in strata", Reason: "BigQuery has TABLESAMPLE SYSTEM only",
			Required: []string{"STRATIFIED_RESERVOIR_TABLESAMPLE"},
			Text:     regexp.MustCompile(`(?i)\bwith\s+weight\b`),
		},
		{
			Feature: "WITH DEPTH of recursive queries", Reason: "not in BigQuery",
			Required: []string{"WITH_RECURSIVE_DEPTH_MODIFIER"},
		},
		{
			Feature: "ZSTD functions", Reason: "not in BigQuery",
			Text: regexp.MustCompile(`(?i)\bzstd_(de)?compress`),
		},
		{
			Feature: "GEOGRAPHY", Reason: "geometry on the sphere; BigQuery has it, the embedded DuckDB has no such library",
			Required: []string{"GEOGRAPHY*"}, Kinds: []ir.Kind{ir.Geography},
			Text: regexp.MustCompile(`(?i)\b(st_[a-z0-9_]+|s2_[a-z0-9_]+)\s*\(|\bgeography\b`),
		},
	}
}

func (x Exclusion) requires(features []string) bool {
	for _, f := range features {
		for _, r := range x.Required {
			if prefix, ok := strings.CutSuffix(r, "*"); ok && strings.HasPrefix(f, prefix) || f == r {
				return true
			}
		}
	}
	return false
}

// excludedCase finds the feature by what the case itself says, "" if none.
func excludedCase(xs []Exclusion, c *Case, want *ir.Type) string {
	bare := bareText(c.SQL + "\n" + c.Parameters + "\n" + strings.Join(c.Setup, "\n"))
	for _, x := range xs {
		if x.requires(c.Required) || x.Keys && c.PrimaryKey ||
			slices.ContainsFunc(c.Labels, func(l string) bool { return slices.Contains(x.Labels, l) }) ||
			x.Text != nil && x.Text.MatchString(bare) || want != nil && x.hasType(want) {
			return x.Feature
		}
	}
	return ""
}

// hasType reports whether the type is, or holds, one of the feature's.
func (x Exclusion) hasType(t *ir.Type) bool {
	if t == nil {
		return false
	}
	if slices.Contains(x.Kinds, t.Kind) && t.Kind != ir.Unknown {
		return true
	}
	if t.Kind == ir.Other && x.Types != nil && x.Types.MatchString(t.Name) {
		return true
	}
	if x.hasType(t.Elem) {
		return true
	}
	for _, f := range t.Fields {
		if x.hasType(f.Type) {
			return true
		}
	}
	return false
}

// excludedType gives the feature a type belongs to, "" if none.
func excludedType(xs []Exclusion, t *ir.Type) string {
	for _, x := range xs {
		if x.hasType(t) {
			return x.Feature
		}
	}
	return ""
}

// bareText is a statement without comments, and with empty quotes instead of texts.
func bareText(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		switch {
		case strings.HasPrefix(sql[i:], "--") || sql[i] == '#':
			n := strings.IndexByte(sql[i:], '\n')
			if n < 0 {
				return b.String()
			}
			i += n
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i+2:], "*/")
			if n < 0 {
				return b.String()
			}
			i += n + 4
			b.WriteByte(' ')
		case strings.HasPrefix(sql[i:], `"""`) || strings.HasPrefix(sql[i:], "'''"):
			n := strings.Index(sql[i+3:], sql[i:i+3])
			if n < 0 {
				return b.String()
			}
			i += n + 6
			b.WriteString("''")
		case sql[i] == '\'' || sql[i] == '"':
			end := quoted(sql, i)
			if end == 0 {
				return b.String()
			}
			b.WriteString("''")
			i = end
		default:
			b.WriteByte(sql[i])
			i++
		}
	}
	return b.String()
}

// excludedUnknown finds the feature of a function or type that the analyzer does
// not find in BigQuery's mode, "" if none.
func excludedUnknown(xs []Exclusion, message string) string {
	for _, m := range []struct {
		prefix string
		names  func(Exclusion) []string
	}{
		{"Function not found: ", func(x Exclusion) []string { return x.Functions }},
		{"Type not found: ", func(x Exclusion) []string { return x.Names }},
	} {
		rest, ok := strings.CutPrefix(message, m.prefix)
		if !ok {
			continue
		}
		name := strings.ToUpper(strings.TrimRight(strings.SplitN(rest, ";", 2)[0], " .?"))
		for _, x := range xs {
			if slices.Contains(m.names(x), name) {
				return x.Feature
			}
		}
	}
	return ""
}

// A Dispute is a class of expectations of the specs that record another
// implementation and contradict BigQuery's documentation. It is found by what is
// expected and what came, never by the name of a case.
type Dispute struct {
	Class, Reason string
	// Error matches the message of our error where rows are expected.
	Error *regexp.Regexp
	// Text matches the statement without comments and quoted texts.
	Text *regexp.Regexp
	// Cell says that an expected and a received cell differ in the disputed way.
	Cell func(want any, got Value) bool
}

// Disputes lists the classes.
func Disputes() []Dispute {
	return []Dispute{
		{
			Class: "DATETIME as text with a T", Reason: "CAST(DATETIME AS STRING) is YYYY-MM-DD HH:MM:SS in BigQuery's conversion rules",
			Text: regexp.MustCompile(`(?is)\bcast\s*\(.*\bas\s+string\b`),
			Cell: func(want any, got Value) bool {
				w, ok := want.(string)
				return ok && !got.Null && got.Type.Kind == ir.String && datetimeText.MatchString(got.Text) && w == strings.Replace(got.Text, " ", "T", 1)
			},
		},
		{
			Class: "several groups in REGEXP_EXTRACT_ALL", Reason: "an error in BigQuery: the regular expression has more than one capturing group",
			Text:  regexp.MustCompile(`(?i)\bregexp_extract(_all)?\s*\(`),
			Error: regexp.MustCompile(`(?i)more than (1|one) captur`),
		},
		{
			Class: "TYPEOF with internal names", Reason: "BigQuery calls the type FLOAT64",
			Text: regexp.MustCompile(`(?i)\btypeof\s*\(`),
			Cell: func(want any, got Value) bool { return want == "DOUBLE" && got.Text == "FLOAT64" },
		},
		{
			Class: "JSON of NULL", Reason: "TO_JSON of NULL is the JSON value null",
			Text: regexp.MustCompile(`(?i)\b(safe_)?to_json\s*\(`),
			Cell: func(want any, got Value) bool {
				return want == nil && !got.Null && got.Type.Kind == ir.JSON && got.Text == "null"
			},
		},
		{
			Class: "RAISE without effect", Reason: "RAISE ends the statements with an error unless a block handles it",
			Text:  regexp.MustCompile(`(?i)(^|;|\bthen\b|\bbegin\b)\s*raise\b`),
			Error: regexp.MustCompile(`.`),
		},
		{
			Class: "tokens of ideographs", Reason: "LOG_ANALYZER breaks texts at its delimiters only, which are ASCII",
			Text: regexp.MustCompile(`(?i)\btext_analyze\s*\(`),
			Cell: func(want any, got Value) bool {
				w, ok := want.(string)
				return ok && got.Type.Kind == ir.String && w != got.Text && strings.ContainsFunc(w, ideograph) &&
					strings.ReplaceAll(w, `","`, "") == strings.ReplaceAll(got.Text, `","`, "")
			},
		},
		{
			Class: "interpolated INT64 with fractions", Reason: "GAP_FILL keeps the type of a column: an INT64 is rounded",
			Text: regexp.MustCompile(`(?i)\bgap_fill\s*\(`),
			Cell: func(want any, got Value) bool {
				w, ok := want.(number)
				x, err := strconv.ParseFloat(string(w), 64)
				y, err2 := strconv.ParseFloat(got.Text, 64)
				return ok && err == nil && err2 == nil && got.Type.Kind == ir.Int64 && math.Abs(x-y) <= 0.5
			},
		},
		{
			Class: "keysets with a field algorithm", Reason: "the JSON of a keyset has key, keyData, typeUrl, value and primaryKeyId",
			Text: regexp.MustCompile(`(?is)\bkeys\s*\.\s*keyset_to_json\s*\(.*\blike\b`),
			Cell: func(want any, got Value) bool { return want == true && !got.Null && got.Text == "false" },
		},
		{
			Class: "SEARCH in NULL", Reason: "SEARCH is NULL where a field is NULL and no other has the terms",
			Text: regexp.MustCompile(`(?i)\bsearch\s*\(.*\bnull\b`),
			Cell: func(want any, got Value) bool { return want == false && got.Null },
		},
		{
			Class: "SEARCH across the fields of JSON", Reason: "one field must have all terms of the query",
			Text: regexp.MustCompile(`(?is)\bsearch\s*\(\s*(json|parse_json|to_json)\b`),
			Cell: func(want any, got Value) bool { return want == true && !got.Null && got.Text == "false" },
		},
	}
}

var datetimeText = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$`)

func ideograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

const disputed = "an expectation that contradicts BigQuery's documentation: "

// disputedError is the class of an error where rows are expected, "" if none.
func disputedError(c *Case, message string) string {
	if c.Want.Error != "" {
		return ""
	}
	for _, d := range Disputes() {
		if d.Error != nil && d.Error.MatchString(message) && d.Text.MatchString(bareText(strings.Join(append(slices.Clone(c.Setup), c.SQL), ";\n"))) {
			return disputed + d.Class
		}
	}
	return ""
}

// disputedRows is the class of a difference if all cells that differ are of it, "" if not.
func disputedRows(c *Case, got Value) string {
	if len(c.Want.Rows) != len(got.Elems) {
		return ""
	}
	for _, d := range Disputes() {
		if d.Cell == nil || !d.Text.MatchString(bareText(c.SQL)) {
			continue
		}
		all, some := true, false
		for i, w := range c.Want.Rows {
			cells := []Value{got.Elems[i]}
			if t := got.Elems[i].Type; t != nil && t.Kind == ir.Struct {
				cells = got.Elems[i].Elems
			}
			if len(w) != len(cells) {
				all = false
				break
			}
			for j := range w {
				if !matches(w[j], cells[j]) {
					some = true
					all = all && d.Cell(w[j], cells[j])
				}
			}
		}
		if all && some {
			return disputed + d.Class
		}
	}
	return ""
}
