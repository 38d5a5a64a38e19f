select * from {{ source "app" "product" }}
