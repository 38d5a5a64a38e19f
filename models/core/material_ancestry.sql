{{ config "materialized" "ancestry" "ancestry" (dict "partition" "tenant_id") }}
-- Every lot with all lots that went into it: the engine closes these edges. The tenant is
-- the descendant's: genealogy crosses tenants where material was transferred.
select parent_material_id, child_material_id, tenant_id
from {{ ref "material_edge" }}
