package conformance

import (
	"fmt"
	"math"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// sqlType writes a type in GoogleSQL.
func sqlType(t *ir.Type) string {
	switch t.Kind {
	case ir.Array, ir.Range:
		return t.Kind.String() + "<" + sqlType(t.Elem) + ">"
	case ir.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = sqlType(f.Type)
			if f.Name != "" {
				fields[i] = "`" + f.Name + "` " + fields[i]
			}
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	}
	return t.String()
}

// sqlLiteral writes a value as GoogleSQL.
func sqlLiteral(v Value) string {
	if v.Null {
		return "CAST(NULL AS " + sqlType(v.Type) + ")"
	}
	list := func(open, shut string) string {
		parts := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			parts[i] = sqlLiteral(e)
		}
		return open + strings.Join(parts, ", ") + shut
	}
	switch v.Type.Kind {
	case ir.Bool:
		return v.Text
	case ir.Int64:
		return v.Text
	case ir.Int32, ir.Uint32, ir.Uint64:
		return "CAST(" + v.Text + " AS " + sqlType(v.Type) + ")"
	case ir.Float64, ir.Float32:
		text := floatText(v.Float, v.Type.Kind)
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			text = "'" + text + "'"
		}
		return "CAST(" + text + " AS " + sqlType(v.Type) + ")"
	case ir.String:
		return sqlText(v.Text, false)
	case ir.Bytes:
		return "b" + sqlText(v.Text, true)
	case ir.Interval:
		return "INTERVAL '" + v.Text + "' YEAR TO SECOND"
	case ir.JSON:
		return "JSON " + sqlText(v.Text, false)
	case ir.UUID:
		return "CAST('" + v.Text + "' AS UUID)"
	case ir.Array:
		return list(sqlType(v.Type)+"[", "]")
	case ir.Struct:
		return list(sqlType(v.Type)+"(", ")")
	case ir.Range:
		ends := [2]string{"UNBOUNDED", "UNBOUNDED"}
		for i, e := range v.Elems {
			if !e.Null {
				ends[i] = e.Text
			}
		}
		return sqlType(v.Type) + " '[" + ends[0] + ", " + ends[1] + ")'"
	}
	// NUMERIC, BIGNUMERIC, DATE, DATETIME, TIME, TIMESTAMP
	return v.Type.Kind.String() + " '" + v.Text + "'"
}

// sqlText quotes a text; bytes says that every byte stands for itself.
func sqlText(s string, bytes bool) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\' || c == '\'':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case bytes && (c < ' ' || c >= 0x7f):
			fmt.Fprintf(&b, `\x%02x`, c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// without gives the rows of a table without the columns whose types are left
// out, and the names of these columns by feature.
func without(xs []Exclusion, table Value) (Value, map[string]string) {
	elem := table.Type.Elem
	if elem == nil || elem.Kind != ir.Struct {
		return table, nil
	}
	dropped := map[string]string{}
	keep := &ir.Type{Kind: ir.Struct}
	var at []int
	for i, f := range elem.Fields {
		var cells []Value
		for _, row := range table.Elems {
			if !row.Null {
				cells = append(cells, row.Elems[i])
			}
		}
		t := fullType(f.Type, cells)
		if feature := excludedType(xs, t); feature != "" {
			dropped[strings.ToLower(f.Name)] = feature
			continue
		}
		at = append(at, i)
		keep.Fields = append(keep.Fields, ir.Field{Name: f.Name, Type: t})
	}
	out := Value{Type: &ir.Type{Kind: ir.Array, Elem: keep}, Unordered: table.Unordered}
	for _, row := range table.Elems {
		r := Value{Type: keep, Null: row.Null}
		if !row.Null {
			for k, i := range at {
				r.Elems = append(r.Elems, retype(row.Elems[i], keep.Fields[k].Type))
			}
		}
		out.Elems = append(out.Elems, r)
	}
	return out, dropped
}

// fullType completes a type in which arrays and structs are elided by what its
// values carry.
func fullType(t *ir.Type, values []Value) *ir.Type {
	switch t.Kind {
	case ir.Array:
		elem := t.Elem
		var inner []Value
		for _, v := range values {
			if elem == nil && v.Type != nil && v.Type.Kind == ir.Array {
				elem = v.Type.Elem
			}
			inner = append(inner, v.Elems...)
		}
		if elem == nil {
			return t
		}
		return &ir.Type{Kind: ir.Array, Elem: fullType(elem, inner)}
	case ir.Struct:
		fields := t.Fields
		for _, v := range values {
			if len(fields) == 0 && v.Type != nil && v.Type.Kind == ir.Struct {
				fields = v.Type.Fields
			}
		}
		out := &ir.Type{Kind: ir.Struct}
		for i, f := range fields {
			var inner []Value
			for _, v := range values {
				if i < len(v.Elems) {
					inner = append(inner, v.Elems[i])
				}
			}
			out.Fields = append(out.Fields, ir.Field{Name: f.Name, Type: fullType(f.Type, inner)})
		}
		return out
	}
	return t
}

// retype gives a value and all in it the types of t.
func retype(v Value, t *ir.Type) Value {
	v.Type = t
	elems := make([]Value, len(v.Elems))
	for i, e := range v.Elems {
		inner := t.Elem
		if t.Kind == ir.Struct && i < len(t.Fields) {
			inner = t.Fields[i].Type
		}
		elems[i] = retype(e, inner)
	}
	if v.Elems != nil {
		v.Elems = elems
	}
	return v
}

// whole reports whether no part of the type is elided.
func whole(t *ir.Type) bool {
	switch t.Kind {
	case ir.Array, ir.Range:
		return t.Elem != nil && whole(t.Elem)
	case ir.Struct:
		for _, f := range t.Fields {
			if !whole(f.Type) {
				return false
			}
		}
		return len(t.Fields) > 0
	}
	return true
}
