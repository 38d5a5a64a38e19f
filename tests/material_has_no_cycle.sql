{{ config "severity" "warn" }}
-- A lot that is its own ancestor: somebody closed a circle. The data contain one such
-- circle of three lots, so this test has something to tell.
select ancestor_id as material_id, min_depth as cycle_length
from {{ ref "material_ancestry" }}
where ancestor_id = descendant_id
