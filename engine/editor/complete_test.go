package editor

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// storeProject is a project with one of each.
const storeProject = `
-- engine.yml --
name: shop
vars:
  first_day: "2026-01-01"
  fee: 0.5
models:
  staging:
    +materialized: view
    +tags: [staging]
    +owner: data-platform
  marts:
    +materialized: table
    +tags: [daily]
-- models/staging/staging.yml --
sources:
  - name: app
    description: The shop's own database
    tables:
      - name: orders
        columns:
          - {name: id, data_type: INT64}
          - {name: customer_id, data_type: INT64}
          - {name: status, data_type: STRING, description: where the order is}
          - {name: total, data_type: NUMERIC}
          - {name: placed_at, data_type: TIMESTAMP}
          - {name: lines, data_type: "ARRAY<STRUCT<sku STRING, quantity INT64>>"}
          - {name: address, data_type: "STRUCT<street STRING, city STRING, geo STRUCT<lat FLOAT64, lng FLOAT64>>"}
      - name: customers
        columns:
          - {name: id, data_type: INT64}
          - {name: customer_name, data_type: STRING}
          - {name: email, data_type: STRING}
models:
  - name: stg_orders
    description: One row for each order
    columns:
      - name: order_id
        description: what identifies an order
        data_tests: [unique, not_null]
      - name: status
        description: where the order is
        data_tests:
          - accepted_values: {values: [placed, paid, shipped]}
      - name: customer_id
        data_tests:
          - relationships: {to: ref('stg_customers'), field: customer_id}
  - name: stg_customers
    columns:
      - name: customer_id
        data_tests: [unique]
-- models/staging/stg_orders.sql --
select id as order_id, customer_id, status, total, placed_at, lines, address
from {{ source "app" "orders" }}
-- models/staging/stg_customers.sql --
select id as customer_id, customer_name, email from {{ source "app" "customers" }}
-- models/marts/fct_orders.sql --
with paid as (
    select order_id, customer_id, total, date(placed_at) as paid_on
    from {{ ref "stg_orders" }}
    where status = 'paid'
)
select
    paid.order_id,
    customer.customer_name,
    paid.total * 2 as doubled,
    {{ include "month_of" (dict "expr" "paid.paid_on") }} as paid_month
from paid
left join {{ ref "stg_customers" }} as customer on customer.customer_id = paid.customer_id
-- models/marts/marts.yml --
groups:
  - name: finance
    owner: {name: Finance}
models:
  - name: fct_orders
    description: Paid orders
    columns:
      - name: order_id
        data_tests: [unique]
unit_tests:
  - name: doubles
    model: fct_orders
    given:
      - input: ref('stg_orders')
        rows: [{order_id: 1, status: paid, total: 2}]
      - input: ref('stg_customers')
        rows: []
    expect:
      rows: [{order_id: 1, doubled: 4}]
-- models/marts/summary_v1.sql --
select status, count(*) as orders from {{ ref "stg_orders" }} group by status
-- models/marts/summary_v2.sql --
select status, count(*) as orders, sum(total) as total from {{ ref "stg_orders" }} group by status
-- models/marts/summary.yml --
models:
  - name: summary
    latest_version: 2
    versions: [{v: 1}, {v: 2}]
-- models/docs.md --
{% docs order_status %}
Where an order is.
{% enddocs %}
-- seeds/plan.csv --
month,goal
2026-01-01,100
-- macros/dates.tmpl --
{{/* month_of (dict "expr" "x"): first day of the month */}}
{{- define "month_of" -}}
date_trunc(cast({{ .expr }} as date), month)
{{- end -}}

{{- define "spine" -}}
select day from unnest(generate_date_array(date '{{ .from }}', date '{{ .to }}')) as day
{{- end -}}
-- tests/generic/at_least.sql --
{{/* at_least: rows below a minimum; arguments: min */}}
select * from {{ .model }} where {{ .column }} < {{ .min }}
-- tests/fixtures/two_orders.csv --
order_id,status
1,paid
2,placed
-- functions/double_it.sql --
create function double_it(x int64) returns int64 as (x * 2);
`

