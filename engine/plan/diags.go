package plan

import (
	"fmt"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeParentMissing diag.Code = "parent-missing"
	codeLeftOver      diag.Code = "relation-left-over"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeLeftOver, Title: "a relation whose model is gone", Explain: "The engine built it for a model, seed or snapshot that was deleted, renamed or disabled since. It is never dropped silently: somebody may still read it.", Bad: "rm models/orders.sql # and the table stays as it was last built", Good: "drop table main.orders -- when nobody reads it any more"},
	{Code: codeParentMissing, Title: "a model reads something that is not built", Explain: "The selection leaves out a parent that does not exist in the target yet.", Bad: "engine build --select orders   # in an empty target", Good: "engine build --select +orders"},
}

func leftOver(node addr.Node, rel warehouse.Relation) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Warning, Code: codeLeftOver, Model: node,
		Message: fmt.Sprintf("%s %q is no longer in the project, its %s %s stays as it is", node.Kind, node.Name, rel.Kind, rel.Name),
		Help:    fmt.Sprintf("drop the %s when nobody reads it any more", rel.Kind),
	}
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
