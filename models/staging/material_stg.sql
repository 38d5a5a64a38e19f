-- Material without an own tag gets the one that the track-and-trace service knows.
select
    material.id as material_id,
    material.tenant_id,
    material.product_id,
    material.location_id,
    material.code as material_code,
    coalesce(material.tag, package.tag) as tag,
    material.tag is null and package.tag is not null as is_tag_from_trackntrace,
    coalesce(package.is_on_hold, false) as is_on_hold,
    material.kind as material_kind,
    material.status,
    material.status = 'active' as is_active,
    material.status = 'consumed' as is_consumed,
    material.status = 'quarantined' as is_quarantined,
    material.kind <> 'consumable' as is_tag_required,
    material.quantity as quantity_g,
    material.unit_count,
    material.unit_cost,
    {{ include "safe_cast" (dict "expr" (include "json_text" (dict "from" "material.custom_fields" "key" "expiration_date")) "type" "date") }} as expires_on,
    {{ include "safe_cast" (dict "expr" (include "json_text" (dict "from" "material.custom_fields" "key" "thc_percent")) "type" "numeric") }} as thc_percent,
    {{ include "safe_cast" (dict "expr" (include "json_text" (dict "from" "material.custom_fields" "key" "organic")) "type" "bool") }} as is_organic,
    {{ include "json_text" (dict "from" "material.custom_fields" "key" "expiration_date") }} as expiration_date_text,
    {{ include "json_text" (dict "from" "material.custom_fields" "key" "thc_percent") }} as thc_percent_text,
    material.custom_fields,
    material.created_at,
    material.updated_at
from {{ ref "bb_material" }} as material
left join {{ ref "package_stg" }} as package
    on package.tenant_id = material.tenant_id
    and package.material_code = material.code
