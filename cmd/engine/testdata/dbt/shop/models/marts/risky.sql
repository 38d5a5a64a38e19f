select
    id,
    cast({% if var('break') == 'model' %} name {% else %} id {% endif %} as integer) as n
from {{ ref('stg_users') }}
