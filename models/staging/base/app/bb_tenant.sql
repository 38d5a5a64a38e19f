select * from {{ source "app" "tenant" }}
