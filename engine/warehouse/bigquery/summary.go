package bigquery

import "github.com/engine-build/engine/engine/warehouse"

// Summary implements warehouse.Summarizer.
func (Dialect) Summary() warehouse.Summary {
	return warehouse.Summary{
		Sample:   "{table} TABLESAMPLE SYSTEM ({percent} PERCENT)",
		Distinct: "APPROX_COUNT_DISTINCT({column})",
		Top:      "TO_JSON_STRING(APPROX_TOP_COUNT({text}, {top}))",
		Prefix:   "SUBSTR({text}, 1, {length})",
		Once:     true,
		Array:    "ARRAY<STRUCT<n INT64, r INT64, f INT64, d INT64, lo STRING, hi STRING, top STRING>>",
	}
}
