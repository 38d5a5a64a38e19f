package function

import (
	"fmt"
	"math"
	"sort"
	"testing"
)

func TestJSON(t *testing.T) {
	const deep = `{"class": {"students": [{"name": "Jane"}, {"name": "John"}], "x y": null}}`
	check(t, []call{
		{"parse_json", []any{` {"b": 1, "a": [1.00, 1e100, "\u0041"], "b": 2} `, "exact"}, `{"a":[1.0,1e+100,"A"],"b":1}`},
		{"parse_json", []any{`{"id": 922337203685477580701}`, "round"}, `{"id":9.223372036854776e+20}`},
		{"parse_json", []any{`{"id": 922337203685477580701}`, "exact"}, fmt.Errorf("cannot round-trip")},
		{"parse_json", []any{`18446744073709551615`, "exact"}, `18446744073709551615`},
		{"parse_json", []any{`{"a":}`, "exact"}, fmt.Errorf("Invalid input to PARSE_JSON")},
		{"parse_json", []any{`1`, "roundish"}, fmt.Errorf("wide_number_mode")},
		{"json_query", []any{`{"a":[1,{"b c":2.5}]}`, `$.a[1]."b c"`}, "2.5"},
		{"json_query", []any{`{"a":null}`, "$.a"}, "null"},
		{"json_query", []any{`{"a":1}`, "$['a']"}, fmt.Errorf("Invalid token in JSONPath at: ['a']")},
		{"json_query", []any{`1`, "a"}, fmt.Errorf("JSONPath must start with '$'")},
		{"json_query", []any{`1`, "$.*"}, fmt.Errorf("Unsupported operator in JSONPath: *")},
		{"json_query", []any{`{"a":[{"b":1},[{"b":2}]]}`, "lax $.a.b"}, "[1]"},
		{"json_query", []any{`{"a":[{"b":1},[{"b":2}]]}`, "lax recursive $.a.b"}, "[1,2]"},
		{"json_query_text", []any{deep, "$.class.students[1]"}, `{"name":"John"}`},
		{"json_query_text", []any{deep, `$.class."x y"`}, nil},
		{"json_query_text", []any{`{"a": 1.00 }`, "$"}, `{"a":1.00}`},
		{"json_query_text", []any{`{"a": [1, }`, "$.a"}, nil},
		{"json_query_text", []any{`{"a": 1, "b`, "$.a"}, "1"},
		{"json_extract_text", []any{deep, "$['class']['students'][0]"}, `{"name":"Jane"}`},
		{"json_value_text", []any{deep, "$.class.students[0].name"}, "Jane"},
		{"json_value_text", []any{deep, "$.class.students"}, nil},
		{"json_value", []any{`{"a":"x\"y"}`, "$.a"}, `x"y`},
		{"json_query_array_text", []any{`{"a": [1, "foo", null]}`, "$.a"}, list("1", `"foo"`, "null")},
		{"json_value_array", []any{`["apples","oranges",null,1]`, "$"}, list("apples", "oranges", nil, "1")},
		{"json_value_array", []any{`["apples",["oranges"]]`, "$"}, nil},
		{"json_value_array", []any{`{"a":"foo"}`, "$.b"}, nil},
		{"json_type", []any{`{"a":1}`}, "object"},
		{"json_type", []any{`-1`}, "number"},
		{"json_keys", []any{`{"a":{"b":1},"c.d":[{"e":1}]}`, int64(10), "strict"}, list(`"c.d"`, "a", "a.b")},
		{"json_keys", []any{`{"a":[{"b":1}]}`, int64(10), "lax"}, list("a", "a.b")},
		{"json_flatten", []any{`[[1,[2]],{"a":3}]`}, list("1", "2", `{"a":3}`)},
		{"json_object", []any{list("b", "a", "b"), list("1", nil, "2")}, `{"a":null,"b":1}`},
		{"json_object", []any{list("a", nil), list("1", "2")}, fmt.Errorf("A key cannot be NULL")},
		{"json_pretty", []any{`{"b":[],"a":[1,{"c":null}]}`}, "{\n  \"b\": [],\n  \"a\": [\n    1,\n    {\n      \"c\": null\n    }\n  ]\n}"},
		{"json_field", []any{`{"a":1}`, "b"}, nil},
		{"json_element", []any{`[1,2]`, int64(1)}, "2"},
		{"json_element", []any{`{"1":2}`, int64(1)}, nil},
		{"json_decimal", []any{"1.5", "text"}, `"1.5"`},
		{"json_decimal", []any{"3", "text"}, "3"},
		{"json_decimal", []any{"1.111111111111111111", "round"}, "1.1111111111111112"},
		{"json_decimal", []any{"1.111111111111111111", "wide"}, `"1.111111111111111111"`},
	})
}

func TestJSONConverters(t *testing.T) {
	check(t, []call{
		{"json_to_bool", []any{"true"}, true},
		{"json_to_bool", []any{"null"}, fmt.Errorf("not a boolean")},
		{"json_to_int64", []any{"10.0"}, int64(10)},
		{"json_to_int64", []any{"10.1"}, fmt.Errorf("The provided JSON number: 10.1 cannot be converted to an int64")},
		{"json_to_int64", []any{`"10"`}, fmt.Errorf("not an integer")},
		{"json_to_uint64", []any{"18446744073709551615"}, uint64(math.MaxUint64)},
		{"json_to_int64_array", []any{"[1,2]"}, list(int64(1), int64(2))},
		{"json_to_string_array", []any{"1"}, fmt.Errorf("not an array")},
		{"json_to_float64", []any{"9007199254740993", "exact", "FLOAT64"}, fmt.Errorf("cannot be converted to FLOAT64 without loss of precision")},
		{"json_to_float64", []any{"9007199254740993", "round", "FLOAT64"}, 9007199254740992.0},
		{"json_lax_bool", []any{`"TRue"`}, true},
		{"json_lax_bool", []any{"0.0"}, false},
		{"json_lax_bool", []any{`"1"`}, nil},
		{"json_lax_int64", []any{`"1.5"`}, int64(2)},
		{"json_lax_int64", []any{`"-1.1e2"`}, int64(-110)},
		{"json_lax_int64", []any{"1e100"}, nil},
		{"json_lax_string", []any{"1.1e2"}, "110"},
		{"json_lax_string", []any{"-0.0"}, "0"},
		{"json_lax_string", []any{"[1]"}, nil},
		{"json_lax_float64", []any{`"+1.5"`}, 1.5},
		{"json_lax_float64_array", []any{`[null,"x",1]`}, list(nil, nil, 1.0)},
	})
}

