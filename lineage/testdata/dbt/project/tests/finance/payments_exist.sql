select o.id from {{ ref('finance_report') }} o left join {{ ref('fct_payments') }} p on p.id = o.payment where p.id is null
