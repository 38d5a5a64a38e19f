package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
)

// scope is a set of nodes: a folder, a pattern of paths, or all that have a property.
type scope struct {
	text  string
	has   func(*compile.Node) bool
	width int // the smaller, the narrower
}

// properties are the words of scopes that are no paths.
var properties = map[string]func(n *compile.Node, value string) bool{
	"tier":         func(n *compile.Node, v string) bool { return n.Config.Tier == v },
	"group":        func(n *compile.Node, v string) bool { return n.Config.Group == v },
	"access":       func(n *compile.Node, v string) bool { return n.Config.Access == v },
	"tag":          func(n *compile.Node, v string) bool { return slices.Contains(n.Config.Tags, v) },
	"kind":         func(n *compile.Node, v string) bool { return string(n.ID.Kind) == v },
	"materialized": func(n *compile.Node, v string) bool { return n.Config.Materialized == v },
	"distribute":   func(n *compile.Node, v string) bool { return n.Config.Distribute == v },
	"name": func(n *compile.Node, v string) bool {
		return n.ID.Name == v || n.Version != nil && n.Version.Model == v
	},
	"source": func(n *compile.Node, v string) bool {
		return n.Source != nil && (n.Source.SourceName.V == v || n.ID.Name == v)
	},
}

// parseScope reads tier:core, models/core, models/**/x_*.sql. roots are the folders that a
// path may leave out.
func parseScope(text string, roots []string) (scope, error) {
	if word, value, ok := strings.Cut(text, ":"); ok {
		has := properties[word]
		if has == nil {
			known := slices.Sorted(maps.Keys(properties))
			if near, ok := diag.Suggest(word, known); ok {
				return scope{}, fmt.Errorf("did you mean %q?", near+":"+value)
			}
			return scope{}, fmt.Errorf("a scope is a folder, or one of %s with a value behind a colon", strings.Join(known, ", "))
		}
		if word == "kind" && !slices.Contains(addr.Kinds, addr.Kind(value)) {
			return scope{}, fmt.Errorf("there is no kind %q", value)
		}
		width := 1 << 20
		if word == "name" {
			width = 0
		} else if word == "kind" {
			width++
		}
		return scope{text: text, width: width, has: func(n *compile.Node) bool { return has(n, value) }}, nil
	}
	path := strings.Trim(text, "/")
	if path == "" {
		return scope{}, fmt.Errorf("the scope is empty")
	}
	if !strings.ContainsAny(path, "*?") {
		return scope{text: text, width: 1<<19 - len(path), has: func(n *compile.Node) bool {
			return eachPath(n, roots, func(p string) bool { return p == path || strings.HasPrefix(p, path+"/") })
		}}, nil
	}
	re := regexp.MustCompile("^" + glob(path) + "$")
	return scope{text: text, width: 1<<18 - len(path), has: func(n *compile.Node) bool { return eachPath(n, roots, re.MatchString) }}, nil
}

// eachPath asks about a node's path, as a whole and below its root folder.
func eachPath(n *compile.Node, roots []string, ask func(string) bool) bool {
	if ask(n.Path) {
		return true
	}
	for _, r := range roots {
		if below, ok := strings.CutPrefix(n.Path, r+"/"); ok && ask(below) {
			return true
		}
	}
	return false
}

// glob is a pattern of paths as a regular expression: * is any text without slashes, ** any
// folders.
func glob(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch rest := pattern[i:]; {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			i++
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return b.String()
}

// narrowest is the first of the scopes that a node is in; they are sorted by width.
func narrowest(n *compile.Node, list []scope) (scope, bool) {
	for _, s := range list {
		if s.has(n) {
			return s, true
		}
	}
	return scope{}, false
}

// inAny reports whether a node is in one of the scopes.
func inAny(n *compile.Node, list []scope) bool {
	_, ok := narrowest(n, list)
	return ok
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
