select
    sale.sale_item_id,
    sale.tenant_id,
    sale.sale_id,
    sale.sale_number,
    sale.sale_status,
    sale.is_completed,
    sale.partner_id,
    sale.user_id,
    sale.material_id,
    material.product_id,
    sale.quantity_g,
    sale.quantity_g * sale.unit_price as gross_amount,
    round(sale.quantity_g * sale.unit_price * sale.discount_share, 2) as discount_amount,
    sale.quantity_g * sale.unit_price
        - round(sale.quantity_g * sale.unit_price * sale.discount_share, 2) as net_amount,
    sale.quantity_g * material.unit_cost as cost_amount,
    sale.currency,
    cast(sale.sold_at as date) as sold_on,
    sale.sold_at
from {{ ref "sale_stg" }} as sale
left join {{ ref "material_stg" }} as material
    on material.material_id = sale.material_id
    and material.tenant_id = sale.tenant_id
