select id, position from {{ ref('int_users_ranked') }}
