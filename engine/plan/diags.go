package plan

import (
	"fmt"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
)

const codeParentMissing diag.Code = "parent-missing"

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeParentMissing, Title: "a model reads something that is not built", Explain: "The selection leaves out a parent that does not exist in the target yet.", Bad: "engine build --select orders   # in an empty target", Good: "engine build --select +orders"},
}

func parentMissing(n, parent *compile.Node) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeParentMissing, Model: n.ID,
		Message: fmt.Sprintf("%q reads %q, which is neither selected nor built yet", n.ID.Name, parent.ID.Name),
		Help:    fmt.Sprintf("build it too: --select +%s", n.ID.Name),
	}
	if n.File != nil {
		d.At = n.File.Whole()
	}
	for _, r := range n.Refs {
		if r.To == parent.ID {
			d.At = r.Span
			break
		}
	}
	return d
}
