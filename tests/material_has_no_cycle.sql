{{ config "severity" "warn" }}
-- Lots that are ancestors of each other: somebody closed a circle. The data contain one such
-- circle of three lots, so this test has something to tell.
select descendant_id as material_id, count(*) + 1 as cycle_length
from {{ ref "material_ancestry" }}
where in_cycle
group by descendant_id
