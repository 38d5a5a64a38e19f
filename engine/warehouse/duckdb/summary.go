package duckdb

import "github.com/engine-build/engine/engine/warehouse"

// Summary implements warehouse.Summarizer.
func (Dialect) Summary() warehouse.Summary {
	return warehouse.Summary{
		Sample:   "{table} TABLESAMPLE SYSTEM ({percent} PERCENT) REPEATABLE (42)",
		Distinct: "count(DISTINCT {column})",
		Top:      "CAST(to_json(list({'value': v, 'rows': c} ORDER BY k)) AS VARCHAR)",
		Prefix:   "left({text}, {length})",
	}
}
