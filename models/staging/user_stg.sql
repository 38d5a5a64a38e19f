select
    id as user_id,
    tenant_id,
    lower(trim(email)) as email,
    full_name,
    role as user_role,
    active as is_active,
    email <> lower(trim(email)) as has_untidy_email,
    created_at,
    updated_at
from {{ ref "bb_user" }}
