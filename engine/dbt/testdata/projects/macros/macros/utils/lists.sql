{%- macro region_list() -%}
  {{ return(var('regions')) }}
{%- endmacro -%}

{% macro quoted_list(items, quote="'", sep=', ') -%}
  {%- for item in items -%}
    {{ quote }}{{ item }}{{ quote }}{{ sep if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

{% macro case_when(column, mapping, otherwise=none) %}
case {{ column }}
{%- for key, value in mapping.items() %}
    when '{{ key }}' then {{ value }}
{%- endfor %}
{%- if otherwise is not none %}
    else {{ otherwise }}
{%- endif %}
end
{%- endmacro %}

{% macro bucket(column, thresholds=var('thresholds')) -%}
  case when {{ column }} < {{ thresholds.low }} then 'low'
       when {{ column }} < {{ thresholds['high'] }} then 'middle'
       else 'high' end
{%- endmacro %}

{% macro now_utc() %}{{ return(adapter.dispatch('now_utc', 'toolbox')()) }}{% endmacro %}
{% macro default__now_utc() %}timestamp '2024-06-01 00:00:00'{% endmacro %}
{% macro duckdb__now_utc() %}cast('2024-06-02' as timestamp){% endmacro %}

{% macro limit_in_dev(n=100) -%}
{%- if target.name == 'dev' -%} limit {{ n }} {%- endif -%}
{%- endmacro %}

{% macro running_total(column, order_by, partition_by=[]) %}
    sum({{ column }}) over (
        {%- if partition_by %} partition by {{ partition_by if partition_by is string else partition_by | join(', ') }}{% endif %}
        order by {{ order_by }} rows unbounded preceding)
{% endmacro %}

