package plan

import (
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
)

// late reports whether a test cannot keep its node from being published: one of severity
// warn never fails, whatever its thresholds. It runs when the node is published and nothing
// waits for it. Where only tests run, nothing is published and every test is as urgent.
func (m *maker) late(t *compile.Test) bool {
	return t.Config.Severity == "warn" && !m.selection.TestsOnly
}

// rideAlong lets late tests be counted in a query that is sent before the publication
// anyway: what it reads is read once, and is not paid for twice.
func (m *maker) rideAlong() {
	of := map[addr.Node]*compile.Test{}
	for _, t := range m.program.Tests {
		of[t.ID] = t
	}
	for _, a := range m.plan.Actions {
		scans := map[string]bool{} // of tests that run before
		late := false
		for _, t := range a.Tests {
			late = late || t.Late
			if !t.Late && t.Count != "" {
				scans[t.Scan] = true
			}
		}
		if !late || len(scans) == 0 || a.InTx && m.program.Target.Dialect.Caps().TransactionalDDL {
			continue // there tests run alone
		}
		for i := range a.Tests {
			t := &a.Tests[i]
			if !t.Late || t.Count == "" || len(t.Parents) > 1 {
				continue
			}
			early, _ := datatest.Render(of[t.ID], m.testInput(of[t.ID], a, false)) // it has said what is wrong already
			if early.Count != "" && scans[early.Scan] {
				early.Parents, early.Fingerprint = t.Parents, t.Fingerprint
				*t = early
			}
		}
	}
}

// limitTags gives actions those of their tags that the target limits.
func (m *maker) limitTags() {
	most := map[string]int{}
	for _, l := range m.program.Target.TagLimits {
		most[l.Tag.V] = int(l.Most.V)
	}
	for _, a := range m.plan.Actions {
		for _, tag := range m.program.Nodes[a.Node].Config.Tags {
			if n, ok := most[tag]; ok && !slices.Contains(a.Tags, tag) {
				a.Tags = append(a.Tags, tag)
				if m.plan.AtOnce == nil {
					m.plan.AtOnce = map[string]int{}
				}
				m.plan.AtOnce[tag] = n
			}
		}
		slices.Sort(a.Tags)
	}
}
