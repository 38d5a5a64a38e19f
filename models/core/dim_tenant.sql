select
    tenant.tenant_id,
    tenant.tenant_name,
    tenant.tenant_slug,
    tenant.legal_name,
    tenant.state,
    tenant.license_number,
    tenant.tenant_kind,
    tenant.is_active,
    count(location.location_id) as location_count,
    tenant.created_at
from {{ ref "tenant_stg" }} as tenant
left join {{ ref "location_stg" }} as location on location.tenant_id = tenant.tenant_id
group by
    tenant.tenant_id, tenant.tenant_name, tenant.tenant_slug, tenant.legal_name, tenant.state,
    tenant.license_number, tenant.tenant_kind, tenant.is_active, tenant.created_at
