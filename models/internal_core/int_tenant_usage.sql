-- What each tenant does on the platform, by month: the basis of billing and of support.
with event as (
    select
        tenant_id,
        {{ include "month_of" (dict "expr" "occurred_at") }} as month_start,
        'transaction' as kind
    from {{ ref "transaction" }}
    union all
    select
        tenant_id,
        {{ include "month_of" (dict "expr" "scanned_at") }} as month_start,
        'scan' as kind
    from {{ ref "fct_scan" }}
    union all
    select
        tenant_id,
        {{ include "month_of" (dict "expr" "shipped_at") }} as month_start,
        'transfer' as kind
    from {{ ref "fct_transfers" }}
)

select
    tenant_id,
    month_start,
    sum(case when kind = 'transaction' then 1 else 0 end) as transaction_count,
    sum(case when kind = 'scan' then 1 else 0 end) as scan_count,
    sum(case when kind = 'transfer' then 1 else 0 end) as transfer_count,
    count(*) as event_count
from event
group by tenant_id, month_start
