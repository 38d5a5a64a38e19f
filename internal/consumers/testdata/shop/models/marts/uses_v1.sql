select id, {{ include "cents" "id" }} as c from {{ ref "orders" "v" 1 }}
