-- One row per sale line, with the head of its sale.
select
    line.id as sale_item_id,
    line.tenant_id,
    line.sale_id,
    sale.number as sale_number,
    lower(trim(sale.status)) as sale_status,
    lower(trim(sale.status)) = 'completed' as is_completed,
    sale.partner_id,
    sale.user_id,
    line.material_id,
    line.quantity as quantity_g,
    line.unit_price,
    line.discount as discount_share,
    sale.currency,
    sale.sold_at,
    line.updated_at
from {{ ref "bb_sale_item" }} as line
inner join {{ ref "bb_sale" }} as sale
    on sale.id = line.sale_id
    and sale.tenant_id = line.tenant_id
