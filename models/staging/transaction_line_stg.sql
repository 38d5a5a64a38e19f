-- What went into a transaction and what came out, in one list.
select
    'input' as direction,
    id as line_id,
    tenant_id,
    transaction_id,
    material_id,
    quantity as quantity_g,
    updated_at
from {{ ref "bb_transaction_input" }}
union all
select
    'output' as direction,
    id as line_id,
    tenant_id,
    transaction_id,
    material_id,
    quantity as quantity_g,
    updated_at
from {{ ref "bb_transaction_output" }}
