select
    purchase.purchase_id,
    purchase.tenant_id,
    purchase.partner_id,
    purchase.material_id,
    material.product_id,
    purchase.quantity_g,
    purchase.amount,
    purchase.currency,
    cast(purchase.purchased_at as date) as purchased_on,
    purchase.purchased_at
from {{ ref "purchase_stg" }} as purchase
left join {{ ref "material_stg" }} as material
    on material.material_id = purchase.material_id
    and material.tenant_id = purchase.tenant_id
