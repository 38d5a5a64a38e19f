{{ config "severity" "warn" }}
-- A lot weighs what its transactions say. The wrong correction that closes the circle also
-- credits a lot twice.
select material.material_id, material.quantity_g, sum(line.quantity_g) as output_g
from {{ ref "material_stg" }} as material
inner join {{ ref "transaction_line_stg" }} as line on line.material_id = material.material_id
where line.direction = 'output'
group by material.material_id, material.quantity_g
having sum(line.quantity_g) <> material.quantity_g
