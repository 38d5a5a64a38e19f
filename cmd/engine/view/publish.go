package view

import (
	"slices"

	"github.com/engine-build/engine/engine/plan"
)

// published says when readers see what a plan builds, where that is not node by node.
func published(p *plan.Plan) string {
	switch {
	case !p.PublishRun || !slices.ContainsFunc(p.Actions, func(a *plan.Action) bool { return len(a.Publish) > 0 }):
		return ""
	case p.PublishBurst:
		return "published together, when all is built and tested: one swap closely after the other, so that readers may see a mix for some seconds"
	}
	return "published together in one step, when all is built and tested, or not at all"
}
