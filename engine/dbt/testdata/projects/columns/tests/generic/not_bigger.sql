{% test not_bigger(model, column_name, most=5) %}
{{ config(severity='warn') }}
select * from {{ model }} where {{ column_name }} > {{ most }}
{% endtest %}
