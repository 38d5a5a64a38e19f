package compile

import (
	"maps"
	"slices"
	"strconv"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// checkTagLimits mentions limits of the target for tags that no node has.
func (c *compiler) checkTagLimits(p *Program) {
	if len(c.target.TagLimits) == 0 {
		return
	}
	known := map[string]bool{}
	for _, n := range p.Nodes {
		for _, tag := range n.Config.Tags {
			known[tag] = true
		}
	}
	for _, l := range c.target.TagLimits {
		if !known[l.Tag.V] {
			c.ofAll.Add(tagWithoutNodes(l.Tag.At, l.Tag.V, slices.Sorted(maps.Keys(known))))
		}
	}
}

func tagWithoutNodes(at source.Span, tag string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeConfigUnused, Message: "no node has the tag " + strconv.Quote(tag) + ", so its limit has no effect", At: at, Help: "remove it, or give the tag to nodes: tags: [" + tag + "]"}
	if near, ok := diag.Suggest(tag, known); ok {
		d.Help = "did you mean " + strconv.Quote(near) + "?"
	}
	return d
}
