select
    production.tenant_id,
    tenant.tenant_name,
    {{ include "month_of" (dict "expr" "production.produced_on") }} as month_start,
    product.product_category,
    product.product_name,
    production.transaction_type,
    count(*) as lot_count,
    sum(production.quantity_g) / 1000 as produced_kg,
    sum(production.unit_count) as produced_units,
    sum(production.production_cost) as production_cost
from {{ ref "fct_production" }} as production
inner join {{ ref "dim_tenant" }} as tenant on tenant.tenant_id = production.tenant_id
left join {{ ref "dim_product" }} as product
    on product.product_id = production.product_id
    and product.tenant_id = production.tenant_id
group by 1, 2, 3, 4, 5, 6
