select
    user_id,
    tenant_id,
    email,
    full_name,
    user_role,
    is_active
from {{ ref "user_stg" }}
