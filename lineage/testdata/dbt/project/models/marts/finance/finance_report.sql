select o.id, p.id as payment from {{ ref('fct_orders') }} o left join {{ ref('fct_payments') }} p on p.order_id = o.id
