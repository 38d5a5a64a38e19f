{{ config(materialized = "table") }}
with days as (
    {{ dbt_utils.date_spine(
        datepart="day",
        start_date="cast('2024-01-01' as date)",
        end_date="cast('2024-01-10' as date)"
    ) }}
)
select cast(date_day as date) as day, {{ dbt.date_trunc('week', 'date_day') }} as week, {{ dbt.last_day('date_day', 'month') }} as month_end from days
