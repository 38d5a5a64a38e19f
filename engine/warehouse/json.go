package warehouse

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-json"
)

// ops gives every operation its name in the JSON form, in the order of op.go. The list is
// complete: a test compares it with the types that implement Op.
var ops = []struct {
	name string
	zero Op
}{
	{"create_schema", CreateSchema{}},
	{"create_table_as", CreateTableAs{}},
	{"create_table", CreateTable{}},
	{"create_view_as", CreateViewAs{}},
	{"swap", Swap{}},
	{"clone_table", CloneTable{}},
	{"insert_select", InsertSelect{}},
	{"merge_into", MergeInto{}},
	{"delete_matching", DeleteMatching{}},
	{"sync_columns", SyncColumns{}},
	{"add_columns", AddColumns{}},
	{"drop_columns", DropColumns{}},
	{"retype_columns", RetypeColumns{}},
	{"drop", Drop{}},
	{"comment", Comment{}},
	{"insert_values", InsertValues{}},
	{"load", Load{}},
	{"close_rows", CloseRows{}},
	{"sql", SQL{}},
	{"require", Require{}},
	{"require_columns", RequireColumns{}},
	{"stage_snapshot", StageSnapshot{}},
	{"create_materialized_view_as", CreateMaterializedViewAs{}},
	{"refresh_materialized_view", RefreshMaterializedView{}},
	{"replace_partitions", ReplacePartitions{}},
	{"grant", Grant{}},
	{"authorize", Authorize{}},
	{"close_edges", CloseEdges{}},
	{"update_closure", UpdateClosure{}},
}

// OpName is the name of an operation in the JSON form, for example «create_table_as».
func OpName(o Op) string {
	t := reflect.TypeOf(o)
	for _, known := range ops {
		if reflect.TypeOf(known.zero) == t {
			return known.name
		}
	}
	return "unknown"
}

// MarshalOps writes operations as a JSON array of tagged objects,
// {"op":"create_schema","schema":"core"}. Fields have their Go names in snake case, in the
// order of the struct; zero fields are left out. The same operations give the same bytes,
// and UnmarshalOps gives them back (an empty slice comes back as nil).
func MarshalOps(list []Op) ([]byte, error) {
	buf := []byte{'['}
	for i, o := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		name := OpName(o)
		if name == "unknown" {
			return nil, fmt.Errorf("operation %T has no JSON form", o)
		}
		buf = append(buf, `{"op":"`+name+`"`...)
		v := reflect.ValueOf(o)
		for f := range v.NumField() {
			if v.Field(f).IsZero() || isEmptySlice(v.Field(f)) {
				continue
			}
			buf = append(buf, `,"`+snake(v.Type().Field(f).Name)+`":`...)
			var err error
			if buf, err = appendField(buf, v.Field(f).Interface()); err != nil {
				return nil, fmt.Errorf("write %s.%s: %w", name, v.Type().Field(f).Name, err)
			}
		}
		buf = append(buf, '}')
	}
	return append(buf, ']'), nil
}

// UnmarshalOps reads what MarshalOps wrote. Unknown operations and fields are errors: a
// plan of a newer engine must not be run in part.
func UnmarshalOps(data []byte) ([]Op, error) {
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("read operations: %w", err)
	}
	var out []Op
	for i, fields := range raw {
		o, err := unmarshalOp(fields)
		if err != nil {
			return nil, fmt.Errorf("read operation %d: %w", i+1, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func unmarshalOp(fields map[string]json.RawMessage) (Op, error) {
	var name string
	if err := json.Unmarshal(fields["op"], &name); err != nil {
		return nil, errors.New(`it has no "op"`)
	}
	for _, known := range ops {
		if known.name != name {
			continue
		}
		v := reflect.New(reflect.TypeOf(known.zero)).Elem()
		seen := 1
		for f := range v.NumField() {
			raw, ok := fields[snake(v.Type().Field(f).Name)]
			if !ok {
				continue
			}
			seen++
			if err := readField(raw, v.Field(f)); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", name, v.Type().Field(f).Name, err)
			}
		}
		if seen != len(fields) {
			return nil, fmt.Errorf("%s has a field that this version does not know", name)
		}
		return v.Interface().(Op), nil
	}
	return nil, fmt.Errorf("no operation is named %q", name)
}

func isEmptySlice(v reflect.Value) bool { return v.Kind() == reflect.Slice && v.Len() == 0 }

// snake writes a Go field name as a JSON key: FromColumns → from_columns.
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func appendField(buf []byte, v any) ([]byte, error) {
	rows, ok := v.([][]any)
	if !ok {
		return appendJSON(buf, v)
	}
	buf = append(buf, '[')
	for i, row := range rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '[')
		for j, cell := range row {
			if j > 0 {
				buf = append(buf, ',')
			}
			var err error
			if buf, err = appendValue(buf, cell); err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
		}
		buf = append(buf, ']')
	}
	return append(buf, ']'), nil
}

func appendJSON(buf []byte, v any) ([]byte, error) {
	b, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	return append(buf, bytes.TrimRight(b, "\n")...), err
}

// appendValue writes a literal so that its Go type comes back: integers without a point,
// floats with one, what JSON lacks as an object of one key.
func appendValue(buf []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return appendJSON(buf, v)
	case int:
		return strconv.AppendInt(buf, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(buf, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Appendf(buf, `{"float":"%v"}`, v), nil
		}
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return append(buf, s...), nil
	case []byte:
		return fmt.Appendf(buf, `{"bytes":%q}`, base64.StdEncoding.EncodeToString(v)), nil
	case time.Time:
		return fmt.Appendf(buf, `{"time":%q}`, v.UTC().Format(time.RFC3339Nano)), nil
	}
	return nil, fmt.Errorf("a value of type %T has no JSON form", v)
}

func readField(raw []byte, into reflect.Value) error {
	if _, ok := into.Interface().([][]any); !ok {
		return json.Unmarshal(raw, into.Addr().Interface())
	}
	var cells [][]json.RawMessage
	if err := json.Unmarshal(raw, &cells); err != nil {
		return err
	}
	rows := make([][]any, len(cells))
	for i := range cells {
		rows[i] = make([]any, len(cells[i]))
		for j := range cells[i] {
			v, err := readValue(cells[i][j])
			if err != nil {
				return fmt.Errorf("row %d: %w", i+1, err)
			}
			rows[i][j] = v
		}
	}
	into.Set(reflect.ValueOf(rows))
	return nil
}

func readValue(raw json.RawMessage) (any, error) {
	text := string(bytes.TrimSpace(raw))
	switch {
	case text == "" || text == "null":
		return nil, nil
	case text == "true" || text == "false":
		return text == "true", nil
	case text[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case text[0] == '{':
		return readTagged(raw)
	case strings.ContainsAny(text, ".eE"):
		return strconv.ParseFloat(text, 64)
	}
	return strconv.ParseInt(text, 10, 64)
}

func readTagged(raw []byte) (any, error) {
	var tagged map[string]string
	if err := json.Unmarshal(raw, &tagged); err != nil || len(tagged) != 1 {
		return nil, fmt.Errorf("%s is not a value", raw)
	}
	for tag, s := range tagged {
		switch tag {
		case "float":
			return strconv.ParseFloat(s, 64)
		case "bytes":
			return base64.StdEncoding.DecodeString(s)
		case "time":
			return time.Parse(time.RFC3339Nano, s)
		}
	}
	return nil, fmt.Errorf("%s is not a value", raw)
}
