package datatest

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

// Check looks at one test as written: its kind (customs are the names of the project's own
// generic tests, which take any arguments and win over built-in ones) and its arguments.
// It returns the arguments under the names and with the types of the kind's table.
func Check(t *project.Test, customs []string) (map[string]any, diag.List) {
	if slices.Contains(customs, t.Kind.V) {
		args := map[string]any{}
		for name, v := range t.Args {
			args[name] = v.V
		}
		return args, nil
	}
	kind, alias, ok := lookup(t.Kind.V)
	if !ok {
		return nil, diag.List{kindUnknown(t, names(customs))}
	}
	written := rename(t.Args, alias)
	args, ds := checkTypes(kind, alias, written)
	if !ds.HasErrors() {
		ds.Add(checkPresence(t, kind, args)...)
	}
	if !ds.HasErrors() && kind.check != nil {
		ds.Add(kind.check(&project.Test{Kind: t.Kind, Column: t.Column, Args: written, At: t.At}, args)...)
	}
	if ds.HasErrors() {
		return nil, ds
	}
	return args, ds
}

// rename gives the arguments of an alias the names of its kind.
func rename(written map[string]project.Value[any], alias Alias) map[string]project.Value[any] {
	out := map[string]project.Value[any]{}
	for name, v := range written {
		if own, ok := alias.Rename[name]; ok {
			name = own
		}
		out[name] = v
	}
	if alias.adapt != nil {
		alias.adapt(out)
	}
	return out
}

func checkTypes(kind Kind, alias Alias, written map[string]project.Value[any]) (map[string]any, diag.List) {
	var ds diag.List
	args := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		v := written[name]
		arg, ok := kind.arg(name, alias)
		if !ok {
			ds.Add(argUnknown(kind, name, v.At))
			continue
		}
		value, ok := convert(v.V, arg.Type)
		if !ok {
			ds.Add(argType(kind, arg, v))
			continue
		}
		args[name] = value
	}
	return args, ds
}

func checkPresence(t *project.Test, kind Kind, args map[string]any) diag.List {
	var ds diag.List
	_, named := args[columnName.Name]
	switch {
	case kind.Level == OnColumn && t.Column == "" && !named:
		ds.Add(columnMissing(t, kind))
	case kind.Level == OnColumn && t.Column != "" && named:
		ds.Add(columnTwice(t, kind))
	case kind.Level == OnRelation && t.Column != "":
		ds.Add(misplaced(t, kind))
	}
	for _, a := range kind.Args {
		if _, has := args[a.Name]; a.Required && !has {
			ds.Add(argMissing(t, kind, a))
		}
	}
	return ds
}

// convert gives v the Go type of an argument type.
func convert(v any, typ Type) (any, bool) {
	switch typ {
	case Text:
		s, ok := v.(string)
		return s, ok && s != ""
	case SQL:
		switch v := v.(type) {
		case string:
			return v, v != ""
		case bool, int64, float64:
			return fmt.Sprint(v), true
		}
	case Scalar:
		switch v := v.(type) {
		case int64, float64:
			return v, true
		case string:
			return v, v != ""
		}
	case Integer:
		switch v := v.(type) {
		case int64:
			return v, true
		case float64:
			return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
		}
	case Bool:
		b, ok := v.(bool)
		return b, ok
	case List:
		list, ok := v.([]any)
		return list, ok && len(list) > 0
	case Names:
		if s, ok := v.(string); ok {
			return []string{s}, s != ""
		}
		list, ok := v.([]any)
		out := make([]string, 0, len(list))
		for _, e := range list {
			s, isText := e.(string)
			ok = ok && isText && s != ""
			out = append(out, s)
		}
		return out, ok && len(out) > 0
	case Ref:
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		_, _, err := ParseRef(s)
		return s, err == nil
	}
	return nil, false
}
