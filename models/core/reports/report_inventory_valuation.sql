select
    inventory.tenant_id,
    tenant.tenant_name,
    product.product_category,
    location.site_name,
    location.location_name,
    case
        when inventory.age_days < 30 then '0-29 days'
        when inventory.age_days < 90 then '30-89 days'
        when inventory.age_days < 180 then '90-179 days'
        else '180 days and more'
    end as age_class,
    count(*) as lot_count,
    sum(inventory.on_hand_g) / 1000 as on_hand_kg,
    sum(inventory.inventory_value) as inventory_value,
    sum(
        case
            when inventory.is_quarantined or inventory.is_on_hold then inventory.inventory_value
            else 0
        end
    ) as blocked_value,
    sum(case when inventory.is_expired then inventory.inventory_value else 0 end) as expired_value
from {{ ref "fct_inventory" }} as inventory
inner join {{ ref "dim_tenant" }} as tenant on tenant.tenant_id = inventory.tenant_id
left join {{ ref "dim_product" }} as product
    on product.product_id = inventory.product_id
    and product.tenant_id = inventory.tenant_id
left join {{ ref "dim_location" }} as location
    on location.location_id = inventory.location_id
    and location.tenant_id = inventory.tenant_id
group by 1, 2, 3, 4, 5, 6
