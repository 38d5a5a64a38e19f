select count(*) as n from {{ ref('risky') }}
