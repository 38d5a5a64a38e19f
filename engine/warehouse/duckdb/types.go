package duckdb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/warehouse"
)

// rows turns the driver's values into those of the contract:
//
//	integers               int64; a string where it does not fit (HUGEINT, BIGNUM always)
//	FLOAT, DOUBLE          float64
//	DECIMAL                string with all digits of its scale
//	DATE, TIMESTAMP (all)  time.Time in UTC; «infinity» and «-infinity» are strings
//	TIME, TIMETZ, INTERVAL string, as DuckDB prints them
//	UUID, ENUM, BIT, JSON  string; JSON is written anew, with sorted keys; within
//	                       another value it is what the driver makes of it
//	BLOB, GEOMETRY         []byte
//	LIST, ARRAY            []any
//	STRUCT                 warehouse.Struct
//	MAP                    driver.OrderedMap, values as here
//	UNION                  the value of its member
type rows struct {
	ctx     context.Context
	limit   limit
	r       *sql.Rows
	columns []warehouse.Column
	types   []typ
	cells   []any
	into    []any
}

// newRows reads r, whose columns are those found, but that JSON may come as text.
func newRows(ctx context.Context, limit limit, r *sql.Rows, found []*sql.ColumnType, text bool) warehouse.Rows {
	out := &rows{ctx: ctx, limit: limit, r: r, cells: make([]any, len(found)), into: make([]any, len(found))}
	for i, c := range found {
		out.columns = append(out.columns, warehouse.Column{Name: c.Name(), Type: c.DatabaseTypeName(), Nullable: true})
		t := parseType(c.DatabaseTypeName())
		t.text = text
		out.types = append(out.types, t)
		out.into[i] = &out.cells[i]
	}
	return out
}

func (r *rows) Columns() []warehouse.Column { return r.columns }
func (r *rows) Next() bool                  { return r.r.Next() }
func (r *rows) Err() error                  { return r.limit.reached(wrap(r.ctx, warehouse.Statement{}, r.r.Err())) }

// Close ends the query.
func (r *rows) Close() error {
	defer r.limit.stop()
	return r.r.Close()
}

// Values gives the values of the current row in a slice of its own.
func (r *rows) Values() ([]any, error) {
	if err := r.r.Scan(r.into...); err != nil {
		return nil, fmt.Errorf("read row: %w", err)
	}
	out := make([]any, len(r.cells))
	for i, v := range r.cells {
		out[i] = normal(v, r.types[i])
	}
	return out, nil
}

// typ is as much of a type as normal needs.
type typ struct {
	name   string
	child  []typ // element, key and value, or fields
	fields []string
	text   bool // JSON comes as text
}

// normal turns one value of the driver into one of the contract.
func normal(v any, t typ) any {
	if v != nil && t.name == "JSON" {
		return jsonText(v, t.text)
	}
	switch v := v.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v > math.MaxInt64 {
			return strconv.FormatUint(v, 10)
		}
		return int64(v)
	case float32:
		// By way of the text, so that 0.1 stays 0.1.
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return f
	case *big.Int:
		return v.String()
	case driver.Decimal:
		return decimal(v)
	case driver.Interval:
		return interval(v)
	case time.Time:
		return moment(v, t.name)
	case driver.UUID:
		return v.String()
	case []byte:
		if t.name == "UUID" && len(v) == 16 {
			h := hex.EncodeToString(v)
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}
		return v
	}
	return nested(v, t)
}

func nested(v any, t typ) any {
	child := func(i int) typ {
		if i < len(t.child) {
			return t.child[i]
		}
		return typ{}
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = inner(v[i], child(0))
		}
		return out
	case map[string]any:
		return record(v, t)
	case driver.OrderedMap:
		out := driver.OrderedMap{}
		values := v.Values()
		for i, k := range v.Keys() {
			out.Set(inner(k, child(0)), inner(values[i], child(1)))
		}
		return out
	case driver.Union:
		for i, name := range t.fields {
			if name == v.Tag {
				return normal(v.Value, child(i))
			}
		}
		return normal(v.Value, typ{})
	}
	return v
}

