{% set cols = ["region", "product"] %}
{% set aggregates %}
    {% for f in ['min', 'max', 'avg'] -%}
    round({{ f }}(amount), 2) as {{ f }}_amount{{ "," if not loop.last }}
    {% endfor %}
{% endset %}
{% set where_clause %}where amount > {{ var('thresholds')['low'] - 5 }}{% endset %}
select {{ cols | join(', ') }}, {{ aggregates }}
from {{ ref('sales') }}
{{ where_clause | trim }}
{% if var('unknown_flag', false) %} and 1 = 0 {% elif var('enable_reports') and cols | length == 2 %} and 1 = 1 {% else %} and 1 = 2 {% endif %}
group by {% for c in cols %}{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}
