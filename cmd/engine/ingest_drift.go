package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

const codeDrift diag.Code = "ingest-drift"

// driftCodes are those of changes in what is ingested.
var driftCodes = []diag.Entry{
	{Code: codeDrift, Title: "a remote has changed", Explain: "What a source is ingested from is not what engine.lock.json says. What that means is the source's \"drift\": some changes are only reported, others stop the source, all of whose tables then stay those of the last time. The report says which models read a changed column, which exposures show them and which customers have them.", Bad: "engine ingest # the app has dropped a column", Good: "engine ingest --accept-drift # engine.lock.json says what is there now: commit it"},
}

// driftEntry is a change with what depends on it, for people and programs.
type driftEntry struct {
	ingest.Change
	// Models read what has changed, directly or not, in order of name; Exposures show one of them.
	Models    []string `json:"models"`
	Exposures []string `json:"exposures"`
	// Customers have one of the models, as the target's records say; Shared are the models that
	// customers get.
	Customers []driftCustomer `json:"customers"`
	Shared    []string        `json:"shared"`
}

// driftCustomer is a customer who has a model that reads what has changed.
type driftCustomer struct {
	Name     string `json:"customer"`
	Contract int    `json:"contract"`
}

// drifted finds out what depends on changes. conn may be nil: what customers have is then
// not asked for. Changes that do not concern anything that is ingested have nothing behind
// them.
func (s *session) drifted(ctx context.Context, conn warehouse.Conn, changes []ingest.Change) ([]driftEntry, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	graph := lineage.ColumnsFrom(s.program, columnOrigin)
	shared := map[addr.Node]bool{}
	rules, _ := tenant.Rules(s.program)
	for _, r := range rules {
		shared[r.Node] = true
	}
	var releases map[string]state.Release
	if conn != nil && s.project.Settings.Distribution != nil {
		var err error
		if releases, _, err = state.ReadReleases(ctx, conn, state.Scope{Database: s.program.Target.Database, Project: s.project.Settings.Name.V, Schema: s.program.Target.Schema}); err != nil {
			return nil, err
		}
	}
	var out []driftEntry
	for _, c := range changes {
		e := driftEntry{Change: c, Models: []string{}, Exposures: []string{}, Customers: []driftCustomer{}, Shared: []string{}}
		if c.Taken {
			e.reached(s.program, readersOf(s.program, graph, c), shared, releases)
		}
		out = append(out, e)
	}
	return out, nil
}

// readersOf are the nodes that a change reaches, the source itself included: through the
// columns that are computed from it or that it decides about, and through all that reads the
// table where the table is gone or nothing is known of its columns.
func readersOf(p *compile.Program, graph *lineage.Columns, c ingest.Change) map[addr.Node]bool {
	id := addr.Node{Kind: addr.Source, Name: c.Source}
	out := map[addr.Node]bool{id: true}
	if c.Column != "" {
		trace, ok := graph.Trace(addr.Column{Node: id, Name: c.Column}, nil, lineage.TraceOptions{Down: true, Indirect: true})
		if ok {
			for _, spot := range trace.Spots {
				out[spot.Node] = true
			}
			return out
		}
		if names, known := graph.Of(id); known && len(names) > 0 {
			return out // the table is known, and nobody has ever read the column
		}
	}
	queue := []addr.Node{id}
	for len(queue) > 0 {
		n := p.Nodes[queue[0]]
		queue = queue[1:]
		if n == nil {
			continue
		}
		for _, child := range n.Children {
			if !out[child] {
				out[child] = true
				queue = append(queue, child)
			}
		}
	}
	return out
}

func (e *driftEntry) reached(p *compile.Program, reached, shared map[addr.Node]bool, releases map[string]state.Release) {
	for _, id := range slices.SortedFunc(maps.Keys(reached), addr.Node.Compare) {
		if id.Kind == addr.Model || id.Kind == addr.Snapshot {
			e.Models = append(e.Models, id.Name)
		}
		if shared[id] {
			e.Shared = append(e.Shared, id.Name)
		}
	}
	for _, x := range p.Exposures {
		if slices.ContainsFunc(x.Parents, func(id addr.Node) bool { return reached[id] }) {
			e.Exposures = append(e.Exposures, x.ID.Name)
		}
	}
	slices.Sort(e.Exposures)
	for _, name := range slices.Sorted(maps.Keys(releases)) {
		r := releases[name]
		has := false
		for id := range r.Pairs {
			has = has || reached[id]
		}
		if has && !strings.HasPrefix(name, "_") { // «_rows» is what some of them share
			e.Customers = append(e.Customers, driftCustomer{name, r.Contract})
		}
	}
}

// shownReaders is how many names a line of the report has before it counts the rest.
const shownReaders = 8

// driftDiags are the changes as the report shows them: refusals as errors, what is ingested
// in spite of a change as warnings, the rest as remarks.
func driftDiags(p *compile.Program, entries []driftEntry) diag.List {
	var out diag.List
	for _, e := range entries {
		d := diag.Diagnostic{Code: codeDrift, Message: fmt.Sprintf("source %s: %s", e.Source, e.Change), Notes: []string{e.Outcome}}
		if n := p.Nodes[addr.Node{Kind: addr.Source, Name: e.Source}]; n != nil && n.Source != nil {
			d.At = n.Source.Table.At
		}
		switch e.Level {
		case ingest.Refusal:
			d.Severity = diag.Error
			d.Help = "adapt the project, then agree to the change with engine ingest --accept-drift"
		case ingest.Warning:
			d.Severity = diag.Warning
			d.Help = "agree to the change with engine ingest --accept-drift"
		default:
			d.Severity = diag.Remark
		}
		if e.Taken {
			d.Notes = append(d.Notes, listed("read by", "no model reads it", e.Models))
			if len(e.Exposures) > 0 {
				d.Notes = append(d.Notes, listed("shown by exposure", "", e.Exposures))
			}
			if len(e.Shared) > 0 {
				d.Notes = append(d.Notes, listed("given to customers:", "", e.Shared))
			}
			if len(e.Customers) > 0 {
				d.Notes = append(d.Notes, listed("customers who have it:", "", contractWords(e.Customers)))
			}
		}
		out.Add(d)
	}
	return out
}

// contractWords are customers with the contract that they read.
func contractWords(list []driftCustomer) []string {
	var out []string
	for _, c := range list {
		word := c.Name
		if c.Contract > 0 {
			word += fmt.Sprintf(" (contract %d)", c.Contract)
		}
		out = append(out, word)
	}
	return out
}

func listed(lead, none string, names []string) string {
	switch n := len(names); {
	case n == 0:
		return none
	case n > shownReaders:
		return fmt.Sprintf("%s %s and %d more", lead, strings.Join(names[:shownReaders], ", "), n-shownReaders)
	}
	return lead + " " + strings.Join(names, ", ")
}

// sortDrift orders changes by table, the worst first.
func sortDrift(changes []ingest.Change) {
	rank := map[ingest.Level]int{ingest.Refusal: 0, ingest.Warning: 1, ingest.Note: 2}
	slices.SortStableFunc(changes, func(a, b ingest.Change) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), rank[a.Level]-rank[b.Level])
	})
}
