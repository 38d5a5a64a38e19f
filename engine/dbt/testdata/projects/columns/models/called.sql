{% set letter = 'b' %}
{% call wrapped('inner_rows', limit_to=2) %}
    select id, {{ coalesce_all('note', "'" ~ letter ~ "'") }} as n, {{ coalesce_all('weight', 0, 1, alias='w') }} from {{ ref('parts') }}
{% endcall %}
