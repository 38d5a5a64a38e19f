select
    result.lab_result_id,
    result.tenant_id,
    material.material_id,
    material.product_id,
    result.tag,
    result.test_name,
    result.result_text,
    result.result_value,
    result.result_unit,
    result.is_below_limit,
    result.is_passed,
    result.tested_on
from {{ ref "lab_result_stg" }} as result
left join {{ ref "material" }} as material
    on material.tenant_id = result.tenant_id
    and material.tag = result.tag
