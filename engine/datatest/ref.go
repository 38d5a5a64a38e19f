package datatest

import (
	"fmt"
	"strings"
)

// ParseRef reads a reference as YAML files write it: ref('x'), source('a', 'b'),
// ref "x", source "a" "b", each with or without {{ }}. fn is «ref» or «source», args are
// one or two names for ref (project first) and two for source. Behind the names of a ref
// may be a version, ref('x', v=1) or ref "x" 1: args then end with «v» and the version.
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
		if args, ok = refArgs(rest); ok && arity(fn, args) {
			return fn, args, nil
		}
	}
	return "", nil, fmt.Errorf("%q is not a reference: want ref('model') or source('source', 'table')", s)
}

func arity(fn string, args []string) bool {
	n := len(args)
	if fn == "ref" && n > 2 && args[n-2] == "v" {
		n -= 2
	}
	return n == 2 || fn == "ref" && n == 1
}

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
		for _, mark := range []string{"version", "v"} {
			rest, ok := strings.CutPrefix(s, mark)
			if rest = strings.TrimSpace(rest); ok && called && len(args) > 0 && strings.HasPrefix(rest, "=") {
				version := strings.Trim(strings.TrimSpace(rest[1:]), "'\"")
				return append(args, "v", version), isVersion(version)
			}
		}
		if s != "" && s[0] >= '0' && s[0] <= '9' && len(args) > 0 {
			return append(args, "v", s), isVersion(s)
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

// isVersion reports whether s can be what stands behind the last name of a ref.
func isVersion(s string) bool { return s != "" && !strings.ContainsAny(s, " ,()'\"`") }
