{{ config "strategy" "check" "unique_key" "id" "check_cols" (list "name") }}
select id, name from {{ ref "stg_users" }}
