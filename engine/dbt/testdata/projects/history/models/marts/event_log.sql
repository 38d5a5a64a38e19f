{{ config(incremental_strategy='append') }}

{%- set new_only -%}
    {%- if is_incremental() %} where event_id > (select coalesce(max(event_id), 0) from {{ this }}) {%- endif -%}
{%- endset %}

select event_id, event_type, occurred_at
from {{ ref('stg_events') }} {{ new_only }}
