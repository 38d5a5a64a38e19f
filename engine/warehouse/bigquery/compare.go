package bigquery

import "strings"

// Comparable makes texts of values that BigQuery cannot group by.
func (Dialect) Comparable(expr, typ string) string {
	upper := strings.ToUpper(strings.TrimSpace(typ))
	switch {
	case strings.HasPrefix(upper, "ARRAY"), strings.HasPrefix(upper, "STRUCT"), strings.HasPrefix(upper, "RECORD"), upper == "JSON", strings.HasPrefix(upper, "RANGE"):
		return "to_json_string(" + expr + ")"
	case upper == "GEOGRAPHY":
		return "st_astext(" + expr + ")"
	}
	return expr
}
