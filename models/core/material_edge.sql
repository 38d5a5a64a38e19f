-- Who was made from whom: every input of a transaction is a parent of every output, and a
-- lot received from another tenant is the child of the lot that was sent.
select
    used.material_id as parent_material_id,
    made.material_id as child_material_id,
    made.tenant_id,
    'transaction' as via,
    made.transaction_id as via_id
from {{ ref "transaction_line_stg" }} as used
inner join {{ ref "transaction_line_stg" }} as made
    on made.transaction_id = used.transaction_id
    and made.tenant_id = used.tenant_id
where used.direction = 'input' and made.direction = 'output'
union all
select
    material_id as parent_material_id,
    received_material_id as child_material_id,
    to_tenant_id as tenant_id,
    'transfer' as via,
    transfer_id as via_id
from {{ ref "transfer_stg" }}
where received_material_id is not null
