package ir

// Value is a constant of a type.
//
// Which fields speak depends on the type's kind:
//
//	Bool                        Int, 0 or 1
//	Int64, Int32, Uint32        Int
//	Uint64                      Int, the bits of the unsigned number
//	Float64, Float32            Float
//	Numeric, BigNumeric         Text, plain decimal digits ("-12.5")
//	String, Bytes               Text
//	JSON                        Text, the JSON text
//	Date                        Int, days since 1970-01-01
//	Timestamp, Datetime         Int, microseconds since 1970-01-01 00:00:00 (UTC; wall clock); Nanos the rest, 0 to 999
//	Time                        Int, microseconds since midnight; Nanos the rest
//	Interval                    Months, Days, Int microseconds, Nanos the rest
//	UUID                        Text, in 8-4-4-4-12 form
//	Range                       Elems, start and end; a Null end is unbounded
//	Array, Struct               Elems
//	others                      Text, the analyzer's own print
type Value struct {
	Type   *Type
	Null   bool
	Int    int64
	Nanos  int32
	Months int64
	Days   int64
	Float  float64
	Text   string
	Elems  []Value
}
