-- Custom fields of the entities whose models are given to customers with them.
select
    tenant_id as tenant,
    entity as model,
    field_id as id,
    field_name as name,
    field_type as type
from {{ ref "custom_field_stg" }}
where entity = 'material'
