select id, payment from {{ ref('finance_report') }}
