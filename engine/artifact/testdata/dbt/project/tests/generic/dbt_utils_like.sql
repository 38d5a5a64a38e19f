{% test dbt_utils_like(model, a) %} select * from {{ model }} where {{ a }} = 2 {% endtest %}
