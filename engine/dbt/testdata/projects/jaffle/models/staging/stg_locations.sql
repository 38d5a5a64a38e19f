select
    id as location_id,
    name as location_name,
    tax_rate,
    opened_at,
    is_open,
    {{ dbt.hash('name') }} as location_key
from {{ ref('raw_stores') }}
