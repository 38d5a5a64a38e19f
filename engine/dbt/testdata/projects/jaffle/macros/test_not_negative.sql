{% test not_negative(model, column_name, or_equal=false) %}

select *
from {{ model }}
where {{ column_name }} {% if or_equal %}<{% else %}<={% endif %} 0

{% endtest %}
