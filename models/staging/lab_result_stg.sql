select
    id as lab_result_id,
    tenant_id,
    {{ include "clean_code" "tag" }} as tag,
    test as test_name,
    result as result_text,
    {{ include "safe_cast" (dict "expr" "result" "type" "numeric") }} as result_value,
    unit as result_unit,
    result = '<LOQ' as is_below_limit,
    lower(trim(passed)) = 'pass' as is_passed,
    tested_on,
    last_modified as updated_at
from {{ ref "tt_lab_result" }}
