{% set re = modules.re %}
{% set start = modules.datetime.date(2024, 1, 30) %}
{% set settings = fromjson('{"a": [1, 2], "b": {"c": "x"}}') %}
{% for m, n in zip(var('measures'), ['p', 'w']) %}
select '{{ m }}' as measure, '{{ n }}' as short, date '{{ start + modules.datetime.timedelta(days=loop.index0 * 3) }}' as day, '{{ re.sub("[aeiou]", "_", m) }}' as odd, {{ settings.a[loop.index0] }} as n, '{{ settings['b'].c }}' as c, {{ set([1, 1, 2]) | length }} as two, '{{ loop.cycle("x", "y") }}' as turn
{% if not loop.last %}union all{% endif %}
{% endfor %}
