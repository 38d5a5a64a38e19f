with orders as (
    select
        order_id,
        customer_id,
        cast(ordered_at as date) as ordered_on,
        lower(trim(status)) as status,
        amount,
        coalesce(discount, 0) as discount
    from shop.orders
    where ordered_at >= timestamp '2024-01-01'
),

customers as (
    select customer_id, name, country, date_trunc(signed_up_on, month) as cohort
    from shop.customers
    qualify row_number() over (partition by customer_id order by updated_at desc) = 1
),

totals as (
    select
        orders.customer_id,
        orders.ordered_on,
        count(*) as order_count,
        sum(orders.amount - orders.discount) as net_amount,
        countif(orders.status = 'returned') as returned_count
    from orders
    group by 1, 2
)

select
    customers.customer_id,
    customers.name,
    customers.country,
    customers.cohort,
    totals.ordered_on,
    totals.order_count,
    totals.net_amount,
    safe_divide(totals.returned_count, totals.order_count) as return_rate,
    sum(totals.net_amount) over (partition by customers.customer_id order by totals.ordered_on) as running_amount
from customers
inner join totals on totals.customer_id = customers.customer_id
