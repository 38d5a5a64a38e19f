package compile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// relationKey is how the target's warehouse tells relations apart.
func (c *compiler) relationKey(r addr.Relation) addr.Relation {
	if c.target.Dialect.Caps().FoldsCase {
		return addr.Relation{Database: strings.ToLower(r.Database), Schema: strings.ToLower(r.Schema), Name: strings.ToLower(r.Name)}
	}
	return r
}

// schema applies the target's rule to a node's own schema.
func (t Target) schema(custom string) string {
	switch {
	case custom == "", t.CustomSchema == "ignore":
		return t.Schema
	case t.CustomSchema == "replace":
		return custom + t.SchemaSuffix
	default:
		return t.Schema + "_" + custom
	}
}

// SchemaFor is the schema of a node with a schema of its own, or with none («»): for those that
// tell of nodes without a relation.
func (t Target) SchemaFor(custom string) string { return t.schema(custom) }

func (c *compiler) nameRelations() {
	taken := make(map[addr.Relation]*unit, len(c.all))
	limit := c.target.Dialect.Caps().MaxIdentifier
	for _, u := range c.all {
		if u.Config.Materialized == "ephemeral" {
			continue
		}
		u.Relation = addr.Relation{Database: c.target.Database, Schema: c.target.schema(u.Config.Schema), Name: flatName(u)}
		if u.Config.TargetSchema != "" {
			u.Relation.Schema = u.Config.TargetSchema + c.target.SchemaSuffix
		}
		if u.Config.Database != "" && !c.target.OneDatabase {
			u.Relation.Database = u.Config.Database
		}
		if u.Config.Alias != "" {
			u.Relation.Name = u.Config.Alias
		}
		if limit > 0 && len(u.Relation.Name) > limit {
			u.tell(nameTooLong(u, limit, c.target.Type))
		}
		key := c.relationKey(u.Relation)
		if other := taken[key]; other != nil {
			if c.whole == nil { // else see sameRelation
				u.tell(relationTwice(u, other))
			}
			continue
		}
		taken[key] = u
	}
}

