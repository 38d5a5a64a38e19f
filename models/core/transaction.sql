select
    txn.transaction_id,
    txn.tenant_id,
    txn.transaction_type,
    txn.machinerun_id,
    txn.machine_id,
    machine.machine_kind,
    txn.user_id,
    txn.location_id,
    txn.is_rework,
    txn.is_machine_run,
    txn.is_aborted,
    coalesce(total.input_count, 0) as input_count,
    coalesce(total.output_count, 0) as output_count,
    coalesce(total.input_g, 0) as input_g,
    coalesce(total.output_g, 0) as output_g,
    txn.waste_g,
    coalesce(total.input_g, 0) - coalesce(total.output_g, 0) - txn.waste_g as difference_g,
    total.output_g / nullif(total.input_g, 0) as yield_share,
    txn.machine_hours,
    txn.energy_kwh,
    round(txn.machine_hours * machine.hourly_cost, 2) as machine_cost,
    txn.operator_note,
    txn.occurred_at,
    txn.updated_at
from {{ ref "transaction_stg" }} as txn
left join {{ ref "transaction_total_eph" }} as total
    on total.transaction_id = txn.transaction_id
    and total.tenant_id = txn.tenant_id
left join {{ ref "machine_stg" }} as machine
    on machine.machine_id = txn.machine_id
    and machine.tenant_id = txn.tenant_id
