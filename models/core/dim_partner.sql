select
    partner_id,
    tenant_id,
    partner_name,
    partner_kind,
    license_number,
    is_supplier,
    is_active
from {{ ref "partner_stg" }}
