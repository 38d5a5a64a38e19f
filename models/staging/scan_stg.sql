select
    id as scan_id,
    tenant_id,
    material_id,
    location_id,
    user_id,
    {{ include "clean_code" "code" }} as scanned_code,
    scanned_at,
    updated_at
from {{ ref "bb_scan" }}
