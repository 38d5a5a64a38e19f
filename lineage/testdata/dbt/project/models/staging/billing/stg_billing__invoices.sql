select id, order_id from {{ source('billing', 'invoices') }}
