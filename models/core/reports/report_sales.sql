select
    sales.tenant_id,
    tenant.tenant_name,
    day.month_start,
    product.product_category,
    product.product_name,
    partner.partner_name,
    count(distinct sales.sale_id) as sale_count,
    sum(sales.quantity_g) / 1000 as sold_kg,
    sum(sales.gross_amount) as gross_amount,
    sum(sales.discount_amount) as discount_amount,
    sum(sales.net_amount) as net_amount,
    sum(sales.net_amount) - sum(sales.cost_amount) as margin_amount
from {{ ref "fct_sales" }} as sales
inner join {{ ref "dim_tenant" }} as tenant on tenant.tenant_id = sales.tenant_id
inner join {{ ref "dim_date" }} as day on day.date_day = sales.sold_on
left join {{ ref "dim_product" }} as product
    on product.product_id = sales.product_id
    and product.tenant_id = sales.tenant_id
left join {{ ref "dim_partner" }} as partner
    on partner.partner_id = sales.partner_id
    and partner.tenant_id = sales.tenant_id
where sales.is_completed
group by 1, 2, 3, 4, 5, 6
