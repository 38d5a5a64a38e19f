package datatest

import (
	"strings"
	"testing"
)

// FuzzParseRef: names come as they were written, and the usual spelling of them means the
// same.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"ref('x')", "{{ source('a', \"b\") }}", "ref `a` 'b'", "{{- ref 'x' -}}", "source('a')", "ref('')", "ref('a',)", "{{}}", "ref('a' 'b')", "ref(é)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fn, args, err := ParseRef(s)
		if err != nil {
			if fn != "" || args != nil {
				t.Fatalf("%q is wrong and read as %s %q", s, fn, args)
			}
			return
		}
		if !arity(fn, args) {
			t.Fatalf("%q is read as %s %q", s, fn, args)
		}
		var quoted []string
		for _, a := range args {
			quote := "'"
			if strings.Contains(a, quote) {
				quote = "\""
			}
			if a == "" || !strings.Contains(s, a) || strings.Contains(a, quote) && !strings.Contains(s, "`"+a+"`") {
				t.Fatalf("%q is read as %s %q", s, fn, args)
			}
			if strings.Contains(a, quote) {
				quote = "`"
			}
			quoted = append(quoted, quote+a+quote)
		}
		for _, usual := range []string{"{{ " + fn + "(" + strings.Join(quoted, ", ") + ") }}", fn + " " + strings.Join(quoted, " ")} {
			againFn, again, err := ParseRef(usual)
			if err != nil || againFn != fn || strings.Join(again, "\x00") != strings.Join(args, "\x00") {
				t.Fatalf("%q is read as %s %q, but %q as %s %q, %v", s, fn, args, usual, againFn, again, err)
			}
		}
	})
}

// FuzzParseThreshold: a threshold that can be read has an answer for every number, and
// blanks around it do not matter.
func FuzzParseThreshold(f *testing.F) {
	for _, s := range []string{"> 10", "!=0", "BETWEEN 1 and 3", "<> -1", "= 9223372036854775808", "between 3 and 1", "=> 1", "> 1.5", ""} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, s string, n int64) {
		test, err := ParseThreshold(s)
		if (err == nil) != (test != nil) {
			t.Fatalf("%q is read as %p, %v", s, test, err)
		}
		padded, paddedErr := ParseThreshold(" " + s + "\t")
		if (err == nil) != (paddedErr == nil) || err == nil && test(n) != padded(n) {
			t.Fatalf("%q means something else with blanks around it", s)
		}
		if _, err := Outcome(n, Query{Severity: "warn", WarnIf: s, ErrorIf: s}); (err == nil) != (test != nil) {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
