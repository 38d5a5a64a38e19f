select
    product.id as product_id,
    product.tenant_id,
    product.sku,
    product.name as product_name,
    product.category as product_category,
    product.unit,
    product.list_price,
    product.unit_weight as unit_weight_g,
    product.unit = 'each' as is_counted,
    product.active as is_active,
    item.name as trackntrace_name,
    {{ include "json_text" (dict "from" "product.custom_fields" "key" "brand") }} as brand,
    {{ include "safe_cast" (dict "expr" (include "json_text" (dict "from" "product.custom_fields" "key" "launch_year")) "type" "int64") }} as launch_year,
    product.custom_fields,
    product.created_at,
    product.updated_at
from {{ ref "bb_product" }} as product
left join {{ ref "tt_item" }} as item
    on item.id = product.id
    and item.tenant_id = product.tenant_id
