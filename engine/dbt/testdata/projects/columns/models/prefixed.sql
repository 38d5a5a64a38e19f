select {{ dbt_utils.star(from=ref('parts'), relation_alias='p', except=['Note', 'nothing'], prefix='part_', suffix='_v') }},
    {{ dbt_utils.star(ref('wheels'), relation_alias='w', prefix='w_') }}
from {{ ref('parts') }} as p
left join {{ ref('wheels') }} as w on w.id = 7
