select
    date_day,
    {{ include "month_of" (dict "expr" "date_day") }} as month_start,
    cast(extract(year from date_day) as int64) as year_number,
    cast(extract(quarter from date_day) as int64) as quarter_number,
    cast(extract(month from date_day) as int64) as month_number,
    date_day <= date '{{ var "as_of_date" }}' as is_past
from ({{ include "date_spine" (dict "from" (var "first_date") "to" (var "last_date")) }}) as spine
