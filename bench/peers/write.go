package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// schema is where all tools put their tables, and threads how many models those build at a time
// that can be told.
const (
	schema  = "bench"
	threads = 4
)

// files of a project by path.
type files map[string]string

func (f files) write(dir string) error {
	for path, text := range f {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// materialized is what becomes of a model: staging is views, all else tables.
func (n node) materialized() string {
	if n.layer == "staging" {
		return "view"
	}
	return "table"
}

// path of a model without its ending. Folders hold perDir models.
func paths(nodes []node) []string {
	out, count := make([]string, len(nodes)), map[string]int{}
	for i, n := range nodes {
		out[i] = fmt.Sprintf("models/%s/%s%03d/%s", n.layer, n.layer[:1], count[n.layer]/perDir, n.name)
		count[n.layer]++
	}
	return out
}

// body writes a model's SQL in a tool's syntax.
func (n node) body(ref func(string) string, seed string, bucket func(string) string, loop func(line string) string) string {
	var b strings.Builder
	for _, p := range n.text {
		switch {
		case p.ref != "":
			b.WriteString(ref(p.ref))
		case p.seed:
			b.WriteString(seed)
		case p.bucket != "":
			b.WriteString("    " + bucket(p.bucket) + " as size_class")
		case p.perStatus != "":
			b.WriteString(loop(p.perStatus))
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// classes are the SQL of the macro bucket around a column.
func classes(column string) string {
	return "case when " + column + " < 1000 then 'small' when " + column + " < 20000 then 'middle' else 'large' end"
}

func quoted(words []string, quote string) string {
	return quote + strings.Join(words, quote+", "+quote) + quote
}

// properties are the YAML of tests that dbt and the engine read.
func properties(nodes []node) files {
	out := files{}
	at := paths(nodes)
	heads := map[string]*strings.Builder{}
	for i, n := range nodes {
		path := filepath.ToSlash(filepath.Dir(at[i])) + "/properties.yml"
		if heads[path] == nil {
			heads[path] = &strings.Builder{}
			heads[path].WriteString("version: 2\nmodels:\n")
		}
		fmt.Fprintf(heads[path], "  - name: %s\n    description: Orders, step %s %d.\n", n.name, n.layer, i)
		if n.tests {
			heads[path].WriteString("    columns:\n      - name: id\n        description: Key of the row.\n        data_tests: [unique, not_null]\n      - name: amount\n        data_tests: [not_null]\n")
		}
	}
	for path, b := range heads {
		out[path] = b.String()
	}
	return out
}

// engineFiles is the project for the engine. Its SQL is GoogleSQL, which the engine analyzes and
// rewrites for DuckDB: more than any peer does.
func engineFiles(nodes []node, seed uint64) files {
	out := properties(nodes)
	out["engine.yml"] = "name: bench\ntargets:\n  dev:\n    type: duckdb\n    path: target/dev.duckdb\n    schema: " + schema + fmt.Sprintf("\n    threads: %d", threads) + "\nmodels:\n  +materialized: table\n  staging:\n    +materialized: view\n"
	out["seeds/orders.csv"] = seedCSV(seed)
	out["seeds/properties.yml"] = "version: 2\nseeds:\n  - name: orders\n    columns:\n      - {name: id, data_type: int64}\n      - {name: customer_id, data_type: int64}\n      - {name: status, data_type: string}\n      - {name: amount, data_type: int64}\n      - {name: ordered_on, data_type: date}\n"
	out["macros/bucket.tmpl"] = "{{- define \"bucket\" -}}\n" + classes("{{ . }}") + "\n{{- end -}}\n"
	at := paths(nodes)
	for i, n := range nodes {
		out[at[i]+".sql"] = n.body(
			func(s string) string { return fmt.Sprintf("{{ ref %q }}", s) },
			`{{ ref "orders" }}`,
			func(column string) string { return fmt.Sprintf("{{ include \"bucket\" %q }}", column) },
			func(line string) string {
				return `{{ range $status := list ` + strings.ReplaceAll(quoted(statuses, `"`), ",", "") + ` }}` + strings.ReplaceAll(line, "%s", "{{ $status }}") + `{{ end }}`
			})
	}
	return out
}

// dbtFiles is the project for dbt.
func dbtFiles(nodes []node, seed uint64) files {
	out := properties(nodes)
	out["dbt_project.yml"] = "name: bench\nversion: '1.0'\nconfig-version: 2\nprofile: bench\nflags:\n  send_anonymous_usage_stats: false\nmodels:\n  +materialized: table\n  bench:\n    staging:\n      +materialized: view\nseeds:\n  bench:\n    +column_types: {id: bigint, customer_id: bigint, status: varchar, amount: bigint, ordered_on: date}\n"
	out["profiles.yml"] = "bench:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: target/dev.duckdb\n      schema: " + schema + fmt.Sprintf("\n      threads: %d\n", threads)
	out["seeds/orders.csv"] = seedCSV(seed)
	out["macros/bucket.sql"] = "{% macro bucket(column) -%}\n" + classes("{{ column }}") + "\n{%- endmacro %}\n"
	at := paths(nodes)
	for i, n := range nodes {
		out[at[i]+".sql"] = n.body(
			func(s string) string { return "{{ ref('" + s + "') }}" },
			"{{ ref('orders') }}",
			func(column string) string { return "{{ bucket('" + column + "') }}" },
			func(line string) string {
				return "{% for status in [" + quoted(statuses, "'") + "] %}" + strings.ReplaceAll(line, "%s", "{{ status }}") + "{% endfor %}"
			})
	}
	return out
}

// dataformFiles is the project for Dataform, which compiles only: it runs on BigQuery alone.
func dataformFiles(nodes []node, core string) files {
	out := files{
		"workflow_settings.yaml":  "defaultProject: bench\ndefaultLocation: EU\ndefaultDataset: " + schema + "\ndefaultAssertionDataset: tests\n",
		"package.json":            "{\"dependencies\": {\"@dataform/core\": \"" + core + "\"}}\n",
		"definitions/orders.sqlx": "config { type: \"declaration\", schema: \"" + schema + "\", name: \"orders\" }\n",
		"includes/macros.js":      "function bucket(column) {\n  return `" + classes("${column}") + "`;\n}\nmodule.exports = { bucket };\n",
	}
	at := paths(nodes)
	for i, n := range nodes {
		head := "type: \"" + n.materialized() + "\", description: \"Orders, step " + n.layer + fmt.Sprint(" ", i) + ".\""
		if n.tests {
			head += ", assertions: { uniqueKey: [\"id\"], nonNull: [\"id\", \"amount\"] }"
		}
		out["definitions/"+strings.TrimPrefix(at[i], "models/")+".sqlx"] = "config { " + head + " }\n" + n.body(
			func(s string) string { return "${ref(\"" + s + "\")}" },
			`${ref("orders")}`,
			func(column string) string { return "${macros.bucket(\"" + column + "\")}" },
			func(line string) string {
				return "${[" + quoted(statuses, `"`) + "].map(s => `" + strings.ReplaceAll(line, "%s", "${s}") + "`).join(\"\")}"
			})
	}
	return out
}

// sqlmeshFiles is the project for SQLMesh in its own syntax.
func sqlmeshFiles(nodes []node, seed uint64) files {
	out := files{
		"config.yaml":        "gateways:\n  local:\n    connection:\n      type: duckdb\n      database: dev.duckdb\ndefault_gateway: local\nmodel_defaults:\n  dialect: duckdb\n  start: 2026-01-01\ndisable_anonymized_analytics: true\n",
		"seeds/orders.csv":   seedCSV(seed),
		"models/orders.sql":  "MODEL (\n  name " + schema + ".orders,\n  kind SEED (path '../seeds/orders.csv'),\n  columns (id BIGINT, customer_id BIGINT, status TEXT, amount BIGINT, ordered_on DATE)\n);\n",
		"macros/__init__.py": "",
		"macros/bucket.py":   "from sqlmesh import macro\n\n\n@macro()\ndef bucket(evaluator, column):\n    return f\"" + classes("{column}") + "\"\n",
	}
	at := paths(nodes)
	for i, n := range nodes {
		kind, tests := "FULL", ""
		if n.materialized() == "view" {
			kind = "VIEW"
		}
		if n.tests {
			tests = ",\n  audits (unique_values(columns := (id)), not_null(columns := (id, amount)))"
		}
		out[at[i]+".sql"] = fmt.Sprintf("MODEL (\n  name %s.%s,\n  kind %s,\n  description 'Orders, step %s %d.'%s\n);\n\n", schema, n.name, kind, n.layer, i, tests) + n.body(
			func(s string) string { return schema + "." + s },
			schema+".orders",
			func(column string) string { return "@bucket(" + column + ")" },
			func(line string) string {
				line = strings.Replace(line, "'%s'", "s", 1)
				line = strings.Replace(strings.TrimSuffix(strings.TrimSpace(line), ","), "%s_amount", "@{s}_amount", 1)
				return "    @EACH([" + quoted(statuses, "'") + "], s -> " + line + "),\n"
			})
	}
	return out
}
