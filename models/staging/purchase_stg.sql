select
    id as purchase_id,
    tenant_id,
    partner_id,
    material_id,
    quantity as quantity_g,
    unit_price,
    quantity * unit_price as amount,
    currency,
    purchased_at,
    updated_at
from {{ ref "bb_purchase" }}
