-- A transaction with its machine run, where it had one.
select
    txn.id as transaction_id,
    txn.tenant_id,
    txn.machinerun_id,
    run.machine_id,
    txn.user_id,
    txn.location_id,
    txn.type as transaction_type,
    txn.rework as is_rework,
    txn.machinerun_id is not null as is_machine_run,
    coalesce(run.is_aborted, false) as is_aborted,
    txn.waste_quantity as waste_g,
    run.started_at,
    run.ended_at,
    run.energy_kwh,
    run.machine_hours,
    {{ include "json_text" (dict "from" "txn.custom_fields" "key" "operator_note") }} as operator_note,
    txn.custom_fields,
    txn.occurred_at,
    txn.updated_at
from {{ ref "bb_transaction" }} as txn
left join {{ ref "machinerun_stg" }} as run
    on run.machinerun_id = txn.machinerun_id
    and run.tenant_id = txn.tenant_id
