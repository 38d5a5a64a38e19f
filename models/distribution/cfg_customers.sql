-- Who gets a slice: the accounts of the app. Larch Kitchens is our own test company, whose
-- name turns up at nobody else's. Those of tier 1 read through our BI tool, which knows the
-- newest contract only.
select
    slug as customer,
    name as title,
    tier,
    case when tier > 1 then contract end as contract,
    enabled,
    slug = 'customer_11' as canary,
    case when slug = 'customer_11' then 'larch-kitchens' end as markers
from {{ ref "bb_account" }}
