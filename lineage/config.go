package lineage

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// configKeys reads resolved configuration by the key users write.
var configKeys = map[string]func(*compile.Config) any{
	"enabled":                func(c *compile.Config) any { return c.Enabled },
	"materialized":           func(c *compile.Config) any { return c.Materialized },
	"schema":                 func(c *compile.Config) any { return c.Schema },
	"database":               func(c *compile.Config) any { return c.Database },
	"alias":                  func(c *compile.Config) any { return c.Alias },
	"tags":                   func(c *compile.Config) any { return c.Tags },
	"meta":                   func(c *compile.Config) any { return c.Meta },
	"owner":                  func(c *compile.Config) any { return c.Owner },
	"tier":                   func(c *compile.Config) any { return c.Tier },
	"group":                  func(c *compile.Config) any { return c.Group },
	"access":                 func(c *compile.Config) any { return c.Access },
	"unique_key":             func(c *compile.Config) any { return c.UniqueKey },
	"incremental_strategy":   func(c *compile.Config) any { return c.IncrementalStrategy },
	"incremental_predicates": func(c *compile.Config) any { return c.IncrementalPredicates },
	"merge_update_columns":   func(c *compile.Config) any { return c.MergeUpdateColumns },
	"merge_exclude_columns":  func(c *compile.Config) any { return c.MergeExcludeColumns },
	"on_schema_change":       func(c *compile.Config) any { return c.OnSchemaChange },
	"event_time":             func(c *compile.Config) any { return c.EventTime },
	"batch_size":             func(c *compile.Config) any { return c.BatchSize },
	"begin":                  func(c *compile.Config) any { return c.Begin },
	"lookback":               func(c *compile.Config) any { return c.Lookback },
	"volatile":               func(c *compile.Config) any { return c.Volatile },
	"full_refresh":           func(c *compile.Config) any { return deref(c.FullRefresh) },
	"column_types":           func(c *compile.Config) any { return c.ColumnTypes },
	"delimiter":              func(c *compile.Config) any { return c.Delimiter },
	"strategy":               func(c *compile.Config) any { return c.Strategy },
	"updated_at":             func(c *compile.Config) any { return c.UpdatedAt },
	"check_cols":             func(c *compile.Config) any { return c.CheckCols },
	"hard_deletes":           func(c *compile.Config) any { return c.HardDeletes },
	"dbt_valid_to_current":   func(c *compile.Config) any { return c.ValidToCurrent },
	"contract":               contract,
	"distribute":             func(c *compile.Config) any { return c.Distribute },
}

var testConfigKeys = map[string]func(*compile.TestConfig) any{
	"enabled":        func(*compile.TestConfig) any { return true },
	"severity":       func(c *compile.TestConfig) any { return c.Severity },
	"warn_if":        func(c *compile.TestConfig) any { return c.WarnIf },
	"error_if":       func(c *compile.TestConfig) any { return c.ErrorIf },
	"where":          func(c *compile.TestConfig) any { return c.Where },
	"limit":          func(c *compile.TestConfig) any { return c.Limit },
	"fail_calc":      func(c *compile.TestConfig) any { return c.FailCalc },
	"store_failures": storeFailures,
	"materialized":   func(*compile.TestConfig) any { return "test" },
	"schema":         func(c *compile.TestConfig) any { return c.Schema },
	"database":       func(c *compile.TestConfig) any { return c.Database },
	"alias":          func(c *compile.TestConfig) any { return c.Alias },
	"store_failures_as": func(c *compile.TestConfig) any {
		switch {
		case c.StoreFailures:
			return "table"
		case c.StoreNever:
			return "ephemeral"
		}
		return nil
	},
	"tags": func(c *compile.TestConfig) any { return c.Tags },
	"meta": func(c *compile.TestConfig) any { return c.Meta },
}

// storeFailures is what a test says itself, nil where the command decides.
func storeFailures(c *compile.TestConfig) any {
	switch {
	case c.StoreFailures:
		return true
	case c.StoreNever:
		return false
	}
	return nil
}

func contract(c *compile.Config) any {
	return map[string]any{"enforced": c.Contract.Enforced, "alias_types": true}
}

