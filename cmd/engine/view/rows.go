package view

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// Rows is the result of a query.
type Rows struct {
	Columns []warehouse.Column
	Values  [][]any
	More    bool // there are further rows that were not read
}

// Result is the query's result as a table for people.
func (s Screen) Result(r Rows) string {
	t := Table{Numeric: make([]bool, len(r.Columns))}
	for i, c := range r.Columns {
		t.Columns = append(t.Columns, c.Name)
		t.Numeric[i] = numericType(c.Type)
	}
	for _, row := range r.Values {
		cells := make([]Cell, len(row))
		for i, v := range row {
			cells[i] = Cell{Text: Text(v, typeOf(r.Columns, i)), Null: v == nil}
		}
		t.Rows = append(t.Rows, cells)
	}
	foot := plural(int64(len(r.Values)), "row")
	if r.More {
		foot = "the first " + foot + ", there are more: see --limit"
	}
	return s.Table(t, "") + s.Paint(Dim, foot) + "\n"
}

// CSV writes the result with a header; NULL is an empty field.
func (r Rows) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	header := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		header[i] = c.Name
	}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, row := range r.Values {
		fields := make([]string, len(row))
		for i, v := range row {
			if v != nil {
				fields[i] = Text(v, typeOf(r.Columns, i))
			}
		}
		if err := out.Write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// JSON writes the result as one document: columns with their types, rows as objects in
// column order. A column name that occurs again gets a number.
func (r Rows) JSON(w io.Writer) error {
	names := uniqueNames(r.Columns)
	var b strings.Builder
	b.WriteString("{\n  \"columns\": [")
	for i, c := range r.Columns {
		b.WriteString(comma(i) + "\n    {\"name\": " + quoteJSON(names[i]) + ", \"type\": " + quoteJSON(c.Type) + "}")
	}
	b.WriteString("\n  ],\n  \"rows\": [")
	for i, row := range r.Values {
		b.WriteString(comma(i) + "\n    {")
		for c, v := range row {
			b.WriteString(comma(c) + quoteJSON(names[c]) + ":" + valueJSON(v, typeOf(r.Columns, c)))
		}
		b.WriteString("}")
	}
	if len(r.Values) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("],\n  \"more\": " + strconv.FormatBool(r.More) + "\n}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

func typeOf(cols []warehouse.Column, i int) string {
	if i < len(cols) {
		return cols[i].Type
	}
	return ""
}

func uniqueNames(cols []warehouse.Column) []string {
	taken := map[string]bool{}
	out := make([]string, len(cols))
	for i, c := range cols {
		name := c.Name
		for n := 2; taken[name]; n++ {
			name = c.Name + "_" + strconv.Itoa(n)
		}
		taken[name] = true
		out[i] = name
	}
	return out
}

var numericTypes = regexp.MustCompile(`(?i)^(u?(tiny|small|big|huge)?int(eger)?\d*|u?int\d+|float\d*|double( precision)?|real|big(numeric|decimal)|(numeric|decimal)(\(.*\))?|long|short|number)$`)

func numericType(t string) bool { return numericTypes.MatchString(strings.TrimSpace(t)) }

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// Text is a value as people and CSV readers see it; nil is «NULL».
func Text(v any, typ string) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return numericText(v, typ)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case []byte:
		return `\x` + hex.EncodeToString(v)
	case time.Time:
		return timeText(v, typ)
	}
	if b, err := encode(v); err == nil {
		return string(b)
	}
	return fmt.Sprint(v)
}

// numericText leaves out the zeros that end a NUMERIC, which is stored with nine digits
// behind the point whatever it was made from; BigQuery does not show them either.
func numericText(s, typ string) string {
	if typ != "DECIMAL(38,9)" || !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// timeText leaves out what the type does not have.
func timeText(t time.Time, typ string) string {
	typ = strings.ToUpper(typ)
	switch {
	case typ == "DATE":
		return t.Format(time.DateOnly)
	case typ == "TIME" || strings.HasPrefix(typ, "TIME WITHOUT"):
		return t.Format("15:04:05.999999")
	case strings.Contains(typ, "WITH TIME ZONE") || typ == "TIMESTAMPTZ":
		return t.UTC().Format("2006-01-02 15:04:05.999999Z07:00")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}

func valueJSON(v any, typ string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return quoteJSON(strconv.FormatFloat(v, 'g', -1, 64))
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		if numericType(typ) && jsonNumber.MatchString(v) {
			return numericText(v, typ)
		}
		if strings.EqualFold(typ, "json") && json.Valid([]byte(v)) {
			return v
		}
		return quoteJSON(v)
	case []byte, time.Time:
		return quoteJSON(Text(v, typ))
	}
	if b, err := encode(v); err == nil {
		return string(b)
	}
	return quoteJSON(fmt.Sprint(v))
}

// plain turns a driver's nested value into what encoding/json can write: maps get text
// keys, times and bytes their text.
func plain(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case []byte, time.Time:
		return Text(v, "")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Text(v, "")
		}
		return v
	case warehouse.Struct:
		return object(v)
	case json.Marshaler:
		return v
	case fmt.Stringer:
		return v.String()
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for it := r.MapRange(); it.Next(); {
			out[Text(it.Key().Interface(), "")] = plain(it.Value().Interface())
		}
		return out
	default:
		return v
	}
}

// encode is a value as JSON.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain(v)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// object is a struct as JSON, with its fields in their own order.
type object warehouse.Struct

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.Names {
		value, err := encode(o.Values[i])
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		b.WriteString(comma(i) + quoteJSON(name) + ":")
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string has a JSON form, a Builder takes every write
	return strings.TrimSuffix(b.String(), "\n")
}
