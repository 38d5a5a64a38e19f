select
    product_id,
    tenant_id,
    sku,
    product_name,
    product_category,
    unit,
    is_counted,
    unit_weight_g,
    list_price,
    brand,
    launch_year,
    is_active
from {{ ref "product_stg" }}
