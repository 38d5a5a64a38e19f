package origin

import "github.com/engine-build/engine/engine/ir"

// scalar is the value of a function that passes (parts of) its arguments on, or
// whose arguments only decide; false for all others. The names are the analyzer's.
func (t *tracer) scalar(c *ir.Call, args []*value) (*value, bool) {
	at := func(i int) *value { return part(args, i) }
	rest := func(i int) *value { return mergeAll(args[min(i, len(args)):]...) }
	one := func(v *value) *value { return v.copied(Transformed) }
	switch c.Name {
	case "if":
		return merge(one(rest(1)), at(0).condition()), true
	case "$case_no_value":
		return one(cases(args, 0)), true
	case "$case_with_value":
		return merge(one(cases(args, 1)), at(0).condition()), true
	case "coalesce", "ifnull":
		return one(rest(0)), true
	case "iferror":
		return one(rest(0)), true
	case "nullif":
		return merge(one(at(0)), at(1).condition()), true
	case "nullifzero", "zeroifnull":
		return one(at(0)), true
	case "$with_side_effects":
		return at(0), true
	case "$make_array":
		return arrayOf(rest(0)), true
	case "$array_at_offset", "$array_at_ordinal", "$safe_array_at_offset", "$safe_array_at_ordinal":
		return merge(one(at(0).element()), rest(1).condition()), true
	case "array_first", "array_last":
		return one(at(0).element()), true
	case "array_reverse", "array_distinct":
		return one(at(0)), true
	case "array_concat":
		return one(rest(0)), true
	case "$concat_op", "concat":
		if c.Type != nil && c.Type.Kind == ir.Array {
			return one(rest(0)), true
		}
	case "array_slice", "array_filter", "array_first_n", "array_last_n":
		return merge(one(at(0)), rest(1).condition()), true
	case "array_find", "array_find_all":
		v := at(0)
		if c.Type != nil && c.Type.Kind != ir.Array {
			v = v.element()
		}
		return merge(one(v), rest(1).condition()), true
	case "array_transform":
		if len(c.Args) > 1 && c.Args[1].Lambda != nil {
			// The number of elements is the array's.
			return merge(arrayOf(one(at(1))), at(0).condition()), true
		}
	case "array_zip":
		return zip(c, args)
	case "generate_array", "generate_date_array", "generate_timestamp_array":
		return rest(0).computed(Transformed), true
	}
	return nil, false
}

// cases is the value of CASE: from position i on, pairs of a condition and a
// value, and the value of ELSE at last.
func cases(args []*value, i int) *value {
	var out *value
	for ; i+1 < len(args); i += 2 {
		out = mergeAll(out, args[i].condition(), args[i+1])
	}
	return merge(out, part(args, i))
}

// zip is ARRAY_ZIP: structs of one element of every array, or what a lambda makes of them.
func zip(c *ir.Call, args []*value) (*value, bool) {
	elem := &value{}
	var decides *value
	for i, a := range c.Args {
		switch {
		case a.Lambda != nil:
			all := decides
			for _, f := range elem.fields {
				all = merge(all, f)
			}
			return merge(arrayOf(args[i].copied(Transformed)), all.condition()), true
		case a.Expr == nil || a.Expr.T() == nil || a.Expr.T().Kind != ir.Array:
			decides = merge(decides, args[i].condition())
		default:
			elem.fields = append(elem.fields, args[i].element().copied(Transformed))
		}
	}
	if c.Type == nil || c.Type.Kind != ir.Array || c.Type.Elem == nil || len(c.Type.Elem.Fields) != len(elem.fields) {
		return nil, false
	}
	return merge(arrayOf(elem), decides), true
}

// aggregated is the value of an aggregate function.
func (t *tracer) aggregated(c *ir.Call, args []*value) *value {
	if builtin(c) && len(args) > 0 {
		first := args[0].copied(Aggregated)
		switch c.Name {
		case "any_value", "min", "max", "array_concat_agg":
			return first
		case "array_agg":
			return arrayOf(first)
		case "max_by", "min_by":
			return merge(first, mergeAll(args[1:]...).condition())
		}
	}
	return mergeAll(args...).computed(Aggregated)
}

// windowed is the value of a function that reads another row of the window; false for all others.
func windowed(c *ir.Call, args []*value) (*value, bool) {
	switch c.Name {
	case "first_value", "last_value":
		return part(args, 0).copied(Transformed), true
	case "nth_value":
		return merge(part(args, 0).copied(Transformed), part(args, 1).condition()), true
	case "lag", "lead":
		return mergeAll(part(args, 0).copied(Transformed), part(args, 1).condition(), part(args, 2).copied(Transformed)), true
	}
	return nil, false
}
