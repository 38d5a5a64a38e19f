-- The sent lot belongs to the sender, the received lot to the receiver.
select transfer.transfer_id
from {{ ref "transfer_stg" }} as transfer
inner join {{ ref "material_stg" }} as sent on sent.material_id = transfer.material_id
left join {{ ref "material_stg" }} as received
    on received.material_id = transfer.received_material_id
where sent.tenant_id <> transfer.from_tenant_id
    or received.tenant_id <> transfer.to_tenant_id
    or transfer.from_tenant_id = transfer.to_tenant_id
