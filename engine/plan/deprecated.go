package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// deprecationNotice is how long before its date readers of a deprecated model are told.
const deprecationNotice = 30 * 24 * time.Hour

// Deprecated warns of each selected node, and of each exposure, that reads a model whose
// deprecation date is past at the time of the selection, or near. Without a time nothing is
// said. It reads neither clock nor network.
func Deprecated(program *compile.Program, sel Selection) diag.List {
	var ds diag.List
	if sel.At.IsZero() {
		return nil
	}
	for _, id := range program.Order {
		n := program.Nodes[id]
		if !sel.Nodes[id] {
			continue
		}
		said := map[addr.Node]bool{}
		for _, r := range n.Refs {
			if to := program.Nodes[r.To]; to != nil && !said[r.To] && r.To != id && deprecationNear(to, sel.At) {
				said[r.To] = true
				ds.Add(deprecated(program, to, id, r.Span, sel.At))
			}
		}
	}
	for _, e := range program.Exposures {
		for _, parent := range e.Parents {
			to := program.Nodes[parent]
			if to == nil || !sel.Nodes[parent] || !deprecationNear(to, sel.At) {
				continue
			}
			var at source.Span
			if e.Props != nil {
				at = e.Props.Name.At
			}
			ds.Add(deprecated(program, to, e.ID, at, sel.At))
		}
	}
	return ds
}

func deprecationNear(n *compile.Node, at time.Time) bool {
	return n.Props != nil && n.Props.DeprecationDate.IsSet() && at.After(n.Props.DeprecationDate.V.Add(-deprecationNotice))
}

func deprecated(program *compile.Program, n *compile.Node, reader addr.Node, at source.Span, now time.Time) diag.Diagnostic {
	date := n.Props.DeprecationDate
	name := fmt.Sprintf("model %q", n.ID.Name)
	if v := n.Version; v != nil {
		name = fmt.Sprintf("version %s of model %q", v.V.V, v.Model)
	}
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeDeprecated, Model: reader, At: at, Labels: []diag.Label{{At: date.At, Text: "its date is here"}}}
	if now.Before(date.V) {
		d.Message = fmt.Sprintf("%q reads %s, which is deprecated from %s on", reader.Name, name, date.V.Format(time.DateOnly))
	} else {
		d.Message = fmt.Sprintf("%q reads %s, which is deprecated since %s", reader.Name, name, date.V.Format(time.DateOnly))
	}
	d.Help = "read another model"
	if n.Version == nil {
		return d
	}
	switch others := otherVersions(program, n, now); {
	case len(others) == 0:
		d.Help = fmt.Sprintf("add a version of %q, and read it", n.Version.Model)
	case others[0].Version.Age == 0:
		d.Help = fmt.Sprintf("read the latest version: ref %q", n.Version.Model)
	default:
		var names []string
		for _, o := range others {
			names = append(names, o.Version.V.V)
		}
		d.Help = fmt.Sprintf("read another version: %s", strings.Join(names, ", "))
	}
	return d
}

// otherVersions are the versions of n's model that one may still move to, the latest one first.
func otherVersions(program *compile.Program, n *compile.Node, now time.Time) []*compile.Node {
	var out []*compile.Node
	for _, o := range program.Versions(n.Version.Model) {
		if o != n && !deprecationNear(o, now) {
			out = append(out, o)
		}
	}
	return out
}

const codeDeprecated diag.Code = "model-deprecated"

var deprecatedEntry = diag.Entry{Code: codeDeprecated, Title: "a deprecated model is read", Explain: "The model, or the version of it, has a deprecation_date that is past or less than 30 days away. Its readers should have moved to another one by then. The model is built as before: nothing breaks on that day by itself.", Bad: "# orders: versions: [{v: 1, deprecation_date: 2026-01-31}, {v: 2}]\nselect * from {{ ref \"orders\" 1 }}", Good: "select * from {{ ref \"orders\" 2 }}"}
