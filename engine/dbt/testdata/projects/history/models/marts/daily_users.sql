{{ config(
    materialized = 'incremental',
    unique_key = ['occurred_on', 'user_id'],
    incremental_strategy = 'delete+insert',
) }}

with days as (
    select occurred_on, user_id, count(*) as events, max(occurred_at) as last_at
    from {{ ref('stg_events') }}
    {% if is_incremental() -%}
        where occurred_on >= (select max(occurred_on) from {{ this }})
    {%- endif %}
    group by 1, 2
)
select * from days