// nameSources makes the source nodes. A source whose schema and name are those of a node
// of this project is that relation, and reads from that node. The schema is the node's own,
// as configured, or the one that the target makes of it.
func (c *compiler) nameSources() {
	own := map[[2]string]*unit{}
	for _, u := range c.all {
		if u.Relation.Name != "" && (u.Relation.Database == "" || strings.EqualFold(u.Relation.Database, c.target.Database)) {
			own[[2]string{strings.ToLower(u.Relation.Schema), strings.ToLower(u.Relation.Name)}] = u
		}
	}
	for _, u := range c.all {
		if u.Config.Schema != "" {
			own[[2]string{strings.ToLower(u.Config.Schema), strings.ToLower(u.Relation.Name)}] = u
		}
	}
	for _, s := range c.project.Sources {
		id := addr.Node{Kind: addr.Source, Name: s.SourceName.V + "." + s.Table.V}
		if c.sources[id] != nil {
			continue // Load has reported it
		}
		u := &unit{kind: addr.Source, at: s.At, Node: &Node{ID: id, Source: s, Path: s.At.File.Path, File: s.At.File, Description: s.Description}}
		u.FQN = []string{c.project.Settings.Name.V, s.SourceName.V, s.Table.V}
		u.Config = Config{Enabled: true, Tags: slices.Clone(s.Tags), Meta: s.Meta}
		slices.Sort(u.Config.Tags)
		u.Raw = s.Config
		for _, key := range distributeKeys {
			if v, set := s.Config[key]; set {
				decodeDistribution(&u.Config, key, v.V)
			}
		}
		u.Config.EventTime, _ = s.Config["event_time"].V.(string)
		if on, ok := s.Config["enabled"].V.(bool); ok && !on {
			c.disabled = append(c.disabled, id)
			continue
		}
		u.Relation = addr.Relation{Database: s.Database.V, Schema: s.Schema.V, Name: s.Identifier.V}
		if u.Relation.Schema == "" {
			u.Relation.Schema = s.SourceName.V
		}
		if u.Relation.Name == "" {
			u.Relation.Name = s.Table.V
		}
		if builder := own[[2]string{strings.ToLower(u.Relation.Schema), strings.ToLower(u.Relation.Name)}]; builder != nil && s.Database.V == "" {
			u.Relation = builder.Relation
			u.Parents = []addr.Node{builder.ID}
			u.Refs = []Ref{{To: builder.ID, Span: s.Table.At}}
			if by := s.VersionBy.At; s.VersionBy.IsSet() && by.File == s.At.File && by.Start >= s.At.Start && by.End <= s.At.End {
				c.diags.Add(versionOfOwn(id, builder.ID, by)) // one beside tables may be meant for others
			}
		} else if u.Relation.Database == "" {
			u.Relation.Database = c.target.Database
		}
		c.sources[id] = u
		c.all = append(c.all, u)
	}
	slices.SortFunc(c.all, func(a, b *unit) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(c.disabled, addr.Node.Compare)
}

// resolveRef finds the node that a ref call names. from may be nil (a test).
func (c *compiler) resolveRef(args []any, at source.Span, from *unit) (*unit, *diag.Diagnostic) {
	pkg, name, version, ok := refArgs(args)
	if !ok {
		d := refShape(at)
		return nil, &d
	}
	if pkg != "" && pkg != c.project.Settings.Name.V {
		d := refPackage(pkg, c.project.Settings.Name.V, at)
		return nil, &d
	}
	u := c.names[name]
	if version != "" {
		if u == nil || u.Version == nil || u.Version.Model != name {
			name = project.FlatName(name, version)
			u = c.names[name]
		} else {
			var d *diag.Diagnostic
			if u, d = c.pinned(u, version, at); d != nil {
				return nil, d
			}
			name = ""
		}
	}
	if u != nil && u.Version != nil && name == u.ID.Name {
		u = nil // the name of the node is not how it is referred to
	}
	if u == nil {
		d := refUnknown(name, at, c.candidates(), c.names, len(c.names))
		return nil, &d
	}
	if !u.Config.Enabled {
		d := refDisabled(u, at)
		return nil, &d
	}
	if u.Config.Access == "private" && from != nil && (u.Config.Group == "" || u.Config.Group != from.Config.Group) {
		d := refPrivate(u, at)
		return nil, &d
	}
	return u, nil
}

func (c *compiler) resolveSource(name, table string, at source.Span) (*unit, *diag.Diagnostic) {
	id := addr.Node{Kind: addr.Source, Name: name + "." + table}
	u := c.sources[id]
	if u == nil {
		d := c.sourceUnknown(name, table, at)
		return nil, &d
	}
	return u, nil
}

// resolveCall resolves a ref or source call whose arguments are known.
func (c *compiler) resolveCall(call tmpl.Call, from *unit) (*unit, *diag.Diagnostic) {
	args := make([]any, len(call.Args))
	for i, a := range call.Args {
		args[i] = a.Value
	}
	at := call.Span
	if n := len(call.Args); n > 0 && !call.Args[n-1].Span.IsZero() {
		at = call.Args[n-1].Span
	}
	if call.Fn == "source" {
		s, _ := args[0].(string)
		t, _ := args[1].(string)
		return c.resolveSource(s, t, at)
	}
	return c.resolveRef(args, at, from)
}

// env answers template functions for u at full refresh, names being spelled by s.
func (c *compiler) env(u *unit, s warehouse.Speller) tmpl.Env {
	return tmpl.Env{
		Ref: func(args []any) (string, error) {
			to, d := c.resolveRef(args, source.Span{}, u)
			if d != nil {
				return "", *d
			}
			return c.refText(to, s), nil
		},
		Source: func(name, table string) (string, error) {
			to, d := c.resolveSource(name, table, source.Span{})
			if d != nil {
				return "", *d
			}
			return s.Quote(c.place(to)), nil
		},
		Var: func(name string, def []any) (any, error) {
			v, ok := c.target.Vars[name]
			switch {
			case ok:
			case len(def) > 0:
				v = def[0]
			default:
				return nil, varUnknown(name, c.target.Vars)
			}
			if u != nil {
				if u.Vars == nil {
					u.Vars = map[string]any{}
				}
				u.Vars[name] = v
			}
			return v, nil
		},
		EnvVar: func(name string, def []any) (string, error) {
			if project.SecretVariable(name) {
				return "", project.EnvSecret(name)
			}
			v, ok := c.target.Env(name)
			switch {
			case ok:
			case len(def) > 0:
				v = fmt.Sprint(def[0])
			default:
				return "", envUnknown(name)
			}
			if u != nil {
				if u.Vars == nil {
					u.Vars = map[string]any{}
				}
				u.Vars["env."+name] = v
			}
			return v, nil
		},
		This: func() string {
			if u == nil {
				return ""
			}
			return s.Quote(u.Relation)
		},
		Target:        c.values,
		IsIncremental: func() bool { return false },
	}
}

// refText is what a ref of to renders as: its relation, or the name of the CTE that an
// ephemeral model becomes.
func (c *compiler) refText(to *unit, s warehouse.Speller) string {
	if to.Config.Materialized == "ephemeral" {
		return s.Ident(cteName(to.ID))
	}
	return s.Quote(c.place(to))
}

// place is the relation that readers of u read.
func (c *compiler) place(u *unit) addr.Relation {
	if r, ok := c.options.Place[u.ID]; ok {
		return r
	}
	return u.Relation
}

// loadedAtQueries renders the queries for the newest time of sources. They may name anything in
// the target: what they read is no input of the source.
func (c *compiler) loadedAtQueries() {
	for _, id := range slices.SortedFunc(maps.Keys(c.sources), addr.Node.Compare) {
		u := c.sources[id]
		if u.Source.LoadedAtQuery.V == "" {
			continue
		}
		at := u.Source.LoadedAtQuery.At
		t, ds := tmpl.Parse(source.NewFile("loaded_at_query", []byte(u.Source.LoadedAtQuery.V)), c.library)
		if !ds.HasErrors() {
			text, more := t.Render(c.env(u, c.target.Dialect))
			u.LoadedAtQuery = strings.TrimRight(strings.TrimSpace(text.Body), ";")
			ds = append(ds, more...)
		}
		for _, d := range ds {
			d.At, d.Labels, d.Edits = at, nil, nil
			c.diags.Add(d)
		}
	}
}

func cteName(n addr.Node) string { return "_engine_cte__" + strings.ReplaceAll(n.Name, ".", "_") }

// render resolves every static reference of every branch, then renders each template
// (twice for incremental models) and adds references that only execution could know.
// Only unit tests need a template again; the others, which are larger than all that is
// made of them, are let go at once.
func (c *compiler) render() {
	again := map[string]bool{}
	for _, w := range c.project.UnitTests {
		again[w.Model.V] = true
	}
	c.parallel(len(c.all), func(i int) {
		if u := c.all[i]; u.template != nil {
			defer u.guard("render")
			c.renderUnit(u)
			if !again[u.ID.Name] && !u.asks {
				u.template = nil
			}
		}
	})
	for _, u := range c.all {
		c.take(u)
	}
}

// dbtAlias are dbt's names of the table and of the new rows in incremental_predicates, which are
// t and s here.
var dbtAlias = regexp.MustCompile(`(?i)\bdbt_internal_(?:dest|source)\b`)

func (c *compiler) renderUnit(u *unit) {
	open := map[source.Span]bool{} // calls whose target is known only when they run
	for _, call := range u.template.Calls() {
		switch call.Fn {
		case "ref", "source":
			if !call.Static {
				open[call.Span] = true
				continue
			}
			to, d := c.resolveCall(call, u)
			if d != nil {
				u.diags.Add(*d)
				continue
			}
			u.Refs = append(u.Refs, Ref{To: to.ID, Span: call.Span})
		case "include":
			if len(call.Args) > 0 {
				if name, ok := call.Args[0].Value.(string); ok && !slices.Contains(u.Macros, name) {
					u.Macros = append(u.Macros, name)
				}
			}
		}
	}
	slices.Sort(u.Macros)
	if c.bad[u.ID] || u.diags.HasErrors() {
		return
	}
	passes := 1
	if u.Config.Materialized == "incremental" {
		passes = 2
	}
	for pass := range passes {
		text := c.renderPass(u, pass, nil)
		u.texts[pass] = text
		for _, call := range text.Calls {
			if (call.Fn == "ref" || call.Fn == "source") && open[call.Span] {
				if to, d := c.resolveCall(call, u); d == nil {
					u.Refs = append(u.Refs, Ref{To: to.ID, Span: call.Span})
				}
			}
		}
		for _, call := range text.Calls {
			delete(open, call.Span)
		}
	}
	// All of these are sent as they are, in the target's own language.
	c.renderHooks(u)
	u.Config.IncrementalPredicates = c.hooks(u, c.target.Dialect, u.Config.IncrementalPredicates, u.Raw["incremental_predicates"].At)
	for i, p := range u.Config.IncrementalPredicates {
		u.Config.IncrementalPredicates[i] = dbtAlias.ReplaceAllStringFunc(p, func(word string) string {
			if strings.EqualFold(word, "dbt_internal_dest") {
				return "t"
			}
			return "s"
		})
	}
	if u.Config.ValidToCurrent != "" {
		u.Config.ValidToCurrent = strings.Join(c.hooks(u, c.target.Dialect, []string{u.Config.ValidToCurrent}, u.Raw["dbt_valid_to_current"].At), "")
	}
	if !u.diags.HasErrors() && !u.asks {
		for _, call := range u.template.Calls() {
			if open[call.Span] {
				u.diags.Add(refDynamic(call))
			}
		}
	}
	if u.batching {
		c.batchInputs(u)
	}
	u.Parents = slices.Grow(u.Parents, len(u.Refs))
	for _, r := range u.Refs {
		u.Parents = append(u.Parents, r.To)
	}
	slices.SortFunc(u.Parents, addr.Node.Compare)
	u.Parents = slices.Compact(u.Parents)
}

// renderPass renders the full text of u, or the incremental one in pass 1. Of a template that asks for
// columns which nobody can tell yet it gives the calls alone.
func (c *compiler) renderPass(u *unit, pass int, columns func(string) ([]any, error)) tmpl.Text {
	env := c.env(u, c.spell(u.Dialect))
	env.IsIncremental = func() bool { return pass == 1 }
	env.Columns = columns
	before := u.diags
	if columns == nil { // what is rendered is for what it reads only: the text comes later, and its mistakes with it
		env.Columns = func(string) ([]any, error) { u.asks = true; return nil, nil }
	}
	u.batching = pass == 1 && c.options.Limit == nil && u.Config.IncrementalStrategy == Microbatch
	if u.batching || c.options.Limit != nil && (u.kind == addr.Model || u.kind == addr.Snapshot) {
		c.limiting(u, &env)
	}
	text, ds := u.template.Render(env)
	u.diags.Add(ds...)
	if (u.batching || c.options.Limit != nil) && text.Map != nil {
		text = c.limit(u, text)
	}
	if u.batching {
		u.diags.Add(batchCalls(u, text)...)
	}
	if u.asks && columns == nil {
		u.diags = before
		return tmpl.Text{Calls: text.Calls}
	}
	return c.part(u, text)
}

// sourceTables groups source tables by source name, for suggestions.
func (c *compiler) sourceTables() (names []string, tables map[string][]string) {
	tables = map[string][]string{}
	for _, u := range c.everything() {
		if u.kind == addr.Source {
			s := u.Source
			if len(tables[s.SourceName.V]) == 0 {
				names = append(names, s.SourceName.V)
			}
			tables[s.SourceName.V] = append(tables[s.SourceName.V], s.Table.V)
		}
	}
	slices.Sort(names)
	return names, tables
}

// renderHooks renders the statements around the build of a node: those of incremental models
// twice, since they may ask is_incremental.
func (c *compiler) renderHooks(u *unit) {
	written := u.Config.Hooks(false)
	pre, post := u.Raw["pre_hook"].At, u.Raw["post_hook"].At
	render := func(update bool) Hooks {
		env := c.env(u, c.target.Dialect)
		env.IsIncremental = func() bool { return update }
		text := func(list []string, at source.Span) []string { return c.hooksIn(env, u, list, at) }
		return Hooks{text(written.First, pre), text(written.Pre, pre), text(written.Post, post), text(written.Last, post)}
	}
	full := render(false)
	u.Config.FirstHooks, u.Config.PreHooks, u.Config.PostHooks, u.Config.LastHooks = full.First, full.Pre, full.Post, full.Last
	if u.Config.Materialized != "incremental" || u.diags.HasErrors() {
		return
	}
	if update := render(true); !slices.EqualFunc(update.lists(), full.lists(), slices.Equal[[]string]) {
		u.Config.UpdateHooks = &update
	}
}

func (h Hooks) lists() [][]string { return [][]string{h.First, h.Pre, h.Post, h.Last} }

// hooks renders SQL text of configuration; u is nil for text that belongs to no node.
func (c *compiler) hooks(u *unit, s warehouse.Speller, written []string, at source.Span) []string {
	return c.hooksIn(c.env(u, s), u, written, at)
}

func (c *compiler) hooksIn(env tmpl.Env, u *unit, written []string, at source.Span) []string {
	var out []string
	for _, text := range written {
		ds := &c.diags
		if u != nil {
			ds = &u.diags
		}
		t, parsed := tmpl.Parse(source.NewFile("hook", []byte(text)), c.library)
		rendered, more := tmpl.Text{}, parsed
		if !parsed.HasErrors() {
			rendered, more = t.Render(env)
		}
		for _, d := range more {
			// The text stands in YAML or in a string of the template: the place is the value's.
			d.At, d.Labels, d.Edits = at, nil, nil
			ds.Add(d)
		}
		for _, call := range rendered.Calls {
			if u == nil || call.Fn != "ref" && call.Fn != "source" {
				continue
			}
			if to, d := c.resolveCall(call, u); d == nil && to.ID != u.ID {
				u.Refs = append(u.Refs, Ref{To: to.ID, Span: at})
			}
		}
		if strings.TrimSpace(rendered.Body) != "" {
			out = append(out, rendered.Body)
		}
	}
	return out
}
