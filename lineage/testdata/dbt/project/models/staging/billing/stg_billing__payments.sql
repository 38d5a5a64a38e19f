select id, invoice_id from {{ source('billing', 'payments') }}
