{{- config(materialized='view') -}}
{%- set measures = {'amount': 'sum', 'id': 'count'} -%}
{%- set ns = namespace(found=false, columns=[]) -%}
{%- for m in measures -%}
  {%- if m == 'amount' -%}{%- set ns.found = true -%}{%- endif -%}
  {%- set ns.columns = ns.columns + [m] -%}
{%- endfor %}
select
    {{ dbt_utils.generate_surrogate_key(['id', 'region', 'note']) }} as sale_key,
    s.*,
    {{ bucket('amount') }} as size,
    {{ bucket('amount', {'low': 1, 'high': 50}) }} as size_small,
    '{{ ns.columns | join('+') }}' as measures,
    {{ 'true' if ns.found else 'false' }} as found,
    {{ now_utc() }} as loaded_at,
    {{ case_when('region', {'north': 1, 'south': 2}, otherwise=0) }} as region_number,
    {{ running_total('amount', 'id', ['region']) }} as running,
    {{ running_total('amount', order_by='id') }} as running_all
from {{ ref('sales') }} as s
