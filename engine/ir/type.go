package ir

import "strings"

// Kind is the kind of a Type.
type Kind uint8

// The kinds of GoogleSQL types. Int32, Uint32, Uint64 and Float32 do not exist
// in BigQuery; they appear only where the analyzer runs in its internal mode,
// as Google's own compliance suite needs it.
const (
	Unknown Kind = iota
	Bool
	Int64
	Int32
	Uint32
	Uint64
	Float64
	Float32
	Numeric
	BigNumeric
	String
	Bytes
	Date
	Datetime
	Time
	Timestamp
	Interval
	JSON
	Geography
	UUID
	Range  // Elem is Date, Datetime or Timestamp
	Array  // Elem
	Struct // Fields
	Map    // Fields[0] key, Fields[1] value
	Other  // Name says which: an enum, a proto, a graph element, a token list
)

// Type is a GoogleSQL type. Types are compared with Equal, not with ==.
type Type struct {
	Kind   Kind
	Elem   *Type   // of Array and Range
	Fields []Field // of Struct
	Name   string  // of Other
}

// Field is one field of a struct type. Its name may be empty, and two fields
// of one struct may share a name.
type Field struct {
	Name string
	Type *Type
}

// names are as BigQuery writes them (INFORMATION_SCHEMA.COLUMNS.data_type).
var names = [...]string{
	Unknown: "UNKNOWN", Bool: "BOOL", Int64: "INT64", Int32: "INT32", Uint32: "UINT32", Uint64: "UINT64",
	Float64: "FLOAT64", Float32: "FLOAT32", Numeric: "NUMERIC", BigNumeric: "BIGNUMERIC", String: "STRING",
	Bytes: "BYTES", Date: "DATE", Datetime: "DATETIME", Time: "TIME", Timestamp: "TIMESTAMP",
	Interval: "INTERVAL", JSON: "JSON", Geography: "GEOGRAPHY", UUID: "UUID", Range: "RANGE", Array: "ARRAY",
	Struct: "STRUCT", Map: "MAP", Other: "OTHER",
}

// simple holds one Type of each kind that has no parts.
var simple = func() (list [len(names)]*Type) {
	for k := range list {
		list[k] = &Type{Kind: Kind(k)}
	}
	return list
}()

// TypeOf is the shared type of a kind that has no parts, such as Int64.
func TypeOf(k Kind) *Type {
	if int(k) < len(simple) {
		return simple[k]
	}
	return simple[Unknown]
}

// String is the kind as GoogleSQL writes it.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "UNKNOWN"
}

// String is the type as BigQuery writes it: STRUCT<a INT64, b ARRAY<STRING>>.
func (t *Type) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t *Type) write(b *strings.Builder) {
	if t == nil {
		b.WriteString("UNKNOWN")
		return
	}
	switch t.Kind {
	case Array, Range:
		b.WriteString(t.Kind.String())
		b.WriteByte('<')
		t.Elem.write(b)
		b.WriteByte('>')
	case Struct, Map:
		b.WriteString(t.Kind.String())
		b.WriteByte('<')
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			if f.Name != "" && t.Kind == Struct {
				b.WriteString(f.Name)
				b.WriteByte(' ')
			}
			f.Type.write(b)
		}
		b.WriteByte('>')
	case Other:
		b.WriteString(t.Name)
	default:
		b.WriteString(t.Kind.String())
	}
}

// Equal reports whether two types are the same, field names included (without
// regard to case, as GoogleSQL compares them).
func (t *Type) Equal(u *Type) bool {
	if t == u {
		return true
	}
	if t == nil || u == nil || t.Kind != u.Kind || t.Name != u.Name || len(t.Fields) != len(u.Fields) {
		return false
	}
	if (t.Elem != nil || u.Elem != nil) && !t.Elem.Equal(u.Elem) {
		return false
	}
	for i := range t.Fields {
		if !strings.EqualFold(t.Fields[i].Name, u.Fields[i].Name) || !t.Fields[i].Type.Equal(u.Fields[i].Type) {
			return false
		}
	}
	return true
}

// Has reports whether the type is of one of the kinds, or holds one that is.
func (t *Type) Has(kinds ...Kind) bool {
	if t == nil {
		return false
	}
	for _, k := range kinds {
		if t.Kind == k {
			return true
		}
	}
	if t.Elem.Has(kinds...) {
		return true
	}
	for _, f := range t.Fields {
		if f.Type.Has(kinds...) {
			return true
		}
	}
	return false
}

// Params are the parameters of a type, as in NUMERIC(10, 2) or STRING(5). They
// belong to a cast or a column definition, never to a type.
type Params struct {
	Length    int64    // of STRING and BYTES, in code points and bytes; 0 means none
	Precision int64    // of NUMERIC and BIGNUMERIC; 0 means none
	Scale     int64    // of NUMERIC and BIGNUMERIC
	Children  []Params // of ARRAY (one) and STRUCT (one each field)
}

// None reports whether the parameters say nothing.
func (p Params) None() bool {
	if p.Length != 0 || p.Precision != 0 || p.Scale != 0 {
		return false
	}
	for _, c := range p.Children {
		if !c.None() {
			return false
		}
	}
	return true
}