var storeView = sync.OnceValues(func() (*View, error) {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for _, f := range txtar.Parse([]byte(storeProject)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return nil, err
		}
	}
	return settledView(dir)
})

// referenceView is the View of this repository's own project.
var referenceView = sync.OnceValues(func() (*View, error) { return settledView(filepath.Join("..", "..")) })

func settledView(dir string) (*View, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	w, err := Open(ctx, dir, Options{Options: engine.Options{Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}}})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := w.Settled(ctx); err != nil {
		return nil, err
	}
	return w.View(), nil
}

// typing is a View in which a file has another text, which nothing has looked at yet.
func typing(v *View, path, text string) *View {
	out := *v
	out.since = maps.Clone(v.since)
	if out.since == nil {
		out.since = map[string]since{}
	}
	out.since[path] = since{file: source.NewFile(path, []byte(text))}
	return &out
}

// cursorIn takes the mark «|» out of a text; «¦» stands for a bar.
func cursorIn(t *testing.T, text string) (string, int) {
	t.Helper()
	at := strings.IndexByte(text, '|')
	if at < 0 {
		t.Fatalf("no place in %q", text)
	}
	head := strings.ReplaceAll(text[:at], "¦", "|")
	return head + strings.ReplaceAll(text[at+1:], "¦", "|"), len(head)
}

func labelsOf(list []Completion) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Label)
	}
	return out
}

