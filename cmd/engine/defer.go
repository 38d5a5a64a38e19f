package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// deferring compiles the program anew so that what is chosen reads from another target what
// is not chosen, and not in this one. It gives the records of what is read there; nil: the
// flags do not ask for it, or nothing is.
func (s *session) deferring(ctx context.Context, chosen lineage.Selected) (map[addr.Node]state.Record, error) {
	c := s.app.compare
	if !c.defers && c.deferTo == "" && !c.favor {
		return nil, nil
	}
	flag, word := "--state", c.state
	if c.deferTo != "" {
		flag, word = "--defer-to", c.deferTo
	}
	if word == "" {
		return nil, mistake(deferNowhere())
	}
	e, err := s.elsewhere(ctx, flag, word)
	if err != nil {
		return nil, err
	}
	switch {
	case e.target == "":
		return nil, mistake(deferTargetless(e.from()))
	case s.itself(e):
		return nil, nil
	}
	reach, err := s.reach(e)
	if err != nil {
		return nil, err
	}
	if err := s.recall(ctx, e); err != nil {
		return nil, err
	}
	if reach.Attach != nil && len(e.records) > 0 {
		// Views that an earlier build made may read from there, too.
		s.options.Attach = []warehouse.Attached{*reach.Attach}
	}
	place, err := s.places(ctx, e, s.readBy(chosen), reach)
	if err != nil || len(place) == 0 {
		return nil, err
	}
	records := make(map[addr.Node]state.Record, len(place))
	for id, at := range place {
		r := e.records[id]
		r.Node, r.Relation = id, at
		r.Content = s.holds(e, id, map[addr.Node]bool{})
		records[id] = r
	}
	for id, n := range s.program.Nodes {
		if id.Kind == addr.Source && len(n.Parents) == 1 {
			if at, ok := place[n.Parents[0]]; ok {
				place[id] = at
			}
		}
	}
	s.options.Place = place
	kept := s.warnings
	s.warnings = nil
	if err := s.compile(ctx); err != nil && (s.program == nil || !s.apart() || !s.spare(chosen)) {
		return nil, err
	}
	s.warnings = kept
	return records, nil
}

// itself reports whether another state is that of the very target that is worked on: with a
// suffix its schemas are others.
func (s *session) itself(e *elsewhere) bool {
	return e.target == s.program.Target.Name && s.options.SchemaSuffix == ""
}

// here is what this target is called next to the other one.
func (s *session) here(e *elsewhere) string {
	if e.target == s.program.Target.Name {
		return s.program.Target.Schema
	}
	return s.program.Target.Name
}

// holds names what a node of the other target holds now, nothing where that is not known. A
// view holds what it reads, and its record may be older than what is there now: what the
// record says of its inputs must be what they hold.
func (s *session) holds(e *elsewhere, id addr.Node, open map[addr.Node]bool) state.Content {
	r, ok := e.records[id]
	n := s.program.Nodes[id]
	switch {
	case !ok || n == nil || open[id] || r.Fingerprint == "" || compile.Limited(r.Fingerprint):
		return state.Content{}
	case r.Kind == warehouse.Table:
		return r.Content
	}
	open[id] = true
	defer delete(open, id)
	if len(r.Inputs) == 0 && len(n.Parents) > 0 {
		return state.Content{}
	}
	for input, was := range r.Inputs {
		now := s.holds(e, input, open)
		as := func(reading compile.Reading) bool {
			digest := now.Of(reading)
			return digest != "" && (was == digest || strings.HasPrefix(was, digest+"@"))
		}
		if reading, known := n.Reads[input]; !as(compile.Reading{All: true}) && (!known || !as(reading)) {
			return state.Content{}
		}
	}
	return r.Content
}

// reach is how this target reads relations of the other one.
func (s *session) reach(e *elsewhere) (warehouse.Reach, error) {
	own, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return warehouse.Reach{}, &mistakes{found, exitMistake}
	}
	other, otherDriver, found := engine.TargetConfig(s.project, s.other(e.target))
	if found.HasErrors() {
		return warehouse.Reach{}, &mistakes{found, exitMistake}
	}
	n, ok := driver.(warehouse.Neighbor)
	if !ok || otherDriver.Name() != driver.Name() {
		return warehouse.Reach{}, mistake(deferImpossible(s.program.Target.Name, e.target, fmt.Sprintf("%s does not read relations of %s", driver.Name(), otherDriver.Name()), "compare with a target of the same type"))
	}
	reach, err := n.Reach(own, other)
	if err != nil {
		reason, help := err.Error(), ""
		var known *warehouse.OpenError
		if errors.As(err, &known) {
			help = known.Help
		}
		return reach, mistake(deferImpossible(s.program.Target.Name, e.target, reason, help))
	}
	if reach.Database == "" {
		settings, _ := s.project.Settings.Target(e.target, s.app.env)
		reach.Database = settings.Database.V
	}
	return reach, nil
}

