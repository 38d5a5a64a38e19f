select
    id as machine_id,
    tenant_id,
    location_id,
    name as machine_name,
    kind as machine_kind,
    serial_number,
    hourly_cost,
    commissioned_at,
    retired_at,
    retired_at is not null as is_retired,
    updated_at
from {{ ref "bb_machine" }}
