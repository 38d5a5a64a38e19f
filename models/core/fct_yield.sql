-- Yield and waste of each tenant's process steps by month.
select
    tenant_id,
    {{ include "month_of" (dict "expr" "occurred_at") }} as month_start,
    transaction_type,
    count(*) as transaction_count,
    sum(case when is_rework then 1 else 0 end) as rework_count,
    sum(input_g) as input_g,
    sum(output_g) as output_g,
    sum(waste_g) as waste_g,
    sum(output_g) / nullif(sum(input_g), 0) as yield_share,
    sum(machine_hours) as machine_hours,
    sum(energy_kwh) as energy_kwh
from {{ ref "transaction" }}
group by 1, 2, 3
