package duckdb

import (
	"reflect"
	"strconv"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/engine-build/engine/engine/warehouse"
)

// stored is how DuckDB holds the elements of a vector.
type stored uint8

const (
	asIs stored = iota
	asInt16
	asInt32
	asFloat32
	asBytes
)

// Stored says which values DuckDB takes as it stores them.
func (c *conn) Stored(typ string) warehouse.Stored {
	name := strings.ToUpper(typ)
	if width, _, ok := decimalOf(name); ok {
		if width <= 18 {
			return warehouse.StoredDecimal
		}
		return warehouse.StoredNone
	}
	return storedTypes[name].holds
}

// storedType is a type whose vector is filled as it is stored.
type storedType struct {
	holds warehouse.Stored
	typ   driver.Type
	kind  reflect.Kind
	as    stored
}

// storedTypes are those of duckdb.h, by their names.
var storedTypes = map[string]storedType{
	"DATE":                     {warehouse.StoredDays, driver.TYPE_DATE, reflect.Int64, asInt32},
	"TIMESTAMP":                {warehouse.StoredMicros, driver.TYPE_TIMESTAMP, reflect.Int64, asIs},
	"TIMESTAMP WITH TIME ZONE": {warehouse.StoredMicros, driver.TYPE_TIMESTAMP_TZ, reflect.Int64, asIs},
	"TIME":                     {warehouse.StoredTime, driver.TYPE_TIME, reflect.Int64, asIs},
	"SMALLINT":                 {warehouse.StoredInts, driver.TYPE_SMALLINT, reflect.Int64, asInt16},
	"INTEGER":                  {warehouse.StoredInts, driver.TYPE_INTEGER, reflect.Int64, asInt32},
	"FLOAT":                    {warehouse.StoredFloats, driver.TYPE_FLOAT, reflect.Float64, asFloat32},
	"BLOB":                     {warehouse.StoredBytes, driver.TYPE_BLOB, reflect.String, asBytes},
}

// decimalOf reads DECIMAL(width,scale).
func decimalOf(typ string) (width, scale int, ok bool) {
	inner, ok := strings.CutPrefix(typ, "DECIMAL(")
	if !ok {
		return 0, 0, false
	}
	w, s, two := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
	width, err := strconv.Atoi(strings.TrimSpace(w))
	if err != nil || width < 1 || width > 38 {
		return 0, 0, false
	}
	if two {
		if scale, err = strconv.Atoi(strings.TrimSpace(s)); err != nil || scale < 0 || scale > width {
			return 0, 0, false
		}
	}
	return width, scale, true
}

// storedVector is vectorOf where values come as they are stored.
func storedVector(typ string) (info driver.TypeInfo, of shape, same bool, err error) {
	name := strings.ToUpper(typ)
	if t, ok := storedTypes[name]; ok {
		info, err = driver.NewTypeInfo(t.typ)
		return info, shape{kind: t.kind, as: t.as}, true, err
	}
	width, scale, ok := decimalOf(name)
	if !ok || width > 18 {
		return vectorOf(typ)
	}
	of = shape{kind: reflect.Int64}
	switch {
	case width <= 4:
		of.as = asInt16
	case width <= 9:
		of.as = asInt32
	}
	info, err = driver.NewDecimalInfo(uint8(width), uint8(scale))
	return info, of, true, err
}

// narrow copies integers into a vector of smaller ones, which they fit.
func narrow[T int16 | int32](v mapping.Vector, values []int64) {
	out := elements[T](v, len(values))
	for i, x := range values {
		out[i] = T(x)
	}
}
