package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/source"
)

// listKeys are the keys of an entry of ls --output json, as dbt names them.
var listKeys = []string{"name", "resource_type", "unique_id", "package_name", "original_file_path", "alias", "schema", "database", "relation_name", "fqn", "description", "tags", "config", "depends_on"}

func (a *app) lsCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:     "ls [selector…]",
		Aliases: []string{"list"},
		Short:   "list what is in the project",
		Long: text(`
Lists sources, seeds, models, snapshots, tests, exposures and analyses. Without a warehouse.
--customer leaves what a customer of the distribution gets a slice of.

  name       one name a line (the default)
  path       one file a line
  selector   what --select takes, one a line
  json       one document
  jsonl      one object a line, as dbt's own ls does`),
		Example: `  engine ls
  engine ls --customer acme            what this customer gets
  engine ls +orders --resource-type model
  engine ls -o jsonl --output-keys name,unique_id,depends_on`,
	}
	sel := a.selectFlags(cmd, true)
	a.outputFlag(cmd, "human", "name", "path", "selector", "json", "jsonl", "github")
	cmd.Flags().StringSliceVar(&keys, "output-keys", nil, "json, jsonl: only these `keys`: "+strings.Join(listKeys, ", "))
	complete(cmd, "output-keys", listKeys...)
	customer := cmd.Flags().String("customer", "", "only what this `customer` of the distribution gets")
	must(cmd.RegisterFlagCompletionFunc("customer", a.completeCustomer))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted := strings.Fields(strings.Join(keys, " "))
		for _, k := range wanted {
			if !slices.Contains(listKeys, k) {
				return mistake(unknownKey(k))
			}
		}
		q, err := sel.query(args)
		if err != nil {
			return err
		}
		q.Analyses = true
		s, err := a.load()
		if err != nil {
			return err
		}
		if *customer != "" {
			if err := s.distributing(); err != nil {
				return err
			}
		}
		s.options.SkipAnalysis = !q.NeedsPast(s.project) && *customer == "" // names and order need no analysis of the SQL
		if err := s.compile(cmd.Context()); err != nil {
			return err
		}
		chosen, err := s.choose(cmd.Context(), q)
		if err != nil {
			return err
		}
		nodes := chosen.List()
		if *customer != "" {
			gets, found := distribute.Entitled(s.program, *customer)
			if found.HasErrors() {
				return &mistakes{append(s.warnings, found...), exitMistake}
			}
			if !slices.Contains(s.knownCustomers(), *customer) {
				s.warnings.Add(distribute.Unseen(*customer))
			}
			nodes = slices.DeleteFunc(nodes, func(n addr.Node) bool { return !slices.Contains(gets, n) })
		}
		s.warn()
		return a.list(s.program, nodes, wanted)
	}
	return cmd
}

