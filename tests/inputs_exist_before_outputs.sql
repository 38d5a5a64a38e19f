-- Material cannot be consumed before it was made.
select line.transaction_id, line.material_id
from {{ ref "transaction_line_stg" }} as line
inner join {{ ref "transaction_stg" }} as txn on txn.transaction_id = line.transaction_id
inner join {{ ref "material_stg" }} as material on material.material_id = line.material_id
where line.direction = 'input' and material.created_at > txn.occurred_at
