-- One row per customer account and tenant that it owns: many to many.
select
    link.id as account_tenant_id,
    account.id as account_id,
    account.slug as account_slug,
    account.name as account_name,
    account.tier as access_tier,
    account.contract as contract_version,
    account.enabled as is_enabled,
    link.tenant_id,
    link.created_at
from {{ ref "bb_account_tenant" }} as link
inner join {{ ref "bb_account" }} as account on account.id = link.account_id
