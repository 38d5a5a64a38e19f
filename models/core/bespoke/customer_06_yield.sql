-- Yield by quarter, as this customer's owners want to see it.
select
    tenant_id,
    date_trunc(month_start, quarter) as quarter_start,
    transaction_type,
    sum(input_g) / 1000 as input_kg,
    sum(output_g) / 1000 as output_kg,
    sum(output_g) / nullif(sum(input_g), 0) as yield_share
from {{ ref "fct_yield" }}
group by 1, 2, 3
