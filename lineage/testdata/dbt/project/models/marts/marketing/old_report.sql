{{ config(enabled=false) }} select id from {{ ref('fct_orders') }}
