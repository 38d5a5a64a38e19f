select id from {{ ref('int_users_ranked') }}
