select
    location_id,
    tenant_id,
    location_name,
    location_kind,
    parent_location_id,
    site_name,
    area_m2,
    is_active
from {{ ref "location_stg" }}
