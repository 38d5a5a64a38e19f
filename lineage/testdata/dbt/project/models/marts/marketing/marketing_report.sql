select id from {{ ref('dim_users', v=1) }} union all select id from {{ ref('dim_users', v=3) }}
