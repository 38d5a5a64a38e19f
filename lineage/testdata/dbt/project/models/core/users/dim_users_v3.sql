select id, position, email from {{ ref('int_users_ranked') }}
