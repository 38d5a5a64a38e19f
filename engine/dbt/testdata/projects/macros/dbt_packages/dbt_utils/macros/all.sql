{# The few macros that this project needs, written for its test; the real package has many more. #}
{% macro generate_surrogate_key(field_list) %}
{%- set fields = [] -%}
{%- for field in field_list -%}
    {%- do fields.append("coalesce(cast(" ~ field ~ " as " ~ dbt.type_string() ~ "), '_dbt_utils_surrogate_key_null_')") -%}
    {%- if not loop.last %}{%- do fields.append("'-'") -%}{%- endif -%}
{%- endfor -%}
{{ dbt.hash(dbt.concat(fields)) }}
{% endmacro %}

{% macro group_by(n) %}group by {% for i in range(1, n + 1) %}{{ i }}{{ ',' if not loop.last }}{% endfor %}{% endmacro %}

{% macro safe_divide(numerator, denominator) %}
    ( {{ numerator }} ) / nullif( ( {{ denominator }} ), 0)
{% endmacro %}

{% macro date_spine(datepart, start_date, end_date) %}
with recursive days as (
    select cast({{ start_date }} as timestamp) as date_{{ datepart }}
    union all
    select date_{{ datepart }} + interval 1 {{ datepart }} from days where date_{{ datepart }} + interval 1 {{ datepart }} < {{ end_date }}
)
select * from days
{% endmacro %}

{% macro star(from, relation_alias=false, except=[], prefix='', suffix='', quote_identifiers=true) %}
{%- set out = [] -%}
{%- if execute -%}
{%- for c in adapter.get_columns_in_relation(from) if c.column | lower not in (except | map('lower') | list) -%}
    {%- do out.append((relation_alias ~ '.' if relation_alias else '') ~ adapter.quote(c.column) ~ (' as ' ~ adapter.quote(prefix ~ c.column ~ suffix) if prefix or suffix else '')) -%}
{%- endfor -%}
{%- endif -%}
{{ out | join(', ') if out else '*' }}
{%- endmacro %}

{% macro union_relations(relations, column_override=none, include=[], exclude=[], source_column_name='_dbt_source_relation', where=none) %}
{%- set columns = [] -%}
{%- if execute -%}
{%- for r in relations -%}{%- for c in adapter.get_columns_in_relation(r) -%}
    {%- if c.column not in columns and c.column not in exclude %}{% do columns.append(c.column) %}{% endif -%}
{%- endfor -%}{%- endfor -%}
{%- endif -%}
{% for r in relations %}
{%- set own = adapter.get_columns_in_relation(r) | map(attribute='column') | list if execute else [] -%}
(select cast('{{ r }}' as varchar) as {{ source_column_name }}{% for c in columns %}, {{ c if c in own else 'null' }} as {{ c }}{% endfor %} from {{ r }}{{ ' where ' ~ where if where }})
{% if not loop.last %}union all{% endif %}
{% endfor %}
{% endmacro %}

{% macro get_column_values(table, column) %}
{% if execute %}
{{ return(run_query('select ' ~ column ~ ' from ' ~ table ~ ' group by 1 order by count(*) desc').columns[0].values()) }}
{% endif %}
{{ return([]) }}
{% endmacro %}

{% macro pivot(column, values, alias=True, agg='sum', cmp='=', prefix='', suffix='', then_value=1, else_value=0, quote_identifiers=True, distinct=False) %}
  {% for value in values %}
    {{ agg }}(
      {% if distinct %} distinct {% endif %}
      case
      when {{ column }} {{ cmp }} '{{ dbt.escape_single_quotes(value) }}'
        then {{ then_value }}
      else {{ else_value }}
      end
    )
    {% if alias %}
      {% if quote_identifiers %}
            as {{ adapter.quote(prefix ~ value ~ suffix) }}
      {% else %}
        as {{ dbt_utils.slugify(prefix ~ value ~ suffix) }}
      {% endif %}
    {% endif %}
    {% if not loop.last %},{% endif %}
  {% endfor %}
{% endmacro %}

{% macro slugify(string) %}
{{ return(string | lower | replace(' ', '_') | replace('-', '_')) }}
{% endmacro %}

{% test expression_is_true(model, expression, column_name=None) %}
select 1 from {{ model }} where not({{ (column_name ~ ' ') if column_name }}{{ expression }})
{% endtest %}

{% test unique_combination_of_columns(model, combination_of_columns, quote_columns=false) %}
select {{ combination_of_columns | join(', ') }} from {{ model }} group by {{ combination_of_columns | join(', ') }} having count(*) > 1
{% endtest %}
