{{ config "severity" "warn" "store_failures" true "tags" (list "few") }}
select * from {{ ref "orders" }} where id < 2
