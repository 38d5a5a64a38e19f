{% macro test_at_most_rows(model) %}
{% set column_name = kwargs.get('column_name', kwargs.get('arg')) %}
select count({{ column_name }}) from {{ model }} having count(*) > {{ kwargs['most'] }}
{% endmacro %}
