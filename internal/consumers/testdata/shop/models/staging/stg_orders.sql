-- orders as they come
select id, user_id, status from {{ ref "raw_orders" }}
