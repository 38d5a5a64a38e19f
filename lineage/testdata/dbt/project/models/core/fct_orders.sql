select o.id, o.user_id, o.amount from {{ ref('int_orders_joined') }} o join {{ ref('dim_users') }} u on u.id = o.user_id
{% if is_incremental() %}where o.id > (select max(id) from {{ this }}){% endif %}
