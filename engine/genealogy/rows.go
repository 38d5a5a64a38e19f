package genealogy

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// Rows are columns of a relation, to be read row by row.
type Rows struct {
	// From is what to write behind «from», as in Question.Edges.
	From string
	// Columns are read in this order; an empty name reads nothing and gives NULL.
	Columns []string
	// Where are conditions that all hold. They name columns as RowColumn writes them.
	Where []string
}

// RowColumn is how conditions of Rows write a column: qualified, since in GoogleSQL a plain
// name can be the whole row.
func RowColumn(d warehouse.Dialect, name string) string { return "t." + d.Ident(name) }

// Within is a condition: a column is one of some values, each an int64 or a string. Lists may
// be long; Listed is how many keys a query is better off with.
func Within(d warehouse.Dialect, column string, values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = d.Literal(v)
	}
	return RowColumn(d, column) + " in (" + strings.Join(texts, ", ") + ")"
}

// Listed is how many values Within should be given at most.
const Listed = listed

// Read calls f with each row, in no order. The slice is f's only until it returns.
func (r Rows) Read(ctx context.Context, c warehouse.Conn, f func([]any) error) error {
	d := c.Dialect()
	items := make([]string, len(r.Columns))
	named := 0
	for i, name := range r.Columns {
		if items[i] = "null"; name != "" {
			items[i] = RowColumn(d, name)
			named++
		}
		items[i] += " as c" + strconv.Itoa(i)
	}
	if named == 0 {
		return fmt.Errorf("read %s: no columns", r.From)
	}
	query := "select " + strings.Join(items, ", ") + " from " + r.From + " as t"
	if len(r.Where) > 0 {
		query += " where " + strings.Join(r.Where, " and ")
	}
	return each(ctx, c, query, f)
}

// TextOf is a value as people write it; NULL is the empty text. Keys that are whole numbers
// and keys that are texts of the same digits are equal.
func TextOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []byte:
		return fmt.Sprintf("%x", v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// NumberOf is an amount; NULL is NaN. What is no number is an error that names the column.
func NumberOf(v any, column string) (float64, error) {
	f, err := float(v, column)
	if err == nil && math.IsInf(f, 0) {
		return math.NaN(), nil
	}
	return f, err
}

// TimeOf is a moment; NULL is the zero time. A date and a time without a zone are meant in UTC.
func TimeOf(v any, column string) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return time.Time{}, nil
	case time.Time:
		return v, nil
	}
	return time.Time{}, fmt.Errorf("column %s holds %v, which is no date or time", column, v)
}

// FlagOf is a truth; NULL is false.
func FlagOf(v any, column string) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	}
	return false, fmt.Errorf("column %s holds %v, which is neither true nor false", column, v)
}
