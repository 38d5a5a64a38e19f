select o.id, o.user_id, o.status from {{ ref "stg_orders" }} as o join {{ ref "people" }} as u on u.id = o.user_id
