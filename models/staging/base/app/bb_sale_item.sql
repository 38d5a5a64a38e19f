select * from {{ source "app" "sale_item" }}
