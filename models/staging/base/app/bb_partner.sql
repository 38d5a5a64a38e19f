select * from {{ source "app" "partner" }}
