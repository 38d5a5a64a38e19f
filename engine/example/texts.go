package example

const gitignore = `/target/
*.duckdb
*.duckdb.wal
.env
`

const manufacturingReadme = `# Manufacturing

The warehouse of a company whose customers run manufacturing: material is grown, harvested,
processed, packaged, transferred and sold, and every lot knows where it came from.

    engine build
    engine show --inline 'select count(*) from {{ ref "material" }}'
    engine docs serve

The data are generated (about %d materials, seed %d) and a little dirty on purpose: some
tests warn. models/docs.md says what is wrong with them.
`

// minimalFiles are the files of a minimal project; PROJECT stands for its name.
var minimalFiles = map[string]string{
	"engine.yml": `name: PROJECT
version: "1.0"

# Models are GoogleSQL, the SQL of BigQuery, whatever the target is. For the target's own SQL
# put "dialect: duckdb" here, below a folder of models, or in a single model's config.
default_target: dev
targets:
  dev:
    type: duckdb

models:
  staging:
    +materialized: view
  marts:
    +materialized: table
`,
	"README.md": `# PROJECT

    engine check
    engine build
    engine show --inline 'select * from {{ ref "order_totals" }}'

Models are GoogleSQL, the SQL of BigQuery. They are checked without a warehouse and translated
for the target that engine.yml names; "engine compile order_totals" prints what is sent.
`,
	"seeds/raw_orders.csv": `id,customer,amount,ordered_on
1,Ada,19.90,2026-01-05
2,Bela,45.00,2026-01-06
3,Ada,7.25,2026-01-09
4,Chen,120.00,2026-01-12
`,
	"models/staging/orders_stg.sql": `select
    id as order_id,
    customer as customer_name,
    amount,
    ordered_on
from {{ ref "raw_orders" }}
`,
	"models/marts/order_totals.sql": `select
    customer_name,
    count(*) as order_count,
    sum(amount) as total_amount,
    max(ordered_on) as last_ordered_on
from {{ ref "orders_stg" }}
group by customer_name
`,
	"models/models.yml": `version: 2

seeds:
  - name: raw_orders
    description: Orders, as they come.
    config:
      column_types:
        id: int64
        customer: string
        amount: numeric
        ordered_on: date

models:
  - name: orders_stg
    description: One row per order.
    columns:
      - name: order_id
        description: Number of the order.
        data_tests: [unique, not_null]
      - name: amount
        data_tests:
          - range: {min_value: 0}

  - name: order_totals
    description: One row per customer.
    columns:
      - name: customer_name
        description: Name of the customer.
        data_tests: [unique, not_null]
      - name: total_amount
        description: Sum of all orders.
`,
}
