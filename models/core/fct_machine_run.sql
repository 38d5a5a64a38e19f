{{ config "materialized" "incremental" "incremental_strategy" "delete+insert" "unique_key" "machinerun_id" }}
select
    run.machinerun_id,
    run.tenant_id,
    run.machine_id,
    machine.machine_kind,
    run.user_id,
    run.run_status,
    run.is_aborted,
    run.machine_hours,
    run.energy_kwh,
    run.started_at,
    run.ended_at,
    run.updated_at
from {{ ref "machinerun_stg" }} as run
left join {{ ref "machine_stg" }} as machine
    on machine.machine_id = run.machine_id
    and machine.tenant_id = run.tenant_id
{{ if is_incremental -}}
where run.updated_at >= (select max(updated_at) from {{ this }})
{{ end -}}
