select
    id as machinerun_id,
    tenant_id,
    machine_id,
    user_id,
    status as run_status,
    status = 'aborted' as is_aborted,
    {{ include "hours_between" (dict "from" "started_at" "to" "ended_at") }} as machine_hours,
    energy_kwh,
    started_at,
    ended_at,
    updated_at
from {{ ref "bb_machinerun" }}
