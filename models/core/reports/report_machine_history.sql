select
    run.tenant_id,
    run.machine_id,
    machine.machine_name,
    machine.machine_kind,
    machine.site_name,
    {{ include "month_of" (dict "expr" "run.started_at") }} as month_start,
    count(*) as run_count,
    sum(case when run.is_aborted then 1 else 0 end) as aborted_count,
    sum(run.machine_hours) as machine_hours,
    sum(run.energy_kwh) as energy_kwh,
    round(sum(run.machine_hours * machine.hourly_cost), 2) as machine_cost,
    sum(txn.input_g) / 1000 as input_kg,
    sum(txn.output_g) / 1000 as output_kg
from {{ ref "fct_machine_run" }} as run
inner join {{ ref "dim_machine" }} as machine
    on machine.machine_id = run.machine_id
    and machine.tenant_id = run.tenant_id
left join {{ ref "transaction" }} as txn
    on txn.machinerun_id = run.machinerun_id
    and txn.tenant_id = run.tenant_id
group by 1, 2, 3, 4, 5, 6
