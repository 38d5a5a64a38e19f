{{ config(materialized='table', schema='reporting', alias='months') }}

select
    {{ dbt.date_trunc('month', 'f.order_date') }} as month,
    {{ dbt.concat(["f.status", "'/'", "cast(count(*) as " ~ dbt.type_string() ~ ")"]) }} as label,
    count(distinct {{ dbt.safe_cast('f.customer_id', dbt.type_int()) }}) as customers,
    {{ dbt.datediff("min(f.order_date)", "max(f.order_date)", 'day') }} as days
from {{ ref('orders') }} as f
group by 1, f.status
