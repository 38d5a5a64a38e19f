{{ config "strategy" "check" "unique_key" "machine_id" "check_cols" (list "location_id" "hourly_cost" "is_retired") }}
select machine_id, tenant_id, machine_name, machine_kind, location_id, hourly_cost, is_retired
from {{ ref "machine_stg" }}
