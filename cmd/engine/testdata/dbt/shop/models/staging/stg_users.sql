select id, name, seen from {{ ref('users') }}
