{# A basic example for a project-wide macro to cast a column uniformly #}

{% macro cents_to_dollars(column_name) -%}
    {{ return(adapter.dispatch('cents_to_dollars')(column_name)) }}
{%- endmacro %}

{% macro default__cents_to_dollars(column_name) -%}
    ({{ column_name }} / 100)::numeric(16, 2)
{%- endmacro %}

{% macro postgres__cents_to_dollars(column_name) -%}
    ({{ column_name }}::numeric(16, 2) / 100)
{%- endmacro %}

{% macro bigquery__cents_to_dollars(column_name) %}
    round(cast(({{ column_name }} / 100) as numeric), 2)
{% endmacro %}

{% macro clean_email(column, lower=true) %}
    {%- set cleaned = "trim(" ~ column ~ ")" -%}
    {%- if lower -%}
        {%- set cleaned = "lower(" ~ cleaned ~ ")" -%}
    {%- endif -%}
    nullif({{ cleaned }}, '')
{%- endmacro %}
