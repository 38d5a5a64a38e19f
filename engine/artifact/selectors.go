package artifact

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/project"
)

// selectors are those of selectors.yml, their definitions as dbt spells them out.
func (w *writer) selectors(o *object) {
	for _, s := range w.p.Project.Selectors {
		entry := map[string]any{"name": s.Name.V, "definition": definitionOf(s.Definition)}
		if s.Description != "" {
			entry["description"] = s.Description
		}
		switch s.Default.V {
		case "":
		case "true", "false":
			entry["default"] = s.Default.V == "true"
		default:
			entry["default"] = s.Default.V
		}
		o.put(s.Name.V, entry)
	}
}

func definitionOf(c *project.Choice) map[string]any {
	out := map[string]any{}
	if c == nil {
		return out
	}
	excluded := definitions(c.Exclude)
	switch {
	case len(c.Parts) > 0:
		key := "union"
		if c.All {
			key = "intersection"
		}
		parts := definitions(c.Parts)
		if len(excluded) > 0 {
			parts = append(parts, map[string]any{"exclude": excluded})
		}
		out[key] = parts
		return out
	case c.Text.IsSet():
		out = singleSpec(c.Text.V)
	case c.Method.IsSet():
		out["method"], out["value"] = c.Method.V, c.Value.V
		for key, v := range map[string]project.Value[bool]{"parents": c.Parents, "children": c.Children, "childrens_parents": c.Around} {
			if v.IsSet() {
				out[key] = v.V
			}
		}
		for key, v := range map[string]project.Value[string]{"parents_depth": c.ParentsDepth, "children_depth": c.ChildrenDepth, "indirect_selection": c.Indirect} {
			if v.IsSet() {
				out[key] = depth(v.V)
			}
		}
	}
	if len(excluded) > 0 {
		out["exclude"] = excluded
	}
	return out
}

func definitions(list []*project.Choice) []any {
	var out []any
	for _, c := range list {
		out = append(out, definitionOf(c))
	}
	return out
}

// spec is dbt's RAW_SELECTOR_PATTERN.
var spec = regexp.MustCompile(`^(@)?((\d*)\+)?(?:([\w.]+):)?(.*?)(\+(\d*))?$`)

// singleSpec takes a selector of the command line apart: 2+tag:nightly.
func singleSpec(text string) map[string]any {
	m := spec.FindStringSubmatch(text)
	if m == nil {
		return map[string]any{"error": "Invalid selector spec"}
	}
	out := map[string]any{"method": m[4], "value": m[5]}
	if m[4] == "" {
		out["method"] = "fqn"
		switch {
		case strings.ContainsRune(m[5], '/'):
			out["method"] = "path"
		case strings.HasSuffix(m[5], ".sql") || strings.HasSuffix(m[5], ".py") || strings.HasSuffix(m[5], ".csv"):
			out["method"] = "file"
		}
	}
	for key, found := range map[string]string{"childrens_parents": m[1], "parents": m[2], "children": m[6]} {
		if found != "" {
			out[key] = true
		}
	}
	for key, found := range map[string]string{"parents_depth": m[3], "children_depth": m[7]} {
		if found != "" {
			out[key] = found // text, as dbt leaves it
		}
	}
	return out
}

// depth is a number where it is one.
func depth(s string) any {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return s
}
