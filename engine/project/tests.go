package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
)

// readTests reads the generic tests under data_tests, or tests as dbt used to call it.
func readTests(o *object, column string) []*Test {
	items := o.items("data_tests")
	if o.has("tests") {
		if o.has("data_tests") {
			o.list.Add(testShape(o.keyAt("tests"), fmt.Sprintf("%s has both \"data_tests\" and \"tests\"", o.what), `move all of them under "data_tests"`))
		}
		items = append(slices.Clip(items), o.items("tests")...)
	}
	var out []*Test
	for _, n := range items {
		if t := readTest(o, n, column); t != nil {
			out = append(out, t)
		}
	}
	return out
}

// readTest reads one test: its kind alone, or the kind as the key of its arguments.
func readTest(parent *object, n *yaml.Node, column string) *Test {
	n = resolve(n)
	r := parent.reader
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		return &Test{Kind: Value[string]{n.Value, r.span(n)}, Column: column, Config: Config{}, Args: map[string]Value[any]{}, At: r.span(n)}
	}
	if n.Kind != yaml.MappingNode {
		r.list.Add(testShape(r.span(n), fmt.Sprintf("a test of %s has to be a name, or a name with arguments", parent.what), "write - not_null, or - accepted_values: {values: [a, b]}"))
		return nil
	}
	o, ok := r.object(n, "the test")
	if !ok || len(o.fields) == 0 {
		if ok {
			r.list.Add(testShape(o.at, fmt.Sprintf("a test of %s is empty", parent.what), "write - not_null, or - accepted_values: {values: [a, b]}"))
		}
		return nil
	}
	if o.has("test_name") {
		return readNamedTest(o, column)
	}
	kind := o.fields[0]
	if len(o.fields) > 1 {
		r.list.Add(testKeys(o))
		return nil
	}
	t := &Test{Kind: Value[string]{kind.name, r.span(kind.key)}, Column: column, At: o.at}
	in, ok := r.object(kind.val, "test "+strconv.Quote(kind.name))
	if !ok {
		return nil
	}
	readTestBody(in, t)
	return t
}

// readNamedTest reads dbt's other form: {name: …, test_name: unique, …}.
func readNamedTest(o *object, column string) *Test {
	kind, ok := o.required("test_name")
	if !ok {
		return nil
	}
	t := &Test{Kind: kind, Column: column, At: o.at}
	o.what = "test " + strconv.Quote(kind.V)
	readTestBody(o, t)
	return t
}

// readTestBody reads arguments and configuration. Both may stand directly below the
// test or in a block of their own; what is not configuration is an argument.
func readTestBody(o *object, t *Test) {
	t.Name = o.str("name")
	o.description(&t.Description)
	t.Config = Config{}
	for _, k := range TestConfigKeys {
		if k.Name != "name" {
			o.take(t.Config, k, k.Name, addr.Test)
		}
	}
	block, in := o.config(addr.Test)
	for _, key := range slices.Sorted(maps.Keys(block)) {
		v := block[key]
		if key == "name" {
			if name, ok := v.V.(string); ok && !t.Name.IsSet() {
				t.Name = Value[string]{name, v.At}
			}
			continue
		}
		if first, twice := t.Config[key]; twice {
			in.list.Add(configTwice(v.At, key, first.At))
			continue
		}
		t.Config[key] = v
	}
	t.Args = o.values("arguments")
	if t.Args == nil {
		t.Args = map[string]Value[any]{}
	}
	for _, f := range o.fields {
		if f.used {
			continue
		}
		if help := foreignConfig[f.name]; help != "" {
			o.list.Add(keyUnsupported(o.span(f.key), f.name, o.what, help))
			continue
		}
		if first, twice := t.Args[f.name]; twice {
			o.list.Add(configTwice(o.span(f.key), f.name, first.At))
			continue
		}
		t.Args[f.name] = Value[any]{o.value(f.val), o.span(resolve(f.val))}
	}
}
