package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// Replaced lists the relations that the plan puts others in place of, in its order.
func (p *Plan) Replaced() []addr.Relation {
	var out []addr.Relation
	for _, a := range p.Actions {
		for _, op := range a.Publish {
			if swap, ok := op.(warehouse.Swap); ok && swap.Old != warehouse.None {
				out = append(out, swap.Target)
			}
		}
	}
	return out
}

// Dependents says what others have built on relations that the plan replaces, one
// diagnostic per relation and fate. What the program makes itself is not meant.
func Dependents(p *Plan, program *compile.Program, found []warehouse.Dependent) diag.List {
	own := map[addr.Relation]bool{}
	for _, n := range program.Nodes {
		own[n.Relation] = true
	}
	of := map[addr.Relation]*Action{}
	for _, a := range p.Actions {
		of[a.Relation] = a
	}
	type fate struct {
		of     addr.Relation
		blocks bool
	}
	groups := map[fate][]warehouse.Dependent{}
	var order []fate
	for _, d := range found {
		if of[d.Of] == nil || !d.Relation.IsZero() && (own[d.Relation] || own[addr.Relation{Schema: d.Relation.Schema, Name: d.Relation.Name}]) {
			continue
		}
		if p.PublishRun && d.Blocks && ofOther(d, of) {
			continue // a foreign key of a table that is replaced before
		}
		f := fate{d.Of, d.Blocks}
		if groups[f] == nil {
			order = append(order, f)
		}
		groups[f] = append(groups[f], d)
	}
	slices.SortStableFunc(order, func(a, b fate) int { return a.of.Compare(b.of) })
	var ds diag.List
	for _, f := range order {
		if !f.blocks && groups[fate{f.of, true}] != nil {
			continue // it stays in place with all that depends on it
		}
		found := dependents(of[f.of], f.blocks, groups[f])
		if p.PublishRun && f.blocks {
			found.Severity = diag.Error
			found.Message += ", and nothing of a run that publishes together without it"
		}
		ds.Add(found)
	}
	return ds
}

// ofOther reports whether what depends belongs to another relation that the plan replaces:
// «constraint orders_customer on table core.orders».
func ofOther(d warehouse.Dependent, of map[addr.Relation]*Action) bool {
	for rel, a := range of {
		if rel == d.Of || !replaces(a) {
			continue
		}
		rel.Database = ""
		for _, name := range []string{rel.String(), rel.Name} {
			if strings.HasPrefix(d.What, "constraint ") && strings.HasSuffix(d.What, " on table "+name) {
				return true
			}
		}
	}
	return false
}

func replaces(a *Action) bool {
	return slices.ContainsFunc(a.Publish, func(op warehouse.Op) bool {
		swap, ok := op.(warehouse.Swap)
		return ok && swap.Old != warehouse.None
	})
}

func dependents(a *Action, blocks bool, list []warehouse.Dependent) diag.Diagnostic {
	what := fmt.Sprintf("%d objects of others depend on", len(list))
	if len(list) == 1 {
		what = "an object of others depends on"
	}
	d := diag.Diagnostic{
		Severity: diag.Warning, Code: codeDependent, Model: a.Node, At: a.Origin.At,
		Message: fmt.Sprintf("%s %s, which is replaced; kept: made again in the same transaction", what, a.Relation),
	}
	if blocks {
		d.Code = codeBlocked
		d.Message = fmt.Sprintf("%s %s and would be lost: it will not be replaced", what, a.Relation)
		d.Help = "drop them before the build and make them again after it, or let them depend on something else"
	}
	for i, dep := range list {
		if i == named {
			d.Notes = append(d.Notes, fmt.Sprintf("and %d more", len(list)-named))
			break
		}
		text := dep.What
		if text == "" {
			text = dep.Kind.String() + " " + dep.Relation.String()
		}
		if dep.Owner != "" {
			text += ", owner " + dep.Owner
		}
		d.Notes = append(d.Notes, text)
	}
	return d
}
