package googlesql

import (
	"encoding/binary"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

var simpleKinds = map[raw.TypeKind]ir.Kind{
	raw.TypeKindTypeBool: ir.Bool, raw.TypeKindTypeInt64: ir.Int64, raw.TypeKindTypeInt32: ir.Int32, raw.TypeKindTypeUint32: ir.Uint32,
	raw.TypeKindTypeUint64: ir.Uint64, raw.TypeKindTypeDouble: ir.Float64, raw.TypeKindTypeFloat: ir.Float32,
	raw.TypeKindTypeNumeric: ir.Numeric, raw.TypeKindTypeBignumeric: ir.BigNumeric, raw.TypeKindTypeString: ir.String,
	raw.TypeKindTypeBytes: ir.Bytes, raw.TypeKindTypeDate: ir.Date, raw.TypeKindTypeDatetime: ir.Datetime, raw.TypeKindTypeTime: ir.Time,
	raw.TypeKindTypeTimestamp: ir.Timestamp, raw.TypeKindTypeInterval: ir.Interval, raw.TypeKindTypeJson: ir.JSON,
	raw.TypeKindTypeGeography: ir.Geography, raw.TypeKindTypeUuid: ir.UUID,
}

// typ decodes a type. Simple types live as long as the instance, so that their
// addresses are remembered; others may be replaced between statements.
func (d *decoder) typ(h raw.Handle) *ir.Type {
	if h == 0 {
		return nil
	}
	if t := d.in.known[h]; t != nil {
		return t
	}
	if t := d.types[h]; t != nil {
		return t
	}
	m := d.m
	kind := m.Type_Kind(h)
	if k, ok := simpleKinds[kind]; ok {
		t := ir.TypeOf(k)
		d.in.known[h] = t
		return t
	}
	var t *ir.Type
	switch kind {
	case raw.TypeKindTypeArray:
		t = &ir.Type{Kind: ir.Array, Elem: d.typ(m.ArrayType_ElementType(h))}
	case raw.TypeKindTypeRange:
		t = &ir.Type{Kind: ir.Range, Elem: d.typ(m.RangeType_ElementType(h))}
	case raw.TypeKindTypeStruct:
		t = &ir.Type{Kind: ir.Struct}
		for _, f := range m.StructType_Fields(h) {
			t.Fields = append(t.Fields, ir.Field{Name: f.Name, Type: d.typ(f.Type_)})
		}
	case raw.TypeKindTypeMap:
		t = &ir.Type{Kind: ir.Map, Fields: []ir.Field{{Name: "key", Type: d.typ(m.MapType_KeyType(h))}, {Name: "value", Type: d.typ(m.MapType_ValueType(h))}}}
	default:
		t = &ir.Type{Kind: ir.Other, Name: m.Type_TypeName(h, raw.ProductModeProductInternal)}
	}
	d.types[h] = t
	return t
}

// params decodes type parameters: the bytes of a TypeParametersProto.
func (d *decoder) params(h raw.Handle) ir.Params {
	if h == 0 || d.m.TypeParameters_IsEmpty(h) {
		return ir.Params{}
	}
	return readParams([]byte(d.m.TypeParameters_SerializeAsString(h)))
}

func (d *decoder) modifiers(h raw.Handle) ir.Params {
	if h == 0 {
		return ir.Params{}
	}
	return d.params(d.m.TypeModifiers_TypeParameters(h))
}

// readParams reads googlesql/public/type_parameters.proto: 1 string {1 length},
// 2 numeric {1 precision, 3 scale}, 100 children.
func readParams(b []byte) ir.Params {
	var p ir.Params
	eachField(b, func(field, v uint64, sub []byte) {
		switch field {
		case 1:
			eachField(sub, func(field, v uint64, _ []byte) {
				if field == 1 {
					p.Length = int64(v)
				}
			})
		case 2:
			eachField(sub, func(field, v uint64, _ []byte) {
				switch field {
				case 1:
					p.Precision = int64(v)
				case 3:
					p.Scale = int64(v)
				}
			})
		case 100:
			p.Children = append(p.Children, readParams(sub))
		}
	})
	return p
}

// eachField walks the varint and length-delimited fields of a protocol buffer.
func eachField(b []byte, f func(field, v uint64, sub []byte)) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			f(tag>>3, v, nil)
		case 2:
			if v > uint64(len(b)) {
				return
			}
			f(tag>>3, 0, b[:v])
			b = b[v:]
		default:
			return
		}
	}
}
