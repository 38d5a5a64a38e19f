package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// textAnalysisRules are SEARCH and the functions over tokens of texts.
func textAnalysisRules() map[string]Rule {
	return map[string]Rule{
		"search":       search,
		"text_analyze": textAnalyze,
		"bag_of_words": func(c *Call) string { c.SafeDone(); return c.Macro("bag_of_words", c.Args[0]) },
	}
}

// textAnalysisMacros: a NULL among the terms is a term that sorts first.
func textAnalysisMacros() []macro {
	return []macro{
		{"bag_of_words", "x", `CASE WHEN x IS NOT NULL THEN list_concat(
  CASE WHEN len(list_filter(x, lambda e: e IS NULL)) > 0 THEN [{'term': CAST(NULL AS VARCHAR), 'count': len(list_filter(x, lambda e: e IS NULL))}] ELSE [] END,
  list_transform(list_sort(coalesce(map_entries(list_aggregate(x, 'histogram')), [])), lambda e: {'term': e.key, 'count': CAST(e.value AS BIGINT)})) END`},
	}
}

func textAnalyze(c *Call) string {
	return c.Func("text_analyze", c.Args[0], c.chosen("analyzer", 1, "'LOG_ANALYZER'"), c.chosen("analyzer_options", 2, "''"))
}

// chosen is an optional argument; the literal NULL is its default.
func (c *Call) chosen(name string, position int, fallback string) string {
	if i := c.named(name, position); i >= 0 && !c.IsNull(i) {
		return c.Args[i]
	}
	return fallback
}

func search(c *Call) string {
	if c.IsNull(1) {
		return c.Refuse("search_query must not be NULL")
	}
	fields, ok := c.textFields(c.Typed(0), c.Type(0), c.chosen("json_scope", 4, "'JSON_VALUES'"), false)
	if !ok {
		fields = "CAST([] AS VARCHAR[])"
	}
	return c.Func("search", fields, c.Args[1], c.chosen("analyzer", 2, "'LOG_ANALYZER'"), c.chosen("analyzer_options", 3, "''"))
}

// textFields is a list of the texts within a value: those of strings, of JSON and of the
// parts of arrays and structs; with scalars the JSON numbers and booleans, too. It is false
// if the type holds none.
func (c *Call) textFields(text string, t *ir.Type, scope string, scalars bool) (string, bool) {
	switch t.Kind {
	case ir.String:
		return "[" + text + "]", true
	case ir.JSON:
		flag := "FALSE"
		if scalars {
			flag = "TRUE"
		}
		return c.g.function("search_json", text, scope, flag), true
	case ir.Struct:
		var parts []string
		out := c.letText(text, func(v string) string {
			parts = nil
			for i, f := range t.Fields {
				if part, ok := c.textFields(field(v, t, i), f.Type, scope, scalars); ok {
					parts = append(parts, part)
				}
			}
			if len(parts) == 1 {
				return parts[0]
			}
			return "list_concat(" + strings.Join(parts, ", ") + ")"
		})
		return out, len(parts) > 0
	case ir.Array:
		if t.Elem.Kind == ir.String {
			return "coalesce(" + text + ", [])", true
		}
		c.g.names++
		v := "_v" + itoa(c.g.names)
		part, ok := c.textFields(v, t.Elem, scope, scalars)
		return "flatten(list_transform(coalesce(" + text + ", []), lambda " + v + ": " + part + "))", ok
	}
	return "", false
}
