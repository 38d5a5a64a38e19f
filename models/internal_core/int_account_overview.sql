-- Customer accounts over the tenants they own: rows of several tenants in one number, which
-- is why this never leaves the house.
select
    account.account_id,
    account.account_slug,
    account.account_name,
    account.access_tier,
    account.contract_version,
    account.is_enabled,
    count(distinct account.tenant_id) as tenant_count,
    sum(revenue.event_count) as event_count,
    sum(revenue.plan_fee + revenue.sales_fee) as platform_revenue
from {{ ref "account_stg" }} as account
left join {{ ref "int_revenue_by_tenant" }} as revenue on revenue.tenant_id = account.tenant_id
group by 1, 2, 3, 4, 5, 6
