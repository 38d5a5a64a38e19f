select
    material.material_id,
    material.tenant_id,
    material.material_code,
    material.tag,
    material.is_tag_from_trackntrace,
    material.product_id,
    product.product_name,
    product.product_category,
    material.location_id,
    material.status,
    material.is_active,
    material.is_consumed,
    material.is_quarantined,
    material.is_on_hold,
    material.quantity_g,
    material.unit_count,
    balance.consumed_g,
    balance.sold_g,
    balance.sent_g,
    balance.on_hand_g,
    material.unit_cost,
    material.expires_on,
    material.thc_percent,
    material.is_organic,
    coalesce(kin.ancestor_ids, []) as ancestor_ids,
    coalesce(kin.descendant_ids, []) as descendant_ids,
    coalesce(kin.ancestor_count, 0) as ancestor_count,
    coalesce(kin.depth, 0) as depth,
    coalesce(kin.descendant_count, 0) as descendant_count,
    coalesce(kin.is_root, true) as is_root,
    coalesce(kin.is_leaf, true) as is_leaf,
    material.custom_fields,
    material.created_at,
    material.updated_at
from {{ ref "material_stg" }} as material
left join {{ ref "product_stg" }} as product
    on product.product_id = material.product_id
    and product.tenant_id = material.tenant_id
left join {{ ref "material_balance_eph" }} as balance
    on balance.material_id = material.material_id
    and balance.tenant_id = material.tenant_id
left join {{ ref "material_kin" }} as kin on kin.thing_id = material.material_id
