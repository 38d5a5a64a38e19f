{% test same_rows(model, other) %}
select id from {{ model }} except select id from {{ other }}
{% endtest %}