func TestJSONMutators(t *testing.T) {
	check(t, []call{
		{"json_remove", []any{`["a",["b","c"],"d"]`, "$[1]", "$[1]"}, `["a"]`},
		{"json_remove", []any{`{"a":1}`, nil}, `{"a":1}`},
		{"json_remove", []any{`{"a":1}`, "$"}, fmt.Errorf("The JSONPath cannot be '$'")},
		{"json_set", []any{`{"a":1}`, true, "$.b[1].c", "2"}, `{"a":1,"b":[null,{"c":2}]}`},
		{"json_set", []any{`{"a":1}`, true, "$.a.b", "2"}, `{"a":1}`},
		{"json_set", []any{`{"a":null}`, true, "$.a.b", "2"}, `{"a":{"b":2}}`},
		{"json_set", []any{`{"a":1}`, false, "$.b", "2"}, `{"a":1}`},
		{"json_set", []any{`{"a":1}`, true, "$", `{"b":2}`}, `{"b":2}`},
		{"json_set", []any{`[]`, true, "$[1000000]", "1"}, fmt.Errorf("Exceeded maximum array size")},
		{"json_array_insert", []any{`["a",["b","c"],"d"]`, "v", "$[1][0]", "1"}, `["a",[1,"b","c"],"d"]`},
		{"json_array_insert", []any{`["a","b"]`, "e", "$[1]", "[1,2]"}, `["a",1,2,"b"]`},
		{"json_array_insert", []any{`["a"]`, "v", "$[3]", `"e"`}, `["a",null,null,"e"]`},
		{"json_array_insert", []any{`{"a":{}}`, "v", "$.a[0]", "2"}, `{"a":{}}`},
		{"json_array_append", []any{`{"a":null}`, "v", "$.a", "10"}, `{"a":[10]}`},
		{"json_array_append", []any{`[1]`, "e", "$", nil}, `[1]`},
		{"json_strip_nulls", []any{`{"a":{"b":{"c":null}},"d":[null]}`, "$", true, true}, "null"},
		{"json_strip_nulls", []any{`{"a":[null,1],"b":null}`, "$", false, false}, `{"a":[null,1]}`},
	})
}

// The order of JSON values is that of their keys, as GoogleSQL's compliance suite has it.
func TestJSONKeyOrder(t *testing.T) {
	ordered := []string{
		"null", `""`, `"a"`, `"aa"`, `"b"`,
		"-1.7976931348623157e+308", "-9.223372036854778e+18", "-9223372036854775808", "-9.223372036854775e+18",
		"-9007199254740993", "-9007199254740992", "-1.5", "-1", "-5e-324", "0", "5e-324", "1", "1.1",
		"9007199254740992", "9007199254740993", "9007199254740994", "9223372036854775807", "9223372036854775808",
		"18446744073709551610", "18446744073709551615", "1.8446744073709552e+19", "1e300",
		"false", "true", "[]", "[null]", "[null,null]", "[1]", "[1,1]", "[[1]]", "{}", `{"":1}`, `{"a":null}`, `{"a":1}`, `{"a":1,"b":2}`, `{"b":1}`,
	}
	keys := make([]string, len(ordered))
	for i, s := range ordered {
		k, err := jsonKey([]any{s})
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = string(k.([]byte))
	}
	if !sort.StringsAreSorted(keys) {
		for i := 1; i < len(keys); i++ {
			if keys[i-1] >= keys[i] {
				t.Errorf("%s is not below %s", ordered[i-1], ordered[i])
			}
		}
	}
	for _, same := range [][2]string{{"1", "1.0"}, {"0", "-0.0"}, {"-9223372036854775808", "-9.223372036854775808e18"}, {"[1]", "[1.0]"}} {
		a, _ := jsonKey([]any{same[0]})
		b, _ := jsonKey([]any{same[1]})
		if string(a.([]byte)) != string(b.([]byte)) {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x"],"b":null}`, `'x'`, `[1,,]`, `{"a":}`, "\"\\ud83d\\ude00\"", `[[[[`, "-"} {
		f.Add(s, "$.a[0]")
	}
	all := map[string]Function{}
	for _, fn := range jsonFunctions() {
		all[fn.Name] = fn
	}
	f.Fuzz(func(t *testing.T, json, path string) {
		for _, name := range []string{"json_query_text", "json_extract_text", "json_value_text", "json_value_array_text", "json_query", "json_extract"} {
			if _, err := all[name].Fn([]any{json, path}); err != nil {
				continue
			}
		}
		v, err := all["parse_json"].Fn([]any{json, "round"})
		if err != nil {
			return
		}
		again, err := all["parse_json"].Fn([]any{v, "exact"})
		if err != nil || again != v {
			t.Fatalf("%q is printed as %q, which reads as %q, %v", json, v, again, err)
		}
	})
}