func unknownKey(key string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q is no key of an entry", key), Help: "known are " + strings.Join(listKeys, ", ")}
	if near, ok := diag.Suggest(key, listKeys); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func (a *app) list(p *compile.Program, nodes []addr.Node, keys []string) error {
	x := indexOf(p)
	switch a.global.output {
	case "json":
		entries := make([]entry, len(nodes))
		for i, id := range nodes {
			entries[i] = only(x.entry(id), keys)
		}
		return view.JSON(a.out, entries)
	case "jsonl":
		for _, id := range nodes {
			b, err := json.Marshal(only(x.entry(id), keys))
			if err != nil {
				return fmt.Errorf("encode %s: %w", id, err)
			}
			if _, err := a.out.Write(append(b, '\n')); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	for _, id := range nodes {
		word := id.Name
		switch a.global.output {
		case "path":
			word = x.path(id)
		case "selector":
			word = selectorOf(p, id)
		}
		b.WriteString(word + "\n")
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

// entry is a list item; entries marshal with sorted keys.
type entry map[string]any

func only(e entry, keys []string) entry {
	if len(keys) == 0 {
		return e
	}
	out := entry{}
	for _, k := range keys {
		if v, ok := e[k]; ok {
			out[k] = v
		}
	}
	return out
}

func (x index) entry(id addr.Node) entry {
	p := x.p
	e := entry{
		"name": id.Name, "resource_type": string(id.Kind), "unique_id": artifact.UniqueID(p, id),
		"package_name": p.Project.Settings.Name.V, "original_file_path": x.path(id),
	}
	var parents []addr.Node
	var tags []string
	switch {
	case x.node(id) != nil:
		n := x.node(id)
		parents, tags = n.Parents, n.Config.Tags
		e["description"], e["fqn"] = n.Description, n.FQN
		e["alias"], e["schema"], e["database"] = n.Relation.Name, n.Relation.Schema, n.Relation.Database
		if !n.Relation.IsZero() {
			e["relation_name"] = p.Target.Dialect.Quote(n.Relation)
		}
		e["config"] = map[string]any{
			"enabled": n.Config.Enabled, "materialized": n.Config.Materialized, "tags": orNone(tags), "meta": orEmpty(n.Config.Meta),
			"group": n.Config.Group, "access": n.Config.Access, "unique_key": n.Config.UniqueKey,
		}
		if id.Kind == addr.Source {
			e["name"] = n.Source.Table.V
		}
	case x.tests[id] != nil:
		t := x.tests[id]
		parents, tags = t.Parents, t.Config.Tags
		e["description"] = t.Description
		e["config"] = map[string]any{"severity": t.Config.Severity, "tags": orNone(tags), "where": t.Config.Where, "enabled": true}
	case x.units[id] != nil:
		u := x.units[id]
		parents, tags = []addr.Node{u.Node}, u.Tags
		e["description"] = u.Description
	case x.exposures[id] != nil:
		u := x.exposures[id]
		parents, tags = u.Parents, u.Props.Tags
		e["description"] = u.Props.Description
	}
	ids := make([]string, len(parents))
	for i, n := range parents {
		ids[i] = artifact.UniqueID(p, n)
	}
	e["tags"] = orNone(tags)
	e["depends_on"] = map[string]any{"nodes": ids}
	return e
}

func orNone(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// index finds the things of a program by identity.
type index struct {
	p         *compile.Program
	tests     map[addr.Node]*compile.Test
	units     map[addr.Node]*compile.UnitTest
	exposures map[addr.Node]*compile.Exposure
}

func indexOf(p *compile.Program) index {
	x := index{p, map[addr.Node]*compile.Test{}, map[addr.Node]*compile.UnitTest{}, map[addr.Node]*compile.Exposure{}}
	for _, t := range p.Tests {
		x.tests[t.ID] = t
	}
	for _, u := range p.UnitTests {
		x.units[u.ID] = u
	}
	for _, e := range p.Exposures {
		x.exposures[e.ID] = e
	}
	return x
}

func (x index) node(id addr.Node) *compile.Node {
	if n := x.p.Nodes[id]; n != nil || id.Kind != addr.Analysis {
		return n
	}
	return x.p.Find(id)
}

// path is the file that a thing is written in.
func (x index) path(id addr.Node) string {
	var at source.Span
	switch {
	case x.node(id) != nil:
		return x.node(id).Path
	case x.tests[id] != nil:
		return x.tests[id].Path
	case x.units[id] != nil:
		at = x.units[id].At
	case x.exposures[id] != nil:
		at = x.exposures[id].Props.At
	}
	if at.File == nil {
		return ""
	}
	return at.File.Path
}

// selectorOf is a text that --select takes for exactly this node.
func selectorOf(p *compile.Program, id addr.Node) string {
	switch id.Kind {
	case addr.Source, addr.Exposure, addr.UnitTest:
		return string(id.Kind) + ":" + id.Name
	case addr.Seed, addr.Model, addr.Snapshot, addr.Analysis:
		if n := p.Find(id); n != nil && len(n.FQN) > 0 {
			return strings.Join(n.FQN, ".")
		}
	case addr.Test:
	}
	return id.Name
}
