select id, email from {{ source('app', 'users') }}
