select p.id, i.order_id from {{ ref('stg_billing__payments') }} p join {{ ref('stg_billing__invoices') }} i on i.id = p.invoice_id
