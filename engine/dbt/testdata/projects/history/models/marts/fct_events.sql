{{
    config(
        materialized='incremental',
        unique_key='event_id'
    )
}}

select
    *,
    '{{ var("lookback_days") }}' as lookback
from {{ ref('stg_events') }}

{% if is_incremental() %}

-- this filter will only be applied on an incremental run
where occurred_at > (select max(occurred_at) - interval '{{ var("lookback_days") }} days' from {{ this }})

{% endif %}
