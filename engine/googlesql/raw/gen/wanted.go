package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// rule is one line of wanted.txt.
type rule struct {
	verb    string // get, all, call, func, enum, drop, destroy; only is not kept
	pattern string // path.Match pattern over upstream names
	used    bool
}

type wanted struct {
	rules []*rule
	// words are the names that the Go files of the only rules' folders mention; nil
	// without such a rule.
	words map[string]bool
}

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
		case "get", "all", "call", "func", "enum", "drop", "destroy", "only":
		default:
			return nil, fmt.Errorf("%s:%d: unknown rule %q", file, i+1, fields[0])
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("%s:%d: rule %q names nothing", file, i+1, fields[0])
		}
		if fields[0] == "only" {
			for _, dir := range fields[1:] {
				if err := w.readWords(filepath.Join(filepath.Dir(file), dir)); err != nil {
					return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
				}
			}
			continue
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

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// readWords collects the names in a folder's Go files that were not generated.
func (w *wanted) readWords(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no Go files in %s", dir)
	}
	if w.words == nil {
		w.words = map[string]bool{}
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(text), "// Code generated") {
			continue
		}
		for _, name := range word.FindAllString(string(text), -1) {
			w.words[name] = true
		}
	}
	return nil
}

// mentions reports whether a method of Module has a use.
func (w *wanted) mentions(name string) bool { return w.words == nil || w.words[name] }

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
