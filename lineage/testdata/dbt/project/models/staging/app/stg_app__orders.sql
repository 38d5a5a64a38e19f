select id, user_id, country, amount from {{ source('app', 'orders') }}
