package compile

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// indexProps gives every unit its properties. Load has reported those of nothing and
// those given twice: the first ones count.
func (c *compiler) indexProps() {
	for _, p := range c.project.Props {
		u := c.names[p.Name.V]
		if p.Kind == addr.Analysis {
			u = c.analyses[p.Name.V]
		}
		if u != nil && u.kind == p.Kind && u.Props == nil {
			u.Props = p
			u.Description = p.Description.V
		}
	}
}

// candidates are the names of all units of the given kinds, sorted.
func (c *compiler) candidates(kinds ...addr.Kind) []string {
	var names []string
	for name, u := range c.names {
		if u.Version != nil && name == u.ID.Name {
			continue // not what ref calls it
		}
		if len(kinds) == 0 || slices.Contains(kinds, u.kind) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// configure resolves every unit's configuration (folder < YAML < file) and splits off
// what is disabled.
func (c *compiler) configure() {
	c.parallel(len(c.units), func(i int) {
		u := c.units[i]
		defer u.guard("config")
		u.FQN = c.fqn(u)
		u.Raw = project.Config{}
		for _, layer := range c.layers(u.kind, c.folders(u)) {
			merge(u.Raw, u.kind, layer)
		}
		if u.Props != nil {
			merge(u.Raw, u.kind, u.Props.Config)
			merge(u.Raw, u.kind, propertyConfig(u.Props))
			merge(u.Raw, u.kind, u.Props.VersionConfig)
		}
		if u.template != nil {
			c.mergeFile(u)
		}
		u.Config = decode(u.kind, u.Raw)
		u.policyTags()
		if u.kind == addr.Model {
			u.protect()
		}
		if u.kind == addr.Seed {
			c.seedTypes(u)
		}
		if u.template != nil || u.kind == addr.Seed {
			u.diags.Add(checkTogether(u)...)
		}
	})
	for _, u := range c.units {
		c.take(u)
		if u.Config.Enabled {
			c.all = append(c.all, u)
		} else {
			c.disabled = append(c.disabled, u.ID)
		}
	}
}

// fqn is the project's name, the folders below the resource path, and the node's name. That
// of a version is the model's and then «v1», as selectors and other tools know it.
func (c *compiler) fqn(u *unit) []string {
	name := []string{u.ID.Name}
	if u.Version != nil {
		name = []string{u.Version.Model, "v" + u.Version.V.V}
	}
	return slices.Concat([]string{c.project.Settings.Name.V}, c.folders(u), name)
}

// folders are those that lead to a unit's file.
func (c *compiler) folders(u *unit) []string {
	roots := c.project.Settings.ModelPaths
	switch u.kind {
	case addr.Seed:
		roots = c.project.Settings.SeedPaths
	case addr.Snapshot:
		roots = c.project.Settings.SnapshotPaths
	case addr.Analysis:
		roots = c.project.Settings.AnalysisPaths
	}
	return foldersBelow(u.Path, roots)
}

// foldersBelow are the folders between the root that a file lies in and the file.
func foldersBelow(file string, roots []string) []string {
	dir := path.Dir(file)
	for _, root := range roots {
		if dir == root {
			return nil
		}
		if rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(root, "/")+"/"); ok {
			return strings.Split(rest, "/")
		}
	}
	if dir == "." {
		return nil
	}
	return strings.Split(dir, "/")
}

// layers lists the configuration levels of engine.yml that hold in a folder, general first.
func (c *compiler) layers(kind addr.Kind, folders []string) []project.Config {
	at := c.project.Settings.Folders[kind]
	if at == nil {
		return nil
	}
	layers := []project.Config{at.Config}
	for _, name := range folders {
		if at = at.Folders[name]; at == nil {
			break
		}
		layers = append(layers, at.Config)
	}
	return layers
}

// propertyConfig are the properties that may also be written as configuration.
func propertyConfig(p *project.Props) project.Config {
	if !p.Owner.IsSet() && !p.Tier.IsSet() && !p.Group.IsSet() && !p.Access.IsSet() && len(p.Tags) == 0 && len(p.Meta) == 0 {
		return nil
	}
	out := project.Config{}
	for key, v := range map[string]project.Value[string]{"owner": p.Owner, "tier": p.Tier, "group": p.Group, "access": p.Access} {
		if v.IsSet() {
			out[key] = project.Value[any]{V: v.V, At: v.At}
		}
	}
	if len(p.Tags) > 0 {
		out["tags"] = project.Value[any]{V: anys(p.Tags), At: p.Name.At}
	}
	if len(p.Meta) > 0 {
		out["meta"] = project.Value[any]{V: p.Meta, At: p.Name.At}
	}
	return out
}

func anys(ss []string) []any {
	out := make([]any, len(ss))
	for i, s := range ss {
		out[i] = s
	}
	return out
}

// mergeFile lays the config calls of the unit's template over what it has. Arguments that
// are not literals are found by rendering once with references left open.
func (c *compiler) mergeFile(u *unit) {
	calls := u.template.Calls()
	if slices.ContainsFunc(calls, func(k tmpl.Call) bool { return k.Fn == "config" && !k.Static }) {
		calls = c.renderedCalls(u)
	}
	for _, call := range calls {
		if call.Fn != "config" {
			continue
		}
		for i := 0; i+1 < len(call.Args); i += 2 {
			key, isText := call.Args[i].Value.(string)
			if !isText {
				continue // the template room has reported it
			}
			at := source.Span{File: call.Args[i].Span.File, Start: call.Args[i].Span.Start, End: call.Args[i+1].Span.End}
			if call.Args[i+1].Span.IsZero() {
				at = call.Span
			}
			v, d := project.CheckConfig(key, call.Args[i+1].Value, u.kind, at)
			if d != nil {
				u.diags.Add(*d)
				continue
			}
			known, _ := project.LookupKey(key, u.kind)
			mergeKey(u.Raw, u.kind, known.Name, project.Value[any]{V: v, At: at})
		}
	}
}

func (c *compiler) renderedCalls(u *unit) []tmpl.Call {
	env := c.env(u, c.target.Dialect)
	env.Ref = func([]any) (string, error) { return "x", nil }
	env.Source = func(string, string) (string, error) { return "x", nil }
	env.This = func() string { return "x" }
	text, ds := u.template.Render(env)
	u.diags.Add(ds...)
	return text.Calls
}

// merge lays over on top of base, each key by its own rule: replaced, appended or merged
// entry by entry.
func merge(base project.Config, kind addr.Kind, over project.Config) {
	for key, v := range over {
		mergeKey(base, kind, key, v)
	}
}

func mergeKey(base project.Config, kind addr.Kind, key string, v project.Value[any]) {
	rule, _ := project.LookupKey(key, kind)
	if rule.Merge == project.Grow && v.V != nil {
		v.V = grow(dict(base[key].V), dict(v.V))
	} else if old, has := base[key]; has {
		switch rule.Merge {
		case project.Append:
			v.V = append(slices.Clone(list(old.V)), list(v.V)...)
		case project.Update:
			joined := map[string]any{}
			maps.Copy(joined, dict(old.V))
			maps.Copy(joined, dict(v.V))
			v.V = joined
		}
	}
	base[key] = v
}

// grow lays the lists of over on top of base's; those named «+x» are joined to «x».
func grow(base, over map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, base)
	for _, name := range slices.Sorted(maps.Keys(over)) {
		if bare, more := strings.CutPrefix(name, "+"); more {
			out[bare] = append(slices.Clone(list(out[bare])), list(over[name])...)
		} else {
			out[name] = over[name]
		}
	}
	return out
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func dict(v any) map[string]any { m, _ := v.(map[string]any); return m }

func texts(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		} else {
			out = append(out, fmt.Sprint(e))
		}
	}
	return out
}

