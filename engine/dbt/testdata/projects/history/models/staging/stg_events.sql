select
    event_id,
    user_id,
    event_type,
    occurred_at,
    cast(occurred_at as date) as occurred_on,
    payload
from {{ ref('events') }}
where occurred_at >= '{{ var("start_date") }}'
