select o.id, o.user_id from {{ ref "stg_orders" }} as o join {{ ref "stg_users" }} as u on u.id = o.user_id
