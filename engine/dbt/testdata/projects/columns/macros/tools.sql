{% macro wrapped(name, limit_to=none) %}
with {{ name }} as (
{{ caller() }}
)
select * from {{ name }}{% if limit_to is not none %} where id <= {{ limit_to }}{% endif %}
{% endmacro %}

{% macro coalesce_all(first) %}coalesce({{ first }}{% for v in varargs %}, {{ v }}{% endfor %}){% if kwargs %} as {{ kwargs.get('alias', 'x') }}{% endif %}{% endmacro %}

{% macro numbers_of(relation) %}
{%- set out = [] -%}
{%- for c in adapter.get_columns_in_relation(relation) if c.is_number() or c.is_float() -%}{%- do out.append({'name': c.name, 'type': c.dtype}) -%}{%- endfor -%}
{{ return(out) }}
{% endmacro %}

{% macro where_is(relation) %}'{{ relation.schema }}|{{ relation.identifier }}|{{ relation.name }}'{% endmacro %}
