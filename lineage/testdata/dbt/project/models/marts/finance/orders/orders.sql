{{ config(tags=['a b', 'x+1', 'ünï', '7', 'c.d', 'star*']) }}
select id from {{ ref('fct_orders') }}
