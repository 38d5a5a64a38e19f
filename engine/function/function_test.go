package function

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// byName finds a function of List.
func byName(t *testing.T) map[string]Function {
	t.Helper()
	all := map[string]Function{}
	for _, f := range List() {
		if _, twice := all[f.Name]; twice {
			t.Errorf("%s is listed twice", f.Name)
		}
		all[f.Name] = f
	}
	return all
}

// A call gives a function's name, arguments and result; an error is a result, too.
type call struct {
	name string
	args []any
	want any
}

func check(t *testing.T, calls []call) {
	t.Helper()
	all := byName(t)
	for _, c := range calls {
		f, ok := all[c.name]
		if !ok {
			t.Errorf("there is no function %s", c.name)
			continue
		}
		got, err := f.Guard(c.args)
		if err != nil {
			got = err
		}
		if want, ok := c.want.(error); ok {
			if err == nil || !strings.Contains(err.Error(), want.Error()) {
				t.Errorf("%s%v: got %v, want an error with %q", c.name, c.args, got, want)
			}
			if safe, ok := all[Safe+c.name]; ok {
				if v, err := safe.Guard(c.args); v != nil || err != nil {
					t.Errorf("%s%s%v: got %v, %v, want NULL", Safe, c.name, c.args, v, err)
				}
			} else {
				t.Errorf("%s fails but has no safe variant", c.name)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s%v (-want +got):\n%s", c.name, c.args, d)
		}
	}
}

func list(values ...any) []any { return append([]any{}, values...) }

func TestListIsWellFormed(t *testing.T) {
	all := byName(t)
	for name, f := range all {
		if f.Fn == nil || f.Result == 0 || name == "" || name != strings.ToLower(name) {
			t.Errorf("%q is incomplete", name)
		}
		// NULLs, and values of the right kinds that mean little, do not panic.
		values := func(pick int) []any {
			args := make([]any, len(f.Args))
			for i, k := range f.Args {
				args[i] = sample(k, pick)
			}
			if f.Rest != 0 {
				args = append(args, sample(f.Rest, pick), sample(f.Rest, pick))
			}
			return args
		}
		for pick := range 4 {
			if _, err := f.Guard(values(pick)); err != nil && strings.Contains(err.Error(), "internal error") {
				t.Error(err)
			}
		}
		if f.Nulls {
			if _, err := f.Guard(make([]any, len(f.Args))); err != nil && strings.Contains(err.Error(), "internal error") {
				t.Error(err)
			}
		}
	}
}

func sample(k Kind, pick int) any {
	if k.IsArray() {
		return list(sample(k.Elem(), pick), nil)
	}
	switch k {
	case String:
		return []string{"", "x", "é\x00", "[1,"}[pick]
	case Bytes:
		return [][]byte{{}, []byte("x"), {0xFF, 0}, make([]byte, 40)}[pick]
	case Int64:
		return []int64{0, 1, math.MaxInt64, math.MinInt64}[pick]
	case Uint64:
		return uint64(pick)
	case Float64:
		return []float64{0, 1.5, math.NaN(), math.Inf(-1)}[pick]
	case Bool:
		return pick%2 == 0
	}
	return nil
}

// The examples are those of Google's documentation unless said otherwise.
func TestStrings(t *testing.T) {
	check(t, []call{
		{"initcap", []any{"Hello World-everyone!", " -!"}, "Hello World-Everyone!"},
		{"initcap", []any{"Apples1oranges2pears", "12"}, "Apples1Oranges2Pears"},
		{"instr", []any{"banana", "an", int64(1), int64(2)}, int64(4)},
		{"instr", []any{"banana", "an", int64(-3), int64(1)}, int64(4)},
		{"instr", []any{"banana", "ann", int64(1), int64(1)}, int64(0)},
		{"instr", []any{"helloooo", "oo", int64(1), int64(2)}, int64(6)},
		{"instr", []any{"x", "x", int64(0), int64(1)}, fmt.Errorf("Third argument in INSTR() must be non-zero")},
		{"lpad", []any{"例子", int64(5), " "}, "   例子"},
		{"lpad", []any{"abc", int64(2), "d"}, "ab"},
		{"rpad", []any{"例子", int64(7), "中文"}, "例子中文中文中"},
		{"rpad", []any{"a", int64(-1), "x"}, fmt.Errorf("cannot be negative")},
		{"rpad", []any{"a", int64(3), ""}, fmt.Errorf("cannot be empty")},
		{"lpad_bytes", []any{[]byte("abc"), int64(7), []byte("*+")}, []byte("*+*+abc")},
		{"repeat", []any{"abc", int64(3)}, "abcabcabc"},
		{"repeat", []any{"abc", int64(1000000000)}, fmt.Errorf("1MB")},
		{"soundex", []any{"Ashcraft"}, "A261"},
		{"soundex", []any{"Pfister"}, "P236"},
		{"soundex", []any{""}, ""},
		{"translate", []any{"This is a cookie", "sco", "zku"}, "Thiz iz a kuukie"},
		{"translate", []any{"x", "aa", "bc"}, fmt.Errorf("Duplicate character")},
		{"edit_distance", []any{"aab", "b", int64(1 << 62)}, int64(2)},
		{"edit_distance", []any{"abcdefg", "a", int64(2)}, int64(2)},
		{"split_substr", []any{"www.abc.com", ".", int64(-2), int64(1)}, "abc"},
		{"to_code_points", []any{"foo"}, list(int64(102), int64(111), int64(111))},
		{"code_points_to_string", []any{list(int64(65), int64(255), int64(513), int64(1024))}, "AÿȁЀ"},
		{"code_points_to_string", []any{list(int64(65), nil)}, nil},
		{"code_points_to_string", []any{list(int64(0xD800))}, fmt.Errorf("Invalid codepoint")},
		{"normalize", []any{"\u00ea", "NFD"}, "e\u0302"},
		{"normalize_and_casefold", []any{"Straße", "NFC"}, "strasse"},
		{"contains_folded", []any{"the Blue House", "blue house"}, true},
		{"like", []any{"a%b", `a\%b`}, true},
		{"like", []any{"axb", `a\%b`}, false},
		{"like", []any{"abcabd", "%ab_"}, true},
		{"like", []any{"x", `x\`}, fmt.Errorf("ends with a backslash")},
		{"substr_bytes", []any{[]byte("apple"), int64(-3), int64(2)}, []byte("pl")},
		{"substr_bytes", []any{[]byte("apple"), int64(0), int64(2)}, []byte("ap")},
		{"split_bytes", []any{[]byte{}, []byte(",")}, list([]byte{})},
		{"safe_convert_bytes_to_string", []any{[]byte("\xc2")}, "\uFFFD"},
		{"from_hex", []any{"0AF"}, []byte{0x00, 0xAF}},
		{"from_hex", []any{"x"}, fmt.Errorf("invalid hexadecimal")},
		{"to_base32", []any{[]byte("abcde\xFF")}, "MFRGGZDF74======"},
		{"from_base32", []any{"MFRGGZDF74======"}, []byte("abcde\xFF")},
		{"from_base64", []any{"/+A="}, []byte{0xFF, 0xE0}},
		{"from_base64", []any{"!"}, fmt.Errorf("invalid base64")},
	})
}

func TestRegexp(t *testing.T) {
	check(t, []call{
		{"regexp_contains", []any{"foo@example.com", `@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+`}, true},
		{"regexp_contains", []any{"x", "("}, fmt.Errorf("Cannot parse regular expression")},
		{"regexp_extract", []any{"Hello Helloo and Hellooo", "H?ello+", int64(1), int64(3)}, "Hellooo"},
		{"regexp_extract", []any{"Hello Helloo and Hellooo", "H?ello+", int64(2), int64(1)}, "ello"},
		{"regexp_extract", []any{"Hello Helloo and Hellooo", "H?ello+", int64(1), int64(4)}, nil},
		{"regexp_extract", []any{"x", "(x)(y)?", int64(1), int64(1)}, fmt.Errorf("more than 1 capturing group")},
		{"regexp_extract", []any{"ab", "(x)?b", int64(1), int64(1)}, nil},
		{"regexp_extract_all", []any{"Try `func(x)` or `func(y)`", "`(.+?)`"}, list("func(x)", "func(y)")},
		{"regexp_extract_all", []any{"ab", "x*"}, list("", "")},
		{"regexp_extract_all", []any{"aab", "^a"}, list("a")},
		{"regexp_instr", []any{"ab@cd-ef@gh", "@[^-]*", int64(1), int64(2), int64(0)}, int64(9)},
		{"regexp_instr", []any{"ab@cd-ef@gh", "@[^-]*", int64(1), int64(1), int64(1)}, int64(6)},
		{"regexp_instr_bytes", []any{[]byte("\xffab"), []byte("ab"), int64(1), int64(1), int64(0)}, int64(2)},
		{"regexp_replace", []any{"# Heading", `^# ([a-zA-Z0-9\s]+$)`, `<h1>\1</h1>`}, "<h1>Heading</h1>"},
		{"regexp_replace", []any{"x", "x", `\1`}, fmt.Errorf("requests 1 matches")},
		{"regexp_replace", []any{"abc", "", "-"}, "-a-b-c-"},
		{"regexp_replace_bytes", []any{[]byte("a\xffb"), []byte(`\xff`), []byte("-")}, []byte("a-b")},
		{"regexp_groups", []any{"id:123", `(\w+):(\d+)(:x)?`}, list("id", "123", nil)},
	})
}

func TestHashes(t *testing.T) {
	check(t, []call{
		{"farm_fingerprint", []any{[]byte("1footrue")}, int64(-1541654101129638711)},
		{"farm_fingerprint", []any{[]byte("2applefalse")}, int64(2794438866806483259)},
		{"farm_fingerprint", []any{[]byte("3true")}, int64(-4880158226897771312)},
	})
	// The values of the other lengths' branches are those of the C++ library's self test:
	// equal prefixes of different lengths must at least differ.
	seen := map[uint64]int{}
	text := []byte(strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789", 8))
	for n := range text {
		h := farmFingerprint64(text[:n])
		if m, twice := seen[h]; twice {
			t.Errorf("lengths %d and %d have the same fingerprint", m, n)
		}
		seen[h] = n
	}
}

func TestNet(t *testing.T) {
	v6 := []byte{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	check(t, []call{
		{"net_ip_from_string", []any{"48.49.50.51"}, []byte("0123")},
		{"net_ip_from_string", []any{"2001:db8::1"}, v6},
		{"net_ip_from_string", []any{"48.49.50.51/32"}, fmt.Errorf("unparseable")},
		{"net_ip_to_string", []any{[]byte("0123")}, "48.49.50.51"},
		{"net_ip_to_string", []any{[]byte("012")}, fmt.Errorf("but got 3")},
		{"net_ip_net_mask", []any{int64(4), int64(20)}, []byte{0xFF, 0xFF, 0xF0, 0}},
		{"net_ip_trunc", []any{[]byte{0xAA, 0xBB, 0xCC, 0xDD}, int64(11)}, []byte{0xAA, 0xA0, 0, 0}},
		{"net_ipv4_from_int64", []any{int64(-1)}, []byte{0xFF, 0xFF, 0xFF, 0xFF}},
		{"net_ipv4_to_int64", []any{[]byte{0, 0xAB, 0xCD, 0xEF}}, int64(0xABCDEF)},
	})
	for _, c := range []struct {
		url                  string
		host, suffix, domain any
	}{
		{"", nil, nil, nil},
		{"http://abc.xyz", "abc.xyz", "xyz", "abc.xyz"},
		{"//user:password@a.b:80/path?query", "a.b", nil, nil},
		{"https://[::1]:80", "[::1]", nil, nil},
		{"http://例子.卷筒纸.中国", "例子.卷筒纸.中国", "中国", "卷筒纸.中国"},
		{"    www.Example.Co.UK    ", "www.Example.Co.UK", "Co.UK", "Example.Co.UK"},
		{"mailto:?to=&subject=&body=", "mailto", nil, nil},
	} {
		check(t, []call{
			{"net_host", []any{c.url}, c.host},
			{"net_public_suffix", []any{c.url}, c.suffix},
			{"net_reg_domain", []any{c.url}, c.domain},
		})
	}
}
