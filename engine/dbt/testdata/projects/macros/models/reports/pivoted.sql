{%- set products = ['tea', 'coffee', 'milk'] -%}

select
    region,
    {{ dbt_utils.pivot('product', products, agg='sum', then_value='amount', quote_identifiers=False, suffix='_total') }},
    {{ dbt_utils.pivot(column='product', values=products, prefix='n ') }}
from {{ ref('sales') }}
group by region
