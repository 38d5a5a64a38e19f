select
    {{ dbt_utils.star(from=ref('sales'), except=["note", "sold_on"]) }},
    {{ dbt_utils.star(ref('sales'), relation_alias='s', except=["note", "sold_on", "amount"], prefix='s_') if false else '1 as one' }}
from {{ ref('sales') }} as s