// applied is the text after a completion was taken, tab stops taken out.
func applied(text string, c Completion) string {
	insert := c.Insert
	if c.Snippet {
		insert = tabStop.ReplaceAllString(insert, "$1")
		insert = strings.NewReplacer("$0", "", "$1", "", `\$`, "$", `\}`, "}", `\\`, `\`).Replace(insert)
	}
	return text[:c.From] + insert + text[c.To:]
}

var tabStop = regexp.MustCompile(`\$\{\d+:?([^}]*)\}`)

const (
	newModel = "models/marts/new.sql"
	newYAML  = "models/marts/new.yml"
)

func TestComplete(t *testing.T) {
	v, err := storeView()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, text string
		first            string   // labels that come first, in this order
		has, not         []string // labels that are there, or not
		becomes          string   // the text once the first completion is taken
	}{
		// Templates.
		{name: "ref", text: `select * from {{ ref "|" }}`, has: []string{"stg_orders", "stg_customers", "plan", "fct_orders"}, not: []string{"app.orders"}},
		{name: "ref with a beginning", text: `select * from {{ ref "stg_c|" }}`, first: "stg_customers", becomes: `select * from {{ ref "stg_customers" }}`},
		{name: "ref that is not closed", text: `select * from {{ ref "cust|`, first: "stg_customers", becomes: `select * from {{ ref "stg_customers" }}`},
		{name: "ref without quotes", text: `select * from {{ ref | }}`, has: []string{"stg_orders"}},
		{name: "ref without quotes takes them along", text: `select * from {{ ref stg_o| }}`, first: "stg_orders", becomes: `select * from {{ ref "stg_orders" }}`},
		{name: "a model with versions", text: `select * from {{ ref "summ|" }}`, first: "summary", not: []string{"summary.v1", "summary_v1"}},
		{name: "its version", text: `select * from {{ ref "summary" | }}`, first: "\"v\" 2|\"v\" 1"},
		{name: "the number of its version", text: `select * from {{ ref "summary" "v" | }}`, first: "2 1"},
		{name: "columns of the latest version", text: `select s.| from {{ ref "summary" }} as s`, first: "status orders total"},
		{name: "columns of a version", text: `select s.| from {{ ref "summary" "v" 1 }} as s`, first: "status orders", not: []string{"total"}},
		{name: "a version as a relation", text: `select * from summary.v|`, first: ""},
		{name: "what a generic test is given", path: "tests/generic/at_least.sql", text: `select * from {{ .| }} where {{ .column }} < {{ .min }}`, has: []string{".model", ".column", ".min"}},
		{name: "a macro's arguments", path: "macros/dates.tmpl", text: `{{ define "x" }}cast({{ .ex| }} as date) {{ .expr }}{{ end }}`, first: ".expr"},
		{name: "selectors", path: "selectors.yml", text: "selectors:\n  - name: nightly\n    definition:\n      method: |", has: []string{"tag", "path", "fqn"}},
		{name: "the name of a source", text: `select * from {{ source "|" }}`, first: "app"},
		{name: "the table of a source", text: `select * from {{ source "app" "|" }}`, has: []string{"orders", "customers"}},
		{name: "the table of a source in one", text: `select * from {{ source ord|`, first: "app.orders", becomes: `select * from {{ source "app" "orders" }}`},
		{name: "a source in quotes", text: `select * from {{ source "app.o|" }}`, first: "app.orders", becomes: `select * from {{ source "app" "orders" }}`},
		{name: "an action without blanks", text: `select * from {{|}}`, first: "ref", becomes: `select * from {{ ref "" }}`},
		{name: "an action that is not closed", text: `select * from {{|`, first: "ref", becomes: `select * from {{ ref "" }}`},
		{name: "var", text: `select '{{ var "|" }}'`, has: []string{"first_day", "fee"}},
		{name: "a function", text: `select * from {{ so|`, first: "source"},
		{name: "an action", text: `{{ | }}`, first: "ref source config"},
		{name: "include", text: `select {{ include "|" }}`, has: []string{"month_of", "spine"}},
		{name: "an include's arguments", text: `select {{ include "month_of" (dict "|") }}`, first: "expr"},
		{name: "a second argument", text: `from ({{ include "spine" (dict "from" "x" "|") }})`, first: "to", not: []string{"from"}},
		{name: "a macro by its name", text: `select {{ month|`, first: "month_of", becomes: `select {{ include "month_of" (dict "expr" "expr") }}`},
		{name: "config", text: `{{ config "|" }}`, first: "materialized", has: []string{"tags", "unique_key"}, not: []string{"column_types", "updated_at"}},
		{name: "a value of config", text: `{{ config "materialized" "|" }}`, first: "view table incremental"},
		{name: "config's second key", text: `{{ config "materialized" "table" "inc|" }}`, first: "incremental_strategy", not: []string{"materialized"}},
		{name: "columns in config", path: "models/marts/fct_orders.sql", text: "{{ config \"unique_key\" \"|\" }}\nselect 1", has: []string{"order_id", "doubled"}},
		{name: "tags in use", text: `{{ config "tags" "|" }}`, has: []string{"daily", "staging"}},
		{name: "the target", text: `{{ target.| }}`, has: []string{"target.schema", "target.name"}},
		{name: "true and false", text: `{{ config "enabled" | }}`, has: []string{"true", "false"}},

		// Relations.
		{name: "from", text: `select * from |`, has: []string{"stg_orders", "app.orders", "plan", "unnest"}, not: []string{"where", "coalesce"}},
		{name: "from with a beginning", text: `select * from stg_o|`, first: "stg_orders", becomes: `select * from {{ ref "stg_orders" }}`},
		{name: "from a source", text: `select * from app.or|`, first: "app.orders", becomes: `select * from {{ source "app" "orders" }}`},
		{name: "from a source by its table", text: `select * from custo|`, has: []string{"app.customers", "stg_customers"}},
		{name: "ctes come first", text: `with stuff as (select 1 as a) select * from |`, first: "stuff"},
		{name: "a cte sees those before it", text: `with a as (select 1 as x), b as (select * from |), c as (select 2 as y) select 1`, first: "a", not: []string{"b", "c"}},
		{name: "join", text: "select * from {{ ref \"stg_orders\" }} as o left join |", has: []string{"stg_customers"}},
		{name: "behind a relation", text: "select * from {{ ref \"stg_orders\" }} |", first: "as", has: []string{"left join", "where", "group by"}, not: []string{"stg_orders", "coalesce"}},
		{name: "an alias", text: "select * from {{ ref \"stg_orders\" }} as |", first: "orders stg_orders so"},
		{name: "arrays of what is read", text: "select 1 from {{ ref \"stg_orders\" }} as o, |", has: []string{"unnest(o.lines)"}},

		// Columns.
		{name: "behind an alias", text: "select o.| from {{ ref \"stg_orders\" }} as o", first: "order_id customer_id status total"},
		{name: "behind an alias, nothing else", text: "select o.| from {{ ref \"stg_orders\" }} as o", not: []string{"coalesce", "o", "select"}},
		{name: "bare", text: "select | from {{ ref \"stg_orders\" }} as o", first: "order_id customer_id", has: []string{"o", "coalesce", "all columns"}},
		{name: "bare with a beginning", text: "select sta| from {{ ref \"stg_orders\" }}", first: "status"},
		{name: "in where", text: "select order_id from {{ ref \"stg_orders\" }} where to|", first: "total"},
		{name: "no aggregates in where", text: "select order_id from {{ ref \"stg_orders\" }} where cou|", not: []string{"count", "countif"}},
		{name: "of two relations", text: "select customer_i| from {{ ref \"stg_orders\" }} as o join {{ ref \"stg_customers\" }} as c using (customer_id)", first: "customer_id"},
		{name: "ambiguous", text: "select customer_i| from {{ ref \"stg_orders\" }} as o join {{ ref \"stg_customers\" }} as c on true", first: "o.customer_id c.customer_id"},
		{name: "of a cte", text: "with t as (select order_id as id, total from {{ ref \"stg_orders\" }}) select t.| from t", first: "id total", not: []string{"status"}},
		{name: "of a star in a cte", text: "with t as (select * except (status), 1 as one from {{ ref \"stg_orders\" }}) select | from t", has: []string{"order_id", "one"}, not: []string{"status"}},
		{name: "of a subquery", text: "select s.| from (select total as amount from {{ ref \"stg_orders\" }}) as s", first: "amount"},
		{name: "of a macro that is a query", text: "select s.| from ({{ include \"spine\" (dict \"from\" \"a\" \"to\" \"b\") }}) as s", first: "day"},
		{name: "fields of a struct", text: "select o.address.| from {{ ref \"stg_orders\" }} as o", first: "street city geo"},
		{name: "fields of a field", text: "select address.geo.l| from {{ ref \"stg_orders\" }} as o", first: "lat lng"},
		{name: "elements of an array", text: "select line.| from {{ ref \"stg_orders\" }} as o, unnest(o.lines) as line", first: "sku quantity"},
		{name: "elements of an array by its path", text: "select line.| from {{ ref \"stg_orders\" }} as o, o.lines as line", first: "sku quantity"},
		{name: "an offset", text: "select po| from {{ ref \"stg_orders\" }} as o, unnest(o.lines) as line with offset as pos", first: "pos"},
		{name: "outer columns in a subquery", text: "select 1 from {{ ref \"stg_orders\" }} as o where exists (select 1 from {{ ref \"stg_customers\" }} as c where c.customer_id = o.|)", first: "order_id customer_id"},
		{name: "inner ones are nearer", text: "select 1 from {{ ref \"stg_orders\" }} as o where exists (select 1 from {{ ref \"stg_customers\" }} as c where |)", first: "customer_id customer_name email"},
		{name: "a join's condition", text: "select 1 from {{ ref \"stg_orders\" }} as o join {{ ref \"stg_customers\" }} as c on |", first: "o.customer_id = c.customer_id"},
		{name: "more of a join's condition", text: "select 1 from {{ ref \"stg_orders\" }} as o join {{ ref \"stg_customers\" }} as c on o.customer_id = c.customer_id and |", has: []string{"total"}, not: []string{"o.customer_id = c.customer_id"}},
		{name: "using", text: "select 1 from {{ ref \"stg_orders\" }} as o join {{ ref \"stg_customers\" }} as c using (|)", first: "customer_id", not: []string{"status", "email"}},
		{name: "group by", text: "select status, date(placed_at) as day, count(*) as n from {{ ref \"stg_orders\" }} group by |", first: "status, day|status|day"},
		{name: "order by", text: "select status, count(*) as n from {{ ref \"stg_orders\" }} group by status order by |", first: "status n"},
		{name: "except", text: "select * except (|) from {{ ref \"stg_orders\" }}", first: "order_id customer_id"},
		{name: "a model that is not in from yet", text: "select stg_customers.|", first: "customer_id customer_name email"},
		{name: "values of a column", text: "select 1 from {{ ref \"stg_orders\" }} where status = '|'", first: "placed paid shipped"},
		{name: "values in a list", text: "select 1 from {{ ref \"stg_orders\" }} as o where o.status in ('placed', '|", first: "placed paid shipped"},
		{name: "nothing in other texts", text: "select 'a|' from {{ ref \"stg_orders\" }}", first: ""},
		{name: "nothing in comments", text: "select 1 -- fr|", first: ""},
		{name: "nothing in numbers", text: "select 1| from {{ ref \"stg_orders\" }}", first: ""},

		// Text that does not parse.
		{name: "an open parenthesis", text: "select sum(to| from {{ ref \"stg_orders\" }} where 1 = 1", first: "total"},
		{name: "an open parenthesis in a cte", text: "with a as (select sum(to| from {{ ref \"stg_orders\" }}) select * from a", first: "total"},
		{name: "a comma too many", text: "select order_id,, sta|, from {{ ref \"stg_orders\" }} whre", first: "status"},
		{name: "half a union", text: "select order_id from {{ ref \"stg_orders\" }} union all select ema| from {{ ref \"stg_customers\" }}", first: "email"},
		{name: "an open quote elsewhere", text: "select sta| from {{ ref \"stg_orders\" }} where x = 'abc", first: "status"},
		{name: "an action is open elsewhere", text: "select o.sta|\nfrom {{ ref \"stg_orders\" }} as o\nwhere {{ var", first: "status"},
		{name: "conditional text", text: "select sta| from {{ ref \"stg_orders\" }} {{ if is_incremental }} where total > 1 {{ end }}", first: "status"},

		// Functions, types, keywords.
		{name: "functions", text: "select date_tr| from {{ ref \"stg_orders\" }}", first: "date_trunc", becomes: "select date_trunc() from {{ ref \"stg_orders\" }}"},
		{name: "functions of a namespace", text: "select net.| from {{ ref \"stg_orders\" }}", has: []string{"host", "reg_domain"}},
		{name: "functions of the project", text: "select doub| from {{ ref \"stg_orders\" }}", first: "double_it"},
		{name: "keywords as they are written here", text: "SELECT order_id FROM {{ ref \"stg_orders\" }} |", first: "AS|LEFT JOIN", becomes: "SELECT order_id FROM {{ ref \"stg_orders\" }} AS "},
		{name: "functions in capital letters", text: "SELECT COALE| FROM {{ ref \"stg_orders\" }}", first: "COALESCE", becomes: "SELECT COALESCE() FROM {{ ref \"stg_orders\" }}"},
		{name: "parts of dates", text: "select date_trunc(placed_at, |) from {{ ref \"stg_orders\" }}", first: "day week month"},
		{name: "parts in extract", text: "select extract(ye| from placed_at) from {{ ref \"stg_orders\" }}", first: "year"},
		{name: "units of an interval", text: "select date_add(x, interval 1 |) from {{ ref \"stg_orders\" }}", first: "day week month"},
		{name: "types", text: "select cast(total as |) from {{ ref \"stg_orders\" }}", has: []string{"int64", "numeric", "string"}, not: []string{"status"}},
		{name: "types of the target's own SQL", text: "{{ config \"dialect\" \"duckdb\" }}select cast(total as |) from {{ ref \"stg_orders\" }}", has: []string{"bigint", "varchar"}, not: []string{"int64"}},
		{name: "columns in the target's own SQL", text: "{{ config \"dialect\" \"duckdb\" }}select \"x\" ¦¦ y, sta| from {{ ref \"stg_orders\" }}", first: "status", not: []string{"starts_with"}},
		{name: "behind a value", text: "select order_id | from {{ ref \"stg_orders\" }}", first: "as from", not: []string{"status", "coalesce"}},
		{name: "behind is", text: "select 1 from {{ ref \"stg_orders\" }} where total is |", first: "null|not null"},
		{name: "an empty file", text: "|", first: "select", has: []string{"with", "config"}},
		{name: "behind a window function", text: "select row_number() | from {{ ref \"stg_orders\" }}", has: []string{"over"}},

		// YAML.
		{name: "top of a properties file", path: newYAML, text: "|", has: []string{"models", "sources", "unit_tests"}},
		{name: "keys of a model", path: newYAML, text: "models:\n  - name: stg_orders\n    |", first: "description columns", has: []string{"config", "data_tests"}},
		{name: "keys of a model with a beginning", path: newYAML, text: "models:\n  - name: stg_orders\n    desc|", first: "description"},
		{name: "keys of a column", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: order_id\n        |", has: []string{"description", "data_tests", "data_type"}, not: []string{"config_version", "versions"}},
		{name: "names of models", path: newYAML, text: "models:\n  - name: |", has: []string{"stg_orders", "fct_orders"}},
		{name: "names of columns", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: |", first: "total placed_at", has: []string{"status"}},
		{name: "names of columns in flow", path: newYAML, text: "models:\n  - name: stg_orders\n    columns: [{name: tot|}]", first: "total"},
		{name: "tests", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - |", first: "at_least unique not_null", has: []string{"accepted_values", "relationships"}},
		{name: "tests in flow", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests: [uni|]", first: "unique"},
		{name: "a test brings what it needs", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - accepted_v|", first: "accepted_values",
			becomes: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - accepted_values:\n      values: []"},
		{name: "a test's arguments", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - relationships:\n              |", first: "to field"},
		{name: "a reference", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - relationships:\n              to: |", has: []string{"ref('stg_customers')", "source('app', 'orders')"}},
		{name: "a field of the reference", path: newYAML, text: "models:\n  - name: stg_orders\n    columns:\n      - name: status\n        data_tests:\n          - relationships:\n              to: ref('stg_customers')\n              field: |", first: "customer_id customer_name email"},
		{name: "a test's configuration", path: newYAML, text: "models:\n  - name: stg_orders\n    data_tests:\n      - row_count:\n          config:\n            |", has: []string{"severity", "where"}},
		{name: "a test's severity", path: newYAML, text: "models:\n  - name: stg_orders\n    data_tests:\n      - row_count:\n          config:\n            severity: |", first: "error warn"},
		{name: "config", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      |", first: "materialized", not: []string{"column_types"}},
		{name: "config of a seed", path: newYAML, text: "seeds:\n  - name: plan\n    config:\n      |", has: []string{"column_types", "delimiter"}, not: []string{"materialized"}},
		{name: "a value of config", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      materialized: |", first: "view table incremental"},
		{name: "columns in config", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      unique_key: |", first: "order_id customer_id"},
		{name: "fields of config", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      partition_by:\n        |", first: "field", has: []string{"granularity"}},
		{name: "tags in a list", path: newYAML, text: "models:\n  - name: stg_orders\n    config:\n      tags: [|]", has: []string{"daily", "staging"}},
		{name: "tags in lines", path: newYAML, text: "models:\n  - name: stg_orders\n    tags:\n      - |", has: []string{"daily", "staging"}},
		{name: "access", path: newYAML, text: "models:\n  - name: stg_orders\n    access: |", first: "private protected public"},
		{name: "groups", path: newYAML, text: "models:\n  - name: stg_orders\n    group: |", first: "finance"},
		{name: "owners", path: newYAML, text: "models:\n  - name: stg_orders\n    owner: |", first: "data-platform"},
		{name: "what an exposure reads", path: newYAML, text: "exposures:\n  - name: board\n    depends_on:\n      - |", has: []string{"ref('fct_orders')"}},
		{name: "types of exposures", path: newYAML, text: "exposures:\n  - name: board\n    type: |", first: "dashboard notebook"},
		{name: "the model of a unit test", path: newYAML, text: "unit_tests:\n  - name: u\n    model: |", has: []string{"fct_orders"}},
		{name: "the input of a unit test", path: newYAML, text: "unit_tests:\n  - name: u\n    model: fct_orders\n    given:\n      - input: |", first: "ref('stg_customers') ref('stg_orders')"},
		{name: "rows of a unit test", path: newYAML, text: "unit_tests:\n  - name: u\n    model: fct_orders\n    given:\n      - input: ref('stg_orders')\n        rows:\n          - {|}", first: "order_id customer_id"},
		{name: "expected rows", path: newYAML, text: "unit_tests:\n  - name: u\n    model: fct_orders\n    expect:\n      rows:\n        - {order_id: 1, |}", has: []string{"doubled", "customer_name"}},
		{name: "a fixture", path: newYAML, text: "unit_tests:\n  - name: u\n    model: fct_orders\n    given:\n      - input: ref('stg_orders')\n        format: csv\n        fixture: |", first: "two_orders"},
		{name: "a docs block", path: newYAML, text: "models:\n  - name: stg_orders\n    description: '{{ doc \"|\" }}'", first: "order_status"},
		{name: "tables of sources", path: newYAML, text: "sources:\n  - name: app\n    tables:\n      - name: orders\n        |", has: []string{"columns", "loaded_at_field", "identifier"}},
		{name: "engine.yml", path: "engine.yml", text: "name: shop\n|", has: []string{"vars", "models", "targets", "distribution"}},
		{name: "folders", path: "engine.yml", text: "name: shop\nmodels:\n  |", first: "marts staging", has: []string{"+materialized"}},
		{name: "config of a folder", path: "engine.yml", text: "name: shop\nmodels:\n  staging:\n    +mat|", first: "+materialized"},
		{name: "a value in a folder", path: "engine.yml", text: "name: shop\nmodels:\n  staging:\n    +materialized: |", first: "view table"},
		{name: "the type of a target", path: "engine.yml", text: "name: shop\ntargets:\n  dev:\n    type: |", first: "duckdb postgres bigquery"},
		{name: "rules", path: "engine.yml", text: "name: shop\ncheck:\n  rules:\n    |", has: []string{"column-undocumented", "select-star"}},
		{name: "nothing in YAML's comments", path: newYAML, text: "models: # |", first: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.path
			if path == "" {
				path = newModel
			}
			text, at := tt.text, 0
			if strings.Count(text, "|") > 1 {
				t.Fatal("two places")
			}
			text, at = cursorIn(t, text)
			list := typing(v, path, text).Complete(path, at)
			got := labelsOf(list)
			want := strings.Fields(tt.first)
			if strings.Contains(tt.first, "|") || strings.Contains(tt.first, " = ") {
				want = strings.Split(tt.first, "|")
			}
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Errorf("first are %q, want %q", got[:min(len(got), max(len(want), 5))], want)
			}
			if tt.first == "" && tt.has == nil && tt.not == nil && len(got) > 0 {
				t.Errorf("there are %q, want nothing", got[:min(len(got), 5)])
			}
			for _, w := range tt.has {
				if !slices.Contains(got, w) {
					t.Errorf("no %q in %q", w, got[:min(len(got), 40)])
				}
			}
			for _, w := range tt.not {
				if slices.Contains(got, w) {
					t.Errorf("%q is there", w)
				}
			}
			if tt.becomes != "" && len(list) > 0 {
				if now := applied(text, list[0]); now != tt.becomes {
					t.Errorf("it becomes\n%s\nwant\n%s", now, tt.becomes)
				}
			}
		})
	}
}
