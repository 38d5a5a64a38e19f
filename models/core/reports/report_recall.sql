{{ config "materialized" "view" }}
-- Which shipments contain a lot: filter by recalled_material_id or recalled_tag. A view,
-- because its rows are every lot times everything that was ever made from it.
with shipment as (
    select
        material_id,
        tenant_id,
        'sale' as shipment_type,
        sale_number as shipment_number,
        quantity_g,
        sold_at as shipped_at,
        partner_id,
        cast(null as int64) as to_tenant_id
    from {{ ref "fct_sales" }}
    where is_completed
    union all
    select
        material_id,
        tenant_id,
        'transfer' as shipment_type,
        manifest_number as shipment_number,
        quantity_g,
        shipped_at,
        cast(null as int64) as partner_id,
        to_tenant_id
    from {{ ref "fct_transfers" }}
    where transfer_status <> 'rejected'
),

reach as (
    select ancestor_id as recalled_material_id, descendant_id as material_id, min_depth
    from {{ ref "material_ancestry" }}
    union all
    select material_id as recalled_material_id, material_id, 0 as min_depth
    from {{ ref "material" }}
)

select
    reach.recalled_material_id,
    recalled.tag as recalled_tag,
    recalled.tenant_id as recalled_tenant_id,
    reach.material_id as shipped_material_id,
    reach.min_depth,
    shipment.tenant_id,
    shipment.shipment_type,
    shipment.shipment_number,
    shipment.quantity_g as shipped_g,
    shipment.partner_id,
    partner.partner_name,
    shipment.to_tenant_id,
    shipment.shipped_at
from reach
inner join shipment on shipment.material_id = reach.material_id
inner join {{ ref "material" }} as recalled on recalled.material_id = reach.recalled_material_id
left join {{ ref "dim_partner" }} as partner on partner.partner_id = shipment.partner_id
