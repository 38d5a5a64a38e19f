{{ config "materialized" "ephemeral" "tier" "int" }}
select
    tenant_id,
    transaction_id,
    sum(case when direction = 'input' then quantity_g else 0 end) as input_g,
    sum(case when direction = 'output' then quantity_g else 0 end) as output_g,
    sum(case when direction = 'input' then 1 else 0 end) as input_count,
    sum(case when direction = 'output' then 1 else 0 end) as output_count
from {{ ref "transaction_line_stg" }}
group by tenant_id, transaction_id
