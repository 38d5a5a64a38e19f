package docs

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
)

// generated are the texts of all generated parts by name.
func generated() map[string]string {
	out := map[string]string{
		"config keys":      configKeys(),
		"partition keys":   fieldTable("partition_by"),
		"name keys":        fieldTable("snapshot_meta_column_names"),
		"range keys":       fieldTable("partition_by", "range"),
		"index keys":       fieldTable("indexes"),
		"access keys":      fieldTable("grant_access_to"),
		"ancestry keys":    fieldTable("ancestry"),
		"contract keys":    fieldTable("contract"),
		"distribute keys":  fieldTable("distribute"),
		"partial keys":     fieldTable("partial"),
		"field keys":       fieldTable("custom_fields"),
		"customer parts":   customerParts(),
		"test config keys": keyTable(project.TestConfigKeys, false),
		"bigquery fields":  driverFields(bigquery.Driver{}),
		"duckdb fields":    driverFields(duckdb.Driver{}),
		"postgres fields":  driverFields(postgres.Driver{}),
		"test kinds":       testKinds(),
		"materializations": materializations(),
		"rules":            strings.TrimSuffix(check.Markdown(), "\n"),
	}
	for _, e := range entries {
		var rows [][]string
		for _, k := range e.Keys {
			rows = append(rows, []string{code(k.Name), k.Shape, k.Help})
		}
		out[e.Name+" keys"] = table([]string{"key", "value", "meaning"}, rows)
	}
	return out
}

func configKeys() string { return keyTable(project.ConfigKeys, true) }

// customerParts are the tables of customers with their columns.
func customerParts() string {
	var b strings.Builder
	for i, name := range project.PartNames {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("### " + name + "\n\n")
		var rows [][]string
		for _, c := range project.PartColumns(name) {
			need := ""
			if c.Required {
				need = "yes"
			}
			rows = append(rows, []string{code(c.Name), need, c.Help})
		}
		b.WriteString(table([]string{"column", "required", "meaning"}, rows))
	}
	return b.String()
}

// merged says what becomes of a key that is set on several levels.
var merged = map[project.Merge]string{
	project.Replace: "the innermost wins", project.Append: "joined", project.Update: "merged by entry",
	project.Grow: "the innermost wins by entry; `+entry` adds to it",
}

// defaults are what compile assumes; TestDefaults holds them to it.
var defaults = map[string]string{
	"enabled": "true", "materialized": "view", "access": "protected", "on_schema_change": "ignore", "hard_deletes": "ignore", "volatile": "rebuild", "on_configuration_change": "apply",
	"severity": "error", "warn_if": "!= 0", "error_if": "!= 0", "fail_calc": "count(*)",
}

func keyTable(keys []project.Key, kinds bool) string {
	head := []string{"key", "value", "default", "on several levels", "meaning"}
	if kinds {
		head = append(head, "for")
	}
	var rows [][]string
	for _, k := range keys {
		value := string(k.Type)
		switch {
		case len(k.Values) > 0:
			value = code(k.Values...)
		case len(k.Flags) > 0:
			value = "true or false, or a mapping of " + code(k.Flags...)
		case len(k.Fields) > 0:
			page := "storage.md"
			if _, kind := materialize.Lookup(k.Name); kind {
				page = "materializations.md"
			}
			switch k.Name {
			case "contract":
				page = "contracts.md"
			case "distribute", "partial", "custom_fields":
				page = "distribution.md"
			}
			anchor := k.Name
			if k.Name == "snapshot_meta_column_names" {
				page, anchor = "materializations.md", "snapshot"
			}
			value = "[" + string(k.Type) + "](" + page + "#" + anchor + ")"
			switch {
			case k.Name == "distribute":
				value = code(project.DistributeRows...) + ", or " + value
			case k.Plain != "":
				value = "a column, or " + value
			}
		}
		row := []string{code(append([]string{k.Name}, k.Aliases...)...), value, code(defaults[k.Name]), merged[k.Merge], k.Help}
		if kinds {
			var of []string
			for _, kind := range k.Kinds {
				of = append(of, strings.ReplaceAll(string(kind), "_", " ")+"s")
			}
			if len(k.Kinds) == len(all(keys)) {
				of = []string{"all"}
			}
			row = append(row, strings.Join(of, ", "))
		}
		rows = append(rows, row)
	}
	return table(head, rows)
}

// fieldTable is the table of the entries of a config key that is a mapping.
func fieldTable(path ...string) string {
	fields := project.ConfigKeys
	for _, name := range path {
		fields = fields[slices.IndexFunc(fields, func(k project.Key) bool { return k.Name == name })].Fields
	}
	var rows [][]string
	for _, f := range fields {
		value := string(f.Type)
		switch {
		case len(f.Values) > 0:
			value = code(f.Values...)
		case len(f.Fields) > 0:
			var names []string
			for _, in := range f.Fields {
				names = append(names, in.Name)
			}
			value = "a mapping of " + code(names...)
		}
		if f.Required {
			value += "; required"
		}
		rows = append(rows, []string{code(f.Name), value, f.Help})
	}
	return table([]string{"key", "value", "meaning"}, rows)
}

// all are the kinds that any of the keys is for.
func all(keys []project.Key) []addr.Kind {
	var out []addr.Kind
	for _, k := range keys {
		for _, kind := range k.Kinds {
			if !slices.Contains(out, kind) {
				out = append(out, kind)
			}
		}
	}
	return out
}

func driverFields(d warehouse.Driver) string {
	var rows [][]string
	for _, f := range d.Fields() {
		def := f.Default
		if f.Required {
			def = "required"
		}
		rows = append(rows, []string{code(f.Name), def, f.Help})
	}
	return table([]string{"key", "default", "meaning"}, rows)
}

var levels = map[datatest.Level]string{
	datatest.OnColumn:   "below a column, or at the model with `column_name`",
	datatest.OnRelation: "at the model",
	datatest.OnEither:   "below a column or at the model",
}

func testKinds() string {
	var b strings.Builder
	for _, k := range datatest.Kinds {
		b.WriteString("### " + k.Name + "\n\n" + strings.ToUpper(k.Help[:1]) + k.Help[1:] + ". Written " + levels[k.Level] + ".\n")
		if len(k.Args) > 0 {
			var rows [][]string
			for _, a := range k.Args {
				need := ""
				if a.Required {
					need = "yes"
				}
				rows = append(rows, []string{code(a.Name), string(a.Type), need, a.Help})
			}
			b.WriteString("\n" + table([]string{"argument", "value", "required", "meaning"}, rows))
		}
		b.WriteString("\n```yaml\n" + examples[k.Name] + "```\n")
		if len(k.Aliases) > 0 {
			var names []string
			for _, a := range k.Aliases {
				names = append(names, a.Name)
			}
			b.WriteString("\nAlso understood: " + code(names...) + ".\n")
		}
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func materializations() string {
	var rows [][]string
	for _, k := range materialize.Kinds {
		rows = append(rows, []string{"[" + k.Name + "](#" + k.Name + ")", k.Help})
	}
	return table([]string{"", "what it is"}, rows)
}
