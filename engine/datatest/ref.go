package datatest

import (
	"fmt"
	"strings"
)

// ParseRef reads a reference as YAML files write it: ref('x'), source('a', 'b'),
// ref "x", source "a" "b", each with or without {{ }}. fn is «ref» or «source», args are
// one or two names for ref (project first) and two for source.
func ParseRef(s string) (fn string, args []string, err error) {
	text := strings.TrimSpace(s)
	if inner, ok := strings.CutPrefix(text, "{{"); ok {
		inner, ok = strings.CutSuffix(inner, "}}")
		if !ok {
			return "", nil, fmt.Errorf("%q is not a reference: {{ is not closed", s)
		}
		text = strings.TrimSpace(strings.Trim(inner, "-"))
	}
	for _, fn = range []string{"ref", "source"} {
		rest, ok := strings.CutPrefix(text, fn)
		if !ok {
			continue
		}
		if args, ok = refArgs(rest); ok && arity(fn, len(args)) {
			return fn, args, nil
		}
	}
	return "", nil, fmt.Errorf("%q is not a reference: want ref('model') or source('source', 'table')", s)
}

func arity(fn string, n int) bool { return n == 2 || fn == "ref" && n == 1 }

// refArgs reads ('a', 'b') or "a" "b".
func refArgs(s string) ([]string, bool) {
	s = strings.TrimSpace(s)
	called := strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")")
	if called {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	var args []string
	for s != "" {
		if len(args) > 0 && called {
			rest, ok := strings.CutPrefix(s, ",")
			if !ok {
				return nil, false
			}
			s = strings.TrimSpace(rest)
		}
		if s == "" || !strings.ContainsRune("'\"`", rune(s[0])) {
			return nil, false
		}
		end := strings.IndexByte(s[1:], s[0])
		if end < 1 {
			return nil, false
		}
		args = append(args, s[1:1+end])
		s = strings.TrimSpace(s[end+2:])
	}
	return args, len(args) > 0
}
