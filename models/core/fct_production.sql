-- One row per lot that came out of a transaction.
select
    line.line_id as production_id,
    line.tenant_id,
    line.transaction_id,
    txn.transaction_type,
    txn.machine_id,
    txn.location_id,
    txn.user_id,
    txn.is_rework,
    line.material_id,
    material.product_id,
    line.quantity_g,
    material.unit_count,
    line.quantity_g * material.unit_cost as production_cost,
    cast(txn.occurred_at as date) as produced_on,
    txn.occurred_at as produced_at
from {{ ref "transaction_line_stg" }} as line
inner join {{ ref "transaction" }} as txn
    on txn.transaction_id = line.transaction_id
    and txn.tenant_id = line.tenant_id
left join {{ ref "material_stg" }} as material
    on material.material_id = line.material_id
    and material.tenant_id = line.tenant_id
where line.direction = 'output'
