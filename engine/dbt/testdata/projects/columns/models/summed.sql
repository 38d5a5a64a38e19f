{% for c in numbers_of(ref('parts')) %}
select '{{ c.name }}' as name, {{ 'length(\'' ~ c['type'] ~ '\') > 0' }} as typed, {{ loop.index }} as at, cast(sum("{{ c.name }}") as double) as total from {{ ref('parts') }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
