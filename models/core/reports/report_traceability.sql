-- How well each tenant's material can be traced.
select
    tenant_id,
    product_category,
    count(*) as lot_count,
    sum(
        case when tag is null and product_category <> 'consumable' then 1 else 0 end
    ) as untagged_count,
    sum(case when is_tag_from_trackntrace then 1 else 0 end) as tag_found_count,
    sum(case when is_root then 1 else 0 end) as root_count,
    sum(case when is_leaf then 1 else 0 end) as leaf_count,
    max(depth) as max_depth,
    avg(ancestor_count) as mean_ancestors,
    max(descendant_count) as max_descendants
from {{ ref "material" }}
group by 1, 2
