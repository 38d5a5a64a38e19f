package browse

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed testdata/axe-core/axe.min.js
var axe string

// Violation is a rule of accessibility that a page breaks.
type Violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		Target         []any
		HTML           string
		FailureSummary string
	}
}

func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s, %d times", v.ID, v.Impact, v.Help, len(v.Nodes))
	for i, n := range v.Nodes {
		if i == 4 {
			fmt.Fprintf(&b, "\n\t… and %d more", len(v.Nodes)-i)
			break
		}
		why := strings.Split(n.FailureSummary, "\n")
		fmt.Fprintf(&b, "\n\t%v %.160s — %.220s", n.Target, n.HTML, strings.TrimSpace(why[len(why)-1]))
	}
	return b.String()
}

// Axe judges the page as it is now with axe-core, all rules. Its preload of style sheets is off:
// it would break the page's content policy.
func (tab *Tab) Axe() []Violation {
	tab.t.Helper()
	if !Value[bool](tab, `typeof axe === 'object'`) {
		tab.Eval(axe + "\n;undefined")
	}
	return Value[[]Violation](tab, `axe.run(document, { preload: false, resultTypes: ['violations'] }).then(r => r.violations.map(v => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => ({ target: n.target, html: n.html, failureSummary: n.failureSummary })) })))`)
}

// Accessible fails the test for each violation. Name says what is looked at.
func (tab *Tab) Accessible(name string) {
	tab.t.Helper()
	for _, v := range tab.Axe() {
		tab.t.Errorf("%s: %s", name, v)
	}
}
