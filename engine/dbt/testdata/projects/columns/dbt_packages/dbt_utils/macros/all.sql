{# The few macros that this project needs, written for its test; the real package has many more. #}
{% macro get_filtered_columns_in_relation(from, except=[]) %}
{%- set kept = [] -%}
{%- if execute -%}{%- for c in adapter.get_columns_in_relation(from) -%}{%- if c.column | lower not in (except | map('lower') | list) -%}{%- do kept.append(c.column) -%}{%- endif -%}{%- endfor -%}{%- endif -%}
{{ return(kept) }}
{% endmacro %}

{% macro star(from, relation_alias=false, except=[], prefix='', suffix='', quote_identifiers=true) %}
{%- set out = [] -%}
{%- for c in dbt_utils.get_filtered_columns_in_relation(from, except) -%}
    {%- do out.append((relation_alias ~ '.' if relation_alias else '') ~ (adapter.quote(c) if quote_identifiers else c) ~ (' as ' ~ (adapter.quote(prefix ~ c ~ suffix) if quote_identifiers else prefix ~ c ~ suffix) if prefix or suffix else '')) -%}
{%- endfor -%}
{{ out | join(', ') if out else '*' }}
{%- endmacro %}

{% macro unpivot(relation=none, cast_to='varchar', exclude=none, remove=none, field_name='field_name', value_name='value', quote_identifiers=false) %}
{%- set kept = exclude if exclude is not none else [] -%}
{%- for c in dbt_utils.get_filtered_columns_in_relation(relation, kept + (remove if remove is not none else [])) -%}
select {% for k in kept %}{{ adapter.quote(k) if quote_identifiers else k }}, {% endfor %}
  cast('{{ c }}' as {{ dbt.type_string() }}) as {{ field_name }}, cast({{ adapter.quote(c) if quote_identifiers else c }} as {{ cast_to }}) as {{ value_name }}
from {{ relation }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
{% endmacro %}

{% macro union_relations(relations, column_override=none, include=[], exclude=[], source_column_name='_dbt_source_relation', where=none) %}
{%- set types = {} -%}{%- set own = {} -%}
{%- if execute -%}
{%- for r in relations -%}
{%- do own.update({r: []}) -%}
{%- for c in adapter.get_columns_in_relation(r) -%}
    {%- if (c.column | lower not in exclude | map('lower')) and (not include or c.column | lower in include | map('lower')) -%}
      {%- do own[r].append(c.column) -%}
      {%- if c.column not in types -%}{%- do types.update({c.column: (column_override or {}).get(c.column, c.data_type)}) -%}{%- endif -%}
    {%- endif -%}
{%- endfor -%}{%- endfor -%}
{%- endif -%}
{% for r in relations %}
(select {% if source_column_name %}cast('{{ r }}' as varchar) as {{ source_column_name }},{% endif %} {% for c in types %}cast({{ adapter.quote(c) if c in own[r] else 'null' }} as {{ types[c] }}) as {{ adapter.quote(c) }}{{ ', ' if not loop.last }}{% endfor %} from {{ r }}{{ ' where ' ~ where if where }})
{% if not loop.last %}union all{% endif %}
{% endfor %}
{% endmacro %}

{% test not_null_proportion(model, column_name, at_least, at_most=1) %}
select * from (select sum(case when {{ column_name }} is null then 0 else 1 end) / cast(count(*) as numeric) as p from {{ model }}) where p < {{ at_least }} or p > {{ at_most }}
{% endtest %}

{% test relationships_where(model, column_name, to, field, from_condition='1=1', to_condition='1=1') %}
select * from (select {{ column_name }} as id from {{ model }} where {{ column_name }} is not null and {{ from_condition }}) as l
left join (select {{ field }} as id from {{ to }} where {{ field }} is not null and {{ to_condition }}) as r on l.id = r.id where r.id is null
{% endtest %}