func deref(b *bool) any {
	if b == nil {
		return nil
	}
	return *b
}

func matchConfig(u *universe, s spec) (func(*item) bool, *problem) {
	if len(s.args) == 0 || slices.Contains(s.args, "") {
		return nil, &problem{at: s.methodAt, text: "does not name a configuration key", help: `write "config.materialized:view" or "config.meta.owner:finance"`}
	}
	// dbt compares a test's severity without regard to case, and nothing else.
	fold := len(s.args) == 1 && s.args[0] == "severity"
	return func(it *item) bool {
		v, ok := configValue(u, it, s.args)
		return ok && configEquals(v, s.value, fold)
	}, nil
}

// configValue follows a dotted key. Resolved values win over those as written.
func configValue(u *universe, it *item, key []string) (any, bool) {
	v, ok := topConfig(u, it, key[0])
	for _, k := range key[1:] {
		if !ok {
			return nil, false
		}
		switch m := v.(type) {
		case map[string]any:
			v, ok = m[k]
		case map[string]string:
			v, ok = m[k]
		default:
			return nil, false
		}
	}
	return v, ok
}

func topConfig(u *universe, it *item, key string) (any, bool) {
	switch {
	case it.node != nil:
		if n := it.node; n.Source != nil {
			return sourceConfig(n, key)
		}
		switch get, ok := configKeys[key]; {
		case key == "access" && it.id.Kind != addr.Model:
			return nil, false
		case ok:
			return get(&it.node.Config), true
		}
		v, ok := it.node.Raw[key]
		return v.V, ok
	case it.test != nil && key == "tags":
		return u.ownTags(it.test), true
	case it.test != nil:
		if get, ok := testConfigKeys[key]; ok {
			return get(&it.test.Config), true
		}
	case it.unit != nil && key == "tags":
		return it.unit.Tags, true
	case it.exp != nil && it.exp.Props != nil && key == "tags":
		return it.exp.Props.Tags, true
	case it.exp != nil && it.exp.Props != nil && key == "meta":
		return it.exp.Props.Meta, true
	}
	return nil, false
}

func sourceConfig(n *compile.Node, key string) (any, bool) {
	switch key {
	case "enabled":
		return true, true
	case "tags":
		return tagsOf(n), true
	case "meta":
		meta := maps.Clone(n.Config.Meta)
		if meta == nil {
			meta = map[string]any{}
		}
		configured, _ := n.Source.Config["meta"].V.(map[string]any)
		maps.Copy(meta, configured)
		maps.Copy(meta, n.Source.Meta)
		return meta, true
	}
	v, ok := n.Source.Config[key]
	return v.V, ok
}

// configEquals compares a configured value with a selector: a list holds it, a mapping has
// it as a key, a scalar is it.
func configEquals(v any, want string, fold bool) bool {
	switch v := v.(type) {
	case nil:
		return false
	case []string:
		return slices.ContainsFunc(v, func(x string) bool { return scalarEquals(x, want, fold) })
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return configEquals(x, want, fold) })
	case map[string]any:
		_, ok := v[want]
		return ok
	case map[string]string:
		_, ok := v[want]
		return ok
	case bool:
		return strings.EqualFold(want, strconv.FormatBool(v))
	}
	return scalarEquals(fmt.Sprint(v), want, fold)
}

func scalarEquals(have, want string, fold bool) bool {
	if have == "" {
		return false
	}
	return want == have || fnmatch(want, have) || fold && strings.EqualFold(want, have)
}

// configWords are the values that the key has in this project.
func configWords(u *universe, s spec) []string {
	if len(s.args) == 0 {
		return nil
	}
	return wordsOf(func(u *universe, it *item) []string {
		v, _ := configValue(u, it, s.args)
		switch v := v.(type) {
		case nil:
			return nil
		case []string:
			return v
		case []any:
			var out []string
			for _, x := range v {
				out = append(out, fmt.Sprint(x))
			}
			return out
		case map[string]any:
			return slices.Collect(maps.Keys(v))
		case map[string]string:
			return slices.Collect(maps.Keys(v))
		}
		return []string{fmt.Sprint(v)}
	})(u, s)
}