// decode gives the checked raw configuration its types and defaults. Keys are those of
// project.ConfigKeys; a test holds the two together.
func decode(kind addr.Kind, raw project.Config) Config {
	cfg := Config{Lookback: 1, Enabled: true, Volatile: project.VolatileRebuild, OnSchemaChange: "ignore", OnConfigurationChange: "apply", Access: "protected", HardDeletes: "ignore"}
	switch kind {
	case addr.Model:
		cfg.Materialized = "view"
	case addr.Seed, addr.Snapshot:
		cfg.Materialized = string(kind)
	case addr.Analysis:
		cfg.Materialized = "ephemeral" // there is nothing in the warehouse
	}
	for key, v := range raw {
		decodeKey(&cfg, key, v.V)
	}
	slices.Sort(cfg.Tags)
	cfg.Tags = slices.Compact(cfg.Tags)
	if cfg.LabelsFromMeta {
		labelsFromMeta(&cfg)
	}
	return cfg
}

// decodeKey reports whether it knows the key.
func decodeKey(cfg *Config, key string, v any) bool {
	text, _ := v.(string)
	flag, _ := v.(bool)
	switch key {
	case "enabled":
		cfg.Enabled = flag
	case "dialect":
		cfg.Dialect = text
	case "materialized":
		cfg.Materialized = text
	case "schema":
		cfg.Schema = text
	case "target_schema":
		cfg.TargetSchema = text
	case "database":
		cfg.Database = text
	case "alias":
		cfg.Alias = text
	case "tags":
		cfg.Tags = texts(v)
	case "meta":
		cfg.Meta = dict(v)
	case "owner":
		cfg.Owner = text
	case "tier":
		cfg.Tier = text
	case "group":
		cfg.Group = text
	case "access":
		cfg.Access = text
	case "unique_key":
		cfg.UniqueKey = texts(v)
	case "incremental_strategy":
		cfg.IncrementalStrategy = text
	case "incremental_predicates":
		cfg.IncrementalPredicates = texts(v)
	case "merge_update_columns":
		cfg.MergeUpdateColumns = texts(v)
	case "merge_exclude_columns":
		cfg.MergeExcludeColumns = texts(v)
	case "batch_size":
		cfg.BatchSize = text
	case "begin":
		cfg.Begin = text
	case "lookback":
		n, _ := v.(int64)
		cfg.Lookback = int(min(n, 1<<20))
	case "on_schema_change":
		cfg.OnSchemaChange = text
	case "full_refresh":
		cfg.FullRefresh = &flag
	case "volatile":
		cfg.Volatile = text
	case "persist_docs":
		cfg.PersistDocs, cfg.PersistOnly = persistDocs(v)
	case "column_types":
		cfg.ColumnTypes = map[string]string{}
		for name, t := range dict(v) {
			cfg.ColumnTypes[name] = fmt.Sprint(t)
		}
	case "delimiter":
		cfg.Delimiter = text
	case "strategy":
		cfg.Strategy = text
	case "updated_at":
		cfg.UpdatedAt = text
	case "check_cols":
		cfg.CheckCols = texts(v)
	case "hard_deletes":
		cfg.HardDeletes = text
	case "dbt_valid_to_current":
		cfg.ValidToCurrent = text
	case "snapshot_meta_column_names":
		name := func(of string) string { s, _ := dict(v)[of].(string); return s }
		cfg.SnapshotNames = warehouse.SnapshotNames{
			ID: name(warehouse.SnapshotID), UpdatedAt: name(warehouse.SnapshotUpdatedAt),
			From: name(warehouse.SnapshotFrom), To: name(warehouse.SnapshotTo), Deleted: name(warehouse.SnapshotDeleted),
		}
	case "pre_hook":
		cfg.FirstHooks, cfg.PreHooks = hookTexts(v)
	case "post_hook":
		cfg.LastHooks, cfg.PostHooks = hookTexts(v)
	case "keep_previous":
		if kept, err := project.ParseRetention(text); err == nil {
			cfg.KeepPrevious = &kept
		}
	case "event_time":
		cfg.EventTime = text
	case "contract":
		cfg.Contract = contractOf(dict(v))
	default:
		return decodeDistribution(cfg, key, v) || decodeLayoutKey(cfg, key, v)
	}
	return true
}

