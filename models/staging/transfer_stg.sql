-- The app's transfers, with what the track-and-trace service reports about them.
select
    transfer.id as transfer_id,
    transfer.tenant_id,
    transfer.from_tenant_id,
    transfer.to_tenant_id,
    transfer.material_id,
    transfer.received_material_id,
    transfer.quantity as quantity_g,
    transfer.manifest_number,
    transfer.status as transfer_status,
    transfer.status = 'received' as is_received,
    transfer.status = 'rejected' as is_rejected,
    manifest.manifest_number is not null as has_manifest,
    {{ include "safe_cast" (dict "expr" "manifest.quantity" "type" "numeric") }} as reported_quantity_g,
    transfer.shipped_at,
    transfer.received_at,
    {{ include "hours_between" (dict "from" "transfer.shipped_at" "to" "transfer.received_at") }} as transit_hours,
    transfer.updated_at
from {{ ref "bb_transfer" }} as transfer
left join {{ ref "tt_transfer" }} as manifest
    on manifest.manifest_number = transfer.manifest_number
    and manifest.tenant_id = transfer.tenant_id
