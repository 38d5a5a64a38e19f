package function

import (
	"bytes"
	"errors"
	"testing"
)

func TestCollations(t *testing.T) {
	c := &collations{byName: map[string]*collation{}}
	for _, x := range []struct {
		name string
		less []string // in order
	}{
		{"und:ci", []string{"", " ", "_", "1", "12", "2", "a", "á", "ab", "b"}},
		{"unicode:ci", []string{"a", "B", "c"}},
		{"en_US", []string{"a", "A", "aA", "Aa", "b", "B"}},
		{"sv", []string{"z", "å", "ä", "ö"}},
		{"de:ci", []string{"ä", "b", "z"}},
		{"binary", []string{"A", "B", "a"}},
		{"en-us-u-kn-true", []string{"a1b", "a12b"}},
	} {
		k, err := c.get(x.name)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		for i := 1; i < len(x.less); i++ {
			if a, b := x.less[i-1], x.less[i]; bytes.Compare(k.key(a), k.key(b)) >= 0 {
				t.Errorf("%s: %q is not below %q", x.name, a, b)
			}
		}
	}
	k, err := c.get("und:ci")
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range [][2]string{{"a", "A"}, {"É", "e\u0301"}, {"a\u2060b", "AB"}, {"Σ", "ς"}} {
		if !bytes.Equal(k.key(same[0]), k.key(same[1])) {
			t.Errorf("%q differs from %q", same[0], same[1])
		}
	}
}

func TestCollationFunctions(t *testing.T) {
	check(t, []call{
		{"collation_like", []any{"GooGle", "goo%", "und:ci"}, true},
		{"collation_like", []any{"GooGle", "%OG%LE", "und:ci"}, true},
		{"collation_like", []any{"GooGle", "%le%le", "und:ci"}, false},
		{"collation_like", []any{"a%b", `A\%B`, "und:ci"}, true},
		{"collation_like", []any{"axb", `A\%B`, "und:ci"}, false},
		{"collation_like", []any{"", "%", "und:ci"}, true},
		{"collation_like", []any{"a", "a_", "und:ci"}, errors.New("has '_' which is not allowed")},
		{"collation_like", []any{"a", `a\`, "und:ci"}, errors.New("LIKE pattern ends with a backslash")},
		{"collation_starts_with", []any{"A\u2060bc", "ab", "und:ci"}, true},
		{"collation_starts_with", []any{"e\u0301a", "E", "und:ci"}, false},
		{"collation_ends_with", []any{"xAB", "b", "und:ci"}, true},
		{"collation_instr", []any{"aAa", "A", int64(1), int64(3), "und:ci"}, int64(3)},
		{"collation_instr", []any{"aAa", "A", int64(2), int64(1), "und:ci"}, int64(2)},
		{"collation_instr", []any{"aAa", "b", int64(1), int64(1), "und:ci"}, int64(0)},
		{"collation_instr", []any{"aAa", "a", int64(-1), int64(1), "und:ci"}, errors.New("a search from the end")},
		{"collation_instr", []any{"aAa", "\u2060", int64(1), int64(1), "und:ci"}, errors.New("the collation ignores")},
		{"collation_replace", []any{"aXbxc", "X", "-", "und:ci"}, "a-b-c"},
		{"collation_replace", []any{"abc", "", "-", "und:ci"}, "abc"},
		{"collation_split", []any{"aXbx", "X", "und:ci"}, []any{"a", "b", ""}},
		{"collation_split", []any{"ab", "", "und:ci"}, []any{"a", "b"}},
		{"collation_key", []any{"a", "some_collate"}, errors.New("COLLATE has invalid collation name 'some_collate'")},
		{"collation_key", []any{"a", "und:xx"}, errors.New("invalid collation name")},
		{"collation_key", []any{"a", "en-u-ka-shifted"}, errors.New("is not available")},
		// A character that is younger than the tables.
		{"collation_key", []any{"\U0001F9FF", "und:ci"}, errors.New("is not available")},
	})
}
