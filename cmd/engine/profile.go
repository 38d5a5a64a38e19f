package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/catalog/reading"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

const codeProfile diag.Code = "profile-failed"

// profileCodes are those of profiles.
var profileCodes = []diag.Entry{
	{Code: codeProfile, Title: "a relation that could not be profiled", Explain: "--profile reads a sample of every relation for the catalog. One that cannot be read, or not within a minute or the limit on bytes, keeps the profile that it had, and the rest is profiled.", Bad: "", Good: ""},
}

// profileFlag is of commands that write the catalog.
func profileFlag(cmd *cobra.Command, wanted *bool) {
	cmd.Flags().BoolVar(wanted, "profile", false, "scan what the relations hold for the catalog: share of NULL, distinct, least, greatest and most frequent values, never of columns marked sensitive")
}

// profiled scans the relations of the program whose rows may have changed since they were
// scanned last, keeps what is found in the target, and puts it into what is known.
func (s *session) profiled(ctx context.Context, conn warehouse.Conn, k *knowledge) error {
	d := conn.Dialect()
	if _, can := d.(warehouse.Summarizer); !can {
		s.warnings.Add(diag.Diagnostic{Code: codeProfile, Severity: diag.Warning, Message: fmt.Sprintf("target %s cannot profile its relations", s.program.Target.Name)})
		return nil
	}
	scans := s.scans(k)
	found := make([]profile.Table, len(scans))
	errs := make([]error, len(scans))
	var mu sync.Mutex
	var done []profile.Table
	s.each(len(scans), func(_, i int) {
		if ctx.Err() != nil {
			return
		}
		var ok bool
		if found[i], ok, errs[i] = profile.Read(ctx, conn, scans[i], profile.DefaultRows, k.at); errs[i] == nil && ok {
			mu.Lock()
			done = append(done, found[i])
			mu.Unlock()
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i, err := range errs {
		if err != nil {
			w := plainError(err)
			w.Code, w.Severity, w.Model = codeProfile, diag.Warning, scans[i].Node
			s.warnings.Add(w)
		}
	}
	slices.SortFunc(done, func(a, b profile.Table) int { return a.Node.Compare(b.Node) })
	scope := state.Scope{Database: s.program.Target.Database, Project: s.program.Project.Settings.Name.V, Schema: s.program.Target.Schema}
	if err := state.WriteProfiles(ctx, conn, scope, newRunID(k.at), done); err != nil {
		return err
	}
	if k.past.Profiles == nil {
		k.past.Profiles = map[addr.Node]profile.Table{}
	}
	for _, p := range done {
		k.past.Profiles[p.Node] = p
	}
	return nil
}

// scans are the relations to read, in the order of the program, without their sensitive columns.
// A table that was built before its profile was made is as it was.
func (s *session) scans(k *knowledge) []profile.Scan {
	secret := reading.Sensitive(s.program, columnGraph(s.program))
	var out []profile.Scan
	for _, id := range s.program.Order {
		n := s.program.Nodes[id]
		rel, there := k.relations[id]
		if !there {
			continue
		}
		columns := slices.DeleteFunc(slices.Clone(rel.Columns), func(c warehouse.Column) bool { return secret(id, c.Name) })
		if len(columns) == 0 {
			continue
		}
		built, recorded := k.snapshot.Nodes[id]
		had, profiled := k.past.Profiles[id]
		if recorded && profiled && rel.Kind != warehouse.View && had.At.After(built.At) && covers(had, columns) {
			continue
		}
		out = append(out, profile.Scan{Node: id, Relation: n.Relation, Kind: rel.Kind, Columns: columns, Rows: rel.Rows, MaxBytes: n.Config.Limits.MaxBytes})
	}
	return out
}

// covers reports whether a profile has just these columns.
func covers(p profile.Table, columns []warehouse.Column) bool {
	return slices.EqualFunc(p.Columns, columns, func(a profile.Column, b warehouse.Column) bool { return a.Name == b.Name })
}