// hookTexts are the statements that are outside of the transaction, and those inside.
func hookTexts(v any) (outside, inside []string) {
	for _, e := range list(v) {
		if m, ok := e.(map[string]any); ok {
			outside = append(outside, texts(m["sql"])...)
			continue
		}
		inside = append(inside, texts(e)...)
	}
	return outside, inside
}

// persistDocs accepts true and dbt's {relation: …, columns: …}. only is the one of them that is
// asked for, empty where both are.
func persistDocs(v any) (persist bool, only string) {
	if b, ok := v.(bool); ok {
		return b, ""
	}
	asked := dict(v)
	relation, _ := asked["relation"].(bool)
	columns, _ := asked["columns"].(bool)
	switch {
	case relation && !columns:
		only = "relation"
	case columns && !relation:
		only = "columns"
	}
	return relation || columns, only
}

// checkTogether finds keys that make sense only with others.
func checkTogether(u *unit) diag.List {
	var ds diag.List
	has := func(key string) bool { return u.Raw[key].V != nil }
	ds.Add(checkLayoutTogether(u)...)
	if u.kind == addr.Model && u.Config.Materialized != "incremental" {
		for _, key := range []string{"incremental_strategy", "incremental_predicates", "merge_update_columns", "merge_exclude_columns", "partitions"} {
			if has(key) && u.Raw[key].At.File == u.File {
				ds.Add(configWithoutIncremental(key, u.Config.Materialized, u.Raw[key].At))
			}
		}
	}
	ds.Add(checkBatches(u)...)
	if u.kind == addr.Snapshot {
		if len(u.Config.UniqueKey) == 0 {
			ds.Add(snapshotNeeds("unique_key", `the column or columns that identify a row: {{ config "unique_key" "id" }}`, u.at))
		}
		switch u.Config.Strategy {
		case "timestamp":
			if u.Config.UpdatedAt == "" {
				ds.Add(snapshotNeeds("updated_at", `the column that says when a row changed: {{ config "updated_at" "updated_at" }}`, u.at))
			}
		case "check":
			if len(u.Config.CheckCols) == 0 {
				ds.Add(snapshotNeeds("check_cols", `the columns to compare, or "all": {{ config "check_cols" "all" }}`, u.at))
			}
		default:
			ds.Add(snapshotNeeds("strategy", `"timestamp" or "check": {{ config "strategy" "timestamp" "updated_at" "updated_at" }}`, u.at))
		}
	}
	return ds
}