// readBy are the nodes with relations that what is chosen reads, and that are not chosen.
func (s *session) readBy(chosen lineage.Selected) []addr.Node {
	out := map[addr.Node]bool{}
	seen := map[addr.Node]bool{}
	var read func(id addr.Node)
	read = func(id addr.Node) {
		n := s.program.Nodes[id]
		if n == nil || seen[id] {
			return
		}
		seen[id] = true
		if n.Config.Materialized == "ephemeral" || id.Kind == addr.Source {
			for _, p := range n.Parents {
				read(p)
			}
			return
		}
		if !chosen.Nodes[id] {
			out[id] = true
		}
	}
	for id := range chosen.Nodes {
		if n := s.program.Nodes[id]; n != nil {
			for _, p := range n.Parents {
				read(p)
			}
		}
	}
	for _, t := range s.program.Tests {
		if chosen.Tests[t.ID] {
			for _, p := range t.Parents {
				read(p)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(out), addr.Node.Compare)
}

// places are those of the nodes that are there and, unless it is favoured, not here.
func (s *session) places(ctx context.Context, e *elsewhere, nodes []addr.Node, reach warehouse.Reach) (map[addr.Node]addr.Relation, error) {
	there := map[addr.Node]addr.Relation{}
	for _, id := range nodes {
		if r, ok := e.records[id]; ok {
			there[id] = r.Relation
		} else if e.then != nil && !e.then.Nodes[id].Relation.IsZero() {
			there[id] = e.then.Nodes[id].Relation
		}
	}
	if len(there) == 0 {
		return nil, nil
	}
	exists, err := s.existing(ctx, s.other(e.target), slices.Collect(maps.Values(there)))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(there, func(_ addr.Node, r addr.Relation) bool { return !exists[r] })
	if !s.app.compare.favor {
		own := make([]addr.Relation, 0, len(there))
		for id := range there {
			own = append(own, s.program.Nodes[id].Relation)
		}
		o := s.options
		o.Attach = nil
		here, err := s.existing(ctx, o, own)
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(there, func(id addr.Node, _ addr.Relation) bool { return here[s.program.Nodes[id].Relation] })
	}
	for id, r := range there {
		if reach.Attach != nil {
			r.Database = reach.Database
		} else {
			r.Database = cmp.Or(r.Database, reach.Database)
		}
		there[id] = r
	}
	return there, nil
}

// existing says which relations a target has. One on which nothing was built has none.
func (s *session) existing(ctx context.Context, o engine.Options, relations []addr.Relation) (map[addr.Relation]bool, error) {
	out := map[addr.Relation]bool{}
	if len(relations) == 0 {
		return out, nil
	}
	slices.SortFunc(relations, addr.Relation.Compare)
	conn, err := s.readOther(ctx, o)
	if err != nil {
		var known *mistakes
		if errors.As(err, &known) && len(known.list) == 1 && known.list[0].Code == codeNotBuilt {
			return out, nil
		}
		return nil, err
	}
	defer conn.Close()
	ctx = warehouse.WithJob(ctx, warehouse.Job{Project: s.project.Settings.Name.V, Target: o.Target})
	found, err := conn.Inspect(ctx, relations)
	if err != nil {
		return nil, fmt.Errorf("inspect %d relations of target %s: %w", len(relations), o.Target, err)
	}
	for _, r := range found {
		out[r.Name] = true
	}
	return out, nil
}

func deferNowhere() diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: "--defer does not say which target to read from", Help: "add --state TARGET or --defer-to TARGET (or set ENGINE_STATE)"}
}

func deferTargetless(from string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("the %s does not say which target of engine.yml it is of, so nothing can be read from it", from), Help: "add --defer-to TARGET"}
}

func deferImpossible(own, other, reason, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("target %q cannot read from target %q: %s", own, other, reason), Help: help}
}
