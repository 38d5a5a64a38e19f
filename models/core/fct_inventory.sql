-- What is on hand at the as-of date.
select
    material.material_id,
    material.tenant_id,
    material.product_id,
    material.location_id,
    material.tag,
    material.is_quarantined,
    material.is_on_hold,
    material.on_hand_g,
    material.on_hand_g * material.unit_cost as inventory_value,
    {{ include "days_between" (dict "from" "cast(material.created_at as date)" "to" (printf "date '%s'" (var "as_of_date"))) }} as age_days,
    coalesce(material.expires_on < date '{{ var "as_of_date" }}', false) as is_expired
from {{ ref "material" }} as material
where material.on_hand_g > 0
