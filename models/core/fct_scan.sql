{{ config "materialized" "incremental" "incremental_strategy" "merge" "unique_key" (list "material_id" "scanned_at" "scanned_code") "on_schema_change" "append_new_columns" }}
-- Scans, each once: a scanner without network sends some of them again.
select
    material_id,
    scanned_at,
    scanned_code,
    min(scan_id) as scan_id,
    tenant_id,
    min(location_id) as location_id,
    min(user_id) as user_id,
    count(*) as times_sent,
    max(updated_at) as updated_at
from {{ ref "scan_stg" }}
{{ if is_incremental -}}
-- a scan that is sent again must be counted with its first sending
where (tenant_id, material_id, scanned_at) in (
    select (tenant_id, material_id, scanned_at)
    from {{ ref "scan_stg" }}
    where updated_at > (select max(updated_at) from {{ this }})
)
{{ end -}}
group by tenant_id, material_id, scanned_at, scanned_code
