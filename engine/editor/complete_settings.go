package editor

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/project"
)

// settings completes in engine.yml.
func (c *completer) settings(s spot) {
	top := ""
	if len(s.keys) > 0 {
		top = s.keys[0]
	}
	switch {
	case s.path == "":
		if s.key {
			c.keysOf(s, "engine.yml")
		}
	case kinds[top] != "" || top == "tests":
		c.folders(s, top)
	case top == "default_target" || top == "target":
		c.targets()
	case top == "check":
		c.rules(s)
	case top == "targets":
		if len(s.keys) == 2 && s.key {
			for i, k := range []struct{ name, help string }{
				{"type", "duckdb, postgres or bigquery"}, {"schema", "schema of what is built; default: dev_<user>"}, {"database", "database, or project"},
				{"path", "duckdb: the file"}, {"custom_schema", "what becomes of a model's own schema: append, replace, ignore"}, {"threads", "how many nodes are built at once"},
				{"vars", "variables that are stronger than the project's"}, {"publish", "when readers see what a run has built"}, {"keep_previous", "how many replaced versions are kept"},
				{"tag_limits", "how many nodes with a tag may be built at once"}, {"deadline", "how long one run may take"},
				{"max_bytes_per_run", "most bytes that one run may be billed for"}, {"max_cost_per_run", "most money that one run may cost"},
			} {
				sh := aScalar
				if k.name == "vars" || k.name == "tag_limits" {
					sh = aMapping
				}
				c.key(s, k.name, "", k.help, sh, i)
			}
		}
		switch s.last() {
		case "type":
			c.words("`duckdb`, `postgres`, `bigquery`")
		case "custom_schema":
			c.words("`append`, `replace`, `ignore`")
		case "publish":
			c.words("`node`, `run`")
		}
	case s.key:
		c.keysOf(s, "engine.yml")
	default:
		switch s.last() {
		case "ref", "ancestry":
			for i, n := range c.book.refs() {
				c.node(n, i)
			}
		case "target":
			c.targets()
		}
		c.placeValue(s, "engine.yml")
	}
}

// folders completes configuration by folder.
func (c *completer) folders(s spot, top string) {
	kind := kinds[top]
	if top == "tests" {
		kind = addr.Test
	}
	// The steps that are folders, and those below the first config key.
	dir := ""
	rest := s.keys[1:]
	known := c.foldersOf(kind)
	for len(rest) > 0 {
		next := strings.TrimPrefix(dir+"/"+rest[0], "/")
		if _, ok := known[next]; !ok {
			break
		}
		dir, rest = next, rest[1:]
	}
	if len(rest) > 0 {
		c.configBelow(s, kind, rest, "")
		return
	}
	if !s.key {
		return
	}
	for _, f := range namesOf(known) {
		parent, name := "", f
		if i := strings.LastIndexByte(f, '/'); i >= 0 {
			parent, name = f[:i], f[i+1:]
		}
		if parent == dir {
			c.key(s, name, fmt.Sprintf("folder, %d files", known[f]), "", aMapping, rankNear)
		}
	}
	for i, k := range project.KeysOf(kind) {
		c.configKey(s, k, "+", rankOuter+i)
	}
}

// foldersOf are the folders of files of a kind, with how many there are below.
func (c *completer) foldersOf(kind addr.Kind) map[string]int {
	p := c.book.project
	var paths []string
	roots := p.Settings.ModelPaths
	switch kind {
	case addr.Model:
		for _, f := range p.Models {
			paths = append(paths, f.Source.Path)
		}
	case addr.Seed:
		roots = p.Settings.SeedPaths
		for _, f := range p.Seeds {
			paths = append(paths, f.Path)
		}
	case addr.Snapshot:
		roots = p.Settings.SnapshotPaths
		for _, f := range p.Snapshots {
			paths = append(paths, f.Source.Path)
		}
	case addr.Test:
		for _, f := range p.Props {
			paths = append(paths, f.At.File.Path)
		}
	}
	out := map[string]int{}
	for _, path := range paths {
		for _, root := range roots {
			rest, ok := strings.CutPrefix(path, root+"/")
			if !ok {
				continue
			}
			for i := range len(rest) {
				if rest[i] == '/' {
					out[rest[:i]]++
				}
			}
		}
	}
	return out
}

// rules completes the settings of engine check.
func (c *completer) rules(s spot) {
	switch {
	case s.path == "check" && s.key:
		c.key(s, "rules", "mapping", "severity and options by rule", aMapping, 0)
	case s.path == "check.rules" && s.key:
		for i, r := range check.Rules() {
			c.key(s, string(r.ID), r.Title, r.Explain, aScalar, i)
		}
	case len(s.keys) == 3 && s.key:
		for i, k := range []string{"severity", "only", "except"} {
			c.key(s, k, "", "", aScalar, i)
		}
		for _, r := range check.Rules() {
			if string(r.ID) == s.keys[2] {
				for i, o := range r.Options {
					c.key(s, o.Name, "option", o.Help, aScalar, 10+i)
				}
			}
		}
	case len(s.keys) == 3 || s.last() == "severity":
		for i, v := range project.Severities {
			c.value(v, CompleteValue, "", "", i)
		}
	}
}

// selectors completes selectors.yml.
func (c *completer) selectors(s spot) {
	switch {
	case s.path == "" && s.key:
		c.key(s, "selectors", "list", "selections with names", items, 0)
	case s.path == "selectors[]" && s.key:
		for i, k := range []string{"name", "description", "definition", "default"} {
			c.key(s, k, "", "", aScalar, i)
		}
	case strings.Contains(s.path, "definition") && s.key && !strings.HasSuffix(s.path, "[]") || strings.HasSuffix(s.path, "union[]") || strings.HasSuffix(s.path, "intersection[]"):
		for i, k := range []string{"method", "value", "union", "intersection", "exclude", "children", "parents", "children_depth", "parents_depth", "childrens_parents", "indirect_selection"} {
			c.key(s, k, "", "", aScalar, i)
		}
	case s.last() == "method":
		c.words("`tag`, `path`, `file`, `fqn`, `config.materialized`, `resource_type`, `source`, `exposure`, `group`, `access`, `owner`, `version`, `test_type`, `test_name`, `unit_test`, `state`, `result`, `source_status`, `selector`")
	case s.last() == "value":
		for i, v := range c.book.used("tags") {
			c.value(v, CompleteValue, "tag", "", i)
		}
		for i, n := range c.book.refs() {
			c.node(n, rankOuter+i)
		}
	}
}
