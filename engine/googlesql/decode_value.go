package googlesql

import (
	"strings"
	"time"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

// must raises the error of a call whose failure is not expected.
func must[T any](v T, err error) T {
	if err != nil {
		if e, ok := err.(*raw.Error); ok {
			panic(e)
		}
		panic(&raw.Error{Message: err.Error()})
	}
	return v
}

// value decodes a constant of type t.
func (d *decoder) value(h raw.Handle, t *ir.Type) ir.Value {
	m := d.m
	v := ir.Value{Type: t}
	if m.Value_IsNull(h) {
		v.Null = true
		return v
	}
	switch t.Kind {
	case ir.Bool:
		if m.Value_BoolValue(h) {
			v.Int = 1
		}
	case ir.Int64:
		v.Int = m.Value_Int64Value(h)
	case ir.Int32:
		v.Int = int64(m.Value_Int32Value(h))
	case ir.Uint32:
		v.Int = int64(m.Value_Uint32Value(h))
	case ir.Uint64:
		v.Int = int64(m.Value_Uint64Value(h))
	case ir.Float64:
		v.Float = m.Value_DoubleValue(h)
	case ir.Float32:
		v.Float = float64(m.Value_FloatValue(h))
	case ir.Numeric:
		n := m.Value_NumericValue(h)
		v.Text = must(m.NumericValue_ToString(n))
		m.NumericValue_Free(n)
	case ir.BigNumeric:
		n := m.Value_BignumericValue(h)
		v.Text = must(m.BigNumericValue_ToString(n))
		m.BigNumericValue_Free(n)
	case ir.String:
		v.Text = m.Value_StringValue(h)
	case ir.Bytes:
		v.Text = m.Value_BytesValue(h)
	case ir.JSON:
		v.Text = m.Value_JsonString(h)
	case ir.Date:
		v.Int = int64(m.Value_DateValue(h))
	case ir.Timestamp:
		v.Int = must(m.Value_ToUnixMicros(h))
		if d.s.opts.Internal {
			if n, err := m.Value_ToUnixNanos(h); err == nil {
				v.Int, v.Nanos = floorNanos(n)
			}
		}
	case ir.Datetime:
		x := m.Value_DatetimeValue(h)
		nanos := m.DatetimeValue_Nanoseconds(x)
		at := time.Date(int(m.DatetimeValue_Year(x)), time.Month(m.DatetimeValue_Month(x)), int(m.DatetimeValue_Day(x)),
			int(m.DatetimeValue_Hour(x)), int(m.DatetimeValue_Minute(x)), int(m.DatetimeValue_Second(x)), 0, time.UTC)
		v.Int, v.Nanos = at.Unix()*1e6+int64(nanos/1000), nanos%1000
		m.DatetimeValue_Free(x)
	case ir.Time:
		x := m.Value_TimeValue(h)
		nanos := m.TimeValue_Nanoseconds(x)
		secs := int64(m.TimeValue_Hour(x))*3600 + int64(m.TimeValue_Minute(x))*60 + int64(m.TimeValue_Second(x))
		v.Int, v.Nanos = secs*1e6+int64(nanos/1000), nanos%1000
		m.TimeValue_Free(x)
	case ir.Interval:
		x := m.Value_IntervalValue(h)
		v.Months, v.Days = m.IntervalValue_GetMonths(x), m.IntervalValue_GetDays(x)
		v.Int, v.Nanos = m.IntervalValue_GetMicros(x), int32(m.IntervalValue_GetNanoFractions(x))
		m.IntervalValue_Free(x)
	case ir.UUID:
		x := m.Value_UuidValue(h)
		v.Text = must(m.UuidValue_ToString(x))
		m.UuidValue_Free(x)
	case ir.Range:
		v.Elems = []ir.Value{d.value(m.Value_Start(h), t.Elem), d.value(m.Value_End(h), t.Elem)}
	case ir.Array:
		for _, e := range m.Value_Elements(h) {
			v.Elems = append(v.Elems, d.value(e, t.Elem))
		}
	case ir.Struct:
		for i, f := range m.Value_Fields(h) {
			v.Elems = append(v.Elems, d.value(f, t.Fields[i].Type))
		}
	default:
		if m.Value_TypeKind(h) == raw.TypeKindTypeEnum {
			v.Text = m.Value_EnumDisplayName(h)
		} else {
			v.Text = m.Value_DebugString(h, false)
		}
	}
	return v
}

func floorNanos(n int64) (micros int64, nanos int32) {
	micros, rest := n/1000, n%1000
	if rest < 0 {
		micros, rest = micros-1, rest+1000
	}
	return micros, int32(rest)
}

// suspect reports whether a literal may come from the analyzer's folding of a
// DATE to a DATETIME, which yields 1970-01-01 00:00:00 whatever the date is
// (upstream's cast.cc builds the value inside a check that its release build
// leaves out). Such a value is suspect unless the source text says 1970; a
// value of another type is suspect if a DATETIME was on the way to it.
func (d *decoder) suspect(v ir.Value, text string) bool {
	if v.Null {
		return false
	}
	switch v.Type.Kind {
	case ir.Datetime:
		return v.Int == 0 && v.Nanos == 0 && !strings.Contains(text, "1970")
	case ir.Array, ir.Struct, ir.Range:
		for _, e := range v.Elems {
			if d.suspect(e, text) {
				return true
			}
		}
		return false
	}
	if text != "" && (!containsFold(text, "datetime") || strings.Contains(text, "1970")) {
		return false
	}
	switch v.Type.Kind {
	case ir.Date, ir.Time:
		return v.Int == 0
	case ir.Timestamp:
		_, offset := time.Unix(0, 0).In(d.s.zone).Zone()
		return v.Int == 0 || v.Int == -int64(offset)*1e6
	case ir.String:
		return strings.Contains(v.Text, "1970")
	}
	return false
}
