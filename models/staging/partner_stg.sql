select
    id as partner_id,
    tenant_id,
    name as partner_name,
    kind as partner_kind,
    license_number,
    kind = 'supplier' as is_supplier,
    active as is_active,
    created_at,
    updated_at
from {{ ref "bb_partner" }}
