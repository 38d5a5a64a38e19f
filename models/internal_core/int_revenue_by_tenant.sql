-- What the platform earns from each tenant: the plan's monthly fee and a share of its sales.
select
    usage.tenant_id,
    tenant.tenant_name,
    tenant.subscription_plan,
    usage.month_start,
    usage.event_count,
    case tenant.subscription_plan
        when 'enterprise' then 2400
        when 'business' then 900
        else 250
    end as plan_fee,
    coalesce(sales.net_amount, 0) as tenant_sales,
    cast(
        coalesce(sales.net_amount, 0) * {{ var "platform_fee_percent" }} / 100 as numeric(18, 2)
    ) as sales_fee
from {{ ref "int_tenant_usage" }} as usage
inner join {{ ref "tenant_stg" }} as tenant on tenant.tenant_id = usage.tenant_id
left join (
    select tenant_id, month_start, sum(net_amount) as net_amount
    from {{ ref "report_sales" }}
    group by tenant_id, month_start
) as sales on sales.tenant_id = usage.tenant_id and sales.month_start = usage.month_start
