{% set regions = region_list() %}
select
    sold_on,
    {%- for r in regions %}
    sum(case when region = '{{ r }}' then amount else 0 end) as {{ r }}_amount
    {%- if not loop.last %},{% endif -%}
    {% endfor %}
    {%- for c in var('currency') %},
    {{ dbt_utils.safe_divide('sum(amount)', c.rate) }} as total_{{ c['code'] }}
    {%- endfor %}
from {{ ref('sales_base') }}
where region in ({{ quoted_list(regions) }})
{{ dbt_utils.group_by(1) }}
order by 1
{{ limit_in_dev() }}
