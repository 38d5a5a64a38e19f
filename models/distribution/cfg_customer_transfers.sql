-- Whoever receives material sees part of the lot that was sent, and of the transfer.
with received as (
    select account.account_slug as customer, transfer.material_id, transfer.transfer_id
    from {{ ref "transfer_stg" }} as transfer
    inner join {{ ref "account_stg" }} as account on account.tenant_id = transfer.to_tenant_id
    where not transfer.is_rejected
)

select distinct customer, 'material' as entity, material_id as key
from received
union all
select distinct customer, 'transfer' as entity, transfer_id as key
from received
