{% test in_range(model, column_name, low=none, high=none) %}
with t as (select {{ column_name }} as v from {{ model }})
select * from t
where false
{%- if low is not none %} or v < {{ low }}{% endif %}
{%- if high is not none %} or v > {{ high }}{% endif %}
{% endtest %}
