package project

import "fmt"

// Format is «format:» of engine.yml: what «engine fmt» makes of SQL files. Values that are
// not set are the formatter's own.
type Format struct {
	LineLength, Indent Value[int64]  // characters; blanks per level
	Keywords           Value[string] // lower, upper
	Commas             Value[string] // trailing, leading
}

func (s *settings) decodeFormat(o *object) {
	n := o.get("format")
	if n == nil {
		return
	}
	f, ok := o.object(n, `"format"`)
	if !ok {
		return
	}
	s.Format.LineLength = f.between("line_length", 40, 400)
	s.Format.Indent = f.between("indent", 1, 8)
	s.Format.Keywords = f.oneOf("keywords", "lower", "upper")
	s.Format.Commas = f.oneOf("commas", "trailing", "leading")
	f.finish(nil, nil)
}

// between is a whole number within bounds.
func (o *object) between(name string, low, high int64) Value[int64] {
	v := o.integer(name)
	if v.IsSet() && (v.V < low || v.V > high) {
		o.list.Add(valueInvalid(v.At, fmt.Sprintf("%s cannot be %d", o.key(name), v.V), fmt.Sprintf("want %d to %d", low, high)))
		return Value[int64]{}
	}
	return v
}
