package datatest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// RowsSQL is a query for the given rows, each cell cast to its column's type (columns
// without a type take the literal as it is). Cells that a row does not mention are NULL.
// Without rows the query returns none, typed all the same.
func RowsSQL(columns []warehouse.Column, rows []project.Row, d warehouse.Speller) string {
	if len(columns) == 0 {
		columns = []warehouse.Column{{Name: "_engine_nothing"}}
	}
	if len(rows) == 0 {
		return "select * from (\n" + rowSQL(columns, project.Row{}, d) + "\n) as nothing where 1 = 0"
	}
	selects := make([]string, len(rows))
	for i, row := range rows {
		selects[i] = rowSQL(columns, row, d)
	}
	return strings.Join(selects, "\nunion all\n")
}

func rowSQL(columns []warehouse.Column, row project.Row, d warehouse.Speller) string {
	cells := make([]string, len(columns))
	for i, c := range columns {
		expr := cellSQL(cell(row, c.Name), d)
		if c.Type != "" {
			expr = d.Words().Cast(expr, c.Type)
		}
		cells[i] = expr + " as " + d.Ident(c.Name)
	}
	return "select " + strings.Join(cells, ", ")
}

// cell is the value under a column's name, whatever its letter case.
func cell(row project.Row, name string) any {
	if v, ok := row.Cells[name]; ok {
		return v.V
	}
	for _, written := range row.Order {
		if strings.EqualFold(written, name) {
			return row.Cells[written].V
		}
	}
	return nil
}

// cellSQL writes a value. Lists and maps become JSON text, which the cast to the column's
// type reads.
func cellSQL(v any, d warehouse.Speller) string {
	switch v.(type) {
	case nil, bool, int64, float64, string, []byte, time.Time:
		return d.Literal(v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return d.Literal(fmt.Sprint(v))
	}
	return d.Literal(string(text))
}

// Diff compares two results as multisets of rows: missing are the expected rows that did
// not come, surplus the actual ones that were not expected, each in its own order.
// columns are those of the actual result: decimals, which drivers report as text, are
// compared as numbers.
func Diff(columns []warehouse.Column, actual, expect [][]any) (missing, surplus [][]any) {
	count := map[string]int{}
	for _, row := range actual {
		count[rowKey(columns, row)]++
	}
	for _, row := range expect {
		key := rowKey(columns, row)
		if count[key] > 0 {
			count[key]--
			continue
		}
		missing = append(missing, row)
	}
	for i := len(actual) - 1; i >= 0; i-- {
		key := rowKey(columns, actual[i])
		if count[key] > 0 {
			count[key]--
			surplus = append([][]any{actual[i]}, surplus...)
		}
	}
	return missing, surplus
}

func rowKey(columns []warehouse.Column, row []any) string {
	var b strings.Builder
	for i, v := range row {
		typ := ""
		if i < len(columns) {
			typ = columns[i].Type
		}
		b.WriteString(strconv.Quote(cellKey(v, typ)))
	}
	return b.String()
}

// cellKey is equal for equal values. The first letter keeps NULL, numbers and text apart.
func cellKey(v any, typ string) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case bool:
		return "b" + strconv.FormatBool(v)
	case int64:
		return "n" + strconv.FormatInt(v, 10)
	case float64:
		if r := new(big.Rat).SetFloat64(v); r != nil {
			return "n" + r.RatString()
		}
		return "n" + strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return "t" + v.UTC().Format(time.RFC3339Nano)
	case []byte:
		return "x" + hex.EncodeToString(v)
	case string:
		if isNumeric(typ) {
			if r, ok := new(big.Rat).SetString(v); ok {
				return "n" + r.RatString()
			}
		}
		return "s" + v
	}
	return "v" + fmt.Sprintf("%v", v)
}

// isNumeric reports whether a type's values are numbers though drivers give them as text.
func isNumeric(typ string) bool {
	typ = strings.ToUpper(typ)
	for _, p := range []string{"DECIMAL", "NUMERIC", "BIGNUMERIC", "HUGEINT", "UHUGEINT", "UBIGINT", "BIGNUM", "VARINT"} {
		if strings.HasPrefix(typ, p) && !strings.HasSuffix(typ, "[]") {
			return true
		}
	}
	return false
}
