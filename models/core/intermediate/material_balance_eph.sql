{{ config "materialized" "ephemeral" "tier" "int" }}
-- What has become of each lot, in grams.
select
    material.tenant_id,
    material.material_id,
    coalesce(used.quantity_g, 0) as consumed_g,
    coalesce(sold.quantity_g, 0) as sold_g,
    coalesce(sent.quantity_g, 0) as sent_g,
    material.quantity_g
        - coalesce(used.quantity_g, 0)
        - coalesce(sold.quantity_g, 0)
        - coalesce(sent.quantity_g, 0) as on_hand_g
from {{ ref "material_stg" }} as material
left join (
    select tenant_id, material_id, sum(quantity_g) as quantity_g
    from {{ ref "transaction_line_stg" }}
    where direction = 'input'
    group by tenant_id, material_id
) as used
    on used.material_id = material.material_id
    and used.tenant_id = material.tenant_id
left join (
    select tenant_id, material_id, sum(quantity_g) as quantity_g
    from {{ ref "sale_stg" }}
    where is_completed
    group by tenant_id, material_id
) as sold
    on sold.material_id = material.material_id
    and sold.tenant_id = material.tenant_id
left join (
    select tenant_id, material_id, sum(quantity_g) as quantity_g
    from {{ ref "transfer_stg" }}
    where not is_rejected
    group by tenant_id, material_id
) as sent
    on sent.material_id = material.material_id
    and sent.tenant_id = material.tenant_id
