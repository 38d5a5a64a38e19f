-- The closure of material_edge: every lot with all lots that went into it. UNION keeps each
-- (ancestor, descendant, depth) once, so that splits that merge again do not multiply, and
-- the limit on the depth ends the walk around a cycle of bad data. A member of a cycle is
-- its own ancestor: those rows are kept, because they are how a cycle is found. The tenant
-- is the descendant's: genealogy crosses tenants where material was transferred.
with recursive walk as (
    select
        parent_material_id as ancestor_id,
        child_material_id as descendant_id,
        tenant_id,
        1 as depth
    from {{ ref "material_edge" }}
    union distinct
    select
        walk.ancestor_id,
        edge.child_material_id as descendant_id,
        edge.tenant_id,
        walk.depth + 1 as depth
    from walk
    inner join {{ ref "material_edge" }} as edge on edge.parent_material_id = walk.descendant_id
    where walk.depth < {{ var "ancestry_max_depth" }}
)
select
    ancestor_id,
    descendant_id,
    tenant_id,
    min(depth) as min_depth
from walk
group by ancestor_id, descendant_id, tenant_id
