-- The track-and-trace service delivers some packages twice and types references freely:
-- the newest row of each reference wins.
select
    tenant_id,
    {{ include "clean_code" "external_ref" }} as material_code,
    {{ include "clean_code" "tag" }} as tag,
    license_number,
    item_id as product_id,
    {{ include "safe_cast" (dict "expr" "quantity" "type" "numeric") }} as reported_quantity_g,
    lower(unit) as reported_unit,
    {{ include "us_date" (dict "expr" "packaged_on") }} as packaged_on,
    lower(status) as package_status,
    {{ include "yes" "on_hold" }} as is_on_hold,
    last_modified as updated_at
from {{ ref "tt_package" }}
qualify row_number() over (
    partition by tenant_id, {{ include "clean_code" "external_ref" }}
    order by last_modified desc, status desc
) = 1
