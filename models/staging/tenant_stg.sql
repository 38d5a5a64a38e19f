select
    id as tenant_id,
    name as tenant_name,
    slug as tenant_slug,
    legal_name,
    state,
    license_number,
    kind as tenant_kind,
    plan as subscription_plan,
    active as is_active,
    created_at,
    updated_at
from {{ ref "bb_tenant" }}
