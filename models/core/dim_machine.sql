select
    machine.machine_id,
    machine.tenant_id,
    machine.machine_name,
    machine.machine_kind,
    machine.serial_number,
    machine.hourly_cost,
    machine.location_id,
    location.location_name,
    location.site_name,
    machine.commissioned_at,
    machine.is_retired
from {{ ref "machine_stg" }} as machine
left join {{ ref "location_stg" }} as location
    on location.location_id = machine.location_id
    and location.tenant_id = machine.tenant_id
