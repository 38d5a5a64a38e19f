with

source as (

    select * from {{ ref('raw_orders') }}

    -- data runs to 2026, truncate timespan to desired range,
    -- current time as default
    where order_date <= {{ dbt.dateadd('day', 1, "cast('2018-12-31' as date)") }}

),

renamed as (

    select

        ----------  ids
        id as order_id,
        store_id as location_id,
        user_id as customer_id,

        ---------- timestamps
        {{ dbt.date_trunc('day', 'order_date') }} as ordered_at,
        order_date,
        status

    from source

)

select * from renamed
