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
	codeDependent     diag.Code = "dependent-kept"
	codeBlocked       diag.Code = "dependent-blocks"
	codeBudget        diag.Code = "budget-exceeded"
	codeCostUnknown   diag.Code = "cost-unknown"
	codeNotKept       diag.Code = "version-not-kept"
	codeHeld          diag.Code = "held-back"
	codeNotTogether   diag.Code = "not-together"
	codePublishing    diag.Code = "publication-open"
	codeSpared        diag.Code = "sample-spared"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeNotKept, Title: "earlier versions that cannot be kept", Explain: "keep_previous asks to keep what a build replaces. The foreign key of a kept table would keep the table that it leads to from being replaced, so such a table is replaced without being kept.", Bad: "keep_previous: 2 # of a model with a foreign_key constraint", Good: "keep_previous: 0"},
	{Code: codeHeld, Title: "a node that a rollback holds back", Explain: "engine rollback put an earlier version back. Building the node again would publish once more what was rolled back, so it is left alone until its definition changes; where the definition had not changed, until what it reads does. engine build --release builds it at once.", Bad: "engine rollback && engine build # and the model is as it was", Good: "engine rollback, then a corrected model, then engine build"},
	{Code: codeNotTogether, Title: "a node that cannot be published together with others", Explain: "With publish: run all is built aside, tested, and published in one step. What cannot be done aside, or would be seen before that step, is refused before anything is built.", Bad: "pre_hook: delete from {{ this }} # with publish: run", Good: "publish: node # in the target, or engine build --publish node"},
	{Code: codeSpared, Title: "a node that a sample does not replace", Explain: "A build with --empty or --sample reads a part of the rows only. An incremental model holds rows that were added build by build, and a snapshot holds history: where such a table is whole, it stays as it is. What reads it gets its sample from the whole table.", Bad: "engine build --empty # and an incremental model that was built before", Good: "engine build --empty --full-refresh # if its rows can be made again; snapshots stay in any case"},
	{Code: codePublishing, Title: "a publication that has not ended", Explain: "A run died while it published its nodes together on a warehouse that cannot do that in one step. What it was about to publish is built and tested; the next build completes it before anything else.", Bad: "", Good: "engine build"},
	{Code: codeLeftOver, Title: "a relation whose model is gone", Explain: "The engine built it for a model, seed or snapshot that was deleted, renamed or disabled since. It is never dropped silently: somebody may still read it.", Bad: "rm models/orders.sql # and the table stays as it was last built", Good: "drop table main.orders -- when nobody reads it any more"},
	{Code: codeDependent, Title: "somebody else's view reads what is replaced", Explain: "The view is not part of the project. Replacing a relation takes the views that read it with it, so the engine makes them again in the same transaction, with their owners, rights and comments. If one cannot be made again, because a column is gone, the relation is not replaced.", Bad: "create view other.recent as select * from core.orders -- outside of the project", Good: "models/recent.sql"},
	{Code: codeBlocked, Title: "something would be lost with what is replaced", Explain: "A trigger, rule, foreign key or the like belongs to a relation that the build would replace, and cannot be made again for sure. The relation is not replaced, and its node fails.", Bad: "create trigger audit after insert on core.orders execute function f()", Good: "drop trigger audit on core.orders"},
	{Code: codeBudget, Title: "a run that would cost more than it may", Explain: "The estimate of the run is above --max-bytes or --max-cost, above max_bytes_per_run or max_cost_per_run of the target, or one statement of a model is above its maximum_bytes_billed. Nothing was sent. engine plan --cost shows the estimate of every model.", Bad: "engine build --max-bytes 10GB # and 12 GB would be read", Good: "engine build --max-bytes 10GB --select orders"},
	{Code: codeCostUnknown, Title: "a budget for a run whose cost is not known", Explain: "A statement that reads what is not built yet cannot be asked about, and there is no earlier build to go by. With a budget that counts as too much, unless --allow-unknown-cost is given; the run then stops when the budget is used up.", Bad: "engine build --max-bytes 10GB # for the first time", Good: "engine build --max-bytes 10GB --allow-unknown-cost"},
	sealedCodes[0], sealedCodes[1], sealedCodes[2], contractEntry, deprecatedEntry,
	{Code: codeParentMissing, Title: "a model reads something that is not built", Explain: "The selection leaves out a parent that does not exist in the target yet.", Bad: "engine build --select orders   # in an empty target", Good: "engine build --select +orders"},
}

func leftOver(node addr.Node, rel warehouse.Relation) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Warning, Code: codeLeftOver, Model: node,
		Message: fmt.Sprintf("%s %q is no longer in the project, its %s %s stays as it is", node.Kind, node.Name, rel.Kind, rel.Name),
		Help:    fmt.Sprintf("drop the %s when nobody reads it any more", rel.Kind),
	}
}

// partRead refuses to add to history what was made of a part.
func partRead(n *compile.Node, of addr.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeSpared, Model: n.ID,
		Message: fmt.Sprintf("%s %q holds all of its rows and would be changed by what %q holds, which is only the rows of a build with --empty or --sample", n.ID.Kind, n.ID.Name, of.Name),
		Help:    "build both: --select " + of.Name + "+",
	}
}

func limitedSpared(n *compile.Node) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Warning, Code: codeSpared, Model: n.ID,
		Message: fmt.Sprintf("%s %q holds all of its rows and stays as it is: a sample would not be a correct change of it", n.ID.Kind, n.ID.Name),
		Help:    "build it in a schema of its own, or leave it out: --exclude " + n.ID.Name,
	}
	if n.ID.Kind == addr.Model && (n.Config.FullRefresh == nil || *n.Config.FullRefresh) {
		d.Help = "--full-refresh replaces it by its sample; the next build without one makes all of it anew"
	}
	return d
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
