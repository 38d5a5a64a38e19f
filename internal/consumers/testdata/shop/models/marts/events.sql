{{ config "materialized" "incremental" "unique_key" (list "id" "user_id") }}
select id, user_id from {{ ref "stg_orders" }}
{{ if is_incremental }}where id > (select max(id) from {{ this }}){{ end }}
