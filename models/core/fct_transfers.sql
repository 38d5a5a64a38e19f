select
    transfer.transfer_id,
    transfer.tenant_id,
    transfer.from_tenant_id,
    transfer.to_tenant_id,
    transfer.material_id,
    transfer.received_material_id,
    sent.tag,
    sent.product_id,
    transfer.manifest_number,
    transfer.transfer_status,
    transfer.is_received,
    transfer.quantity_g,
    received.quantity_g as received_g,
    transfer.quantity_g - received.quantity_g as shortage_g,
    transfer.transit_hours,
    transfer.shipped_at,
    transfer.received_at
from {{ ref "transfer_stg" }} as transfer
left join {{ ref "material_stg" }} as sent
    on sent.material_id = transfer.material_id
    and sent.tenant_id = transfer.tenant_id
left join {{ ref "material_stg" }} as received
    on received.material_id = transfer.received_material_id
