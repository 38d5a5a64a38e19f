package compile

import (
	"slices"
	"strings"
)

// sensitiveWords are the tags, and the keys of meta, that mark a column.
var sensitiveWords = []string{"pii", "sensitive", "contains_pii"}

// Sensitive reports whether a column of the node is marked as holding values that are nobody's
// business: by meta (pii, sensitive or contains_pii, unless it says no), by a tag of that name,
// by policy tags, or by a mask of what customers see in part. A column that is only written in
// YAML counts as well as one that was found; names are compared without regard to case.
func (n *Node) Sensitive(column string) bool {
	return slices.ContainsFunc(n.SensitiveNames(), func(name string) bool { return strings.EqualFold(name, column) })
}

// SensitiveNames are the columns that are marked, sorted, in lower case. A field of a struct
// («customer.email») marks the column, whose values hold it.
func (n *Node) SensitiveNames() []string {
	var out []string
	add := func(path string) {
		name, _, _ := strings.Cut(strings.ToLower(path), ".")
		out = append(out, name)
	}
	for _, list := range [][]Column{n.Columns, n.Fields} {
		for _, c := range list {
			if markedSensitive(c.Meta, c.Tags) {
				add(c.Name)
			}
		}
	}
	if n.Props != nil {
		for _, c := range n.Props.Columns {
			if len(c.PolicyTags) > 0 || markedSensitive(c.Meta, c.Tags) {
				add(c.Name.V)
			}
		}
	}
	if n.Source != nil {
		for _, c := range n.Source.Columns {
			if len(c.PolicyTags) > 0 || markedSensitive(c.Meta, c.Tags) {
				add(c.Name.V)
			}
		}
	}
	for path, tags := range n.Config.Layout.PolicyTags {
		if len(tags) > 0 {
			add(path)
		}
	}
	if n.Config.Partial != nil {
		for name := range n.Config.Partial.Masks {
			add(name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func markedSensitive(meta map[string]any, tags []string) bool {
	for _, word := range sensitiveWords {
		switch v := meta[word].(type) {
		case bool:
			if v {
				return true
			}
		case string:
			if v != "" && !strings.EqualFold(v, "false") && !strings.EqualFold(v, "no") && !strings.EqualFold(v, "none") {
				return true
			}
		}
		if slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, word) }) {
			return true
		}
	}
	return false
}
