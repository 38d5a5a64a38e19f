select
    location.id as location_id,
    location.tenant_id,
    location.name as location_name,
    location.kind as location_kind,
    location.parent_id as parent_location_id,
    coalesce(site.name, location.name) as site_name,
    location.area_m2,
    location.active as is_active,
    location.created_at,
    location.updated_at
from {{ ref "bb_location" }} as location
left join {{ ref "bb_location" }} as site
    on site.id = location.parent_id
    and site.tenant_id = location.tenant_id
