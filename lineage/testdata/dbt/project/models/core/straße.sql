select id from {{ ref('fct_orders') }}
