package function

import "fmt"

// Kind is the kind of an argument or result of a Function.
type Kind uint8

// The kinds and their Go types. Array may be added to any other: Array|String is a []any of
// strings and nils.
const (
	String  Kind = iota + 1 // string
	Bytes                   // []byte
	Int64                   // int64
	Float64                 // float64
	Bool                    // bool
	Hugeint                 // *big.Int, at most 128 bits with sign
	Uint64                  // uint64
	Array   Kind = 0x80
)

// Elem is the kind of a list's elements, or the kind itself.
func (k Kind) Elem() Kind { return k &^ Array }

// IsArray reports whether the kind is a list.
func (k Kind) IsArray() bool { return k&Array != 0 }

// String is the kind as GoogleSQL writes it.
func (k Kind) String() string {
	names := [...]string{String: "STRING", Bytes: "BYTES", Int64: "INT64", Float64: "FLOAT64", Bool: "BOOL", Hugeint: "HUGEINT", Uint64: "UINT64"}
	name := "UNKNOWN"
	if e := k.Elem(); int(e) < len(names) && names[e] != "" {
		name = names[e]
	}
	if k.IsArray() {
		return "ARRAY<" + name + ">"
	}
	return name
}

// Function is one scalar function.
type Function struct {
	// Name is unique in List, lower case, without Prefix.
	Name string
	Args []Kind
	// Rest, if not 0, is the kind of any number of further arguments.
	Rest   Kind
	Result Kind
	// Nulls says that Fn wants to see NULL arguments; otherwise a NULL argument makes the
	// result NULL without a call.
	Nulls bool
	// Volatile says that equal arguments may give unequal results.
	Volatile bool
	// Total says that Fn never fails; a function that may fail has a second one in List whose
	// name begins with Safe and which gives NULL instead.
	Total bool
	// Fn computes the function. Its errors are texts for the user's eyes, in GoogleSQL's words.
	// It must not keep or change its arguments.
	Fn func(args []any) (any, error)
}

// Prefix begins the name of every function where it is registered in a warehouse, so that
// none hides one of the warehouse's own.
const Prefix = "engine_"

// Safe begins the names of functions that give NULL where the plain one fails.
const Safe = "safe_"

// safe is f with errors turned into NULL.
func (f Function) safe() Function {
	g := f
	g.Name = Safe + f.Name
	g.Total = true
	g.Fn = func(args []any) (any, error) {
		v, err := f.Fn(args)
		if err != nil {
			return nil, nil
		}
		return v, nil
	}
	return g
}

// Guard is Fn with a panic turned into an error: whatever a value may hold, the process
// that runs the query goes on.
func (f Function) Guard(args []any) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("%s: internal error: %v", f.Name, r)
		}
	}()
	return f.Fn(args)
}
