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
    above.ancestor_ids,
    below.descendant_ids,
    coalesce(above.ancestor_count, 0) as ancestor_count,
    coalesce(above.depth, 0) as depth,
    coalesce(below.descendant_count, 0) as descendant_count,
    coalesce(above.ancestor_count, 0) = 0 as is_root,
    coalesce(below.descendant_count, 0) = 0 as is_leaf,
    material.custom_fields,
    material.created_at,
    material.updated_at
from {{ ref "material_stg" }} as material
left join {{ ref "product_stg" }} as product on product.product_id = material.product_id
left join {{ ref "material_balance_eph" }} as balance on balance.material_id = material.material_id
left join (
    select
        descendant_id,
        array_agg(ancestor_id order by min_depth, ancestor_id) as ancestor_ids,
        count(*) as ancestor_count,
        max(max_depth) as depth
    from {{ ref "material_ancestry" }}
    group by descendant_id
) as above on above.descendant_id = material.material_id
left join (
    select
        ancestor_id,
        array_agg(descendant_id order by min_depth, descendant_id) as descendant_ids,
        count(*) as descendant_count
    from {{ ref "material_ancestry" }}
    group by ancestor_id
) as below on below.ancestor_id = material.material_id
