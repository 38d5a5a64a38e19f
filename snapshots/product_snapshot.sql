{{ config "strategy" "timestamp" "unique_key" "id" "updated_at" "updated_at" "hard_deletes" "invalidate" }}
select id, tenant_id, sku, name, category, unit, list_price, active, updated_at
from {{ source "app" "product" }}
