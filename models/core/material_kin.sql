{{ config "materialized" "ancestry" "ancestry" (dict "result" "things" "partition" "tenant_id") }}
-- Every lot that is in an edge, with the lists of all lots that went into it and of all that
-- were made of it. The same edges as those of material_ancestry, one row for each lot.
select parent_material_id, child_material_id, tenant_id
from {{ ref "material_edge" }}