// record puts the fields of a struct in the order of its type, behind them those it does
// not name.
func record(v map[string]any, t typ) warehouse.Struct {
	out := warehouse.Struct{Names: make([]string, 0, len(v)), Values: make([]any, 0, len(v))}
	add := func(name string, field typ) {
		out.Names = append(out.Names, name)
		out.Values = append(out.Values, inner(v[name], field))
	}
	for i, name := range t.fields {
		if _, ok := v[name]; ok && !slices.Contains(out.Names, name) && i < len(t.child) {
			add(name, t.child[i])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !slices.Contains(out.Names, name) {
			add(name, typ{})
		}
	}
	return out
}

// jsonText writes JSON anew, with sorted keys. v is its text, of which numbers keep their
// digits, or what the driver made of it.
func jsonText(v any, isText bool) any {
	tree := v
	if text, ok := v.(string); ok && isText {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&tree) != nil {
			return text
		}
	}
	b, err := json.MarshalWithOption(tree, json.DisableHTMLEscape())
	if err != nil {
		return v
	}
	return strings.TrimSuffix(string(b), "\n")
}

// inner is normal for a part of a value. A NUMERIC, which is stored with nine digits behind
// the point whatever it was made from, loses the zeros at its end: who prints a whole value
// does not see the types of its parts.
func inner(v any, t typ) any {
	out := normal(v, t)
	if text, ok := out.(string); ok && t.name == "DECIMAL" && len(t.child) == 2 && t.child[0].name == "38" && t.child[1].name == "9" {
		return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return out
}

// decimal prints all digits of the scale: 1.50, not 1.5.
func decimal(d driver.Decimal) string {
	if d.Value == nil {
		return ""
	}
	digits := new(big.Int).Abs(d.Value).String()
	if n := int(d.Scale) + 1 - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	if d.Scale > 0 {
		point := len(digits) - int(d.Scale)
		digits = digits[:point] + "." + digits[point:]
	}
	if d.Value.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}

// interval prints like DuckDB: 1 year 2 months 3 days 04:05:06.007.
func interval(i driver.Interval) string {
	var parts []string
	unit := func(n int32, word string) {
		switch {
		case n == 1 || n == -1:
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		case n != 0:
			parts = append(parts, fmt.Sprintf("%d %ss", n, word))
		}
	}
	unit(i.Months/12, "year")
	unit(i.Months%12, "month")
	unit(i.Days, "day")
	if i.Micros != 0 || len(parts) == 0 {
		sign, micros := "", i.Micros
		if micros < 0 {
			sign, micros = "-", -micros
		}
		s := micros / 1e6
		text := fmt.Sprintf("%s%02d:%02d:%02d", sign, s/3600, s/60%60, s%60)
		if rest := micros % 1e6; rest != 0 {
			text += strings.TrimRight(fmt.Sprintf(".%06d", rest), "0")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// moment handles times of day, and the largest values of a type, which mean infinity.
func moment(t time.Time, name string) any {
	switch name {
	case "TIME":
		return t.Format("15:04:05.999999")
	case "TIMETZ", "TIME WITH TIME ZONE":
		return t.Format("15:04:05.999999Z07:00")
	case "DATE":
		switch t.Unix() / 86400 {
		case math.MaxInt32:
			return "infinity"
		case -math.MaxInt32:
			return "-infinity"
		}
	case "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
	default:
		switch t.UnixMicro() {
		case math.MaxInt64:
			return "infinity"
		case -math.MaxInt64:
			return "-infinity"
		}
	}
	return t.UTC()
}

// parseType reads a type as the driver spells it: DECIMAL(10,2), STRUCT("a" INTEGER),
// MAP(K, V), UNION("a" T), T[], T[3].
func parseType(s string) typ {
	s = strings.TrimSpace(s)
	if strings.HasSuffix(s, "]") {
		if i := strings.LastIndexByte(s, '['); i > 0 {
			return typ{name: "LIST", child: []typ{parseType(s[:i])}}
		}
	}
	name, rest, ok := strings.Cut(s, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return typ{name: s}
	}
	t := typ{name: name}
	for _, part := range splitTop(rest[:len(rest)-1]) {
		if name == "STRUCT" || name == "UNION" {
			part = strings.TrimSpace(part)
			if !strings.HasPrefix(part, `"`) {
				continue
			}
			end := identEnd(part, 0)
			t.fields = append(t.fields, unquoteIdent(part[:end]))
			part = part[end:]
		}
		t.child = append(t.child, parseType(part))
	}
	return t
}

// splitTop splits at commas outside of parentheses and quotes.
func splitTop(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = identEnd(s, i) - 1
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}
