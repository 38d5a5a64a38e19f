package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// rule is one line of wanted.txt.
type rule struct {
	verb    string // get, all, call, func, enum, drop, destroy
	pattern string // path.Match pattern over upstream names
	used    bool
}

type wanted struct{ rules []*rule }

// readWanted parses wanted.txt: one rule per line, '#' starts a comment.
func readWanted(file string) (*wanted, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	w := &wanted{}
	for i, line := range strings.Split(string(b), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		switch fields[0] {
		case "get", "all", "call", "func", "enum", "drop", "destroy":
		default:
			return nil, fmt.Errorf("%s:%d: unknown rule %q", file, i+1, fields[0])
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("%s:%d: rule %q names nothing", file, i+1, fields[0])
		}
		for _, p := range fields[1:] {
			if _, err := path.Match(p, ""); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
			}
			w.rules = append(w.rules, &rule{verb: fields[0], pattern: p})
		}
	}
	return w, nil
}

// mutators are the name prefixes of methods that are not getters.
var mutators = []string{"Set", "Add", "Release", "Mutable", "Clear", "Init", "Take", "Mark",
	"Accept", "ChildrenAccept", "Check", "Traverse", "Swap", "Copy", "Merge", "Remove", "Unsafe",
	"Reset", "Serialize", "Deserialize"}

func isGetter(method string) bool {
	for _, p := range mutators {
		if strings.HasPrefix(method, p) && (len(method) == len(p) || method[len(p)] < 'a' || method[len(p)] > 'z') {
			return false
		}
	}
	return true
}

// selects reports whether the call typ.method (typ empty: a function) is
// wanted. named says that a rule names it exactly, without a pattern.
func (w *wanted) selects(typ, method string) (yes, named bool) {
	full := typ + "." + method
	if typ == "" {
		full = method
	}
	for _, r := range w.rules {
		var hit bool
		switch r.verb {
		case "get":
			hit = typ != "" && isGetter(method) && match(r.pattern, typ)
		case "all":
			hit = typ != "" && match(r.pattern, typ)
		case "call":
			hit = typ != "" && match(r.pattern, full)
		case "func":
			hit = typ == "" && match(r.pattern, full)
		case "drop":
			if match(r.pattern, full) {
				r.used, yes, named = true, false, false
			}
			continue
		}
		if hit {
			r.used, yes = true, true
			named = named || r.pattern == full
		}
	}
	return yes, named
}

func (w *wanted) selectsEnum(name string) bool {
	yes := false
	for _, r := range w.rules {
		if r.verb == "enum" && match(r.pattern, name) {
			r.used, yes = true, true
		}
	}
	return yes
}

// destroys reports that objects of the type are freed through their virtual
// destructor.
func (w *wanted) destroys(typ string) bool {
	yes := false
	for _, r := range w.rules {
		if r.verb == "destroy" && match(r.pattern, typ) {
			r.used, yes = true, true
		}
	}
	return yes
}

// unused lists the rules that matched nothing: a typing error in wanted.txt.
func (w *wanted) unused() []string {
	var list []string
	for _, r := range w.rules {
		if !r.used {
			list = append(list, r.verb+" "+r.pattern)
		}
	}
	return list
}

func match(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}
