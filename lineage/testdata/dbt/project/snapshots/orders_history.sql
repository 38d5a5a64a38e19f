{% snapshot orders_history %}
{{ config(unique_key='id', strategy='check', check_cols=['amount']) }}
select id, user_id, amount from {{ ref('fct_orders') }}
{% endsnapshot %}
