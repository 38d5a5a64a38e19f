package postgres

import "github.com/engine-build/engine/engine/warehouse"

// Summary implements warehouse.Summarizer.
func (Dialect) Summary() warehouse.Summary {
	return warehouse.Summary{
		Sample:    "{table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (42)",
		Distinct:  "count(DISTINCT {column})",
		Top:       "CAST(json_agg(json_build_object('value', v, 'rows', c) ORDER BY k) AS text)",
		Prefix:    "left({text}, {length})",
		Unordered: []string{"BOOLEAN", "BOOL", "UUID"},
	}
}
