{#- every pair of region and product, but milk -#}
{% set products = ['tea', 'coffee', 'milk'] %}
{% for region in var('regions') %}
  {% set outer_first = loop.first %}
  {% for product in products if product != 'milk' %}
  select '{{ region }}' as region, '{{ product }}' as product, {{ outer_first | lower }} as is_first,
    (select count(*) from {{ ref('sales') }} where region = '{{ region }}' and product = '{{ product }}') as n
  {% if not (region == 'west' and product == 'coffee') %}union all{% endif %}
  {% endfor %}
{% endfor %}
