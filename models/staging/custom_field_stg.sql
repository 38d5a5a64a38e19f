select
    tenant_id,
    entity,
    id as field_id,
    name as field_name,
    type as field_type,
    created_at,
    updated_at
from {{ ref "bb_custom_field" }}
